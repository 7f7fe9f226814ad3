/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Lines, and lines of other kinds from standard input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/source/desk.h"

#define JSONL                                                                                      \
	"  jsonl: {path: in.jsonl}\n"                                                              \
	"  fields: {id: integer, mail: {type: text, from: /customer/email}, total: \"decimal?\"}\n"

static struct desk *load(const char *source, const char *text)
{
	struct desk *d = desk_open();

	desk_write(d, "in.jsonl", text);
	desk_job(d, source, "");
	desk_load(d);
	return d;
}

static void each_line_is_an_item_whose_fields_are_found_by_name_or_pointer(void **state)
{
	struct desk *d = load(JSONL,
			      "{\"id\": 1, \"customer\": {\"email\": \"a@b.c\"}, \"total\": "
			      "12.50}\n \t \r\n{\"customer\":{\"x\":[],\"email\":\"\\u00e4\"},"
			      "\"id\":\"2\"}");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.jsonl:1 @in.jsonl:1 id=1 mail=a@b.c total=12.50",
		     "in.jsonl:3 @in.jsonl:3 id=2 mail=\xc3\xa4 total=null");
	assert_int_equal(d->read, 2);
	desk_close(d);
}

static void what_is_no_json_is_rejected_at_the_character_where_it_stops_to_be(void **state)
{
	struct desk *d = load(JSONL, "{\"id\":1,\"\xc3\xa4\":}\n[1]\n{\"id\":1\n");

	desk_expect_end(d);
	assert_int_equal(d->n_rejects, 3);
	assert_int_equal(strncmp(d->rejects[0], "in.jsonl:1:13 byte 13: ", 23), 0);
	assert_string_equal(d->rejects[1],
			    "in.jsonl:2:1 byte 15: a record is one JSON object, this is "
			    "something else [[1]]");
	desk_close(d);
}

static void a_value_of_the_wrong_type_is_rejected_where_it_stands(void **state)
{
	struct desk *d = load(JSONL,
			      "{\"customer\":{\"a\":[{\"email\":1}],\"email\" : true},\"id\":1}\n"
			      "{\"id\":{\"x\":\"}\"},\"customer\":{\"email\":\"\"}}\n"
			      "{\"customer\":{\"email\":\"\"}}\n"
			      "{\"id\":1,\"customer\":null}\n");

	desk_expect_end(d);
	EXPECT_REJECTS(d,
		       "in.jsonl:1:42 byte 41: true is no text (field mail) "
		       "[{\"customer\":{\"a\":[{\"email\":1}],\"email\" : true},\"id\":1}]",
		       "in.jsonl:2:7 byte 61: an object is no integer (field id) "
		       "[{\"id\":{\"x\":\"}\"},\"customer\":{\"email\":\"\"}}]",
		       "in.jsonl:3:1 byte 96: the field is absent; write integer? to allow that "
		       "(field id) [{\"customer\":{\"email\":\"\"}}]",
		       "in.jsonl:4:1 byte 122: the field is absent; write text? to allow that "
		       "(field mail) [{\"id\":1,\"customer\":null}]");
	desk_close(d);
}

static void places_in_lists_and_under_escaped_names_are_found(void **state)
{
	struct desk *d = load(
		"  jsonl: {path: in.jsonl}\n"
		"  fields: {a: {type: integer, from: /list/1/n}, b: {type: integer, from: "
		"/x~1y}}\n",
		"{\"list\":[{\"n\":1},{\"n\":2}],\"x/y\":3}\n"
		"{\"list\":[[1,\"]\"] , {\"n\" : \"x\"}],\"x/y\":3}\n"
		"{\"list\":[0,{\"n\":1}],\"x/y\":\"z\"}\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.jsonl:1 @in.jsonl:1 a=2 b=3");
	EXPECT_REJECTS(d,
		       "in.jsonl:2:27 byte 61: 'x' is no integer (field a) "
		       "[{\"list\":[[1,\"]\"] , {\"n\" : \"x\"}],\"x/y\":3}]",
		       "in.jsonl:3:27 byte 102: 'z' is no integer (field b) "
		       "[{\"list\":[0,{\"n\":1}],\"x/y\":\"z\"}]");
	desk_close(d);
}

static void numbers_keep_their_digits_and_json_fields_their_text(void **state)
{
	struct desk *d = load(
		"  jsonl: {path: in.jsonl}\n"
		"  fields: {n: decimal, j: json, f: float, b: boolean}\n",
		"{\"n\":12345678901234567890.10,\"j\":{\"a\": [1.10, null]},\"f\":1e5,\"b\":"
		"true}\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.jsonl:1 @in.jsonl:1 n=12345678901234567890.10 j={\"a\":[1.10,null]} "
			"f=1e5 b=true");
	desk_close(d);
}

