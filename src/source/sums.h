/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declared totals (`totals`): the exact sums of fields that every report shows by what became of
 * the records.
 *
 * The reader alone sees each record, so it states the amounts of each item with its chunk, and the
 * sums of what was loaded, left out, rejected and held back with its cursor. Whoever reports adds
 * the amounts up by the items' states: these must give what was loaded.
 */
#ifndef STINT_SOURCE_SUMS_H
#define STINT_SOURCE_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "job/job.h"
#include "source/totals.h"

struct buf;
struct err;
struct reader;
struct value;

enum sums_part { SUMS_LOADED, SUMS_FILTERED, SUMS_REJECTED, SUMS_HELD_BACK, SUMS_PART_COUNT_ };

struct sums {
	const struct job *job; /* kept */
	size_t n;	       /* fields */
	struct decimal of[SUMS_PART_COUNT_][JOB_TOTALS_MAX];
	int64_t n_unread; /* rejects one of whose amounts could not be read */
};

void sums_init(struct sums *s, const struct job *job);
/* The amounts of an item, one for each field; null counts as 0. */
void sums_take(const struct sums *s, const struct value *values, struct decimal *ret_amounts);
/* ERR_DATA when a sum has more than 38 digits. */
ST_MUST_CHECK int sums_add(struct sums *s, enum sums_part part, const struct decimal *amounts,
			   struct err *err);
/* A record that became no item; see totals_add_bad. */
ST_MUST_CHECK int sums_add_bad(struct sums *s, totals_field_fn read_field, void *arg,
			       struct err *err);
/* Appends the amounts of items, `stride` decimals apart: [["1.50"],["2"]]. */
void sums_put_items(const struct sums *s, const struct decimal *amounts, size_t stride,
		    uint32_t n_items, struct buf *out);
/* Appends {"fields": ["total"], "loaded": ["3.50"], "filtered": [...], "rejected": [...],
 * "held_back": [...], "unread": 0}. */
void sums_put_load(const struct sums *s, struct buf *out);
/* As a part of a cursor. */
void sums_put(const struct sums *s, struct buf *b);
void sums_get(struct sums *s, struct reader *r);

#endif
