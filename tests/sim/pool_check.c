/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/pool_check.h"

#include <string.h>

#include "base/attr.h"
#include "sim/instance.h"
#include "sim/shadow.h"

#define ASK_MAX_US (20 * US_PER_S) /* every five, and what a commit takes */

static bool is_alive(const struct machine *m, int64_t inc)
{
	return m->shadow.inc_state[inc] == INSTANCE_LIVE ||
	       m->shadow.inc_state[inc] == INSTANCE_STOPPING;
}

/* Somebody is on the run who neither ended nor was reaped. */
static bool is_worked(const struct machine *m, const struct run_view *run)
{
	for (int64_t inc = 1; inc < SHADOW_INCS_MAX; inc++)
		if (bits_get(run->pool.on, (size_t)inc) && is_alive(m, inc))
			return true;
	return false;
}

/* What others have; what nobody is on they have no more. */
static int64_t used_beside(const struct machine *m, const struct run_view *run)
{
	int64_t used = 0;

	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		struct run_view *other = m->shadow.runs[i];
		if (other == run || !other->pool.is_held)
			continue;
		if (!run->pool.is_held && !is_worked(m, other))
			other->pool.is_held = false;
		else
			used += m->opt->pool_units;
	}
	return used;
}

static void follow_join(struct machine *m, int64_t inc, const struct lop_run_join *join)
{
	struct run_view *run = shadow_run(m, join->run_id);

	if (join->ret_over || run == NULL)
		return;
	if (!is_worked(m, run)) /* it asks anew */
		run->pool = (struct pool_view){.is_held = run->pool.is_held};
	bits_set(run->pool.on, (size_t)inc);
}

static void follow_take(struct machine *m, const struct lop_pools_take *take)
{
	struct run_view *run = shadow_run(m, take->run_id);
	int64_t used = used_beside(m, run);
	bool is_room = used + m->opt->pool_units <= m->opt->pool_capacity;

	if (take->ret_taken && !is_room)
		machine_fail(m, "pool", "run %lld takes %lld of %lld, others have %lld",
			     (long long)run->id, (long long)m->opt->pool_units,
			     (long long)m->opt->pool_capacity, (long long)used);
	if (run->pool.is_held && !take->ret_taken)
		machine_fail(m, "pool", "run %lld does not find what it has", (long long)run->id);
	if (!take->ret_taken && (is_room || take->ret_used != used || take->ret_holder == NULL ||
				 strcmp(take->ret_full, POOL_NAME) != 0))
		machine_fail(m, "pool", "run %lld is told that %lld are used, %lld are",
			     (long long)run->id, (long long)take->ret_used, (long long)used);
	run->pool.is_held = run->pool.is_given = take->ret_taken;
}

/* Whoever loads or takes work must have asked. */
static void check_held(struct machine *m, int64_t run_id, bool is_begun)
{
	const struct run_view *run = shadow_run(m, run_id);

	if (is_begun && run != NULL && !run->pool.is_given)
		machine_fail(m, "pool-begun", "run %lld is worked without its pool",
			     (long long)run_id);
}

void pool_follow(struct instance *inst, const struct ledger_op *op)
{
	struct machine *m = inst->m;
	struct run_view *run = NULL;

	if (m->opt->pool_units == 0)
		return;
	switch ((int)op->kind) {
	case LOP_RUN_JOIN:
		follow_join(m, inst->inc, &op->u.run_join);
		break;
	case LOP_RUN_LEAVE:
		run = shadow_run(m, op->u.run_leave.run_id);
		if (run != NULL)
			bits_clear(run->pool.on, (size_t)inst->inc);
		inst->refused_us = 0;
		break;
	case LOP_POOLS_TAKE:
		follow_take(m, &op->u.pools_take);
		inst->refused_us = op->u.pools_take.ret_taken ? 0 : m->boot_us;
		break;
	case LOP_LOAD_TAKE:
		check_held(m, op->u.load_take.run_id, op->u.load_take.ret_taken);
		break;
	case LOP_CHUNK_CLAIM:
		check_held(m, op->u.chunk_claim.run_id, op->u.chunk_claim.ret_n > 0);
		break;
	case LOP_LOOSE_CLAIM:
		check_held(m, op->u.loose_claim.run_id, op->u.loose_claim.ret_n > 0);
		break;
	default:
		break;
	}
}

void pool_check_waiting(struct instance *inst)
{
	static const enum fault_kind slow[] = {F_STALL, F_ZOMBIE, F_UNKNOWN,  F_BUSY,	  F_SLOW,
					       F_CUT,	F_AWAY,	  F_NO_SPACE, F_FAILOVER, F_LOCKS};
	struct machine *m = inst->m;

	if (inst->refused_us == 0 || m->boot_us - inst->refused_us <= ASK_MAX_US)
		return;
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		if (m->opt->fault[slow[i]])
			return;
	machine_fail(m, "pool-late", "instance %d has not asked for its pool for %lld s",
		     inst->number, (long long)((m->boot_us - inst->refused_us) / US_PER_S));
}
