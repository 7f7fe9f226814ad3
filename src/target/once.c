/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done in a target once a run: `before`, the table that `commit: run` gathers rows in, and
 * the end. A row of the marker table of its own says what of it was done.
 *
 * Safety: each of these is one transaction, which begins by taking the lock of that mark. Whoever
 * was stopped in the middle, or died, has done all of it or nothing, and a twin waits and then
 * sees.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/bits.h"
#include "base/buf.h"
#include "job/job.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "target/backend.h"
#include "target/target.h"
#include "target/verdict.h"

enum { END_TRIES = 3 };

/* All rows of a run in one statement take longer than those of a chunk. */
#define END_LIMIT_US US_PER_HOUR

static int begin(struct target *t, struct target_unit *unit, struct target_fail *fail)
{
	struct target_unit *units[] = {unit};

	*unit = (struct target_unit){.first_item = -(int64_t)t->place.job->step,
				     .n = TARGET_RUN_BITS};
	target_unit_clear(unit, &t->scratch);
	return t->backend->begin(t, units, 1, fail);
}

static int commit(struct target *t, struct target_unit *unit, struct target_fail *fail)
{
	struct target_unit *units[] = {unit};

	return t->backend->run(t, &(struct target_txn){.units = units, .n_units = 1}, fail);
}

/* `what` was done: nothing to do, else it is, and will be marked. */
static int statement_once(struct target *t, struct target_unit *unit, size_t bit,
			  struct target_fail *fail)
{
	const struct statement *statement = bit == TARGET_BIT_BEFORE ? t->before : t->after;

	if (bits_get(unit->done, bit))
		return 0;
	bits_set(unit->set, bit);
	unit->is_marking = true;
	if (statement == NULL || t->backend->once(t, statement, fail) == 0)
		return 0;
	err_add(&fail->err, bit == TARGET_BIT_BEFORE ? "before: " : "after: ");
	return -1;
}

int target_prepare(struct target *t, struct target_fail *fail)
{
	struct target_unit unit;

	if (t->is_prepared || (t->before == NULL && !t->is_gathered))
		return 0;
	int rc = begin(t, &unit, fail);
	if (rc == 0)
		rc = t->is_gathered ? t->backend->gather(t, fail)
				    : statement_once(t, &unit, TARGET_BIT_BEFORE, fail);
	if (rc == 0)
		rc = commit(t, &unit, fail);
	if (rc < 0)
		return target_give_up(t, fail);
	t->is_prepared = true;
	return 0;
}

/* ---- the end ---- */

static int end_within(struct target *t, struct target_unit *unit, int64_t *ret_rows,
		      struct target_fail *fail)
{
	int rc = begin(t, unit, fail);

	(void)FAULT("target.end.begun");
	if (rc == 0 && t->before != NULL)
		rc = statement_once(t, unit, TARGET_BIT_BEFORE, fail);
	if (rc == 0 && t->is_gathered)
		rc = t->backend->place(t, ret_rows, fail);
	if (rc == 0)
		rc = statement_once(t, unit, TARGET_BIT_AFTER, fail);
	(void)FAULT("target.end.done");
	return rc < 0 ? rc : commit(t, unit, fail);
}

static int end_once(struct target *t, int64_t *ret_rows, struct target_fail *fail)
{
	struct target_unit unit;
	int64_t limit_us = t->place.job->work.timeout_us;

	*fail = (struct target_fail){.row = NO_ROW};
	t->deadline_us = clock_boot_us() + (limit_us > END_LIMIT_US ? limit_us : END_LIMIT_US);
	arena_reset(&t->scratch);
	if (target_connect(t, fail) < 0)
		return -1;
	if (end_within(t, &unit, ret_rows, fail) < 0)
		return target_give_up(t, fail);
	(void)FAULT("target.end.committed");
	return 0;
}

static void put_words(const struct target *t, int64_t rows, struct buf *words)
{
	if (t->is_gathered && rows != TARGET_NO_ROWS)
		buf_printf(words, "%" PRId64 " %s in %s", rows, rows == 1 ? "row is" : "rows are",
			   t->job->table);
	else if (t->is_gathered)
		buf_printf(words, "all rows are in %s", t->job->table);
	if (t->is_gathered && t->after != NULL)
		buf_puts(words, ", and ");
	if (t->after != NULL)
		buf_puts(words, "after was executed");
}

int target_end(struct target *t, struct buf *words, struct err *err)
{
	struct target_fail fail;
	int64_t rows = TARGET_NO_ROWS;
	int rc = -1;

	assert(t != NULL && words != NULL && t->is_marked);
	for (int i = 0; rc < 0 && i < END_TRIES; i++) {
		rc = end_once(t, &rows, &fail);
		if (rc < 0 && !verdict_is_passing(t->job, &fail, i))
			break;
	}
	if (rc < 0) {
		*err = fail.err;
		err->code = verdict_lasts(t->job, &fail) ? ERR_CONFIG : ERR_TEMP;
		return err->code;
	}
	put_words(t, rows, words);
	return 0;
}
