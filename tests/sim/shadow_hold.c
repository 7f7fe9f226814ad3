/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/shadow_hold.h"

#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "ledger/txn.h"
#include "sim/beats.h"
#include "sim/breaker_check.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/lost.h"
#include "sim/shadow.h"
#include "sim/shadow_walk.h"

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

/* ---- chunks ---- */

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
		for (uint32_t k = 0; k < c->n; k++)
			lost_not_compared(m, run, (uint32_t)c->first_item + k);
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
		if (op->started != NULL && bits_get(op->started, i) && !p->started) {
			p->started = true;
			p->by = inc;
		}
		if (op->done != NULL && bits_get(op->done, i) && !p->done) {
			p->done = true;
			p->since_us = m->boot_us;
			p->by = inc;
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
						 .begun = !takes_all,
						 .since_us = m->boot_us};
		}
		n_done += p->done;
	}
	c->state = n_done == c->n ? CHUNK_CLOSED : CHUNK_READY;
	c->owner = 0;
}

/* True when something was reaped. */
static bool follow_reap(struct instance *inst, const struct lop_reap *op, utime now)
{
	struct machine *m = inst->m;

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
				p->owner = p->by = 0;
				continue;
			}
			run->witnesses[run->items[k].record].unclear++;
			p->loose = LOOSE_DOUBT;
			p->owner = p->by = 0;
			p->not_before = p->quiet_until = now + op->quarantine_us;
			p->since_us = m->boot_us;
		}
		for (uint32_t k = 0; k < run->n_chunks; k++)
			if (run->chunks[k].state == CHUNK_HELD && run->chunks[k].owner == op->dead)
				follow_reap_chunk(m, &run->chunks[k], op, now + op->quarantine_us);
	}
	m->shadow.inc_state[op->dead] = INSTANCE_REAPED;
	check_reaped(m, op);
	beats_check_reaped(inst, op);
	return true;
}

/* ---- loose items ---- */

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
	p->begun = row->first_started != 0;
	p->epoch = row->epoch;
	p->by = inc;
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
		lost_retaken(m, run, (uint32_t)op->again.id, inc);
		again->is.loose = op->to_probe ? LOOSE_PROBING : LOOSE_HELD;
		again->is.owner = again->is.by = inc;
		again->is.epoch = op->again.epoch;
		again->is.begun |= !op->to_probe;
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
		if (!op->to_probe && row->was_begun != item->is.begun)
			machine_fail(m, "was-begun", "item %lld of run %lld was begun before: %d",
				     (long long)row->item, (long long)run->id, item->is.begun);
		lost_not_compared(m, run, (uint32_t)row->item);
		item->is.loose = op->to_probe ? LOOSE_PROBING : LOOSE_HELD;
		item->is.owner = item->is.by = inc;
		item->is.epoch = row->epoch;
		item->is.begun |= !op->to_probe;
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
	/* What is written again cleared up nothing that came after it. */
	if (op->row.state == LOOSE_RETRY && !lost_is_behind(inst)) {
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
void shadow_check_done(struct machine *m, const struct lop_chunk_progress *op)
{
	struct chunk_view *c = chunk_find(m, op->chunk_id);

	for (uint32_t i = 0; c != NULL && op->done != NULL && i < c->n; i++)
		if (bits_get(op->done, i) && c->run->items[c->first_item + i].is.loose == 0)
			check_done(m, c->run, &c->run->items[c->first_item + i]);
}

bool shadow_hold_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op)
{
	struct machine *m = walk->m;

	switch ((int)op->kind) {
	case LOP_CHUNK_CLAIM:
		follow_chunk_claim(walk, inst->inc, &op->u.chunk_claim);
		break;
	case LOP_CHUNK_PROGRESS:
		follow_progress(m, inst->inc, &op->u.chunk_progress);
		break;
	case LOP_LOOSE_CLAIM:
		follow_loose_claim(walk, inst->inc, &op->u.loose_claim);
		break;
	case LOP_LOOSE_PUT:
		follow_loose_put(m, inst, &op->u.loose_put);
		break;
	case LOP_LOOSE_SETTLE:
		follow_loose_settle(m, inst, &op->u.loose_settle);
		break;
	case LOP_ATTEMPT_PUT:
		follow_attempt(m, &op->u.attempt_put);
		break;
	case LOP_REAP:
		return follow_reap(inst, &op->u.reap, walk->now);
	default:
		unreachable("an operation on what somebody holds");
	}
	return false;
}
