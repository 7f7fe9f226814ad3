/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in: what a drill puts in the place of a job's effect. A program that is started for an
 * item, notes in a file that it took effect, and does the scene's deed when its turn comes. Where
 * later steps need what an answer kept, it is a worker of `mode: stream` instead, and makes that
 * up.
 *
 * The stage is a directory; that of a step lies in that of the run. There are `begun.N` for each
 * attempt that began, `effects` with a line for each effect (idempotency key, attempt, the item's
 * key in hexadecimal), and what a deed leaves there.
 */
#ifndef STINT_DRILL_STANDIN_H
#define STINT_DRILL_STANDIN_H

#include <stddef.h>

#define STANDIN_VERB "drill-stand-in" /* hidden: argv[1] of this program */
#define STANDIN_VERIFY "verify"	      /* in place of a scene: asks whether the item took effect */
/* An effect is marked as it takes place: what is marked takes no effect again (transactional). */
#define STANDIN_MARKS "marks"
/* The names behind it are kept of each answer, as numbers or as texts. */
#define STANDIN_KEEP_NUMBERS "keep-numbers"
#define STANDIN_KEEP_TEXTS "keep-texts"

/* In the stage. */
#define STANDIN_EFFECTS "effects"
#define STANDIN_DISK "disk-is-full" /* holds the engine's process number */
#define STANDIN_PAUSED "is-paused"  /* likewise */

/* For how long the other side of SCENE_SLOW takes; more than any time limit of a drill. */
enum { STANDIN_SLOW_SECONDS = 30 };

struct job;

/* The stage of a step in that of its run; of a job without steps they are the same. */
void standin_stage(const char *stage, const struct job *step, char *out, size_t size);
/* argv: STANDIN_VERB, the stage of its step, the scene's name, the attempt that its deed falls on
 * (from 1); and then STANDIN_MARKS, or STANDIN_KEEP_… and names, or both in this order. The exit
 * status is that of an `exec` program. */
int standin_main(int argc, char **argv);

#endif
