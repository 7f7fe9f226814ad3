/* SPDX-License-Identifier: Apache-2.0 */
/* then: who is told how items ended. */
#include "ledger/rules.h"
#include "ledger/sqlite/sqlite.h"

/* Which items of the chunk ended well, instead of its started bits. */
static int sq_ended(struct sq *q, struct arena *a, bool is_whole, struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item FROM loose WHERE run_id = ?1 AND item >= ?2"
				  " AND item < ?2 + ?3 AND state <> 5 AND (state <> 6 OR ?4)";
	uint8_t *ended = arena_dup(a, row->done, BITS_BYTES(row->n));
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(row->run_id), SQ_INT(row->first_item),
					    SQ_INT(row->n), SQ_INT(is_whole)));
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
	static const char whole[] = "SELECT " SQ_CHUNK_COLUMNS " FROM chunk AS c"
				    " WHERE c.run_id = ?1 AND c.step = ?4 AND c.id > ?2"
				    " ORDER BY c.id LIMIT ?3";
	struct lop_untold_list *u = &op->u.untold_list;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_chunk_row)};
	enum run_state state = RUN_LOADING;
	int rc = sq_run_state(q, u->run_id, &state);

	u->ret_is_settled = false;
	if (rc < 0 || state != RUN_OPEN)
		return rc < 0 ? rc : 0;
	rc = sq_step_is_empty(q, u->run_id, rule_step(u->step));
	if (rc != 1)
		return rc;
	u->ret_is_settled = true;
	sqlite3_stmt *st = sq_query(q, u->is_whole ? whole : sql,
				    SQ_ARGS(SQ_INT(u->run_id), SQ_INT(u->after), SQ_INT(u->max),
					    SQ_INT(rule_step(u->step))));
	while ((rc = sq_next(q, st)) == 1)
		sq_get_chunk(&txn->arena, st, sq_rows_add(&rows));
	struct ledger_chunk_row *found = (struct ledger_chunk_row *)(void *)rows.at;
	for (size_t i = 0; i < rows.n && rc == 0; i++) {
		rc = sq_get_body(q, &txn->arena, found[i].id, &found[i].body, &found[i].body_len);
		if (rc == 0)
			rc = sq_ended(q, &txn->arena, u->is_whole, &found[i]);
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

/* ---- on_done, on_dead ---- */

static int sq_ended_of(struct sq *q, struct arena *a, const struct ledger_chunk_row *row,
		       struct rule_ended *ret)
{
	sqlite3_stmt *st = sq_chunk_loose(q, row);
	int rc = 0;

	rule_ended_init(ret, a, row->done, row->told, row->n);
	while ((rc = sq_next(q, st)) == 1)
		rule_ended_loose(ret, (uint32_t)(sqlite3_column_int64(st, 0) - row->first_item),
				 (enum loose_state)sqlite3_column_int(st, 1));
	return rc;
}

static int sq_put_ended(struct sq *q, struct arena *a, const struct ledger_chunk_row *row,
			struct lop_ended_list *l, struct ledger_ended *rows)
{
	struct rule_ended e = {0};
	int rc = sq_ended_of(q, a, row, &e);

	if (rc != 0 || rule_ended_is_empty(&e, row->n))
		return rc;
	struct ledger_ended *to = &rows[l->ret_n++];
	*to = (struct ledger_ended){
		.chunk_id = row->id, .n = row->n, .done = e.done, .dead = e.dead, .quiet = e.quiet};
	return sq_get_body(q, a, row->id, &to->body, &to->body_len);
}

int sq_ended_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " SQ_CHUNK_COLUMNS
				  " FROM chunk AS c INDEXED BY chunk_untold"
				  " WHERE c.run_id = ?1 AND c.step = ?5 AND c.n_told < c.n"
				  " AND c.n_told < c.n_done AND c.id > ?2"
				  " AND (c.state <> 1 OR c.owner = ?4) ORDER BY c.id LIMIT ?3";
	struct lop_ended_list *l = &op->u.ended_list;
	struct sq_rows found = {.arena = &txn->arena, .size = sizeof(struct ledger_chunk_row)};
	int rc = 0;

	l->ret_rows = NULL;
	l->ret_n = 0;
	l->ret_last = l->after;
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(l->run_id), SQ_INT(l->after), SQ_INT(l->max),
					    SQ_INT(txn->inc), SQ_INT(rule_step(l->step))));
	while ((rc = sq_next(q, st)) == 1)
		sq_get_chunk(&txn->arena, st, sq_rows_add(&found));
	struct ledger_chunk_row *chunks = (struct ledger_chunk_row *)(void *)found.at;
	struct ledger_ended *rows = arena_alloc(&txn->arena, (found.n + 1) * sizeof(*rows));
	l->ret_rows = rows;
	l->ret_more = found.n == l->max;
	for (size_t i = 0; rc == 0 && i < found.n; i++) {
		rc = sq_put_ended(q, &txn->arena, &chunks[i], l, rows);
		l->ret_last = chunks[i].id;
	}
	return rc;
}

int sq_ended_told(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char read[] = "SELECT " SQ_CHUNK_COLUMNS " FROM chunk AS c"
				   " WHERE c.id = ?2 AND c.run_id = ?1";
	static const char write[] =
		"UPDATE chunk SET told = ?2, n_told = stint_popcount(?2) WHERE id = ?1";
	const struct lop_ended_told *t = &op->u.ended_told;
	struct ledger_chunk_row row = {0};
	struct rule_ended e = {0};
	sqlite3_stmt *st = sq_query(q, read, SQ_ARGS(SQ_INT(t->run_id), SQ_INT(t->chunk_id)));
	int rc = sq_next(q, st);

	if (rc == 0)
		return sq_lost(txn, "there is no chunk %lld to tell of", (long long)t->chunk_id);
	if (rc < 0)
		return SQ_FAILED;
	sq_get_chunk(&txn->arena, st, &row);
	sq_end(st);
	uint8_t *told = arena_dup(&txn->arena, row.told, BITS_BYTES(row.n));
	if (sq_ended_of(q, &txn->arena, &row, &e) < 0)
		return SQ_FAILED;
	rule_ended_tell(&e, t, told, row.n);
	rc = sq_change(q, write, SQ_ARGS(SQ_INT(row.id), SQ_BLOB(told, BITS_BYTES(row.n))));
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_cursor_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT s.cursor FROM run_ AS r JOIN run_step AS s"
				  " ON s.run_id = r.id AND s.step = 1"
				  " WHERE r.job = ?1 AND r.id <> ?2 AND r.state = 4"
				  " AND s.cursor IS NOT NULL"
				  " AND instr(r.due_key, ?3) > 0 ORDER BY r.id DESC LIMIT 1";
	struct lop_cursor_find *f = &op->u.cursor_find;
	sqlite3_stmt *st = sq_query(
		q, sql, SQ_ARGS(SQ_TEXT(f->job), SQ_INT(f->run_id), SQ_TEXT(f->due_part)));
	int rc = sq_next(q, st);

	f->ret_cursor = NULL;
	f->ret_cursor_len = 0;
	if (rc == 1) {
		f->ret_cursor = sq_column_blob(&txn->arena, st, 0, &f->ret_cursor_len);
		sq_end(st);
	}
	return rc < 0 ? SQ_FAILED : 0;
}
