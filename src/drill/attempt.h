/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt of a stand-in at an item: its turn, its effect, and the scene's deed before or after.
 *
 * Promise: effects and marks are whole lines; two attempts at once never mark the same item.
 */
#ifndef STINT_DRILL_ATTEMPT_H
#define STINT_DRILL_ATTEMPT_H

#include <stdbool.h>

#include "drill/scene.h"

/* Exit status of an `exec` program. */
enum { ATTEMPT_DONE = 0, ATTEMPT_FAILED = 1, ATTEMPT_UNKNOWN = 2, ATTEMPT_REFUSED = 75 };

struct attempt_role {
	const char *stage;
	enum scene_id scene;
	long first;	/* the turn that the deed falls on first */
	bool has_marks; /* what took effect takes none again */
};

struct attempt_item {
	const char *idempotency_key;
	const char *key;
	const char *attempt;
};

/* One attempt; `*ret_turn` which it is on this stage, from 1. Some deeds do not come back. */
int attempt_play(const struct attempt_role *role, const struct attempt_item *item, int *ret_turn);
/* What a program of work.verify says: ATTEMPT_DONE it took effect, ATTEMPT_FAILED it did not. */
int attempt_verify(const char *stage, const char *idempotency_key);

#endif
