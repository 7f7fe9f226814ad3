/* SPDX-License-Identifier: Apache-2.0 */
/* What is done once, at the end of a step or of a run: whose it is, and what came of it. */
#include "ledger/postgres/postgres.h"

/* 1 found, 0 not; then `ret_row` is that of one that nobody has ever taken. */
static int pl_ending_find(struct pl *q, struct arena *a, const struct lop_ending_take *t,
			  struct ledger_ending_row *ret_row)
{
	static const char sql[] =
		"SELECT step, is_done, owner, epoch, tries, not_before, err, result FROM ending_"
		" WHERE run_id = $1 AND step = $2 AND kind = $3";
	int32_t step = rule_ending_step(rule_step(t->step), t->kind);
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(t->run_id), PL_INT(step), PL_INT(t->kind)));

	*ret_row = (struct ledger_ending_row){.kind = t->kind, .err = "", .result = ""};
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	*ret_row = (struct ledger_ending_row){.kind = t->kind,
					      .step = (int32_t)pl_int(rows, 0, 0),
					      .is_done = pl_int(rows, 0, 1) != 0,
					      .owner = pl_int(rows, 0, 2),
					      .epoch = (int32_t)pl_int(rows, 0, 3),
					      .tries = (int32_t)pl_int(rows, 0, 4),
					      .not_before = pl_time(rows, 0, 5),
					      .err = pl_text(a, rows, 0, 6),
					      .result = pl_text(a, rows, 0, 7)};
	return 1;
}

int pl_ending_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char take[] =
		"INSERT INTO ending_ AS e(run_id, step, kind, owner, epoch, updated)"
		" VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (run_id, step, kind) DO UPDATE SET"
		" owner = excluded.owner, epoch = e.epoch + 1, updated = excluded.updated"
		" WHERE e.is_done = 0 AND (e.owner IS NULL OR e.owner = excluded.owner)"
		" AND e.not_before <= excluded.updated";
	struct lop_ending_take *t = &op->u.ending_take;
	enum run_state state = RUN_LOADING;
	int32_t at = 0;
	int32_t step = rule_step(t->step);
	/* Locked: a person who opens the step again comes before or after. */
	int rc = q->is_replay ? pl_run_at(q, t->run_id, &state, &at)
			      : pl_run_lock(q, t->run_id, &state, &at);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to end", (long long)t->run_id);
	rc = state == RUN_OPEN && at == step ? pl_step_is_empty(q, t->run_id, step) : 0;
	t->ret_is_settled = rc == 1;
	if (rc < 0 ||
	    (rc == 1 && !q->is_replay &&
	     pl_send(q, take,
		     PL_ARGS(PL_INT(t->run_id), PL_INT(rule_ending_step(step, t->kind)),
			     PL_INT(t->kind), PL_INT(txn->inc), PL_INT(rule_ms(txn->now)))) < 0))
		return PL_FAILED;
	rc = pl_ending_find(q, &txn->arena, t, &t->ret_row);
	t->ret_taken = rc == 1 && t->ret_is_settled && !t->ret_row.is_done &&
		       t->ret_row.owner == txn->inc;
	return rc < 0 ? PL_FAILED : 0;
}

int pl_ending_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char put[] =
		"UPDATE ending_ SET owner = NULL, is_done = $6,"
		" tries = CASE WHEN $6 = 1 THEN 0 ELSE tries + 1 END,"
		" not_before = $7, err = $8, result = $9, updated = $10"
		" WHERE run_id = $1 AND step = $2 AND kind = $3 AND owner = $4 AND epoch = $5";
	static const char late[] = "UPDATE ending_ SET owner = NULL WHERE run_id = $1 AND step = $2"
				   " AND kind = $3 AND owner = $4";
	static const char again[] = "SELECT 1 FROM ending_ WHERE run_id = $1 AND step = $2"
				    " AND kind = $3 AND epoch = $4 AND is_done = $5";
	struct lop_ending_put *p = &op->u.ending_put;
	int32_t step = rule_ending_step(rule_step(p->step), p->kind);
	enum run_state state = RUN_LOADING;
	int64_t n = 0;
	int rc = pl_run_state(q, p->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to end", (long long)p->run_id);
	if (q->is_replay) {
		n = pl_number(q, again,
			      PL_ARGS(PL_INT(p->run_id), PL_INT(step), PL_INT(p->kind),
				      PL_INT(p->epoch), PL_INT(p->is_done)),
			      &n);
	} else {
		n = pl_change(q, put,
			      PL_ARGS(PL_INT(p->run_id), PL_INT(step), PL_INT(p->kind),
				      PL_INT(txn->inc), PL_INT(p->epoch), PL_INT(p->is_done),
				      PL_INT(rule_ms_up(p->not_before)),
				      PL_TEXT(pl_or_empty(p->err)), PL_TEXT(pl_or_empty(p->result)),
				      PL_INT(rule_ms(txn->now))));
	}
	p->ret_late = n == 0;
	if (n == 0 && !q->is_replay)
		n = pl_change(q, late,
			      PL_ARGS(PL_INT(p->run_id), PL_INT(step), PL_INT(p->kind),
				      PL_INT(txn->inc)));
	return n < 0 ? PL_FAILED : 0;
}

int pl_endings_free(struct pl *q, int64_t run_id, int64_t inc, int64_t not_before_ms)
{
	static const char sql[] =
		"UPDATE ending_ SET owner = NULL, not_before = greatest(not_before, $3)"
		" WHERE owner = $1 AND ($2 = 0 OR run_id = $2)";

	return pl_send(q, sql, PL_ARGS(PL_INT(inc), PL_INT(run_id), PL_INT(not_before_ms)));
}

int pl_endings_reopen(struct pl *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"UPDATE ending_ SET is_done = 0, epoch = epoch + 1, tries = 0,"
		" not_before = 0, err = '' WHERE run_id = $1 AND (step = 0 OR (step = $2"
		" AND EXISTS (SELECT 1 FROM run_step WHERE run_id = $1 AND step = $2"
		" AND state <> 4))) AND EXISTS (SELECT 1 FROM run_ WHERE id = $1"
		" AND state IN (1, 2, 3, 6))";

	return pl_send(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)));
}

int pl_endings_missing(struct pl *q, int64_t run_id, int32_t step, uint32_t *endings)
{
	static const char sql[] = "SELECT kind FROM ending_ WHERE run_id = $1 AND step IN (0, $2)"
				  " AND is_done = 1";

	if (*endings == 0)
		return 0;
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)));
	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		*endings &= ~ENDING_BIT(pl_int(rows, i, 0));
	return 0;
}
