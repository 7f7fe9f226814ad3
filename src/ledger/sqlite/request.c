/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what people ask of the instances that hold something. */
#include "ledger/sqlite/sqlite.h"

int sq_request_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	/* what is for the instance, and what is for whoever holds the item */
	static const char sql[] =
		"SELECT q.id, q.verb, q.run_id, coalesce(q.item, -1), q.who, q.why FROM request AS"
		" q"
		" INDEXED BY request_open WHERE q.obeyed_at IS NULL AND q.run_id > 0 AND (q.inc ="
		" ?1"
		" OR (q.inc IS NULL AND q.item IS NOT NULL AND CASE"
		"  WHEN EXISTS (SELECT 1 FROM loose AS l WHERE l.run_id = q.run_id AND l.item ="
		" q.item)"
		"  THEN EXISTS (SELECT 1 FROM loose AS l WHERE l.run_id = q.run_id AND l.item ="
		" q.item"
		"   AND l.owner = ?1)"
		"  ELSE EXISTS (SELECT 1 FROM chunk AS c WHERE c.state = 1 AND c.owner = ?1"
		"   AND c.run_id = q.run_id AND q.item >= c.first_item"
		"   AND q.item < c.first_item + c.n) END)) ORDER BY q.id";
	struct lop_request_list *l = &op->u.request_list;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_request_row)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(txn->inc)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_request_row *row = sq_rows_add(&rows);
		*row = (struct ledger_request_row){
			.id = sqlite3_column_int64(st, 0),
			.verb = (enum request_verb)sqlite3_column_int(st, 1),
			.run_id = sqlite3_column_int64(st, 2),
			.item = sqlite3_column_int64(st, 3),
			.who = sq_column_text(&txn->arena, st, 4),
			.why = sq_column_text(&txn->arena, st, 5),
		};
	}
	l->ret_rows = (const struct ledger_request_row *)(const void *)rows.at;
	l->ret_n = rows.n;
	return rc;
}

static int sq_request_close(struct sq *q, int64_t id, int64_t inc, int64_t now_ms)
{
	static const char sql[] = "UPDATE request SET obeyed_at = coalesce(obeyed_at, ?2),"
				  " obeyed_by = coalesce(obeyed_by, ?3) WHERE id = ?1";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(id), SQ_INT(now_ms), SQ_INT_OR_NULL(inc)));
}

int sq_request_obey(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_request_obey *o = &op->u.request_obey;

	return sq_request_close(q, o->id, txn->inc, rule_ms(txn->now)) < 0 ? SQ_FAILED : 0;
}

int sq_request_add(struct sq *q, const struct ledger_request_row *row, int64_t inc, int64_t now_ms)
{
	static const char sql[] =
		"INSERT INTO request(at, verb, run_id, item, inc, who, why)"
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM request"
		" WHERE obeyed_at IS NULL AND run_id = ?3 AND inc IS ?5 AND item IS ?4 AND verb ="
		" ?2)";
	struct sq_value item = SQ_INT(row->item);

	if (row->item < 0)
		item.type = SQ_TYPE_NULL;
	return sq_change(q, sql,
			 SQ_ARGS(SQ_INT(now_ms), SQ_INT(row->verb), SQ_INT(row->run_id), item,
				 SQ_INT_OR_NULL(inc), SQ_TEXT(row->who == NULL ? "" : row->who),
				 SQ_TEXT(row->why == NULL ? "" : row->why))) < 0
		       ? SQ_FAILED
		       : 0;
}

int sq_requests_lapse(struct sq *q, int64_t run_id, int64_t inc, int64_t now_ms)
{
	static const char sql[] = "UPDATE request SET obeyed_at = ?3 WHERE obeyed_at IS NULL"
				  " AND (?1 = 0 OR run_id = ?1) AND (?2 = 0 OR inc = ?2)";

	return sq_change(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(inc), SQ_INT(now_ms))) < 0
		       ? SQ_FAILED
		       : 0;
}

/* Requests for items that nobody holds any more are obeyed at once: the next owner might be quicker
 * with the item than with the request. */
int sq_requests_settle(struct sq *q, struct ledger_txn *txn)
{
	static const char sql[] =
		"SELECT id, run_id, item, who, why FROM request INDEXED BY request_open WHERE"
		" obeyed_at IS NULL"
		" AND inc IS NULL AND item IS NOT NULL ORDER BY id";
	struct arena *a = &txn->arena;
	struct sq_rows rows = {.arena = a, .size = sizeof(struct ledger_request_row)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_request_row *row = sq_rows_add(&rows);
		*row = (struct ledger_request_row){
			.id = sqlite3_column_int64(st, 0),
			.run_id = sqlite3_column_int64(st, 1),
			.item = sqlite3_column_int64(st, 2),
			.who = sq_column_text(a, st, 3),
			.why = sq_column_text(a, st, 4),
		};
	}
	const struct ledger_request_row *found = (const struct ledger_request_row *)(const void *)
							 rows.at;
	for (size_t i = 0; i < rows.n && rc >= 0; i++) {
		const struct sq_act act = {PERSON_SKIP,	 found[i].run_id, found[i].item,
					   found[i].who, found[i].why,	  rule_ms(txn->now),
					   false};
		rc = sq_act(q, a, &act);
		if (rc >= 0 && rc != RULE_REQUEST)
			rc = sq_request_close(q, found[i].id, 0, rule_ms(txn->now));
	}
	return rc < 0 ? SQ_FAILED : 0;
}
