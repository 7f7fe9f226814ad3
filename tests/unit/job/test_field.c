/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/field.h"

enum { SCRATCH_BYTES = 4096 };

static struct field field_of(const char *type)
{
	struct field field = {.name = xstrdup("total")};
	struct err err = ERR_INIT;

	if (field_parse_type(&field, type, strlen(type), &err) < 0)
		fail_msg("%s", err.text);
	return field;
}

/* What the value reads as; NULL when it is refused, "(null)" when it is null. */
static const char *check(const struct field *field, const char *raw, size_t len,
			 struct buf *scratch, struct err *err)
{
	static char text[256];
	struct value value = {0};

	scratch->len = 0;
	assert_non_null(buf_reserve(scratch, len + 64));
	int rc = field_check(field, raw, len, scratch, &value, err);
	if (rc < 0) {
		assert_int_equal(rc, ERR_DATA);
		return NULL;
	}
	if (value.is_null)
		return "(null)";
	assert_true(value.len < sizeof(text));
	memcpy(text, value.text, value.len);
	text[value.len] = '\0';
	return text;
}

struct reading {
	const char *raw;
	const char *text; /* NULL: refused */
};

static void assert_readings(const char *type, const struct reading *readings, size_t n)
{
	struct field field = field_of(type);
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);

	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_INIT;
		const char *raw = readings[i].raw;
		const char *got = check(&field, raw, strlen(raw), &scratch, &err);
		if ((got == NULL) != (readings[i].text == NULL))
			fail_msg("%s '%s': %s", type, raw, got == NULL ? err.text : got);
		if (got != NULL)
			assert_string_equal(got, readings[i].text);
	}
	field_done(&field);
}

static void integers_are_plain_digits(void **state)
{
	static const struct reading readings[] = {
		{"0", "0"},
		{"-12", "-12"},
		{"+12", "12"},
		{"007", "7"},
		{"-007", "-7"},
		{"-0", "0"},
		{"000", "0"},
		{"12345678901234567890123456789012345678",
		 "12345678901234567890123456789012345678"},
		{"123456789012345678901234567890123456789", NULL},
		{"", NULL},
		{"-", NULL},
		{"1.0", NULL},
		{"1e3", NULL},
		{" 1", NULL},
		{"1 ", NULL},
		{"1,000", NULL},
		{"0x10", NULL},
		{"\xd9\xa1", NULL}, /* an Arabic digit */
	};
	assert_readings("integer", readings, ARRAY_LEN(readings));
}

static void decimals_keep_their_digits(void **state)
{
	static const struct reading readings[] = {
		{"12.50", "12.50"},
		{"-0.10", "-0.10"},
		{"-0.00", "0.00"},
		{"+1", "1"},
		{"001.20", "1.20"},
		{"-001.20", "-1.20"},
		{"0.00000000000000000000000000000000000001",
		 "0.00000000000000000000000000000000000001"},
		{"0.000000000000000000000000000000000000001", NULL},
		{"12,50", NULL},
		{".5", NULL},
		{"5.", NULL},
		{"1.2.3", NULL},
		{"1e3", NULL},
		{"1.000,00", NULL},
	};
	assert_readings("decimal", readings, ARRAY_LEN(readings));
}

static void decimal_comma_becomes_a_point(void **state)
{
	static const struct reading readings[] = {
		{"12,50", "12.50"}, {"-0,10", "-0.10"}, {"-0,0", "0.0"},
		{"12", "12"},	    {"12.50", NULL},	{"1.000,00", NULL},
	};
	assert_readings("decimal(\",\")", readings, ARRAY_LEN(readings));
}

static void floats_are_as_given(void **state)
{
	static const struct reading readings[] = {
		{"1.5e3", "1.5e3"},
		{"-2E-10", "-2E-10"},
		{"+1.0", "1.0"},
		{"00.5", "0.5"},
		{"3", "3"},
		{"nan", NULL},
		{"inf", NULL},
		{"1e", NULL},
		{"1e308", "1e308"},
		{"1e309", NULL},
		{"-1e999", NULL},
		{"10e307", "10e307"},
		{"100e307", NULL},
		{"0.001e311", "0.001e311"},
		{"0.01e311", NULL},
		{"0e999", "0e999"},
		{"1e-999", "1e-999"},
		{"1.7976931348623157e308", "1.7976931348623157e308"},
		{"1.7976931348623159e308", NULL},
		{"1e9999", NULL},
		{".5", NULL},
		{"0x1p3", NULL},
	};
	assert_readings("float", readings, ARRAY_LEN(readings));
}

