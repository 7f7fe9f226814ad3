/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the records of one file become the fields of a job: the reader and the lanes do it by this
 * same code, so that an item is the same wherever it is made.
 *
 * Owner:   whoever declared it; one thread. Everything is reused from record to record, nothing is
 *          allocated for one of ordinary size.
 */
#ifndef STINT_SOURCE_SHAPE_H
#define STINT_SOURCE_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/field.h"
#include "source/csv_record.h"

struct job;
struct fixed;
struct json;
struct json_doc;
struct xml_record;

enum { RECORD_BYTES_MAX = 8 * 1024 * 1024 }; /* longer: a reject */

/* Written into bodies: numbers stay. */
enum shape_format {
	SHAPE_NONE = 0,
	SHAPE_CSV = 1,
	SHAPE_JSONL = 2,
	SHAPE_LINES = 3,
	SHAPE_JSON = 4, /* an element of a document */
	SHAPE_XML = 5,
	SHAPE_FIXED = 6
};

struct shape {
	const struct job *job;
	enum shape_format format;
	struct csv_form form;
	size_t n_columns;    /* csv: so many each record must have */
	uint32_t *column_of; /* csv: for each field, from 0 */
	struct csv_columns columns;
	struct json_doc *doc;
	const struct json **found; /* json, jsonl: for each field */
	struct fixed *fixed;
	struct xml_record *xml;
	const char *encoding; /* xml: as the document says; lent */
	struct buf unquoted;
	struct buf converted;
	struct buf scratch;
	struct value *values; /* of the last record read: one for each field */
	struct err err;
};

enum shape_format shape_format_of(const struct job *job);
/* Keeps `job`. A csv shape has no columns yet: csv_header.h gives it some, or shape_set_columns. */
void shape_init(struct shape *s, const struct job *job);
void shape_done(struct shape *s);
/* `column_of` has one entry for each field, all below `n_columns`; copied. */
void shape_set_columns(struct shape *s, size_t n_columns, const uint32_t *column_of);

/* Reads one record, without its line end, into s->values, which are lent from the record and from
 * the shape until the next. Returns SHAPE_FLAW and sets *ret_flaw when it is none. The text was
 * looked through by encoding_find_bad. */
enum shape_condition { SHAPE_FLAW = 1 };
ST_MUST_CHECK int shape_read(struct shape *s, const char *text, size_t len, struct flaw *ret_flaw);
/* After SHAPE_FLAW: reads one field of that record on its own, where it can be read. 0 or
 * SHAPE_FLAW. */
ST_MUST_CHECK int shape_read_field(struct shape *s, size_t field, const char *text, size_t len,
				   struct value *ret_value);

#endif
