/* SPDX-License-Identifier: Apache-2.0 */
#include "job/suggest.h"

#include <assert.h>
#include <stdio.h>

const char *suggest(char *out, size_t size, const char *near)
{
	assert(out != NULL && size > 0);
	out[0] = '\0';
	if (near != NULL)
		(void)snprintf(out, size, "; did you mean '%s'?", near); /* names are shorter */
	return out;
}
