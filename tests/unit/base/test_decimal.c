/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Besides the edges, sums and comparisons are done again in plain 128-bit arithmetic, which the
 * compilers offer beyond the standard, and have to agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"

__extension__ typedef __int128 wide;

#define NINES_38 "99999999999999999999999999999999999999"

static struct decimal read(const char *text)
{
	struct decimal d = {0};
	struct err err = ERR_INIT;

	if (decimal_parse(text, strlen(text), '.', &d, &err) != 0)
		fail_msg("%s", err.text);
	return d;
}

static void assert_text(const struct decimal *d, const char *expected)
{
	AUTO(buf) struct buf b = BUF_INIT(DECIMAL_TEXT_MAX);

	decimal_format(d, &b);
	assert_false(b.failed);
	assert_string_equal(buf_str(&b), expected);
}

static void digits_are_kept_as_they_were_written(void **state)
{
	static const char *const cases[] = {
		"0",
		"1",
		"-1",
		"0.0",
		"0.001",
		"10.00",
		"-12.340",
		"1234567890.123456789",
		NINES_38,
		("-" NINES_38),
		("0." NINES_38),
		("-0." NINES_38),
		"9999999999999999999.9999999999999999999",
		"0.00000000000000000000000000000000000001",
		"10000000000000000000000000000000000000",
		"18446744073709551616",
		"18446744073709551615.0",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct decimal d = read(cases[i]);
		assert_text(&d, cases[i]);
	}
}

static void signs_zeros_and_commas_are_understood(void **state)
{
	static const struct {
		const char *text;
		char mark;
		const char *expected;
	} cases[] = {
		{"+5", '.', "5"},
		{"-0.00", '.', "0.00"},
		{"007", '.', "7"},
		{"1,50", ',', "1.50"},
		{"-0", '.', "0"},
		{"000.10", '.', "0.10"},
		{"0000000000000000000000000000000000000000000000001", '.', "1"},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct decimal d = {0};
		size_t len = strlen(cases[i].text);
		assert_int_equal(decimal_parse(cases[i].text, len, cases[i].mark, &d, &err), 0);
		assert_text(&d, cases[i].expected);
		assert_false(d.negative);
	}
}

static void what_is_no_decimal_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"-",
		"+",
		".",
		".5",
		"5.",
		"1,5",
		"1.2.3",
		"1e5",
		" 1",
		"1 ",
		"--1",
		"+-1",
		"1_000",
		"0x1",
		"NaN",
		"Inf",
		"1.-2",
		"\xd9\xa1",
		("1" NINES_38),
		(NINES_38 ".0"),
		"0.000000000000000000000000000000000000000",
		("0.0" NINES_38),
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct decimal d = {.scale = 77};
		if (decimal_parse(cases[i], strlen(cases[i]), '.', &d, &err) != ERR_DATA)
			fail_msg("'%s' was read", cases[i]);
		assert_int_equal(d.scale, 77);
	}
	struct decimal d = {0};
	assert_int_equal(decimal_parse("1.5", 3, ',', &d, &err), ERR_DATA);
	assert_non_null(strstr(err.text, "one ','"));
	assert_int_equal(decimal_parse("1\0002", 3, '.', &d, &err), ERR_DATA);
}

