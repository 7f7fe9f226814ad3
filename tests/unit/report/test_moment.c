/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "report/moment.h"

/* 2026-11-23 15:30:00.123 UTC */
#define NOW (INT64_C(1795447800) * US_PER_S + 123 * US_PER_MS)

static void a_time_is_written_and_read_back(void **state)
{
	static const utime times[] = {0, 1 * US_PER_MS, NOW, NOW + 59 * US_PER_S,
				      NOW - 400 * US_PER_DAY};

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		char text[MOMENT_TEXT_MAX] = {0};
		moment_format(times[i], text);
		assert_int_equal(moment_parse(text), times[i]);
	}
	char text[MOMENT_TEXT_MAX] = {0};
	moment_format(NOW, text);
	assert_string_equal(text, "2026-11-23T15:30:00.123Z");
}

static void what_is_no_time_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-23",
		"2026-11-23T15:30:00Z",
		"2026-11-23 15:30:00.123Z",
		"2026-02-30T15:30:00.123Z",
		"2026-11-23T15:30:00.12xZ",
		"2026-11-23T15:30:00.123Z ",
	};

	assert_int_equal(moment_parse(NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(moment_parse(bad[i]), 0);
}

static void no_time_is_null_in_json(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct json_writer w;

	jw_init(&w, &b);
	jw_object(&w);
	moment_put_json(&w, "a", NOW);
	moment_put_json(&w, "b", 0);
	moment_put_json(&w, "c", UTIME_NEVER);
	jw_object_end(&w);
	jw_done(&w);
	assert_string_equal(buf_str(&b),
			    "{\"a\":\"2026-11-23T15:30:00.123Z\",\"b\":null,\"c\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_written_and_read_back),
		cmocka_unit_test(what_is_no_time_is_none),
		cmocka_unit_test(no_time_is_null_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
