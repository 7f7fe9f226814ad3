/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow_follow.h"

#include <assert.h>
#include <string.h>

#include "base/attr.h"
#include "base/bits.h"
#include "ledger/txn.h"
#include "sim/breaker_check.h"
#include "sim/check.h"
#include "sim/ending_check.h"
#include "sim/instance.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/shadow_hold.h"
#include "sim/shadow_run.h"
#include "sim/shadow_walk.h"
#include "sim/share.h"
#include "sim/sums.h"

/* What is worth reading of an operation: run, then chunk or item, then what becomes of it. */
void shadow_trace(struct machine *m, const struct ledger_op *op)
{
	const char *name = ledger_op_name(op->kind);
	int64_t n[4] = {0};

	if (op->kind == LOP_CHUNK_PROGRESS) {
		const struct lop_chunk_progress *p = &op->u.chunk_progress;
		n[0] = p->run_id;
		n[1] = p->chunk_id;
		n[2] = (int64_t)bits_count(p->started, p->n);
		n[3] = (int64_t)bits_count(p->done, p->n);
	} else if (op->kind == LOP_LOOSE_PUT || op->kind == LOP_LOOSE_SETTLE) {
		const struct ledger_loose_row *row = op->kind == LOP_LOOSE_PUT
							     ? &op->u.loose_put.row
							     : &op->u.loose_settle.row;
		n[0] = row->run_id;
		n[1] = row->item;
		n[2] = row->attempt;
		n[3] = row->crashes;
		name = loose_state_name(row->state);
	} else if (op->kind == LOP_LOOSE_CLAIM) {
		n[0] = op->u.loose_claim.run_id;
		n[1] = (int64_t)op->u.loose_claim.ret_n;
		n[2] = op->u.loose_claim.ret_n > 0 ? op->u.loose_claim.ret_rows[0].item : -1;
	} else if (op->kind == LOP_CHUNK_CLAIM) {
		n[0] = op->u.chunk_claim.run_id;
		n[1] = (int64_t)op->u.chunk_claim.ret_n;
		n[2] = op->u.chunk_claim.ret_n > 0 ? op->u.chunk_claim.ret_rows[0].id : -1;
	} else if (op->kind == LOP_GIVE_BACK) {
		n[0] = op->u.give_back.run_id;
		n[1] = op->u.give_back.ret_chunks;
	} else if (op->kind == LOP_RUN_FINISH) {
		n[0] = op->u.run_finish.run_id;
		n[1] = op->u.run_finish.ret_finished;
	} else if (op->kind == LOP_REAP) {
		n[1] = op->u.reap.dead;
		n[2] = op->u.reap.ret_done;
		n[3] = op->u.reap.ret_doubtful;
	} else if (op->kind == LOP_DOUBT_RESOLVE) {
		n[0] = op->u.doubt_resolve.run_id;
		n[1] = op->u.doubt_resolve.ret_retried;
		n[2] = op->u.doubt_resolve.ret_asked;
		n[3] = op->u.doubt_resolve.ret_skipped;
	}
	machine_trace(m, TRACE_OP, n, name);
}

/* ---- instances and their lanes ---- */

static void follow_lane(struct instance *inst, const struct ledger_op *op)
{
	struct machine *m = inst->m;
	bool is_put = op->kind == LOP_LANE_PUT;
	int64_t pid = is_put ? op->u.lane_put.pid : op->u.lane_drop.pid;
	struct proc *p = proc_find_pid(m, pid);

	if (p == NULL || p->inst != inst) {
		machine_fail(m, "lane-row", "pid %lld is no lane of inc %lld", (long long)pid,
			     (long long)inst->inc);
		return;
	}
	if (!is_put && !p->is_gone && !p->is_unproven)
		machine_fail(m, "lane-row", "pid %lld still lives and is forgotten",
			     (long long)pid);
	p->has_row = is_put;
}

static void follow_begin(struct instance *inst, const struct lop_instance_begin *op)
{
	struct machine *m = inst->m;

	if (inst->inc == 0)
		inst->inc_us = m->boot_us;
	inst->inc = op->ret_inc;
	assert(inst->inc < SHADOW_INCS_MAX);
	/* Sent again by a zombie that was reaped before it heard its number: it stays so. */
	if (m->shadow.inc_state[inst->inc] == 0)
		m->shadow.inc_state[inst->inc] = INSTANCE_LIVE;
}

static bool follow_instance(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	struct machine *m = walk->m;

	if (op->kind == LOP_LANE_PUT || op->kind == LOP_LANE_DROP) {
		follow_lane(inst, op);
	} else if (op->kind == LOP_INSTANCE_BEGIN) {
		follow_begin(inst, &op->u.instance_begin);
	} else if (op->kind == LOP_INSTANCE_STOPPING) {
		m->shadow.inc_state[inst->inc] = INSTANCE_STOPPING;
	} else if (op->kind == LOP_INSTANCE_END) {
		m->shadow.inc_state[inst->inc] = INSTANCE_ENDED;
		breaker_follow_end(m, inst->inc);
		ending_follow_leave(m, 0, inst->inc);
	}
	return false;
}

/* ---- who follows what ---- */

/* An instance writes again that a person had sent an item back which it has claimed since. */
static void follow_decision(struct machine *m, const struct lop_person *op)
{
	struct run_view *run = shadow_run(m, op->run_id);
	struct item_view *item = &run->items[op->items[0]];
	struct item_place *p = &item->is;
	struct witness *w = &run->witnesses[item->record];

	if (op->ret_changed == 0)
		return;
	if (op->verb == PERSON_RETRY) {
		p->attempt = p->crashes = 0;
	} else {
		p->begun = false;
		w->repeats_allowed++;
		w->unclear_then = w->unclear + w->told_cancelled;
	}
	w->retry_at = 0;
	p->loose = LOOSE_RETRY;
	p->request = 0;
	ending_follow_person(m, op->run_id);
}

