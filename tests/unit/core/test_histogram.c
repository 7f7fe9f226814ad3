/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms against what Python says of the same numbers, merging, and their bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/histogram.h"
#include "core/timing.h"

/* Numbers of every size up to 2^35; the same as tests/unit/core/histogram.py makes. */
static uint64_t next_number(uint64_t *x)
{
	*x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*x >> 20) % (UINT64_C(1) << ((*x >> 59) + 4));
}

static int64_t wild(uint64_t *x)
{
	return (int64_t)next_number(x);
}

static int64_t narrow(uint64_t *x)
{
	return INT64_C(10000000000) + (int64_t)(next_number(x) % 3);
}

static int64_t small(uint64_t *x)
{
	return (int64_t)(next_number(x) % 64);
}

static const int permilles[] = {500, 900, 950, 990};

/* Printed by histogram.py. */
static const struct sample {
	int64_t (*number)(uint64_t *x);
	uint64_t seed;
	int n;
	uint64_t sum_us;
	double deviation_us;
	int64_t percentiles_us[ARRAY_LEN(permilles)];
	int64_t min_us, max_us;
} samples[] = {
	{wild,
	 42,
	 100000,
	 107147130414503,
	 3883346765.412481,
	 {259978, 2013831555, 6920913230, 22915307480},
	 0,
	 34321806236},
	{narrow,
	 7,
	 1000,
	 10000000001008,
	 0.809899,
	 {10000000001, 10000000002, 10000000002, 10000000002},
	 10000000000,
	 10000000002},
	{small, 9, 5000, 150764, 18.577929, {29, 56, 60, 63}, 0, 63},
};

static void fill(const struct sample *s, struct histogram *h)
{
	uint64_t x = s->seed;

	for (int i = 0; i < s->n; i++)
		histogram_add(h, s->number(&x));
}

static bool is_near(double a, double b, double ratio)
{
	return fabs(a - b) <= ratio * fabs(b);
}

static void it_says_what_python_says(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		struct histogram h = {0};
		fill(s, &h);
		assert_int_equal(h.count, s->n);
		assert_true(h.sum_us == s->sum_us);
		assert_true(h.min_us == s->min_us && h.max_us == s->max_us);
		assert_true(is_near(histogram_mean_us(&h), (double)s->sum_us / s->n, 1e-12));
		assert_true(is_near(histogram_deviation_us(&h), s->deviation_us, 1e-6));
		for (size_t k = 0; k < ARRAY_LEN(permilles); k++)
			assert_true(is_near((double)histogram_percentile_us(&h, permilles[k]),
					    (double)s->percentiles_us[k], 1.0 / 64));
		assert_true(histogram_percentile_us(&h, 1000) == s->max_us);
	}
}

static void what_is_below_64_us_is_exact(void **state)
{
	struct histogram h = {0};

	for (int us = 1; us <= 63; us++)
		histogram_add(&h, us);
	for (int us = 1; us <= 63; us++)
		assert_int_equal(histogram_percentile_us(&h, us * 1000 / 63), us);
}

static void each_duration_is_told_to_a_64th(void **state)
{
	for (int64_t us = 1; us < HISTOGRAM_MAX_US; us += us / 50 + 1) {
		struct histogram h = {0};
		histogram_add(&h, 0);
		histogram_add(&h, us);
		histogram_add(&h, us);
		histogram_add(&h, HISTOGRAM_MAX_US);
		assert_true(
			is_near((double)histogram_percentile_us(&h, 500), (double)us, 1.0 / 64));
	}
}

static void an_empty_one_answers_nothing(void **state)
{
	struct histogram h = {0};

	assert_int_equal(histogram_percentile_us(&h, 990), 0);
	assert_true(histogram_mean_us(&h) == 0 && histogram_deviation_us(&h) == 0);
}

static void more_than_a_day_is_a_day_and_less_than_nothing_nothing(void **state)
{
	struct histogram h = {0};

	histogram_add(&h, INT64_MAX);
	histogram_add(&h, -5);
	assert_true(h.max_us == HISTOGRAM_MAX_US && h.min_us == 0);
	assert_true(h.sum_us == (uint64_t)HISTOGRAM_MAX_US);
}

static void merging_is_as_if_all_had_been_added_to_one(void **state)
{
	struct histogram all = {0};
	struct histogram forth = {0};
	struct histogram back = {0};
	struct histogram parts[ARRAY_LEN(samples)] = {0};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		fill(&samples[i], &all);
		fill(&samples[i], &parts[i]);
		histogram_merge(&forth, &parts[i]);
	}
	for (size_t i = ARRAY_LEN(samples); i > 0; i--)
		histogram_merge(&back, &parts[i - 1]);
	assert_memory_equal(&forth, &all, sizeof(all));
	assert_memory_equal(&back, &all, sizeof(all));
	histogram_merge(&all, &(struct histogram){0});
	assert_memory_equal(&forth, &all, sizeof(all));
}

