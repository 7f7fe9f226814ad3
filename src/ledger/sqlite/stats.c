/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of attempts in sums: by the minute, how long phases took, what failed. */
#include "ledger/stats.h"

#include "base/buf.h"
#include "base/err.h"
#include "ledger/sqlite/sqlite.h"

enum { HISTOGRAM_BYTES_MAX = 64 * 1024 };

/* The minute's sums stand in the row that the number of each batch is written to: in a table of
 * their own they would add a page to every commit, a third of what one writes. */
#define ROLLUP_SUMS                                                                                \
	"done = done + ?4, failed = failed + ?5, us = us + ?6, failed_us = failed_us + ?7,"        \
	" again = again + ?8, again_us = again_us + ?9, over_quota = over_quota + ?10,"            \
	" worked_us = worked_us + ?11, items = items + ?12, tries = tries + ?13,"                  \
	" tries_squares = tries_squares + ?14, tries_us = tries_us + ?15"
#define ROLLUP_ARGS(inc, r)                                                                        \
	SQ_INT(inc), SQ_INT((r)->run_id), SQ_INT(rule_ms((r)->minute)), SQ_INT((r)->done),         \
		SQ_INT((r)->failed), SQ_INT((r)->took_us), SQ_INT((r)->failed_us),                 \
		SQ_INT((r)->again), SQ_INT((r)->again_us), SQ_INT((r)->over_quota),                \
		SQ_INT((r)->worked_us), SQ_INT((r)->items), SQ_INT((r)->tries),                    \
		SQ_INT((r)->tries_squares), SQ_INT((r)->tries_us)

static int sq_rollup_add_to(struct sq *q, int64_t inc, const struct lop_rollup_add *r)
{
	static const char sql[] = "UPDATE instance_batch SET " ROLLUP_SUMS
				  " WHERE inc = ?1 AND run_id = ?2 AND minute = ?3";

	return sq_change(q, sql, SQ_ARGS(ROLLUP_ARGS(inc, r)));
}

int sq_batch_number(struct sq *q, const struct ledger_txn *txn)
{
	static const char alone[] =
		"UPDATE instance_batch SET batch = ?2 WHERE inc = ?1 AND batch = ?2 - 1";
	static const char with_sums[] =
		"UPDATE instance_batch SET batch = ?16, " ROLLUP_SUMS
		" WHERE inc = ?1 AND batch = ?16 - 1 AND run_id = ?2 AND minute = ?3";
	const struct ledger_op *op = txn->first;

	while (op != NULL && op->kind != LOP_ROLLUP_ADD)
		op = op->next;
	int rc = op == NULL ? 0
			    : sq_change(q, with_sums,
					SQ_ARGS(ROLLUP_ARGS(txn->inc, &op->u.rollup_add),
						SQ_INT(txn->batch)));
	if (rc == 1)
		q->rollup_added = op;
	return rc != 0 ? rc : sq_change(q, alone, SQ_ARGS(SQ_INT(txn->inc), SQ_INT(txn->batch)));
}

/* The sums of the minute before go to the others; this one's begin. */
static int sq_rollup_begin(struct sq *q, int64_t inc, const struct lop_rollup_add *r)
{
	static const char keep[] =
		"INSERT INTO rollup(" SQ_ROLLUP_COLUMNS ") SELECT " SQ_ROLLUP_COLUMNS
		" FROM instance_batch WHERE inc = ?1 AND run_id IS NOT NULL"
		" ON CONFLICT (run_id, minute, inc) DO UPDATE SET"
		" done = done + excluded.done, failed = failed + excluded.failed,"
		" us = us + excluded.us, failed_us = failed_us + excluded.failed_us,"
		" again = again + excluded.again, again_us = again_us + excluded.again_us,"
		" over_quota = over_quota + excluded.over_quota,"
		" worked_us = worked_us + excluded.worked_us, items = items + excluded.items,"
		" tries = tries + excluded.tries,"
		" tries_squares = tries_squares + excluded.tries_squares,"
		" tries_us = tries_us + excluded.tries_us";
	static const char begin[] =
		"UPDATE instance_batch SET run_id = ?2, minute = ?3, done = 0, failed = 0, us = 0,"
		" failed_us = 0, again = 0, again_us = 0, over_quota = 0, worked_us = 0,"
		" items = 0, tries = 0, tries_squares = 0, tries_us = 0 WHERE inc = ?1";

	if (sq_change(q, keep, SQ_ARGS(SQ_INT(inc))) < 0)
		return SQ_FAILED;
	return sq_change(q, begin,
			 SQ_ARGS(SQ_INT(inc), SQ_INT(r->run_id), SQ_INT(rule_ms(r->minute))));
}

int sq_rollup_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_rollup_add *r = &op->u.rollup_add;

	if (op == q->rollup_added)
		return 0;
	int rc = sq_rollup_add_to(q, txn->inc, r);
	if (rc == 0) {
		rc = sq_rollup_begin(q, txn->inc, r);
		if (rc > 0)
			rc = sq_rollup_add_to(q, txn->inc, r);
	}
	return rc < 0 ? SQ_FAILED : 0;
}

/* The durations that were there before; none where they cannot be read: they must not keep the
 * work from being written. */
