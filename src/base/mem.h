/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small allocations that succeed or end the process: with words, and exit status 71.
 *
 * For objects of fixed, small size only. Whatever is sized by data from outside goes into a
 * `struct buf` with a maximum, where too big is a failure that somebody is told of.
 */
#ifndef STINT_BASE_MEM_H
#define STINT_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/* Zeroed memory for `n` objects of `size` bytes; the caller frees with free(). Never NULL. */
void *xcalloc(size_t n, size_t size);
/* As realloc of an array, never NULL; new part not zeroed. */
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
void *xmemdup(const void *p, size_t len);

/* Ends the process so: where a library says that it has no memory. */
ST_NORETURN void mem_give_up(size_t n, size_t size);

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/* For AUTO(str): frees a `char *` or any pointer. */
void str_auto(char **s);

#endif
