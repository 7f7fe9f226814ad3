/* SPDX-License-Identifier: Apache-2.0 */
/* Instances and their lanes. */
#include <string.h>

#include "ledger/postgres/postgres.h"

int pl_instance_begin(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char known[] = "SELECT inc FROM instance_ WHERE nonce = $1";
	static const char name[] =
		"SELECT set_config('application_name', 'stint/' || $1::bigint, false)";
	/* After a restore from backup the sequence is behind: a number is never given out twice. */
	static const char insert[] =
		"INSERT INTO instance_(inc, nonce, name, host, boot_id, pid, state, started_at,"
		" quarantine_ms, beat_at)"
		" SELECT greatest(nextval('inc_seq'), coalesce(max(inc), 0) + 1), $1, $2, $3, $4,"
		" $5,"
		" 1, $6, $7, " PL_NOW_MS " FROM instance_ RETURNING inc";
	static const char batch[] = "INSERT INTO instance_batch(inc, batch) VALUES ($1, 0)";
	struct lop_instance_begin *b = &op->u.instance_begin;
	const struct pl_value nonce = PL_BLOB(b->nonce, sizeof(b->nonce));
	int64_t inc = 0;
	int rc = pl_number(q, known, &nonce, 1, &inc);

	if (rc == 0) {
		rc = pl_number(
			q, insert,
			PL_ARGS(nonce, PL_TEXT(pl_or_empty(b->name)), PL_TEXT(pl_or_empty(b->host)),
				PL_TEXT(pl_or_empty(b->boot_id)), PL_INT(b->pid),
				PL_INT(rule_ms(txn->now)), PL_INT(rule_ms_up(b->quarantine_us))),
			&inc);
		if (rc == 1 && pl_send(q, batch, PL_ARGS(PL_INT(inc))) < 0)
			rc = PL_FAILED;
	}
	if (rc < 0 || pl_send(q, name, PL_ARGS(PL_INT(inc))) < 0)
		return PL_FAILED;
	b->ret_inc = txn->inc = inc;
	memcpy(txn->nonce, b->nonce, sizeof(b->nonce));
	return 0;
}

int pl_instance_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " PL_INSTANCE_COLUMNS
				  " FROM instance_ AS i WHERE i.state IN (1, 2) AND i.inc <> $1"
				  " ORDER BY i.inc";
	struct lop_instance_list *l = &op->u.instance_list;
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_instance_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		pl_get_instance(&txn->arena, rows, (int)i, &found[i]);
	l->ret_rows = found;
	l->ret_n = n;
	return pl_get_lanes(q, &txn->arena, found, n);
}

int pl_instance_quarantine(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE instance_ SET quarantine_ms = $2 WHERE inc = $1 AND quarantine_ms < $2";
	int64_t ms = rule_ms_up(op->u.instance_quarantine.quarantine_us);

	return pl_send(q, sql, PL_ARGS(PL_INT(txn->inc), PL_INT(ms)));
}

int pl_instance_stopping(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "UPDATE instance_ SET state = 2 WHERE inc = $1 AND state = 1";

	(void)op;
	return pl_send(q, sql, PL_ARGS(PL_INT(txn->inc)));
}

int pl_instance_leave(struct pl *q, int64_t inc, int64_t not_before_ms)
{
	static const char runs[] = "DELETE FROM run_instance WHERE inc = $1";
	static const char loads[] = "UPDATE run_step SET loader = NULL WHERE loader = $1";
	static const char lanes[] = "DELETE FROM lane WHERE inc = $1";
	static const char probes[] = "UPDATE breaker_ SET probe = NULL, probe_until = 0,"
				     " probe_for = 0, version = version + 1 WHERE probe = $1";

	if (pl_send(q, probes, PL_ARGS(PL_INT(inc))) < 0 ||
	    pl_send(q, loads, PL_ARGS(PL_INT(inc))) < 0 ||
	    pl_endings_free(q, 0, inc, not_before_ms) < 0 ||
	    pl_send(q, runs, PL_ARGS(PL_INT(inc))) < 0 ||
	    pl_send(q, lanes, PL_ARGS(PL_INT(inc))) < 0)
		return PL_FAILED;
	return 0;
}

int pl_instance_end(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char holds_nothing[] =
		"SELECT 1 / (NOT EXISTS (SELECT 1 FROM chunk WHERE state = 1 AND owner = $1)"
		" AND NOT EXISTS (SELECT 1 FROM loose WHERE owner = $1))::int";
	static const char end[] = "UPDATE instance_ SET state = 3, ended_at = $2 WHERE inc = $1";

	(void)op;
	if (pl_send(q, holds_nothing, PL_ARGS(PL_INT(txn->inc))) < 0 ||
	    pl_instance_leave(q, txn->inc, 0) < 0 ||
	    pl_requests_lapse(q, 0, txn->inc, rule_ms(txn->now)) < 0)
		return PL_FAILED;
	return pl_send(q, end, PL_ARGS(PL_INT(txn->inc), PL_INT(rule_ms(txn->now))));
}

int pl_lane_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "INSERT INTO lane(inc, pid, start_time) VALUES ($1, $2, $3)"
				  " ON CONFLICT DO NOTHING";
	const struct lop_lane_put *p = &op->u.lane_put;

	return pl_send(q, sql, PL_ARGS(PL_INT(txn->inc), PL_INT(p->pid), PL_INT(p->start_time)));
}

int pl_lane_drop(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"DELETE FROM lane WHERE inc = $1 AND pid = $2 AND start_time = $3";
	const struct lop_lane_drop *d = &op->u.lane_drop;

	return pl_send(q, sql, PL_ARGS(PL_INT(txn->inc), PL_INT(d->pid), PL_INT(d->start_time)));
}