static int sq_latency_before(struct sq *q, struct ledger_txn *txn, const struct lop_latency_add *l,
			     struct histogram *ret_h)
{
	static const char sql[] =
		"SELECT histogram FROM latency"
		" WHERE run_id = ?1 AND endpoint = ?2 AND phase = ?3 AND inc = ?4";
	struct err ignored = ERR_INIT;
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(l->run_id), SQ_TEXT(l->endpoint),
					    SQ_TEXT(l->phase), SQ_INT(txn->inc)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	if (histogram_get(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), ret_h,
			  &ignored) < 0)
		*ret_h = (struct histogram){0};
	sq_end(st);
	return 0;
}

int sq_latency_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO latency(run_id, endpoint, phase, inc, histogram)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (run_id, endpoint, phase, inc)"
		" DO UPDATE SET histogram = excluded.histogram";
	const struct lop_latency_add *l = &op->u.latency_add;
	AUTO(buf) struct buf bytes = BUF_INIT(HISTOGRAM_BYTES_MAX);
	struct histogram all = {0};
	struct histogram more = {0};
	struct err ignored = ERR_INIT;

	if (histogram_get(l->histogram, l->len, &more, &ignored) < 0)
		return 0;
	int rc = sq_latency_before(q, txn, l, &all);
	if (rc < 0)
		return rc;
	histogram_merge(&all, &more);
	histogram_put(&all, &bytes);
	rc = sq_change(q, sql,
		       SQ_ARGS(SQ_INT(l->run_id), SQ_TEXT(l->endpoint), SQ_TEXT(l->phase),
			       SQ_INT(txn->inc), SQ_BLOB(bytes.data, bytes.len)));
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_failure_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO failure_(run_id, endpoint, err_class, inc, n, us, sample)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		" ON CONFLICT (run_id, endpoint, err_class, inc) DO UPDATE SET"
		" n = n + excluded.n, us = us + excluded.us";
	const struct lop_failure_add *f = &op->u.failure_add;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(f->run_id), SQ_TEXT(f->endpoint), SQ_TEXT(f->err_class),
				   SQ_INT(txn->inc), SQ_INT(f->n), SQ_INT(f->took_us),
				   SQ_TEXT(f->sample)));

	return rc < 0 ? SQ_FAILED : 0;
}

/* ---- all of it ---- */

static int sq_effort(struct sq *q, int64_t run_id, struct ledger_effort *ret_effort)
{
	static const char sql[] =
		"SELECT sum(done), sum(failed), sum(us), sum(failed_us), sum(again), sum(again_us),"
		" sum(over_quota), sum(worked_us), sum(items), sum(tries), sum(tries_squares),"
		" sum(tries_us) FROM " SQ_ROLLUP " WHERE run_id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = sq_next(q, st);

	if (rc != 1)
		return rc;
	*ret_effort = (struct ledger_effort){
		.done = sqlite3_column_int64(st, 0),
		.failed = sqlite3_column_int64(st, 1),
		.took_us = sqlite3_column_int64(st, 2),
		.failed_us = sqlite3_column_int64(st, 3),
		.again = sqlite3_column_int64(st, 4),
		.again_us = sqlite3_column_int64(st, 5),
		.over_quota = sqlite3_column_int64(st, 6),
		.worked_us = sqlite3_column_int64(st, 7),
		.items = sqlite3_column_int64(st, 8),
		.tries = sqlite3_column_int64(st, 9),
		.tries_squares = sqlite3_column_int64(st, 10),
		.tries_us = sqlite3_column_int64(st, 11),
	};
	sq_end(st);
	return 0;
}

static int sq_latencies(struct sq *q, int64_t run_id, struct arena *a, struct ledger_stats *stats)
{
	static const char sql[] =
		"SELECT endpoint, phase, histogram FROM latency WHERE run_id = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		const struct ledger_latency_row names = {
			.endpoint = (const char *)sqlite3_column_text(st, 0),
			.phase = (const char *)sqlite3_column_text(st, 1),
		};
		const void *bytes = sqlite3_column_blob(st, 2);
		ledger_stats_add_latency(stats, a, &names, bytes,
					 (size_t)sqlite3_column_bytes(st, 2));
	}
	return rc;
}

static int sq_failures(struct sq *q, int64_t run_id, struct arena *a, struct ledger_stats *stats)
{
	static const char sql[] =
		"SELECT endpoint, err_class, sum(n), sum(us), min(sample) FROM failure_"
		" WHERE run_id = ?1 GROUP BY endpoint, err_class";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		ledger_stats_add_failure(
			stats, a,
			&(struct ledger_failure_row){
				.endpoint = (const char *)sqlite3_column_text(st, 0),
				.err_class = (const char *)sqlite3_column_text(st, 1),
				.n = sqlite3_column_int64(st, 2),
				.took_us = sqlite3_column_int64(st, 3),
				.sample = (const char *)sqlite3_column_text(st, 4),
			});
	return rc;
}

int sq_run_stats(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_stats *s = &op->u.run_stats;
	int rc = sq_effort(q, s->run_id, &s->ret_stats.effort);

	if (rc == 0)
		rc = sq_latencies(q, s->run_id, &txn->arena, &s->ret_stats);
	if (rc == 0)
		rc = sq_failures(q, s->run_id, &txn->arena, &s->ret_stats);
	if (rc == 0)
		ledger_stats_sort(&s->ret_stats);
	return rc;
}
