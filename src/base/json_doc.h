/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a JSON document: an arena of a few blocks, for the reader only.
 *
 * Promise: what is asked for in all never exceeds the maximum, and whether something fits
 *          does not depend on what was parsed before.
 */
#ifndef STINT_BASE_JSON_DOC_H
#define STINT_BASE_JSON_DOC_H

#include <stddef.h>

struct json_doc;

/* Memory for nodes or text, not zeroed, valid until the next reset; NULL beyond the maximum. */
void *json_doc_alloc(struct json_doc *doc, size_t size);
/* Empty; several blocks are given up for one of their whole size, made when needed. */
void json_doc_reset(struct json_doc *doc);
size_t json_doc_max(const struct json_doc *doc);

#endif
