/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what people ask of the instances that hold something. */
#include "ledger/postgres/person.h"

static void pl_get_request(struct arena *a, const PGresult *rows, int i,
			   struct ledger_request_row *ret_row)
{
	*ret_row = (struct ledger_request_row){
		.id = pl_int(rows, i, 0),
		.verb = (enum request_verb)pl_int(rows, i, 1),
		.run_id = pl_int(rows, i, 2),
		.item = pl_int(rows, i, 3),
		.who = pl_text(a, rows, i, 4),
		.why = pl_text(a, rows, i, 5),
	};
}

int pl_request_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	/* what is for the instance, and what is for whoever holds the item */
	static const char sql[] =
		"SELECT q.id, q.verb, q.run_id, coalesce(q.item, -1), q.who, q.why"
		" FROM request AS q WHERE q.obeyed_at IS NULL AND (q.inc = $1"
		" OR (q.inc IS NULL AND q.item IS NOT NULL AND CASE"
		"  WHEN EXISTS (SELECT 1 FROM loose AS l"
		"   WHERE l.run_id = q.run_id AND l.item = q.item)"
		"  THEN EXISTS (SELECT 1 FROM loose AS l"
		"   WHERE l.run_id = q.run_id AND l.item = q.item AND l.owner = $1)"
		"  ELSE EXISTS (SELECT 1 FROM chunk AS c WHERE c.state = 1 AND c.owner = $1"
		"   AND c.run_id = q.run_id AND q.item >= c.first_item"
		"   AND q.item < c.first_item + c.n) END)) ORDER BY q.id";
	struct lop_request_list *l = &op->u.request_list;
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(txn->inc)));

	if (rows == NULL)
		return PL_FAILED;
	size_t n = (size_t)PQntuples(rows);
	struct ledger_request_row *found = arena_alloc(&txn->arena, n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		pl_get_request(&txn->arena, rows, (int)i, &found[i]);
	l->ret_rows = found;
	l->ret_n = n;
	return 0;
}

static int pl_request_close(struct pl *q, int64_t id, int64_t now_ms)
{
	static const char sql[] =
		"UPDATE request SET obeyed_at = coalesce(obeyed_at, $2) WHERE id = $1";

	return pl_send(q, sql, PL_ARGS(PL_INT(id), PL_INT(now_ms)));
}

int pl_request_obey(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "UPDATE request SET obeyed_at = coalesce(obeyed_at, $2),"
				  " obeyed_by = coalesce(obeyed_by, $3) WHERE id = $1";

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(op->u.request_obey.id), PL_INT(rule_ms(txn->now)),
			       PL_INT_OR_NULL(txn->inc)));
}

int pl_request_add(struct pl *q, const struct ledger_request_row *row, int64_t inc, int64_t now_ms)
{
	static const char sql[] =
		"INSERT INTO request(at, verb, run_id, item, inc, who, why)"
		" SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM request"
		" WHERE obeyed_at IS NULL AND run_id = $3 AND inc IS NOT DISTINCT FROM $5"
		" AND item IS NOT DISTINCT FROM $4 AND verb = $2)";
	struct pl_value item = PL_INT(row->item);

	item.is_null = row->item < 0;
	return pl_send(q, sql,
		       PL_ARGS(PL_INT(now_ms), PL_INT(row->verb), PL_INT(row->run_id), item,
			       PL_INT_OR_NULL(inc), PL_TEXT(pl_or_empty(row->who)),
			       PL_TEXT(pl_or_empty(row->why))));
}

int pl_requests_lapse(struct pl *q, int64_t run_id, int64_t inc, int64_t now_ms)
{
	static const char sql[] = "UPDATE request SET obeyed_at = $3 WHERE obeyed_at IS NULL"
				  " AND ($1 = 0 OR run_id = $1) AND ($2 = 0 OR inc = $2)";

	return pl_send(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(inc), PL_INT(now_ms)));
}

/* Requests for items that nobody holds any more are obeyed at once: the next owner might be quicker
 * with the item than with the request. */
int pl_requests_settle(struct pl *q, struct ledger_txn *txn)
{
	static const char sql[] =
		"SELECT id, verb, run_id, item, who, why FROM request WHERE obeyed_at IS NULL"
		" AND inc IS NULL AND item IS NOT NULL ORDER BY run_id, item, id FOR UPDATE";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_NO_ARGS);

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		struct ledger_request_row row = {0};
		pl_get_request(&txn->arena, rows, i, &row);
		const struct pl_act act = {PERSON_SKIP, row.run_id,	   row.item, row.who,
					   row.why,	rule_ms(txn->now), false};
		if (pl_act_lock(q, row.run_id, &row.item, 1) < 0)
			return PL_FAILED;
		int rc = pl_act(q, &txn->arena, &act);
		if (rc < 0 || (rc != RULE_REQUEST && pl_request_close(q, row.id, act.now_ms) < 0))
			return PL_FAILED;
	}
	return 0;
}
