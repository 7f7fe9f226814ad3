/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact decimals: an integer of at most 38 digits and a scale, as databases have them.
 *
 * Promise: what is read is kept to the digit, trailing zeros of the fraction included; sums and
 *          products are exact or refused; nothing is rounded but where the call says so, and then
 *          half away from zero, as SQL's ROUND does; nothing here ever passes through binary
 *          floating point.
 */
#ifndef STINT_BASE_DECIMAL_H
#define STINT_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct reader;

enum { DECIMAL_DIGITS = 38, DECIMAL_TEXT_MAX = 48 };

/* 10^38, which magnitudes are below. */
#define DECIMAL_LIMIT_HIGH UINT64_C(0x4b3b4ca85a86c47a)
#define DECIMAL_LIMIT_LOW UINT64_C(0x098a224000000000)

struct decimal {
	uint64_t high; /* the unscaled magnitude: high * 2^64 + low, below 10^38 */
	uint64_t low;
	uint16_t scale; /* digits after the point, 0 … 38 */
	bool negative;
};

/* Reads `[+-]digits[mark digits]`, no exponent, no grouping, no blanks; `mark` is '.' or ','. At
 * least one digit before the mark and after it. Zeros in front are dropped and do not count; a zero
 * is never negative. Fails with ERR_DATA and the reason. */
ST_MUST_CHECK int decimal_parse(const char *text, size_t len, char mark, struct decimal *ret_value,
				struct err *err);
/* Appends it with '.' and exactly `scale` digits after the point. */
void decimal_format(const struct decimal *d, struct buf *out);
/* sum = a + b with the larger scale. ERR_DATA when it needs more than 38 digits. */
ST_MUST_CHECK int decimal_add(const struct decimal *a, const struct decimal *b,
			      struct decimal *ret_sum, struct err *err);
/* -1, 0, 1 by value: 1.0 equals 1.00. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

/* As 19 bytes, and back; a scale that cannot be makes the reader fail. */
void decimal_put(const struct decimal *d, struct buf *out);
void decimal_get(struct decimal *ret_value, struct reader *r);

struct decimal decimal_from_int(int64_t value);
struct decimal decimal_negate(const struct decimal *d);
/* a * b with the sum of the scales; zeros at the end of the fraction are left out as far as 38
 * digits do not hold them. ERR_DATA when it needs more. */
ST_MUST_CHECK int decimal_multiply(const struct decimal *a, const struct decimal *b,
				   struct decimal *ret_product, struct err *err);
/* a / b rounded to `scale` digits behind the point, 0 … 38. ERR_DATA when b is 0, or it needs more
 * than 38 digits. */
ST_MUST_CHECK int decimal_divide(const struct decimal *a, const struct decimal *b, int scale,
				 struct decimal *ret_quotient, struct err *err);
/* a / b without rounding; ERR_DATA too when it has no end within 38 digits. */
ST_MUST_CHECK int decimal_divide_exact(const struct decimal *a, const struct decimal *b,
				       struct decimal *ret_quotient, struct err *err);
/* Rounds, or adds zeros, to exactly `scale` digits behind the point, 0 … 38. ERR_DATA when it then
 * needs more than 38 digits. */
ST_MUST_CHECK int decimal_round(const struct decimal *d, int scale, struct decimal *ret_rounded,
				struct err *err);

#endif
