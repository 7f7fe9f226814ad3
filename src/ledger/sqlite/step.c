/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a step, for a later one that takes them. */
#include <string.h>

#include "ledger/rules.h"
#include "ledger/sqlite/sqlite.h"

static int sq_step_ended(struct sq *q, struct arena *a, const struct ledger_chunk_row *row,
			 struct lop_step_items *s)
{
	uint8_t *ended = rule_step_ended(a, row->done, row->n, s->state);
	sqlite3_stmt *st = sq_chunk_loose(q, row);
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1)
		rule_step_loose(ended, (uint32_t)(sqlite3_column_int64(st, 0) - row->first_item),
				(enum loose_state)sqlite3_column_int(st, 1), s->state);
	s->ret_ended = ended;
	return rc;
}

/* Later attempts come first, and the first that is met counts. */
static int sq_step_kept(struct sq *q, struct arena *a, struct lop_step_items *s)
{
	static const char sql[] = "SELECT item, keep FROM attempt_ WHERE run_id = ?1"
				  " AND item >= ?2 AND item < ?3 AND keep IS NOT NULL"
				  " ORDER BY item, id DESC";
	int64_t from = s->from > s->ret_first_item ? s->from : s->ret_first_item;
	struct sq_rows rows = {.arena = a, .size = sizeof(struct ledger_kept)};
	struct ledger_kept *last = NULL;
	size_t bytes = 0;
	sqlite3_stmt *st = sq_query(
		q, sql,
		SQ_ARGS(SQ_INT(s->run_id), SQ_INT(from), SQ_INT(s->ret_first_item + s->ret_n)));
	int rc = 0;

	while (bytes < s->max_bytes && (rc = sq_next(q, st)) == 1) {
		uint32_t index = (uint32_t)(sqlite3_column_int64(st, 0) - s->ret_first_item);
		if ((last != NULL && last->index == index) || !bits_get(s->ret_ended, index))
			continue;
		last = sq_rows_add(&rows);
		*last = (struct ledger_kept){.index = index, .keep = sq_column_text(a, st, 1)};
		bytes += strlen(last->keep);
	}
	if (rc == 1)
		sq_end(st);
	s->ret_kept = (const struct ledger_kept *)(const void *)rows.at;
	s->ret_n_kept = (uint32_t)rows.n;
	s->ret_end = rc == 1 ? last->index + 1 : s->ret_n;
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_step_items(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " SQ_CHUNK_COLUMNS " FROM chunk AS c"
				  " WHERE c.run_id = ?1 AND c.step = ?2 AND c.first_item > ?3 - ?4"
				  " AND c.first_item + c.n > ?3 ORDER BY c.first_item LIMIT 1";
	struct lop_step_items *s = &op->u.step_items;
	struct ledger_chunk_row row = {0};
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_INT(s->run_id), SQ_INT(rule_step(s->step)),
					    SQ_INT(s->from), SQ_INT(CHUNK_ITEMS_MAX)));
	int rc = sq_next(q, st);

	s->ret_n = 0;
	if (rc != 1)
		return rc < 0 ? SQ_FAILED : 0;
	sq_get_chunk(&txn->arena, st, &row);
	sq_end(st);
	s->ret_n = row.n;
	s->ret_first_item = row.first_item;
	rc = sq_step_ended(q, &txn->arena, &row, s);
	if (rc == 0)
		rc = sq_get_body(q, &txn->arena, row.id, &s->ret_body, &s->ret_body_len);
	return rc < 0 ? SQ_FAILED : sq_step_kept(q, &txn->arena, s);
}
