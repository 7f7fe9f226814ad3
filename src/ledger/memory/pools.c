/* SPDX-License-Identifier: Apache-2.0 */
/* Named pools: what runs have of them. */
#include <string.h>

#include "ledger/memory/memory.h"

static struct mem_pool_hold *mem_hold_find(const struct memory *m, const char *name,
					   const struct mem_run *run)
{
	for (size_t i = 0; i < m->pools.n; i++) {
		struct mem_pool_hold *hold = m->pools.at[i];
		if (hold->run == run && strcmp(hold->name, name) == 0)
			return hold;
	}
	return NULL;
}

static bool mem_has_pool(const struct memory *m, const struct ledger_pool *pool,
			 const struct mem_run *run)
{
	const struct mem_pool_hold *hold = mem_hold_find(m, pool->name, run);

	return hold != NULL && hold->units >= pool->units;
}

/* What runs have of the pool that nobody is on. */
static void mem_pool_clear(struct memory *m, const char *name)
{
	for (size_t i = m->pools.n; i > 0; i--) {
		const struct mem_pool_hold *hold = m->pools.at[i - 1];
		if (hold->run->joined.n == 0 && strcmp(hold->name, name) == 0)
			mem_list_remove(m, &m->pools, hold);
	}
}

/* Adds up what others have. */
static void mem_pool_others(const struct memory *m, struct arena *a, const struct mem_run *run,
			    struct lop_pools_take *take)
{
	const struct mem_run *holder = NULL;

	for (size_t i = 0; i < m->pools.n; i++) {
		const struct mem_pool_hold *hold = m->pools.at[i];
		if (hold->run == run || strcmp(hold->name, take->ret_full) != 0)
			continue;
		take->ret_used += hold->units;
		if (holder == NULL || hold->run->row.id < holder->row.id)
			holder = hold->run;
	}
	take->ret_holder = holder == NULL ? NULL : arena_str(a, holder->row.name);
}

/* Fills the results; with room for all, nothing is full. */
static void mem_pools_look(struct memory *m, struct arena *a, const struct mem_run *run,
			   struct lop_pools_take *take)
{
	take->ret_full = take->ret_holder = NULL;
	take->ret_used = 0;
	for (size_t i = 0; i < take->n && take->ret_full == NULL; i++) {
		const struct ledger_pool *pool = &take->pools[i];
		if (mem_has_pool(m, pool, run))
			continue;
		if (!m->is_replay)
			mem_pool_clear(m, pool->name);
		take->ret_full = arena_str(a, pool->name);
		mem_pool_others(m, a, run, take);
		if (m->is_replay || take->ret_used + pool->units > pool->capacity)
			break;
		take->ret_full = take->ret_holder = NULL;
		take->ret_used = 0;
	}
	take->ret_taken = take->ret_full == NULL;
}

static void mem_pool_put(struct memory *m, const struct ledger_pool *pool,
			 const struct mem_run *run)
{
	struct mem_pool_hold *hold = mem_hold_find(m, pool->name, run);

	if (hold == NULL) {
		hold = arena_new(&m->arena, struct mem_pool_hold);
		*hold = (struct mem_pool_hold){.name = mem_text(m, pool->name), .run = run};
		mem_list_push(m, &m->pools, hold);
	}
	MEM_TOUCH(m, hold);
	hold->units = pool->units;
}

int mem_pools_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_pools_take *take = &op->u.pools_take;
	const struct mem_run *run = mem_run_find(m, take->run_id);
	bool is_on_it = false;

	for (size_t i = 0; run != NULL && i < run->joined.n; i++) {
		const struct mem_instance *instance = run->joined.at[i];
		is_on_it = is_on_it || instance->row.inc == txn->inc;
	}
	if (!is_on_it && !m->is_replay)
		return mem_lost(txn, "instance %lld is not on run %lld", (long long)txn->inc,
				(long long)take->run_id);
	mem_pools_look(m, &txn->arena, run, take);
	if (!take->ret_taken && txn->is_redo)
		return mem_lost(txn, "others have the pool %s", take->ret_full);
	for (size_t i = 0; i < take->n && take->ret_taken && !m->is_replay; i++)
		if (!mem_has_pool(m, &take->pools[i], run))
			mem_pool_put(m, &take->pools[i], run);
	return 0;
}
