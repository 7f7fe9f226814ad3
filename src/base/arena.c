/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_BYTES = 8 * 1024 - 64 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char data[];
};

static struct arena_block *arena_grow(struct arena *a, size_t size)
{
	size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
	struct arena_block *b = xcalloc(1, sizeof(*b) + room);

	b->size = room;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	const size_t align = alignof(max_align_t);

	size = (size + align - 1) / align * align;
	if (b == NULL || b->size - b->used < size)
		b = arena_grow(a, size);
	void *p = b->data + b->used;
	b->used += size;
	a->used += size;
	return p;
}

void *arena_dup(struct arena *a, const void *data, size_t len)
{
	void *p = arena_alloc(a, len);

	if (len > 0)
		memcpy(p, data, len);
	return p;
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (len > 0)
		memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

char *arena_str(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_text(a, s, strlen(s));
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = NULL;

	while (a->blocks != NULL) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		if (keep == NULL && b->size == BLOCK_BYTES) {
			keep = b;
			continue;
		}
		free(b);
	}
	if (keep != NULL) {
		memset(keep->data, 0, keep->used);
		keep->used = 0;
		keep->next = NULL;
	}
	a->blocks = keep;
	a->used = 0;
}

void arena_done(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	a->used = 0;
}
