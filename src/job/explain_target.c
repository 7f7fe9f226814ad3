/* SPDX-License-Identifier: Apache-2.0 */
/* Work on a database, in words. */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/explain.h"
#include "job/job.h"

enum { NAME_SHOWN = 100 };

static void put_database(const struct job_target *target, struct buf *out)
{
	buf_puts(out, target->dialect == STATEMENT_POSTGRES ? "the PostgreSQL database "
							    : "the SQLite database ");
	if (target->url != NULL)
		text_put_printable(out, target->url, strlen(target->url), NAME_SHOWN);
}

static void put_conflict(const struct job_target *target, struct buf *out)
{
	switch (target->conflict) {
	case JOB_CONFLICT_SKIP:
		buf_puts(out, "; a row that is there already is left as it is");
		break;
	case JOB_CONFLICT_UPDATE:
		buf_puts(out, "; a row that is there already is updated");
		break;
	case JOB_CONFLICT_FAIL:
	case JOB_CONFLICT_COUNT_:
		buf_puts(out, "; a row that is there already makes the item dead");
		break;
	}
}

void explain_put_target(const struct job *job, struct buf *out)
{
	const struct job_target *target = &job->work.target;

	if (job->work.kind == WORK_SQL) {
		buf_printf(out, "For each item it executes %s in ",
			   target->statements[0] != NULL && target->statements[1] == NULL
				   ? "a statement"
				   : "statements");
		put_database(target, out);
		buf_puts(out, "; placeholders are bound parameters");
	} else {
		buf_puts(out, "Loads them into the table ");
		if (target->table != NULL)
			text_put_printable(out, target->table, strlen(target->table), NAME_SHOWN);
		buf_puts(out, " of ");
		put_database(target, out);
		put_conflict(target, out);
	}
	if (job_is_all_or_none(job))
		buf_puts(out,
			 ". All or nothing: they are gathered in a table of stint's own, and at "
			 "the end of the run one transaction puts them in their place, when "
			 "none is dead. A transaction of a chunk may take ");
	else
		buf_puts(out, ". Items go by the chunk, a chunk in one transaction; one that the "
			      "database refuses is left out, and the others are committed. A "
			      "transaction may take ");
	text_put_duration(out, job->work.timeout_us);
	buf_puts(out, ".");
	if (target->before != NULL)
		buf_puts(out, job_is_all_or_none(job)
				      ? " In it `before` is executed first."
				      : " Before the first item, once, `before` is executed.");
	if (target->after != NULL)
		buf_puts(out, " After the last item, once, `after` is executed.");
}

void explain_put_target_effect(struct buf *out)
{
	buf_puts(out,
		 "Effect transactional: what is done is marked in the table stint_mark of the "
		 "same database, in the same transaction. After a crash, also in the middle of a "
		 "commit, the marks say what took effect, and each item takes effect once. The "
		 "table is made by `stint ledger init --target URL`, or by hand from `stint "
		 "generate marker FILE`.\n");
}

static void put_states(const struct job_target *target, enum job_when when, const char *words,
		       struct buf *out)
{
	const char *before = words;

	for (size_t i = 0; i < target->n_states; i++) {
		if (target->states[i].when != (int)when)
			continue;
		buf_printf(out, "%s%s", before, target->states[i].text);
		before = ", ";
	}
	if (before != words)
		buf_putc(out, '.');
}

void explain_put_target_failure(const struct job *job, struct buf *out)
{
	const struct job_target *target = &job->work.target;

	buf_puts(out, " What the database says decides: a value or a constraint (SQLSTATE 22, 23) "
		      "makes an item dead; conflicts, locks, a lost connection and a lack of "
		      "resources (40, 55P03, 08, 53, 57P0) are tried again; no entry, no such "
		      "database, table or column (28, 3D, 42) are no fault of an item: the breaker "
		      "opens.");
	put_states(target, JOB_DONE_WHEN, " Done are also ", out);
	put_states(target, JOB_RETRY_WHEN, " To be tried again: ", out);
	put_states(target, JOB_DEAD_WHEN, " Dead at once: ", out);
	put_states(target, JOB_DOUBT_WHEN, " In doubt: ", out);
}