static void booleans_are_true_or_false(void **state)
{
	static const struct reading readings[] = {
		{"true", "true"}, {"FALSE", "false"}, {"True", "true"},
		{"1", NULL},	  {"yes", NULL},      {"", NULL},
	};
	assert_readings("boolean", readings, ARRAY_LEN(readings));
}

static void dates_exist(void **state)
{
	static const struct reading readings[] = {
		{"2026-11-23", "2026-11-23"},  {"2024-02-29", "2024-02-29"}, {"2026-02-29", NULL},
		{"2026-13-01", NULL},	       {"2026-1-1", NULL},	     {"26-01-01", NULL},
		{"2026-11-23T10:00:00", NULL}, {"0000-01-01", NULL},
	};
	assert_readings("date", readings, ARRAY_LEN(readings));
}

static void dates_of_a_format_become_iso(void **state)
{
	static const struct reading german[] = {
		{"23.11.2026", "2026-11-23"}, {"1.2.2026", "2026-02-01"}, {"31.04.2026", NULL},
		{"23.11.26", NULL},	      {"23-11-2026", NULL},	  {"23.11.2026 ", NULL},
	};
	static const struct reading compact[] = {
		{"20261123", "2026-11-23"},
		{"2026113", NULL},
		{"261123", NULL},
	};
	static const struct reading short_year[] = {
		{"11/23/26", "2026-11-23"},
		{"11/23/69", "1969-11-23"},
		{"11/23/2026", NULL},
	};
	static const struct reading with_time[] = {
		{"23.11.2026 23:59:60", "2026-11-23"},
		{"23.11.2026 24:00:00", NULL},
	};
	assert_readings("date(%d.%m.%Y)", german, ARRAY_LEN(german));
	assert_readings("date(%Y%m%d)", compact, ARRAY_LEN(compact));
	assert_readings("date(%m/%d/%y)", short_year, ARRAY_LEN(short_year));
	assert_readings("date(%d.%m.%Y %H:%M:%S)", with_time, ARRAY_LEN(with_time));
}

static void timestamps_become_rfc_3339(void **state)
{
	static const struct reading readings[] = {
		{"2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"},
		{"2026-11-23T10:00:00.123456789+01:00", "2026-11-23T10:00:00.123456789+01:00"},
		{"2026-11-23 10:00:00", "2026-11-23T10:00:00"},
		{"2026-11-23T10:00:00", "2026-11-23T10:00:00"},
		{"2026-11-23t10:00:00z", "2026-11-23T10:00:00Z"},
		{"2026-11-23 10:00:00.5+01", "2026-11-23T10:00:00.5+01:00"},
		{"2026-11-23 10:00:00-0530", "2026-11-23T10:00:00-05:30"},
		{"2026-11-23T10:00:00z", "2026-11-23T10:00:00Z"},
		{"2026-11-23", NULL},
		{"2026-11-23T10:00", NULL},
		{"2026-11-23T24:00:00Z", NULL},
		{"2026-11-23T10:60:00Z", NULL},
		{"2026-02-30T10:00:00Z", NULL},
		{"2026-11-23T10:00:00.Z", NULL},
		{"2026-11-23T10:00:00+1:00", NULL},
		{"2026-11-23T10:00:00.1234567890Z", NULL},
		{"2026-11-23T10:00:00 CET", NULL},
	};
	assert_readings("timestamp", readings, ARRAY_LEN(readings));
}

static void json_becomes_compact(void **state)
{
	static const struct reading readings[] = {
		{"{ \"a\" : [ 1.50 , \" \\\" x \" ] }", "{\"a\":[1.50,\" \\\" x \"]}"},
		{"null", "null"},
		{"{a: 1}", NULL},
		{"", NULL},
	};
	assert_readings("json", readings, ARRAY_LEN(readings));
}

static void texts_have_at_most_so_many_characters(void **state)
{
	static const struct reading readings[] = {
		{"", ""}, {"Grüße", "Grüße"}, {"Größen", NULL}, {"abcde", "abcde"}, {"\xff", NULL},
	};
	assert_readings("text(5)", readings, ARRAY_LEN(readings));
}

static void empty_is_null_only_where_it_may_be(void **state)
{
	static const char *const types[] = {"text?", "integer?", "date(%d.%m.%Y)?", "json?"};
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct field field = field_of(types[i]);
		struct err err = ERR_INIT;
		assert_string_equal(check(&field, "", 0, &scratch, &err), "(null)");
		field_done(&field);
	}
}

