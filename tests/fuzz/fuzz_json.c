/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as JSON. What is read, written and read again is the same tree, and written again the
 * same bytes; so nothing is lost, and no escape is read in two ways. What is refused has a place.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fuzz/fuzz.h"

enum { ARENA_BYTES = 1 << 22, TEXT_BYTES = 1 << 22 };

static void assert_same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	assert(a_len == b_len);
	assert(a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void assert_same(const struct json *a, const struct json *b)
{
	const struct json *y = b->first;
	size_t n = 0;

	assert(a->type == b->type && a->n == b->n);
	assert_same_bytes(a->text, a->text_len, b->text, b->text_len);
	assert_same_bytes(a->name, a->name_len, b->name, b->name_len);
	for (const struct json *x = a->first; x != NULL; x = x->next, y = y->next, n++) {
		assert((x->name != NULL) == (a->type == JSON_OBJECT));
		assert(a->type != JSON_OBJECT || json_find(a, x->name, x->name_len) == x);
		assert_same(x, y);
	}
	assert(n == a->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	AUTO(json_doc) struct json_doc *again = NULL;
	AUTO(buf) struct buf once = BUF_INIT(TEXT_BYTES);
	AUTO(buf) struct buf twice = BUF_INIT(TEXT_BYTES);
	const struct json *root = NULL;
	const struct json *same = NULL;
	struct err err = ERR_INIT;

	int rc = json_parse((const char *)data, size, ARENA_BYTES, &doc, &root, &err);
	if (rc < 0) {
		assert(rc == ERR_TOO_BIG || memcmp(err.text, "line ", 5) == 0);
		return 0;
	}
	json_put(&once, root);
	rc = json_parse(once.data, once.len, ARENA_BYTES, &again, &same, &err);
	assert(rc == 0);
	assert_same(root, same);
	json_put(&twice, same);
	assert_same_bytes(once.data, once.len, twice.data, twice.len);
	return 0;
}