static void sums_are_exact_or_refused(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *sum; /* NULL: does not fit */
	} cases[] = {
		{"0.1", "0.2", "0.3"},
		{"1", "0.50", "1.50"},
		{"-1", "1.00", "0.00"},
		{"5", "-7.25", "-2.25"},
		{"18446744073709551615", "1", "18446744073709551616"},
		{NINES_38, "0", NINES_38},
		{NINES_38, "1", NULL},
		{NINES_38, "-1", "99999999999999999999999999999999999998"},
		{("-" NINES_38), "-1", NULL},
		{NINES_38, ("-" NINES_38), "0"},
		{NINES_38, "0.1", NULL},
		{NINES_38, NINES_38, NULL},
		{"10000000000000000000000000000000000000", "-0.1",
		 "9999999999999999999999999999999999999.9"},
		{"20000000000000000000000000000000000000", "-0.1", NULL},
		{"1", "0.00000000000000000000000000000000000001", NULL},
		{("0." NINES_38), "0.00000000000000000000000000000000000001", NULL},
		{"0", ("0." NINES_38), ("0." NINES_38)},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct decimal a = read(cases[i].a);
		struct decimal b = read(cases[i].b);
		struct decimal sum = {.scale = 77};
		struct decimal swapped = {.scale = 77};
		int rc = decimal_add(&a, &b, &sum, &err);
		assert_int_equal(decimal_add(&b, &a, &swapped, &err), rc);
		assert_int_equal(rc, cases[i].sum == NULL ? ERR_DATA : 0);
		if (rc == 0)
			assert_text(&sum, cases[i].sum);
		assert_memory_equal(&sum, &swapped, sizeof(sum));
		assert_true(rc == 0 || sum.scale == 77);
	}
}

static void order_is_by_value(void **state)
{
	static const char *const rising[] = {
		("-" NINES_38), "-2",  "-1.5", "-0.1", "-0.01", "0.000",
		"0.01",		"0.1", "1.49", "1.5",  "2",	"18446744073709551616",
		NINES_38};
	struct decimal one = read("1.0");
	struct decimal same = read("1.00");
	struct decimal tiny = read("0." NINES_38);
	struct decimal huge = read(NINES_38);

	for (size_t i = 0; i < ARRAY_LEN(rising); i++)
		for (size_t k = 0; k < ARRAY_LEN(rising); k++) {
			struct decimal a = read(rising[i]);
			struct decimal b = read(rising[k]);
			assert_int_equal(decimal_compare(&a, &b), i < k ? -1 : i > k);
		}
	assert_int_equal(decimal_compare(&one, &same), 0);
	assert_int_equal(decimal_compare(&huge, &tiny), 1);
	assert_int_equal(decimal_compare(&tiny, &huge), -1);
}

/* ---- against plain arithmetic ---- */

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Up to 18 digits, so that nothing overflows when the scales differ by as many. */
static struct decimal any_decimal(uint64_t *seed, wide *ret_value)
{
	static const int64_t limits[] = {1, 10, 1000, INT64_C(10000000000),
					 INT64_C(1000000000000000000)};
	int64_t limit = limits[next(seed) % ARRAY_LEN(limits)];
	int64_t value = (int64_t)(next(seed) % (uint64_t)limit);
	bool negative = value != 0 && next(seed) % 2 == 0;

	*ret_value = negative ? -(wide)value : (wide)value;
	return (struct decimal){
		.low = (uint64_t)value, .scale = (uint16_t)(next(seed) % 19), .negative = negative};
}

static wide shifted(wide v, int digits)
{
	for (; digits > 0; digits--)
		v *= 10;
	return v;
}

static wide value_of(const struct decimal *d)
{
	wide magnitude = (wide)d->high << 64 | d->low;

	return d->negative ? -magnitude : magnitude;
}

static void arithmetic_agrees_with_the_compilers(void **state)
{
	uint64_t seed = 20261123;
	struct err err = ERR_INIT;

	for (int i = 0; i < 200000; i++) {
		wide x = 0;
		wide y = 0;
		struct decimal sum = {0};
		struct decimal a = any_decimal(&seed, &x);
		struct decimal b = any_decimal(&seed, &y);
		int scale = a.scale > b.scale ? a.scale : b.scale;
		x = shifted(x, scale - a.scale);
		y = shifted(y, scale - b.scale);
		assert_int_equal(decimal_add(&a, &b, &sum, &err), 0);
		assert_int_equal(sum.scale, scale);
		assert_true(value_of(&sum) == x + y);
		assert_int_equal(decimal_compare(&a, &b), x < y ? -1 : x > y);
	}
}

