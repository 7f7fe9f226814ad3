/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks that a worker was given, by handle, and their items.
 *
 * A body is opened when the first of its items is worked, and what came of that is remembered. An
 * item's memory is the body's: a chunk that is dropped while attempts hold it goes when the last
 * one ends.
 */
#ifndef STINT_LANE_CHUNK_H
#define STINT_LANE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"
#include "frame/frame.h"

struct body;
struct brief;
struct item;

enum chunk_state {
	CHUNK_UNREAD,
	CHUNK_CHECKED, /* what it names is as it was; its items were not read */
	CHUNK_READ,
	CHUNK_CHANGED, /* the source is not what was loaded, or not seen from here */
	CHUNK_BROKEN,
};

struct chunk {
	struct list node;
	uint32_t handle;
	uint32_t n;
	int64_t first_item;
	void *data;
	size_t len;
	enum chunk_state state;
	struct body *body; /* with CHUNK_READ, of a job with a source */
	bool is_elsewhere; /* with CHUNK_CHANGED: another machine loaded it */
	struct err err;	   /* with CHUNK_CHANGED and CHUNK_BROKEN */
	uint32_t n_attempts;
	bool is_dropped;
};

struct chunk_table {
	const struct brief *brief; /* lent for its life */
	struct list chunks;
};

void chunk_table_init(struct chunk_table *table, const struct brief *brief);
void chunk_table_done(struct chunk_table *table);

/* ERR_BUG for a handle that is in use. */
ST_MUST_CHECK int chunk_add(struct chunk_table *table, const struct frame_chunk *frame,
			    struct err *err);
/* NULL when there is none. Lent until it is dropped. */
struct chunk *chunk_find(struct chunk_table *table, uint32_t handle);
/* Forgets the handle. */
void chunk_drop(struct chunk *chunk);

/* Opens the body as far as it was not yet; afterwards `state` says what it is. True when it was
 * just found changed. `check_only`: its items are not wanted. */
bool chunk_open(struct chunk_table *table, struct chunk *chunk, bool check_only);
/* It was found out otherwise that this machine cannot work it; its err says why. */
void chunk_set_elsewhere(struct chunk *chunk);
/* Lends the item of a chunk in CHUNK_READ, until chunk_release. ERR_DATA. */
ST_MUST_CHECK int chunk_item(struct chunk_table *table, struct chunk *chunk, uint32_t index,
			     struct item *ret_item, struct err *err);
void chunk_hold(struct chunk *chunk);
void chunk_release(struct chunk *chunk);

/* What becomes of an item whose chunk cannot be read. A source that has changed stops the run, and
 * nothing of it was begun; a body that is damaged never gets better; anything else (the file cannot
 * be read now) hits all items alike. Lends the chunk's err. */
void chunk_verdict(const struct chunk *chunk, struct frame_outcome *o);

#endif
