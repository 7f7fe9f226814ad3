/* SPDX-License-Identifier: Apache-2.0 */
/* A load that goes on behind any of its batches brings what one in a single go brings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"
#include "unit/source/desk.h"

enum { LINES_MAX = 600 };

/* What one load in a single go brought. */
struct whole {
	char *items[LINES_MAX];
	size_t n_items;
	char *rejects[LINES_MAX];
	size_t n_rejects;
	int64_t read;
	int64_t held_back;
	size_t n_chunks;
};

static void keep_whole(struct desk *d, struct whole *w)
{
	*w = (struct whole){.n_items = d->n_items,
			    .n_rejects = d->n_rejects,
			    .read = d->read,
			    .held_back = d->held_back,
			    .n_chunks = d->n_chunks};
	assert_true(d->n_items < LINES_MAX && d->n_rejects < LINES_MAX);
	for (size_t i = 0; i < d->n_items; i++)
		w->items[i] = xstrdup(d->items[i]);
	for (size_t i = 0; i < d->n_rejects; i++)
		w->rejects[i] = xstrdup(d->rejects[i]);
}

static void free_whole(struct whole *w)
{
	for (size_t i = 0; i < w->n_items; i++)
		free(w->items[i]);
	for (size_t i = 0; i < w->n_rejects; i++)
		free(w->rejects[i]);
}

/* Loads once, then once for each batch, interrupted behind it. */
static void expect_same_however_interrupted(struct desk *d)
{
	struct whole w;

	desk_load(d);
	desk_expect_end(d);
	keep_whole(d, &w);
	for (int batches = 1;; batches++) {
		desk_forget(d);
		desk_load_some(d, batches);
		if (d->rc == SOURCE_END)
			break;
		assert_int_equal(d->rc, 0);
		desk_resume(d);
		desk_expect_end(d);
		desk_expect_items(d, w.n_items, (const char *const *)w.items);
		desk_expect_rejects(d, w.n_rejects, (const char *const *)w.rejects);
		assert_int_equal(d->read, w.read);
		assert_int_equal(d->held_back, w.held_back);
	}
	free_whole(&w);
}

/* Records of all sorts: good, bad, twice, with line ends, and empty lines. */
static void put_records(struct buf *b, int n, int from)
{
	buf_puts(b, "name,id,total\n");
	for (int i = from; i < from + n; i++) {
		if (i % 7 == 3)
			buf_printf(b, "\"two\nlines \"\"%d\"\"\",%d,%d.50\n", i, i, i);
		else if (i % 11 == 5)
			buf_printf(b, "bad,%d\n", i);
		else if (i % 13 == 6)
			buf_printf(b, "again,%d,1\n", i - 3);
		else
			buf_printf(b, "name%d,%d,%d\n", i, i, i);
		if (i % 17 == 0)
			buf_puts(b, "\r\n");
	}
}

#define FIELDS "  fields: {id: integer, name: text, total: decimal}\n"

static void put_file(struct desk *d, const char *name, int n, int from, const char *end)
{
	struct buf b = BUF_INIT(100000);

	put_records(&b, n, from);
	buf_puts(&b, end);
	desk_write_bytes(d, name, buf_str(&b), b.len);
	buf_done(&b);
}

static void one_file(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 120, 1, "");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS "  max_rejects: 1000\n", "chunk: {items: 7}");
	expect_same_however_interrupted(d);
	assert_true(d->n_chunks > 10);
	desk_close(d);
}

static void several_files_with_unique_keys(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "a.csv", 40, 1, "");
	put_file(d, "b.csv", 0, 1, "");
	put_file(d, "c.csv", 60, 30, "");
	desk_job(d,
		 "  csv: {path: \"*.csv\"}\n" FIELDS
		 "  key: id\n  unique: run\n  max_rejects: 1000\n",
		 "chunk: {items: 9}");
	d->open_keys = ",12,13,50,";
	expect_same_however_interrupted(d);
	assert_true(d->n_rejects > 10);
	assert_int_equal(d->held_back, 3);
	desk_close(d);
}

