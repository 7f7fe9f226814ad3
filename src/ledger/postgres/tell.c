/* SPDX-License-Identifier: Apache-2.0 */
/* then: who is told how items ended. */
#include "ledger/postgres/postgres.h"
#include "ledger/rules.h"

/* Which items of the chunk ended well, instead of its started bits. */
static int pl_ended(struct pl *q, struct arena *a, bool is_whole, struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item FROM loose WHERE run_id = $1 AND item >= $2"
				  " AND item < $2 + $3 AND state <> 5 AND (state <> 6 OR $4 = 1)";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(row->run_id), PL_INT(row->first_item),
					  PL_INT(row->n), PL_INT(is_whole)));

	if (rows == NULL)
		return PL_FAILED;
	uint8_t *ended = arena_dup(a, row->done, BITS_BYTES(row->n));
	for (int i = 0; i < PQntuples(rows); i++)
		bits_clear(ended, (size_t)(pl_int(rows, i, 0) - row->first_item));
	row->started = ended;
	return 0;
}

/* A chunk of the list, with its body behind its own columns. */
/* lint: allow parameters: a row of a result, and how it is to be read */
static int pl_untold(struct pl *q, struct arena *a, const PGresult *rows, int i, bool is_whole,
		     struct ledger_chunk_row *ret_row)
{
	struct pl_body body = {.row = i, .column = PL_CHUNK_COLUMN_COUNT};

	pl_get_chunk(a, rows, i, ret_row);
	body.chunk_id = ret_row->id;
	if (pl_get_body(q, a, rows, &body) < 0)
		return PL_FAILED;
	ret_row->body = body.body;
	ret_row->body_len = body.len;
	return pl_ended(q, a, is_whole, ret_row);
}

int pl_untold_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash"
				  " FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
				  " WHERE c.run_id = $1 AND c.step = $4 AND c.n_told < c.n"
				  " AND c.id > $2"
				  " ORDER BY c.id LIMIT $3";
	static const char whole[] =
		"SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash"
		" FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
		" WHERE c.run_id = $1 AND c.step = $4 AND c.id > $2"
		" ORDER BY c.id LIMIT $3";
	struct lop_untold_list *u = &op->u.untold_list;
	enum run_state state = RUN_LOADING;
	int rc = pl_run_state(q, u->run_id, &state);

	u->ret_is_settled = false;
	if (rc < 0 || state != RUN_OPEN)
		return rc < 0 ? rc : 0;
	rc = pl_step_is_empty(q, u->run_id, rule_step(u->step));
	if (rc != 1)
		return rc;
	u->ret_is_settled = true;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, u->is_whole ? whole : sql,
				  PL_ARGS(PL_INT(u->run_id), PL_INT(u->after), PL_INT(u->max),
					  PL_INT(rule_step(u->step))));
	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_chunk_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		if (pl_untold(q, &txn->arena, rows, (int)i, u->is_whole, &found[i]) < 0)
			return PL_FAILED;
	u->ret_rows = found;
	u->ret_n = n;
	return 0;
}

int pl_told_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char one[] = "UPDATE chunk SET told = ~(told & ~told)"
				  " WHERE run_id = $1 AND id = $2 AND n_told < n";
	static const char all[] = "UPDATE chunk SET told = ~(told & ~told)"
				  " WHERE run_id = $1 AND step = $2 AND n_told < n";
	const struct lop_told_put *t = &op->u.told_put;
	enum run_state state = RUN_LOADING;
	int rc = pl_run_state(q, t->run_id, &state);

	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to tell of", (long long)t->run_id);
	if (rc < 0)
		return PL_FAILED;
	if (t->chunk_id == 0)
		return pl_send(q, all, PL_ARGS(PL_INT(t->run_id), PL_INT(rule_step(t->step))));
	return pl_send(q, one, PL_ARGS(PL_INT(t->run_id), PL_INT(t->chunk_id)));
}

/* ---- on_done, on_dead ---- */

static int pl_ended_of(struct pl *q, struct arena *a, const struct ledger_chunk_row *row,
		       struct rule_ended *ret)
{
	AUTO(pl_rows) PGresult *rows = pl_chunk_loose(q, row);

