/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts in sentences. */
#include <assert.h>

#include "base/buf.h"
#include "job/explain.h"
#include "job/job.h"

enum { FIELDS_SHOWN = 12 };

static void put_added(const struct job *job, struct buf *out)
{
	size_t first = job->source.n_fields;
	size_t n = job->n_fields - first;

	if (n == 0)
		return;
	buf_printf(out, ", which gives it the field%s ", n == 1 ? "" : "s");
	for (size_t i = 0; i < n && i < FIELDS_SHOWN; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", job->fields[first + i].name);
	if (n > FIELDS_SHOWN)
		buf_printf(out, " and %zu more", n - FIELDS_SHOWN);
}

void explain_put_filter(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	if (job->filter != NULL)
		buf_puts(out, " Records for which the filter gives false are left out and counted; "
			      "where it fails, they are rejects.");
}

void explain_put_transform(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	if (job->transform == NULL)
		return;
	buf_puts(out, "Each item goes through the transform");
	put_added(job, out);
	buf_puts(out, "; an item on which it fails is dead. ");
}

void explain_put_tests(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	if (job->work.n_tests == 0)
		return;
	buf_printf(out,
		   " %zu test%s of what it says come%s before that, unless its status stands in "
		   "retry_when, dead_when or doubt_when; where one fails, what would be done is in "
		   "doubt.",
		   job->work.n_tests, job->work.n_tests == 1 ? "" : "s",
		   job->work.n_tests == 1 ? "s" : "");
}