static void canonical_values_are_lent_and_not_copied(void **state)
{
	static const struct {
		const char *type;
		const char *raw;
		size_t skipped; /* at the front */
	} cases[] = {
		{"text(40)", "abc", 0},
		{"integer", "-12", 0},
		{"integer", "+0012", 3},
		{"decimal", "0012.50", 2},
		{"float", "1e5", 0},
		{"date", "2026-11-23", 0},
		{"timestamp", "2026-11-23T10:00:00Z", 0},
	};
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);

	assert_non_null(buf_reserve(&scratch, 256));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field field = field_of(cases[i].type);
		struct value value = {0};
		struct err err = ERR_INIT;
		const char *raw = cases[i].raw;
		assert_int_equal(field_check(&field, raw, strlen(raw), &scratch, &value, &err), 0);
		assert_ptr_equal(value.text, raw + cases[i].skipped);
		field_done(&field);
	}
	assert_int_equal(scratch.len, 0);
}

static void fault_shows_the_value_and_the_field(void **state)
{
	static const struct {
		const char *type;
		const char *raw;
		const char *text;
	} cases[] = {
		{"decimal", "12,5", "'12,5' is no decimal (field total)"},
		{"integer", "", "'' is no integer (field total)"},
		{"float", "x\ny", "'x\\x0ay' is no number (field total)"},
		{"date(%d.%m.%Y)", "1.2.26", "'1.2.26' is no date as %d.%m.%Y (field total)"},
		{"text(2)", "abc", "'abc' is too long (field total)"},
		{"boolean", "ja", "'ja' is no boolean (field total)"},
	};
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field field = field_of(cases[i].type);
		struct err err = ERR_INIT;
		assert_null(check(&field, cases[i].raw, strlen(cases[i].raw), &scratch, &err));
		assert_string_equal(err.text, cases[i].text);
		field_done(&field);
	}
}

static void sensitive_value_is_not_shown(void **state)
{
	struct field field = field_of("integer");
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);
	struct err err = ERR_INIT;

	field.sensitive = true;
	assert_null(check(&field, "hunter2", 7, &scratch, &err));
	assert_string_equal(err.text, "a value of 7 bytes is no integer (field total)");
	field_done(&field);
}

/* ---- JSON ---- */

static const char *check_json(const char *type, const char *text, struct err *err)
{
	static char out[256];
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct field field = field_of(type);
	AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);
	struct value value = {0};

	assert_non_null(buf_reserve(&scratch, 512));
	if (text != NULL)
		assert_int_equal(json_parse(text, strlen(text), 1 << 20, &doc, &root, err), 0);
	int rc = field_check_json(&field, root, &scratch, &value, err);
	field_done(&field);
	if (rc < 0)
		return NULL;
	if (value.is_null)
		return "(null)";
	memcpy(out, value.text, value.len);
	out[value.len] = '\0';
	return out;
}

