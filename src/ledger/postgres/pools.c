/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named pools: what runs have of them.
 *
 * Two who take at once must be one after the other, whatever they take: there is one lock for all
 * pools, and whoever has it sees what was taken before.
 */
#include "ledger/postgres/postgres.h"

/* 1 when the run has that much of it, or PL_FAILED. */
static int pl_has_pool(struct pl *q, const struct ledger_pool *pool, int64_t run_id)
{
	static const char sql[] =
		"SELECT 1 FROM pool_hold WHERE name = $1 AND run_id = $2 AND units >= $3";
	int64_t one = 0;

	return pl_number(q, sql, PL_ARGS(PL_TEXT(pool->name), PL_INT(run_id), PL_INT(pool->units)),
			 &one);
}

/* What runs have of the pool that nobody is on. */
static int pl_pool_clear(struct pl *q, const char *name)
{
	static const char sql[] =
		"DELETE FROM pool_hold WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM run_instance"
		" AS ri JOIN instance_ AS i ON i.inc = ri.inc WHERE ri.run_id = pool_hold.run_id"
		" AND i.state IN (1, 2))";

	return pl_send(q, sql, PL_ARGS(PL_TEXT(name)));
}

/* Adds up what others have. */
static int pl_pool_others(struct pl *q, struct arena *a, struct lop_pools_take *take)
{
	static const char sql[] =
		"SELECT h.units, r.name FROM pool_hold AS h JOIN run_ AS r ON r.id = h.run_id"
		" WHERE h.name = $1 AND h.run_id <> $2 ORDER BY h.run_id";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql, PL_ARGS(PL_TEXT(take->ret_full), PL_INT(take->run_id)));

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		take->ret_used += pl_int(rows, i, 0);
	if (PQntuples(rows) > 0)
		take->ret_holder = pl_text(a, rows, 0, 1);
	return 0;
}

/* Fills the results; with room for all, nothing is full. */
static int pl_pools_look(struct pl *q, struct arena *a, struct lop_pools_take *take)
{
	take->ret_full = take->ret_holder = NULL;
	take->ret_used = 0;
	for (size_t i = 0; i < take->n && take->ret_full == NULL; i++) {
		const struct ledger_pool *pool = &take->pools[i];
		int rc = pl_has_pool(q, pool, take->run_id);
		if (rc < 0 || (rc == 0 && !q->is_replay && pl_pool_clear(q, pool->name) < 0))
			return PL_FAILED;
		if (rc == 1)
			continue;
		take->ret_full = arena_str(a, pool->name);
		if (pl_pool_others(q, a, take) < 0)
			return PL_FAILED;
		if (q->is_replay || take->ret_used + pool->units > pool->capacity)
			break;
		take->ret_full = take->ret_holder = NULL;
		take->ret_used = 0;
	}
	take->ret_taken = take->ret_full == NULL;
	return 0;
}

/* 1 when the instance is on the run, or PL_FAILED. */
static int pl_is_on(struct pl *q, const struct ledger_txn *txn, int64_t run_id)
{
	static const char sql[] = "SELECT 1 FROM run_instance WHERE run_id = $1 AND inc = $2";
	int64_t one = 0;

	return pl_number(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(txn->inc)), &one);
}

int pl_pools_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char put[] =
		"INSERT INTO pool_hold(name, run_id, units, since) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (name, run_id) DO UPDATE SET units = excluded.units,"
		" since = excluded.since WHERE pool_hold.units < excluded.units";
	static const char lock[] = "SELECT pg_advisory_xact_lock(1937010292, -4)::text";
	struct lop_pools_take *take = &op->u.pools_take;

	if (!q->is_replay && pl_send(q, lock, PL_NO_ARGS) < 0)
		return PL_FAILED;
	int rc = q->is_replay ? 1 : pl_is_on(q, txn, take->run_id);

	if (rc == 0)
		return pl_lost(txn, "instance %lld is not on run %lld", (long long)txn->inc,
			       (long long)take->run_id);
	if (rc < 0 || pl_pools_look(q, &txn->arena, take) < 0)
		return PL_FAILED;
	if (!take->ret_taken && txn->is_redo)
		return pl_lost(txn, "others have the pool %s", take->ret_full);
	for (size_t i = 0; i < take->n && take->ret_taken && !q->is_replay; i++) {
		const struct ledger_pool *pool = &take->pools[i];
		if (pl_send(q, put,
			    PL_ARGS(PL_TEXT(pool->name), PL_INT(take->run_id), PL_INT(pool->units),
				    PL_INT(rule_ms(txn->now)))) < 0)
			return PL_FAILED;
	}
	return 0;
}