static void it_can_be_emptied(void **state)
{
	struct histogram none = {0};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct histogram h = {0};
		histogram_reset(&h);
		fill(&samples[i], &h);
		histogram_reset(&h);
		assert_memory_equal(&h, &none, sizeof(none));
	}
}

static void one_call_may_add_many(void **state)
{
	struct histogram one = {0};
	struct histogram many = {0};

	histogram_add_n(&many, 77777, 1000);
	histogram_add_n(&many, 5, 0);
	for (int i = 0; i < 1000; i++)
		histogram_add(&one, 77777);
	assert_memory_equal(&one, &many, sizeof(one));
	histogram_add_n(&many, HISTOGRAM_MAX_US, HISTOGRAM_N_MAX);
	assert_true(histogram_mean_us(&many) > 0.99 * (double)HISTOGRAM_MAX_US);
}

/* ---- bytes ---- */

static void it_reads_back_as_it_was_written(void **state)
{
	for (size_t i = 0; i <= ARRAY_LEN(samples); i++) {
		AUTO(buf) struct buf b = BUF_INIT(1 << 16);
		struct histogram h = {0};
		struct histogram again = {.count = 9};
		struct err err = ERR_INIT;
		if (i < ARRAY_LEN(samples))
			fill(&samples[i], &h);
		histogram_put(&h, &b);
		assert_int_equal(histogram_get(b.data, b.len, &again, &err), 0);
		assert_memory_equal(&h, &again, sizeof(h));
	}
}

static void a_few_durations_take_a_few_bytes(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1 << 16);
	struct histogram h = {0};

	for (int i = 0; i < 100; i++)
		histogram_add(&h, 1000 + i);
	histogram_put(&h, &b);
	assert_true(b.len < 40);
}

static void any_byte_that_is_missing_or_too_many_is_refused(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1 << 16);
	struct histogram h = {0};
	struct err err = ERR_INIT;

	fill(&samples[1], &h);
	histogram_put(&h, &b);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(histogram_get(b.data, len, &h, &err), ERR_DATA);
	buf_putc(&b, '\0');
	assert_int_equal(histogram_get(b.data, b.len, &h, &err), ERR_DATA);
}

static void numbers_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wrong[] = {
		{"\2\0", 2},				/* a later version */
		{"\1\200\0", 3},			/* 0 in two bytes */
		{"\1\1\5\0\31\5\5\6\1", 9},		/* not the bucket of 5 */
		{"\1\1\4\0\31\5\5\5\1", 9},		/* the sum is too small */
		{"\1\1\6\0\31\5\5\5\1", 9},		/* or too large */
		{"\1\1\5\0\30\5\5\5\1", 9},		/* the squares are too small */
		{"\1\1\5\0\32\5\5\5\1", 9},		/* or too large */
		{"\1\1\5\0\31\6\5\5\1", 9},		/* the smallest is the larger one */
		{"\1\2\12\0\62\5\5\5\3", 9},		/* more in a bucket than in all */
		{"\1\2\12\0\62\5\5\5\1\0\0", 11},	/* a bucket with nothing in it */
		{"\1\2\12\0\62\5\5\5\1\377\177\1", 12}, /* a bucket beyond the last */
	};
	struct histogram h = {0};
	struct err err = ERR_INIT;

	assert_int_equal(histogram_get("\1\1\5\0\31\5\5\5\1", 9, &h, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(histogram_get(wrong[i].bytes, wrong[i].len, &h, &err), ERR_DATA);
}

static void each_timing_has_a_name(void **state)
{
	for (int t = 0; t < TIMING_COUNT_; t++)
		assert_string_not_equal(timing_name((enum timing)t), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_python_says),
		cmocka_unit_test(what_is_below_64_us_is_exact),
		cmocka_unit_test(each_duration_is_told_to_a_64th),
		cmocka_unit_test(an_empty_one_answers_nothing),
		cmocka_unit_test(more_than_a_day_is_a_day_and_less_than_nothing_nothing),
		cmocka_unit_test(merging_is_as_if_all_had_been_added_to_one),
		cmocka_unit_test(it_can_be_emptied),
		cmocka_unit_test(one_call_may_add_many),
		cmocka_unit_test(it_reads_back_as_it_was_written),
		cmocka_unit_test(a_few_durations_take_a_few_bytes),
		cmocka_unit_test(any_byte_that_is_missing_or_too_many_is_refused),
		cmocka_unit_test(numbers_that_cannot_be_are_refused),
		cmocka_unit_test(each_timing_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