	if (rows == NULL)
		return PL_FAILED;
	rule_ended_init(ret, a, row->done, row->told, row->n);
	for (int i = 0; i < PQntuples(rows); i++)
		rule_ended_loose(ret, (uint32_t)(pl_int(rows, i, 0) - row->first_item),
				 (enum loose_state)pl_int(rows, i, 1));
	return 0;
}

struct pl_ended {
	struct lop_ended_list *list;
	struct ledger_ended *rows;
};

static int pl_put_ended(struct pl *q, struct arena *a, const PGresult *rows, int i,
			struct pl_ended *to)
{
	struct lop_ended_list *l = to->list;
	struct ledger_chunk_row row = {0};
	struct rule_ended e = {0};
	struct pl_body body = {.row = i, .column = PL_CHUNK_COLUMN_COUNT};

	pl_get_chunk(a, rows, i, &row);
	l->ret_last = row.id;
	if (pl_ended_of(q, a, &row, &e) < 0)
		return PL_FAILED;
	if (rule_ended_is_empty(&e, row.n))
		return 0;
	body.chunk_id = row.id;
	if (pl_get_body(q, a, rows, &body) < 0)
		return PL_FAILED;
	to->rows[l->ret_n++] = (struct ledger_ended){.chunk_id = row.id,
						     .n = row.n,
						     .done = e.done,
						     .dead = e.dead,
						     .quiet = e.quiet,
						     .body = body.body,
						     .body_len = body.len};
	return 0;
}

int pl_ended_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash"
				  " FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
				  " WHERE c.run_id = $1 AND c.step = $5 AND c.n_told < c.n"
				  " AND c.n_told < c.n_done AND c.id > $2"
				  " AND (c.state <> 1 OR c.owner = $4) ORDER BY c.id LIMIT $3";
	struct lop_ended_list *l = &op->u.ended_list;

	l->ret_rows = NULL;
	l->ret_n = 0;
	l->ret_last = l->after;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(l->run_id), PL_INT(l->after), PL_INT(l->max),
					  PL_INT(txn->inc), PL_INT(rule_step(l->step))));
	if (rows == NULL)
		return PL_FAILED;
	int n = PQntuples(rows);
	struct ledger_ended *found = arena_alloc(&txn->arena, ((size_t)n + 1) * sizeof(*found));
	l->ret_more = (uint32_t)n == l->max;
	l->ret_rows = found;
	struct pl_ended to = {.list = l, .rows = found};
	for (int i = 0; i < n; i++)
		if (pl_put_ended(q, &txn->arena, rows, i, &to) < 0)
			return PL_FAILED;
	return 0;
}

int pl_ended_told(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char read[] = "SELECT " PL_CHUNK_COLUMNS " FROM chunk AS c"
				   " WHERE c.id = $2 AND c.run_id = $1 FOR UPDATE";
	static const char write[] = "UPDATE chunk SET told = $2 WHERE id = $1";
	const struct lop_ended_told *t = &op->u.ended_told;
	struct ledger_chunk_row row = {0};
	struct rule_ended e = {0};
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, read, PL_ARGS(PL_INT(t->run_id), PL_INT(t->chunk_id)));

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return pl_lost(txn, "there is no chunk %lld to tell of", (long long)t->chunk_id);
	pl_get_chunk(&txn->arena, rows, 0, &row);
	uint8_t *told = arena_dup(&txn->arena, row.told, BITS_BYTES(row.n));
	if (pl_ended_of(q, &txn->arena, &row, &e) < 0)
		return PL_FAILED;
	rule_ended_tell(&e, t, told, row.n);
	return pl_send(q, write, PL_ARGS(PL_INT(row.id), PL_BITS(told, row.n)));
}

int pl_cursor_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT s.cursor FROM run_ AS r JOIN run_step AS s"
				  " ON s.run_id = r.id AND s.step = 1"
				  " WHERE r.job = $1 AND r.id <> $2 AND r.state = 4"
				  " AND s.cursor IS NOT NULL"
				  " AND strpos(r.due_key, $3) > 0 ORDER BY r.id DESC LIMIT 1";
	struct lop_cursor_find *f = &op->u.cursor_find;
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, sql, PL_ARGS(PL_TEXT(f->job), PL_INT(f->run_id), PL_TEXT(f->due_part)));

	f->ret_cursor = NULL;
	f->ret_cursor_len = 0;
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) > 0)
		f->ret_cursor = pl_blob(&txn->arena, rows, 0, 0, &f->ret_cursor_len);
	return 0;
}
