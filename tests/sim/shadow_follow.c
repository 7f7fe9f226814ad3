/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow_follow.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "ledger/txn.h"
#include "sim/beats.h"
#include "sim/body.h"
#include "sim/breaker_check.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/shadow_walk.h"
#include "sim/share.h"

static struct item_view *item_find(struct run_view *run, int64_t item)
{
	return run == NULL || item < 0 || item >= run->n_items ? NULL : &run->items[item];
}

/* The chunk of an operation, by its number in the ledger. */
static struct chunk_view *chunk_find(struct machine *m, int64_t id)
{
	if (id >= 1 && (size_t)id < m->shadow.cap_chunks && m->shadow.chunks[id] != NULL)
		return m->shadow.chunks[id];
	machine_fail(m, "chunk", "chunk %lld was never claimed", (long long)id);
	return NULL;
}

/* ---- operations that are followed at once ---- */

static void follow_run_create(struct machine *m, const struct lop_run_create *op)
{
	struct shadow *s = &m->shadow;

	if (op->ret_exists)
		return;
	if (op->ret_id != (int64_t)s->n_runs + 1) {
		machine_fail(m, "run-id", "run %lld is the %zu. one", (long long)op->ret_id,
			     s->n_runs + 1);
		return;
	}
	struct run_view *run = arena_new(&m->arena, struct run_view);
	run->id = op->ret_id;
	run->state = RUN_LOADING;
	run->step = 1;
	run->slot = m->opt->per_start ? 0
				      : (op->row.slot[8] - '0') * 10 + (op->row.slot[9] - '0') - 23;
	(void)snprintf(run->slot_text, sizeof(run->slot_text), "%s", op->row.slot);
	const char *region = strstr(op->row.name, "region=");
	run->region = region == NULL ? 0 : region[7] - '0';
	run->n = op->row.n;
	run->first_n = op->row.first_n;
	run->witnesses = arena_alloc(&m->arena, m->opt->n_records * sizeof(*run->witnesses));
	run->item_of = arena_alloc(&m->arena, m->opt->n_records * sizeof(*run->item_of));
	for (size_t i = 0; i < s->n_runs; i++)
		if (strcmp(s->runs[i]->slot_text, run->slot_text) == 0 &&
		    s->runs[i]->region == run->region && s->runs[i]->n == run->n)
			machine_fail(m, "I12", "slot %s has two runs #%lld", run->slot_text,
				     (long long)run->n);
	s->runs = xrealloc(s->runs, s->n_runs + 1, sizeof(struct run_view *));
	s->runs[s->n_runs++] = run;
}

/* Counts are of the moment of their operation; what only a walk can tell comes too late for them.
 */
static void follow_counts(struct shadow_walk *walk, const struct run_view *run, int step,
			  const struct ledger_counts *counts, const char *where)
{
	if (!walk->is_wanted && run != NULL)
		check_counts(walk->m, run, step, counts, where);
}

/* Of a load that failed nothing is left; of the steps before it, all. */
static void run_unload(struct machine *m, struct run_view *run)
{
	const struct load_view *was = &run->before[run->step];

	for (uint32_t i = was->n_items; i < run->n_items; i++)
		if (run->items[i].record < m->opt->n_records)
			run->item_of[run->items[i].record] = 0;
	run->n_items = was->n_items;
	run->n_chunks = was->n_chunks;
	run->n_read = was->n_read;
	run->n_rejected = was->n_rejected;
	run->n_filtered = was->n_filtered;
	run->n_held_back = was->n_held_back;
}

static void follow_run_join(struct shadow_walk *walk, const struct lop_run_join *op)
{
	struct machine *m = walk->m;
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || op->ret_over)
		return;
	if (run->state == RUN_FAILED && !run->is_loaded[run->step])
		run_unload(m, run);
	if (run->state == RUN_FAILED)
		run->state = run->is_loaded[run->step] ? RUN_OPEN : RUN_LOADING;
	follow_counts(walk, run, run->step, &op->ret_counts, "join");
	if (run->step != op->ret_row.step)
		machine_fail(m, "step", "run %lld is at step %d, not %d", (long long)run->id,
			     op->ret_row.step, run->step);
	if (run->state != op->ret_row.state)
		machine_fail(m, "run-state", "run %lld is %s, not %s", (long long)run->id,
			     run_state_name(op->ret_row.state), run_state_name(run->state));
}

