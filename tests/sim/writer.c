/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread of an instance, in virtual time: takes transactions one after the other, has
 * the memory ledger apply them after a while, and gives them back in order. Here the ledger's
 * faults happen.
 */
#include <assert.h>

#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "sim/beats.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/lost.h"
#include "sim/machine.h"
#include "sim/shadow.h"

/* As long as a busy_timeout, a stuck disk or a slow fsync may take. */
#define SLOW_COMMIT_US (8 * US_PER_S)
#define KEEPER_PATIENCE_US (120 * US_PER_S)

static void writer_next(struct instance *inst);

static void writer_on_answer(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;
	struct message *x = mailbox_take(&inst->answering);

	(void)m, (void)n;
	if (x != NULL) /* else it died meanwhile */
		instance_post(inst, x);
}

static void writer_answer(struct instance *inst, struct ledger_txn *txn)
{
	struct machine *m = inst->m;
	int64_t at = m->boot_us + machine_delay(m, 50);

	if (at < inst->answer_at)
		at = inst->answer_at;
	inst->answer_at = at;
	mailbox_put(m, &inst->answering, &(struct message){.kind = MESSAGE_LEDGER, .txn = txn});
	machine_after(m, at - m->boot_us, writer_on_answer, inst, 0);
}

static void writer_refuse(struct instance *inst, struct ledger_txn *txn, enum ledger_status status,
			  const char *words)
{
	ledger_txn_rewind(txn);
	txn->status = status;
	err_set(&txn->err, ERR_IO, 0, "%s", words);
	if (status == LEDGER_BROKEN)
		inst->saw_broken = true;
	else
		inst->saw_trouble = true;
}

static uint32_t *claim_max(struct ledger_op *op)
{
	if (op->kind == LOP_CHUNK_CLAIM)
		return &op->u.chunk_claim.max;
	return op->kind == LOP_LOOSE_CLAIM ? &op->u.loose_claim.max : NULL;
}

/* As ledger_apply; while a reader holds the log, claims give nothing, unless they have already. */
static void writer_apply_held(struct instance *inst, struct ledger_txn *txn, bool is_unknown)
{
	struct machine *m = inst->m;
	bool is_new = txn->batch > m->shadow.inc_batch[inst->inc];
	bool is_held = txn->claims && is_new &&
		       ((!m->healed && m->boot_us < m->held_until) || inst->is_failed_over);
	uint32_t *wanted = arena_alloc(&m->arena, (txn->n_ops + 1) * sizeof(*wanted));
	size_t n = 0;

	for (struct ledger_op *op = txn->first; op != NULL && is_held; op = op->next) {
		uint32_t *max = claim_max(op);
		if (max == NULL)
			continue;
		wanted[n++] = *max;
		*max = 0;
	}
	if (inst->journal != NULL && !is_unknown)
		journal_apply(inst->journal, m->ledger, txn);
	else
		ledger_apply(m->ledger, txn);
	n = 0;
	for (struct ledger_op *op = txn->first; op != NULL && is_held; op = op->next) {
		uint32_t *max = claim_max(op);
		if (max != NULL)
			*max = wanted[n++];
	}
	txn->log_is_held = !m->healed && m->boot_us < m->held_until;
}

/* The run that the operation loads; NULL when it is another. */
static const struct run_view *run_of_load(struct machine *m, const struct ledger_op *op)
{
	if (op == NULL)
		return NULL;
	int64_t run_id = op->kind == LOP_LOAD_PUT      ? op->u.load_put.run_id
			 : op->kind == LOP_LOAD_OPEN   ? op->u.load_open.run_id
			 : op->kind == LOP_INBOX_BEGIN ? op->u.inbox_begin.run_id
						       : 0;
	return shadow_run(m, run_id);
}

static void writer_apply_really(struct instance *inst, struct ledger_txn *txn, bool is_unknown)
{
	struct machine *m = inst->m;

	if (machine_fault(m, F_LOG_HELD))
		m->held_until = m->boot_us + rng_spread(&m->rng, US_PER_S, 10 * US_PER_MIN);
	if (m->opt->has_beats && inst->journal == NULL)
		inst->journal = journal_new();
	lost_before(inst, txn);
	/* Of what nobody will know the journal hears nothing. */
	if (is_unknown && lost_is_behind(inst))
		return;
	writer_apply_held(inst, txn, is_unknown);
	bool lives = m->shadow.inc_state[inst->inc] != INSTANCE_REAPED;
	bool is_torn = txn->status == LEDGER_FENCED && m->decisions_are_lost && lives;
	if (inst->is_uncompared && lives && (is_torn || txn->status == LEDGER_APPLIED)) {
		inst->is_uncompared = false;
		lost_check_redone(inst);
	}
	if (txn->status == LEDGER_APPLIED)
		shadow_on_commit(m, inst, txn);
	if (!is_unknown)
		lost_after(inst, txn);
	if (txn->status == LEDGER_APPLIED && rng_below(&m->rng, 64) == 0)
		check_ledger(m);
	/* A run may be ended while it is loaded; only the loader's own writes are refused then. */
	const struct run_view *lost = txn->status == LEDGER_LOST ? run_of_load(m, txn->lost) : NULL;
	bool is_unloaded = lost != NULL && lost->state != RUN_LOADING;
	if (!is_unloaded && (txn->status == LEDGER_FENCED || txn->status == LEDGER_LOST)) {
		inst->saw_fenced = true;
		if (!inst->is_zombie && !is_torn)
			machine_fail(m, "fenced", "instance %d lives and is refused: %s",
				     inst->number, txn->err.text);
	}
	if (txn->status == LEDGER_NO_SPACE || txn->status == LEDGER_BUSY ||
	    txn->status == LEDGER_UNKNOWN || txn->status == LEDGER_BROKEN)
		machine_fail(m, "memory-ledger", "answers %d: %s", txn->status, txn->err.text);
}

