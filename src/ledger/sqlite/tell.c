/* SPDX-License-Identifier: Apache-2.0 */
/* then: who is told how items ended. */
#include "ledger/sqlite/sqlite.h"

/* Which items of the chunk ended well, instead of its started bits. */
static int sq_ended(struct sq *q, struct arena *a, struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item FROM loose WHERE run_id = ?1 AND item >= ?2"
				  " AND item < ?2 + ?3 AND state NOT IN (5, 6)";
	uint8_t *ended = arena_dup(a, row->done, BITS_BYTES(row->n));
	sqlite3_stmt *st = sq_query(
		q, sql, SQ_ARGS(SQ_INT(row->run_id), SQ_INT(row->first_item), SQ_INT(row->n)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		bits_clear(ended, (size_t)(sqlite3_column_int64(st, 0) - row->first_item));
	row->started = ended;
	return rc;
}

int sq_untold_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"SELECT " SQ_CHUNK_COLUMNS " FROM chunk AS c INDEXED BY chunk_untold"
		" WHERE c.run_id = ?1 AND c.step = ?4 AND c.n_told < c.n AND c.id > ?2"
		" ORDER BY c.id LIMIT ?3";
	struct lop_untold_list *u = &op->u.untold_list;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_chunk_row)};
	enum run_state state = RUN_LOADING;
	int rc = sq_run_state(q, u->run_id, &state);

	if (rc < 0 || state != RUN_OPEN)
		return rc < 0 ? rc : 0;
	rc = sq_step_is_empty(q, u->run_id, rule_step(u->step));
	if (rc != 1)
		return rc;
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(u->run_id), SQ_INT(u->after), SQ_INT(u->max),
					    SQ_INT(rule_step(u->step))));
	while ((rc = sq_next(q, st)) == 1)
		sq_get_chunk(&txn->arena, st, sq_rows_add(&rows));
	struct ledger_chunk_row *found = (struct ledger_chunk_row *)(void *)rows.at;
	for (size_t i = 0; i < rows.n && rc == 0; i++) {
		rc = sq_get_body(q, &txn->arena, found[i].id, &found[i].body, &found[i].body_len);
		if (rc == 0)
			rc = sq_ended(q, &txn->arena, &found[i]);
	}
	u->ret_rows = found;
	u->ret_n = rows.n;
	return rc;
}

int sq_told_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char one[] = "UPDATE chunk SET told = stint_full(n), n_told = n"
				  " WHERE run_id = ?1 AND id = ?2 AND n_told < n";
	static const char all[] = "UPDATE chunk SET told = stint_full(n), n_told = n"
				  " WHERE run_id = ?1 AND step = ?2 AND n_told < n";
	const struct lop_told_put *t = &op->u.told_put;
	enum run_state state = RUN_LOADING;
	int rc = sq_run_state(q, t->run_id, &state);

	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to tell of", (long long)t->run_id);
	if (rc > 0 && t->chunk_id == 0)
		rc = sq_change(q, all, SQ_ARGS(SQ_INT(t->run_id), SQ_INT(rule_step(t->step))));
	else if (rc > 0)
		rc = sq_change(q, one, SQ_ARGS(SQ_INT(t->run_id), SQ_INT(t->chunk_id)));
	return rc < 0 ? SQ_FAILED : 0;
}
