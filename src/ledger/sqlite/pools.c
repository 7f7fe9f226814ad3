/* SPDX-License-Identifier: Apache-2.0 */
/* Named pools: what runs have of them. */
#include "ledger/sqlite/sqlite.h"

/* 1 when the run has that much of it, or SQ_FAILED. */
static int sq_has_pool(struct sq *q, const struct ledger_pool *pool, int64_t run_id)
{
	static const char sql[] =
		"SELECT 1 FROM pool_hold WHERE name = ?1 AND run_id = ?2 AND units >= ?3";
	int64_t one = 0;

	return sq_number(q, sql, SQ_ARGS(SQ_TEXT(pool->name), SQ_INT(run_id), SQ_INT(pool->units)),
			 &one);
}

/* What runs have of the pool that nobody is on. */
static int sq_pool_clear(struct sq *q, const char *name)
{
	static const char sql[] =
		"DELETE FROM pool_hold WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM run_instance"
		" AS ri JOIN instance_ AS i ON i.inc = ri.inc WHERE ri.run_id = pool_hold.run_id"
		" AND i.state IN (1, 2))";

	return sq_change(q, sql, SQ_ARGS(SQ_TEXT(name)));
}

/* Adds up what others have. */
static int sq_pool_others(struct sq *q, struct arena *a, struct lop_pools_take *take)
{
	static const char sql[] =
		"SELECT h.units, r.name FROM pool_hold AS h JOIN run_ AS r ON r.id = h.run_id"
		" WHERE h.name = ?1 AND h.run_id <> ?2 ORDER BY h.run_id";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_TEXT(take->ret_full), SQ_INT(take->run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		take->ret_used += sqlite3_column_int64(st, 0);
		if (take->ret_holder == NULL)
			take->ret_holder = sq_column_text(a, st, 1);
	}
	return rc;
}

/* Fills the results; with room for all, nothing is full. */
static int sq_pools_look(struct sq *q, struct arena *a, struct lop_pools_take *take)
{
	take->ret_full = take->ret_holder = NULL;
	take->ret_used = 0;
	for (size_t i = 0; i < take->n && take->ret_full == NULL; i++) {
		const struct ledger_pool *pool = &take->pools[i];
		int rc = sq_has_pool(q, pool, take->run_id);
		if (rc < 0 || (rc == 0 && !q->is_replay && sq_pool_clear(q, pool->name) < 0))
			return SQ_FAILED;
		if (rc == 1)
			continue;
		take->ret_full = arena_str(a, pool->name);
		if (sq_pool_others(q, a, take) < 0)
			return SQ_FAILED;
		if (q->is_replay || take->ret_used + pool->units > pool->capacity)
			break;
		take->ret_full = take->ret_holder = NULL;
		take->ret_used = 0;
	}
	take->ret_taken = take->ret_full == NULL;
	return 0;
}

/* 1 when the instance is on the run, or SQ_FAILED. */
static int sq_is_on(struct sq *q, const struct ledger_txn *txn, int64_t run_id)
{
	static const char sql[] = "SELECT 1 FROM run_instance WHERE run_id = ?1 AND inc = ?2";
	int64_t one = 0;

	return sq_number(q, sql, SQ_ARGS(SQ_INT(run_id), SQ_INT(txn->inc)), &one);
}

int sq_pools_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char put[] =
		"INSERT INTO pool_hold(name, run_id, units, since) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (name, run_id) DO UPDATE SET units = excluded.units,"
		" since = excluded.since WHERE pool_hold.units < excluded.units";
	struct lop_pools_take *take = &op->u.pools_take;
	int rc = q->is_replay ? 1 : sq_is_on(q, txn, take->run_id);

	if (rc == 0)
		return sq_lost(txn, "instance %lld is not on run %lld", (long long)txn->inc,
			       (long long)take->run_id);
	if (rc < 0 || sq_pools_look(q, &txn->arena, take) < 0)
		return SQ_FAILED;
	if (!take->ret_taken && txn->is_redo)
		return sq_lost(txn, "others have the pool %s", take->ret_full);
	for (size_t i = 0; i < take->n && take->ret_taken && !q->is_replay; i++) {
		const struct ledger_pool *pool = &take->pools[i];
		if (sq_change(q, put,
			      SQ_ARGS(SQ_TEXT(pool->name), SQ_INT(take->run_id),
				      SQ_INT(pool->units), SQ_INT(rule_ms(txn->now)))) < 0)
			return SQ_FAILED;
	}
	return 0;
}
