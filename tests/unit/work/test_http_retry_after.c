/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "work/http_retry_after.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN (INT64_C(784111777) * US_PER_S)
/* Sat, 28 Nov 2026 00:00:00 GMT */
#define NOW (INT64_C(1795824000) * US_PER_S)

static void the_three_forms_of_a_date_are_one_moment(void **state)
{
	static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
					    "Sunday, 06-Nov-94 08:49:37 GMT",
					    "Sun Nov  6 08:49:37 1994", "Sun Nov 06 08:49:37 1994"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		utime at = 0;
		if (!http_date_parse(texts[i], NOW, &at))
			fail_msg("refused: %s", texts[i]);
		assert_int_equal(at, THEN);
	}
}

static void the_other_weekdays_and_months_are_known(void **state)
{
	utime at = 0;

	assert_true(http_date_parse("Wednesday, 01-Jan-70 00:00:00 GMT", 0, &at));
	assert_int_equal(at, 0);
	assert_true(http_date_parse("Tuesday, 29-Feb-00 00:00:00 GMT", NOW, &at));
	assert_int_equal(at, INT64_C(951782400) * US_PER_S);
	assert_true(http_date_parse("Sat, 31 Dec 2016 23:59:60 GMT", NOW, &at));
	assert_int_equal(at, INT64_C(1483228800) * US_PER_S);
	/* 50 years ahead and not more */
	assert_true(http_date_parse("Friday, 01-Jan-76 00:00:00 GMT", NOW, &at));
	assert_int_equal(at, INT64_C(3345062400) * US_PER_S);
	assert_true(http_date_parse("Saturday, 01-Jan-77 00:00:00 GMT", NOW, &at));
	assert_int_equal(at, INT64_C(220924800) * US_PER_S);
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"Sun",
		"Sun,",
		"Sun, ",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 31 Feb 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT",
		"Sunday 06-Nov-94 08:49:37 GMT",
		"Monday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Xxx, 06 Nov 1994 08:49:37 GMT",
		"784111777",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		utime at = 0;
		if (http_date_parse(texts[i], NOW, &at))
			fail_msg("taken: %s", texts[i]);
	}
}

static void a_number_is_seconds(void **state)
{
	assert_int_equal(http_retry_after("0", NULL, NOW), 0);
	assert_int_equal(http_retry_after("120", NULL, NOW), 120 * US_PER_S);
	assert_int_equal(http_retry_after("007", NULL, NOW), 7 * US_PER_S);
	assert_int_equal(http_retry_after("99999999999999999999999999", NULL, NOW),
			 HTTP_RETRY_AFTER_MAX_US);
	assert_int_equal(http_retry_after("", NULL, NOW), 0);
	assert_int_equal(http_retry_after("-5", NULL, NOW), 0);
	assert_int_equal(http_retry_after("1.5", NULL, NOW), 0);
	assert_int_equal(http_retry_after("5 ", NULL, NOW), 0);
	assert_int_equal(http_retry_after("soon", NULL, NOW), 0);
}

static void a_date_is_counted_by_the_clock_of_who_says_it(void **state)
{
	const char *until = "Sat, 28 Nov 2026 00:01:30 GMT";

	assert_int_equal(http_retry_after(until, NULL, NOW), 90 * US_PER_S);
	assert_int_equal(http_retry_after(until, "no date", NOW), 90 * US_PER_S);
	/* its clock is a minute ahead of ours */
	assert_int_equal(http_retry_after(until, "Sat, 28 Nov 2026 00:01:00 GMT", NOW),
			 30 * US_PER_S);
	assert_int_equal(http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", NULL, NOW), 0);
	assert_int_equal(http_retry_after("Sat, 28 Nov 2099 00:00:00 GMT", NULL, NOW),
			 HTTP_RETRY_AFTER_MAX_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_three_forms_of_a_date_are_one_moment),
		cmocka_unit_test(the_other_weekdays_and_months_are_known),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(a_number_is_seconds),
		cmocka_unit_test(a_date_is_counted_by_the_clock_of_who_says_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
