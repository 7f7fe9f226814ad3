/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/table.h"

static const struct table_column columns[] = {
	{.title = "NAME", .max = 8}, {.title = "N", .is_right = true}, {.title = "TEXT"}};

static void widths_fit_the_widest_cell(void **state)
{
	struct out out = {.buf = BUF_INIT(65536), .fd = -1};
	struct table t;

	table_init(&t, &out, columns, ARRAY_LEN(columns));
	table_put(&t, "a");
	table_put_int(&t, 1234567);
	table_put(&t, "first");
	table_put(&t, "größer");
	table_put_int(&t, 2);
	table_put(&t, NULL);
	table_end(&t);
	assert_string_equal(buf_str(&out.buf), "NAME            N  TEXT\n"
					       "a       1,234,567  first\n"
					       "größer          2\n");
	assert_int_equal(t.all, 2);
	out_done(&out);
}

static void nothing_is_shown_of_no_rows(void **state)
{
	struct out out = {.buf = BUF_INIT(65536), .fd = -1};
	struct table t;

	table_init(&t, &out, columns, ARRAY_LEN(columns));
	table_end(&t);
	assert_string_equal(buf_str(&out.buf), "");
	out_done(&out);
}

static void cells_are_printable_and_cut_to_their_columns(void **state)
{
	struct out out = {.buf = BUF_INIT(65536), .fd = -1};
	struct table t;

	table_init(&t, &out, columns, ARRAY_LEN(columns));
	table_put(&t, "abcdefghijkl");
	table_put(&t, "1");
	table_put(&t, "\033[31mred\n");
	table_end(&t);
	assert_null(strchr(buf_str(&out.buf), '\033'));
	assert_non_null(strstr(buf_str(&out.buf), "abcdefg…  1"));
	out_done(&out);
}

static void a_terminal_is_not_overrun(void **state)
{
	struct out out = {.buf = BUF_INIT(65536), .fd = -1, .columns = 40};
	struct table t;

	table_init(&t, &out, columns, ARRAY_LEN(columns));
	table_put(&t, "a");
	table_put(&t, "1");
	table_put(&t, "a text that is longer than what is left of the line");
	table_end(&t);
	const char *line = strchr(buf_str(&out.buf), '\n') + 1;
	assert_string_equal(line, "a     1  a text that is longer than wha…\n");
	out_done(&out);
}

static void many_rows_are_written_in_parts(void **state)
{
	struct out out = {.buf = BUF_INIT(1 << 20), .fd = -1};
	struct table t;

	table_init(&t, &out, columns, ARRAY_LEN(columns));
	for (int i = 0; i < TABLE_ROWS + 1; i++) {
		table_put_f(&t, "row%d", i);
		table_put_int(&t, i);
		table_put(&t, "x");
	}
	assert_int_equal(t.n_rows, 1);
	table_end(&t);
	assert_int_equal(t.all, TABLE_ROWS + 1);
	out_done(&out);
}

static void prose_is_wrapped_between_words(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);

	help_put_wrapped("one two three four", 2, 2, 10, &b);
	assert_string_equal(buf_str(&b), "one two\n  three\n  four\n");
	buf_reset(&b);
	help_put_wrapped("", 0, 0, 10, &b);
	assert_string_equal(buf_str(&b), "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_fit_the_widest_cell),
		cmocka_unit_test(nothing_is_shown_of_no_rows),
		cmocka_unit_test(cells_are_printable_and_cut_to_their_columns),
		cmocka_unit_test(a_terminal_is_not_overrun),
		cmocka_unit_test(many_rows_are_written_in_parts),
		cmocka_unit_test(prose_is_wrapped_between_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
