/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Magnitudes are 128 bits in two halves; C17 has no such type, so carries are written out. 10^38
 * fits with room to spare, therefore a sum is first made and then judged.
 */
#include "base/decimal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum { GROUP_DIGITS = 9, GROUPS_MAX = 5 }; /* 9 digits fit 32 bits; 39 digits are 5 groups */

#define GROUP_BASE UINT32_C(1000000000)

struct magnitude {
	uint64_t high;
	uint64_t low;
};

/* 10^38 */
static const struct magnitude limit = {DECIMAL_LIMIT_HIGH, DECIMAL_LIMIT_LOW};

static const uint32_t powers[GROUP_DIGITS + 1] = {1,	  10,	   100,	     1000,	10000,
						  100000, 1000000, 10000000, 100000000, GROUP_BASE};

static struct magnitude magnitude_of(const struct decimal *d)
{
	return (struct magnitude){d->high, d->low};
}

static int magnitude_compare(struct magnitude a, struct magnitude b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	if (a.low != b.low)
		return a.low < b.low ? -1 : 1;
	return 0;
}

/* m = m * factor + plus; false when it needs more than 128 bits. */
static bool magnitude_multiply(struct magnitude *m, uint32_t factor, uint32_t plus)
{
	uint64_t p0 = (m->low & UINT32_MAX) * factor + plus;
	uint64_t p1 = (m->low >> 32) * factor + (p0 >> 32);
	uint64_t p2 = (m->high & UINT32_MAX) * factor + (p1 >> 32);
	uint64_t p3 = (m->high >> 32) * factor + (p2 >> 32);

	m->low = p1 << 32 | (p0 & UINT32_MAX);
	m->high = p3 << 32 | (p2 & UINT32_MAX);
	return p3 >> 32 == 0;
}

/* m = m * 10^n; false when it needs more than 128 bits. */
static bool magnitude_shift(struct magnitude *m, unsigned n)
{
	bool fits = true;

	for (; fits && n > 0; n -= n < GROUP_DIGITS ? n : GROUP_DIGITS)
		fits = magnitude_multiply(m, powers[n < GROUP_DIGITS ? n : GROUP_DIGITS], 0);
	return fits;
}

/* m = m / GROUP_BASE; gives the remainder. */
static uint32_t magnitude_divide(struct magnitude *m)
{
	uint64_t part[4] = {m->high >> 32, m->high & UINT32_MAX, m->low >> 32, m->low & UINT32_MAX};
	uint64_t rest = 0;

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		rest = rest << 32 | part[i];
		part[i] = rest / GROUP_BASE;
		rest %= GROUP_BASE;
	}
	m->high = part[0] << 32 | part[1];
	m->low = part[2] << 32 | part[3];
	return (uint32_t)rest;
}

/* False when the sum needs more than 128 bits. */
static bool magnitude_add(struct magnitude a, struct magnitude b, struct magnitude *ret_sum)
{
	uint64_t low = a.low + b.low;
	uint64_t carry = low < a.low ? 1 : 0;
	uint64_t high = a.high + b.high;
	bool fits = high >= a.high && high + carry >= high;

	*ret_sum = (struct magnitude){high + carry, low};
	return fits;
}

/* a - b, where a >= b. */
static struct magnitude magnitude_subtract(struct magnitude a, struct magnitude b)
{
	uint64_t borrow = a.low < b.low ? 1 : 0;

	return (struct magnitude){a.high - b.high - borrow, a.low - b.low};
}

/* ---- reading ---- */

struct digits {
	const char *whole;
	size_t whole_len; /* without leading zeros */
	const char *fraction;
	size_t fraction_len;
};

static size_t count_digits(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

static int decimal_complain(const char *text, size_t len, const char *why, struct err *err)
{
	return ERR(err, ERR_DATA, "%s is no decimal number: %s", QUOTED(text, len), why);
}

static int decimal_no_digits(const char *text, size_t len, char mark, struct err *err)
{
	return ERR(err, ERR_DATA,
		   "%s is no decimal number: expected digits, at most one '%c' and more digits",
		   QUOTED(text, len), mark);
}

/* Finds the digits of `text`, whose sign is before `at`. */
static int decimal_split(const char *text, size_t len, size_t at, char mark, struct digits *ret,
			 struct err *err)
{
	size_t whole = count_digits(text + at, len - at);
	size_t end = at + whole;

	*ret = (struct digits){.whole = text + at, .whole_len = whole};
	if (whole == 0)
		return decimal_no_digits(text, len, mark, err);
	if (end < len && text[end] == mark) {
		ret->fraction = text + end + 1;
		ret->fraction_len = count_digits(ret->fraction, len - end - 1);
		if (ret->fraction_len == 0)
			return decimal_complain(text, len, "there is no digit after the mark", err);
		end += 1 + ret->fraction_len;
	}
	if (end < len)
		return decimal_no_digits(text, len, mark, err);
	while (ret->whole_len > 0 && ret->whole[0] == '0') {
		ret->whole++;
		ret->whole_len--;
	}
	return 0;
}

/* At most DECIMAL_DIGITS digits in all, so it always fits. */
static void magnitude_add_digits(struct magnitude *m, const char *digits, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t group = 0;
		size_t n = len - i < GROUP_DIGITS ? len - i : GROUP_DIGITS;
		for (size_t k = 0; k < n; k++, i++)
			group = group * 10 + (uint32_t)(digits[i] - '0');
		bool fits = magnitude_multiply(m, powers[n], group);
		assert(fits);
	}
}

