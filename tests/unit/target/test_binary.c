/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes that the server is to get for a value, as its own documentation of the types has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "target/postgres.h"

enum {
	T_BOOL = 16,
	T_INT8 = 20,
	T_INT2 = 21,
	T_INT4 = 23,
	T_TEXT = 25,
	T_FLOAT8 = 701,
	T_DATE = 1082,
	T_TIMESTAMP = 1114,
	T_TIMESTAMPTZ = 1184,
	T_NUMERIC = 1700,
	T_JSONB = 3802
};

enum { OUT_MAX = 1024, HEX_MAX = 256 };

struct row {
	Oid type;
	const char *text;
	const char *is; /* the bytes in hexadecimal; a state where the value is refused */
};

static struct bound_value value_of(const char *text, size_t len)
{
	return (struct bound_value){.text = text, .len = len};
}

static void assert_bytes(Oid type, struct bound_value v, const char *expected)
{
	AUTO(buf) struct buf out = BUF_INIT(OUT_MAX);
	struct target_fail fail = {.row = NO_ROW};
	char hex[HEX_MAX] = "";

	assert_int_equal(binary_put(&out, type, &v, &fail), 0);
	const char *bytes = buf_str(&out);
	for (size_t i = 0; i < out.len && 2 * i + 2 < sizeof(hex); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
	assert_string_equal(hex, expected);
}

static void assert_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_bytes(rows[i].type, value_of(rows[i].text, strlen(rows[i].text)),
			     rows[i].is);
}

static void a_numeric_has_groups_of_four_digits(void **unused)
{
	static const struct row rows[] = {
		{T_NUMERIC, "0",
		 "00000008"
		 "0000"
		 "0000"
		 "0000"
		 "0000"},
		{T_NUMERIC, "-0.00",
		 "00000008"
		 "0000"
		 "0000"
		 "0000"
		 "0002"},
		{T_NUMERIC, "1",
		 "0000000a"
		 "0001"
		 "0000"
		 "0000"
		 "0000"
		 "0001"},
		{T_NUMERIC, "10000",
		 "0000000a"
		 "0001"
		 "0001"
		 "0000"
		 "0000"
		 "0001"},
		{T_NUMERIC, "0.0001",
		 "0000000a"
		 "0001"
		 "ffff"
		 "0000"
		 "0004"
		 "0001"},
		{T_NUMERIC, "0.00001",
		 "0000000a"
		 "0001"
		 "fffe"
		 "0000"
		 "0005"
		 "03e8"},
		{T_NUMERIC, "-12345.678",
		 "0000000e"
		 "0003"
		 "0001"
		 "4000"
		 "0003"
		 "0001"
		 "0929"
		 "1a7c"},
	};

	(void)unused; /* no fixture */
	assert_rows(rows, ARRAY_LEN(rows));
}

static void times_before_2000_are_negative(void **unused)
{
	static const struct row rows[] = {
		{T_DATE, "2000-01-01",
		 "00000004"
		 "00000000"},
		{T_DATE, "1999-12-31",
		 "00000004"
		 "ffffffff"},
		{T_DATE, "1970-01-01",
		 "00000004"
		 "ffffd533"},
		{T_TIMESTAMP, "1999-12-31T23:59:59",
		 "00000008"
		 "fffffffffff0bdc0"},
		{T_TIMESTAMP, "2000-01-01T00:00:00.0000005",
		 "00000008"
		 "0000000000000000"},
		{T_TIMESTAMP, "2000-01-01T00:00:00.0000015",
		 "00000008"
		 "0000000000000002"},
		{T_TIMESTAMP, "2000-01-01T01:00:00+01:00",
		 "00000008"
		 "00000000d693a400"},
		{T_TIMESTAMPTZ, "2000-01-01T01:00:00+01:00",
		 "00000008"
		 "0000000000000000"},
		{T_TIMESTAMPTZ, "1999-12-31T23:00:00-01:00",
		 "00000008"
		 "0000000000000000"},
		{T_TIMESTAMPTZ, "1999-12-31T23:59:59Z",
		 "00000008"
		 "fffffffffff0bdc0"},
	};

	(void)unused; /* no fixture */
	assert_rows(rows, ARRAY_LEN(rows));
}

