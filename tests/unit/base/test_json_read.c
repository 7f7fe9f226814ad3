/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { PLENTY = 1 << 20 };

/* Parses from memory of exactly the text's size, so that a sanitizer sees a read beyond it. */
static int parse(const char *text, size_t len, struct json_doc **doc, const struct json **root,
		 struct err *err)
{
	char *exact = malloc(len + (len == 0 ? 1 : 0));

	assert_non_null(exact);
	if (len > 0)
		memcpy(exact, text, len);
	int rc = json_parse(exact, len, PLENTY, doc, root, err);
	memset(exact, '#', len);
	free(exact); /* the tree must not need it */
	return rc;
}

static void assert_becomes(const char *text, const char *expected)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	AUTO(buf) struct buf b = BUF_INIT(PLENTY);
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	if (parse(text, strlen(text), &doc, &root, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	json_put(&b, root);
	assert_string_equal(buf_str(&b), expected);
}

static void assert_refused(const char *text, size_t len, const char *message)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	if (parse(text, len, &doc, &root, &err) != ERR_DATA)
		fail_msg("'%s' was read", text);
	if (message != NULL)
		assert_string_equal(err.text, message);
	assert_null(doc);
	assert_null(root);
}

static void every_type_is_read(void **state)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	const char *text =
		" { \"n\" : null , \"f\" : false , \"t\" : true , \"x\" : -1.50e+3 ,\r\n"
		"\t\"s\" : \"text\" , \"a\" : [ 1 , [ ] , { } ] , \"o\" : { \"k\" : 2 } } ";

	assert_int_equal(parse(text, strlen(text), &doc, &root, &err), 0);
	assert_int_equal(root->type, JSON_OBJECT);
	assert_int_equal(root->n, 7);
	assert_int_equal(json_find(root, "n", 1)->type, JSON_NULL);
	assert_int_equal(json_find(root, "f", 1)->type, JSON_FALSE);
	assert_int_equal(json_find(root, "t", 1)->type, JSON_TRUE);
	const struct json *x = json_find(root, "x", 1);
	assert_int_equal(x->type, JSON_NUMBER);
	assert_int_equal(x->text_len, 8);
	assert_memory_equal(x->text, "-1.50e+3", 8);
	assert_string_equal(json_find(root, "s", 1)->text, "text");
	const struct json *a = json_find(root, "a", 1);
	assert_int_equal(a->type, JSON_ARRAY);
	assert_int_equal(a->n, 3);
	assert_null(a->first->name);
	assert_int_equal(a->first->next->n, 0);
	assert_null(a->first->next->next->next);
	assert_null(json_find(root, "absent", 6));
	assert_null(json_find(a, "k", 1));
}

static void any_value_may_stand_alone(void **state)
{
	assert_becomes("1", "1");
	assert_becomes(" \"x\" ", "\"x\"");
	assert_becomes("null", "null");
	assert_becomes("[]", "[]");
	assert_becomes("{}", "{}");
	assert_becomes("\t\n\r false\n", "false");
}

static void numbers_stay_as_they_were_written(void **state)
{
	static const char *const numbers[] = {
		"0",
		"-0",
		"-0.0",
		"1.10",
		"1E400",
		"1e-400",
		"0e+0",
		"123456789012345678901234567890123456789012345678901234567890",
		"0.10000000000000000000000000000000000000000000000000000000001",
		"9007199254740993",
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_becomes(numbers[i], numbers[i]);
}

static void numbers_of_other_languages_are_refused(void **state)
{
	static const char *const cases[] = {"01",    "-",   "+1",	"1.",	     ".5",
					    "1e",    "1e+", "0x10",	"-01",	     "00",
					    "1.e5",  "NaN", "Infinity", "-Infinity", "1_000",
					    "1 000", "--1", "1.2.3",	"1e5.5",     "-a"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i], strlen(cases[i]), NULL);
	assert_refused("[01]", 4, "line 1, column 2: a number must not begin with 0");
	assert_refused("[1.]", 4,
		       "line 1, column 4: expected a digit after the decimal point, found ']'");
}

