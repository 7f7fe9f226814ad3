/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact decimals: an integer of at most 38 digits and a scale, as databases have them.
 *
 * Promise: what is read is kept to the digit, trailing zeros of the fraction included; addition is
 *          exact or refused; nothing here ever passes through binary floating point.
 */
#ifndef STINT_BASE_DECIMAL_H
#define STINT_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { DECIMAL_DIGITS = 38, DECIMAL_TEXT_MAX = 48 };

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

#endif
