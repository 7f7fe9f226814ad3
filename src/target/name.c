/* SPDX-License-Identifier: Apache-2.0 */
#include "target/name.h"

#include <string.h>

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

void name_put_insert(struct buf *out, const char *table, const struct target *t)
{
	buf_puts(out, "INSERT INTO ");
	buf_puts(out, table);
	buf_puts(out, " (");
	name_put_columns(out, t);
	buf_putc(out, ')');
}

void name_put_keys(struct buf *out, const struct target *t)
{
	for (size_t i = 0; t->job->conflict_on != NULL && t->job->conflict_on[i] != NULL; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		name_put(out, t->job->conflict_on[i]);
	}
}

static bool is_key(const struct job_target *job, const char *name)
{
	for (size_t i = 0; job->conflict_on != NULL && job->conflict_on[i] != NULL; i++)
		if (strcmp(job->conflict_on[i], name) == 0)
			return true;
	return false;
}

void name_put_conflict(struct buf *out, const struct target *t)
{
	const struct job_target *job = t->job;
	size_t n = 0;

	if (job->conflict == JOB_CONFLICT_FAIL)
		return;
	buf_puts(out, " ON CONFLICT ");
	if (job->conflict_on != NULL) {
		buf_putc(out, '(');
		name_put_keys(out, t);
		buf_puts(out, ") ");
	}
	for (size_t i = 0; job->conflict == JOB_CONFLICT_UPDATE && i < t->columns.n; i++) {
		if (is_key(job, job->columns[i]))
			continue;
		buf_puts(out, n++ == 0 ? "DO UPDATE SET " : ", ");
		name_put(out, job->columns[i]);
		buf_puts(out, " = excluded.");
		name_put(out, job->columns[i]);
	}
	if (n == 0)
		buf_puts(out, "DO NOTHING");
}
