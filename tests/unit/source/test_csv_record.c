/* SPDX-License-Identifier: Apache-2.0 */
/* One record into columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "source/csv_record.h"

enum { COLUMNS_MAX = 8 };

/* The columns with `|` between them, or `!BYTE: reason`. */
static void assert_columns(const struct csv_form *form, const char *text, const char *want)
{
	struct csv_column list[COLUMNS_MAX];
	struct csv_columns columns = {.list = list, .max = COLUMNS_MAX};
	struct flaw flaw = {0};
	AUTO(buf) struct buf scratch = BUF_INIT(1000);
	AUTO(buf) struct buf got = BUF_INIT(2000);
	size_t len = strlen(text);
	char *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, text, len);
	if (csv_record_split(form, copy, len, &columns, &scratch, &flaw) != 0) {
		buf_printf(&got, "!%zu: %s", flaw.at, flaw.reason);
	} else {
		for (size_t i = 0; i < columns.n && i < columns.max; i++) {
			buf_puts(&got, i == 0 ? "" : "|");
			buf_put(&got, list[i].text, list[i].len);
		}
	}
	free(copy);
	assert_string_equal(buf_str(&got), want);
}

static const struct csv_form comma = {.delimiter = ',', .quote = '"'};

static void columns_are_what_stands_between_delimiters(void **state)
{
	assert_columns(&comma, "a,b,c", "a|b|c");
	assert_columns(&comma, "", "");
	assert_columns(&comma, ",", "|");
	assert_columns(&comma, "a,,", "a||");
	assert_columns(&comma, " a , b", " a | b");
}

static void quotes_are_taken_off_and_doubled_ones_are_one(void **state)
{
	assert_columns(&comma, "\"a\",\"\"", "a|");
	assert_columns(&comma, "\"a,b\",c", "a,b|c");
	assert_columns(&comma, "\"a\"\"b\",\"\"\"\"", "a\"b|\"");
	assert_columns(&comma, "\"\"\"a\"\"\",\"b\"\"\"", "\"a\"|b\"");
	assert_columns(&comma, "\"a\r\nb\"", "a\r\nb");
}

static void text_behind_a_closing_quote_is_refused(void **state)
{
	assert_columns(&comma, "x,\"a\"b,c", "!5: text behind the closing quote of column 2");
	assert_columns(&comma, "\"a\" ,c", "!3: text behind the closing quote of column 1");
}

static void a_quote_in_a_column_without_quotes_is_refused(void **state)
{
	assert_columns(&comma, "a,5\" pipe",
		       "!3: a quote in column 2, which does not begin with one");
}

static void a_lone_carriage_return_outside_quotes_is_refused(void **state)
{
	assert_columns(&comma, "a,b\rc", "!3: a carriage return in column 2, outside quotes");
}

static void a_quote_that_is_never_closed_is_refused_where_it_opens(void **state)
{
	assert_columns(&comma, "a,\"b,c", "!2: the quote that opens column 2 is never closed");
	assert_columns(&comma, "a,\"b\"\"", "!2: the quote that opens column 2 is never closed");
	assert_columns(&comma, "\"", "!0: the quote that opens column 1 is never closed");
}

static void other_delimiters_and_quotes_are_obeyed(void **state)
{
	const struct csv_form tabs = {.delimiter = '\t', .quote = '\''};
	const struct csv_form bare = {.delimiter = '|', .quote = '\0'};

	assert_columns(&tabs, "a\t'b\tc'\t\"d\"", "a|b\tc|\"d\"");
	assert_columns(&bare, "\"a|b\"|'", "\"a|b\"|'");
}

static void columns_beyond_the_room_are_counted(void **state)
{
	struct csv_column list[2];
	struct csv_columns columns = {.list = list, .max = 2};
	struct flaw flaw = {0};
	AUTO(buf) struct buf scratch = BUF_INIT(100);

	assert_int_equal(csv_record_split(&comma, "a,b,c,d", 7, &columns, &scratch, &flaw), 0);
	assert_int_equal(columns.n, 4);
	assert_int_equal(list[1].at, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_what_stands_between_delimiters),
		cmocka_unit_test(quotes_are_taken_off_and_doubled_ones_are_one),
		cmocka_unit_test(text_behind_a_closing_quote_is_refused),
		cmocka_unit_test(a_quote_in_a_column_without_quotes_is_refused),
		cmocka_unit_test(a_lone_carriage_return_outside_quotes_is_refused),
		cmocka_unit_test(a_quote_that_is_never_closed_is_refused_where_it_opens),
		cmocka_unit_test(other_delimiters_and_quotes_are_obeyed),
		cmocka_unit_test(columns_beyond_the_room_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
