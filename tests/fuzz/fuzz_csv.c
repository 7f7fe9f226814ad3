/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as CSV. The first byte chooses delimiter and quote. The three scanners find the same
 * records, also when the bytes come in pieces; columns lie within their record, and written again
 * they read the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "source/csv_record.h"
#include "source/csv_scan.h"

enum { MARKS = 256, COLUMNS = 64, SIZE_MAX_BYTES = 64 * 1024 };

struct found {
	struct csv_mark marks[MARKS];
	size_t n;
	size_t used;
	bool is_open;
};

enum scanner { BY_BLOCKS, BY_WORDS, BY_BYTES };

static void find(struct found *f, const struct csv_form *form, enum scanner scanner,
		 const uint8_t *data, size_t size)
{
	struct csv_scan s;
	const char *text = (const char *)data;

	csv_scan_init(&s, form->delimiter, form->quote);
	s.is_plain = scanner == BY_WORDS;
	f->n = scanner == BY_BYTES ? csv_scan_slowly(&s, text, size, f->marks, MARKS, &f->used)
				   : csv_scan_run(&s, text, size, f->marks, MARKS, &f->used);
	f->is_open = csv_scan_is_open(&s);
}

static void assert_same(const struct found *a, const struct found *b)
{
	assert(a->n == b->n && a->used == b->used && a->is_open == b->is_open);
	for (size_t i = 0; i < a->n; i++)
		assert(a->marks[i].end == b->marks[i].end &&
		       a->marks[i].lines == b->marks[i].lines);
}

/* The same in two pieces. */
static void find_in_pieces(struct found *f, const struct csv_form *form, const uint8_t *data,
			   size_t size)
{
	struct csv_scan s;
	size_t half = size / 2;
	size_t used = 0;
	const char *text = (const char *)data;

	csv_scan_init(&s, form->delimiter, form->quote);
	f->n = csv_scan_run(&s, text, half, f->marks, MARKS, &used);
	f->used = used;
	if (used == half && f->n < MARKS) {
		size_t n = csv_scan_run(&s, text + half, size - half, f->marks + f->n, MARKS - f->n,
					&used);
		for (size_t i = 0; i < n; i++)
			f->marks[f->n + i].end += (uint32_t)half;
		f->n += n;
		f->used = half + used;
	}
	f->is_open = csv_scan_is_open(&s);
}

/* Every column in quotes. */
static void write_again(struct buf *b, const struct csv_form *form, const struct csv_columns *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (i > 0)
			buf_putc(b, form->delimiter);
		buf_putc(b, form->quote);
		for (size_t k = 0; k < c->list[i].len; k++) {
			if (c->list[i].text[k] == form->quote)
				buf_putc(b, form->quote);
			buf_putc(b, c->list[i].text[k]);
		}
		buf_putc(b, form->quote);
	}
}

static void split(const struct csv_form *form, const char *text, size_t len)
{
	struct csv_column list[COLUMNS];
	struct csv_column again_list[COLUMNS];
	struct csv_columns columns = {.list = list, .max = COLUMNS};
	struct csv_columns again = {.list = again_list, .max = COLUMNS};
	struct flaw flaw = {0};
	struct buf scratch = BUF_INIT(SIZE_MAX_BYTES);
	struct buf scratch_again = BUF_INIT(SIZE_MAX_BYTES * 4);
	struct buf written = BUF_INIT(SIZE_MAX_BYTES * 4);

	if (csv_record_split(form, text, len, &columns, &scratch, &flaw) != 0) {
		assert(flaw.at <= len && flaw.reason[0] != '\0');
	} else if (form->quote != '\0' && columns.n <= COLUMNS) {
		for (size_t i = 0; i < columns.n; i++)
			assert(columns.list[i].at <= len && columns.list[i].len <= len);
		write_again(&written, form, &columns);
		int rc = csv_record_split(form, buf_str(&written), written.len, &again,
					  &scratch_again, &flaw);
		assert(rc == 0 && again.n == columns.n);
		for (size_t i = 0; i < columns.n; i++)
			assert(again_list[i].len == list[i].len &&
			       memcmp(again_list[i].text, list[i].text, list[i].len) == 0);
	}
	buf_done(&scratch);
	buf_done(&scratch_again);
	buf_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct csv_form forms[] = {{',', '"'},  {';', '\''}, {'\t', '\0'},
						{'|', '\r'}, {' ', 'a'},  {'\r', '"'}};
	static struct found slow;
	static struct found other;

	if (size == 0 || size > SIZE_MAX_BYTES)
		return 0;
	const struct csv_form *form = &forms[data[0] % (sizeof(forms) / sizeof(forms[0]))];
	data++;
	size--;
	find(&slow, form, BY_BYTES, data, size);
	find(&other, form, BY_BLOCKS, data, size);
	assert_same(&slow, &other);
	find(&other, form, BY_WORDS, data, size);
	assert_same(&slow, &other);
	find_in_pieces(&other, form, data, size);
	if (slow.n < MARKS)
		assert_same(&slow, &other);
	size_t at = 0;
	for (size_t i = 0; i < slow.n; i++) {
		split(form, (const char *)data + at, slow.marks[i].end - at - 1);
		at = slow.marks[i].end;
	}
	split(form, (const char *)data + at, size - at);
	return 0;
}
