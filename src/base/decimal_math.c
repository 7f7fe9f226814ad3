/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may need more than 128 bits on its way: products, quotients, rounding. The largest dividend
 * is 10^38 shifted by 76 digits, 379 bits.
 */
#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"

enum { LIMBS = 13, LIMB_BITS = 32, GROUP_DIGITS = 9 };

struct wide {
	uint32_t limb[LIMBS]; /* the lowest first */
};

static const uint32_t powers[GROUP_DIGITS + 1] = {1,	  10,	   100,	     1000,	10000,
						  100000, 1000000, 10000000, 100000000, 1000000000};

static struct wide wide_of(const struct decimal *d)
{
	struct wide w = {{0}};

	w.limb[0] = (uint32_t)(d->low & UINT32_MAX);
	w.limb[1] = (uint32_t)(d->low >> LIMB_BITS);
	w.limb[2] = (uint32_t)(d->high & UINT32_MAX);
	w.limb[3] = (uint32_t)(d->high >> LIMB_BITS);
	return w;
}

static void wide_multiply(struct wide *w, uint32_t factor)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < LIMBS; i++) {
		carry += (uint64_t)w->limb[i] * factor;
		w->limb[i] = (uint32_t)(carry & UINT32_MAX);
		carry >>= LIMB_BITS;
	}
	assert(carry == 0);
}

/* w = w / divisor; gives the remainder. */
static uint32_t wide_divide_small(struct wide *w, uint32_t divisor)
{
	uint64_t rest = 0;

	for (size_t i = LIMBS; i > 0; i--) {
		rest = rest << LIMB_BITS | w->limb[i - 1];
		w->limb[i - 1] = (uint32_t)(rest / divisor);
		rest %= divisor;
	}
	return (uint32_t)rest;
}

static void wide_increment(struct wide *w)
{
	for (size_t i = 0; i < LIMBS; i++) {
		w->limb[i]++;
		if (w->limb[i] != 0)
			return;
	}
}

/* w = w * 10^n */
static void wide_shift(struct wide *w, int n)
{
	for (; n > 0; n -= n < GROUP_DIGITS ? n : GROUP_DIGITS)
		wide_multiply(w, powers[n < GROUP_DIGITS ? n : GROUP_DIGITS]);
}

/* w = w / 10^n, half up. Cutting all but the last digit off first changes no decision. */
static void wide_unshift(struct wide *w, int n)
{
	if (n == 0)
		return;
	for (n--; n > 0; n -= n < GROUP_DIGITS ? n : GROUP_DIGITS)
		(void)wide_divide_small(w, powers[n < GROUP_DIGITS ? n : GROUP_DIGITS]);
	if (wide_divide_small(w, 10) >= 5)
		wide_increment(w);
}

static bool wide_is_zero(const struct wide *w)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < LIMBS; i++)
		bits |= w->limb[i];
	return bits == 0;
}

static int wide_compare(const struct wide *a, const struct wide *b)
{
	for (size_t i = LIMBS; i > 0; i--) {
		if (a->limb[i - 1] != b->limb[i - 1])
			return a->limb[i - 1] < b->limb[i - 1] ? -1 : 1;
	}
	return 0;
}

/* a = a - b, where a >= b. */
static void wide_subtract(struct wide *a, const struct wide *b)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < LIMBS; i++) {
		uint64_t d = (uint64_t)a->limb[i] - b->limb[i] - borrow;
		a->limb[i] = (uint32_t)(d & UINT32_MAX);
		borrow = d >> LIMB_BITS != 0 ? 1 : 0;
	}
}

/* w = w * 2 + bit */
static void wide_double(struct wide *w, uint32_t bit)
{
	for (size_t i = 0; i < LIMBS; i++) {
		uint32_t next = w->limb[i] >> (LIMB_BITS - 1);
		w->limb[i] = w->limb[i] << 1 | bit;
		bit = next;
	}
}

/* w = w / divisor, bit by bit; gives the remainder. */
static struct wide wide_divide(struct wide *w, const struct wide *divisor)
{
	struct wide rest = {{0}};

	for (int i = 0; i < LIMBS * LIMB_BITS; i++) {
		wide_double(&rest, w->limb[LIMBS - 1] >> (LIMB_BITS - 1));
		bool goes = wide_compare(&rest, divisor) >= 0;
		if (goes)
			wide_subtract(&rest, divisor);
		wide_double(w, goes ? 1 : 0);
	}
	return rest;
}

/* False when it is 10^38 or more. */
static bool wide_to_decimal(const struct wide *w, int scale, bool negative, struct decimal *ret)
{
	uint64_t low = (uint64_t)w->limb[1] << LIMB_BITS | w->limb[0];
	uint64_t high = (uint64_t)w->limb[3] << LIMB_BITS | w->limb[2];

	for (size_t i = 4; i < LIMBS; i++) {
		if (w->limb[i] != 0)
			return false;
	}
	if (high > DECIMAL_LIMIT_HIGH || (high == DECIMAL_LIMIT_HIGH && low >= DECIMAL_LIMIT_LOW))
		return false;
	*ret = (struct decimal){.high = high,
				.low = low,
				.scale = (uint16_t)scale,
				.negative = negative && (high != 0 || low != 0)};
	return true;
}

