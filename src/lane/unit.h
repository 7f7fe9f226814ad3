/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks as units of work in a database (sql, table), and their single items.
 *
 * Promise: each unit gets one answer, which says of each of its items whether it is done, has an
 *          end of its own, or is as it was. Units that wait can be given back at any time.
 * Owner:   the worker. A batch runs to its end before anything else is done: the other side is
 *          bounded by the work's time limit.
 */
#ifndef STINT_LANE_UNIT_H
#define STINT_LANE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/list.h"
#include "frame/frame.h"

struct brief;
struct chunk;
struct chunk_table;
struct err;
struct exec_mask;
struct item;
struct lane_slot;
struct link;
struct reshape;
struct target;
struct template_item;

struct unit_desk {
	const struct brief *brief;
	struct link *link;
	struct chunk_table *chunks;
	struct reshape *reshape;
	struct lane_slot *slots;
	void *arg;
	/* The source of the chunk is not what was loaded. */
	void (*changed)(void *arg, const struct chunk *chunk);
	/* the desk's own */
	struct target *target;
	struct exec_mask *mask;
	struct list waiting;
	struct arena lent; /* words of the last outcome */
};

/* The members above are filled; keeps what they point to. Nothing at all for a job whose work is in
 * no database. ERR_CONFIG. */
ST_MUST_CHECK int unit_desk_init(struct unit_desk *desk, struct err *err);
void unit_desk_done(struct unit_desk *desk);
/* Takes a unit. ERR_BUG. */
ST_MUST_CHECK int unit_desk_add(struct unit_desk *desk, const struct frame_bulk *bulk,
				struct err *err);
bool unit_desk_is_idle(const struct unit_desk *desk);
/* Works some of those that wait, and answers them. */
void unit_desk_work(struct unit_desk *desk);
/* Gives back what waits. */
void unit_desk_recall(struct unit_desk *desk);

/* One item. The texts of the outcome are lent until the next call. */
struct unit_item {
	uint32_t ticket;
	const struct chunk *chunk;
	uint32_t index;
	bool is_redo;
	const struct template_item *item;
};
void unit_desk_item(struct unit_desk *desk, const struct unit_item *what,
		    struct frame_outcome *ret_outcome);

#endif
