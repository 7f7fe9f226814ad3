/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow_run.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/txn.h"
#include "sim/body.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/shadow.h"
#include "sim/shadow_walk.h"

/* ---- runs ---- */

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

static void follow_run_join(struct shadow_walk *walk, struct instance *inst,
			    const struct lop_run_join *op)
{
	struct machine *m = walk->m;
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || op->ret_over)
		return;
	/* What was moved out of an inbox is nowhere else: it stays. */
	bool is_inbox = m->opt->has_inbox && run->step == 1;
	if (run->state == RUN_FAILED && !run->is_loaded[run->step] && !is_inbox)
		run_unload(m, run);
	if (run->state == RUN_FAILED)
		run->state = run->is_loaded[run->step] ? RUN_OPEN : RUN_LOADING;
	inst->at_step = op->ret_row.step;
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
	if (op->state == RUN_FAILED)
		ending_check_failed(inst, run);
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

/* ---- loads ---- */

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
	if (m->opt->has_inbox && op->step == 1)
		inbox_follow_put(m, run, op);
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
bool shadow_run_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	switch ((int)op->kind) {
	case LOP_RUN_CREATE:
		follow_run_create(walk->m, &op->u.run_create);
		break;
	case LOP_RUN_JOIN:
		follow_run_join(walk, inst, &op->u.run_join);
		break;
	case LOP_RUN_END:
		follow_run_end(inst, &op->u.run_end);
		break;
	case LOP_RUN_FINISH:
		follow_run_finish(walk, &op->u.run_finish);
		break;
	case LOP_RUN_COUNTS:
		follow_counts(walk, shadow_run(walk->m, op->u.run_counts.run_id),
			      op->u.run_counts.step, &op->u.run_counts.ret_counts, "counts");
		break;
	case LOP_LOAD_PUT:
		follow_load_put(inst, &op->u.load_put);
		break;
	case LOP_LOAD_TAKE:
		inbox_follow_end(walk->m, op->u.load_take.run_id, inst->inc);
		break;
	case LOP_INBOX_BEGIN:
		inbox_follow_begin(walk->m, inst->inc, &op->u.inbox_begin);
		break;
	case LOP_LOAD_OPEN:
		follow_load_open(walk->m, &op->u.load_open);
		break;
	default:
		unreachable("an operation on a run");
	}
	return false;
}
