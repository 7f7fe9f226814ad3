/* SPDX-License-Identifier: Apache-2.0 */
#include "target/name.h"

#include "base/buf.h"
#include "job/job.h"
#include "target/backend.h"

/* Of the ledger's uuid: enough to tell those of one target apart. */
enum { GATHER_UUID_CHARS = 12 };

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

void target_put_gather_name(const struct target *t, struct buf *out)
{
	buf_printf(out, "stint_run_%.*s_%lld", GATHER_UUID_CHARS, t->uuid,
		   (long long)t->place.run->id);
	if (t->place.job->step > 1)
		buf_printf(out, "_%d", t->place.job->step);
}

void name_put_columns(struct buf *out, const struct target *t)
{
	for (size_t i = 0; i < t->columns.n; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		name_put(out, t->job->columns[i]);
	}
}
