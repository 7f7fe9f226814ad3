/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of one input, one after another, as they stand, with their places.
 *
 * A record is a line, a CSV record, or an element of a document (elements.h), between which there
 * may be other things.
 *
 * Promise: memory stays within RECORD_BYTES_MAX and twice what the caller may keep, whatever the
 *          input holds; a longer record is told as such and can only be skipped. Empty lines are no
 *          records. A byte order mark at the start is left out.
 * Owner:   whoever declared it; what it lends is valid until the next call.
 */
#ifndef STINT_SOURCE_RECORDS_H
#define STINT_SOURCE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "source/csv_scan.h"
#include "source/elements.h"

struct err;
struct input;

enum { RECORDS_MARKS = 512 };

struct record {
	const char *text; /* without its line end */
	size_t len;
	int64_t size;	/* with it, all of it */
	int64_t offset; /* of its first byte, from 0 */
	int64_t line;	/* of its first byte, from 1 */
	int64_t lines;	/* how many line ends it has */
	int64_t indent; /* bytes before it in its line */
	bool is_open;	/* the input ends inside quotes */
	bool is_cut;	/* too long: only its beginning is here */
};

struct records {
	struct input *input; /* lent */
	const char *name;    /* lent */
	struct csv_scan scan;
	char *data; /* a window on the input */
	size_t cap;
	size_t max_cap;
	size_t len;
	int64_t base;	/* offset of data[0] in the input */
	size_t at;	/* the next record, in the window */
	size_t scanned; /* how far the scanner is */
	int64_t keep;	/* offset of the first byte that stays; -1: nothing is kept */
	size_t keep_max;
	bool is_end;		  /* the input is at its end */
	int64_t line;		  /* of the next record */
	struct elements elements; /* where records are elements of a document … */
	union {
		struct csv_mark marks[RECORDS_MARKS];
		struct element_mark element_marks[RECORDS_MARKS]; /* … then these */
	};
	size_t n_marks;
	size_t mark;	   /* the next one */
	size_t marks_base; /* what their offsets start from, in the window */
};

struct records_options {
	struct input *input;
	const char *name; /* of the document, for messages; lent */
	char delimiter;
	char quote;
	size_t keep_max; /* bytes that the caller may keep */
	int64_t offset;	 /* where the input stands */
	int64_t line;	 /* the line there, from 1 */
	/* Elements of a document, which is read from its start; else records are lines, or CSV. */
	enum elements_kind elements;
	const char *element; /* their name, or the pointer to them; lent */
};

void records_init(struct records *r, const struct records_options *options);
void records_done(struct records *r);
/* Leaves out `lines` lines; when there are not so many, the end comes next. */
ST_MUST_CHECK int records_skip_lines(struct records *r, int64_t lines, struct err *err);

/* The next record. Conditions: RECORDS_END; RECORDS_FULL, let go of what you keep and call again;
 * RECORDS_TOO_LONG, nothing was taken, let go and call records_skip(). */
enum records_condition { RECORDS_END = 1, RECORDS_FULL = 2, RECORDS_TOO_LONG = 3 };
ST_MUST_CHECK int records_next(struct records *r, struct record *ret_record, struct err *err);
/* Takes the long record; its beginning is put in `shown`, which *ret_record then lends. */
ST_MUST_CHECK int records_skip(struct records *r, char *shown, size_t shown_max,
			       struct record *ret_record, struct err *err);

/* Everything from this offset on stays, though it may move: records_at() tells where it is. */
void records_keep(struct records *r, int64_t offset);
void records_let_go(struct records *r);
const char *records_at(const struct records *r, int64_t offset);
/* How many bytes from the start of this record on, which is the last one taken, belong to records
 * that were found already: to look through at once. */
size_t records_ready(const struct records *r, const struct record *record);

#endif