/* Elements of all sorts, with what may stand between them. */
static void a_json_document(void **state)
{
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100000);

	buf_puts(&b, "{\"x\": [1], \"list\": [\n");
	for (int i = 0; i < 90; i++)
		buf_printf(&b, "%s%s{\"id\": %s%d,\n\"t\": [{}]}\n", i > 0 ? "," : "",
			   i % 9 == 4 ? "5, " : "  ", i % 7 == 3 ? "0" : "", i);
	buf_puts(&b, "]}\n");
	desk_write_bytes(d, "in.json", buf_str(&b), b.len);
	buf_done(&b);
	desk_job(d,
		 "  json: {path: in.json, pointer: /list}\n  fields: {id: integer, t: json}\n"
		 "  max_rejects: 1000\n",
		 "chunk: {items: 7}");
	expect_same_however_interrupted(d);
	assert_true(d->n_rejects > 15);
	desk_close(d);
}

static void an_xml_document(void **state)
{
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100000);

	buf_puts(&b, "<?xml version='1.0' encoding='ISO-8859-1'?>\n<all>\n");
	for (int i = 0; i < 90; i++)
		buf_printf(&b, "%s<tx id='%d'>\n<t>\xe4%d</t>%s</tx>\n",
			   i % 9 == 4 ? "<!-- <tx> -->" : "", i, i, i % 7 == 3 ? "<x></y>" : "");
	buf_puts(&b, "</all>\n");
	desk_write_bytes(d, "in.xml", buf_str(&b), b.len);
	buf_done(&b);
	desk_job(d,
		 "  xml: {path: in.xml, element: tx}\n  fields: {id: integer, t: text}\n"
		 "  max_rejects: 1000\n",
		 "chunk: {items: 7}");
	expect_same_however_interrupted(d);
	assert_true(d->n_rejects > 10);
	desk_close(d);
}

static void lines_with_fixed_columns(void **state)
{
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100000);

	for (int i = 0; i < 90; i++)
		buf_printf(&b, "%5d%s\n", i, i % 9 == 4 ? "" : "  text");
	desk_write_bytes(d, "in.txt", buf_str(&b), b.len);
	buf_done(&b);
	desk_job(d,
		 "  fixed: {path: in.txt, columns: {id: [1, 5], t: [6, 9]}}\n"
		 "  fields: {id: integer, t: text}\n  max_rejects: 1000\n",
		 "chunk: {items: 7}");
	expect_same_however_interrupted(d);
	assert_int_equal(d->n_rejects, 10);
	desk_close(d);
}

static void a_compressed_file(void **state)
{
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100000);
	char packed[50000];

	put_records(&b, 100, 1);
	size_t len = ZSTD_compress(packed, sizeof(packed), buf_str(&b), b.len, 1);
	assert_false(ZSTD_isError(len));
	desk_write_bytes(d, "in.csv.zst", packed, len);
	buf_done(&b);
	desk_job(d, "  csv: {path: in.csv.zst}\n" FIELDS "  max_rejects: 1000\n",
		 "chunk: {items: 8}");
	expect_same_however_interrupted(d);
	desk_close(d);
}

static void chunks_that_are_full_by_bytes(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 120, 1, "");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS "  max_rejects: 1000\n",
		 "chunk: {bytes: 64K}");
	d->job->chunk_bytes = 100;
	expect_same_however_interrupted(d);
	assert_true(d->n_chunks > 10);
	desk_close(d);
}

static void trailers_and_totals(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "a.csv", 20, 1, "T,20\n\n");
	put_file(d, "b.csv", 25, 40, "T,25\n");
	desk_job(d,
		 "  csv: {path: \"*.csv\", trailer: {when: \"^T,\", columns: {count: 2}}}\n" FIELDS
		 "  max_rejects: 1000\n",
		 "control: {count: \"${trailer.count}\", sum: {total: \"1303.00\"}}\nchunk: "
		 "{items: 5}");
	expect_same_however_interrupted(d);
	desk_close(d);
}

static void json_lines(void **state)
{
	struct desk *d = desk_open();
	struct buf b = BUF_INIT(100000);

	for (int i = 0; i < 50; i++)
		buf_printf(&b, i % 5 == 2 ? "{\"id\":%d,}\n" : "{\"id\":%d}\n", i);
	desk_write(d, "in.jsonl", buf_str(&b));
	buf_done(&b);
	desk_job(d, "  jsonl: {path: in.jsonl}\n  fields: {id: integer}\n  max_rejects: 1000\n",
		 "chunk: {items: 3}");
	expect_same_however_interrupted(d);
	desk_close(d);
}

static void files_as_items(void **state)
{
	struct desk *d = desk_open();
	char name[20];

	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "f%02d", i);
		desk_write(d, name, "");
	}
	desk_job(d, "  files: {path: \"f*\"}\n  unique: run\n", "chunk: {items: 3}");
	d->open_keys = ",f03,f04,f05,";
	expect_same_however_interrupted(d);
	desk_close(d);
}

