/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of attempts in sums: by the minute, how long phases took, what failed. */
#include "ledger/stats.h"

#include "base/buf.h"
#include "base/err.h"
#include "ledger/postgres/postgres.h"

enum { HISTOGRAM_BYTES_MAX = 64 * 1024 };

int pl_rollup_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO rollup AS m(run_id, minute, inc, done, failed, us, failed_us, again,"
		" again_us, over_quota, worked_us, items, tries, tries_squares, tries_us)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
		" ON CONFLICT (run_id, minute, inc) DO UPDATE SET"
		" done = m.done + excluded.done, failed = m.failed + excluded.failed,"
		" us = m.us + excluded.us, failed_us = m.failed_us + excluded.failed_us,"
		" again = m.again + excluded.again, again_us = m.again_us + excluded.again_us,"
		" over_quota = m.over_quota + excluded.over_quota,"
		" worked_us = m.worked_us + excluded.worked_us, items = m.items + excluded.items,"
		" tries = m.tries + excluded.tries,"
		" tries_squares = m.tries_squares + excluded.tries_squares,"
		" tries_us = m.tries_us + excluded.tries_us";
	const struct lop_rollup_add *r = &op->u.rollup_add;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(r->run_id), PL_INT(rule_ms(r->minute)), PL_INT(txn->inc),
			       PL_INT(r->done), PL_INT(r->failed), PL_INT(r->took_us),
			       PL_INT(r->failed_us), PL_INT(r->again), PL_INT(r->again_us),
			       PL_INT(r->over_quota), PL_INT(r->worked_us), PL_INT(r->items),
			       PL_INT(r->tries), PL_INT(r->tries_squares), PL_INT(r->tries_us)));
}

/* The durations that were there before; none where they cannot be read: they must not keep the
 * work from being written. */
static int pl_latency_before(struct pl *q, struct ledger_txn *txn, const struct lop_latency_add *l,
			     struct histogram *ret_h)
{
	static const char sql[] =
		"SELECT histogram FROM latency"
		" WHERE run_id = $1 AND endpoint = $2 AND phase = $3 AND inc = $4";
	struct err ignored = ERR_INIT;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(l->run_id), PL_TEXT(l->endpoint),
					  PL_TEXT(l->phase), PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 1 &&
	    histogram_get(PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0), ret_h,
			  &ignored) < 0)
		*ret_h = (struct histogram){0};
	return 0;
}

int pl_latency_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO latency(run_id, endpoint, phase, inc, histogram)"
		" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run_id, endpoint, phase, inc)"
		" DO UPDATE SET histogram = excluded.histogram";
	const struct lop_latency_add *l = &op->u.latency_add;
	AUTO(buf) struct buf bytes = BUF_INIT(HISTOGRAM_BYTES_MAX);
	struct histogram all = {0};
	struct histogram more = {0};
	struct err ignored = ERR_INIT;

	if (histogram_get(l->histogram, l->len, &more, &ignored) < 0)
		return 0;
	if (pl_latency_before(q, txn, l, &all) < 0)
		return PL_FAILED;
	histogram_merge(&all, &more);
	histogram_put(&all, &bytes);
	return pl_send(q, sql,
		       PL_ARGS(PL_INT(l->run_id), PL_TEXT(l->endpoint), PL_TEXT(l->phase),
			       PL_INT(txn->inc), PL_BLOB(bytes.data, bytes.len)));
}

int pl_failure_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO failure_ AS f(run_id, endpoint, err_class, inc, n, us, sample)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (run_id, endpoint, err_class, inc) DO UPDATE SET"
		" n = f.n + excluded.n, us = f.us + excluded.us";
	const struct lop_failure_add *f = &op->u.failure_add;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(f->run_id), PL_TEXT(f->endpoint), PL_TEXT(f->err_class),
			       PL_INT(txn->inc), PL_INT(f->n), PL_INT(f->took_us),
			       PL_TEXT(f->sample)));
}

/* ---- all of it ---- */

static int pl_effort(struct pl *q, int64_t run_id, struct ledger_effort *ret_effort)
{
	static const char sql[] =
		"SELECT sum(done)::bigint, sum(failed)::bigint, sum(us)::bigint,"
		" sum(failed_us)::bigint, sum(again)::bigint, sum(again_us)::bigint,"
		" sum(over_quota)::bigint, sum(worked_us)::bigint, sum(items)::bigint,"
		" sum(tries)::bigint, sum(tries_squares)::bigint, sum(tries_us)::bigint"
		" FROM rollup WHERE run_id = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	*ret_effort = (struct ledger_effort){
		.done = pl_int(rows, 0, 0),
		.failed = pl_int(rows, 0, 1),
		.took_us = pl_int(rows, 0, 2),
		.failed_us = pl_int(rows, 0, 3),
		.again = pl_int(rows, 0, 4),
		.again_us = pl_int(rows, 0, 5),
		.over_quota = pl_int(rows, 0, 6),
		.worked_us = pl_int(rows, 0, 7),
		.items = pl_int(rows, 0, 8),
		.tries = pl_int(rows, 0, 9),
		.tries_squares = pl_int(rows, 0, 10),
		.tries_us = pl_int(rows, 0, 11),
	};
	return 0;
}

static int pl_latencies(struct pl *q, int64_t run_id, struct arena *a, struct ledger_stats *stats)
{
	static const char sql[] =
		"SELECT endpoint, phase, histogram FROM latency WHERE run_id = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		const struct ledger_latency_row names = {
			.endpoint = pl_text(a, rows, i, 0),
			.phase = pl_text(a, rows, i, 1),
		};
		ledger_stats_add_latency(stats, a, &names, PQgetvalue(rows, i, 2),
					 (size_t)PQgetlength(rows, i, 2));
	}
	return 0;
}

static int pl_failures(struct pl *q, int64_t run_id, struct arena *a, struct ledger_stats *stats)
{
	static const char sql[] = "SELECT endpoint, err_class, sum(n)::bigint, sum(us)::bigint,"
				  " min(sample COLLATE \"C\") FROM failure_"
				  " WHERE run_id = $1 GROUP BY endpoint, err_class";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id)));

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		const struct ledger_failure_row row = {
			.endpoint = pl_text(a, rows, i, 0),
			.err_class = pl_text(a, rows, i, 1),
			.n = pl_int(rows, i, 2),
			.took_us = pl_int(rows, i, 3),
			.sample = pl_text(a, rows, i, 4),
		};
		ledger_stats_add_failure(stats, a, &row);
	}
	return 0;
}

int pl_run_stats(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_run_stats *s = &op->u.run_stats;
	int rc = pl_effort(q, s->run_id, &s->ret_stats.effort);

	if (rc == 0)
		rc = pl_latencies(q, s->run_id, &txn->arena, &s->ret_stats);
	if (rc == 0)
		rc = pl_failures(q, s->run_id, &txn->arena, &s->ret_stats);
	if (rc == 0)
		ledger_stats_sort(&s->ret_stats);
	return rc;
}
