/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/trend.h"

enum { SLOPE_FROM = 4 };

static void points_on_a_line_give_that_line(void **state)
{
	struct trend_point p[20];

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = (struct trend_point){.x = (double)i, .y = 100 + 2.5 * (double)i};
	struct trend t = trend_fit(p, ARRAY_LEN(p), SLOPE_FROM);
	assert_true(t.has_slope);
	assert_true(fabs(t.slope - 2.5) < 1e-9 && fabs(t.level - 100) < 1e-9);
	assert_true(fabs(trend_at(&t, 40) - 200) < 1e-9);
}

static void a_few_that_are_far_off_change_nothing(void **state)
{
	struct trend_point p[20];

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = (struct trend_point){.x = (double)i, .y = 100 + 2.5 * (double)i};
	p[3].y = 0;
	p[10].y = 1e9;
	p[19].y = 1;
	struct trend t = trend_fit(p, ARRAY_LEN(p), SLOPE_FROM);
	assert_true(fabs(t.slope - 2.5) < 1e-9 && fabs(t.level - 100) < 1e-9);
}

static void too_few_have_a_middle_and_no_slope(void **state)
{
	struct trend_point p[] = {{0, 10}, {1, 30}, {2, 500}};

	assert_true(trend_fit(p, 0, SLOPE_FROM).level == 0);
	assert_true(trend_fit(p, 1, SLOPE_FROM).level == 10);
	assert_true(trend_fit(p, 2, SLOPE_FROM).level == 20);
	struct trend t = trend_fit(p, 3, SLOPE_FROM);
	assert_true(t.level == 30 && t.slope == 0 && !t.has_slope);
}

static void what_happens_at_one_time_has_no_slope(void **state)
{
	struct trend_point p[] = {{1, 10}, {1, 30}, {1, 500}, {1, 40}};
	struct trend t = trend_fit(p, ARRAY_LEN(p), SLOPE_FROM);

	assert_true(t.level == 35 && !t.has_slope);
}

static void the_middle_of_some_values(void **state)
{
	double odd[] = {7, -1, 3};
	double even[] = {10, 4, 1, 2};

	assert_true(trend_median(odd, 0) == 0);
	assert_true(trend_median(odd, ARRAY_LEN(odd)) == 3);
	assert_true(trend_median(even, ARRAY_LEN(even)) == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_on_a_line_give_that_line),
		cmocka_unit_test(a_few_that_are_far_off_change_nothing),
		cmocka_unit_test(too_few_have_a_middle_and_no_slope),
		cmocka_unit_test(what_happens_at_one_time_has_no_slope),
		cmocka_unit_test(the_middle_of_some_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
