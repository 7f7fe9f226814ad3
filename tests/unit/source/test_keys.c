/* SPDX-License-Identifier: Apache-2.0 */
/* What names items: keys, keys that come twice, keys that other runs hold; and control totals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "source/unique.h"
#include "unit/source/desk.h"

#define FIELDS "  fields: {id: text, total: decimal}\n"
#define CSV "  csv: {path: in.csv}\n" FIELDS
#define TRAILER                                                                                    \
	"  csv: {path: \"*.csv\", trailer: {when: \"^T,\", columns: {count: 2, sum: 3}}}\n" FIELDS

static struct desk *load(const char *source, const char *more, const char *text)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", text);
	desk_job(d, source, more);
	desk_load(d);
	return d;
}

static void a_key_may_be_a_field(void **state)
{
	struct desk *d = load(CSV "  key: id\n", "", "id,total\nA1,1\n,2\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "A1 @in.csv:2 id=A1 total=1");
	EXPECT_REJECTS(d, "in.csv:3:1 byte 14: its key is empty [,2]");
	desk_close(d);
}

static void a_key_may_be_a_text_with_placeholders(void **state)
{
	struct desk *d = load(CSV "  key: \"${run.date}/${id}-${source.line}\"\n", "",
			      "id,total\nA1,1\nA2,x\nA3,3\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "2026-11-23/A1-2 @in.csv:2 id=A1 total=1",
		     "2026-11-23/A3-4 @in.csv:4 id=A3 total=3");
	desk_close(d);
}

static void a_key_that_is_too_long_is_rejected(void **state)
{
	char text[1200] = "id,total\n";
	size_t at = strlen(text);

	memset(text + at, 'k', 1025);
	memcpy(text + at + 1025, ",1\n", 4);
	struct desk *d = load(CSV "  key: id\n", "", text);
	desk_expect_end(d);
	assert_int_equal(d->n_rejects, 1);
	assert_non_null(strstr(d->rejects[0], "its key has 1025 bytes, at most 1024 are allowed"));
	desk_close(d);
}

static void with_unique_none_a_key_may_come_twice(void **state)
{
	struct desk *d = load(CSV "  key: id\n", "", "id,total\nA,1\nA,2\n");

	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	desk_close(d);
}

static void with_unique_run_the_second_is_rejected_and_the_first_named(void **state)
{
	struct desk *d = load(CSV "  key: id\n  unique: run\n", "",
			      "id,total\nA,1\nB,2\nA,3\nA,x\nA,4\n");

	desk_expect_end(d);
	EXPECT_ITEMS(d, "A @in.csv:2 id=A total=1", "B @in.csv:3 id=B total=2");
	EXPECT_REJECTS(d, "in.csv:4:1 byte 17: the key 'A' comes twice, first in line 2 [A,3]",
		       "in.csv:5:3 byte 23: 'x' is no decimal (field total) [A,x]",
		       "in.csv:6:1 byte 25: the key 'A' comes twice, first in line 2 [A,4]");
	desk_close(d);
}

static void a_key_that_comes_twice_is_found_across_files(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "a.csv", "id,total\nA,1\n");
	desk_write(d, "b.csv", "id,total\nB,1\nA,2\n");
	desk_job(d, "  csv: {path: \"?.csv\"}\n" FIELDS "  key: id\n  unique: job\n", "");
	desk_load(d);
	desk_expect_end(d);
	EXPECT_REJECTS(d, "b.csv:3:1 byte 13: the key 'A' comes twice, first in line 2 of a.csv "
			  "[A,2]");
	desk_close(d);
}

static void keys_that_other_runs_hold_are_held_back_and_counted(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,total\nA,1\nB,x\nC,3\nD,4\nE,5\n");
	desk_job(d, CSV "  key: id\n  unique: job\n", "chunk: {items: 3}");
	d->open_keys = ",A,";
	d->seen_keys = ",D,E,";
	desk_load(d);
	desk_expect_end(d);
	EXPECT_ITEMS(d, "C @in.csv:4 id=C total=3");
	assert_int_equal(d->held_back, 3);
	assert_int_equal(d->read, 5);
	assert_int_equal(d->n_chunks, 1);
	desk_close(d);
}

static void positions_name_nothing_beyond_their_run(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,total\nA,1\n");
	desk_job(d, CSV, "");
	d->open_keys = ",in.csv:2,";
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1);
	desk_close(d);
}

/* ---- the spill ---- */

static void keys_are_found_again_after_they_were_spilled(void **state)
{
	struct unique *u = unique_new(48);
	struct unique_place first = {0};
	struct err err = ERR_INIT;
	char key[20];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			const struct unique_place place = {.file = (uint32_t)i % 7, .line = i + 1};
			int len = snprintf(key, sizeof(key), "k%d", i);
			int rc = unique_add(u, key, (size_t)len, &place, &first, &err);
			assert_int_equal(rc, round == 0 ? 0 : UNIQUE_TWICE);
			if (round == 0)
				continue;
			assert_int_equal(first.file, i % 7);
			assert_int_equal(first.line, i + 1);
		}
	}
	unique_free(u);
}

/* ---- trailers and totals ---- */

static void a_trailer_is_no_record_and_its_totals_agree(void **state)
{
	struct desk *d = load(TRAILER,
			      "control: {count: \"${trailer.count}\", sum: {total: "
			      "\"${trailer.sum}\"}}",
			      "id,total\nA,1.10\nB,2.20\nT,2,3.3\n\n");

	desk_expect_end(d);
	assert_int_equal(d->n_items, 2);
	assert_int_equal(d->read, 2);
	desk_close(d);
}