/* Leaves out zeros at the end of the fraction, while it is longer than `wanted` digits. */
static int wide_strip(struct wide *w, int scale, int wanted)
{
	while (scale > wanted) {
		struct wide shorter = *w;
		if (wide_divide_small(&shorter, 10) != 0)
			return scale;
		*w = shorter;
		scale--;
	}
	return scale;
}

/* The same, where zeros at the end of the fraction may go to make room. */
static bool wide_fit(struct wide *w, int scale, bool negative, struct decimal *ret)
{
	scale = wide_strip(w, scale, DECIMAL_DIGITS);
	while (scale <= DECIMAL_DIGITS && !wide_to_decimal(w, scale, negative, ret)) {
		int shorter = scale == 0 ? scale : wide_strip(w, scale, scale - 1);
		if (shorter == scale)
			return false;
		scale = shorter;
	}
	return scale <= DECIMAL_DIGITS;
}

struct decimal decimal_from_int(int64_t value)
{
	uint64_t magnitude = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;

	return (struct decimal){.low = magnitude, .negative = value < 0};
}

struct decimal decimal_negate(const struct decimal *d)
{
	struct decimal negated = *d;

	negated.negative = !d->negative && (d->high != 0 || d->low != 0);
	return negated;
}

int decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *ret_product,
		     struct err *err)
{
	struct wide x = wide_of(a);
	struct wide y = wide_of(b);
	struct wide product = {{0}};
	int scale = a->scale + b->scale;

	assert(ret_product != NULL && err != NULL);
	for (size_t i = 0; i < 4; i++) {
		uint64_t carry = 0;
		for (size_t k = 0; k < 5; k++) {
			carry += (uint64_t)x.limb[i] * y.limb[k] + product.limb[i + k];
			product.limb[i + k] = (uint32_t)(carry & UINT32_MAX);
			carry >>= LIMB_BITS;
		}
	}
	if (!wide_fit(&product, scale, a->negative != b->negative, ret_product))
		return ERR(err, ERR_DATA, "the product needs more than %d digits", DECIMAL_DIGITS);
	return 0;
}

/* Dividend and divisor as whole numbers whose quotient has `scale` digits behind the point. */
static int divide_prepare(const struct decimal *a, const struct decimal *b, int scale,
			  struct wide *ret_dividend, struct wide *ret_divisor, struct err *err)
{
	int shift = scale + b->scale - a->scale;

	if (b->high == 0 && b->low == 0)
		return ERR(err, ERR_DATA, "division by zero");
	*ret_dividend = wide_of(a);
	*ret_divisor = wide_of(b);
	if (shift > 0)
		wide_shift(ret_dividend, shift);
	else
		wide_shift(ret_divisor, -shift);
	return 0;
}

int decimal_divide(const struct decimal *a, const struct decimal *b, int scale,
		   struct decimal *ret_quotient, struct err *err)
{
	struct wide quotient = {{0}};
	struct wide divisor = {{0}};

	assert(ret_quotient != NULL && err != NULL && scale >= 0 && scale <= DECIMAL_DIGITS);
	int rc = divide_prepare(a, b, scale, &quotient, &divisor, err);
	if (rc < 0)
		return rc;
	struct wide rest = wide_divide(&quotient, &divisor);
	wide_double(&rest, 0);
	if (wide_compare(&rest, &divisor) >= 0)
		wide_increment(&quotient);
	if (!wide_to_decimal(&quotient, scale, a->negative != b->negative, ret_quotient))
		return ERR(err, ERR_DATA, "the quotient needs more than %d digits", DECIMAL_DIGITS);
	return 0;
}

int decimal_divide_exact(const struct decimal *a, const struct decimal *b,
			 struct decimal *ret_quotient, struct err *err)
{
	struct wide quotient = {{0}};
	struct wide divisor = {{0}};
	int wanted = a->scale > b->scale ? a->scale - b->scale : 0;

	assert(ret_quotient != NULL && err != NULL);
	int rc = divide_prepare(a, b, DECIMAL_DIGITS, &quotient, &divisor, err);
	if (rc < 0)
		return rc;
	struct wide rest = wide_divide(&quotient, &divisor);
	if (!wide_is_zero(&rest))
		return ERR(err, ERR_DATA, "the quotient has no end within %d digits",
			   DECIMAL_DIGITS);
	int scale = wide_strip(&quotient, DECIMAL_DIGITS, wanted);
	if (!wide_fit(&quotient, scale, a->negative != b->negative, ret_quotient))
		return ERR(err, ERR_DATA, "the quotient needs more than %d digits", DECIMAL_DIGITS);
	return 0;
}

int decimal_round(const struct decimal *d, int scale, struct decimal *ret_rounded, struct err *err)
{
	struct wide w = wide_of(d);

	assert(ret_rounded != NULL && err != NULL && scale >= 0 && scale <= DECIMAL_DIGITS);
	if (scale < d->scale)
		wide_unshift(&w, d->scale - scale);
	else
		wide_shift(&w, scale - d->scale);
	if (!wide_to_decimal(&w, scale, d->negative, ret_rounded))
		return ERR(err, ERR_DATA, "with %d digits behind the point it needs more than %d",
			   scale, DECIMAL_DIGITS);
	return 0;
}
