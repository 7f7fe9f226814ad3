/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lost.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/ledger.h"
#include "sim/beats.h"
#include "sim/machine.h"
#include "sim/shadow.h"

enum { COMMITS_MEAN = 12, COMMITS_MEAN_DECIDED = 3 };

/* What the shadow said of a run when the standby was at it. */
struct lost_run {
	struct run_view *run;
	enum run_state state;
	struct end_view end[END_VIEWS];
	struct sums sums;
	struct item_view *items;
	uint32_t n_items;
	struct chunk_view *chunks;
	struct witness *witnesses; /* by record */
};

struct lost {
	struct lost_run *runs;
	size_t n;
	bool has_decisions; /* of a person */
	int step;	    /* of the run of such a person */
	int64_t inc_batch[SHADOW_INCS_MAX];
	uint8_t inc_state[SHADOW_INCS_MAX];
};

/* ---- how it was ---- */

static void lost_save_run(const struct machine *m, struct run_view *run, struct lost_run *to)
{
	*to = (struct lost_run){
		.run = run, .state = run->state, .sums = run->sums, .n_items = run->n_items};
	to->items = xcalloc(run->n_items + 1, sizeof(*to->items));
	to->chunks = xcalloc(run->n_chunks + 1, sizeof(*to->chunks));
	to->witnesses = xcalloc(m->opt->n_records + 1, sizeof(*to->witnesses));
	memcpy(to->end, run->end, sizeof(to->end));
	if (run->n_items > 0)
		memcpy(to->items, run->items, run->n_items * sizeof(*to->items));
	if (run->n_chunks > 0)
		memcpy(to->chunks, run->chunks, run->n_chunks * sizeof(*to->chunks));
	if (m->opt->n_records > 0)
		memcpy(to->witnesses, run->witnesses, m->opt->n_records * sizeof(*to->witnesses));
}

static struct lost *lost_save(const struct machine *m)
{
	struct lost *l = xnew(struct lost);

	l->n = m->shadow.n_runs;
	l->runs = xcalloc(l->n + 1, sizeof(*l->runs));
	for (size_t i = 0; i < l->n; i++)
		lost_save_run(m, m->shadow.runs[i], &l->runs[i]);
	memcpy(l->inc_batch, m->shadow.inc_batch, sizeof(l->inc_batch));
	memcpy(l->inc_state, m->shadow.inc_state, sizeof(l->inc_state));
	return l;
}

static void lost_begin(struct machine *m)
{
	m->lost = lost_save(m);
	ledger_memory_remember(m->ledger);
}

static void lost_drop(struct lost **lost)
{
	struct lost *l = *lost;

	for (size_t i = 0; l != NULL && i < l->n; i++) {
		free(l->runs[i].items);
		free(l->runs[i].chunks);
		free(l->runs[i].witnesses);
	}
	if (l != NULL)
		free(l->runs);
	free(l);
	*lost = NULL;
}

void lost_free(struct machine *m)
{
	lost_drop(&m->lost);
	lost_drop(&m->was);
}

void lost_catch_up(struct machine *m)
{
	if (m->lost == NULL)
		return;
	ledger_memory_forget(m->ledger);
	lost_drop(&m->lost);
}

/* ---- how it is again ---- */

/* Of what was decided and nobody has acted upon, nothing is left. (An engine may remember that it
 * was asked to skip.) */
static void lost_restore_witness(struct witness *w, const struct witness *from)
{
	w->rows = from->rows;
	if (w->begun != from->begun)
		return;
	w->person_retry = from->person_retry;
	w->person_done = from->person_done;
	w->repeats_allowed = from->repeats_allowed;
	w->unclear_then = from->unclear_then;
}

static void lost_restore_run(const struct machine *m, const struct lost_run *from)
{
	struct run_view *run = from->run;

	run->state = from->state;
	run->sums = from->sums;
	for (int kind = 0; kind < END_VIEWS; kind++) { /* what was made meanwhile is made */
		run->end[kind].owner = from->end[kind].owner;
		run->end[kind].epoch = from->end[kind].epoch;
		run->end[kind].is_done = from->end[kind].is_done;
	}
	for (uint32_t i = 0; i < run->n_items; i++) {
		run->items[i].is = from->items[i].is;
		run->items[i].seen = from->items[i].seen;
	}
	for (uint32_t i = 0; i < run->n_chunks; i++) {
		run->chunks[i].state = from->chunks[i].state;
		run->chunks[i].owner = from->chunks[i].owner;
		run->chunks[i].epoch = from->chunks[i].epoch;
	}
	for (uint32_t i = 0; i < m->opt->n_records; i++)
		lost_restore_witness(&run->witnesses[i], &from->witnesses[i]);
}

