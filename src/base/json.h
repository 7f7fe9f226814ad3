/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259): a strict reader that keeps numbers as they were written, and a writer.
 *
 * Reader: builds a tree in one arena. Numbers keep their raw lexeme (libraries round or saturate
 * them). Strict UTF-8, duplicate keys refused, depth at most JSON_DEPTH_MAX, memory at most what
 * the caller allows. Errors name line and column (in characters, from 1).
 * Writer: appends to a `struct buf`; takes care of commas and escaping; asserts on wrong nesting.
 */
#ifndef STINT_BASE_JSON_H
#define STINT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { JSON_DEPTH_MAX = 64 };

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
	JSON_COUNT_
};

struct json {
	enum json_type type;
	const char *name; /* the member's name within an object, else NULL; name_len bytes */
	size_t name_len;
	const char *text; /* string (unescaped, may hold NUL) or the number as written */
	size_t text_len;
	struct json *first; /* children of arrays and objects */
	struct json *next;  /* sibling */
	size_t n;	    /* how many children */
};

struct json_doc;

/* Parses one document; blanks around it are allowed. Gives `*ret_doc` (free with json_doc_free) and
 * lends its root. `text` is only read during the call: all that the tree needs is in the arena,
 * which `max_bytes` bounds (the text and 64 bytes a value). A '\0' follows every name and string.
 * ERR_DATA with "line L, column C: …"; ERR_TOO_BIG, so worded too, when the arena is too small. */
ST_MUST_CHECK int json_parse(const char *text, size_t len, size_t max_bytes,
			     struct json_doc **ret_doc, const struct json **ret_root,
			     struct err *err);
void json_doc_free(struct json_doc *doc);
void json_doc_auto(struct json_doc **doc);
/* For line after line: json_parse_into() empties the document first, but keeps its memory. Gives;
 * what the last parse lent is valid until the next. */
struct json_doc *json_doc_new(size_t max_bytes);
ST_MUST_CHECK int json_parse_into(struct json_doc *doc, const char *text, size_t len,
				  const struct json **ret_root, struct err *err);

/* The member of an object, or NULL (also when `object` is none). */
const struct json *json_find(const struct json *object, const char *name, size_t name_len);
/* RFC 6901 JSON pointer, or NULL when there is nothing. */
const struct json *json_pointer(const struct json *root, const char *pointer);
/* Takes the token that the pointer begins with, after its '/', with ~1 and ~0 undone; gives how
 * many bytes of it are in `out`, `size` at most. */
size_t json_pointer_take(const char **pointer, char *out, size_t size);
/* Appends the value as compact JSON, numbers as they were written. */
void json_put(struct buf *b, const struct json *value);

/* The writer. */
struct json_writer {
	struct buf *out;
	uint64_t has_items; /* bit per depth: a comma is due */
	uint64_t is_object; /* bit per depth: members, not elements */
	int depth;
	bool after_name;
	bool pretty;
};

/* One value is written with one writer. Keeps `out` while it is used. Set `pretty` for line breaks.
 */
void jw_init(struct json_writer *w, struct buf *out);
/* Asserts that the value is complete. */
void jw_done(const struct json_writer *w);
void jw_object(struct json_writer *w);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_array_end(struct json_writer *w);
void jw_name(struct json_writer *w, const char *name);
void jw_string(struct json_writer *w, const char *text, size_t len);
void jw_text(struct json_writer *w, const char *text); /* NULL gives null */
void jw_int(struct json_writer *w, int64_t v);
void jw_raw(struct json_writer *w, const char *json,
	    size_t len); /* already JSON: a number's lexeme */
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
/* Shorthands for a member of an object. */
void jw_member_text(struct json_writer *w, const char *name, const char *text);
void jw_member_int(struct json_writer *w, const char *name, int64_t v);
void jw_member_bool(struct json_writer *w, const char *name, bool v);
/* A string with JSON escapes and quotes; invalid UTF-8 becomes U+FFFD. */
void json_put_string(struct buf *b, const char *text, size_t len);

#endif
