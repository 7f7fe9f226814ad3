/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that act for a run: worker lanes, and the reader or finisher. And the chunk bodies
 * that lanes were given.
 *
 * Promise: a lane gets its first frame only after its row is durable, so that whoever takes over
 *          knows what to bury. A body is sent to a lane at most once and dropped there when nobody
 *          needs
 * it. Owner:   the run. Lanes are numbered by the session and never reused.
 */
#ifndef STINT_ENGINE_LANES_H
#define STINT_ENGINE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "engine/commit.h"
#include "engine/world.h"

enum { LANES_MAX = 64 };

enum lane_state {
	LANE_STARTING, /* its row is not durable yet */
	LANE_UP,
	LANE_ENDING, /* was told to stop or was killed */
	LANE_GONE
};

struct lane {
	uint32_t number; /* 0: this place is free */
	enum lane_role role;
	enum lane_state state;
	struct world_lane process;
	struct buf out;	    /* frames of this turn */
	struct list sent;   /* struct ticket, in the order of sending */
	uint32_t in_flight; /* how many these are */
	uint32_t slots;	    /* of these, so many may run at once; the others wait in the lane */
	bool was_recalled;  /* what waited there was called back, and nothing has ended since */
	bool is_exclusive;  /* works one suspect alone */
	uint32_t workers;   /* of mode: stream, its share of them */
	int64_t heard_at;   /* boot clock: its last outcome */
};

/* A chunk's body as the lanes know it, shared by the chunk and the loose items that came from it.
 */
struct body {
	struct list link; /* of lanes->bodies */
	uint32_t handle;
	int64_t chunk_id;
	int64_t first_item;
	uint32_t n;
	void *data;
	size_t len;
	uint64_t lanes_have; /* one bit for each place of the table */
	int refs;
};

struct lanes {
	struct commit *commit;
	const struct frame_hello *hello; /* what each new process is told; role is filled in */
	uint32_t *next_number;		 /* the session's */
	struct lane lane[LANES_MAX];
	size_t n_places; /* the first so many were ever used; walks need not go further */
	struct list bodies;
	uint32_t next_handle;
	int deaths_in_a_row; /* without an outcome or an answer in between */
	int64_t not_before;  /* boot clock: a dying kind of lane is started with growing waits */
};

void lanes_init(struct lanes *ls, struct commit *commit, const struct frame_hello *hello,
		uint32_t *next_number);
void lanes_done(struct lanes *ls);

/* Starts a process; NULL when there is none to be had now (err says why) or no place is free. */
struct lane *lanes_start(struct lanes *ls, enum lane_role role, struct err *err);
struct lane *lanes_find(struct lanes *ls, uint32_t number);
/* The first living one of that role, NULL when there is none. */
struct lane *lanes_find_role(struct lanes *ls, enum lane_role role);
/* How many of the role are not gone. */
int lanes_count(const struct lanes *ls, enum lane_role role);
/* Tells all to stop when they have nothing left. */
void lanes_stop(struct lanes *ls);
void lanes_kill(struct lanes *ls);
/* Sends what was written to lanes that are up. */
void lanes_flush(struct lanes *ls);
/* The process is gone: frees its place, and drops its row where that is certain of all it started.
 */
void lanes_ended(struct lanes *ls, struct lane *lane, bool proven);

/* The body of that chunk, made from `row` (its data copied) when it is not known; one more
 * reference. Of `row` only id, first_item, n and body are looked at. */
struct body *body_ref(struct lanes *ls, const struct ledger_chunk_row *row);
void body_unref(struct lanes *ls, struct body *body);
/* Sees to it that the lane has the body. */
void body_give(struct lanes *ls, struct lane *lane, struct body *body);

#endif