static void text_agrees_with_the_compilers(void **state)
{
	uint64_t seed = 4711;
	struct err err = ERR_INIT;

	for (int i = 0; i < 100000; i++) {
		wide v = 0;
		struct decimal d = any_decimal(&seed, &v);
		struct decimal again = {0};
		AUTO(buf) struct buf b = BUF_INIT(DECIMAL_TEXT_MAX);
		d.high = next(&seed) % 3 == 0 ? next(&seed) % UINT64_C(0x4b3b4ca85a86c47a) : 0;
		d.scale = (uint16_t)(next(&seed) % (DECIMAL_DIGITS + 1));
		d.negative = d.negative && (d.high != 0 || d.low != 0);
		decimal_format(&d, &b);
		assert_int_equal(decimal_parse(b.data, b.len, '.', &again, &err), 0);
		assert_true(value_of(&again) == value_of(&d));
		assert_int_equal(again.scale, d.scale);
	}
}

static void halves_are_rounded_away_from_zero(void **state)
{
	static const struct {
		const char *number;
		int scale;
		const char *rounded;
	} cases[] = {
		{"2.5", 0, "3"},
		{"-2.5", 0, "-3"},
		{"1.005", 2, "1.01"},
		{"1.0049", 2, "1.00"},
		{"7", 2, "7.00"},
		{"-0.004", 2, "0.00"},
		{"0.5", 0, "1"},
		{("0." NINES_38), 37, "1.0000000000000000000000000000000000000"},
	};
	struct err err = ERR_INIT;
	struct decimal rounded = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct decimal d = read(cases[i].number);
		assert_int_equal(decimal_round(&d, cases[i].scale, &rounded, &err), 0);
		assert_text(&rounded, cases[i].rounded);
	}
	const struct decimal all = read(NINES_38);
	assert_int_equal(decimal_round(&all, 1, &rounded, &err), ERR_DATA);
}

static void quotients_are_exact_or_say_where_they_are_cut(void **state)
{
	struct err err = ERR_INIT;
	struct decimal q = {0};
	const struct decimal one = read("1.00");
	const struct decimal three = read("3");
	const struct decimal eight = read("8");
	const struct decimal none = read("0.00");

	assert_int_equal(decimal_divide(&one, &three, 4, &q, &err), 0);
	assert_text(&q, "0.3333");
	assert_int_equal(decimal_divide_exact(&one, &eight, &q, &err), 0);
	assert_text(&q, "0.125");
	assert_int_equal(decimal_divide_exact(&one, &three, &q, &err), ERR_DATA);
	assert_string_equal(err.text, "the quotient has no end within 38 digits");
	assert_int_equal(decimal_divide(&one, &none, 2, &q, &err), ERR_DATA);
	assert_string_equal(err.text, "division by zero");
}

static void products_keep_all_digits_or_are_refused(void **state)
{
	struct err err = ERR_INIT;
	struct decimal p = {0};
	const struct decimal cent = read("-19.99");
	const struct decimal rate = read("0.9200");
	const struct decimal all = read(NINES_38);
	const struct decimal least = decimal_from_int(INT64_MIN);

	assert_int_equal(decimal_multiply(&cent, &rate, &p, &err), 0);
	assert_text(&p, "-18.390800");
	assert_int_equal(decimal_multiply(&all, &all, &p, &err), ERR_DATA);
	assert_text(&least, "-9223372036854775808");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_kept_as_they_were_written),
		cmocka_unit_test(signs_zeros_and_commas_are_understood),
		cmocka_unit_test(what_is_no_decimal_is_refused),
		cmocka_unit_test(sums_are_exact_or_refused),
		cmocka_unit_test(order_is_by_value),
		cmocka_unit_test(arithmetic_agrees_with_the_compilers),
		cmocka_unit_test(text_agrees_with_the_compilers),
		cmocka_unit_test(halves_are_rounded_away_from_zero),
		cmocka_unit_test(quotients_are_exact_or_say_where_they_are_cut),
		cmocka_unit_test(products_keep_all_digits_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