static void follow_run_end(struct instance *inst, const struct lop_run_end *op)
{
	struct machine *m = inst->m;
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || !op->ret_done)
		return;
	if (op->state == RUN_ABANDONED && strcmp(run->slot_text, inst->slot_text) >= 0)
		machine_fail(m, "abandoned", "run %lld is given up by instance %d, of slot %s",
			     (long long)run->id, inst->number, inst->slot_text);
	run->state = op->state;
	run->failed_healthy += op->state == RUN_FAILED && m->healed &&
			       inst->began_us >= m->healed_at;
	(void)snprintf(run->reason, sizeof(run->reason), "%s", op->reason);
}

static void follow_step_over(struct shadow_walk *walk, struct run_view *run, int next)
{
	struct load_view *before = &run->before[next];

	walk->stepped = run;
	walk->left = run->step;
	walk->next = next;
	if (!run->is_loaded[next] && before->n_read == 0)
		*before = (struct load_view){.n_items = run->n_items,
					     .n_chunks = run->n_chunks,
					     .n_read = run->n_read,
					     .n_rejected = run->n_rejected,
					     .n_filtered = run->n_filtered,
					     .n_held_back = run->n_held_back,
					     .began_us = walk->m->boot_us};
	run->step = next;
	run->n_told_done = 0;
	run->state = run->is_loaded[next] ? RUN_OPEN : RUN_LOADING;
}

static void follow_run_finish(struct shadow_walk *walk, const struct lop_run_finish *op)
{
	struct run_view *run = shadow_run(walk->m, op->run_id);

	if (run == NULL)
		return;
	follow_counts(walk, run, op->step, &op->ret_counts, "finish");
	if (run->state == RUN_OPEN && op->ret_step != run->step && !op->ret_finished)
		follow_step_over(walk, run, op->ret_step);
	if (!op->ret_finished || run->state != RUN_OPEN)
		return;
	ending_check_finish(walk->m, run);
	run->state = RUN_FINISHED;
	walk->finished = run;
}

static void run_add_chunk(struct instance *inst, struct run_view *run,
			  const struct ledger_new_chunk *from)
{
	struct machine *m = inst->m;
	uint32_t *records = body_records(&m->arena, from->body, from->body_len, from->n);

	if (records == NULL) {
		machine_fail(m, "body", "a chunk of %u items has another body", from->n);
		return;
	}
	if (run->n_items + from->n > run->cap_items) {
		uint32_t cap = 2 * (run->n_items + from->n);
		struct item_view *items = arena_alloc(&m->arena, cap * sizeof(*items));
		if (run->n_items > 0)
			memcpy(items, run->items, run->n_items * sizeof(*items));
		run->items = items;
		run->cap_items = cap;
	}
	if (run->n_chunks == run->cap_chunks) {
		uint32_t cap = 2 * run->n_chunks + 8;
		struct chunk_view *chunks = arena_alloc(&m->arena, cap * sizeof(*chunks));
		for (uint32_t i = 0; i < run->n_chunks; i++) {
			chunks[i] = run->chunks[i];
			if (chunks[i].id != 0)
				m->shadow.chunks[chunks[i].id] = &chunks[i];
		}
		run->chunks = chunks;
		run->cap_chunks = cap;
	}
	run->chunks[run->n_chunks++] = (struct chunk_view){
		.run = run, .first_item = run->n_items, .n = from->n};
	for (uint32_t i = 0; i < from->n; i++) {
		run->items[run->n_items++] = (struct item_view){.record = records[i]};
		if (records[i] < m->opt->n_records)
			run->item_of[records[i]] = run->n_items;
		check_held_back(inst, run, records[i]);
	}
}

static void follow_load_put(struct instance *inst, const struct lop_load_put *op)
{
	struct machine *m = inst->m;
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || run->is_loaded[op->step]) {
		machine_fail(m, "load", "run %lld is loaded and not loading",
			     (long long)op->run_id);
		return;
	}
	for (size_t i = 0; i < op->n_chunks; i++)
		run_add_chunk(inst, run, &op->chunks[i]);
	run->n_read += (uint32_t)op->add_read;
	run->n_filtered += (uint32_t)op->add_filtered;
	run->n_held_back += (uint32_t)op->add_held_back;
	run->n_rejected += (uint32_t)op->n_rejects;
}

static void follow_load_open(struct machine *m, const struct lop_load_open *op)
{
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL)
		return;
	check_loaded(m, run, op->step);
	run->is_loaded[op->step] = true;
	/* A person may have sent it back to an earlier step meanwhile. */
	if (run->step == op->step)
		run->state = RUN_OPEN;
}

