/* SPDX-License-Identifier: Apache-2.0 */
#include "core/histogram.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	VERSION = 1,
	SUB_BITS = 5, /* 32 buckets for each power of two */
	SUBS = 1 << SUB_BITS,
	PERMILLE = 1000,
	VARINT_BYTES_MAX = 10,
	VARINT_BITS = 7,
	VARINT_MORE = 0x80,
	HALF_BITS = 32,
};

#define HALF_MASK UINT64_C(0xffffffff)

/* ---- 128 bits ---- */

struct wide {
	uint64_t high, low;
};

static struct wide wide_multiply(uint64_t a, uint64_t b)
{
	uint64_t low = (a & HALF_MASK) * (b & HALF_MASK);
	uint64_t one = (a >> HALF_BITS) * (b & HALF_MASK) + (low >> HALF_BITS);
	uint64_t two = (a & HALF_MASK) * (b >> HALF_BITS) + (one & HALF_MASK);

	return (struct wide){.high = (a >> HALF_BITS) * (b >> HALF_BITS) + (one >> HALF_BITS) +
				     (two >> HALF_BITS),
			     .low = two << HALF_BITS | (low & HALF_MASK)};
}

static bool wide_is_less(struct wide a, struct wide b)
{
	return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static void squares_add(struct histogram *h, struct wide w)
{
	h->squares_low += w.low;
	h->squares_high += w.high + (h->squares_low < w.low ? 1 : 0);
}

/* ---- buckets ---- */

/* Below 2 * SUBS each microsecond has its own. */
static unsigned bucket_of(int64_t us)
{
	uint64_t v = (uint64_t)us;

	if (v < 2 * SUBS)
		return (unsigned)v;
	unsigned shift = ST_HIGHEST_BIT(v) - SUB_BITS;
	return shift * SUBS + (unsigned)(v >> shift);
}

/* The duration in the middle of a bucket. */
static int64_t bucket_middle_us(unsigned bucket)
{
	unsigned shift = bucket < 2 * SUBS ? 0 : bucket / SUBS - 1;
	int64_t from = (int64_t)(bucket - shift * SUBS) << shift;
	int64_t width = INT64_C(1) << shift;

	return from + (width - 1) / 2;
}

/* ---- adding ---- */

void histogram_add_n(struct histogram *h, int64_t us, int64_t n)
{
	assert(h != NULL && n >= 0 && n <= HISTOGRAM_N_MAX);
	if (n == 0)
		return;
	if (us < 0)
		us = 0;
	if (us > HISTOGRAM_MAX_US)
		us = HISTOGRAM_MAX_US;
	uint64_t sum = (uint64_t)us * (uint64_t)n;
	if (h->count == 0 || us < h->min_us)
		h->min_us = us;
	if (us > h->max_us)
		h->max_us = us;
	h->count += (uint64_t)n;
	h->sum_us += sum;
	/* Nearly always one, and less than an hour. */
	bool is_small = (sum | (uint64_t)us) >> HALF_BITS == 0;
	squares_add(h, is_small ? (struct wide){.low = sum * (uint64_t)us}
				: wide_multiply(sum, (uint64_t)us));
	h->buckets[bucket_of(us)] += (uint64_t)n;
}

void histogram_add(struct histogram *h, int64_t us)
{
	histogram_add_n(h, us, 1);
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	assert(to != NULL && from != NULL && to != from);
	if (from->count == 0)
		return;
	if (to->count == 0 || from->min_us < to->min_us)
		to->min_us = from->min_us;
	if (from->max_us > to->max_us)
		to->max_us = from->max_us;
	to->count += from->count;
	to->sum_us += from->sum_us;
	squares_add(to, (struct wide){.high = from->squares_high, .low = from->squares_low});
	for (unsigned i = bucket_of(from->min_us); i <= bucket_of(from->max_us); i++)
		to->buckets[i] += from->buckets[i];
}

void histogram_reset(struct histogram *h)
{
	unsigned from = bucket_of(h->min_us);
	unsigned to = h->count == 0 ? from : bucket_of(h->max_us) + 1;

	memset(&h->buckets[from], 0, (to - from) * sizeof(h->buckets[0]));
	h->count = h->sum_us = h->squares_high = h->squares_low = 0;
	h->min_us = h->max_us = 0;
}

/* ---- asking ---- */

int64_t histogram_percentile_us(const struct histogram *h, int permille)
{
	assert(h != NULL && permille >= 1 && permille <= PERMILLE);
	if (h->count == 0)
		return 0;
	/* In two parts, so that no count is too large. */
	uint64_t part = (uint64_t)permille;
	uint64_t rank = h->count / PERMILLE * part +
			(h->count % PERMILLE * part + PERMILLE - 1) / PERMILLE;
	uint64_t seen = 0;
	unsigned bucket = bucket_of(h->min_us);
	for (; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += h->buckets[bucket];
		if (seen >= rank)
			break;
	}
	int64_t us = bucket_middle_us(bucket);
	if (rank == h->count || us > h->max_us)
		return h->max_us;
	return us < h->min_us ? h->min_us : us;
}

double histogram_mean_us(const struct histogram *h)
{
	return h->count == 0 ? 0 : (double)h->sum_us / (double)h->count;
}

/* With q and r from sum = q n + r, the squares of the distances from q add up to squares - q (sum +
 * r), exactly: nothing is lost where all are nearly the same. */
double histogram_deviation_us(const struct histogram *h)
{
	static const double word = 18446744073709551616.0; /* 2^64 */

	if (h->count == 0)
		return 0;
	uint64_t r = h->sum_us % h->count;
	struct wide all = {.high = h->squares_high, .low = h->squares_low};
	struct wide less = wide_multiply(h->sum_us / h->count, h->sum_us + r);
	if (wide_is_less(all, less))
		return 0; /* not of these durations: somebody changed it */
	uint64_t high = all.high - less.high - (all.low < less.low ? 1 : 0);
	double distances = (double)high * word + (double)(all.low - less.low);
	double n = (double)h->count;
	double variance = (distances - (double)r * ((double)r / n)) / n;
	return variance <= 0 ? 0 : sqrt(variance);
}

/* ---- as bytes ---- */

static void varint_put(struct buf *out, uint64_t v)
{
	for (; v >= VARINT_MORE; v >>= VARINT_BITS)
		buf_put_u8(out, (uint8_t)(v | VARINT_MORE));
	buf_put_u8(out, (uint8_t)v);
}

/* Only the shortest form is one. */
static uint64_t varint_get(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
		uint8_t byte = reader_u8(r);
		uint64_t bits = byte & (VARINT_MORE - 1);
		if (i == VARINT_BYTES_MAX - 1 && bits > 1)
			break;
		v |= bits << (i * VARINT_BITS);
		if (byte == bits && (byte != 0 || i == 0))
			return v;
		if (byte == bits)
			break;
	}
	r->failed = true;
	return 0;
}