/* What only a walk can tell, where anything was done at all. */
static bool follow_by_walk(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	(void)inst;
	if (op->kind == LOP_PERSON && strcmp(op->u.person.who, "stint") == 0)
		follow_decision(walk->m, &op->u.person);
	if (op->kind == LOP_GIVE_BACK)
		return op->u.give_back.ret_chunks > 0;
	if (op->kind == LOP_PERSON)
		return op->u.person.ret_changed > 0;
	return op->u.doubt_resolve.ret_retried + op->u.doubt_resolve.ret_asked +
		       op->u.doubt_resolve.ret_skipped >
	       0;
}

static bool follow_counted(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	(void)inst;
	if (op->kind == LOP_RATE_TAKE || op->kind == LOP_QUOTA_TAKE)
		share_follow(walk->m, op);
	else
		sums_follow(walk->m, op);
	return false;
}

static bool follow_ending(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	if (op->kind == LOP_RUN_LEAVE)
		inbox_follow_end(walk->m, op->u.run_leave.run_id, inst->inc);
	if (op->kind == LOP_TOLD_PUT)
		check_told(walk->m, &op->u.told_put);
	else
		ending_follow(inst, op);
	return false;
}

static bool follow_breaker(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	(void)walk;
	breaker_follow(inst, op);
	return false;
}

static bool follow_nothing(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	(void)walk, (void)inst, (void)op;
	return false;
}

typedef bool (*follow_fn)(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op);

static const follow_fn followers[LEDGER_OP_COUNT_] = {
	[LOP_INSTANCE_BEGIN] = follow_instance,
	[LOP_INSTANCE_LIST] = follow_nothing,
	[LOP_INSTANCE_QUARANTINE] = follow_instance,
	[LOP_INSTANCE_STOPPING] = follow_instance,
	[LOP_INSTANCE_END] = follow_instance,
	[LOP_LANE_PUT] = follow_instance,
	[LOP_LANE_DROP] = follow_instance,
	[LOP_REAP] = shadow_hold_follow,
	[LOP_RUN_LIST] = follow_nothing,
	[LOP_RUN_CREATE] = shadow_run_follow,
	[LOP_RUN_JOIN] = shadow_run_follow,
	[LOP_RUN_COMPANY] = follow_nothing,
	[LOP_RUN_LEAVE] = follow_ending,
	[LOP_RUN_END] = shadow_run_follow,
	[LOP_RUN_FINISH] = shadow_run_follow,
	[LOP_RUN_COUNTS] = shadow_run_follow,
	[LOP_LOAD_TAKE] = shadow_run_follow,
	[LOP_LOAD_PUT] = shadow_run_follow,
	[LOP_LOAD_OPEN] = shadow_run_follow,
	[LOP_KEYS_FIND] = follow_nothing,
	[LOP_CONTENT_FIND] = follow_nothing,
	[LOP_CHUNK_CLAIM] = shadow_hold_follow,
	[LOP_CHUNK_PROGRESS] = shadow_hold_follow,
	[LOP_GIVE_BACK] = follow_by_walk,
	[LOP_LOOSE_PUT] = shadow_hold_follow,
	[LOP_LOOSE_CLAIM] = shadow_hold_follow,
	[LOP_LOOSE_SETTLE] = shadow_hold_follow,
	[LOP_DOUBT_RESOLVE] = follow_by_walk,
	[LOP_ATTEMPT_PUT] = shadow_hold_follow,
	[LOP_ROLLUP_ADD] = follow_counted,
	[LOP_LATENCY_ADD] = follow_counted,
	[LOP_FAILURE_ADD] = follow_counted,
	[LOP_RUN_STATS] = follow_nothing,
	[LOP_RUN_NOTE] = follow_nothing,
	[LOP_REQUEST_LIST] = follow_nothing,
	[LOP_REQUEST_OBEY] = follow_nothing,
	[LOP_UNTOLD_LIST] = follow_nothing,
	[LOP_TOLD_PUT] = follow_ending,
	[LOP_ENDED_LIST] = follow_nothing,
	[LOP_ENDED_TOLD] = follow_nothing,
	[LOP_ENDING_TAKE] = follow_ending,
	[LOP_ENDING_PUT] = follow_ending,
	[LOP_CURSOR_FIND] = follow_nothing,
	[LOP_STEP_ITEMS] = follow_nothing,
	[LOP_INBOX_ADD] = follow_nothing,
	[LOP_INBOX_BEGIN] = shadow_run_follow,
	[LOP_INBOX_READ] = follow_nothing,
	[LOP_RATE_TAKE] = follow_counted,
	[LOP_QUOTA_TAKE] = follow_counted,
	[LOP_POOLS_TAKE] = follow_nothing, /* see pool_check.h */
	[LOP_PERSON] = follow_by_walk,
	[LOP_BREAKER_GET] = follow_breaker,
	[LOP_BREAKER_PUT] = follow_breaker,
	[LOP_ENDPOINT_PUT] = follow_nothing,
};

bool shadow_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	assert(followers[op->kind] != NULL); /* a new one needs a line there */
	pool_follow(inst, op);
	return followers[op->kind](walk, inst, op);
}

void shadow_follow_again(struct instance *inst, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind == LOP_RUN_JOIN && !op->u.run_join.ret_over)
			inst->at_step = op->u.run_join.ret_row.step;
		else if (op->kind == LOP_INBOX_BEGIN)
			inbox_follow_begin(inst->m, inst->inc, &op->u.inbox_begin);
	}
}
