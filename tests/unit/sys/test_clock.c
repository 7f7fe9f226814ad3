/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"

/* Central Europe by rule, so that no zone files are needed. */
static int use_zone(void **state)
{
	(void)state;
	return setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
}

static void clocks_run_forward(void **state)
{
	int64_t boot = clock_boot_us();
	int64_t monotonic = clock_monotonic_us();

	assert_true(boot > 0 && monotonic > 0);
	assert_true(clock_boot_us() >= boot);
	assert_true(clock_monotonic_us() >= monotonic);
	/* In this order, with however much time in between: suspension only adds. */
	monotonic = clock_monotonic_us();
	assert_true(clock_boot_us() >= monotonic);
	assert_true(clock_now() > INT64_C(1700000000) * US_PER_S);
}

static void instant_is_shown_in_the_machines_zone(void **state)
{
	utime t = INT64_C(1795441874) * US_PER_S + 5; /* 2026-11-23 13:51:14 UTC */
	struct civil c = {0};
	char text[CLOCK_TEXT_MAX];

	clock_civil(t, &c);
	assert_int_equal(c.year, 2026);
	assert_int_equal(c.month, 11);
	assert_int_equal(c.day, 23);
	assert_int_equal(c.hour, 14);
	assert_int_equal(c.minute, 51);
	assert_int_equal(c.second, 14);
	assert_int_equal(c.us, 5);
	assert_int_equal(c.offset_s, 3600);
	clock_civil_utc(t, &c);
	assert_int_equal(c.hour, 13);
	assert_int_equal(c.offset_s, 0);
	clock_format(t, text);
	assert_string_equal(text, "2026-11-23T14:51:14+01:00");
	clock_format_short(t, text);
	assert_string_equal(text, "2026-11-23 14:51:14");
}

static void summer_time_has_its_own_offset(void **state)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(INT64_C(1782216000) * US_PER_S, text);
	assert_string_equal(text, "2026-06-23T14:00:00+02:00");
}

/* The first case, and in a child: a process reads its zone once. */
static void western_offsets_have_a_minus(void **state)
{
	char text[CLOCK_TEXT_MAX];
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		(void)setenv("TZ", "NST3:30", 1);
		clock_format(INT64_C(1795441874) * US_PER_S, text);
		_exit(strcmp(text, "2026-11-23T10:21:14-03:30") == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void time_before_1970_is_rounded_down(void **state)
{
	struct civil c = {0};

	clock_civil_utc(-1, &c);
	assert_int_equal(c.year, 1969);
	assert_int_equal(c.second, 59);
	assert_int_equal(c.us, 999999);
}

static void civil_time_leads_back_to_its_instant(void **state)
{
	for (utime t = INT64_C(-2000000000) * US_PER_S; t < INT64_C(4000000000) * US_PER_S;
	     t += INT64_C(8641234567891)) {
		struct civil c = {0};
		clock_civil(t, &c);
		assert_true(clock_from_civil(&c) == t);
	}
}

static void ends_of_time_have_a_text(void **state)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(UTIME_NEVER, text);
	assert_string_equal(text, "294247-01-10T05:00:54+01:00");
	clock_format(INT64_MIN, text);
	clock_format_short(INT64_MIN, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(western_offsets_have_a_minus),
		cmocka_unit_test(clocks_run_forward),
		cmocka_unit_test(instant_is_shown_in_the_machines_zone),
		cmocka_unit_test(summer_time_has_its_own_offset),
		cmocka_unit_test(time_before_1970_is_rounded_down),
		cmocka_unit_test(civil_time_leads_back_to_its_instant),
		cmocka_unit_test(ends_of_time_have_a_text),
	};

	return cmocka_run_group_tests(tests, use_zone, NULL);
}
