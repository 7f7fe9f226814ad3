/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cli/slot.h"
#include "job/job.h"

/* 2026-11-23 15:30:00 UTC */
#define NOW (INT64_C(1795447800) * US_PER_S)

static int choose(enum job_once_per once_per, const struct slot_wish *wish, struct slot *slot,
		  struct err *err)
{
	struct job job = {.once_per = once_per};

	return slot_choose(&job, wish, slot, err);
}

static void a_day_is_the_day_of_the_call_in_the_machines_zone(void **state)
{
	struct slot_wish wish = {.called_at = NOW + 8 * US_PER_HOUR}; /* 00:30 in Berlin */
	struct slot slot = {0};
	struct err err = ERR_INIT;

	assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), 0);
	assert_string_equal(slot.text, "2026-11-24");
	assert_string_equal(slot.date, "2026-11-24");
	assert_false(slot.is_named);
}

static void a_start_is_the_second_of_the_call(void **state)
{
	struct slot_wish wish = {.called_at = NOW};
	struct slot slot = {0};
	struct err err = ERR_INIT;

	assert_int_equal(choose(JOB_ONCE_PER_START, &wish, &slot, &err), 0);
	assert_string_equal(slot.text, "2026-11-23T16:30:00+01:00");
	assert_string_equal(slot.date, "2026-11-23");
}

static void a_named_day_is_that_day(void **state)
{
	static const struct {
		const char *given;
		const char *day;
	} cases[] = {
		{"2026-11-20", "2026-11-20"}, {"today", "2026-11-23"}, {"yesterday", "2026-11-22"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slot_wish wish = {.date = cases[i].given, .called_at = NOW};
		struct slot slot = {0};
		struct err err = ERR_INIT;
		assert_int_equal(choose(JOB_ONCE_PER_START, &wish, &slot, &err), 0);
		assert_string_equal(slot.text, cases[i].day);
		assert_string_equal(slot.date, cases[i].day);
		assert_true(slot.is_named);
	}
}

static void a_named_slot_may_be_a_time(void **state)
{
	struct slot_wish wish = {.slot = "2026-03-29T01:30+01:00", .called_at = NOW};
	struct slot slot = {0};
	struct err err = ERR_INIT;

	assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), 0);
	assert_string_equal(slot.text, "2026-03-29T01:30+01:00");
	assert_string_equal(slot.date, "2026-03-29");
	assert_true(slot.is_named);
}

static void what_is_no_day_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "2026-02-30", "26-11-23", "2026-11-23x", "2026-11-2", "11/23/2026"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct slot_wish wish = {.date = bad[i], .called_at = NOW};
		struct slot slot = {0};
		struct err err = ERR_INIT;
		assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), ERR_USAGE);
		wish = (struct slot_wish){.slot = bad[i], .called_at = NOW};
		assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), ERR_USAGE);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"2026-11-23T",       "2026-11-23T24:00Z",
					  "2026-11-23T10:60Z", "2026-11-23T10:00",
					  "2026-11-23T10:00+", "2026-11-23T10:00+1:00",
					  "2026-11-23 10:00Z"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct slot_wish wish = {.slot = bad[i], .called_at = NOW};
		struct slot slot = {0};
		struct err err = ERR_INIT;
		assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), ERR_USAGE);
	}
}

static void date_and_slot_together_are_refused(void **state)
{
	struct slot_wish wish = {.date = "today", .slot = "2026-11-23", .called_at = NOW};
	struct slot slot = {0};
	struct err err = ERR_INIT;

	assert_int_equal(choose(JOB_ONCE_PER_DAY, &wish, &slot, &err), ERR_USAGE);
}

static void stop_by_is_the_first_such_time_after_the_call(void **state)
{
	/* The call is at 16:30 in Berlin. */
	assert_int_equal(slot_stop_by(-1, NOW), UTIME_NEVER);
	assert_int_equal(slot_stop_by(17 * 60, NOW), NOW + 30 * US_PER_MIN);
	assert_int_equal(slot_stop_by(6 * 60, NOW), NOW + 13 * US_PER_HOUR + 30 * US_PER_MIN);
	assert_int_equal(slot_stop_by(16 * 60 + 30, NOW), NOW + US_PER_DAY);
}

static void points_of_time_are_days_times_and_how_long_ago(void **state)
{
	static const struct {
		const char *given;
		utime at;
	} cases[] = {
		{"36h", NOW - 36 * US_PER_HOUR},
		{"today", NOW - 16 * US_PER_HOUR - 30 * US_PER_MIN},
		{"yesterday", NOW - 40 * US_PER_HOUR - 30 * US_PER_MIN},
		{"2026-11-23", NOW - 16 * US_PER_HOUR - 30 * US_PER_MIN},
		{"2026-11-23T15:30Z", NOW},
		{"2026-11-23T16:30:05+01:00", NOW + 5 * US_PER_S},
		{"2026-11-23T10:30-05:00", NOW},
	};
	struct err err = ERR_INIT;
	utime at = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(when_parse(cases[i].given, "--since", NOW, &at, &err), 0);
		assert_int_equal(at, cases[i].at);
	}
	assert_int_equal(when_parse("soon", "--since", NOW, &at, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "--since 'soon'"));
}

/* A start on an earlier slot is bound by that slot's own window. */
static void stop_by_is_that_of_the_scheduled_time(void **state)
{
	struct slot slot = {.text = "x", .at = NOW - US_PER_HOUR};
	struct err err = ERR_INIT;
	utime at = 0;

	assert_int_equal(slot_find_stop_by(&slot, 17 * 60, NOW, &at, &err), 0);
	assert_int_equal(at, NOW + 30 * US_PER_MIN);
	assert_int_equal(slot_find_stop_by(&slot, 16 * 60, NOW, &at, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "over at 16:00 (window.stop_by); --ignore-window"));
	assert_int_equal(slot_find_stop_by(&slot, -1, NOW, &at, &err), 0);
	assert_int_equal(at, UTIME_NEVER);
	slot.at = NOW + US_PER_HOUR; /* of one that is to come, the call's */
	assert_int_equal(slot_find_stop_by(&slot, 17 * 60, NOW, &at, &err), 0);
	assert_int_equal(at, NOW + 30 * US_PER_MIN);
	slot.at = 0;
	assert_int_equal(slot_find_stop_by(&slot, 16 * 60, NOW, &at, &err), 0);
	assert_int_equal(at, NOW + 23 * US_PER_HOUR + 30 * US_PER_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_is_the_day_of_the_call_in_the_machines_zone),
		cmocka_unit_test(a_start_is_the_second_of_the_call),
		cmocka_unit_test(a_named_day_is_that_day),
		cmocka_unit_test(a_named_slot_may_be_a_time),
		cmocka_unit_test(what_is_no_day_is_refused),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(date_and_slot_together_are_refused),
		cmocka_unit_test(stop_by_is_the_first_such_time_after_the_call),
		cmocka_unit_test(stop_by_is_that_of_the_scheduled_time),
		cmocka_unit_test(points_of_time_are_days_times_and_how_long_ago),
	};

	/* A zone by its rule, so that no zone files are needed. */
	assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