static void a_missing_trailer_says_that_the_file_is_cut_off(void **state)
{
	struct desk *d = load(TRAILER, "", "id,total\nA,1\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv is cut off: it has no trailer (no record matches ^T,)");
	desk_close(d);
	d = load(TRAILER, "", "");
	desk_expect_failure(d, ERR_DATA,
			    "in.csv is cut off: it has no trailer (no record matches ^T,)");
	desk_close(d);
}

static void a_record_behind_the_trailer_ends_the_load(void **state)
{
	struct desk *d = load(TRAILER, "", "id,total\nA,1\nT,1,1\nB,2\n");

	desk_expect_failure(d, ERR_DATA, "in.csv:4: a record stands behind the trailer in line 3");
	desk_close(d);
}

static void a_trailer_with_too_few_columns_ends_the_load(void **state)
{
	struct desk *d = load(TRAILER, "", "id,total\nA,1\nT,1\n");

	desk_expect_failure(d, ERR_DATA,
			    "in.csv:3: the trailer has 2 columns, sum would be number 3");
	desk_close(d);
}

static void a_count_that_disagrees_ends_the_load(void **state)
{
	struct desk *d = load(TRAILER, "control: {count: \"${trailer.count}\"}",
			      "id,total\nA,1\nB,x\nT,3,1\n");

	desk_expect_failure(d, ERR_DATA,
			    "the control count of in.csv is 3, but 2 records were read");
	desk_close(d);
}

static void a_sum_that_disagrees_ends_the_load(void **state)
{
	struct desk *d = load(TRAILER, "control: {sum: {total: \"${trailer.sum}\"}}",
			      "id,total\nA,1.10\nB,x\nT,2,3.30\n");

	desk_expect_failure(
		d, ERR_DATA,
		"the control sum of total in in.csv is 3.30, but the 2 records read add "
		"up to 1.10; in 1 of them it could not be read");
	desk_close(d);
}

static void a_total_that_is_no_number_ends_the_load(void **state)
{
	struct desk *d = load(TRAILER, "control: {count: \"${trailer.count}\"}",
			      "id,total\nA,1\nT,many,1\n");

	desk_expect_failure(d, ERR_DATA, "the control count should be 'many', which is no number");
	desk_close(d);
}

static void totals_over_loaded_leave_out_rejects_and_what_is_held_back(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,total\nA,1\nB,x\nC,3\nA,4\nD,5\n");
	desk_job(d, CSV "  key: id\n  unique: run\n",
		 "control: {count: \"2\", sum: {total: \"6.0\"}, over: loaded}");
	d->open_keys = ",C,";
	desk_load(d);
	desk_expect_end(d);
	desk_job(d, CSV "  key: id\n  unique: run\n",
		 "control: {count: \"5\", sum: {total: \"13\"}, over: read}");
	desk_load(d);
	desk_expect_end(d);
	desk_close(d);
}

static void each_file_is_held_against_its_own_trailer(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "a.csv", "id,total\nA,1\nT,1,1\n");
	desk_write(d, "b.csv", "id,total\nB,1\nC,2\nT,2,3\n");
	desk_job(d, TRAILER,
		 "params: {all: {type: integer, default: 3}}\n"
		 "control: {count: \"${trailer.count}\", sum: {total: \"${trailer.sum}\"}}");
	desk_load(d);
	desk_expect_end(d);
	desk_write(d, "b.csv", "id,total\nB,1\nC,2\nT,3,3\n");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA,
			    "the control count of b.csv is 3, but 2 records were read");
	desk_close(d);
}

static void a_total_from_a_parameter_is_that_of_all_files(void **state)
{
	struct desk *d = desk_open();
	const char *const values[] = {"3", "4.50"};

	desk_write(d, "a.csv", "id,total\nA,1\n");
	desk_write(d, "b.csv", "id,total\nB,1\nC,2.5\n");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS,
		 "params: {n: {type: integer}, sum: {type: decimal}}\n"
		 "control: {count: \"${param.n}\", sum: {total: \"${param.sum}\"}}");
	d->run.param_values = values;
	desk_load(d);
	desk_expect_end(d);
	desk_append(d, "b.csv", "D,0\n");
	desk_load(d);
	desk_expect_failure(d, ERR_DATA, "the control count is 3, but 4 records were read");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_may_be_a_field),
		cmocka_unit_test(a_key_may_be_a_text_with_placeholders),
		cmocka_unit_test(a_key_that_is_too_long_is_rejected),
		cmocka_unit_test(with_unique_none_a_key_may_come_twice),
		cmocka_unit_test(with_unique_run_the_second_is_rejected_and_the_first_named),
		cmocka_unit_test(a_key_that_comes_twice_is_found_across_files),
		cmocka_unit_test(keys_that_other_runs_hold_are_held_back_and_counted),
		cmocka_unit_test(positions_name_nothing_beyond_their_run),
		cmocka_unit_test(keys_are_found_again_after_they_were_spilled),
		cmocka_unit_test(a_trailer_is_no_record_and_its_totals_agree),
		cmocka_unit_test(a_missing_trailer_says_that_the_file_is_cut_off),
		cmocka_unit_test(a_record_behind_the_trailer_ends_the_load),
		cmocka_unit_test(a_trailer_with_too_few_columns_ends_the_load),
		cmocka_unit_test(a_count_that_disagrees_ends_the_load),
		cmocka_unit_test(a_sum_that_disagrees_ends_the_load),
		cmocka_unit_test(a_total_that_is_no_number_ends_the_load),
		cmocka_unit_test(totals_over_loaded_leave_out_rejects_and_what_is_held_back),
		cmocka_unit_test(each_file_is_held_against_its_own_trailer),
		cmocka_unit_test(a_total_from_a_parameter_is_that_of_all_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
