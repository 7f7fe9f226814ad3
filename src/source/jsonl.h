/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of JSON Lines, or an element of a JSON document: one object; a field is a member of it, or
 * what a JSON pointer (`from`) finds.
 */
#ifndef STINT_SOURCE_JSONL_H
#define STINT_SOURCE_JSONL_H

#include <stddef.h>

#include "base/attr.h"

struct flaw;
struct field;
struct json;
struct json_doc;

enum jsonl_condition { JSONL_FLAW = 1 };

/* Lends the object of the line from `doc`. Returns JSONL_FLAW and sets *ret_flaw. */
ST_MUST_CHECK int jsonl_parse(struct json_doc *doc, const char *text, size_t len,
			      const struct json **ret_root, struct flaw *ret_flaw);
/* The value of a field, or NULL. */
const struct json *jsonl_find(const struct json *root, const struct field *field);
/* Where in a line that was parsed the field's value begins; 0 when it is absent. */
size_t jsonl_locate(const char *text, size_t len, const struct field *field);

#endif