static void escapes_are_resolved(void **state)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	const char *text = "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e4\\u20AC\\ud83d\\uDE00z\"";
	const char expected[] = "a\"\\/\b\f\n\r\t\0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";

	assert_int_equal(parse(text, strlen(text), &doc, &root, &err), 0);
	assert_int_equal(root->text_len, sizeof(expected) - 1);
	assert_memory_equal(root->text, expected, sizeof(expected));
}

static void strings_of_any_length_and_escape_place_are_read(void **state)
{
	char text[100];
	char plain[100];

	for (size_t len = 0; len < 60; len++)
		for (size_t at = 0; at <= len; at++) {
			AUTO(json_doc) struct json_doc *doc = NULL;
			const struct json *root = NULL;
			struct err err = ERR_INIT;
			memset(plain, 'p', len + 1);
			plain[at] = '\n';
			int n = snprintf(text, sizeof(text), "\"%.*s\\n%.*s\"", (int)at, plain,
					 (int)(len - at), plain + at + 1);
			assert_int_equal(parse(text, (size_t)n, &doc, &root, &err), 0);
			assert_int_equal(root->text_len, len + 1);
			assert_memory_equal(root->text, plain, len + 1);
			assert_int_equal(root->text[len + 1], '\0');
		}
}

static void wrong_escapes_and_surrogates_are_refused(void **state)
{
	static const char *const cases[] = {
		"\"\\a\"",
		"\"\\'\"",
		"\"\\x41\"",
		"\"\\u\"",
		"\"\\u12\"",
		"\"\\u123g\"",
		"\"\\ud800\"",
		"\"\\ud800x\"",
		"\"\\udc00\"",
		"\"\\ud800\\n\"",
		"\"\\ud800\\ud800\"",
		"\"\\ud800\\u0041\"",
		"\"\\udbff\\ue000\"",
		"\"\\u-123\"",
		"\"\\U0041\"",
		"\"\\",
		"\"\\u00",
		"\"\\ud83d\\u",
		"\"\\ud83d\\",
		"\"\\ \"",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i], strlen(cases[i]), NULL);
	assert_refused("[\"ab\\ud800c\"]", 13,
		       "line 1, column 5: \\ud800 is half of a surrogate pair");
	assert_refused("\"ab\\qc\"", 7, "line 1, column 4: there is no such escape in JSON");
}

static void control_characters_must_be_escaped(void **state)
{
	char text[] = "\"a?\"";

	for (int c = 0; c < 0x20; c++) {
		text[2] = (char)c;
		assert_refused(text, 4, NULL);
	}
	assert_refused("\"a\nb\"", 5,
		       "line 1, column 3: a control character (0x0a) in a string must be escaped");
	assert_becomes("\"\x7f\"", "\"\x7f\"");
}

static void text_must_be_utf8(void **state)
{
	static const char *const cases[] = {
		"\"\xff\"",	    "\"\xc3\"",	  "\"\xc0\xaf\"",
		"\"\xed\xa0\x80\"", "\"\xe2\x82", "\"\xf4\x90\x80\x80\"",
		"\xa0[1]",	    "[1]\xc2",	  "{\"\xe4\":1}"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i], strlen(cases[i]), NULL);
	assert_refused("[\n\"\xc3\xa4\xe4\"]", 7,
		       "line 2, column 3: the text is not UTF-8 (byte 0xe4)");
	assert_refused("\xef\xbb\xbf{}", 5,
		       "line 1, column 1: JSON must not begin with a byte order mark");
	assert_becomes("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
		       "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void structure_must_be_whole(void **state)
{
	static const char *const cases[] = {
		"",	      " ",
		"[",	      "]",
		"{",	      "}",
		"[1",	      "[1,",
		"[1,]",	      "[,1]",
		"[1 2]",      "[1}",
		"{\"a\"}",    "{\"a\":}",
		"{\"a\":1",   "{\"a\":1,",
		"{\"a\":1,}", "{a:1}",
		"{1:1}",      "{'a':1}",
		"{\"a\"1}",   "{\"a\":1 \"b\":2}",
		"{,}",	      "[]]",
		"{}{}",	      "1 2",
		"\"abc",      "'abc'",
		"tru",	      "nul",
		"True",	      "nulll",
		"fals",	      "undefined",
		"// x\n1",    "/* x */1",
		"[1,,2]",     ":",
		"\"a\":1",    "\x01",
		"[\"\": 1]",  "{\"a\" \"b\"}",
		"t",	      "[1\f]",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i], strlen(cases[i]), NULL);
	assert_refused("1\0", 2, "line 1, column 2: expected the end of the text, found '\\x00'");
	assert_refused("\0"
		       "1",
		       2, NULL);
	assert_refused("[1\0]", 4, NULL);
	assert_refused("\"a\0b\"", 5, NULL);
}

