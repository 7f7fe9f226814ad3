/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches are kept in two halves; when one is full the other is forgotten and filled anew.
 */
#include "ledger/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/mem.h"
#include "ledger/ledger.h"

struct kept_batch {
	struct kept_batch *next;
	int64_t number;
	struct ledger_op *first, *last;
	bool is_whole; /* all of it can be written again */
};

struct half {
	struct arena arena;
	struct kept_batch *first, *last;
};

struct journal {
	struct half halves[2];
	struct half *old, *young;
	int64_t acked;	 /* the last batch that was acknowledged */
	int64_t redone;	 /* batches that were written again and nobody was told of yet */
	bool has_redone; /* since it lives */
	bool is_torn;	 /* something of what was lost could not be written again */
};

struct journal *journal_new(void)
{
	struct journal *j = xnew(struct journal);

	j->old = &j->halves[0];
	j->young = &j->halves[1];
	return j;
}

void journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	arena_done(&j->old->arena);
	arena_done(&j->young->arena);
	free(j);
}

/* ---- keeping ---- */

static struct kept_batch *journal_add(struct journal *j, int64_t number)
{
	if (j->young->arena.used > JOURNAL_BYTES / 2) {
		struct half *half = j->old;
		arena_reset(&half->arena);
		half->first = half->last = NULL;
		j->old = j->young;
		j->young = half;
	}
	struct kept_batch *b = arena_new(&j->young->arena, struct kept_batch);
	*b = (struct kept_batch){.number = number, .is_whole = true};
	if (j->young->last == NULL)
		j->young->first = b;
	else
		j->young->last->next = b;
	j->young->last = b;
	return b;
}

static struct ledger_op *keep(struct arena *a, struct kept_batch *b, const struct ledger_op *op)
{
	struct ledger_op *copy = arena_dup(a, op, sizeof(*op));

	copy->next = NULL;
	if (b->last == NULL)
		b->first = copy;
	else
		b->last->next = copy;
	b->last = copy;
	return copy;
}

static const uint8_t *keep_bits(struct arena *a, const uint8_t *bits, uint32_t n)
{
	return bits == NULL ? NULL : arena_dup(a, bits, BITS_BYTES(n));
}

static void keep_row(struct arena *a, struct ledger_loose_row *row)
{
	row->key = arena_str(a, row->key);
	row->person = arena_str(a, row->person);
	row->err_class = arena_str(a, row->err_class);
	row->err = arena_str(a, row->err);
	row->fingerprint = arena_str(a, row->fingerprint);
	row->body = NULL;
}

/* A claim is kept as what it has found. */
static void keep_chunk_claim(struct arena *a, struct kept_batch *b, const struct ledger_op *op)
{
	const struct lop_chunk_claim *c = &op->u.chunk_claim;

	for (size_t i = 0; i < c->ret_n; i++)
		keep(a, b, op)->u.chunk_claim = (struct lop_chunk_claim){
			.run_id = c->run_id,
			.step = c->step,
			.again = {.id = c->ret_rows[i].id,
				  .epoch = c->ret_rows[i].epoch,
				  .n_done = (int32_t)bits_count(c->ret_rows[i].done,
								c->ret_rows[i].n)}};
}

static void keep_loose_claim(struct arena *a, struct kept_batch *b, const struct ledger_op *op)
{
	const struct lop_loose_claim *c = &op->u.loose_claim;

	for (size_t i = 0; i < c->ret_n; i++)
		keep(a, b, op)->u.loose_claim = (struct lop_loose_claim){
			.run_id = c->run_id,
			.step = c->step,
			.to_probe = c->to_probe,
			.again = {.id = c->ret_rows[i].item,
				  .epoch = c->ret_rows[i].epoch,
				  .was_begun = c->ret_rows[i].was_begun}};
}

