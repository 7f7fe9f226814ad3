/* SPDX-License-Identifier: Apache-2.0 */
#include "source/records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "source/input.h"
#include "source/shape.h"

enum {
	READ_BYTES = 256 * 1024,      /* at once: small enough to be scanned from the cache */
	FIRST_BYTES = 2 * READ_BYTES, /* what the window begins with */
	BOM_BYTES = 3,
};

static const char bom[] = "\xef\xbb\xbf";

void records_init(struct records *r, const struct records_options *options)
{
	assert(r != NULL && options->input != NULL && options->line > 0);
	*r = (struct records){
		.input = options->input,
		.name = options->name,
		.max_cap = 2 * options->keep_max + RECORD_BYTES_MAX + FIRST_BYTES,
		.base = options->offset,
		.keep = -1,
		.keep_max = options->keep_max,
		.line = options->line,
	};
	csv_scan_init(&r->scan, options->delimiter, options->quote);
	assert(options->elements == ELEMENTS_NONE || options->offset == 0);
	if (options->elements == ELEMENTS_JSON)
		elements_init_json(&r->elements, options->element);
	else if (options->elements == ELEMENTS_XML)
		elements_init_xml(&r->elements, options->element);
}

void records_done(struct records *r)
{
	free(r->data);
	*r = (struct records){.keep = -1};
}

void records_keep(struct records *r, int64_t offset)
{
	assert(offset >= r->base && offset <= r->base + (int64_t)r->at);
	r->keep = offset;
}

void records_let_go(struct records *r)
{
	r->keep = -1;
}

const char *records_at(const struct records *r, int64_t offset)
{
	assert(offset >= r->base && offset <= r->base + (int64_t)r->len);
	return r->data + (offset - r->base);
}

/* Forgets what nobody needs any more. */
static void move_down(struct records *r, size_t from)
{
	memmove(r->data, r->data + from, r->len - from);
	r->len -= from;
	r->at -= from;
	r->scanned -= from;
	r->base += (int64_t)from;
}

/* Room for READ_BYTES; false when there is none left. All marks are used up. */
static bool make_room(struct records *r)
{
	size_t from = r->at;

	if (r->keep >= 0 && r->keep - r->base < (int64_t)from)
		from = (size_t)(r->keep - r->base);
	if (r->at - from > r->keep_max)
		return false;
	if (r->cap - r->len >= READ_BYTES)
		return true;
	/* Moving only when half of it is free keeps the cost of moving below that of reading. */
	if (r->cap > 0 && (from >= r->cap / 2 || r->cap == r->max_cap))
		move_down(r, from);
	while (r->cap - r->len < READ_BYTES) {
		assert(r->cap < r->max_cap);
		r->cap = r->cap == 0 ? FIRST_BYTES : r->cap * 2;
		if (r->cap > r->max_cap)
			r->cap = r->max_cap;
		r->data = xrealloc(r->data, r->cap, 1);
	}
	return true;
}

static int read_more(struct records *r, struct err *err)
{
	size_t got = 0;

	if (!make_room(r))
		return RECORDS_FULL;
	int rc = input_read(r->input, r->data + r->len, READ_BYTES, &got, err);
	if (rc != 0)
		return rc;
	r->len += got;
	r->is_end = got == 0;
	return 0;
}

/* The first bytes of an input may be a byte order mark. */
static int start(struct records *r, struct err *err)
{
	while (!r->is_end && r->len < BOM_BYTES) {
		int rc = read_more(r, err);
		if (rc != 0)
			return rc;
	}
	if (r->len >= BOM_BYTES && memcmp(r->data, bom, BOM_BYTES) == 0) {
		r->at = BOM_BYTES;
		r->scanned = BOM_BYTES;
	}
	return 0;
}

/* Looks for ends of records in what was read and not scanned yet, and reads on where there is
 * nothing.
 */
static int find_more(struct records *r, struct err *err)
{
	size_t used = 0;

	if (r->scanned == r->len) {
		bool is_start = r->base == 0 && r->len == 0;
		int rc = is_start ? start(r, err) : read_more(r, err);
		if (rc != 0)
			return rc;
	}
	r->mark = 0;
	if (r->elements.kind != ELEMENTS_NONE) {
		r->elements.at = r->base + (int64_t)r->scanned; /* behind a byte order mark */
		r->n_marks = elements_run(&r->elements, r->data + r->scanned, r->len - r->scanned,
					  r->element_marks, RECORDS_MARKS, &used);
		r->scanned += used;
		return 0;
	}
	r->marks_base = r->scanned;
	r->n_marks = csv_scan_run(&r->scan, r->data + r->scanned, r->len - r->scanned, r->marks,
				  RECORDS_MARKS, &used);
	r->scanned += used;
	return 0;
}

int records_skip_lines(struct records *r, int64_t lines, struct err *err)
{
	assert(r->n_marks == 0 && r->base == 0);
	int rc = start(r, err);
	while (rc == 0 && lines > 0) {
		const char *from = r->data + r->at;
		const char *end = r->len > r->at ? memchr(from, '\n', r->len - r->at) : NULL;
		r->at = end == NULL ? r->len : (size_t)(end + 1 - r->data);
		r->scanned = r->at;
		if (end != NULL) {
			lines--;
			r->line++;
		} else if (r->is_end) {
			return 0;
		} else {
			rc = read_more(r, err);
		}
	}
	return rc;
}

/* The record from r->at on, `size` bytes with its line end, if there is one. */
static void take(struct records *r, size_t size, int64_t lines, struct record *ret_record)
{
	const char *text = r->data + r->at;
	size_t len = size;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	*ret_record = (struct record){
		.text = text,
		.len = len,
		.size = (int64_t)size,
		.offset = r->base + (int64_t)r->at,
		.line = r->line,
		.lines = lines,
	};
	r->at += size;
	r->line += lines;
}