bool lost_is_behind(const struct instance *inst)
{
	return inst->inc != 0 && inst->m->shadow.inc_batch[inst->inc] < inst->acked;
}

static void lost_happens(struct machine *m)
{
	const struct lost *l = m->lost;

	lost_drop(&m->was);
	m->was = lost_save(m);
	m->decisions_are_lost |= l->has_decisions;
	/* Who has not written again yet what an earlier one lost writes that now, too. */
	for (struct instance *i = m->instances; i != NULL; i = i->next)
		i->is_uncompared = !lost_is_behind(i);
	ledger_memory_go_back(m->ledger);
	for (size_t i = 0; i < l->n; i++)
		lost_restore_run(m, &l->runs[i]);
	memcpy(m->shadow.inc_batch, l->inc_batch, sizeof(l->inc_batch));
	memcpy(m->shadow.inc_state, l->inc_state, sizeof(l->inc_state));
	lost_drop(&m->lost);
	m->counts_are_lost = true;
	for (struct instance *i = m->instances; i != NULL; i = i->next) {
		i->is_failed_over = i->inc != 0;
		/* What it does not know to have been made it does not write again, but sends. */
		i->is_uncompared = i->is_uncompared && lost_is_behind(i) &&
				   m->was->inc_batch[i->inc] <= i->acked;
	}
	TRACE(m, TRACE_LOST, 0, 0, 0, 0);
	beats_fail_over(m);
}

/* ---- when ---- */

static bool op_can_be_lost(const struct ledger_op *op)
{
	switch ((int)op->kind) {
	case LOP_CHUNK_CLAIM:
	case LOP_CHUNK_PROGRESS:
	case LOP_GIVE_BACK:
	case LOP_LOOSE_PUT:
	case LOP_LOOSE_CLAIM:
	case LOP_LOOSE_SETTLE:
	case LOP_ATTEMPT_PUT:
	case LOP_ROLLUP_ADD:
	case LOP_LATENCY_ADD:
	case LOP_FAILURE_ADD:
	case LOP_REQUEST_LIST:
	case LOP_RUN_COMPANY:
	case LOP_INSTANCE_LIST:
	case LOP_RUN_COUNTS:
	case LOP_BREAKER_GET:
		return true;
	default:
		return false;
	}
}

static bool txn_can_be_lost(const struct instance *inst, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		if (!op_can_be_lost(op))
			return false;
	return inst->inc != 0;
}

void lost_before(struct instance *inst, const struct ledger_txn *txn)
{
	struct machine *m = inst->m;

	if (!m->opt->has_beats || !m->opt->fault[F_FAILOVER])
		return;
	if (m->lost != NULL && (m->healed || !txn_can_be_lost(inst, txn)))
		lost_catch_up(m);
	else if (m->lost != NULL &&
		 rng_below(&m->fault_rng[F_FAILOVER],
			   m->lost->has_decisions ? COMMITS_MEAN_DECIDED : COMMITS_MEAN) == 0)
		lost_happens(m);
	else if (m->lost == NULL && txn_can_be_lost(inst, txn) && machine_fault(m, F_FAILOVER))
		lost_begin(m);
}

static const struct lost_run *lost_run_of(const struct machine *m, int64_t run_id)
{
	for (size_t i = 0; i < m->lost->n; i++)
		if (m->lost->runs[i].run->id == run_id)
			return &m->lost->runs[i];
	return NULL;
}

/* It was in another hand before, in what may be lost: who writes again first is not said. */
static bool op_changes_hands(const struct machine *m, const struct ledger_op *op)
{
	bool is_chunk = op->kind == LOP_CHUNK_CLAIM;
	bool is_loose = op->kind == LOP_LOOSE_CLAIM;
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	const struct lop_loose_claim *l = &op->u.loose_claim;
	const struct lost_run *run = is_chunk || is_loose
					     ? lost_run_of(m, is_chunk ? c->run_id : l->run_id)
					     : NULL;

	for (size_t i = 0; run != NULL && is_chunk && i < c->ret_n; i++) {
		const struct chunk_view *now = shadow_chunk_of(run->run, c->ret_rows[i].first_item);
		if (now->epoch != run->chunks[now - run->run->chunks].epoch + 1)
			return true;
	}
	for (size_t i = 0; run != NULL && is_loose && i < l->ret_n; i++) {
		const struct item_place *was = &run->items[l->ret_rows[i].item].is;
		if (was->loose == 0 || was->loose == LOOSE_HELD || was->loose == LOOSE_PROBING ||
		    l->ret_rows[i].epoch != was->epoch + 1)
			return true;
	}
	return false;
}

