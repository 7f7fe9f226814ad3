/* SPDX-License-Identifier: Apache-2.0 */
/* then: who is told how items ended. */
#include "ledger/postgres/postgres.h"

/* Which items of the chunk ended well, instead of its started bits. */
static int pl_ended(struct pl *q, struct arena *a, struct ledger_chunk_row *row)
{
	static const char sql[] = "SELECT item FROM loose WHERE run_id = $1 AND item >= $2"
				  " AND item < $2 + $3 AND state NOT IN (5, 6)";
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, sql, PL_ARGS(PL_INT(row->run_id), PL_INT(row->first_item), PL_INT(row->n)));

	if (rows == NULL)
		return PL_FAILED;
	uint8_t *ended = arena_dup(a, row->done, BITS_BYTES(row->n));
	for (int i = 0; i < PQntuples(rows); i++)
		bits_clear(ended, (size_t)(pl_int(rows, i, 0) - row->first_item));
	row->started = ended;
	return 0;
}

/* A chunk of the list, with its body behind its own columns. */
static int pl_untold(struct pl *q, struct arena *a, const PGresult *rows, int i,
		     struct ledger_chunk_row *ret_row)
{
	struct pl_body body = {.row = i, .column = PL_CHUNK_COLUMN_COUNT};

	pl_get_chunk(a, rows, i, ret_row);
	body.chunk_id = ret_row->id;
	if (pl_get_body(q, a, rows, &body) < 0)
		return PL_FAILED;
	ret_row->body = body.body;
	ret_row->body_len = body.len;
	return pl_ended(q, a, ret_row);
}

int pl_untold_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash"
				  " FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
				  " WHERE c.run_id = $1 AND c.step = $4 AND c.n_told < c.n"
				  " AND c.id > $2"
				  " ORDER BY c.id LIMIT $3";
	struct lop_untold_list *u = &op->u.untold_list;
	enum run_state state = RUN_LOADING;
	int rc = pl_run_state(q, u->run_id, &state);

	if (rc < 0 || state != RUN_OPEN)
		return rc < 0 ? rc : 0;
	rc = pl_step_is_empty(q, u->run_id, rule_step(u->step));
	if (rc != 1)
		return rc;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(u->run_id), PL_INT(u->after), PL_INT(u->max),
					  PL_INT(rule_step(u->step))));
	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_chunk_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		if (pl_untold(q, &txn->arena, rows, (int)i, &found[i]) < 0)
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
