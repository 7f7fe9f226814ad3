/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The finisher: a lane that does with the source what `then` says, once the engine has made all
 * outcomes durable. Each THEN is answered by a THEN_DONE; a failure there is repeated by a later
 * run.
 */
#ifndef STINT_LANE_FINISHER_H
#define STINT_LANE_FINISHER_H

struct brief;
struct link;

/* The exit status. */
int finisher_run(const struct brief *brief, struct link *link);

#endif
