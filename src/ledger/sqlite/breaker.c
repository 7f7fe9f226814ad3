/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: their breakers, and how many attempts at once they are given. */
#include "ledger/sqlite/sqlite.h"

static int sq_breaker_find(struct sq *q, struct arena *a, const char *endpoint,
			   struct breaker_row *ret_row)
{
	static const char sql[] =
		"SELECT version, is_open, first_open, until, open_for, probe, probe_until,"
		" probe_for, n_opened, reason FROM breaker_ WHERE endpoint = ?1";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_TEXT(endpoint)));
	int rc = sq_next(q, st);

	*ret_row = (struct breaker_row){.reason = ""};
	if (rc != 1)
		return rc;
	*ret_row = (struct breaker_row){
		.version = sqlite3_column_int64(st, 0),
		.is_open = sqlite3_column_int(st, 1) != 0,
		.first_open = sq_column_time(st, 2),
		.until = sq_column_time(st, 3),
		.open_for_us = sqlite3_column_int64(st, 4) * US_PER_MS,
		.probe = sqlite3_column_int64(st, 5),
		.probe_until = sq_column_time(st, 6),
		.probe_for_us = sqlite3_column_int64(st, 7) * US_PER_MS,
		.n_opened = sqlite3_column_int64(st, 8),
		.reason = sq_column_text(a, st, 9),
	};
	sq_end(st);
	return 0;
}

int sq_breaker_get(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_breaker_get *get = &op->u.breaker_get;

	return sq_breaker_find(q, &txn->arena, get->endpoint, &get->ret_row);
}

int sq_breaker_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO breaker_(endpoint, version, is_open, first_open, until, open_for,"
		"  probe, probe_until, probe_for, n_opened, reason, changed_at)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE ?2 = 1 OR EXISTS"
		"  (SELECT 1 FROM breaker_ WHERE endpoint = ?1)"
		" ON CONFLICT (endpoint) DO UPDATE SET version = excluded.version,"
		"  is_open = excluded.is_open, first_open = excluded.first_open,"
		"  until = excluded.until, open_for = excluded.open_for, probe = excluded.probe,"
		"  probe_until = excluded.probe_until, probe_for = excluded.probe_for,"
		"  n_opened = excluded.n_opened, reason = excluded.reason,"
		"  changed_at = excluded.changed_at WHERE breaker_.version = excluded.version - 1";
	struct lop_breaker_put *put = &op->u.breaker_put;
	const struct breaker_row *row = &put->row;

	if (!q->is_replay &&
	    sq_change(q, sql,
		      SQ_ARGS(SQ_TEXT(put->endpoint), SQ_INT(row->version), SQ_INT(row->is_open),
			      SQ_INT(rule_ms(row->first_open)), SQ_INT(rule_ms_up(row->until)),
			      SQ_INT(rule_ms_up(row->open_for_us)), SQ_INT_OR_NULL(row->probe),
			      SQ_INT(rule_ms_up(row->probe_until)),
			      SQ_INT(rule_ms_up(row->probe_for_us)), SQ_INT(row->n_opened),
			      SQ_TEXT(row->reason == NULL ? "" : row->reason),
			      SQ_INT(rule_ms(txn->now)))) < 0)
		return SQ_FAILED;
	return sq_breaker_find(q, &txn->arena, put->endpoint, &put->ret_row);
}

int sq_endpoint_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO endpoint_(run_id, endpoint, inc, at_once, lowest, highest, most)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		" ON CONFLICT (run_id, endpoint, inc) DO UPDATE SET at_once = excluded.at_once,"
		"  lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest),"
		"  most = excluded.most";
	const struct lop_endpoint_put *put = &op->u.endpoint_put;

	return sq_change(q, sql,
			 SQ_ARGS(SQ_INT(put->run_id), SQ_TEXT(put->endpoint), SQ_INT(txn->inc),
				 SQ_INT(put->at_once), SQ_INT(put->lowest), SQ_INT(put->highest),
				 SQ_INT(put->max))) < 0
		       ? SQ_FAILED
		       : 0;
}
