/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the elements of a document begin and end: the values of an array of a JSON document (RFC
 * 8259), named by a JSON pointer (RFC 6901), or the elements of one name of an XML document.
 *
 * Promise: streams in constant memory. It looks at structure only (brackets, strings, tags,
 *          comments); whether an element is sound is for whoever reads it. What is wrong with the
 *          structure ends the document, with its line: behind that nothing can be told apart.
 * Owner:   whoever declared it; hand in what follows, never the same bytes twice.
 *
 * A DOCTYPE is passed over: entities that it declares are not known to the reader of an element, so
 * nothing is expanded and nothing is fetched.
 */
#ifndef STINT_SOURCE_ELEMENTS_H
#define STINT_SOURCE_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

enum elements_kind { ELEMENTS_NONE, ELEMENTS_JSON, ELEMENTS_XML };

enum {
	ELEMENTS_DEPTH_MAX = 512,
	ELEMENTS_NAME_MAX = 512, /* longer names match nothing */
	ELEMENTS_ENCODING_MAX = 32,
	ELEMENTS_REASON_MAX = 160,
	ELEMENTS_TAG_MAX = 8 * 1024 * 1024, /* longer: no document that anybody meant */
};

struct element_mark {
	int64_t begin; /* offsets in the document */
	int64_t end;
	int64_t line;	/* of its first byte */
	int64_t lines;	/* how many line ends it has */
	int64_t indent; /* bytes before it in its line */
};

struct elements_json {
	const char *pointer; /* lent */
	size_t n_tokens;
	int depth;	   /* containers that are open … */
	int path_depth;	   /* … of them, those on the way to the array */
	int element_depth; /* that of the array's elements */
	uint8_t is_object[ELEMENTS_DEPTH_MAX / 8 + 1];
	uint64_t index; /* in an array on the way */
	uint8_t want;
	uint8_t token;	/* what is being read */
	bool is_escape; /* behind a backslash */
	bool is_name;	/* the string is a member's name */
	bool is_found;	/* the array was there */
	bool is_open;	/* … and is not over yet */
	size_t name_len;
	char name[ELEMENTS_NAME_MAX];
};

struct elements_xml {
	const char *element; /* lent */
	int depth;
	int element_depth;
	uint8_t state;
	uint8_t back;	/* the state to go back to */
	uint8_t run;	/* how much of an ending was seen */
	char quote;	/* that closes the value */
	int brackets;	/* of a DOCTYPE */
	bool has_root;	/* it began */
	bool is_closed; /* … and is over */
	int64_t tag_at; /* where the tag began … */
	int64_t tag_line, tag_indent;
	size_t name_len;
	char name[ELEMENTS_NAME_MAX];
	char encoding[ELEMENTS_ENCODING_MAX]; /* as declared, "" when it is not */
};

struct elements {
	enum elements_kind kind;
	int64_t at;	 /* offset of the next byte */
	int64_t line;	 /* its line */
	int64_t line_at; /* where that begins */
	bool is_inside;
	struct element_mark open; /* the element that it is inside of */
	bool has_failed;
	char reason[ELEMENTS_REASON_MAX];
	struct elements_json json;
	struct elements_xml xml;
};

/* `pointer` "" is the document itself. */
void elements_init_json(struct elements *e, const char *pointer);
void elements_init_xml(struct elements *e, const char *element);
/* As if it stood before an element already: for a part of a document that begins with one, in this
 * line. JSON only. */
void elements_enter(struct elements *e, int64_t line);

/* Scans `data` and sets up to `max` marks. Returns how many; *ret_used is how far it came: all of
 * it, unless the marks are used up or e->has_failed. */
size_t elements_run(struct elements *e, const char *data, size_t len, struct element_mark *marks,
		    size_t max, size_t *ret_used);
/* The first byte that an element may still turn out to begin with, or begins with. */
int64_t elements_needed(const struct elements *e);
/* ERR_DATA when the document `name` may not end here, or had failed. */
ST_MUST_CHECK int elements_end(const struct elements *e, const char *name, struct err *err);

/* ---- between the files of the scanner ---- */

/* Takes bytes from data[i] on; returns behind the first byte that ends an element (*ret_mark is
 * set), or `len`, or where it failed. */
size_t elements_json_run(struct elements *e, const char *data, size_t i, size_t len,
			 bool *ret_is_mark);
size_t elements_xml_run(struct elements *e, const char *data, size_t i, size_t len,
			bool *ret_is_mark);
void elements_fail(struct elements *e, const char *fmt, ...) ST_PRINTF(2, 3);
/* An element begins with the byte at `at`, in this line, behind so many bytes of it. */
void elements_begin(struct elements *e, int64_t at, int64_t line, int64_t indent);
/* Counts the line ends of bytes that begin at offset e->at, and goes behind them. */
void elements_pass(struct elements *e, const char *data, size_t len);
static inline void elements_pass_one(struct elements *e, char c)
{
	e->at++;
	e->line += c == '\n';
	e->line_at = c == '\n' ? e->at : e->line_at;
}
int64_t elements_xml_needed(const struct elements *e);
const char *elements_json_missing(const struct elements *e);
const char *elements_xml_missing(const struct elements *e);

#endif
