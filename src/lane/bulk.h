/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks as units of work in this process: noop, which is done when the source still is what it
 * was, and the transform takes it; and work on a file.
 *
 * Promise: each unit gets one answer, and gets it before the call returns.
 * Owner:   the worker.
 */
#ifndef STINT_LANE_BULK_H
#define STINT_LANE_BULK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "frame/frame.h"
#include "lane/segment.h"

struct brief;
struct chunk;
struct chunk_table;
struct lane_slot;
struct link;
struct reshape;

struct bulk_desk {
	const struct brief *brief;
	struct link *link;
	struct chunk_table *chunks;
	struct reshape *reshape;
	struct lane_slot *slots;
	const _Atomic int64_t *until;
	void *arg;
	/* The source of the chunk is not what was loaded. */
	void (*changed)(void *arg, const struct chunk *chunk);
	/* the desk's own */
	struct segments segments; /* of work on a file */
	struct err why;		  /* of the unit that failed last */
};

/* The members above are filled; keeps what they point to. ERR_CONFIG. */
ST_MUST_CHECK int bulk_desk_init(struct bulk_desk *desk, struct err *err);
void bulk_desk_done(struct bulk_desk *desk);
/* Works a unit, and puts the answer into the link. ERR_BUG. */
ST_MUST_CHECK int bulk_desk_work(struct bulk_desk *desk, const struct frame_bulk *bulk,
				 struct err *err);

#endif