static void messages_tell_line_and_column_in_characters(void **state)
{
	const char *text = "{\n  \"\xc3\xbc\xc3\xbc\": [1,\n    2 \xe2\x82\xac]\n}";

	assert_refused(text, strlen(text),
		       "line 3, column 7: expected ',' or ']', found '\xe2\x82\xac'");
	assert_refused("{\"a\":1,\n \"b\" 2}", 15,
		       "line 2, column 6: expected ':' after the name, found '2'");
	assert_refused("[1,\n", 4, "line 2, column 1: expected a value, but the text ends");
	assert_refused("[1,\n \"abc", 9,
		       "line 2, column 2: the string that begins here has no end");
}

static void names_may_not_come_twice(void **state)
{
	assert_refused("{\"a\":1,\"b\":2,\"a\":3}", 19,
		       "line 1, column 14: the name 'a' comes twice in this object");
	assert_refused("{\"a\":1,\"\\u0061\":2}", 18,
		       "line 1, column 8: the name 'a' comes twice in this object");
	assert_refused("{\"\":1,\"\":2}", 11, NULL);
	assert_refused("[{\"x\":{\"k\":1,\"k\":1}}]", 21, NULL);
	assert_becomes("{\"a\":{\"a\":1},\"A\":1,\"a\\u0000\":1,\"aa\":2}",
		       "{\"a\":{\"a\":1},\"A\":1,\"a\\u0000\":1,\"aa\":2}");
}

/* An object of `n` members, of which the last has the name of number `same` (none when it is n). */
static void put_many_members(struct buf *b, size_t n, size_t same)
{
	buf_reset(b);
	buf_putc(b, '{');
	for (size_t i = 0; i < n; i++) {
		size_t name = i + 1 == n && same < n ? same : i;
		buf_printf(b, "%s\"m%zu\":%zu", i == 0 ? "" : ",", name, i);
	}
	buf_putc(b, '}');
}

static void names_are_compared_in_large_objects_too(void **state)
{
	static const size_t sizes[] = {2, 10, 100, 256, 257, 258, 300, 5000};
	AUTO(buf) struct buf b = BUF_INIT(PLENTY);

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t n = sizes[i];
		AUTO(json_doc) struct json_doc *doc = NULL;
		const struct json *root = NULL;
		struct err err = ERR_INIT;
		put_many_members(&b, n, n);
		assert_int_equal(json_parse(b.data, b.len, PLENTY, &doc, &root, &err), 0);
		assert_int_equal(root->n, n);
		put_many_members(&b, n, 0);
		assert_refused(b.data, b.len, NULL);
		put_many_members(&b, n, n - 2);
		assert_refused(b.data, b.len, NULL);
	}
	put_many_members(&b, 300, 5);
	struct err err = ERR_INIT;
	struct json_doc *doc = NULL;
	const struct json *root = NULL;
	assert_int_equal(json_parse(b.data, b.len, PLENTY, &doc, &root, &err), ERR_DATA);
	assert_string_equal(err.text, /* the second of the two is blamed */
			    "line 1, column 3071: the name 'm5' comes twice in this object");
}

static void nesting_ends_at_its_maximum(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 10];

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	text[2 * JSON_DEPTH_MAX] = '\0';
	assert_becomes(text, text);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_refused(text, 2 * JSON_DEPTH_MAX + 2,
		       "line 1, column 65: nested deeper than 64 levels");
}

