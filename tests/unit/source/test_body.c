/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of chunks: what lanes find again, and what they notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "job/item.h"
#include "source/body.h"
#include "source/body_format.h"
#include "unit/source/desk.h"

#define CSV "  csv: {path: in.csv}\n  fields: {id: integer, name: text}\n"
#define MOVE "  csv: {path: in.csv, then: \"move:done\"}\n  fields: {id: integer, name: text}\n"

static struct desk *load(const char *source)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,name\n1,Ann\nx,y\n2,\"B\"\"b\"\n");
	desk_job(d, source, "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(d->n_chunks, 1);
	return d;
}

static int reopen(struct desk *d, bool check_only)
{
	struct body *body = NULL;

	d->err = ERR_INIT;
	int rc = body_open(d->job, d->chunks[0].body, d->chunks[0].len, d->chunks[0].n, check_only,
			   &body, &d->err);
	body_free(body);
	return rc;
}

static void expect_changed(struct desk *d, const char *text)
{
	for (int check_only = 0; check_only < 2; check_only++) {
		assert_int_equal(reopen(d, check_only != 0), BODY_CHANGED);
		assert_string_equal(d->err.text, text);
	}
}

/* Gives the file the time it had. */
static void keep_time(struct desk *d, const char *name, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	assert_int_equal(utimensat(AT_FDCWD, desk_path(d, name), times, 0), 0);
}

static void the_same_file_opens_again(void **state)
{
	struct desk *d = load(CSV);
	struct body *body = NULL;
	struct item first = {0};
	struct item again = {0};

	assert_int_equal(reopen(d, true), 0);
	assert_int_equal(
		body_open(d->job, d->chunks[0].body, d->chunks[0].len, 2, false, &body, &d->err),
		0);
	assert_string_equal(body_path(body), "in.csv");
	assert_int_equal(body_item(body, 1, &first, &d->err), 0);
	assert_int_equal(body_item(body, 1, &again, &d->err), 0);
	assert_ptr_equal(first.fields, again.fields);
	assert_string_equal(first.key, "in.csv:4");
	assert_string_equal(first.source_path, "in.csv");
	assert_int_equal(first.source_line, 4);
	body_free(body);
	desk_close(d);
}

static void other_bytes_are_noticed_though_size_and_time_are_the_same(void **state)
{
	struct desk *d = load(CSV);
	struct stat st = {0};
	int fd = open(desk_path(d, "in.csv"), O_WRONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, "E", 1, 10), 1);
	(void)close(fd);
	keep_time(d, "in.csv", &st);
	expect_changed(d, "in.csv is not what was loaded: its bytes differ");
	desk_close(d);
}

static void a_file_that_grew_shrank_went_or_was_replaced_is_noticed(void **state)
{
	struct desk *d = load(CSV);

	desk_append(d, "in.csv", "3,c\n");
	expect_changed(d, "in.csv is not what was loaded: its size was 27, is 31");
	assert_int_equal(truncate(desk_path(d, "in.csv"), 5), 0);
	expect_changed(d, "in.csv is not what was loaded: its size was 27, is 5");
	desk_write(d, "other", "id,name\n1,Ann\nx,y\n2,\"B\"\"b\"\n");
	assert_int_equal(rename(desk_path(d, "other"), desk_path(d, "in.csv")), 0);
	expect_changed(d, "in.csv is not what was loaded: another file has taken its place");
	assert_int_equal(unlink(desk_path(d, "in.csv")), 0);
	expect_changed(d, "in.csv is not what was loaded: it is not there any more");
	desk_close(d);
}

static void a_file_that_was_moved_by_then_is_found_where_it_is(void **state)
{
	struct desk *d = load(MOVE);

	assert_true(d->tell);
	assert_int_equal(mkdir(desk_path(d, "done"), 0755), 0);
	desk_write(d, "done/in.csv", "of yesterday");
	assert_int_equal(rename(desk_path(d, "in.csv"), desk_path(d, "done/in.csv.1")), 0);
	assert_int_equal(reopen(d, false), 0);
	desk_write(d, "in.csv", "of tomorrow");
	assert_int_equal(reopen(d, false), 0);
	assert_int_equal(unlink(desk_path(d, "done/in.csv.1")), 0);
	expect_changed(d, "in.csv is not what was loaded: another file has taken its place");
	desk_close(d);
}

