/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What applications put in, until it is moved into a run.
 *
 * Writers take turns, and no id comes twice: rows are there in the order of their ids, and none
 * appears later below another.
 */
#include <string.h>

#include "ledger/sqlite/sqlite.h"

int sq_inbox_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO inbox(job, key, fields, added_at) VALUES (?1, ?2, ?3, ?4)";
	const struct lop_inbox_add *add = &op->u.inbox_add;

	for (size_t i = 0; i < add->n; i++) {
		const char *fields = arena_text(&txn->arena, add->rows[i].fields, add->rows[i].len);
		if (sq_change(q, sql,
			      SQ_ARGS(SQ_TEXT(add->job), SQ_TEXT(add->rows[i].key), SQ_TEXT(fields),
				      SQ_INT(rule_ms(txn->now)))) < 0)
			return SQ_FAILED;
	}
	return 0;
}

int sq_inbox_begin(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char others[] =
		"SELECT r.name FROM run_step AS s JOIN run_ AS r ON r.id = s.run_id"
		" WHERE s.loader IS NOT NULL AND s.inbox_epoch = s.loader_epoch AND r.job = ?1"
		" AND NOT (s.run_id = ?2 AND s.step = ?3) LIMIT 1";
	static const char begin[] =
		"UPDATE run_step SET inbox_epoch = loader_epoch WHERE run_id = ?1 AND step = ?2"
		" AND loader = ?3 AND loader_epoch = ?4";
	static const char end[] = "SELECT coalesce(max(id), 0) FROM inbox WHERE job = ?1";
	struct lop_inbox_begin *b = &op->u.inbox_begin;
	int32_t step = rule_step(b->step);
	sqlite3_stmt *st = sq_query(q, others,
				    SQ_ARGS(SQ_TEXT(b->job), SQ_INT(b->run_id), SQ_INT(step)));
	int rc = sq_next(q, st);

	if (rc < 0)
		return rc;
	if (rc == 1) {
		b->ret_other = sq_column_text(&txn->arena, st, 0);
		sq_end(st);
		return 0;
	}
	if (!q->is_replay) {
		rc = sq_change(q, begin,
			       SQ_ARGS(SQ_INT(b->run_id), SQ_INT(step), SQ_INT(txn->inc),
				       SQ_INT(b->epoch)));
		if (rc == 0)
			return sq_lost(txn, "run %lld is not loaded by instance %lld any more",
				       (long long)b->run_id, (long long)txn->inc);
		if (rc < 0)
			return rc;
	}
	return sq_number(q, end, SQ_ARGS(SQ_TEXT(b->job)), &b->ret_upto) < 0 ? SQ_FAILED : 0;
}

static void sq_inbox_get(struct arena *a, sqlite3_stmt *st, struct ledger_inbox_row *row)
{
	row->id = sqlite3_column_int64(st, 0);
	row->added_at = sq_column_time(st, 1);
	row->key = sq_column_text_or_null(a, st, 2);
	row->size = sqlite3_column_int64(st, 3);
	row->fields = sq_column_blob(a, st, 4, &row->len);
}

int sq_inbox_read(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"SELECT id, added_at, key, octet_length, CASE WHEN octet_length > ?5 THEN"
		" substr(said, 1, ?6) ELSE said END FROM (SELECT id, added_at, key,"
		" length(CAST(fields AS BLOB)) AS octet_length, CAST(fields AS BLOB) AS said"
		" FROM inbox WHERE job = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4)";
	struct lop_inbox_read *r = &op->u.inbox_read;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_inbox_row)};
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_TEXT(r->job), SQ_INT(r->after), SQ_INT(r->upto),
					    SQ_INT(r->max), SQ_INT(LEDGER_INBOX_ITEM_MAX),
					    SQ_INT(LEDGER_INBOX_SHOWN_MAX)));
	int64_t bytes = 0;
	int rc = 0;

	while (bytes < r->max_bytes && (rc = sq_next(q, st)) == 1) {
		struct ledger_inbox_row *row = sq_rows_add(&rows);
		sq_inbox_get(&txn->arena, st, row);
		bytes += (int64_t)row->len;
	}
	if (rc == 1)
		sq_end(st);
	r->ret_rows = (const struct ledger_inbox_row *)(const void *)rows.at;
	r->ret_n = rows.n;
	r->ret_from = r->after;
	r->ret_whole_to = 0;
	return rc < 0 ? rc : 0;
}

int sq_inbox_take(struct sq *q, struct ledger_txn *txn, const struct ledger_inbox_taken *taken)
{
	static const char sql[] = "DELETE FROM inbox WHERE id = ?1 AND job = ?2";

	for (size_t i = 0; i < taken->n; i++) {
		int rc = sq_change(q, sql, SQ_ARGS(SQ_INT(taken->ids[i]), SQ_TEXT(taken->job)));
		if (rc == 0)
			return sq_lost(txn, "item %lld is not in the inbox of %s any more",
				       (long long)taken->ids[i], taken->job);
		if (rc < 0)
			return rc;
	}
	return 0;
}
