/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small allocations that die together.
 *
 * Promise: nothing is freed before arena_done() or arena_reset(); memory is zeroed and aligned for
 *          any type. For data whose total is bounded by the caller; without memory it ends the
 *          process.
 */
#ifndef STINT_BASE_ARENA_H
#define STINT_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;		    /* bytes handed out, for the caller's limit */
};

void *arena_alloc(struct arena *a, size_t size);
void *arena_dup(struct arena *a, const void *data, size_t len);
/* A copy with a '\0' after it. */
char *arena_text(struct arena *a, const char *text, size_t len);
/* As arena_text of a C string; NULL gives NULL. */
char *arena_str(struct arena *a, const char *s);
/* Forgets everything but keeps one block for the next use. */
void arena_reset(struct arena *a);
void arena_done(struct arena *a);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