static void shadow_know_chunk(struct machine *m, struct chunk_view *c, int64_t id)
{
	struct shadow *s = &m->shadow;

	if ((size_t)id >= s->cap_chunks) {
		size_t cap = 2 * (size_t)id + 64;
		s->chunks = xrealloc(s->chunks, cap, sizeof(struct chunk_view *));
		memset(s->chunks + s->cap_chunks, 0,
		       (cap - s->cap_chunks) * sizeof(struct chunk_view *));
		s->cap_chunks = cap;
	}
	c->id = id;
	s->chunks[id] = c;
}

/* What was lost by a failover is claimed again. */
static void follow_retake(struct machine *m, int64_t inc, const struct lop_chunk_claim *op)
{
	struct chunk_view *c = chunk_find(m, op->again.id);

	if (c == NULL)
		return;
	if (c->state != CHUNK_READY || c->epoch != op->again.epoch - 1)
		machine_fail(m, "I2", "inc %lld claims chunk %lld again (state %d)", (long long)inc,
			     (long long)op->again.id, c->state);
	c->state = CHUNK_HELD;
	c->owner = inc;
	c->epoch = op->again.epoch;
}

static void follow_chunk_claim(struct shadow_walk *walk, int64_t inc,
			       const struct lop_chunk_claim *op)
{
	struct machine *m = walk->m;
	struct run_view *run = shadow_run(m, op->run_id);

	if (op->again.epoch != 0)
		follow_retake(m, inc, op);
	for (size_t i = 0; run != NULL && i < op->ret_n; i++) {
		const struct ledger_chunk_row *row = &op->ret_rows[i];
		struct chunk_view *c = shadow_chunk_of(run, row->first_item);
		if (c == NULL || c->first_item != row->first_item || c->n != row->n ||
		    (c->id != 0 && c->id != row->id)) {
			machine_fail(m, "claim", "chunk %lld is not as it was loaded",
				     (long long)row->id);
			return;
		}
		if (c->state != CHUNK_READY || run->state != RUN_OPEN ||
		    m->shadow.inc_state[inc] != INSTANCE_LIVE)
			machine_fail(m, "I2", "inc %lld claims chunk %lld (state %d, run %s)",
				     (long long)inc, (long long)row->id, c->state,
				     run_state_name(run->state));
		shadow_know_chunk(m, c, row->id);
		c->state = CHUNK_HELD;
		c->owner = inc;
		c->epoch = row->epoch;
		/* Who reaps does what was asked of the dead one. */
		check_claimed_bits(m, run, c, row, !walk->is_wanted);
	}
}

static void follow_progress(struct machine *m, int64_t inc, const struct lop_chunk_progress *op)
{
	struct chunk_view *c = chunk_find(m, op->chunk_id);

	if (c == NULL)
		return;
	if (c->state != CHUNK_HELD || c->owner != inc || c->epoch != op->epoch)
		machine_fail(m, "I4", "inc %lld writes chunk %lld, which it does not hold",
			     (long long)inc, (long long)op->chunk_id);
	for (uint32_t i = 0; i < c->n; i++) {
		struct item_place *p = &c->run->items[c->first_item + i].is;
		if (op->started != NULL && bits_get(op->started, i))
			p->started = true;
		if (op->done != NULL && bits_get(op->done, i) && !p->done) {
			p->done = true;
			p->since_us = m->boot_us;
		}
	}
	if (op->close) {
		c->state = CHUNK_CLOSED;
		c->owner = 0;
	}
}

/* R, to the letter; what people asked for meanwhile is seen by the walk. */
static void follow_reap_chunk(struct machine *m, struct chunk_view *c, const struct lop_reap *op,
			      utime not_before)
{
	uint32_t n_done = 0;
	bool marks = m->opt->is_once || m->opt->key_valid_us > 0;
	/* The target's own marks are asked first. */
	bool takes_all = !marks && m->opt->ends == 0 && op->quarantine_us > 0;

	for (uint32_t i = 0; i < c->n; i++) {
		struct item_view *item = &c->run->items[c->first_item + i];
		struct item_place *p = &item->is;
		if ((p->started || takes_all) && !p->done) {
			c->run->witnesses[item->record].unclear++;
			*p = (struct item_place){.started = p->started,
						 .done = true,
						 .loose = LOOSE_DOUBT,
						 .not_before = not_before,
						 .quiet_until = not_before,
						 .since_us = m->boot_us};
		}
		n_done += p->done;
	}
	c->state = n_done == c->n ? CHUNK_CLOSED : CHUNK_READY;
	c->owner = 0;
}

