/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "unit/dies.h"

static void assert_string_is(const char *text, size_t len, const char *expected)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	json_put_string(&b, text, len);
	assert_string_equal(buf_str(&b), expected);
}

static void strings_are_escaped_as_needed(void **state)
{
	assert_string_is("", 0, "\"\"");
	assert_string_is("plain text, longer than a word", 30,
			 "\"plain text, longer than a word\"");
	assert_string_is("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
	assert_string_is("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
	assert_string_is("\0\x01\x1f", 3, "\"\\u0000\\u0001\\u001f\"");
	assert_string_is("M\xc3\xbcller \xf0\x9f\x98\x80", 12,
			 "\"M\xc3\xbcller \xf0\x9f\x98\x80\"");
}

static void bad_utf8_becomes_the_replacement_character(void **state)
{
	assert_string_is("a\xff"
			 "b",
			 3,
			 "\"a\xef\xbf\xbd"
			 "b\"");
	assert_string_is("\xc2\x9b\xe2\x80\xae", 5, "\"\\u009b\\u202e\"");
	/* what YAML, which reads our JSON too, has no characters for */
	assert_string_is("\xef\xbf\xbf\xef\xbb\xbf", 6, "\"\\uffff\\ufeff\"");
	assert_string_is("\xc3", 1, "\"\xef\xbf\xbd\"");
	assert_string_is("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void special_byte_is_found_wherever_it_stands(void **state)
{
	char text[40];
	char expected[60];

	for (size_t len = 1; len < sizeof(text); len++)
		for (size_t at = 0; at < len; at++) {
			memset(text, 'a', len);
			text[at] = '"';
			memset(expected, 'a', len + 4);
			expected[0] = '"';
			memcpy(expected + at + 1, "\\\"", 2);
			memcpy(expected + len + 2, "\"", 2);
			assert_string_is(text, len, expected);
		}
}

static void write_sample(struct json_writer *w)
{
	jw_object(w);
	jw_member_text(w, "name", "x");
	jw_member_text(w, "none", NULL);
	jw_member_int(w, "least", INT64_MIN);
	jw_member_bool(w, "yes", true);
	jw_name(w, "list");
	jw_array(w);
	jw_int(w, 1);
	jw_raw(w, "1.50", 4);
	jw_null(w);
	jw_object(w);
	jw_object_end(w);
	jw_array(w);
	jw_array_end(w);
	jw_bool(w, false);
	jw_string(w, "a\0b", 3);
	jw_array_end(w);
	jw_object_end(w);
	jw_done(w);
}

static void commas_stand_where_they_belong(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct json_writer w;

	jw_init(&w, &b);
	write_sample(&w);
	assert_string_equal(
		buf_str(&b),
		"{\"name\":\"x\",\"none\":null,\"least\":-9223372036854775808,\"yes\":true,"
		"\"list\":[1,1.50,null,{},[],false,\"a\\u0000b\"]}");
}

static void pretty_form_has_a_line_for_each_value(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct json_writer w;

	jw_init(&w, &b);
	w.pretty = true;
	write_sample(&w);
	assert_string_equal(buf_str(&b), "{\n"
					 "  \"name\": \"x\",\n"
					 "  \"none\": null,\n"
					 "  \"least\": -9223372036854775808,\n"
					 "  \"yes\": true,\n"
					 "  \"list\": [\n"
					 "    1,\n"
					 "    1.50,\n"
					 "    null,\n"
					 "    {},\n"
					 "    [],\n"
					 "    false,\n"
					 "    \"a\\u0000b\"\n"
					 "  ]\n"
					 "}");
}

static void single_values_are_documents(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct json_writer w;

	jw_init(&w, &b);
	jw_text(&w, "alone");
	jw_done(&w);
	assert_string_equal(buf_str(&b), "\"alone\"");
}

/* ---- wrong nesting ---- */

static struct buf scratch = {.max = 1000};
static struct json_writer writer;

static void value_without_name(void)
{
	jw_init(&writer, &scratch);
	jw_object(&writer);
	jw_int(&writer, 1);
}

static void name_in_array(void)
{
	jw_init(&writer, &scratch);
	jw_array(&writer);
	jw_name(&writer, "x");
}

static void name_without_value(void)
{
	jw_init(&writer, &scratch);
	jw_object(&writer);
	jw_name(&writer, "x");
	jw_object_end(&writer);
}

static void wrong_end(void)
{
	jw_init(&writer, &scratch);
	jw_object(&writer);
	jw_array_end(&writer);
}

static void end_too_many(void)
{
	jw_init(&writer, &scratch);
	jw_array(&writer);
	jw_array_end(&writer);
	jw_array_end(&writer);
}

static void two_roots(void)
{
	jw_init(&writer, &scratch);
	jw_int(&writer, 1);
	jw_int(&writer, 2);
}

static void unfinished(void)
{
	jw_init(&writer, &scratch);
	jw_array(&writer);
	jw_done(&writer);
}

static void too_deep(void)
{
	jw_init(&writer, &scratch);
	for (int i = 0; i < 64; i++)
		jw_array(&writer);
}

static void wrong_nesting_ends_the_process(void **state)
{
	assert_true(dies(value_without_name));
	assert_true(dies(name_in_array));
	assert_true(dies(name_without_value));
	assert_true(dies(wrong_end));
	assert_true(dies(end_too_many));
	assert_true(dies(two_roots));
	assert_true(dies(unfinished));
	assert_true(dies(too_deep));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped_as_needed),
		cmocka_unit_test(bad_utf8_becomes_the_replacement_character),
		cmocka_unit_test(special_byte_is_found_wherever_it_stands),
		cmocka_unit_test(commas_stand_where_they_belong),
		cmocka_unit_test(pretty_form_has_a_line_for_each_value),
		cmocka_unit_test(single_values_are_documents),
		cmocka_unit_test(wrong_nesting_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
