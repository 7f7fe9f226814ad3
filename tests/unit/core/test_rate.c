/* SPDX-License-Identifier: Apache-2.0 */
/* What a rate makes of the time of day, and that its slots keep it in every window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/rate.h"

#define CLOCK(hour, minute) ((hour)*US_PER_HOUR + (minute)*US_PER_MIN)

static const struct rate_rule day_and_night[] = {
	{.n = 50, .per_us = US_PER_S},
	{.n = 5, .per_us = US_PER_S, .from_minute = 8 * 60, .to_minute = 18 * 60},
};

static struct rate_now at(const struct rate_rule *rules, size_t n, int64_t us_of_day)
{
	struct rate_now now;

	rate_at(rules, n, us_of_day, &now);
	return now;
}

static void without_a_rule_that_holds_there_is_no_limit(void **state)
{
	const struct rate_rule *rule = &day_and_night[1];

	(void)state;
	assert_false(at(NULL, 0, 0).is_limited);
	assert_false(at(rule, 1, CLOCK(7, 59)).is_limited);
	assert_true(at(rule, 1, CLOCK(8, 0)).is_limited);
	assert_true(at(rule, 1, CLOCK(17, 59)).is_limited);
	assert_false(at(rule, 1, CLOCK(18, 1)).is_limited);
}

static void the_lowest_that_applies_holds(void **state)
{
	struct rate_now now = at(day_and_night, 2, CLOCK(3, 0));

	(void)state;
	assert_int_equal(now.n, 50);
	assert_int_equal(now.until_minute, -1);
	assert_int_equal(now.lasts_us, 5 * US_PER_HOUR - US_PER_S);
	now = at(day_and_night, 2, CLOCK(17, 0));
	assert_int_equal(now.n, 5);
	assert_int_equal(now.until_minute, 18 * 60);
	assert_int_equal(now.lasts_us, US_PER_HOUR + US_PER_S);
}

static void a_range_may_go_over_midnight(void **state)
{
	static const struct rate_rule night[] = {
		{.n = 1, .per_us = US_PER_MIN, .from_minute = 22 * 60, .to_minute = 6 * 60}};

	(void)state;
	assert_true(at(night, 1, CLOCK(23, 0)).is_limited);
	assert_true(at(night, 1, 0).is_limited);
	assert_true(at(night, 1, CLOCK(5, 59)).is_limited);
	assert_false(at(night, 1, CLOCK(12, 0)).is_limited);
	assert_int_equal(at(night, 1, CLOCK(23, 0)).lasts_us, 7 * US_PER_HOUR + US_PER_S);
}

static void lower_hours_begin_a_second_early(void **state)
{
	(void)state;
	assert_int_equal(at(day_and_night, 2, CLOCK(8, 0) - US_PER_S).n, 5);
	assert_int_equal(at(day_and_night, 2, CLOCK(8, 0) - US_PER_S - 1).n, 50);
	assert_int_equal(at(day_and_night, 2, CLOCK(8, 0) - US_PER_S - 1).lasts_us, 1);
	assert_int_equal(at(day_and_night, 2, CLOCK(18, 0)).n, 5);
	assert_int_equal(at(day_and_night, 2, CLOCK(18, 0) + US_PER_S).n, 50);
}

/* Slots of any N + 1 attempts that follow one another, the first used as late as may be, are
 * further apart than the unit; and no more than 3 % are lost. */
static void every_window_is_kept_and_hardly_more(void **state)
{
	static const int64_t units[] = {US_PER_S, US_PER_MIN, US_PER_HOUR, US_PER_DAY};
	static const int64_t numbers[] = {1, 2, 3, 7, 50, 999, 50000, 1000000, 999999999};

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
			const struct rate_rule rule = {.n = numbers[k], .per_us = units[u]};
			struct rate_now now = at(&rule, 1, 0);
			double apart_us = (double)now.spacing_ns / NS_PER_US * (double)rule.n;
			assert_true(apart_us - (double)now.span_us > (double)rule.per_us);
			assert_true(now.span_us >= rule.per_us / 100 - 1);
			if (rule.n * 10 < units[u]) /* slots are whole nanoseconds */
				assert_true((double)rule.per_us >= 0.97 * apart_us);
		}
	}
}

static void a_slow_rule_keeps_a_quick_one_too(void **state)
{
	static const struct rate_rule both[] = {{.n = 3, .per_us = US_PER_HOUR},
						{.n = 1, .per_us = US_PER_S}};
	static const struct rate_rule alike[] = {{.n = 60, .per_us = US_PER_MIN},
						 {.n = 1, .per_us = US_PER_S}};

	(void)state;
	/* A slot that comes three times an hour need not be hit within ten milliseconds. */
	assert_int_equal(at(both, 2, 0).span_us, 36 * US_PER_S);
	assert_true(at(alike, 2, 0).span_us <= 10 * US_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rule_that_holds_there_is_no_limit),
		cmocka_unit_test(the_lowest_that_applies_holds),
		cmocka_unit_test(a_range_may_go_over_midnight),
		cmocka_unit_test(lower_hours_begin_a_second_early),
		cmocka_unit_test(every_window_is_kept_and_hardly_more),
		cmocka_unit_test(a_slow_rule_keeps_a_quick_one_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
