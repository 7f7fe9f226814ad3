/* SPDX-License-Identifier: Apache-2.0 */
/* CSV files as users write them, well and badly; what is asserted is what a user would read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "unit/source/desk.h"

#define FIELDS "  fields: {id: integer, name: text, total: decimal}\n"
#define CSV "  csv: {path: in.csv}\n" FIELDS

/* A desk on which in.csv has this content and was loaded by this source. */
static struct desk *load(const char *source, const char *text)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", text);
	desk_job(d, source, "");
	desk_load(d);
	return d;
}

static void records_become_items_with_their_place_as_key(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,Ann,12.50\n2,Bob,-3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=12.50",
		     "in.csv:3 @in.csv:3 id=2 name=Bob total=-3");
	assert_int_equal(d->read, 2);
	assert_int_equal(d->n_rejects, 0);
	assert_int_equal(d->n_chunks, 1);
	assert_false(d->tell);
	desk_close(d);
}

static void columns_are_found_by_name_in_any_order_and_others_are_left_alone(void **state)
{
	struct desk *d = load(CSV, "note,total,,name,id,\nx,1.5,,Ann,1,\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=1.5");
	desk_close(d);
}

static void a_field_may_come_from_a_column_of_another_name(void **state)
{
	struct desk *d = load("  csv: {path: in.csv}\n  fields: {id: integer, who: {type: text, "
			      "from: \"Full name\"}, same: {type: text, from: id}}\n",
			      "id,Full name\n007,Ann\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=7 who=Ann same=007");
	desk_close(d);
}

static void an_empty_file_has_no_items(void **state)
{
	struct desk *d = load(CSV, "");

	desk_expect_end(d);
	assert_int_equal(d->read, 0);
	desk_close(d);
}

static void a_file_with_only_a_header_has_no_items(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n");

	desk_expect_end(d);
	assert_int_equal(d->read, 0);
	desk_close(d);
}

static void a_last_record_without_a_line_end_counts(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,Ann,1\n2,Bob,2");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=1",
		     "in.csv:3 @in.csv:3 id=2 name=Bob total=2");
	desk_close(d);
}

static void a_byte_order_mark_and_crlf_are_no_part_of_the_values(void **state)
{
	struct desk *d = load(CSV, "\xef\xbb\xbfid,name,total\r\n1,Ann,1\r\n2,\"B\r\nb\",2\r");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=1",
		     "in.csv:3 @in.csv:3 id=2 name=B\r\nb total=2");
	desk_close(d);
}

static void empty_lines_are_no_records_but_count_as_lines(void **state)
{
	struct desk *d = load(CSV, "\n\nid,name,total\n\r\n1,Ann,1\n\n\n2,Bob,2\n\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:5 @in.csv:5 id=1 name=Ann total=1",
		     "in.csv:8 @in.csv:8 id=2 name=Bob total=2");
	assert_int_equal(d->read, 2);
	desk_close(d);
}

static void a_record_with_line_ends_in_quotes_has_the_line_where_it_begins(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,\"A\n\nn\"\"n\",1\n2,Bob,2\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=A\n\nn\"n total=1",
		     "in.csv:5 @in.csv:5 id=2 name=Bob total=2");
	desk_close(d);
}

static void optional_empty_columns_are_null(void **state)
{
	struct desk *d = load("  csv: {path: in.csv}\n  fields: {id: integer, n: \"text?\", t: "
			      "\"decimal?\", m: text}\n",
			      "id,n,t,m\n1,,,\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 n=null t=null m=");
	desk_close(d);
}

static void delimiter_quote_and_decimal_mark_are_what_the_job_says(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, delimiter: \";\", quote: \"'\"}\n"
			      "  fields: {id: integer, name: text, total: "
			      "'decimal(\",\")', day: date(%d.%m.%Y)}\n",
			      "id;name;total;day\n1;'A;''b';12,50;24.12.2026\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=A;'b total=12.50 day=2026-12-24");
	desk_close(d);
}

static void lines_before_the_header_can_be_left_out(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, skip_first: 2}\n" FIELDS,
			      "Report of \"today\n;;;\nid,name,total\n1,Ann,1\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:4 @in.csv:4 id=1 name=Ann total=1");
	desk_close(d);
}

