/* SPDX-License-Identifier: Apache-2.0 */
#include "target/name.h"

#include "base/buf.h"
#include "target/backend.h"

void name_put(struct buf *out, const char *name)
{
	buf_putc(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_putc(out, '"');
		buf_putc(out, *name);
	}
	buf_putc(out, '"');
}

void name_put_columns(struct buf *out, const struct target *t)
{
	for (size_t i = 0; i < t->columns.n; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		name_put(out, t->job->columns[i]);
	}
}