/* True when something was reaped. */
static bool follow_reap(struct machine *m, const struct lop_reap *op, utime now)
{
	if (!op->ret_done)
		return false;
	breaker_follow_end(m, op->dead);
	ending_follow_leave(m, 0, op->dead);
	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		struct run_view *run = m->shadow.runs[i];
		for (uint32_t k = 0; k < run->n_items; k++) {
			struct item_place *p = &run->items[k].is;
			if (p->owner != op->dead)
				continue;
			if (p->loose == LOOSE_PROBING) { /* as it was */
				p->loose = LOOSE_DOUBT;
				p->owner = 0;
				continue;
			}
			run->witnesses[run->items[k].record].unclear++;
			p->loose = LOOSE_DOUBT;
			p->owner = 0;
			p->not_before = p->quiet_until = now + op->quarantine_us;
			p->since_us = m->boot_us;
		}
		for (uint32_t k = 0; k < run->n_chunks; k++)
			if (run->chunks[k].state == CHUNK_HELD && run->chunks[k].owner == op->dead)
				follow_reap_chunk(m, &run->chunks[k], op, now + op->quarantine_us);
	}
	m->shadow.inc_state[op->dead] = INSTANCE_REAPED;
	check_reaped(m, op);
	beats_check_reaped(m, op);
	return true;
}

static void place_set(struct machine *m, struct item_place *p, const struct ledger_loose_row *row,
		      int64_t inc)
{
	bool is_held = row->state == LOOSE_HELD || row->state == LOOSE_PROBING;

	p->loose = (uint8_t)row->state;
	p->attempt = row->attempt;
	p->crashes = row->crashes;
	p->owner = is_held ? inc : 0;
	p->not_before = row->not_before;
	p->quiet_until = row->quiet_until;
	if (p->request == 0)
		p->request = row->request;
	p->since_us = m->boot_us;
}

static void follow_loose_put(struct machine *m, struct instance *inst,
			     const struct lop_loose_put *op)
{
	struct run_view *run = shadow_run(m, op->row.run_id);
	struct item_view *item = item_find(run, op->row.item);
	struct chunk_view *c = item == NULL ? NULL : shadow_chunk_of(run, op->row.item);

	if (item == NULL || c == NULL || item->is.loose != 0 || c->id != op->row.chunk_id) {
		machine_fail(m, "loose-put", "item %lld of run %lld", (long long)op->row.item,
			     (long long)op->row.run_id);
		return;
	}
	/* When its chunk was closed by the same transaction it has no owner any more. */
	if (c->owner != inst->inc && c->state != CHUNK_CLOSED)
		machine_fail(m, "I4", "inc %lld settles item %lld, which it does not hold",
			     (long long)inst->inc, (long long)op->row.item);
	check_settled(inst, run, item, &op->row);
	place_set(m, &item->is, &op->row, inst->inc);
	item->is.redo = op->row.redo;
}

static void follow_loose_claim(struct shadow_walk *walk, int64_t inc,
			       const struct lop_loose_claim *op)
{
	struct machine *m = walk->m;
	struct run_view *run = shadow_run(m, op->run_id);

	struct item_view *again = op->again.epoch == 0 || run == NULL
					  ? NULL
					  : item_find(run, op->again.id);
	if (again != NULL) {
		again->is.loose = op->to_probe ? LOOSE_PROBING : LOOSE_HELD;
		again->is.owner = inc;
	}
	for (size_t i = 0; run != NULL && i < op->ret_n; i++) {
		const struct ledger_loose_row *row = &op->ret_rows[i];
		struct item_view *item = item_find(run, row->item);
		/* Doubt may have been resolved in the same transaction. */
		bool is_apt = item != NULL && (op->to_probe ? item->is.loose == LOOSE_DOUBT
							    : item->is.loose == LOOSE_RETRY);
		is_apt |= item != NULL && item->is.loose == LOOSE_DOUBT && walk->resolves;
		if (!is_apt || run->state != RUN_OPEN ||
		    m->shadow.inc_state[inc] != INSTANCE_LIVE || item->is.not_before > op->now) {
			machine_fail(m, "I2", "inc %lld claims item %lld of run %lld",
				     (long long)inc, (long long)row->item, (long long)run->id);
			return;
		}
		item->is.loose = op->to_probe ? LOOSE_PROBING : LOOSE_HELD;
		item->is.owner = inc;
	}
}

