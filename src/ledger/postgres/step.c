/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a step, for a later one that takes them. */
#include "ledger/postgres/postgres.h"
#include "ledger/rules.h"

static int pl_step_ended(struct pl *q, struct arena *a, const struct ledger_chunk_row *row,
			 struct lop_step_items *s)
{
	AUTO(pl_rows) PGresult *rows = pl_chunk_loose(q, row);

	if (rows == NULL)
		return PL_FAILED;
	uint8_t *ended = rule_step_ended(a, row->done, row->n, s->state);
	for (int i = 0; i < PQntuples(rows); i++)
		rule_step_loose(ended, (uint32_t)(pl_int(rows, i, 0) - row->first_item),
				(enum loose_state)pl_int(rows, i, 1), s->state);
	s->ret_ended = ended;
	return 0;
}

/* The server ends the page, so that no more comes here than fits. */
static int pl_step_kept(struct pl *q, struct arena *a, struct lop_step_items *s)
{
	static const char sql[] =
		"SELECT item, keep, (before + octet_length(keep) >= $4)::int FROM"
		" (SELECT item, keep, sum(octet_length(keep)) OVER (ORDER BY item)"
		"   - octet_length(keep) AS before FROM"
		"  (SELECT DISTINCT ON (item) item, keep FROM attempt_ WHERE run_id = $1"
		"    AND item >= $2 AND item < $3 AND keep IS NOT NULL"
		"    AND get_bit($5::varbit, (item - $6)::int) = 1"
		"    ORDER BY item, id DESC) AS k) AS p"
		" WHERE before < $4 ORDER BY item";
	int64_t from = s->from > s->ret_first_item ? s->from : s->ret_first_item;
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, sql,
		PL_ARGS(PL_INT(s->run_id), PL_INT(from), PL_INT(s->ret_first_item + s->ret_n),
			PL_INT((int64_t)s->max_bytes), PL_BITS(s->ret_ended, s->ret_n),
			PL_INT(s->ret_first_item)));

	if (rows == NULL)
		return PL_FAILED;
	int n = PQntuples(rows);
	struct ledger_kept *kept = arena_alloc(a, ((size_t)n + 1) * sizeof(*kept));
	for (int i = 0; i < n; i++)
		kept[i] = (struct ledger_kept){
			.index = (uint32_t)(pl_int(rows, i, 0) - s->ret_first_item),
			.keep = pl_text(a, rows, i, 1)};
	bool is_full = n > 0 && pl_int(rows, n - 1, 2) != 0;
	s->ret_kept = kept;
	s->ret_n_kept = (uint32_t)n;
	s->ret_end = is_full ? kept[n - 1].index + 1 : s->ret_n;
	return 0;
}

int pl_step_items(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " PL_CHUNK_COLUMNS ", b.body, b.hash"
				  " FROM chunk AS c LEFT JOIN chunk_body AS b ON b.chunk_id = c.id"
				  " WHERE c.run_id = $1 AND c.step = $2 AND c.first_item > $3 - $4"
				  " AND c.first_item + c.n > $3 ORDER BY c.first_item LIMIT 1";
	struct lop_step_items *s = &op->u.step_items;
	struct ledger_chunk_row row = {0};
	struct pl_body body = {.column = PL_CHUNK_COLUMN_COUNT};
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_INT(s->run_id), PL_INT(rule_step(s->step)),
					  PL_INT(s->from), PL_INT(CHUNK_ITEMS_MAX)));

	s->ret_n = 0;
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	pl_get_chunk(&txn->arena, rows, 0, &row);
	body.chunk_id = row.id;
	if (pl_get_body(q, &txn->arena, rows, &body) < 0 ||
	    pl_step_ended(q, &txn->arena, &row, s) < 0)
		return PL_FAILED;
	s->ret_n = row.n;
	s->ret_first_item = row.first_item;
	s->ret_body = body.body;
	s->ret_body_len = body.len;
	return pl_step_kept(q, &txn->arena, s);
}
