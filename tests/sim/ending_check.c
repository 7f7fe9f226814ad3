/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/ending_check.h"

#include <string.h>

#include "base/bits.h"
#include "frame/frame.h"
#include "job/job.h"
#include "ledger/txn.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/shadow.h"

#define QUARANTINE_EXTRA_US (30 * US_PER_S)

static uint32_t count_done(const struct run_view *run)
{
	int64_t count[ITEM_STATE_COUNT_];

	shadow_count(run, count);
	return (uint32_t)count[ITEM_DONE];
}

static bool is_kind(int kind)
{
	return kind == ENDING_WORK || kind == ENDING_RUN;
}

static bool is_wanted(const struct machine *m, int kind)
{
	return kind == ENDING_RUN ? m->opt->has_finish : m->opt->ends != 0;
}

/* Where it is made of items: of these. */
static bool is_made_of_all(const struct machine *m, const struct run_view *run, int kind)
{
	return kind != ENDING_WORK || m->opt->ends != ENDS_FILE ||
	       run->end[kind].made_of == count_done(run);
}

static bool is_in_the_ledger(const struct instance *inst)
{
	int state = inst->m->shadow.inc_state[inst->inc];

	return state == INSTANCE_LIVE || state == INSTANCE_STOPPING;
}

/* What was not proved gone may act for as long as the quarantine. That ends by the wall clock,
 * which may jump. */
static bool is_out_of_quarantine(const struct proc *p)
{
	return p->is_at_large &&
	       (p->m->opt->fault[F_CLOCK] ||
		p->m->boot_us - p->at_large_us >= p->timeout_us + QUARANTINE_EXTRA_US);
}

/* What is done at the end of a run may be going on while a person has a step made again. */
static void check_alone(struct proc *p)
{
	for (const struct proc *other = p->m->procs; other != NULL; other = other->next)
		if (other != p && other->role == LANE_FINISHER && other->is_alive &&
		    other->end_epoch != 0 && other->end_kind == p->end_kind &&
		    other->run_id == p->run_id && !is_out_of_quarantine(other))
			machine_fail(p->m, "end-twice",
				     "pid %lld and pid %lld make the end of run %lld at once",
				     (long long)p->pid, (long long)other->pid,
				     (long long)p->run_id);
}

static void check_items(struct proc *p, struct run_view *run, const struct frame_then *then)
{
	struct machine *m = p->m;

	for (uint32_t i = 0; i < then->n; i++) {
		uint32_t item = (uint32_t)then->first_item + i;
		enum item_state state = shadow_state(run, item);
		if (m->person_acts == 0 && bits_get(then->good, i) != (state == ITEM_DONE))
			machine_fail(m, "end-items", "item %u is in state %d, the end is told %s",
				     item, state, state == ITEM_DONE ? "not done" : "done");
	}
}

/* on_finish comes when all else is over: every item, and what the source is told. */
static void check_is_last(struct machine *m, const struct run_view *run)
{
	int64_t count[ITEM_STATE_COUNT_];

	if (m->person_acts > 0)
		return;
	shadow_count(run, count);
	if (count[ITEM_WAITING] + count[ITEM_RUNNING] + count[ITEM_RETRY] > 0 ||
	    run->step < m->opt->steps)
		machine_fail(m, "finish-early",
			     "run %lld is not at its end, and on_finish is executed",
			     (long long)run->id);
	if (m->opt->then != JOB_THEN_KEEP && !run->was_told)
		machine_fail(m, "finish-early",
			     "the source of run %lld was not told, and on_finish is executed",
			     (long long)run->id);
}

void ending_take_part(struct proc *p, const struct frame_then *then)
{
	struct machine *m = p->m;
	struct run_view *run = shadow_run(m, p->run_id);

	if (run == NULL || !is_kind(then->ending) || !is_wanted(m, then->ending)) {
		machine_fail(m, "end", "run %lld has none", (long long)p->run_id);
		return;
	}
	const struct end_view *end = &run->end[then->ending];
	if (p->end_epoch != then->epoch || p->end_kind != then->ending) {
		p->end_epoch = then->epoch;
		p->end_kind = then->ending;
		p->end_of = 0;
		if (end->hopeless_for == p->inst)
			machine_fail(m, "end-hopeless",
				     "instance %d makes the end of run %lld again, which it knows "
				     "to be in vain",
				     p->inst->number, (long long)run->id);
	}
	check_alone(p);
	bool is_his = end->owner == p->inst->inc && end->epoch == then->epoch;
	if (is_in_the_ledger(p->inst) && !is_his)
		machine_fail(m, "end-claim",
			     "instance %d makes the end of run %lld, try %lld, which inc %lld has",
			     p->inst->number, (long long)run->id, (long long)then->epoch,
			     (long long)end->owner);
	if (then->ending == ENDING_RUN && is_his)
		check_is_last(m, run);
	check_items(p, run, then);
	p->end_of += (uint32_t)bits_count(then->good, then->n);
}