/* What verify has said, or that nobody could ask; a person may have been faster. */
static void follow_probe_settle(struct instance *inst, struct run_view *run, struct item_view *item,
				const struct lop_loose_settle *op)
{
	struct machine *m = inst->m;
	struct witness *w = &run->witnesses[item->record];

	if (op->ret_late)
		return;
	if (item->is.loose != LOOSE_PROBING || item->is.owner != inst->inc) {
		machine_fail(m, "I4", "inc %lld settles item %lld, which it does not verify",
			     (long long)inst->inc, (long long)op->row.item);
		return;
	}
	check_verified(inst, run, item, &op->row);
	check_settled(inst, run, item, &op->row);
	if (op->row.state == LOOSE_RETRY) {
		w->unclear_then = w->unclear + w->told_cancelled;
		w->nos = 0;
	}
	place_set(m, &item->is, &op->row, inst->inc);
}

static void follow_loose_settle(struct machine *m, struct instance *inst,
				const struct lop_loose_settle *op)
{
	struct run_view *run = shadow_run(m, op->row.run_id);
	struct item_view *item = item_find(run, op->row.item);

	if (op->is_probe && item != NULL) {
		follow_probe_settle(inst, run, item, op);
		return;
	}
	if (item == NULL || item->is.owner != inst->inc || item->is.loose != LOOSE_HELD) {
		machine_fail(m, "I4", "inc %lld settles item %lld, which it does not hold",
			     (long long)inst->inc, (long long)op->row.item);
		return;
	}
	check_settled(inst, run, item, &op->row);
	place_set(m, &item->is, &op->row, inst->inc);
}

static void follow_attempt(struct machine *m, const struct lop_attempt_put *op)
{
	struct run_view *run = shadow_run(m, op->run_id);
	const struct item_view *item = item_find(run, op->item);

	if (item == NULL)
		machine_fail(m, "attempt", "of item %lld of run %lld, which is not there",
			     (long long)op->item, (long long)op->run_id);
	else if (op->outcome != OUTCOME_DONE && !op->is_probe)
		check_row(m, run, item);
}