static void keep_progress(struct arena *a, struct lop_chunk_progress *p)
{
	p->started = keep_bits(a, p->started, p->n);
	p->done = keep_bits(a, p->done, p->n);
	if (p->n_done_keys == 0)
		return;
	const char **keys = arena_alloc(a, p->n_done_keys * sizeof(*keys));
	for (size_t i = 0; i < p->n_done_keys; i++)
		keys[i] = arena_str(a, p->done_keys[i]);
	p->done_keys = keys;
}

static void keep_attempt(struct arena *a, struct lop_attempt_put *p)
{
	p->err_class = arena_str(a, p->err_class);
	p->err = arena_str(a, p->err);
	p->fingerprint = arena_str(a, p->fingerprint);
	p->keep = arena_str(a, p->keep);
	p->output = p->output_len == 0 ? NULL : arena_dup(a, p->output, p->output_len);
}

/* What was not given is nothing to take again. */
static void keep_pools(struct arena *a, struct kept_batch *b, const struct ledger_op *op)
{
	const struct lop_pools_take *take = &op->u.pools_take;
	struct ledger_pool *pools = arena_dup(a, take->pools, take->n * sizeof(*pools));

	if (!take->ret_taken)
		return;
	for (size_t i = 0; i < take->n; i++)
		pools[i].name = arena_str(a, pools[i].name);
	keep(a, b, op)->u.pools_take = (struct lop_pools_take){
		.run_id = take->run_id, .pools = pools, .n = take->n};
}

static void keep_op(struct arena *a, struct kept_batch *b, const struct ledger_op *op)
{
	struct ledger_op *copy = NULL;

	switch ((int)op->kind) {
	case LOP_CHUNK_CLAIM:
		keep_chunk_claim(a, b, op);
		return;
	case LOP_LOOSE_CLAIM:
		keep_loose_claim(a, b, op);
		return;
	case LOP_POOLS_TAKE:
		keep_pools(a, b, op);
		return;
	case LOP_CHUNK_PROGRESS:
		keep_progress(a, &keep(a, b, op)->u.chunk_progress);
		return;
	case LOP_LOOSE_PUT:
		keep_row(a, &keep(a, b, op)->u.loose_put.row);
		return;
	case LOP_LOOSE_SETTLE:
		keep_row(a, &keep(a, b, op)->u.loose_settle.row);
		return;
	case LOP_ATTEMPT_PUT:
		keep_attempt(a, &keep(a, b, op)->u.attempt_put);
		return;
	case LOP_RUN_LEAVE:
		copy = keep(a, b, op);
		copy->u.run_leave.reason = arena_str(a, copy->u.run_leave.reason);
		return;
	case LOP_RUN_END:
		copy = keep(a, b, op);
		copy->u.run_end.reason = arena_str(a, copy->u.run_end.reason);
		return;
	case LOP_ENDED_TOLD:
		copy = keep(a, b, op);
		copy->u.ended_told.done = keep_bits(a, op->u.ended_told.done, op->u.ended_told.n);
		copy->u.ended_told.dead = keep_bits(a, op->u.ended_told.dead, op->u.ended_told.n);
		copy->u.ended_told.quiet = keep_bits(a, op->u.ended_told.quiet, op->u.ended_told.n);
		return;
	case LOP_INSTANCE_QUARANTINE:
	case LOP_INSTANCE_STOPPING:
	case LOP_LANE_PUT:
	case LOP_LANE_DROP:
	case LOP_RUN_JOIN:
	case LOP_RUN_FINISH:
	case LOP_LOAD_OPEN:
	case LOP_GIVE_BACK:
	case LOP_DOUBT_RESOLVE:
	case LOP_ROLLUP_ADD:
	case LOP_TOLD_PUT:
		(void)keep(a, b, op);
		return;
	/* What may stay lost: see journal.h; and who is dead is found so again. */
	case LOP_INSTANCE_END:
	case LOP_REAP:
	case LOP_LATENCY_ADD:
	case LOP_FAILURE_ADD:
	case LOP_RUN_NOTE:
	case LOP_REQUEST_OBEY:
	case LOP_RATE_TAKE:
	case LOP_QUOTA_TAKE:
	case LOP_PERSON:
	case LOP_BREAKER_PUT:
	case LOP_ENDPOINT_PUT:
		return;
	/* Safety: whatever else writes cannot be written again. Of loads the content is not kept,
	 * and runs and chunks would have other numbers; the end of a run is anybody's again. */
	default:
		b->is_whole = b->is_whole && !ledger_op_writes(op);
		return;
	}
}