static void without_a_header_the_fields_are_the_columns_in_their_order(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, header: false}\n" FIELDS,
			      "1,Ann,1\n2,Bob\n3,Eve,3,4\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:1 @in.csv:1 id=1 name=Ann total=1");
	EXPECT_REJECTS(d, "in.csv:2:6 byte 13: has 2 columns, the declared fields are 3 [2,Bob]",
		       "in.csv:3:9 byte 22: has 4 columns, the declared fields are 3 [3,Eve,3,4]");
	desk_close(d);
}

static void without_a_header_no_column_can_be_asked_for_by_name(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, header: false}\n  fields: {id: integer, who: "
			      "{type: text, from: name}}\n",
			      "1,Ann\n");

	desk_expect_failure(
		d, ERR_CONFIG,
		"field who is to come from the column 'name', but with header: false columns have "
		"no names: declare the fields in the order of the columns, without from");
	desk_close(d);
}

static void a_column_that_comes_twice_is_named_with_both_numbers(void **state)
{
	struct desk *d = load(CSV, "id,name,total,name\n1,Ann,1,x\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:1: the column 'name' comes twice in the header, as number 2 "
			    "and number 4");
	desk_close(d);
}

static void a_missing_column_is_named_with_the_nearest(void **state)
{
	struct desk *d = load(CSV, "id,nmae,total\n1,Ann,1\n");

	desk_expect_failure(
		d, ERR_DATA,
		"in.csv:1: the header has no column 'name' (field name); the nearest is "
		"'nmae'");
	desk_close(d);
}

static void where_nothing_is_near_all_columns_are_named(void **state)
{
	struct desk *d = load(CSV, "a,b\n1,2\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:1: the header has no column 'id' (field id); it has 'a', 'b'");
	desk_close(d);
}

static void a_header_with_the_wrong_delimiter_shows_what_it_is(void **state)
{
	struct desk *d = load(CSV, "id;name;total\n1;Ann;1\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:1: the header has no column 'id' (field id); it has "
			    "'id;name;total'");
	desk_close(d);
}

static void line_ends_of_cr_alone_are_named(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, quote: \"\"}\n" FIELDS,
			      "id,name,total\r1,Ann,1\r");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:1: the header is no CSV: a carriage return in column 3, "
			    "outside quotes (lines that end in CR alone are not read)");
	desk_close(d);
}

static void too_few_and_too_many_columns_are_rejected(void **state)
{
	struct desk *d = load(CSV, "id,name,total,a,b,c,d\n1,2,3,4,5\n1,2,3,4,5,6,7,8\n"
				   "1,Ann,1,,,,\nx\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:4 @in.csv:4 id=1 name=Ann total=1");
	EXPECT_REJECTS(d, "in.csv:2:10 byte 31: has 5 columns, the header has 7 [1,2,3,4,5]",
		       "in.csv:3:15 byte 46: has 8 columns, the header has 7 [1,2,3,4,5,6,7,8]",
		       "in.csv:5:2 byte 61: has 1 column, the header has 7 [x]");
	assert_int_equal(d->read, 4);
	desk_close(d);
}

static void a_value_of_the_wrong_type_is_rejected_with_its_place(void **state)
{
	struct desk *d = load(CSV,
			      "id,name,total\n1,\xc3\x84nn,1,5\n2,\"\xc3\x84\nn\",zwei\n3,,3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:5 @in.csv:5 id=3 name= total=3");
	EXPECT_REJECTS(
		d, "in.csv:2:9 byte 23: has 4 columns, the header has 3 [1,\xc3\x84nn,1,5]",
		"in.csv:4:4 byte 34: 'zwei' is no decimal (field total) [2,\"\xc3\x84\nn\",zwei]");
	desk_close(d);
}

static void lone_quotes_cost_one_record_each(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,5\" pipe,1\n2,\"a\"b,2\n3,Ann,3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:4 @in.csv:4 id=3 name=Ann total=3");
	EXPECT_REJECTS(
		d,
		"in.csv:2:4 byte 17: a quote in column 2, which does not begin with one "
		"[1,5\" pipe,1]",
		"in.csv:3:6 byte 31: text behind the closing quote of column 2 [2,\"a\"b,2]");
	desk_close(d);
}

static void a_quote_that_is_never_closed_says_how_much_it_swallowed(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,Ann,1\n2,\"Bob,2\n3,Eve,3\n4,Ed,4\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=Ann total=1");
	EXPECT_REJECTS(d, "in.csv:3:3 byte 24: the quote that opens column 2 is never closed; the "
			  "3 lines behind it, to the end, are part of it [2,\"Bob,2\n3,Eve,3\n4,Ed,"
			  "4]");
	desk_close(d);
}

