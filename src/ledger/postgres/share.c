/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What instances and jobs share out among themselves: slots of rates, and quotas.
 *
 * Two who take at once must be one after the other, also the first time: so the row is put there
 * before it is locked, with nothing taken.
 */
#include <string.h>

#include "ledger/postgres/postgres.h"

/* ---- rates ---- */

static int pl_rate_again(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT first_ns, n FROM rate_"
				  " WHERE name = $1 AND taken_by = $2 AND token = $3";
	struct lop_rate_take *take = &op->u.rate_take;
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, sql,
		PL_ARGS(PL_TEXT(take->name), PL_INT(txn->inc), PL_INT(rule_claim_token(txn, op))));

	if (rows == NULL)
		return PL_FAILED;
	bool is_there = PQntuples(rows) == 1;
	take->ret_n = is_there ? (uint32_t)pl_int(rows, 0, 1) : 0;
	take->ret_first_ns = is_there ? pl_int(rows, 0, 0) : take->now_ns;
	return 0;
}

int pl_rate_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char make[] =
		"INSERT INTO rate_(name, boot_id, last_ns, taken_by, token, first_ns, n)"
		" VALUES ($1, '', -1, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
	static const char find[] = "SELECT boot_id = $2, last_ns, boot_id <> '' FROM rate_"
				   " WHERE name = $1 FOR UPDATE";
	static const char put[] =
		"UPDATE rate_ SET boot_id = $2, last_ns = $3, taken_by = $4, token = $5,"
		" first_ns = $6, n = $7 WHERE name = $1";
	struct lop_rate_take *take = &op->u.rate_take;

	if (q->is_replay)
		return pl_rate_again(q, txn, op);
	if (pl_send(q, make, PL_ARGS(PL_TEXT(take->name))) < 0)
		return PL_FAILED;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, find, PL_ARGS(PL_TEXT(take->name), PL_TEXT(take->boot_id)));
	if (rows == NULL)
		return PL_FAILED;
	bool is_this_boot = PQntuples(rows) == 1 && pl_int(rows, 0, 0) != 0;
	bool was_used = PQntuples(rows) == 1 && pl_int(rows, 0, 2) != 0;
	int64_t last = rule_rate_take(take, is_this_boot ? pl_int(rows, 0, 1) : -1, was_used);
	if (take->ret_n == 0)
		return 0;
	return pl_send(q, put,
		       PL_ARGS(PL_TEXT(take->name), PL_TEXT(take->boot_id), PL_INT(last),
			       PL_INT(txn->inc), PL_INT(rule_claim_token(txn, op)),
			       PL_INT(take->ret_first_ns), PL_INT(take->ret_n)));
}

/* ---- quotas ---- */

/* The row, and how much of it was taken by this very operation before. */
static int pl_quota_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			 struct rule_quota *ret_quota, int64_t *ret_ours)
{
	static const char lock[] =
		"SELECT period, used, 0::bigint FROM quota_ WHERE name = $1 FOR UPDATE";
	static const char again[] =
		"SELECT period, used, CASE WHEN taken_by = $2 AND token = $3 THEN n ELSE 0 END"
		" FROM quota_ WHERE name = $1";
	const char *name = op->u.quota_take.name;
	AUTO(pl_rows)
	PGresult *rows = q->is_replay ? pl_query(q, again,
						 PL_ARGS(PL_TEXT(name), PL_INT(txn->inc),
							 PL_INT(rule_claim_token(txn, op))))
				      : pl_query(q, lock, PL_ARGS(PL_TEXT(name)));

	*ret_quota = (struct rule_quota){.period_ms = INT64_MIN};
	*ret_ours = 0;
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) != 1)
		return 0;
	ret_quota->period_ms = pl_int(rows, 0, 0);
	ret_quota->used = pl_int(rows, 0, 1);
	*ret_ours = pl_int(rows, 0, 2);
	return 0;
}

int pl_quota_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char make[] = "INSERT INTO quota_(name, period, used, taken_by, token, n)"
				   " VALUES ($1, $2, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
	static const char put[] = "UPDATE quota_ SET period = $2, used = $3, taken_by = $4,"
				  " token = $5, n = $6 WHERE name = $1";
	struct lop_quota_take *take = &op->u.quota_take;
	struct rule_quota quota = {0};
	int64_t ours = 0;

	if (!q->is_replay && pl_send(q, make, PL_ARGS(PL_TEXT(take->name), PL_INT(INT64_MIN))) < 0)
		return PL_FAILED;
	if (pl_quota_find(q, txn, op, &quota, &ours) < 0)
		return PL_FAILED;
	if (q->is_replay) {
		take->ret_n = ours;
		take->ret_left = take->most > quota.used ? take->most - quota.used : 0;
		return 0;
	}
	rule_quota_take(take, &quota);
	return pl_send(q, put,
		       PL_ARGS(PL_TEXT(take->name), PL_INT(quota.period_ms), PL_INT(quota.used),
			       PL_INT(txn->inc), PL_INT(rule_claim_token(txn, op)),
			       PL_INT(take->ret_n)));
}
