/* SPDX-License-Identifier: Apache-2.0 */
/* What instances and jobs share out among themselves: slots of rates, and quotas. */
#include <string.h>

#include "ledger/sqlite/sqlite.h"

/* ---- rates ---- */

static int sq_rate_again(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT first_ns, n FROM rate_"
				  " WHERE name = ?1 AND taken_by = ?2 AND token = ?3";
	struct lop_rate_take *take = &op->u.rate_take;
	sqlite3_stmt *st = sq_query(
		q, sql,
		SQ_ARGS(SQ_TEXT(take->name), SQ_INT(txn->inc), SQ_INT(rule_claim_token(txn, op))));
	int rc = sq_next(q, st);

	take->ret_n = rc == 1 ? (uint32_t)sqlite3_column_int64(st, 1) : 0;
	take->ret_first_ns = rc == 1 ? sqlite3_column_int64(st, 0) : take->now_ns;
	if (rc == 1)
		sq_end(st);
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_rate_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char find[] = "SELECT boot_id = ?2, last_ns FROM rate_ WHERE name = ?1";
	static const char put[] =
		"INSERT INTO rate_(name, boot_id, last_ns, taken_by, token, first_ns, n)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (name) DO UPDATE SET"
		" boot_id = excluded.boot_id, last_ns = excluded.last_ns,"
		" taken_by = excluded.taken_by, token = excluded.token,"
		" first_ns = excluded.first_ns, n = excluded.n";
	struct lop_rate_take *take = &op->u.rate_take;
	int64_t last = -1;

	if (q->is_replay)
		return sq_rate_again(q, txn, op);
	sqlite3_stmt *st = sq_query(q, find, SQ_ARGS(SQ_TEXT(take->name), SQ_TEXT(take->boot_id)));
	int rc = sq_next(q, st);
	if (rc < 0)
		return SQ_FAILED;
	if (rc == 1 && sqlite3_column_int(st, 0) != 0)
		last = sqlite3_column_int64(st, 1);
	if (rc == 1)
		sq_end(st);
	last = rule_rate_take(take, last, rc == 1);
	if (take->ret_n == 0)
		return 0;
	rc = sq_change(q, put,
		       SQ_ARGS(SQ_TEXT(take->name), SQ_TEXT(take->boot_id), SQ_INT(last),
			       SQ_INT(txn->inc), SQ_INT(rule_claim_token(txn, op)),
			       SQ_INT(take->ret_first_ns), SQ_INT(take->ret_n)));
	return rc < 0 ? SQ_FAILED : 0;
}

/* ---- quotas ---- */

/* The row, and how much of it was taken by this very operation before. */
static int sq_quota_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op,
			 struct rule_quota *ret_quota, int64_t *ret_ours)
{
	static const char sql[] =
		"SELECT period, used, CASE WHEN taken_by = ?2 AND token = ?3 THEN n ELSE 0 END"
		" FROM quota_ WHERE name = ?1";
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_TEXT(op->u.quota_take.name), SQ_INT(txn->inc),
					    SQ_INT(rule_claim_token(txn, op))));
	int rc = sq_next(q, st);

	*ret_quota = (struct rule_quota){.period_ms = INT64_MIN};
	*ret_ours = 0;
	if (rc != 1)
		return rc < 0 ? SQ_FAILED : 0;
	ret_quota->period_ms = sqlite3_column_int64(st, 0);
	ret_quota->used = sqlite3_column_int64(st, 1);
	*ret_ours = sqlite3_column_int64(st, 2);
	sq_end(st);
	return 0;
}

int sq_quota_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char put[] =
		"INSERT INTO quota_(name, period, used, taken_by, token, n)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET"
		" period = excluded.period, used = excluded.used, taken_by = excluded.taken_by,"
		" token = excluded.token, n = excluded.n";
	struct lop_quota_take *take = &op->u.quota_take;
	struct rule_quota quota = {0};
	int64_t ours = 0;

	if (sq_quota_find(q, txn, op, &quota, &ours) < 0)
		return SQ_FAILED;
	if (q->is_replay) {
		take->ret_n = ours;
		take->ret_left = take->most > quota.used ? take->most - quota.used : 0;
		return 0;
	}
	rule_quota_take(take, &quota);
	int rc = sq_change(q, put,
			   SQ_ARGS(SQ_TEXT(take->name), SQ_INT(quota.period_ms), SQ_INT(quota.used),
				   SQ_INT(txn->inc), SQ_INT(rule_claim_token(txn, op)),
				   SQ_INT(take->ret_n)));
	return rc < 0 ? SQ_FAILED : 0;
}
