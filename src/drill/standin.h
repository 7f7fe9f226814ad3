/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in: what a drill puts in the place of a job's effect. A program that is started for an
 * item, notes in a file that it took effect, and does the scene's deed when its turn comes.
 *
 * The stage is a directory: `begun.N` for each attempt that began, `effects` with a line for each
 * effect (idempotency key, attempt, the item's key in hexadecimal), and what a deed leaves there.
 */
#ifndef STINT_DRILL_STANDIN_H
#define STINT_DRILL_STANDIN_H

#define STANDIN_VERB "drill-stand-in" /* hidden: argv[1] of this program */
#define STANDIN_VERIFY "verify"	      /* in place of a scene: asks whether the item took effect */

/* In the stage. */
#define STANDIN_EFFECTS "effects"
#define STANDIN_DISK "disk-is-full" /* holds the engine's process number */
#define STANDIN_PAUSED "is-paused"  /* likewise */

/* For how long the other side of SCENE_SLOW takes; more than any time limit of a drill. */
enum { STANDIN_SLOW_SECONDS = 30 };

/* argv: STANDIN_VERB, the stage, the scene's name, the attempt that its deed falls on (from 1). The
 * exit status is that of an `exec` program. */
int standin_main(int argc, char **argv);

#endif
