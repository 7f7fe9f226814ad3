/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: a lane that reads the source and hands over chunks, as fast as the engine commits
 * them and no faster. It has no loop: it reads, and asks and waits in between.
 *
 * Promise: ahead of what is committed are READER_WINDOW batches at most. A stop, and the end of the
 *          engine, are heard between two batches and while it waits. What it could not read is said
 *          in LOAD_END.
 */
#ifndef STINT_LANE_READER_H
#define STINT_LANE_READER_H

struct brief;
struct err;
struct link;

/* The exit status. */
int reader_run(const struct brief *brief, struct link *link);
/* Tells the engine that there is no reading at all: the job cannot be used. */
int reader_refuse(struct link *link, const struct err *why);

#endif