/* Digits that count: zeros in front of the first other digit, of 0.001 say, do not. */
static size_t digits_significant(const struct digits *d)
{
	size_t zeros = 0;

	if (d->whole_len > 0)
		return d->whole_len + d->fraction_len;
	while (zeros < d->fraction_len && d->fraction[zeros] == '0')
		zeros++;
	return d->fraction_len - zeros;
}

int decimal_parse(const char *text, size_t len, char mark, struct decimal *ret_value,
		  struct err *err)
{
	struct digits digits = {0};
	struct magnitude m = {0};

	assert((text != NULL || len == 0) && ret_value != NULL && err != NULL);
	assert(mark == '.' || mark == ',');
	bool has_sign = len > 0 && (text[0] == '-' || text[0] == '+');
	int rc = decimal_split(text, len, has_sign ? 1 : 0, mark, &digits, err);
	if (rc < 0)
		return rc;
	if (digits.fraction_len > DECIMAL_DIGITS || digits_significant(&digits) > DECIMAL_DIGITS)
		return decimal_complain(text, len, "it has more than 38 digits", err);
	magnitude_add_digits(&m, digits.whole, digits.whole_len);
	magnitude_add_digits(&m, digits.fraction, digits.fraction_len);
	*ret_value = (struct decimal){
		.high = m.high,
		.low = m.low,
		.scale = (uint16_t)digits.fraction_len,
		.negative = text[0] == '-' && (m.high != 0 || m.low != 0),
	};
	return 0;
}

void decimal_format(const struct decimal *d, struct buf *out)
{
	char digits[GROUPS_MAX * GROUP_DIGITS + 1] = {0};
	struct magnitude m = magnitude_of(d);
	uint32_t groups[GROUPS_MAX] = {0};

	assert(d->scale <= DECIMAL_DIGITS && magnitude_compare(m, limit) < 0);
	for (size_t i = GROUPS_MAX; i > 0; i--)
		groups[i - 1] = magnitude_divide(&m);
	for (size_t i = 0; i < GROUPS_MAX; i++)
		(void)snprintf(digits + i * GROUP_DIGITS, GROUP_DIGITS + 1, "%09u", groups[i]);
	size_t len = sizeof(digits) - 1;
	size_t whole_end = len - d->scale;
	size_t start = 0;
	while (start + 1 < whole_end && digits[start] == '0')
		start++;
	if (d->negative)
		buf_putc(out, '-');
	buf_put(out, digits + start, whole_end - start);
	if (d->scale == 0)
		return;
	buf_putc(out, '.');
	buf_put(out, digits + whole_end, d->scale);
}

/* ---- arithmetic ---- */

int decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret_sum,
		struct err *err)
{
	struct magnitude x = magnitude_of(a);
	struct magnitude y = magnitude_of(b);
	struct magnitude sum = {0};
	uint16_t scale = a->scale > b->scale ? a->scale : b->scale;
	bool negative = a->negative;
	bool fits = magnitude_shift(&x, (unsigned)(scale - a->scale)) &&
		    magnitude_shift(&y, (unsigned)(scale - b->scale));

	assert(ret_sum != NULL && err != NULL);
	/* Only one of the two was shifted. Where that overflows 128 bits, the other, below 10^38,
	 * cannot bring the sum back below 10^38. */
	if (fits && a->negative == b->negative) {
		fits = magnitude_add(x, y, &sum);
	} else if (fits && magnitude_compare(x, y) >= 0) {
		sum = magnitude_subtract(x, y);
	} else if (fits) {
		sum = magnitude_subtract(y, x);
		negative = b->negative;
	}
	if (!fits || magnitude_compare(sum, limit) >= 0)
		return ERR(err, ERR_DATA, "the sum needs more than %d digits", DECIMAL_DIGITS);
	*ret_sum = (struct decimal){
		.high = sum.high,
		.low = sum.low,
		.scale = scale,
		.negative = negative && (sum.high != 0 || sum.low != 0),
	};
	return 0;
}

/* By magnitude. A number that overflows 128 bits when brought to the other's scale is larger. */
static int decimal_compare_magnitudes(const struct decimal *a, const struct decimal *b)
{
	struct magnitude x = magnitude_of(a);
	struct magnitude y = magnitude_of(b);

	if (a->scale < b->scale && !magnitude_shift(&x, (unsigned)(b->scale - a->scale)))
		return 1;
	if (b->scale < a->scale && !magnitude_shift(&y, (unsigned)(a->scale - b->scale)))
		return -1;
	return magnitude_compare(x, y);
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	bool a_negative = a->negative && (a->high != 0 || a->low != 0);
	bool b_negative = b->negative && (b->high != 0 || b->low != 0);

	if (a_negative != b_negative)
		return a_negative ? -1 : 1;
	int order = decimal_compare_magnitudes(a, b);
	return a_negative ? -order : order;
}

void decimal_put(const struct decimal *d, struct buf *out)
{
	buf_put_u64(out, d->high);
	buf_put_u64(out, d->low);
	buf_put_u16(out, d->scale);
	buf_put_u8(out, d->negative ? 1 : 0);
}

void decimal_get(struct decimal *ret_value, struct reader *r)
{
	struct decimal d = {0};

	d.high = reader_u64(r);
	d.low = reader_u64(r);
	d.scale = reader_u16(r);
	d.negative = reader_u8(r) != 0;
	if (d.scale > DECIMAL_DIGITS)
		r->failed = true;
	*ret_value = d;
}
