/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void mem_give_up(size_t n, size_t size)
{
	struct err err = {.code = ERR_MEMORY};

	(void)fprintf(stderr, "stint: out of memory (%zu x %zu bytes)\n", n, size); /* unbuffered */
	/* At once, as after a kill, which every file and the ledger are made for: what else would
	 * be done on the way out needs memory, too. */
	_Exit(err_exit_status(&err));
}

/* An allocator may answer a request for nothing with NULL; ours never do. */
static size_t mem_at_least_one(size_t n)
{
	return n == 0 ? 1 : n;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(mem_at_least_one(n), mem_at_least_one(size));

	if (p == NULL)
		mem_give_up(n, size);
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	void *moved = reallocarray(p, mem_at_least_one(n), mem_at_least_one(size));

	if (moved == NULL)
		mem_give_up(n, size);
	return moved;
}

char *xstrdup(const char *s)
{
	assert(s != NULL);
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len)
{
	assert(s != NULL || len == 0);
	char *copy = xrealloc(NULL, len + 1, 1);
	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *xmemdup(const void *p, size_t len)
{
	assert(p != NULL || len == 0);
	void *copy = xrealloc(NULL, len, 1);
	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

void str_auto(char **s)
{
	free(*s);
	*s = NULL;
}
