/* SPDX-License-Identifier: Apache-2.0 */
/* What is done once, at the end of a step or of a run: whose it is, and what came of it. */
#include "ledger/sqlite/sqlite.h"

/* 1 found, 0 not; then `ret_row` is that of one that nobody has ever taken. */
static int sq_ending_find(struct sq *q, struct arena *a, const struct lop_ending_take *t,
			  struct ledger_ending_row *ret_row)
{
	static const char sql[] =
		"SELECT step, is_done, owner, epoch, tries, not_before, err, result FROM ending_"
		" WHERE run_id = ?1 AND step = ?2 AND kind = ?3";
	int32_t step = rule_ending_step(rule_step(t->step), t->kind);
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(t->run_id), SQ_INT(step), SQ_INT(t->kind)));
	int rc = sq_next(q, st);

	*ret_row = (struct ledger_ending_row){.kind = t->kind, .err = "", .result = ""};
	if (rc != 1)
		return rc;
	*ret_row = (struct ledger_ending_row){.kind = t->kind,
					      .step = sqlite3_column_int(st, 0),
					      .is_done = sqlite3_column_int(st, 1) != 0,
					      .owner = sqlite3_column_int64(st, 2),
					      .epoch = sqlite3_column_int(st, 3),
					      .tries = sqlite3_column_int(st, 4),
					      .not_before = sq_column_time(st, 5),
					      .err = sq_column_text(a, st, 6),
					      .result = sq_column_text(a, st, 7)};
	sq_end(st);
	return 1;
}

int sq_ending_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char take[] =
		"INSERT INTO ending_(run_id, step, kind, owner, epoch, updated)"
		" VALUES (?1, ?2, ?3, ?4, 1, ?5) ON CONFLICT (run_id, step, kind) DO UPDATE SET"
		" owner = excluded.owner, epoch = epoch + 1, updated = excluded.updated"
		" WHERE is_done = 0 AND (owner IS NULL OR owner = excluded.owner)"
		" AND not_before <= excluded.updated";
	struct lop_ending_take *t = &op->u.ending_take;
	enum run_state state = RUN_LOADING;
	int32_t at = 0;
	int32_t step = rule_step(t->step);
	int rc = sq_run_at(q, t->run_id, &state, &at);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to end", (long long)t->run_id);
	rc = state == RUN_OPEN && at == step ? sq_step_is_empty(q, t->run_id, step) : 0;
	t->ret_is_settled = rc == 1;
	if (rc < 0 ||
	    (rc == 1 && !q->is_replay &&
	     sq_change(q, take,
		       SQ_ARGS(SQ_INT(t->run_id), SQ_INT(rule_ending_step(step, t->kind)),
			       SQ_INT(t->kind), SQ_INT(txn->inc), SQ_INT(rule_ms(txn->now)))) < 0))
		return SQ_FAILED;
	rc = sq_ending_find(q, &txn->arena, t, &t->ret_row);
	t->ret_taken = rc == 1 && t->ret_is_settled && !t->ret_row.is_done &&
		       t->ret_row.owner == txn->inc;
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_ending_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char put[] =
		"UPDATE ending_ SET owner = NULL, is_done = ?6,"
		" tries = CASE WHEN ?6 THEN 0 ELSE tries + 1 END,"
		" not_before = ?7, err = ?8, result = ?9, updated = ?10"
		" WHERE run_id = ?1 AND step = ?2 AND kind = ?3 AND owner = ?4 AND epoch = ?5";
	static const char late[] = "UPDATE ending_ SET owner = NULL WHERE run_id = ?1 AND step = ?2"
				   " AND kind = ?3 AND owner = ?4";
	static const char again[] = "SELECT 1 FROM ending_ WHERE run_id = ?1 AND step = ?2"
				    " AND kind = ?3 AND epoch = ?4 AND is_done = ?5";
	struct lop_ending_put *p = &op->u.ending_put;
	int32_t step = rule_ending_step(rule_step(p->step), p->kind);
	enum run_state state = RUN_LOADING;
	int64_t one = 0;
	int rc = sq_run_state(q, p->run_id, &state);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to end", (long long)p->run_id);
	if (q->is_replay)
		rc = sq_number(q, again,
			       SQ_ARGS(SQ_INT(p->run_id), SQ_INT(step), SQ_INT(p->kind),
				       SQ_INT(p->epoch), SQ_INT(p->is_done)),
			       &one);
	else
		rc = sq_change(q, put,
			       SQ_ARGS(SQ_INT(p->run_id), SQ_INT(step), SQ_INT(p->kind),
				       SQ_INT(txn->inc), SQ_INT(p->epoch), SQ_INT(p->is_done),
				       SQ_INT(rule_ms_up(p->not_before)),
				       SQ_TEXT(p->err == NULL ? "" : p->err),
				       SQ_TEXT(p->result == NULL ? "" : p->result),
				       SQ_INT(rule_ms(txn->now))));
	p->ret_late = rc == 0;
	if (rc == 0 && !q->is_replay)
		rc = sq_change(q, late,
			       SQ_ARGS(SQ_INT(p->run_id), SQ_INT(step), SQ_INT(p->kind),
				       SQ_INT(txn->inc)));
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_endings_free(struct sq *q, int64_t run_id, int64_t inc, int64_t not_before_ms)
{
	static const char sql[] =
		"UPDATE ending_ SET owner = NULL, not_before = max(not_before, ?3)"
		" WHERE owner = ?1 AND (?2 = 0 OR run_id = ?2)";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(inc), SQ_INT(run_id), SQ_INT(not_before_ms))) < 0
		       ? SQ_FAILED
		       : 0;
}

int sq_endings_reopen(struct sq *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"UPDATE ending_ SET is_done = 0, epoch = epoch + 1, tries = 0,"
		" not_before = 0, err = '' WHERE run_id = ?1 AND (step = 0 OR (step = ?2"
		" AND EXISTS (SELECT 1 FROM run_step WHERE run_id = ?1 AND step = ?2"
		" AND state <> 4))) AND EXISTS (SELECT 1 FROM run_ WHERE id = ?1"
		" AND state IN (1, 2, 3, 6))";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(step))) < 0 ? SQ_FAILED : 0;
}

int sq_endings_missing(struct sq *q, int64_t run_id, int32_t step, uint32_t *endings)
{
	static const char sql[] = "SELECT kind FROM ending_ WHERE run_id = ?1 AND step IN (0, ?2)"
				  " AND is_done = 1";
	sqlite3_stmt *st = NULL;
	int rc = 0;

	if (*endings == 0)
		return 0;
	st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(step)));
	while ((rc = sq_next(q, st)) == 1)
		*endings &= ~ENDING_BIT(sqlite3_column_int(st, 0));
	return rc;
}