static void json_values_are_checked_by_their_type(void **state)
{
	static const struct {
		const char *type;
		const char *json;
		const char *text;
	} cases[] = {
		{"text", "\"a\\u00e9\"", "a\xc3\xa9"},
		{"text", "\"\"", ""},
		{"text?", "\"\"", ""},
		{"text", "5", NULL},
		{"text", "null", NULL},
		{"text?", "null", "(null)"},
		{"text?", NULL, "(null)"},
		{"text", NULL, NULL},
		{"integer", "12345678901234567890", "12345678901234567890"},
		{"integer", "\"12\"", "12"},
		{"integer", "1.0", NULL},
		{"integer", "true", NULL},
		{"decimal", "12.50", "12.50"},
		{"decimal", "1.5e3", "1500"},
		{"decimal", "125e-2", "1.25"},
		{"decimal", "-5e-4", "-0.0005"},
		{"decimal", "0e5", "0"},
		{"decimal", "1e99", NULL},
		{"decimal", "1e-99", NULL},
		{"decimal(\",\")", "12.50", "12.50"},
		{"decimal(\",\")", "\"12,50\"", "12.50"},
		{"float", "1.5e3", "1.5e3"},
		{"boolean", "true", "true"},
		{"boolean", "1", NULL},
		{"date", "\"2026-11-23\"", "2026-11-23"},
		{"date", "20261123", NULL},
		{"json", "{\"a\": [1.50, null]}", "{\"a\":[1.50,null]}"},
		{"json", "\"a\"", "\"a\""},
		{"text", "[1]", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		const char *got = check_json(cases[i].type, cases[i].json, &err);
		if ((got == NULL) != (cases[i].text == NULL))
			fail_msg("%s %s: %s", cases[i].type, cases[i].json,
				 got == NULL ? err.text : got);
		if (got != NULL)
			assert_string_equal(got, cases[i].text);
	}
}

static void json_faults_say_what_stands_there(void **state)
{
	struct err err = ERR_INIT;

	assert_null(check_json("text", "5", &err));
	assert_string_equal(err.text, "the number 5 is no text (field total)");
	assert_null(check_json("integer", "[1]", &err));
	assert_string_equal(err.text, "a list is no integer (field total)");
	assert_null(check_json("integer", NULL, &err));
	assert_string_equal(err.text,
			    "the field is absent; write integer? to allow that (field total)");
}

static void values_are_written_with_their_json_type(void **state)
{
	static const struct {
		const char *type;
		const char *raw;
		const char *json;
	} cases[] = {
		{"text", "a\"b", "\"a\\\"b\""},
		{"integer", "007", "7"},
		{"decimal", "12.50", "12.50"},
		{"boolean", "TRUE", "true"},
		{"json", "[1 ]", "[1]"},
		{"text?", "", "null"},
		{"date", "2026-11-23", "\"2026-11-23\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field field = field_of(cases[i].type);
		AUTO(buf) struct buf scratch = BUF_INIT(SCRATCH_BYTES);
		AUTO(buf) struct buf out = BUF_INIT(SCRATCH_BYTES);
		struct json_writer w = {0};
		struct value value = {0};
		struct err err = ERR_INIT;
		assert_non_null(buf_reserve(&scratch, 256));
		assert_int_equal(field_check(&field, cases[i].raw, strlen(cases[i].raw), &scratch,
					     &value, &err),
				 0);
		jw_init(&w, &out);
		field_put_json(&field, &value, &w);
		assert_string_equal(buf_str(&out), cases[i].json);
		field_done(&field);
	}
}

/* ---- types ---- */

static void types_read_and_write_back(void **state)
{
	static const char *const types[] = {
		"text",	 "text(40)", "integer?", "decimal",	    "decimal(\",\")?",
		"float", "boolean",  "date",	 "date(%d.%m.%Y)?", "timestamp",
		"json?"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct field field = field_of(types[i]);
		AUTO(buf) struct buf out = BUF_INIT(100);
		field_put_type(&field, &out);
		assert_string_equal(buf_str(&out), types[i]);
		field_done(&field);
	}
}

static void types_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *type;
		const char *text;
	} cases[] = {
		{"int", "expected a field type (text, integer, decimal, float, boolean, date, "
			"timestamp or json), found 'int'"},
		{"Integer", "expected a field type (text, integer, decimal, float, boolean, date, "
			    "timestamp or json), found 'Integer'; did you mean 'integer'?"},
		{"text(0)", "expected a number of characters as in text(40), found text(0)"},
		{"text(40", "expected ')' at the end of 'text(40'"},
		{"integer(5)", "type integer takes nothing in parentheses"},
		{"decimal(;)", "expected decimal(\",\") or decimal(\".\"), found decimal(;)"},
		{"date(%d.%m)", "'%d.%m' is no format of dates: it needs a day (%d), a month (%m) "
				"and a year (%Y), each once"},
		{"date(%d.%B.%Y)", "'%d.%B.%Y' is no format of dates: after '%' may come dmYyHMS%"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct field field = {.name = NULL};
		struct err err = ERR_INIT;
		assert_int_equal(
			field_parse_type(&field, cases[i].type, strlen(cases[i].type), &err),
			ERR_CONFIG);
		assert_string_equal(err.text, cases[i].text);
		field_done(&field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_plain_digits),
		cmocka_unit_test(decimals_keep_their_digits),
		cmocka_unit_test(decimal_comma_becomes_a_point),
		cmocka_unit_test(floats_are_as_given),
		cmocka_unit_test(booleans_are_true_or_false),
		cmocka_unit_test(dates_exist),
		cmocka_unit_test(dates_of_a_format_become_iso),
		cmocka_unit_test(timestamps_become_rfc_3339),
		cmocka_unit_test(json_becomes_compact),
		cmocka_unit_test(texts_have_at_most_so_many_characters),
		cmocka_unit_test(empty_is_null_only_where_it_may_be),
		cmocka_unit_test(canonical_values_are_lent_and_not_copied),
		cmocka_unit_test(fault_shows_the_value_and_the_field),
		cmocka_unit_test(sensitive_value_is_not_shown),
		cmocka_unit_test(json_values_are_checked_by_their_type),
		cmocka_unit_test(json_faults_say_what_stands_there),
		cmocka_unit_test(values_are_written_with_their_json_type),
		cmocka_unit_test(types_read_and_write_back),
		cmocka_unit_test(types_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
