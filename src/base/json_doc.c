/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_doc.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

enum { BLOCK_FIRST_BYTES = 4096 };

struct block {
	struct block *older;
	size_t size;
	uint64_t data[]; /* aligned for nodes */
};

struct json_doc {
	size_t max;    /* what may be used in all */
	size_t closed; /* used in the older blocks */
	size_t hint;   /* what the document before needed in all */
	struct block *block;
	char *at; /* free part of `block` */
	char *end;
};

static size_t doc_used(const struct json_doc *doc)
{
	if (doc->block == NULL)
		return 0;
	return doc->closed + (size_t)(doc->at - (char *)doc->block->data);
}

static void doc_open_block(struct json_doc *doc, struct block *block)
{
	block->older = doc->block;
	doc->block = block;
	doc->at = (char *)block->data;
	doc->end = doc->at + block->size;
}

/* A new block that has room for `size`; false when the limit does not allow it. What counts is what
 * is used, not the blocks, so that a document fits or not whatever was parsed before. */
static bool doc_grow(struct json_doc *doc, size_t size)
{
	size_t used = doc_used(doc);
	size_t want = doc->block == NULL ? doc->hint : doc->block->size * 2;

	if (size > doc->max - used)
		return false;
	if (want < BLOCK_FIRST_BYTES)
		want = BLOCK_FIRST_BYTES;
	if (want < size)
		want = size;
	if (want > doc->max - used)
		want = doc->max - used;
	struct block *block = xrealloc(NULL, sizeof(*block) + want, 1);
	block->size = want;
	doc->closed = used;
	doc_open_block(doc, block);
	return true;
}

void *json_doc_alloc(struct json_doc *doc, size_t size)
{
	size = (size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
	if ((size_t)(doc->end - doc->at) < size && !doc_grow(doc, size))
		return NULL;
	char *p = doc->at;
	doc->at += size;
	return p;
}

static void doc_free_blocks(struct json_doc *doc)
{
	while (doc->block != NULL) {
		struct block *older = doc->block->older;
		free(doc->block);
		doc->block = older;
	}
	doc->at = NULL;
	doc->end = NULL;
	doc->closed = 0;
}

void json_doc_reset(struct json_doc *doc)
{
	if (doc->block == NULL)
		return;
	if (doc->block->older == NULL) {
		doc->at = (char *)doc->block->data;
		return;
	}
	doc->hint = doc_used(doc);
	doc_free_blocks(doc);
}

struct json_doc *json_doc_new(size_t max_bytes)
{
	struct json_doc *doc = xnew(struct json_doc);

	doc->max = max_bytes;
	return doc;
}

void json_doc_free(struct json_doc *doc)
{
	if (doc == NULL)
		return;
	doc_free_blocks(doc);
	free(doc);
}

void json_doc_auto(struct json_doc **doc)
{
	json_doc_free(*doc);
	*doc = NULL;
}

size_t json_doc_max(const struct json_doc *doc)
{
	return doc->max;
}
