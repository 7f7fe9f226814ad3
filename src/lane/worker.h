/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: a lane that does items. It has a loop, and does what the engine says as it says it;
 * how many items at once and when is the engine's business.
 *
 * Promise: every ticket is answered once, in an OUTCOME or a BULK_OUTCOME; outcomes of one turn of
 *          the loop go out in one write; when the engine does not read them, no more work is taken.
 */
#ifndef STINT_LANE_WORKER_H
#define STINT_LANE_WORKER_H

struct brief;
struct lane_shared;
struct lane_slot;
struct link;

/* Works until STOP or the end of the engine. The exit status. `shared` is the memory shared with
 * the engine. */
int worker_run(const struct brief *brief, struct link *link, struct lane_shared *shared);

#endif
