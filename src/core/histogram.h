/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How durations are distributed: counts in buckets that are as wide as 1/32 of the power of two
 * below them, so that a percentile is right to 1.6 %, from a microsecond to a day, in 8 KiB.
 *
 * Promise: count, sum, sum of squares, smallest and largest are exact; merging is the same whatever
 *          the order, and as if all had been added to one. What is written reads back as it was,
 *          and what is read is consistent or refused. Longer than a day counts as a day.
 * Owner:   the caller's storage; zeroed memory is an empty histogram. Pure.
 */
#ifndef STINT_CORE_HISTOGRAM_H
#define STINT_CORE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { HISTOGRAM_BUCKETS = 1056 };

#define HISTOGRAM_MAX_US US_PER_DAY
/* How many one call may add: so that their sum stays in its type. */
#define HISTOGRAM_N_MAX (INT64_C(1) << 26)

struct histogram {
	uint64_t count;
	uint64_t sum_us;
	uint64_t squares_high, squares_low; /* the sum of the squares */
	int64_t min_us, max_us;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, int64_t us);
/* The same duration `n` times, 0 … HISTOGRAM_N_MAX. */
void histogram_add_n(struct histogram *h, int64_t us, int64_t n);
void histogram_merge(struct histogram *to, const struct histogram *from);
void histogram_reset(struct histogram *h);

/* The duration that so many of a thousand do not exceed (nearest rank), 1 … 1000; 0 when empty. */
int64_t histogram_percentile_us(const struct histogram *h, int permille);
/* 0 when empty. The deviation is that of these, not an estimate for more. */
double histogram_mean_us(const struct histogram *h);
double histogram_deviation_us(const struct histogram *h);

/* Appends it in few bytes: those of filled buckets. */
void histogram_put(const struct histogram *h, struct buf *out);
/* ERR_DATA when it is not exactly what histogram_put writes. */
ST_MUST_CHECK int histogram_get(const void *data, size_t len, struct histogram *ret_h,
				struct err *err);

#endif
