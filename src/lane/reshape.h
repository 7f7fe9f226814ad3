/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job's transform in a lane: items before work sees them. Without a transform they stay as they
 * are.
 *
 * Promise: what a transform fails with is told without sensitive values and secrets.
 * Owner:   the worker, for its whole life.
 */
#ifndef STINT_LANE_RESHAPE_H
#define STINT_LANE_RESHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "frame/frame.h"

struct brief;
struct err;
struct chunk;
struct chunk_table;
struct exec_mask;
struct item;
struct transform;
struct value;

/* The class of items on which the script fails. */
#define RESHAPE_CLASS "script"
/* … and of those that what comes then refuses. */
#define REFUSED_CLASS "bad-item"

struct reshape {
	const struct brief *brief;
	struct transform *transform; /* NULL: the job has none */
	struct exec_mask *mask;
	struct buf words;
	struct arena arena; /* of the failures of a unit */
	struct frame_bulk_failure failures[FRAME_FAILURES_MAX];
	uint32_t n_failures;
};

/* Keeps the brief. ERR_CONFIG. */
ST_MUST_CHECK int reshape_init(struct reshape *r, const struct brief *brief, struct err *err);
void reshape_done(struct reshape *r);

/* Gives the item its new fields, *ret_fields, which may be NULL, for free() when it has ended.
 * NULL; or why it can never be done, lent until the next call, and the new fields are null. */
const char *reshape_item(struct reshape *r, struct item *item, struct value **ret_fields);
struct reshape_unit {
	struct chunk_table *table;
	struct chunk *chunk;
	const uint8_t *bits;
	/* What becomes of an item then; NULL: nothing. ERR_DATA and ERR_TOO_BIG are the item's, any
	 * other failure ends the unit. */
	int (*take)(void *arg, const struct item *item, struct err *err);
	void *arg;
};

/* Runs it for those of `bits` and sets what is done; r->failures are those it fails on, lent until
 * the next call. What is neither comes again. Fails as `take` does. */
ST_MUST_CHECK int reshape_unit(struct reshape *r, const struct reshape_unit *unit, uint8_t *done,
			       struct err *err);

#endif
