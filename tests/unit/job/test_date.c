/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/date.h"

static void days_go_back_and_forth_over_four_hundred_years(void **state)
{
	const struct date first = {1800, 1, 1};
	const struct date last = {2200, 12, 31};
	struct date before = {1799, 12, 31};

	for (int64_t days = date_to_days(&first); days <= date_to_days(&last); days++) {
		struct date d = {0};
		assert_true(date_from_days(days, &d));
		assert_true(date_is_valid(&d));
		assert_int_equal(date_to_days(&d), days);
		bool next_day = d.day == before.day + 1 && d.month == before.month;
		bool next_month = d.day == 1 && (d.month == before.month + 1 || d.month == 1);
		assert_true(next_day || next_month);
		before = d;
	}
	const struct date epoch = {1970, 1, 1};
	assert_int_equal(date_to_days(&epoch), 0);
}

static void calendar_has_an_end(void **state)
{
	const struct date last = {9999, 12, 31};
	struct date d = {0};

	assert_false(date_from_days(date_to_days(&last) + 1, &d));
	assert_true(date_from_days(date_to_days(&last), &d));
	assert_false(date_from_days(-1000000, &d));
}

static void leap_years_are_those_of_the_gregorian_calendar(void **state)
{
	static const int years[] = {2000, 2024, 1900, 2100, 2026};
	static const bool leap[] = {true, true, false, false, false};

	for (size_t i = 0; i < ARRAY_LEN(years); i++) {
		const struct date d = {years[i], 2, 29};
		assert_true(date_is_valid(&d) == leap[i]);
	}
}

static void formats_write_what_they_say(void **state)
{
	static const struct {
		const char *format;
		const char *text;
	} cases[] = {
		{"%Y-%m-%d", "2026-11-03"}, {"%d.%m.%y", "03.11.26"}, {"%Y%j", "2026307"},
		{"day %u", "day 2"},	    {"100%%", "100%"},	      {"Grüße", "Grüße"},
	};
	const struct date d = {2026, 11, 3};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf out = BUF_INIT(100);
		date_put_by(&d, cases[i].format, strlen(cases[i].format), &out);
		assert_string_equal(buf_str(&out), cases[i].text);
	}
}

static void iso_form_is_written_and_read(void **state)
{
	const struct date d = {7, 1, 2};
	struct date again = {0};
	char text[DATE_TEXT_LEN + 1];

	date_format_iso(&d, text);
	assert_string_equal(text, "0007-01-02");
	assert_true(date_parse_iso(text, DATE_TEXT_LEN, &again));
	assert_int_equal(again.year, 7);
}

static void names_of_months_and_the_like_are_no_format(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(date_check_write_format("%d %B", 5, &err), ERR_CONFIG);
	assert_int_equal(date_check_write_format("%", 1, &err), ERR_CONFIG);
	assert_int_equal(date_check_write_format("", 0, &err), ERR_CONFIG);
	assert_int_equal(date_check_write_format("%Y%m%d%j%u%y%%", 14, &err), 0);
	assert_int_equal(date_check_read_format("%d%m%d%Y", 8, &err), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_go_back_and_forth_over_four_hundred_years),
		cmocka_unit_test(calendar_has_an_end),
		cmocka_unit_test(leap_years_are_those_of_the_gregorian_calendar),
		cmocka_unit_test(formats_write_what_they_say),
		cmocka_unit_test(iso_form_is_written_and_read),
		cmocka_unit_test(names_of_months_and_the_like_are_no_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