static void memory_is_bounded_and_the_bound_does_not_move(void **state)
{
	const char *text = "[1,2,3,\"abc\",{\"k\":null}]";
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	size_t least = 0;

	for (size_t max = 0; least == 0; max += 8) {
		struct json_doc *doc = NULL;
		int rc = json_parse(text, strlen(text), max, &doc, &root, &err);
		if (rc == 0)
			least = max;
		else
			assert_int_equal(rc, ERR_TOO_BIG);
		json_doc_free(doc);
	}
	assert_int_equal(least, strlen(text) + 8 + 7 * sizeof(struct json));
	/* Whatever was parsed before, as much fits, and not more. */
	AUTO(json_doc) struct json_doc *doc = json_doc_new(least);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(json_parse_into(doc, text, strlen(text), &root, &err), 0);
		assert_int_equal(json_parse_into(doc, "[1]", 3, &root, &err), 0);
		assert_int_equal(
			json_parse_into(doc, "[1,2,3,\"abc\",{\"k\":1}, 2]", 24, &root, &err),
			ERR_TOO_BIG);
		assert_int_equal(json_parse_into(doc, "[1,2", 4, &root, &err), ERR_DATA);
	}
}

static void document_is_reused_line_after_line(void **state)
{
	AUTO(json_doc) struct json_doc *doc = json_doc_new(16 * PLENTY);
	AUTO(buf) struct buf text = BUF_INIT(PLENTY);
	AUTO(buf) struct buf out = BUF_INIT(PLENTY);
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	for (size_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
		put_many_members(&text, n, n);
		for (int again = 0; again < 3; again++) {
			buf_reset(&out);
			assert_int_equal(json_parse_into(doc, text.data, text.len, &root, &err), 0);
			json_put(&out, root);
			assert_string_equal(buf_str(&out), buf_str(&text));
		}
	}
}

static void pointer_finds_what_rfc_6901_says(void **state)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	const char *text = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8,"
			   "\"o\":{\"p\":[{\"q\":5}]},\"~1\":9}";
	static const struct {
		const char *pointer;
		const char *json; /* NULL: nothing */
	} cases[] = {
		{"/foo", "[\"bar\",\"baz\"]"},
		{"/foo/0", "\"bar\""},
		{"/foo/1", "\"baz\""},
		{"/", "0"},
		{"/a~1b", "1"},
		{"/c%d", "2"},
		{"/m~0n", "8"},
		{"/o/p/0/q", "5"},
		{"/~01", "9"},
		{"/foo/2", NULL},
		{"/foo/-", NULL},
		{"/foo/00", NULL},
		{"/foo/01", NULL},
		{"/foo/", NULL},
		{"/foo/-1", NULL},
		{"/foo/0/x", NULL},
		{"foo", NULL},
		{"/absent", NULL},
		{"/m~n", NULL},
		{"/m~", NULL},
		{"/a/b", NULL},
		{"/fo", NULL},
		{"/fooo", NULL},
		{"/foo/99999999999999999999999", NULL},
	};

	assert_int_equal(parse(text, strlen(text), &doc, &root, &err), 0);
	assert_ptr_equal(json_pointer(root, ""), root);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct json *found = json_pointer(root, cases[i].pointer);
		AUTO(buf) struct buf b = BUF_INIT(PLENTY);
		if (cases[i].json == NULL) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		json_put(&b, found);
		assert_string_equal(buf_str(&b), cases[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(any_value_may_stand_alone),
		cmocka_unit_test(numbers_stay_as_they_were_written),
		cmocka_unit_test(numbers_of_other_languages_are_refused),
		cmocka_unit_test(escapes_are_resolved),
		cmocka_unit_test(strings_of_any_length_and_escape_place_are_read),
		cmocka_unit_test(wrong_escapes_and_surrogates_are_refused),
		cmocka_unit_test(control_characters_must_be_escaped),
		cmocka_unit_test(text_must_be_utf8),
		cmocka_unit_test(structure_must_be_whole),
		cmocka_unit_test(messages_tell_line_and_column_in_characters),
		cmocka_unit_test(names_may_not_come_twice),
		cmocka_unit_test(names_are_compared_in_large_objects_too),
		cmocka_unit_test(nesting_ends_at_its_maximum),
		cmocka_unit_test(memory_is_bounded_and_the_bound_does_not_move),
		cmocka_unit_test(document_is_reused_line_after_line),
		cmocka_unit_test(pointer_finds_what_rfc_6901_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