static void broken_utf8_and_nul_bytes_are_rejected(void **state)
{
	static const char text[] = "{\"id\":1,\"customer\":{\"email\":\"\xff\"}}\n"
				   "{\"id\":1,\0\"customer\":{\"email\":\"\"}}\n"
				   "{\"id\":3,\"customer\":{\"email\":\"\"}}\n";
	struct desk *d = desk_open();

	desk_write_bytes(d, "in.jsonl", text, sizeof(text) - 1);
	desk_job(d, JSONL, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.jsonl:3 @in.jsonl:3 id=3 mail= total=null");
	assert_int_equal(d->n_rejects, 2);
	assert_int_equal(strncmp(d->rejects[0], "in.jsonl:1:30 byte 29: broken UTF-8 [", 37), 0);
	assert_int_equal(strncmp(d->rejects[1], "in.jsonl:2:9 byte 42: a NUL byte [", 34), 0);
	desk_close(d);
}

/* ---- standard input ---- */

/* Makes the file standard input while the job is loaded. */
static void load_stdin(struct desk *d, const char *source, const char *more)
{
	int old = dup(STDIN_FILENO);
	int fd = open(desk_path(d, "input"), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	(void)close(fd);
	desk_job(d, source, more);
	desk_load(d);
	(void)close(STDIN_FILENO);
	if (old >= 0) {
		(void)dup2(old, STDIN_FILENO);
		(void)close(old);
	}
}

static void lines_of_standard_input_are_items(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "input", "first, \"line\n\nsecond\r\n");
	load_stdin(d, "  stdin: {format: lines}\n", "");
	desk_expect_end(d);
	EXPECT_ITEMS(d, "stdin:1 @:1 line=first, \"line", "stdin:3 @:3 line=second");
	desk_close(d);
}

static void csv_and_json_of_standard_input_are_items(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "input", "a;b\n1;x\ny;z\n");
	load_stdin(d, "  stdin: {format: csv, delimiter: \";\"}\n  fields: {b: text, a: integer}\n",
		   "");
	desk_expect_end(d);
	EXPECT_ITEMS(d, "stdin:2 @:2 b=x a=1");
	EXPECT_REJECTS(d, ":3:1 byte 8: 'y' is no integer (field a) [y;z]");
	desk_write(d, "input", "{\"a\":1}\n");
	load_stdin(d, "  stdin: {format: jsonl}\n  fields: {a: integer}\n  key: a\n", "");
	desk_expect_end(d);
	EXPECT_ITEMS(d, "1 @:1 a=1");
	desk_close(d);
}

static void a_pipe_is_read_to_its_end(void **state)
{
	struct desk *d = desk_open();
	int old = dup(STDIN_FILENO);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "a\nb", 3), 3);
	(void)close(ends[1]);
	(void)dup2(ends[0], STDIN_FILENO);
	(void)close(ends[0]);
	desk_job(d, "  stdin: {format: lines}\n", "");
	desk_load(d);
	(void)dup2(old, STDIN_FILENO);
	(void)close(old);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "stdin:1 @:1 line=a", "stdin:2 @:2 line=b");
	desk_close(d);
}

static void a_file_may_take_the_place_of_standard_input(void **state)
{
	struct desk *d = desk_open();
	char want[300];

	desk_write(d, "mended", "a\nb\n");
	desk_job(d, "  stdin: {format: lines}\n", "chunk: {items: 1}");
	d->options.path = desk_path(d, "mended");
	desk_load_some(d, 1);
	desk_resume(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	(void)snprintf(want, sizeof(want), "%s/mended:2 @%s/mended:2 line=b", d->dir, d->dir);
	assert_string_equal(d->items[1], want);
	desk_close(d);
}

static void a_load_of_standard_input_cannot_go_on(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "input", "a\nb\nc\n");
	load_stdin(d, "  stdin: {format: lines}\n", "chunk: {items: 1}");
	desk_expect_end(d);
	desk_resume(d);
	desk_expect_failure(d, ERR_DATA,
			    "standard input cannot be read again: its load cannot go on");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_an_item_whose_fields_are_found_by_name_or_pointer),
		cmocka_unit_test(what_is_no_json_is_rejected_at_the_character_where_it_stops_to_be),
		cmocka_unit_test(a_value_of_the_wrong_type_is_rejected_where_it_stands),
		cmocka_unit_test(places_in_lists_and_under_escaped_names_are_found),
		cmocka_unit_test(numbers_keep_their_digits_and_json_fields_their_text),
		cmocka_unit_test(broken_utf8_and_nul_bytes_are_rejected),
		cmocka_unit_test(lines_of_standard_input_are_items),
		cmocka_unit_test(csv_and_json_of_standard_input_are_items),
		cmocka_unit_test(a_pipe_is_read_to_its_end),
		cmocka_unit_test(a_file_may_take_the_place_of_standard_input),
		cmocka_unit_test(a_load_of_standard_input_cannot_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
