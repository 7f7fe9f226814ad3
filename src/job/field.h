/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields: the names and types that a job declares for its items, and checking a text against them.
 *
 * Promise: a value keeps its exact digits. Its canonical text is what every later place sees:
 *          integer `-12`, decimal `12.50` (always with '.', digits as given), float as given,
 *          boolean `true`/`false`, date `2026-11-23`, timestamp RFC 3339, json compact.
 */
#ifndef STINT_JOB_FIELD_H
#define STINT_JOB_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct json;
struct json_writer;

/* name in the job file, what a message calls a value of it */
#define FIELD_TYPES(X)                                                                             \
	X(FIELD_TEXT, "text", "a text")                                                            \
	X(FIELD_INTEGER, "integer", "an integer")                                                  \
	X(FIELD_DECIMAL, "decimal", "a decimal")                                                   \
	X(FIELD_FLOAT, "float", "a number")                                                        \
	X(FIELD_BOOLEAN, "boolean", "true or false")                                               \
	X(FIELD_DATE, "date", "a date")                                                            \
	X(FIELD_TIMESTAMP, "timestamp", "a timestamp")                                             \
	X(FIELD_JSON, "json", "JSON")

enum field_type {
#define X(id, name, what) id,
	FIELD_TYPES(X)
#undef X
		FIELD_TYPE_COUNT_
};

struct field {
	char *name;
	enum field_type type;
	uint32_t max_chars; /* text(40): characters, 0 no limit */
	char decimal_mark;  /* decimal(","): ',', else '.' */
	char *date_format;  /* date(%d.%m.%Y), else NULL for ISO 8601 */
	char *from;	  /* JSON pointer, or the column's name where it differs; NULL: the name */
	bool optional;	  /* `?`: may be absent or null; an empty CSV column then is null */
	bool sensitive;	  /* masked wherever people look */
	bool is_assigned; /* by the transform: each value brings its type */
};

/* One value of an item. `text` is canonical and lent; NULL text with is_null for null. */
struct value {
	const char *text;
	size_t len;
	bool is_null;
	uint8_t type; /* an enum field_type, of a field with is_assigned */
};

const char *field_type_name(enum field_type type);
/* Of this value; text for a null that has none. */
enum field_type field_value_type(const struct field *field, const struct value *value);

/* Frees what the field owns. */
void field_done(struct field *field);

/* Reads a type as it stands in a job file: `text(40)`, `decimal(",")?`, `date(%d.%m.%Y)`. Fills
 * type, max_chars, decimal_mark, date_format (gives) and optional. ERR_CONFIG. */
ST_MUST_CHECK int field_parse_type(struct field *field, const char *text, size_t len,
				   struct err *err);

/* Checks `raw` against the field and sets `*ret_value`; a value that needs rewriting (dates, marks)
 * is appended to `scratch` and lent from there - so `scratch` must not move while values are in
 * use: the caller reserves `len + 64` bytes before each call. ERR_DATA: "'12,5' is no decimal
 * (field total)". An empty raw text is null when optional, an empty text for type text, else an
 * error. */
ST_MUST_CHECK int field_check(const struct field *field, const char *raw, size_t len,
			      struct buf *scratch, struct value *ret_value, struct err *err);
/* The same for a JSON value (NULL: absent). Numbers must be JSON numbers or strings that read as
 * such. */
ST_MUST_CHECK int field_check_json(const struct field *field, const struct json *json,
				   struct buf *scratch, struct value *ret_value, struct err *err);

/* Appends the type as field_parse_type reads it: `decimal(",")?`. */
void field_put_type(const struct field *field, struct buf *out);

/* Writes the value with its JSON type: integer, decimal, float, boolean and json as they are, the
 * rest as strings. */
void field_put_json(const struct field *field, const struct value *value, struct json_writer *w);

#endif
