/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/attr.h"
#include "core/forecast.h"

static struct forecast forecast_of(const int64_t *took_us, size_t n)
{
	struct forecast f = {0};

	for (size_t i = 0; i < n; i++)
		forecast_add(&f, took_us[i]);
	return f;
}

static void of_nothing_nothing_is_known(void **state)
{
	struct forecast f = {0};
	struct forecast_rest rest = {.items = 5, .concurrency = 2};

	assert_int_equal(forecast_one_us(&f), 0);
	assert_int_equal(forecast_rest_us(&f, &rest), -1);
	rest.items = 0;
	assert_int_equal(forecast_rest_us(&f, &rest), 0);
}

static void one_more_takes_the_mean_and_three_deviations(void **state)
{
	static const int64_t took[] = {2000, 4000, 4000, 4000, 5000, 5000, 7000, 9000};
	struct forecast f = forecast_of(took, ARRAY_LEN(took));

	assert_int_equal(forecast_mean_us(&f), 5000);
	/* the sample's deviation is sqrt(32/7) = 2.138 */
	assert_int_equal(forecast_spread_us(&f), 6414);
	assert_int_equal(forecast_one_us(&f), 11414);
}

static void the_first_attempt_is_all_that_is_known(void **state)
{
	static const int64_t took[] = {3000};
	struct forecast f = forecast_of(took, 1);

	assert_int_equal(forecast_one_us(&f), 3000);
}

static void a_clock_that_went_back_is_no_length(void **state)
{
	static const int64_t took[] = {-5000, 1000};
	struct forecast f = forecast_of(took, 2);

	assert_int_equal(forecast_mean_us(&f), 500);
}

static void what_was_seen_apart_adds_up(void **state)
{
	static const int64_t took[] = {10, 200, 3000, 40000, 7, 80};
	struct forecast all = forecast_of(took, 6);
	struct forecast first = forecast_of(took, 2);
	struct forecast rest = forecast_of(took + 2, 4);
	struct forecast none = {0};

	forecast_merge(&first, &rest);
	forecast_merge(&first, &none);
	assert_int_equal(first.n, 6);
	assert_int_equal(forecast_mean_us(&first), forecast_mean_us(&all));
	assert_in_range(forecast_spread_us(&first), forecast_spread_us(&all) - 1,
			forecast_spread_us(&all) + 1);
	forecast_merge(&none, &all);
	assert_int_equal(forecast_one_us(&none), forecast_one_us(&all));
}

static void what_is_past_has_the_weight_of_a_few(void **state)
{
	struct forecast own = forecast_of((const int64_t[]){100, 300, 200}, 3);
	struct forecast past = forecast_past(3, 200, sqrt(20000.0 / 3), 20);
	struct forecast few = forecast_past(1000000, 200, 100, 20);
	struct forecast none = forecast_past(0, 7, 7, 20);

	assert_int_equal(past.n, 3);
	assert_int_equal(forecast_one_us(&past), forecast_one_us(&own));
	assert_int_equal(few.n, 20);
	assert_int_equal(forecast_mean_us(&few), 200);
	assert_int_equal(forecast_spread_us(&few), 300);
	for (int i = 0; i < 20; i++)
		forecast_add(&few, 1000);
	assert_int_equal(forecast_mean_us(&few), 600);
	assert_int_equal(forecast_one_us(&none), 0);
}

static void the_rest_takes_as_long_as_what_is_slowest(void **state)
{
	static const int64_t took[] = {US_PER_S, US_PER_S};
	struct forecast f = forecast_of(took, 2);
	struct forecast_rest rest = {.items = 10, .concurrency = 4};

	assert_int_equal(forecast_rest_us(&f, &rest), 3 * US_PER_S);
	rest.per_second = 2;
	assert_int_equal(forecast_rest_us(&f, &rest), 5 * US_PER_S);
	rest.seen = 0.5;
	assert_int_equal(forecast_rest_us(&f, &rest), 20 * US_PER_S);
}

static void nothing_overflows(void **state)
{
	static const int64_t took[] = {INT64_MAX, INT64_MAX, 0};
	struct forecast f = forecast_of(took, 3);
	struct forecast_rest rest = {.items = INT64_MAX, .concurrency = 1};

	assert_in_range(forecast_one_us(&f), 1, INT64_MAX / 2);
	assert_in_range(forecast_rest_us(&f, &rest), 1, INT64_MAX / 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nothing_nothing_is_known),
		cmocka_unit_test(one_more_takes_the_mean_and_three_deviations),
		cmocka_unit_test(the_first_attempt_is_all_that_is_known),
		cmocka_unit_test(a_clock_that_went_back_is_no_length),
		cmocka_unit_test(what_was_seen_apart_adds_up),
		cmocka_unit_test(what_is_past_has_the_weight_of_a_few),
		cmocka_unit_test(the_rest_takes_as_long_as_what_is_slowest),
		cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
