/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: their breakers, and how many attempts at once they are given. */
#include "ledger/postgres/postgres.h"

static int pl_breaker_find(struct pl *q, struct arena *a, const char *endpoint,
			   struct breaker_row *ret_row)
{
	static const char sql[] =
		"SELECT version, is_open, first_open, until, open_for, probe, probe_until,"
		" probe_for, n_opened, reason FROM breaker_ WHERE endpoint = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_TEXT(endpoint)));

	*ret_row = (struct breaker_row){.reason = ""};
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	*ret_row = (struct breaker_row){
		.version = pl_int(rows, 0, 0),
		.is_open = pl_int(rows, 0, 1) != 0,
		.first_open = pl_time(rows, 0, 2),
		.until = pl_time(rows, 0, 3),
		.open_for_us = pl_int(rows, 0, 4) * US_PER_MS,
		.probe = pl_int(rows, 0, 5),
		.probe_until = pl_time(rows, 0, 6),
		.probe_for_us = pl_int(rows, 0, 7) * US_PER_MS,
		.n_opened = pl_int(rows, 0, 8),
		.reason = pl_text(a, rows, 0, 9),
	};
	return 0;
}

int pl_breaker_get(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_breaker_get *get = &op->u.breaker_get;

	return pl_breaker_find(q, &txn->arena, get->endpoint, &get->ret_row);
}

int pl_breaker_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO breaker_ AS b(endpoint, version, is_open, first_open, until, open_for,"
		"  probe, probe_until, probe_for, n_opened, reason, changed_at)"
		" SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE $2 = 1 OR EXISTS"
		"  (SELECT 1 FROM breaker_ WHERE endpoint = $1)"
		" ON CONFLICT (endpoint) DO UPDATE SET version = excluded.version,"
		"  is_open = excluded.is_open, first_open = excluded.first_open,"
		"  until = excluded.until, open_for = excluded.open_for, probe = excluded.probe,"
		"  probe_until = excluded.probe_until, probe_for = excluded.probe_for,"
		"  n_opened = excluded.n_opened, reason = excluded.reason,"
		"  changed_at = excluded.changed_at WHERE b.version = excluded.version - 1";
	struct lop_breaker_put *put = &op->u.breaker_put;
	const struct breaker_row *row = &put->row;

	if (!q->is_replay &&
	    pl_send(q, sql,
		    PL_ARGS(PL_TEXT(put->endpoint), PL_INT(row->version), PL_INT(row->is_open),
			    PL_INT(rule_ms(row->first_open)), PL_INT(rule_ms_up(row->until)),
			    PL_INT(rule_ms_up(row->open_for_us)), PL_INT_OR_NULL(row->probe),
			    PL_INT(rule_ms_up(row->probe_until)),
			    PL_INT(rule_ms_up(row->probe_for_us)), PL_INT(row->n_opened),
			    PL_TEXT(pl_or_empty(row->reason)), PL_INT(rule_ms(txn->now)))) < 0)
		return PL_FAILED;
	return pl_breaker_find(q, &txn->arena, put->endpoint, &put->ret_row);
}

int pl_endpoint_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO endpoint_ AS e(run_id, endpoint, inc, at_once, lowest, highest, most)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (run_id, endpoint, inc) DO UPDATE SET at_once = excluded.at_once,"
		"  lowest = least(e.lowest, excluded.lowest),"
		"  highest = greatest(e.highest, excluded.highest), most = excluded.most";
	const struct lop_endpoint_put *put = &op->u.endpoint_put;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(put->run_id), PL_TEXT(put->endpoint), PL_INT(txn->inc),
			       PL_INT(put->at_once), PL_INT(put->lowest), PL_INT(put->highest),
			       PL_INT(put->max)));
}