static void journal_keep(struct journal *j, const struct ledger_txn *txn)
{
	struct kept_batch *b = journal_add(j, txn->batch);

	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		keep_op(&j->young->arena, b, op);
	j->acked = txn->batch;
}

/* ---- writing again ---- */

/* A person sent it back, which was lost, and we have it since. Who said so is not known here. That
 * nothing is unclear any more is said where it was said: other doubt goes back by a rule. */
static struct ledger_op *kept_decision(struct arena *a, const struct lop_loose_claim *c,
				       enum person_verb verb, utime now)
{
	struct ledger_op *op = arena_new(a, struct ledger_op);

	op->kind = LOP_PERSON;
	op->u.person = (struct lop_person){
		.verb = verb,
		.run_id = c->run_id,
		.items = arena_dup(a, &c->again.id, sizeof(c->again.id)),
		.n = 1,
		.who = "stint",
		.why = "it was being tried when a failover lost who had sent it back",
		.now = now};
	return op;
}

/* Puts the decisions before the claim that followed them. */
static void kept_decide(struct arena *a, struct ledger_op **at, utime now)
{
	const struct lop_loose_claim *c = &(*at)->u.loose_claim;
	struct ledger_op *retry = kept_decision(a, c, PERSON_RETRY, now);

	retry->next = *at;
	*at = retry;
	if (c->again.was_begun)
		return;
	struct ledger_op *resolve = kept_decision(a, c, PERSON_RESOLVE_RETRY, now);
	resolve->next = retry;
	*at = resolve;
}

/* The operation's guard found nothing. True when it is written in another way than it was, and
 * nothing of ours is lost by that. */
static bool kept_mend(struct arena *a, struct kept_batch *b, size_t place, utime now)
{
	struct ledger_op **at = &b->first;
	struct ledger_op **before = NULL; /* the decisions that were put before it */

	for (size_t i = 0; i < place; i++) {
		before = (*at)->kind != LOP_PERSON ? NULL : before == NULL ? at : before;
		at = &(*at)->next;
	}
	struct ledger_op *op = *at;
	if (op->kind == LOP_LOOSE_CLAIM && !op->u.loose_claim.to_probe && before == NULL) {
		kept_decide(a, at, now);
		return true;
	}
	/* Safety: since the failover a person has skipped an item of it, which is open to us. What
	 * was done in it is written, and we end. */
	if (op->kind == LOP_CHUNK_CLAIM && op->u.chunk_claim.again.n_done >= 0)
		op->u.chunk_claim.again.n_done = -1;
	/* An item of it is open again, that a person had taken out: it is not closed, but what was
	 * done in it is written. */
	else if (op->kind == LOP_CHUNK_PROGRESS && op->u.chunk_progress.close)
		op->u.chunk_progress.close = false;
	else /* others have what it is about */
		*(before != NULL ? before : at) = op->next;
	return false;
}

static size_t op_place(const struct ledger_txn *txn, const struct ledger_op *wanted)
{
	size_t place = 0;

	for (const struct ledger_op *op = txn->first; op != wanted; op = op->next)
		place++;
	return place;
}

static struct ledger_txn *kept_txn(const struct kept_batch *b, const struct ledger_txn *found_by)
{
	struct ledger_txn *txn = ledger_txn_new();

