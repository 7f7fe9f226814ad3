/* SPDX-License-Identifier: Apache-2.0 */
/* Zones: rules as POSIX writes them, and files. What is in the database itself is held against
 * Python's zoneinfo by tests/zones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "when/zone.h"

enum { HOUR = 3600 };

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
/* 2026-03-29 01:00 UTC, 2026-10-25 01:00 UTC: Berlin's clocks go forward, and back. */
#define SPRING INT64_C(1774746000)
#define AUTUMN INT64_C(1792890000)

static struct zone *rule(const char *text)
{
	struct zone *zone = NULL;
	struct err err = ERR_INIT;

	if (zone_from_rule(text, &zone, &err) < 0)
		fail_msg("%s", err.text);
	return zone;
}

static void a_rule_changes_twice_a_year(void **state)
{
	AUTO(zone) struct zone *z = rule(BERLIN);

	assert_int_equal(zone_offset_s(z, SPRING - 1), HOUR);
	assert_int_equal(zone_offset_s(z, SPRING), 2 * HOUR);
	assert_int_equal(zone_offset_s(z, AUTUMN - 1), 2 * HOUR);
	assert_int_equal(zone_offset_s(z, AUTUMN), HOUR);
}

static void a_local_time_is_there_never_once_or_twice(void **state)
{
	AUTO(zone) struct zone *z = rule(BERLIN);
	int64_t at[ZONE_INSTANTS_MAX] = {0};

	/* 02:30 on either day, local. */
	assert_int_equal(zone_instants(z, SPRING + HOUR + HOUR / 2, at), 0);
	assert_int_equal(zone_instants(z, SPRING + HOUR - 1, at), 1);
	assert_int_equal(at[0], SPRING - 1);
	assert_int_equal(zone_instants(z, SPRING + 2 * HOUR, at), 1);
	assert_int_equal(at[0], SPRING);
	assert_int_equal(zone_instants(z, AUTUMN + HOUR + HOUR / 2, at), 2);
	assert_int_equal(at[0], AUTUMN - HOUR / 2);
	assert_int_equal(at[1], AUTUMN + HOUR / 2);
}

static void rules_of_all_forms_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t at_s;
		int offset_s;
	} rows[] = {
		{"UTC0", 0, 0},
		{"<+0330>-3:30", 0, 3 * HOUR + HOUR / 2},
		{"EST5EDT,M3.2.0,M11.1.0", SPRING, -4 * HOUR},
		/* south of the equator summer goes over the new year */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 11 * HOUR}, /* 2026-01-01 */
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 1782864000, 10 * HOUR}, /* 2026-07-01 */
		{"IST-2IDT,M3.4.4/26,M10.5.0", SPRING, 3 * HOUR},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", SPRING, -HOUR},
		{"AAA0BBB,59/0,60/0", 63072000 + 86400 * 59, HOUR}, /* 1972-02-29 */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(zone) struct zone *z = rule(rows[i].text);
		if (zone_offset_s(z, rows[i].at_s) != rows[i].offset_s)
			fail_msg("%s at %lld: %d", rows[i].text, (long long)rows[i].at_s,
				 zone_offset_s(z, rows[i].at_s));
	}
	AUTO(zone) struct zone *z = rule("AAA0BBB,J60/0,J61/0");
	int64_t first_of_march = 63072000 + INT64_C(86400) * 60; /* of 1972 */
	assert_int_equal(zone_offset_s(z, first_of_march - 1), 0);
	assert_int_equal(zone_offset_s(z, first_of_march), HOUR);
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "CET",
					    "C1",
					    "CET-1CEST",
					    "CET-1CEST,M3.5.0",
					    "CET-25",
					    "CET-1CEST,M13.1.0,M10.5.0",
					    "CET-1CEST,M3.6.0,M10.5.0",
					    "CET-1CEST,J0,J5",
					    "CET-1CEST,M3.5.0,M10.5.0x",
					    "CET-1CEST,M3.5.0/168,M10.5.0",
					    "<CET-1",
					    "CET-1:60"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct zone *zone = NULL;
		struct err err = ERR_INIT;
		if (zone_from_rule(texts[i], &zone, &err) == 0)
			fail_msg("%s was taken", texts[i]);
	}
}

/* A file of version 2: one change at `at_s` from offset 0 to an hour, then `footer`. */
static void put_file(struct buf *b, int64_t at_s, const char *footer)
{
	static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static const char first[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0";
	static const char second[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\4";
	static const char types[] = "\0\0\0\0\0\0\0\0\x0e\x10\1\0abc";

	buf_put(b, head, 20);
	buf_put(b, first, 24);
	buf_put(b, types, 6);
	buf_put(b, head, 20);
	buf_put(b, second, 24);
	for (int i = 7; i >= 0; i--)
		buf_put_u8(b, (uint8_t)((uint64_t)at_s >> (8 * i)));
	buf_put_u8(b, 1);
	buf_put(b, types, 16);
	buf_puts(b, footer);
}

static void a_file_has_changes_and_then_its_footer(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	AUTO(zone) struct zone *z = NULL;
	struct err err = ERR_INIT;

	put_file(&b, 1000, "\n" BERLIN "\n");
	assert_int_equal(zone_parse("x", buf_str(&b), b.len, &z, &err), 0);
	assert_int_equal(zone_offset_s(z, 999), 0);
	assert_int_equal(zone_offset_s(z, 1000), HOUR);
	assert_int_equal(zone_offset_s(z, SPRING), 2 * HOUR);
}

static void a_file_that_is_cut_off_or_damaged_is_refused(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err err = ERR_INIT;

	put_file(&b, 1000, "\n" BERLIN "\n");
	for (size_t len = 0; len < b.len; len++) {
		struct zone *z = NULL;
		if (zone_parse("x", buf_str(&b), len, &z, &err) == 0)
			fail_msg("%zu bytes of %zu were taken", len, b.len);
	}
	buf_reset(&b);
	put_file(&b, 1000, "\nrubbish\n");
	struct zone *z = NULL;
	assert_int_equal(zone_parse("x", buf_str(&b), b.len, &z, &err), ERR_DATA);
	assert_string_equal(err.text, "the file of time zone x: it is cut off or damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_changes_twice_a_year),
		cmocka_unit_test(a_local_time_is_there_never_once_or_twice),
		cmocka_unit_test(rules_of_all_forms_are_read),
		cmocka_unit_test(what_is_no_rule_is_refused),
		cmocka_unit_test(a_file_has_changes_and_then_its_footer),
		cmocka_unit_test(a_file_that_is_cut_off_or_damaged_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