/* The record that ends with the input, without a line end. */
static int take_last(struct records *r, struct record *ret_record)
{
	if (r->at == r->len)
		return RECORDS_END;
	take(r, r->len - r->at, (int64_t)r->scan.lines, ret_record);
	ret_record->is_open = csv_scan_is_open(&r->scan);
	csv_scan_init(&r->scan, r->scan.delimiter, r->scan.quote);
	bool is_blank = csv_scan_is_blank(&r->scan, ret_record->text, ret_record->len);
	return is_blank ? RECORDS_END : 0;
}

/* ---- elements of a document ---- */

/* What lies between two elements is of no use to anybody. */
static void drop_gap(struct records *r)
{
	size_t to = (size_t)(elements_needed(&r->elements) - r->base);

	if (to > r->at)
		r->at = to;
}

static void take_element(struct records *r, struct record *ret_record)
{
	const struct element_mark *m = &r->element_marks[r->mark++];
	size_t len = (size_t)(m->end - m->begin);

	r->at = (size_t)(m->begin - r->base);
	*ret_record = (struct record){
		.text = r->data + r->at,
		.len = len,
		.size = (int64_t)len,
		.offset = m->begin,
		.line = m->line,
		.lines = m->lines,
		.indent = m->indent,
	};
	r->at += len;
	r->line = m->line + m->lines;
}

static int next_element(struct records *r, struct record *ret_record, struct err *err)
{
	for (;;) {
		if (r->mark < r->n_marks) {
			const struct element_mark *m = &r->element_marks[r->mark];
			if (m->end - m->begin <= RECORD_BYTES_MAX) {
				take_element(r, ret_record);
				return 0;
			}
			r->at = (size_t)(m->begin - r->base);
			return RECORDS_TOO_LONG;
		}
		if (r->elements.has_failed)
			return elements_end(&r->elements, r->name, err);
		drop_gap(r);
		if (r->len - r->at > RECORD_BYTES_MAX)
			return RECORDS_TOO_LONG;
		if (r->is_end && r->scanned == r->len) {
			int rc = elements_end(&r->elements, r->name, err);
			return rc < 0 ? rc : RECORDS_END;
		}
		int rc = find_more(r, err);
		if (rc != 0)
			return rc;
	}
}

/* Goes behind the element that is too long, which begins at r->at. */
static int skip_element(struct records *r, struct record *record, struct err *err)
{
	record->line = r->mark < r->n_marks ? r->element_marks[r->mark].line
					    : r->elements.open.line;
	while (r->mark == r->n_marks) {
		r->at = r->len;
		if (r->elements.has_failed || r->is_end)
			return elements_end(&r->elements, r->name, err); /* it is not closed */
		int rc = find_more(r, err);
		if (rc != 0)
			return rc;
	}
	const struct element_mark *m = &r->element_marks[r->mark++];
	record->lines = m->lines;
	record->size = m->end - m->begin;
	r->at = (size_t)(m->end - r->base);
	return 0;
}

int records_next(struct records *r, struct record *ret_record, struct err *err)
{
	assert(r != NULL && ret_record != NULL);
	if (r->elements.kind != ELEMENTS_NONE)
		return next_element(r, ret_record, err);
	for (;;) {
		while (r->mark < r->n_marks) {
			const struct csv_mark *m = &r->marks[r->mark];
			size_t size = r->marks_base + m->end - r->at;
			if (size > RECORD_BYTES_MAX)
				return RECORDS_TOO_LONG;
			r->mark++;
			take(r, size, m->lines, ret_record);
			if (!csv_scan_is_blank(&r->scan, ret_record->text, ret_record->len))
				return 0;
		}
		if (r->len - r->at > RECORD_BYTES_MAX)
			return RECORDS_TOO_LONG;
		if (r->is_end && r->scanned == r->len)
			return take_last(r, ret_record);
		int rc = find_more(r, err);
		if (rc != 0)
			return rc;
	}
}

int records_skip(struct records *r, char *shown, size_t shown_max, struct record *ret_record,
		 struct err *err)
{
	size_t there = r->len - r->at < shown_max ? r->len - r->at : shown_max;
	struct record record = {.text = shown,
				.len = there,
				.offset = r->base + (int64_t)r->at,
				.line = r->line,
				.is_cut = true};

	assert(r->keep < 0 && shown != NULL && r->len - r->at > RECORD_BYTES_MAX);
	memcpy(shown, r->data + r->at, there);
	if (r->elements.kind != ELEMENTS_NONE) {
		int rc = skip_element(r, &record, err);
		*ret_record = record;
		return rc;
	}
	while (r->mark == r->n_marks) {
		r->at = r->len; /* all of it was scanned */
		if (r->is_end) {
			record.lines = (int64_t)r->scan.lines;
			record.is_open = csv_scan_is_open(&r->scan);
			break;
		}
		int rc = find_more(r, err);
		if (rc != 0)
			return rc;
	}
	if (r->mark < r->n_marks) {
		record.lines = r->marks[r->mark].lines;
		r->at = r->marks_base + r->marks[r->mark].end;
		r->mark++;
	}
	r->line += record.lines;
	record.size = r->base + (int64_t)r->at - record.offset;
	*ret_record = record;
	return 0;
}

size_t records_ready(const struct records *r, const struct record *record)
{
	if (r->elements.kind != ELEMENTS_NONE)
		return (size_t)record->size;
	size_t from = (size_t)(record->offset - r->base);
	size_t to = r->n_marks > 0 ? r->marks_base + r->marks[r->n_marks - 1].end : r->at;

	return to < r->at ? r->at - from : to - from;
}
