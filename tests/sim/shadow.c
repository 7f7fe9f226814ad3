/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/shadow_follow.h"
#include "sim/shadow_hold.h"
#include "sim/shadow_walk.h"

/* ---- looking things up ---- */

struct run_view *shadow_run(struct machine *m, int64_t run_id)
{
	return run_id < 1 || (size_t)run_id > m->shadow.n_runs ? NULL : m->shadow.runs[run_id - 1];
}

struct run_view *shadow_run_of(const struct machine *m, int slot, int region)
{
	struct run_view *found = NULL;

	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		struct run_view *run = m->shadow.runs[i];
		if (run->slot == slot && run->region == region &&
		    (found == NULL || run->n >= found->n))
			found = run;
	}
	return found;
}

struct chunk_view *shadow_chunk_of(struct run_view *run, int64_t item)
{
	uint32_t low = 0;
	uint32_t high = run->n_chunks;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct chunk_view *c = &run->chunks[middle];
		if (item < c->first_item)
			high = middle;
		else if (item >= c->first_item + c->n)
			low = middle + 1;
		else
			return c;
	}
	return NULL;
}

enum item_state shadow_state(const struct run_view *run, uint32_t item)
{
	const struct item_place *p = &run->items[item].is;

	switch (p->loose) {
	case LOOSE_RETRY:
		return ITEM_RETRY;
	case LOOSE_HELD:
		return ITEM_RUNNING;
	case LOOSE_DOUBT:
	case LOOSE_PROBING:
	case LOOSE_ASKED:
		return ITEM_IN_DOUBT;
	case LOOSE_DEAD:
		return ITEM_DEAD;
	case LOOSE_WAIVED:
		return ITEM_SKIPPED;
	case LOOSE_DONE:
		return ITEM_DONE;
	default:
		break;
	}
	if (p->done)
		return ITEM_DONE;
	return p->started ? ITEM_RUNNING : ITEM_WAITING;
}

void shadow_count(const struct run_view *run, int64_t count[ITEM_STATE_COUNT_])
{
	memset(count, 0, ITEM_STATE_COUNT_ * sizeof(*count));
	for (uint32_t i = 0; i < run->n_items; i++)
		count[shadow_state(run, i)]++;
}

void shadow_on_commit(struct machine *m, struct instance *inst, struct ledger_txn *txn)
{
	struct shadow_walk walk = {.m = m, .now = txn->now};

	if (txn->batch != 0 && txn->batch <= m->shadow.inc_batch[inst->inc]) {
		shadow_follow_again(inst, txn); /* it was applied before */
		return;
	}
	m->shadow.commits++;
	if (txn->batch != 0 && m->shadow.inc_state[inst->inc] != INSTANCE_LIVE &&
	    m->shadow.inc_state[inst->inc] != INSTANCE_STOPPING)
		machine_fail(
			m, "I4", "inc %lld is %s and writes batch %lld", (long long)inst->inc,
			instance_state_name((enum instance_state)m->shadow.inc_state[inst->inc]),
			(long long)txn->batch);
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		shadow_trace(m, op);
		if (shadow_follow(&walk, inst, op))
			shadow_walk_expect(&walk, op);
		if (m->failure.happened)
			return;
	}
	if (inst->inc != 0 && txn->batch != 0)
		m->shadow.inc_batch[inst->inc] = txn->batch;
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next)
		if (op->kind == LOP_CHUNK_PROGRESS)
			shadow_check_done(m, &op->u.chunk_progress);
	if (walk.is_wanted)
		shadow_walk_run(&walk);
	if (walk.finished != NULL)
		check_finish(m, walk.finished);
	if (walk.stepped != NULL)
		check_step_over(m, walk.stepped, walk.left, walk.next);
}

void shadow_on_person(struct machine *m, const struct ledger_txn *txn)
{
	struct shadow_walk walk = {.m = m};

	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		shadow_walk_expect(&walk, op);
	shadow_walk_run(&walk);
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		if (op->kind == LOP_PERSON && op->u.person.ret_changed > 0)
			ending_follow_person(m, op->u.person.run_id);
}

void shadow_compare(struct machine *m)
{
	shadow_walk_run(&(struct shadow_walk){.m = m});
	if (m->opt->has_inbox)
		inbox_compare(m);
}