void ending_make(struct proc *p, int kind)
{
	struct machine *m = p->m;
	struct run_view *run = shadow_run(m, p->run_id);

	run->end[kind].made_epoch = (int32_t)p->end_epoch;
	run->end[kind].made_of = p->end_of;
	p->end_epoch = 0;
	bool is_whole = kind == ENDING_WORK && m->opt->ends == ENDS_ALL_OR_NONE;
	for (uint32_t i = 0; is_whole && i < run->n_items; i++)
		if (shadow_state(run, i) == ITEM_DEAD && m->person_acts == 0)
			machine_fail(m, "all-or-none",
				     "item %u is dead, and the others took effect", i);
}

void ending_heard(struct proc *p, const struct frame_then_done *done)
{
	struct run_view *run = shadow_run(p->m, p->run_id);

	if (run != NULL && is_kind(done->ending) && done->err[0] != '\0' && done->is_lasting)
		run->end[done->ending].hopeless_for = p->inst;
}

static void follow_take(struct instance *inst, const struct lop_ending_take *take)
{
	struct machine *m = inst->m;
	struct run_view *run = shadow_run(m, take->run_id);

	if (run == NULL || !take->ret_taken)
		return;
	struct end_view *end = &run->end[take->kind];
	if (end->is_done || (end->owner != 0 && end->owner != inst->inc))
		machine_fail(m, "end-claim", "instance %d takes the end of run %lld, %s",
			     inst->number, (long long)run->id,
			     end->is_done ? "which is done" : "which another one has");
	end->owner = inst->inc;
	end->epoch = take->ret_row.epoch;
}

static void follow_put(struct instance *inst, const struct lop_ending_put *put)
{
	struct machine *m = inst->m;
	struct run_view *run = shadow_run(m, put->run_id);

	if (run == NULL)
		return;
	struct end_view *end = &run->end[put->kind];
	if (put->ret_late) { /* a person has opened the run again: another end is to be made */
		end->owner = end->owner == inst->inc ? 0 : end->owner;
		end->hopeless_for = NULL;
		return;
	}
	if (end->owner != inst->inc || end->epoch != put->epoch)
		machine_fail(m, "end-claim", "instance %d ends run %lld, which is not his",
			     inst->number, (long long)run->id);
	if (put->is_done &&
	    (end->made_epoch != put->epoch || !is_made_of_all(m, run, (int)put->kind)))
		machine_fail(m, "I11", "the end of run %lld is written down, and was not made",
			     (long long)run->id);
	end->owner = 0;
	end->is_done = put->is_done;
}

void ending_follow(struct instance *inst, const struct ledger_op *op)
{
	if (op->kind == LOP_ENDING_TAKE)
		follow_take(inst, &op->u.ending_take);
	else if (op->kind == LOP_RUN_LEAVE)
		ending_follow_leave(inst->m, op->u.run_leave.run_id, inst->inc);
	else
		follow_put(inst, &op->u.ending_put);
}

void ending_follow_leave(struct machine *m, int64_t run_id, int64_t inc)
{
	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		struct run_view *run = m->shadow.runs[i];
		for (int kind = ENDING_WORK; kind <= ENDING_RUN; kind++)
			if (run->end[kind].owner == inc && (run_id == 0 || run->id == run_id))
				run->end[kind].owner = 0;
	}
}

void ending_follow_person(struct machine *m, int64_t run_id)
{
	struct run_view *run = shadow_run(m, run_id);

	if (run == NULL || run->state == RUN_FINISHED || run->state == RUN_ABANDONED)
		return;
	for (int kind = ENDING_WORK; kind <= ENDING_RUN; kind++)
		run->end[kind].is_done = false;
}

void ending_check_finish(struct machine *m, const struct run_view *run)
{
	for (int kind = ENDING_WORK; kind <= ENDING_RUN; kind++)
		if (is_wanted(m, kind) &&
		    (!run->end[kind].is_done || !is_made_of_all(m, run, kind)))
			machine_fail(m, "I11", "run %lld has finished, its end was not made (%s)",
				     (long long)run->id, kind == ENDING_RUN ? "on_finish" : "work");
}

void ending_check_failed(const struct instance *inst, const struct run_view *run)
{
	if (strstr(run->reason, "the end of the run") != NULL &&
	    run->end[ENDING_WORK].hopeless_for != inst && run->end[ENDING_RUN].hopeless_for != inst)
		machine_fail(inst->m, "end-given-up",
			     "run %lld has failed, and nothing says that "
			     "its end can never be made: %s",
			     (long long)run->id, run->reason);
}
