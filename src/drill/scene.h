/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenes of a drill: what goes wrong, when, and how it is said. A table, nothing else.
 *
 * A scene is played with a real `stint run` on a copy of the job. Its effect is a stand-in (see
 * standin.h): a program that notes that it took effect, and that does the scene's deed when its
 * turn comes. What only somebody from outside can do (kill at the very start, lift the full disk,
 * let a stopped process go on) is done by whoever plays it (play.h).
 */
#ifndef STINT_DRILL_SCENE_H
#define STINT_DRILL_SCENE_H

#include "base/attr.h"

/* Items that a scene is played with. The deed falls on the third attempt, so that there is
 * something before it and behind it; on the first where there are not so many. */
enum { DRILL_ITEMS = 12, DRILL_TURN = 3 };

/* id, name, the deed in words (also on the command line of the stand-in), how many attempts it
 * falls on */
#define SCENES(X)                                                                                  \
	X(SCENE_CALM, "calm", "nothing goes wrong", 0)                                             \
	X(SCENE_KILL_START, "kill-at-start", "all processes are killed as the run begins", 0)      \
	X(SCENE_KILL_BEFORE, "kill-before-effect",                                                 \
	  "all processes are killed directly before an effect", 1)                                 \
	X(SCENE_KILL_AFTER, "kill-after-effect",                                                   \
	  "all processes are killed after an effect, before its answer", 1)                        \
	X(SCENE_KILL_ENGINE, "kill-engine",                                                        \
	  "the engine alone is killed after an effect, before its answer", 1)                      \
	X(SCENE_KILL_LANE, "kill-lane",                                                            \
	  "the worker process is killed after an effect, before its answer", 1)                    \
	X(SCENE_STOP, "stop", "somebody stops the run (TERM) in the middle", 1)                    \
	X(SCENE_PAUSE, "pause", "the engine is paused, and a second one is started meanwhile", 1)  \
	X(SCENE_DISK, "full-disk", "the disk is full for two seconds", 1)                          \
	X(SCENE_LOST, "lost-answer", "an effect takes place, and its answer is lost", 1)           \
	X(SCENE_REFUSED, "refused", "the other side refuses three attempts, without effect", 3)    \
	X(SCENE_SLOW, "slow", "the other side answers after the time limit", 1)

enum scene_id {
#define X(id, name, says, times) id,
	SCENES(X)
#undef X
		SCENE_COUNT_
};

struct scene {
	const char *name;
	const char *says;
	int times;
};

const struct scene *scene_get(enum scene_id id);
/* SCENE_COUNT_ when there is none of that name. */
enum scene_id scene_from_name(const char *name);

#endif