	for (const struct ledger_op *op = b->first; op != NULL; op = op->next)
		ledger_txn_add(txn, op->kind)->u = op->u;
	txn->inc = found_by->inc;
	memcpy(txn->nonce, found_by->nonce, sizeof(txn->nonce));
	txn->batch = b->number;
	txn->is_redo = true;
	txn->now = found_by->now;
	return txn;
}

/* One batch. What becomes of it stands in `found_by` when it is not applied. */
static bool journal_redo_batch(struct journal *j, struct ledger *ledger, struct kept_batch *b,
			       struct ledger_txn *found_by)
{
	for (;;) {
		struct ledger_txn *txn = kept_txn(b, found_by);
		ledger_apply(ledger, txn);
		enum ledger_status status = txn->status;
		bool is_lost = status == LEDGER_LOST && txn->lost != NULL;
		if (is_lost && !kept_mend(&j->young->arena, b, op_place(txn, txn->lost), txn->now))
			j->is_torn = true;
		else if (status != LEDGER_APPLIED)
			found_by->err = txn->err;
		ledger_txn_free(txn);
		if (is_lost)
			continue;
		found_by->status = status;
		return status == LEDGER_APPLIED;
	}
}

static bool journal_redo_half(struct journal *j, struct ledger *ledger, const struct half *half,
			      struct ledger_txn *found_by)
{
	for (struct kept_batch *b = half->first; b != NULL; b = b->next) {
		if (b->number <= found_by->ret_batch)
			continue;
		/* Safety: what was forgotten here may have been a claim or a mark. */
		j->is_torn = j->is_torn || !b->is_whole || b->number != found_by->ret_batch + 1;
		if (!journal_redo_batch(j, ledger, b, found_by))
			return false;
		found_by->ret_batch = b->number;
		j->redone++;
	}
	return true;
}

static void journal_end(struct ledger_txn *txn)
{
	err_set(&txn->err, ERR_TEMP, 0,
		"a failover has lost commits, and not all of them could be written again");
	txn->status = LEDGER_FENCED;
}

static void journal_redo(struct journal *j, struct ledger *ledger, struct ledger_txn *txn)
{
	j->has_redone = true;
	if (!journal_redo_half(j, ledger, j->old, txn) ||
	    !journal_redo_half(j, ledger, j->young, txn))
		return;
	if (j->is_torn) {
		journal_end(txn);
		return;
	}
	ledger_apply(ledger, txn);
}

/* What was claimed before is to be closed, and an item of it is open again. */
static void journal_apply_unclosed(struct ledger *ledger, struct ledger_txn *txn)
{
	while (txn->status == LEDGER_LOST && txn->lost != NULL &&
	       txn->lost->kind == LOP_CHUNK_PROGRESS && txn->lost->u.chunk_progress.close) {
		txn->lost->u.chunk_progress.close = false;
		ledger_txn_rewind(txn);
		txn->is_redo = true;
		ledger_apply(ledger, txn);
	}
	if (txn->status == LEDGER_APPLIED)
		journal_end(txn);
}

void journal_apply(struct journal *j, struct ledger *ledger, struct ledger_txn *txn)
{
	assert(j != NULL && txn != NULL);
	txn->acked = txn->inc == 0 ? 0 : j->acked;
	ledger_apply(ledger, txn);
	if (txn->status == LEDGER_BEHIND)
		journal_redo(j, ledger, txn);
	if (txn->status == LEDGER_BEHIND) /* it was lost once more */
		txn->status = LEDGER_BUSY;
	if (txn->status == LEDGER_LOST && j->has_redone)
		journal_apply_unclosed(ledger, txn);
	if (txn->status != LEDGER_APPLIED || txn->inc == 0)
		return;
	txn->ret_redone = j->redone;
	j->redone = 0;
	if (txn->batch > j->acked)
		journal_keep(j, txn);
}