void histogram_put(const struct histogram *h, struct buf *out)
{
	unsigned next = 0;

	assert(h != NULL && out != NULL);
	buf_put_u8(out, VERSION);
	varint_put(out, h->count);
	if (h->count == 0)
		return;
	varint_put(out, h->sum_us);
	varint_put(out, h->squares_high);
	varint_put(out, h->squares_low);
	varint_put(out, (uint64_t)h->min_us);
	varint_put(out, (uint64_t)h->max_us);
	/* How many empty ones before it, and its count. */
	for (unsigned i = bucket_of(h->min_us); i <= bucket_of(h->max_us); i++) {
		if (h->buckets[i] == 0)
			continue;
		varint_put(out, i - next);
		varint_put(out, h->buckets[i]);
		next = i + 1;
	}
}

static void get_buckets(struct reader *r, struct histogram *h)
{
	uint64_t next = 0;
	uint64_t seen = 0;

	while (!r->failed && seen < h->count) {
		uint64_t skip = varint_get(r);
		uint64_t n = varint_get(r);
		if (skip >= HISTOGRAM_BUCKETS - next || n == 0 || n > h->count - seen) {
			r->failed = true;
			return;
		}
		h->buckets[next + skip] = n;
		next += skip + 1;
		seen += n;
		if (next == HISTOGRAM_BUCKETS && seen < h->count)
			r->failed = true;
	}
}

/* What must hold between its numbers. */
static bool is_consistent(const struct histogram *h)
{
	uint64_t min = (uint64_t)h->min_us;
	uint64_t max = (uint64_t)h->max_us;
	const struct wide sum = {.low = h->sum_us};
	const struct wide squares = {.high = h->squares_high, .low = h->squares_low};

	if (min > max || h->buckets[bucket_of(h->min_us)] == 0 ||
	    h->buckets[bucket_of(h->max_us)] == 0)
		return false;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (h->buckets[i] > 0 && (i < bucket_of(h->min_us) || i > bucket_of(h->max_us)))
			return false;
	return !wide_is_less(sum, wide_multiply(h->count, min)) &&
	       !wide_is_less(wide_multiply(h->count, max), sum) &&
	       !wide_is_less(squares, wide_multiply(h->sum_us, min)) &&
	       !wide_is_less(wide_multiply(h->sum_us, max), squares);
}

int histogram_get(const void *data, size_t len, struct histogram *ret_h, struct err *err)
{
	struct reader r = READER(data, len);
	struct histogram h = {0};

	assert(ret_h != NULL);
	if (reader_u8(&r) != VERSION)
		return ERR(err, ERR_DATA, "not a histogram, or of a later version");
	h.count = varint_get(&r);
	if (h.count > 0) {
		h.sum_us = varint_get(&r);
		h.squares_high = varint_get(&r);
		h.squares_low = varint_get(&r);
		uint64_t min = varint_get(&r);
		uint64_t max = varint_get(&r);
		if (min > (uint64_t)HISTOGRAM_MAX_US || max > (uint64_t)HISTOGRAM_MAX_US)
			return ERR(err, ERR_DATA, "a histogram with durations beyond its range");
		h.min_us = (int64_t)min;
		h.max_us = (int64_t)max;
		get_buckets(&r, &h);
	}
	if (!reader_is_done(&r) || (h.count > 0 && !is_consistent(&h)))
		return ERR(err, ERR_DATA, "a damaged histogram");
	*ret_h = h;
	return 0;
}