static void numbers_go_to_their_limits(void **unused)
{
	static const struct row rows[] = {
		{T_INT2, "-32768",
		 "00000002"
		 "8000"},
		{T_INT2, "32767",
		 "00000002"
		 "7fff"},
		{T_INT4, "-2147483648",
		 "00000004"
		 "80000000"},
		{T_INT8, "-9223372036854775808",
		 "00000008"
		 "8000000000000000"},
		{T_INT8, "9223372036854775807",
		 "00000008"
		 "7fffffffffffffff"},
		{T_FLOAT8, "-1.5",
		 "00000008"
		 "bff8000000000000"},
		{T_FLOAT8, "inf",
		 "00000008"
		 "7ff0000000000000"},
		{T_BOOL, "true",
		 "00000001"
		 "01"},
		{T_BOOL, "false",
		 "00000001"
		 "00"},
	};

	(void)unused; /* no fixture */
	assert_rows(rows, ARRAY_LEN(rows));
}

static void a_text_goes_byte_for_byte_and_null_has_no_bytes(void **unused)
{
	struct bound_value null = {.is_null = true};

	(void)unused; /* no fixture */
	assert_bytes(T_TEXT, value_of("a\t\\\xff", 4),
		     "00000004"
		     "61095cff");
	assert_bytes(T_TEXT, value_of("", 0), "00000000");
	assert_bytes(T_TEXT, null, "ffffffff");
	assert_bytes(T_NUMERIC, null, "ffffffff");
}

static void what_does_not_fit_is_refused_with_the_state_of_the_server(void **unused)
{
	char long_number[300];
	const struct row rows[] = {
		{T_INT2, "32768", "22003"},
		{T_INT2, "-32769", "22003"},
		{T_INT4, "2147483648", "22003"},
		{T_INT8, "9223372036854775808", "22003"},
		{T_NUMERIC, long_number, "22003"},
		{T_NUMERIC, "-", "22003"},
		{T_NUMERIC, "NaN", "22P02"},
		{T_NUMERIC, "1e5", "22P02"},
		{T_DATE, "2026-02-30", "22007"},
		{T_TIMESTAMP, "2026-02-28", "22007"},
		{T_TIMESTAMPTZ, "2026-02-30T00:00:00Z", "22007"},
	};

	(void)unused; /* no fixture */
	memset(long_number, '9', sizeof(long_number));
	long_number[sizeof(long_number) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf out = BUF_INIT(OUT_MAX);
		struct target_fail fail = {.row = NO_ROW};
		struct bound_value v = value_of(rows[i].text, strlen(rows[i].text));
		assert_true(binary_put(&out, rows[i].type, &v, &fail) < 0);
		assert_int_equal(fail.err.code, ERR_DATA);
		assert_string_equal(fail.state, rows[i].is);
		assert_int_equal(out.len, 0);
	}
}

static void other_types_go_as_text(void **unused)
{
	(void)unused; /* no fixture */
	assert_false(binary_takes(T_JSONB, FIELD_TEXT, true));
	assert_false(binary_takes(T_INT4, FIELD_TEXT, true));
	assert_false(binary_takes(T_TIMESTAMPTZ, FIELD_TIMESTAMP, false));
	assert_true(binary_takes(T_TIMESTAMPTZ, FIELD_TIMESTAMP, true));
	assert_true(binary_takes(T_NUMERIC, FIELD_DECIMAL, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_numeric_has_groups_of_four_digits),
		cmocka_unit_test(times_before_2000_are_negative),
		cmocka_unit_test(numbers_go_to_their_limits),
		cmocka_unit_test(a_text_goes_byte_for_byte_and_null_has_no_bytes),
		cmocka_unit_test(what_does_not_fit_is_refused_with_the_state_of_the_server),
		cmocka_unit_test(other_types_go_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