static void nul_bytes_are_rejected_with_their_place(void **state)
{
	static const char text[] = "id,name,total\n1,A\0n,1\n2,Bob,2\n";
	struct desk *d = desk_open();

	desk_write_bytes(d, "in.csv", text, sizeof(text) - 1);
	desk_job(d, CSV, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:3 @in.csv:3 id=2 name=Bob total=2");
	assert_int_equal(d->n_rejects, 1);
	assert_memory_equal(d->rejects[0], "in.csv:2:4 byte 17: a NUL byte [1,A", 35);
	desk_close(d);
}

static void broken_utf8_is_rejected_with_its_place(void **state)
{
	struct desk *d = load(CSV, "id,name,total\n1,\xc3\x84\xff,1\n2,Bob,2\n3,\xe2\x82,3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:3 @in.csv:3 id=2 name=Bob total=2");
	EXPECT_REJECTS(d, "in.csv:2:4 byte 18: broken UTF-8 [1,\xc3\x84\xff,1]",
		       "in.csv:4:3 byte 32: broken UTF-8 [3,\xe2\x82,3]");
	desk_close(d);
}

static void broken_utf8_in_a_column_that_nobody_reads_is_rejected_too(void **state)
{
	struct desk *d = load(CSV, "id,name,total,x\n1,Ann,1,\xff\n");

	desk_expect_end(d);
	EXPECT_REJECTS(d, "in.csv:2:9 byte 24: broken UTF-8 [1,Ann,1,\xff]");
	desk_close(d);
}

static void a_header_that_is_no_utf8_is_refused(void **state)
{
	struct desk *d = load(CSV, "id,name,total,\xff\n1,Ann,1,\n");

	desk_expect_failure(d, ERR_DATA, "in.csv:1: the header has broken UTF-8");
	desk_close(d);
}

static void latin1_becomes_utf8(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, encoding: latin1}\n  fields: {id: integer, "
			      "name: {type: text(3), from: \"N\xc3\xa4me\"}, total: decimal}\n",
			      "id,N\xe4me,total\n1,\xc4\xf6\xfc,1\n2,\x80,2\n3,abcd,3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=\xc3\x84\xc3\xb6\xc3\xbc total=1",
		     "in.csv:3 @in.csv:3 id=2 name=\xc2\x80 total=2");
	EXPECT_REJECTS(d, "in.csv:4:3 byte 30: 'abcd' is too long (field name) [3,abcd,3]");
	desk_close(d);
}

static void windows_1252_becomes_utf8_and_what_it_has_not_is_rejected(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, encoding: windows-1252}\n" FIELDS,
			      "id,name,total\n1,\x80 5,1\n2,\x81,2\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=\xe2\x82\xac 5 total=1");
	EXPECT_REJECTS(d, "in.csv:3:3 byte 24: a byte that is no character of windows-1252 "
			  "[2,\x81,2]");
	desk_close(d);
}

static void chunks_hold_at_most_so_many_items(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,name,total\n1,a,1\n2,b,x\n3,c,3\n4,d,4\n5,e,5\n6,f,x\n");
	desk_job(d, CSV, "chunk: {items: 2}");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=a total=1",
		     "in.csv:4 @in.csv:4 id=3 name=c total=3",
		     "in.csv:5 @in.csv:5 id=4 name=d total=4",
		     "in.csv:6 @in.csv:6 id=5 name=e total=5");
	assert_int_equal(d->n_chunks, 2);
	assert_int_equal(d->n_rejects, 2);
	desk_close(d);
}

static void a_file_of_rejects_only_has_no_chunk(void **state)
{
	struct desk *d = load(CSV, "id,name,total\nx,a,1\ny,b,2\n");

	desk_expect_end(d);
	assert_int_equal(d->n_chunks, 0);
	assert_int_equal(d->n_rejects, 2);
	assert_int_equal(d->read, 2);
	desk_close(d);
}

static void when_malformed_fail_ends_the_load_at_the_first(void **state)
{
	struct desk *d = load(CSV "  when_malformed: fail\n",
			      "id,name,total\n1,Ann,1\nx,Bob,2\n3,Eve,3\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:3: column 1, byte 22: 'x' is no integer (field id) "
			    "(when_malformed: fail)");
	assert_int_equal(d->n_rejects, 1);
	desk_close(d);
}