void lost_after(struct instance *inst, struct ledger_txn *txn)
{
	struct machine *m = inst->m;

	if (txn->status != LEDGER_APPLIED)
		return;
	if (txn->batch > inst->acked)
		inst->acked = txn->batch;
	txn->ret_is_failed_over = inst->is_failed_over;
	inst->is_failed_over = false;
	for (const struct ledger_op *op = txn->first; m->lost != NULL && op != NULL; op = op->next)
		if (op_changes_hands(m, op))
			lost_catch_up(m);
}

/* ---- what a person decides ---- */

/* What a person decides before all have written again what was lost goes before that. */
static void note_decided_between(struct machine *m)
{
	for (const struct instance *i = m->instances; i != NULL; i = i->next)
		m->decisions_are_lost |= lost_is_behind(i);
}

void lost_before_person(struct machine *m, const struct run_view *run, enum person_verb verb)
{
	note_decided_between(m);
	bool is_of_items = verb != PERSON_STOP && verb != PERSON_STOP_NOW && verb != PERSON_ABANDON;
	bool can_be_lost = m->opt->has_beats && m->opt->fault[F_FAILOVER] && !m->healed &&
			   run->state == RUN_OPEN && is_of_items;

	if (!can_be_lost) {
		lost_catch_up(m);
		return;
	}
	if (m->lost == NULL && rng_below(&m->fault_rng[F_FAILOVER], 2) == 0)
		lost_begin(m);
	if (m->lost == NULL)
		return;
	m->lost->has_decisions = true;
	m->lost->step = run->step;
}

void lost_after_person(struct machine *m, const struct run_view *run)
{
	if (m->lost != NULL && (run->state != RUN_OPEN || run->step != m->lost->step))
		lost_catch_up(m);
}

/* ---- what was written again ---- */

static bool place_is_like(const struct item_place *is, const struct item_place *was)
{
	bool is_held = was->loose == LOOSE_HELD || was->loose == LOOSE_PROBING;

	/* What a person gave it for its next attempt, the attempt's end brings along. */
	return is->started == was->started && is->done == was->done && is->loose == was->loose &&
	       is->owner == was->owner &&
	       (is_held || (is->attempt == was->attempt && is->crashes == was->crashes));
}

void lost_check_redone(const struct instance *inst)
{
	struct machine *m = inst->m;

	for (size_t i = 0; m->was != NULL && i < m->was->n; i++) {
		const struct lost_run *was = &m->was->runs[i];
		for (uint32_t k = 0; k < was->n_items && k < was->run->n_items; k++)
			if (was->items[k].is.by == inst->inc &&
			    !place_is_like(&was->run->items[k].is, &was->items[k].is))
				machine_fail(m, "lost-more",
					     "item %u of run %lld: instance %d knew its state %d, "
					     "and it is %d",
					     k, (long long)was->run->id, inst->number,
					     was->items[k].is.loose, was->run->items[k].is.loose);
	}
}

static struct item_place *was_place(const struct machine *m, const struct run_view *run,
				    uint32_t item)
{
	for (size_t i = 0; m->was != NULL && i < m->was->n; i++)
		if (m->was->runs[i].run == run && item < m->was->runs[i].n_items)
			return &m->was->runs[i].items[item].is;
	return NULL;
}

void lost_not_compared(const struct machine *m, const struct run_view *run, uint32_t item)
{
	struct item_place *was = was_place(m, run, item);

	if (was != NULL)
		was->by = 0;
}

void lost_retaken(const struct machine *m, const struct run_view *run, uint32_t item, int64_t inc)
{
	const struct item_place *was = was_place(m, run, item);

	/* Lost by an earlier failover: it came after what another one had said of the item. */
	if (was != NULL && was->by != inc)
		lost_not_compared(m, run, item);
}

void lost_death(struct instance *inst)
{
	struct machine *m = inst->m;

	if (m->lost != NULL && inst->inc != 0 &&
	    m->shadow.inc_batch[inst->inc] > m->lost->inc_batch[inst->inc])
		lost_catch_up(m);
	/* What it had acknowledged and nobody remembers may be done again. */
	if (lost_is_behind(inst))
		m->somebody_lost = m->somebody_forgot = true;
}

void lost_on_redo(void *arg, struct ledger_txn *txn)
{
	struct machine *m = arg;
	struct instance *inst = instance_find_inc(m, txn->inc);

	shadow_on_commit(m, inst, txn);
}