static void staged_chunks_need_no_file(void **state)
{
	struct desk *d = desk_open();

	desk_write(d, "in.csv", "id,name,note\n1,,\n2,\"B\nb\",x\n");
	desk_job(d,
		 "  csv: {path: in.csv, then: delete}\n"
		 "  fields: {id: integer, name: \"text?\", note: text}\n  key: \"k${id}\"\n",
		 "");
	desk_load(d);
	desk_expect_end(d);
	assert_int_equal(unlink(desk_path(d, "in.csv")), 0);
	EXPECT_ITEMS(d, "k1 @in.csv:2 id=1 name=null note=", "k2 @in.csv:3 id=2 name=B\nb note=x");
	assert_int_equal(reopen(d, false), 0);
	desk_close(d);
}

static void keys_that_name_something_are_told(void **state)
{
	struct desk *d = desk_open();
	struct source *source = NULL;
	struct frame_loaded batch = {0};

	desk_write(d, "in.csv", "id\n\"a\"\"b\"\nx\n");
	desk_job(d, "  csv: {path: in.csv, then: delete}\n  fields: {id: text}\n  key: id\n", "");
	d->open_keys = ",x,";
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_int_equal(batch.n, 1);
	assert_string_equal(batch.keys, "[\"a\\\"b\"]");
	source_free(source);
	desk_job(d, "  csv: {path: in.csv}\n  fields: {id: text}\n  key: id\n", "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_string_equal(batch.keys, "[\"a\\\"b\"]");
	source_free(source);
	desk_job(d, "  csv: {path: in.csv}\n  fields: {id: text}\n", "");
	assert_int_equal(source_open(&d->options, &source, &d->err), 0);
	assert_int_equal(source_next(source, &batch, &d->err), 0);
	assert_string_equal(batch.keys, "");
	source_free(source);
	desk_close(d);
}

/* Every body with one byte changed, or cut, opens or is refused; it never does harm. */
static void try_all_damages(struct desk *d)
{
	const struct desk_chunk *c = &d->chunks[0];

	for (size_t i = 0; i < c->len * 2; i++) {
		size_t len = i < c->len ? c->len : i - c->len;
		char *bytes = xmemdup(c->body, c->len);
		char *exact = xmemdup(bytes, len == 0 ? 1 : len);
		if (i < c->len)
			exact[i] = (char)(exact[i] ^ 0x41);
		struct body *body = NULL;
		struct err err = ERR_INIT;
		int rc = body_open(d->job, exact, len, c->n, false, &body, &err);
		for (uint32_t k = 0; rc == 0 && k < c->n; k++) {
			struct item item = {0};
			if (body_item(body, k, &item, &err) != 0)
				assert_true(err.text[0] != '\0');
		}
		body_free(body);
		assert_true(rc == 0 || err.text[0] != '\0');
		assert_true(i < c->len || rc != 0);
		free(bytes);
		free(exact);
	}
}

static void a_damaged_body_is_refused(void **state)
{
	struct desk *d = load(CSV);

	try_all_damages(d);
	d->chunks[0].n++;
	assert_int_equal(reopen(d, false), ERR_DATA);
	assert_string_equal(d->err.text, "the stored chunk is not of this job");
	d->chunks[0].n--;
	d->chunks[0].body[0] = 3;
	assert_int_equal(reopen(d, false), ERR_DATA);
	assert_string_equal(d->err.text,
			    "the stored chunk is of version 3, this program reads version 2");
	desk_close(d);
	d = load("  csv: {path: in.csv, then: delete}\n  fields: {id: integer, name: text}\n");
	try_all_damages(d);
	desk_close(d);
}

/* ---- another machine's ---- */

static void load_elsewhere(struct desk *d)
{
	memset(d->chunks[0].body + 2, 0xAA, MACHINE_BYTES); /* behind version and kind */
}

static void what_another_machine_loaded_is_read_where_the_same_file_is_seen(void **state)
{
	struct desk *d = load(CSV);

	load_elsewhere(d);
	assert_int_equal(reopen(d, false), 0);
	desk_write(d, "in.csv", "id,name\n1,other\n2,words\n3,here\n");
	assert_int_equal(reopen(d, false), BODY_ELSEWHERE);
	assert_non_null(strstr(d->err.text, "loaded on another machine"));
	assert_int_equal(unlink(desk_path(d, "in.csv")), 0);
	assert_int_equal(reopen(d, false), BODY_ELSEWHERE);
	assert_int_equal(reopen(d, true), BODY_ELSEWHERE);
	desk_close(d);
}

static void staged_items_are_worked_anywhere_but_files_only_where_they_are(void **state)
{
	struct desk *d = load("  csv: {path: in.csv, then: delete}\n"
			      "  fields: {id: integer, name: text}\n");

	load_elsewhere(d);
	assert_int_equal(unlink(desk_path(d, "in.csv")), 0);
	assert_int_equal(reopen(d, false), 0);
	desk_close(d);
	d = desk_open();
	desk_write(d, "a.txt", "a");
	desk_job(d, "  files: {path: \"*.txt\"}\n", "");
	desk_load(d);
	load_elsewhere(d);
	assert_int_equal(reopen(d, false), 0);
	assert_int_equal(unlink(desk_path(d, "a.txt")), 0);
	assert_int_equal(reopen(d, false), BODY_ELSEWHERE);
	assert_non_null(strstr(d->err.text, "a.txt"));
	desk_close(d);
}

/* ---- version 1, as it was written once ---- */

static const char staged_of_version_1[] =
	"0102a400000028b52ffd20a43503006285121fa029ad012bffaa6afef0c9aacd7604139457a227bb"
	"8dd5ef1edd950fd95ba610f5786a6e86ccdfddad5b33396e85db42a8287a0a582811c541303928a9"
	"245e5ae35910188ef31c700b0b00461d000c7bd4016030841482b960301014180c82b80013";
static const char reference_of_version_1[] =
	"01010108000000736565642e63737600fe00000000000047e89800000000001f00000000000000a1"
	"1c365c97b8ea1804000000000000000f000000000000000200000000000000010000000000000003"
	"000000030000000002000000020000000000010000004dc87bad21f77ef6867f669e695f2ac400";

static size_t from_hex(const char *hex, char *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		out[i] = (char)strtoul(pair, NULL, 16);
	}
	return n;
}

