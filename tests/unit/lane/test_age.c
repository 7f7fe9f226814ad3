/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an item is too old to be begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "job/item.h"
#include "job/job.h"
#include "lane/age.h"

/* 2026-11-23T12:00:00Z */
#define NOON INT64_C(1795435200000000)

static bool is_over_at(const char *moment, utime now)
{
	char name[] = "at";
	struct field field = {.name = name, .type = FIELD_TIMESTAMP};
	const struct job job = {.source = {.fields = &field,
					   .n_fields = 1,
					   .max_age = {.field = name, .limit_us = US_PER_HOUR}}};
	struct value value = {.is_null = moment == NULL,
			      .text = moment,
			      .len = moment == NULL ? 0 : strlen(moment)};
	struct item item = {.fields = &value, .key = "k", .key_len = 1, .source_path = ""};
	char why[AGE_WHY_MAX] = "";

	bool is_over = age_is_over(&job, &item, now, why);
	assert_true(is_over == (strstr(why, "older than 1h (source.max_age)") != NULL));
	return is_over;
}

static void a_timestamp_is_too_old_after_the_limit(void **state)
{
	assert_false(is_over_at("2026-11-23T11:00:00Z", NOON));
	assert_true(is_over_at("2026-11-23T10:59:59Z", NOON));
	assert_true(is_over_at("2026-11-23T10:59:59.999Z", NOON));
	assert_false(is_over_at("2026-11-23T12:30:00Z", NOON)); /* of the future */
}

static void a_zone_is_counted(void **state)
{
	assert_false(is_over_at("2026-11-23T12:00:00+01:00", NOON));
	assert_true(is_over_at("2026-11-23T11:59:59+01:00", NOON));
	assert_false(is_over_at("2026-11-23T05:30:00-05:30", NOON));
	assert_true(is_over_at("2026-11-23T05:29:59-05:30", NOON));
}

static void without_a_zone_it_is_this_machines(void **state)
{
	assert_int_equal(setenv("TZ", "EST5", 1), 0);
	assert_false(is_over_at("2026-11-23T06:00:00", NOON));
	assert_true(is_over_at("2026-11-23T05:59:59", NOON));
	/* a date begins at midnight: 05:00 UTC */
	assert_false(is_over_at("2026-11-23", NOON - 6 * US_PER_HOUR));
	assert_true(is_over_at("2026-11-23", NOON - 6 * US_PER_HOUR + 1));
	assert_int_equal(unsetenv("TZ"), 0);
}

static void of_an_absent_field_nothing_is_known(void **state)
{
	assert_false(is_over_at(NULL, NOON));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timestamp_is_too_old_after_the_limit),
		cmocka_unit_test(a_zone_is_counted),
		cmocka_unit_test(without_a_zone_it_is_this_machines),
		cmocka_unit_test(of_an_absent_field_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