static void keys_of_texts_are_kept_with_their_chunk(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 60, 1, "");
	desk_job(d,
		 "  csv: {path: in.csv}\n" FIELDS
		 "  key: \"${run.slot} ${id} ${name}\"\n  max_rejects: 1000\n",
		 "chunk: {items: 7}");
	d->open_keys = ",2026-11-23 4 name4,2026-11-23 30 name30,";
	expect_same_however_interrupted(d);
	desk_close(d);
}

static void the_first_so_many_items_are_so_many_in_all(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 60, 1, "");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS "  max_rejects: 1000\n", "chunk: {items: 7}");
	d->options.first_n = 25;
	expect_same_however_interrupted(d);
	assert_int_equal(d->n_items, 25);
	desk_close(d);
}

/* ---- what stands against it ---- */

static void a_file_that_changed_since_is_not_read_on(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 30, 1, "");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "chunk: {items: 3}");
	desk_load_some(d, 2);
	desk_append(d, "in.csv", "x,99,1\n");
	desk_resume(d);
	desk_expect_failure(d, ERR_DATA,
			    "in.csv changed since its load began: its size was 421, is 428");
	desk_close(d);
}

static void files_that_came_since_are_left_to_the_next_run(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "a.csv", 3, 1, "");
	put_file(d, "c.csv", 3, 1, "");
	desk_job(d, "  csv: {path: \"*.csv\"}\n" FIELDS, "");
	desk_load_some(d, 1);
	put_file(d, "b.csv", 3, 1, "");
	desk_resume(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 6);
	desk_close(d);
}

static void a_list_too_long_to_be_kept_must_be_the_same_again(void **state)
{
	struct desk *d = desk_open();
	char name[300];
	uint64_t noise = 88172645463325252u;

	/* Names that do not compress, some 150 KB of them. */
	for (int i = 0; i < 1200; i++) {
		size_t len = 0;
		while (len < 120) {
			noise ^= noise << 13;
			noise ^= noise >> 7;
			noise ^= noise << 17;
			len += (size_t)snprintf(name + len, sizeof(name) - len, "%016" PRIx64,
						noise);
		}
		desk_write(d, name, "");
	}
	desk_job(d, "  files: {path: \"*\"}\n", "");
	d->skip_items = true;
	desk_load_some(d, 1);
	assert_int_equal(d->rc, 0);
	assert_true(d->cursor_len < 200);
	desk_resume(d);
	desk_expect_end(d);
	assert_int_equal(d->n_items, 1200);
	d->n_items = 0;
	desk_load_some(d, 1);
	desk_write(d, "another", "");
	desk_resume(d);
	desk_expect_failure(d, ERR_DATA,
			    "the files are not those that the load began with (1200 then, 1201 "
			    "now): load again");
	d->n_items = 0;
	desk_close(d);
}

static void a_cursor_that_is_damaged_is_refused(void **state)
{
	struct desk *d = desk_open();

	put_file(d, "in.csv", 10, 1, "");
	desk_job(d, "  csv: {path: in.csv}\n" FIELDS, "chunk: {items: 3}");
	desk_load_some(d, 1);
	d->cursor_len--;
	desk_resume(d);
	desk_expect_failure(d, ERR_DATA,
			    "what was stored about the load so far is damaged; load again");
	desk_load_some(d, 1);
	d->cursor[0] = 9;
	desk_resume(d);
	desk_expect_failure(d, ERR_DATA,
			    "the load was begun by another version of this program: load again");
	desk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file),
		cmocka_unit_test(several_files_with_unique_keys),
		cmocka_unit_test(a_json_document),
		cmocka_unit_test(an_xml_document),
		cmocka_unit_test(lines_with_fixed_columns),
		cmocka_unit_test(a_compressed_file),
		cmocka_unit_test(chunks_that_are_full_by_bytes),
		cmocka_unit_test(trailers_and_totals),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(files_as_items),
		cmocka_unit_test(keys_of_texts_are_kept_with_their_chunk),
		cmocka_unit_test(the_first_so_many_items_are_so_many_in_all),
		cmocka_unit_test(a_file_that_changed_since_is_not_read_on),
		cmocka_unit_test(files_that_came_since_are_left_to_the_next_run),
		cmocka_unit_test(a_list_too_long_to_be_kept_must_be_the_same_again),
		cmocka_unit_test(a_cursor_that_is_damaged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