static void bodies_of_version_1_stay_readable(void **state)
{
	struct desk *d = desk_open();
	char bytes[300];
	struct body *body = NULL;
	struct item item = {0};
	struct body_reference ref = {0};
	struct body_head head = {0};

	desk_job(d, "  csv: {path: in.csv}\n  fields: {a: integer, b: \"text?\"}\n", "");
	size_t len = from_hex(staged_of_version_1, bytes);
	assert_int_equal(body_open(d->job, bytes, len, 3, false, &body, &d->err), 0);
	assert_int_equal(body_item(body, 2, &item, &d->err), 0);
	assert_string_equal(item.key, "seed.csv:4");
	assert_int_equal(item.source_line, 4);
	assert_memory_equal(item.fields[1].text, "y\nz", 3);
	assert_int_equal(body_item(body, 1, &item, &d->err), 0);
	assert_true(item.fields[1].is_null);
	body_free(body);
	len = from_hex(reference_of_version_1, bytes);
	struct reader r = READER(bytes, len);
	assert_int_equal(body_get_head(&r, &head, &d->err), 0);
	assert_int_equal(head.kind, BODY_BY_REFERENCE);
	assert_true(machine_is_here(head.machine)); /* nothing else is known */
	assert_int_equal(body_get_reference(&r, &ref, &d->err), 0);
	assert_memory_equal(ref.path, "seed.csv", ref.path_len);
	assert_int_equal(ref.offset, 4);
	assert_int_equal(ref.size, 15);
	assert_int_equal(ref.first_line, 2);
	assert_int_equal(ref.n_items, 3);
	assert_int_equal(ref.n_columns, 2);
	assert_int_equal(ref.identity.size, 31);
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_file_opens_again),
		cmocka_unit_test(other_bytes_are_noticed_though_size_and_time_are_the_same),
		cmocka_unit_test(a_file_that_grew_shrank_went_or_was_replaced_is_noticed),
		cmocka_unit_test(a_file_that_was_moved_by_then_is_found_where_it_is),
		cmocka_unit_test(staged_chunks_need_no_file),
		cmocka_unit_test(keys_that_name_something_are_told),
		cmocka_unit_test(a_damaged_body_is_refused),
		cmocka_unit_test(what_another_machine_loaded_is_read_where_the_same_file_is_seen),
		cmocka_unit_test(staged_items_are_worked_anywhere_but_files_only_where_they_are),
		cmocka_unit_test(bodies_of_version_1_stay_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