static void writer_apply(struct instance *inst, struct ledger_txn *txn)
{
	struct machine *m = inst->m;
	bool reads = ledger_txn_is_read_only(txn);

	if (machine_fault(m, F_AWAY))
		beats_take_away(m);
	if (machine_fault(m, F_CUT))
		beats_cut(inst);
	if (beats_is_cut(inst)) {
		writer_refuse(inst, txn, LEDGER_UNKNOWN, "the simulated ledger is out of reach");
		return;
	}
	if (machine_fault(m, F_BUSY)) {
		writer_refuse(inst, txn, LEDGER_BUSY, "the simulated ledger is busy");
		return;
	}
	if (!reads && machine_fault(m, F_NO_SPACE)) {
		m->full_until = m->boot_us + rng_spread(&m->rng, US_PER_S, 2 * US_PER_MIN);
		TRACE(m, TRACE_FULL, (m->full_until - m->began_us) / US_PER_MS, 0, 0, 0);
	}
	if (!reads && !m->healed && m->boot_us < m->full_until) {
		writer_refuse(inst, txn, LEDGER_NO_SPACE, "the simulated disk is full");
		return;
	}
	if (machine_fault(m, F_BROKEN)) {
		if (rng_below(&m->rng, 2) == 0)
			writer_apply_really(inst, txn, true);
		writer_refuse(inst, txn, LEDGER_BROKEN, "the simulated storage failed");
		return;
	}
	bool is_unknown = machine_fault(m, F_UNKNOWN);
	if (!is_unknown || rng_below(&m->rng, 2) == 0)
		writer_apply_really(inst, txn, is_unknown);
	if (!reads && txn->status == LEDGER_APPLIED && machine_fault(m, F_SPACE_LOW))
		txn->space_is_low = inst->saw_trouble = true;
	if (is_unknown && !inst->saw_fenced)
		writer_refuse(inst, txn, LEDGER_UNKNOWN, "nobody knows, says the simulation");
}

static void writer_on_turn(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;

	(void)n;
	if (inst->fate != INSTANCE_RUNS)
		return;
	if (inst->is_paused) { /* threads stop with their process */
		machine_after(m, 100 * US_PER_MS, writer_on_turn, inst, 0);
		return;
	}
	inst->writer_is_busy = false;
	struct message *x = inst->writing.first;
	if (x == NULL)
		return;
	if (inst->inc != 0 && machine_fault(m, F_CRASH_BEFORE)) {
		instance_crash(inst, CRASH_BEFORE_COMMIT);
		return;
	}
	x = mailbox_take(&inst->writing);
	writer_apply(inst, x->txn);
	TRACE(m, TRACE_APPLY, inst->inc, x->txn->batch, x->txn->status, (int64_t)x->txn->n_ops);
	if (machine_fault(m, F_CRASH_AFTER)) {
		ledger_txn_free(TAKE(x->txn));
		instance_crash(inst, CRASH_AFTER_COMMIT);
		return;
	}
	if (machine_fault(m, F_STALL))
		instance_pause(inst, rng_spread(&m->rng, US_PER_MS, KEEPER_PATIENCE_US), false);
	if (machine_fault(m, F_ZOMBIE))
		instance_pause(inst, rng_spread(&m->rng, US_PER_MS, KEEPER_PATIENCE_US), true);
	writer_answer(inst, TAKE(x->txn));
	writer_next(inst);
}

static void writer_next(struct instance *inst)
{
	struct machine *m = inst->m;
	int64_t delay = machine_delay(m, m->opt->commit_us);

	if (inst->writer_is_busy || inst->writing.first == NULL)
		return;
	if (machine_fault(m, F_SLOW))
		delay += rng_spread(&m->rng, US_PER_MS, SLOW_COMMIT_US);
	inst->writer_is_busy = true;
	machine_after(m, delay, writer_on_turn, inst, 0);
}

void writer_take(struct instance *inst, struct ledger_txn *txn)
{
	assert(txn != NULL);
	TRACE(inst->m, TRACE_SUBMIT, inst->number, txn->batch, (int64_t)txn->n_ops, 0);
	mailbox_put(inst->m, &inst->writing, &(struct message){.kind = MESSAGE_LEDGER, .txn = txn});
	writer_next(inst);
}