static void follow_lane(struct machine *m, struct instance *inst, const struct ledger_op *op)
{
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

void shadow_check_done(struct machine *m, const struct lop_chunk_progress *op)
{
	struct chunk_view *c = chunk_find(m, op->chunk_id);

	for (uint32_t i = 0; c != NULL && op->done != NULL && i < c->n; i++)
		if (bits_get(op->done, i) && c->run->items[c->first_item + i].is.loose == 0)
			check_done(m, c->run, &c->run->items[c->first_item + i]);
}

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

static void follow_instance(struct machine *m, struct instance *inst, const struct ledger_op *op)
{
	if (op->kind == LOP_INSTANCE_QUARANTINE)
		return;
	if (op->kind != LOP_INSTANCE_BEGIN) {
		m->shadow.inc_state[inst->inc] = op->kind == LOP_INSTANCE_END ? INSTANCE_ENDED
									      : INSTANCE_STOPPING;
		if (op->kind == LOP_INSTANCE_END)
			breaker_follow_end(m, inst->inc);
		if (op->kind == LOP_INSTANCE_END)
			ending_follow_leave(m, 0, inst->inc);
		return;
	}
	if (inst->inc == 0)
		inst->inc_us = m->boot_us;
	inst->inc = op->u.instance_begin.ret_inc;
	assert(inst->inc < SHADOW_INCS_MAX);
	/* Sent again by a zombie that was reaped before it heard its number: it stays so. */
	if (m->shadow.inc_state[inst->inc] == 0)
		m->shadow.inc_state[inst->inc] = INSTANCE_LIVE;
}

static void follow_counted(struct machine *m, const struct ledger_op *op)
{
	if (op->kind == LOP_RATE_TAKE || op->kind == LOP_QUOTA_TAKE)
		share_follow(m, op);
	else
		sums_follow(m, op);
}

/* What only a walk can tell, where anything was done at all. */
static bool has_changed(const struct ledger_op *op)
{
	if (op->kind == LOP_GIVE_BACK)
		return op->u.give_back.ret_chunks > 0;
	if (op->kind == LOP_PERSON)
		return op->u.person.ret_changed > 0;
	return op->u.doubt_resolve.ret_retried + op->u.doubt_resolve.ret_asked +
		       op->u.doubt_resolve.ret_skipped >
	       0;
}

static void follow_instance_or_lane(struct machine *m, struct instance *inst,
				    const struct ledger_op *op)
{
	if (op->kind == LOP_LANE_PUT || op->kind == LOP_LANE_DROP)
		follow_lane(m, inst, op);
	else
		follow_instance(m, inst, op);
}

static void follow_loose(struct machine *m, struct instance *inst, struct ledger_op *op)
{
	if (op->kind == LOP_LOOSE_PUT)
		follow_loose_put(m, inst, &op->u.loose_put);
	else
		follow_loose_settle(m, inst, &op->u.loose_settle);
}

bool shadow_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	struct machine *m = walk->m;

	switch (op->kind) {
	case LOP_INSTANCE_BEGIN:
	case LOP_INSTANCE_QUARANTINE:
	case LOP_INSTANCE_STOPPING:
	case LOP_INSTANCE_END:
	case LOP_LANE_PUT:
	case LOP_LANE_DROP:
		follow_instance_or_lane(m, inst, op);
		return false;
	case LOP_REAP:
		return follow_reap(m, &op->u.reap, walk->now);
	case LOP_RUN_CREATE:
		follow_run_create(m, &op->u.run_create);
		return false;
	case LOP_RUN_JOIN:
		follow_run_join(walk, &op->u.run_join);
		return false;
	case LOP_RUN_END:
		follow_run_end(inst, &op->u.run_end);
		return false;
	case LOP_RUN_FINISH:
		follow_run_finish(walk, &op->u.run_finish);
		return false;
	case LOP_LOAD_PUT:
		follow_load_put(inst, &op->u.load_put);
		return false;
	case LOP_LOAD_OPEN:
		follow_load_open(m, &op->u.load_open);
		return false;
	case LOP_CHUNK_CLAIM:
		follow_chunk_claim(walk, inst->inc, &op->u.chunk_claim);
		return false;
	case LOP_CHUNK_PROGRESS:
		follow_progress(m, inst->inc, &op->u.chunk_progress);
		return false;
	case LOP_LOOSE_CLAIM:
		follow_loose_claim(walk, inst->inc, &op->u.loose_claim);
		return false;
	case LOP_LOOSE_PUT:
	case LOP_LOOSE_SETTLE:
		follow_loose(m, inst, op);
		return false;
	case LOP_DOUBT_RESOLVE:
	case LOP_GIVE_BACK:
	case LOP_PERSON:
		return has_changed(op);
	case LOP_RUN_COUNTS:
		follow_counts(walk, shadow_run(m, op->u.run_counts.run_id), op->u.run_counts.step,
			      &op->u.run_counts.ret_counts, "counts");
		return false;
	case LOP_ATTEMPT_PUT:
		follow_attempt(m, &op->u.attempt_put);
		return false;
	case LOP_TOLD_PUT:
		check_told(m, &op->u.told_put);
		return false;
	case LOP_ENDING_TAKE:
	case LOP_ENDING_PUT:
	case LOP_RUN_LEAVE:
		ending_follow(inst, op);
		return false;
	case LOP_RATE_TAKE:
	case LOP_QUOTA_TAKE:
	case LOP_ROLLUP_ADD:
	case LOP_LATENCY_ADD:
	case LOP_FAILURE_ADD:
		follow_counted(m, op);
		return false;
	case LOP_BREAKER_GET:
	case LOP_BREAKER_PUT:
		breaker_follow(inst, op);
		break;
	case LOP_ENDPOINT_PUT:
	case LOP_INSTANCE_LIST:
	case LOP_RUN_LIST:
	case LOP_RUN_COMPANY:
	case LOP_LOAD_TAKE:
	case LOP_KEYS_FIND:
	case LOP_CONTENT_FIND:
	case LOP_RUN_STATS:
	case LOP_RUN_NOTE:
	case LOP_REQUEST_LIST:
	case LOP_REQUEST_OBEY:
	case LOP_UNTOLD_LIST:
	case LOP_ENDED_LIST:
	case LOP_ENDED_TOLD:
	case LOP_CURSOR_FIND:
	case LOP_STEP_ITEMS:
	case LOP_INBOX_ADD:
	case LOP_INBOX_BEGIN:
	case LOP_INBOX_READ:
	case LEDGER_OP_COUNT_:
		break;
	}
	return false;
}
