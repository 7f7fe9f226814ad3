/* SPDX-License-Identifier: Apache-2.0 */
/* What OBJ_CAST and unreachable() do when the impossible happens: say where, and end. */
#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *obj_check(void *ptr, uint32_t magic, const char *file, int line)
{
	uint32_t found = 0;

	if (ptr != NULL)
		memcpy(&found, ptr, sizeof(found));
	if (ptr != NULL && found == magic)
		return ptr;
	(void)fprintf(stderr, "%s:%d: object %p has magic %08x, expected %08x\n", file, line, ptr,
		      (unsigned)found, (unsigned)magic); /* we abort in any case */
	abort();
}

void unreachable_at(const char *why, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: unreachable: %s\n", file, line, why); /* we abort anyway */
	abort();
}