static void more_rejects_than_allowed_end_the_load(void **state)
{
	struct desk *d = load(CSV "  max_rejects: 1\n", "id,name,total\nx,A,1\n2,B,2\ny,C,3\nz,D,"
							"4\n5,E,5\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:4: column 1, byte 26: 'y' is no integer (field id) (more than "
			    "1 rejects, max_rejects)");
	assert_int_equal(d->n_rejects, 2);
	desk_close(d);
}

static void more_items_than_allowed_end_the_load(void **state)
{
	struct desk *d = load(CSV "  max_items: 2\n", "id,name,total\n1,A,1\n2,B,2\n3,C,3\n");

	desk_expect_failure(d, ERR_DATA, "more than 2 items (max_items)");
	desk_close(d);
}

static void first_takes_so_many_items_and_no_more(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,name,total\n1,A,1\nx,B,2\n3,C,3\n4,D,4\n");
	desk_job(d, CSV, "chunk: {items: 1}\ncontrol: {count: \"99\"}");
	d->options.first_n = 2;
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "in.csv:2 @in.csv:2 id=1 name=A total=1",
		     "in.csv:4 @in.csv:4 id=3 name=C total=3");
	desk_close(d);
}

static void several_files_come_in_the_order_of_their_names(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "b.csv", "id,name,total\n1,B,1\n");
	desk_write(d, "a.csv", "total,name,id\n1,A,1\n");
	desk_write(d, "c.txt", "");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "a.csv:2 @a.csv:2 id=1 name=A total=1",
		     "b.csv:2 @b.csv:2 id=1 name=B total=1");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_items_with_their_place_as_key),
		cmocka_unit_test(columns_are_found_by_name_in_any_order_and_others_are_left_alone),
		cmocka_unit_test(a_field_may_come_from_a_column_of_another_name),
		cmocka_unit_test(an_empty_file_has_no_items),
		cmocka_unit_test(a_file_with_only_a_header_has_no_items),
		cmocka_unit_test(a_last_record_without_a_line_end_counts),
		cmocka_unit_test(a_byte_order_mark_and_crlf_are_no_part_of_the_values),
		cmocka_unit_test(empty_lines_are_no_records_but_count_as_lines),
		cmocka_unit_test(a_record_with_line_ends_in_quotes_has_the_line_where_it_begins),
		cmocka_unit_test(optional_empty_columns_are_null),
		cmocka_unit_test(delimiter_quote_and_decimal_mark_are_what_the_job_says),
		cmocka_unit_test(lines_before_the_header_can_be_left_out),
		cmocka_unit_test(without_a_header_the_fields_are_the_columns_in_their_order),
		cmocka_unit_test(without_a_header_no_column_can_be_asked_for_by_name),
		cmocka_unit_test(a_column_that_comes_twice_is_named_with_both_numbers),
		cmocka_unit_test(a_missing_column_is_named_with_the_nearest),
		cmocka_unit_test(where_nothing_is_near_all_columns_are_named),
		cmocka_unit_test(a_header_with_the_wrong_delimiter_shows_what_it_is),
		cmocka_unit_test(line_ends_of_cr_alone_are_named),
		cmocka_unit_test(too_few_and_too_many_columns_are_rejected),
		cmocka_unit_test(a_value_of_the_wrong_type_is_rejected_with_its_place),
		cmocka_unit_test(lone_quotes_cost_one_record_each),
		cmocka_unit_test(a_quote_that_is_never_closed_says_how_much_it_swallowed),
		cmocka_unit_test(nul_bytes_are_rejected_with_their_place),
		cmocka_unit_test(broken_utf8_is_rejected_with_its_place),
		cmocka_unit_test(broken_utf8_in_a_column_that_nobody_reads_is_rejected_too),
		cmocka_unit_test(a_header_that_is_no_utf8_is_refused),
		cmocka_unit_test(latin1_becomes_utf8),
		cmocka_unit_test(windows_1252_becomes_utf8_and_what_it_has_not_is_rejected),
		cmocka_unit_test(chunks_hold_at_most_so_many_items),
		cmocka_unit_test(a_file_of_rejects_only_has_no_chunk),
		cmocka_unit_test(when_malformed_fail_ends_the_load_at_the_first),
		cmocka_unit_test(more_rejects_than_allowed_end_the_load),
		cmocka_unit_test(more_items_than_allowed_end_the_load),
		cmocka_unit_test(first_takes_so_many_items_and_no_more),
		cmocka_unit_test(several_files_come_in_the_order_of_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
