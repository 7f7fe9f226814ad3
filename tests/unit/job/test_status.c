/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/status.h"

static void assert_set(const char *text, const char *expected)
{
	uint8_t set[STATUS_BYTES] = {0};
	AUTO(buf) struct buf out = BUF_INIT(1000);
	struct err err = ERR_INIT;

	if (status_parse(STATUS_OF_EXIT, text, strlen(text), set, &err) < 0)
		fail_msg("%s", err.text);
	status_put(set, &out);
	assert_string_equal(buf_str(&out), expected);
}

static void numbers_ranges_and_patterns_are_sets(void **state)
{
	assert_set("0", "0");
	assert_set("255", "255");
	assert_set("64-68", "64-68");
	assert_set("0-255", "0-255");
	assert_set("7-7", "7");
	assert_set("[1-9]", "1-9");
	assert_set("1[0-5]", "10-15");
	assert_set("[135]", "1, 3, 5");
	assert_set("[1-2][05]", "10, 15, 20, 25");
	assert_set("2[0-9][0-9]", "200-255");
	assert_set("[0]", "0");
}

static void what_is_no_status_is_refused(void **state)
{
	static const char *const texts[] = {
		"256",	 "-1",		"",	  "a",	   "1-",       "-",  "5-3",
		"010",	 "2xx",		"5xx",	  "40xxx", "[a]",      "[1", "[]",
		"[9-1]", "3[5-9][0-9]", "[0-9]?", "1 ",	   "64-68-70", "08",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint8_t set[STATUS_BYTES] = {0};
		static const uint8_t none[STATUS_BYTES] = {0};
		struct err err = ERR_INIT;
		if (status_parse(STATUS_OF_EXIT, texts[i], strlen(texts[i]), set, &err) !=
		    ERR_CONFIG)
			fail_msg("taken: %s", texts[i]);
		assert_true(err.text[0] != '\0');
		assert_memory_equal(set, none, sizeof(set));
	}
}

static void sets_add_up_and_meet(void **state)
{
	uint8_t a[STATUS_BYTES] = {0};
	uint8_t b[STATUS_BYTES] = {0};
	struct err err = ERR_INIT;

	assert_int_equal(status_parse(STATUS_OF_EXIT, "1-3", 3, a, &err), 0);
	assert_int_equal(status_parse(STATUS_OF_EXIT, "9", 1, a, &err), 0);
	assert_int_equal(status_parse(STATUS_OF_EXIT, "4-8", 3, b, &err), 0);
	assert_int_equal(status_find_common(a, b), -1);
	assert_int_equal(status_parse(STATUS_OF_EXIT, "[39]", 4, b, &err), 0);
	assert_int_equal(status_find_common(a, b), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_ranges_and_patterns_are_sets),
		cmocka_unit_test(what_is_no_status_is_refused),
		cmocka_unit_test(sets_add_up_and_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
