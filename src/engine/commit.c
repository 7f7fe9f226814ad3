/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/commit.h"

#include <assert.h>
#include <string.h>

#define RESEND_FIRST_US (10 * US_PER_MS)
#define RESEND_MAX_US (5 * US_PER_S)
/* What nobody waits for is kept so long for more to come in: one commit costs as much as many
 * outcomes. Short beside any window, and what is in it counts as unsettled all the time. */
#define LINGER_US (5 * US_PER_MS)
/* A ledger that neither takes nor refuses a transaction for so long is as good as broken. */
#define RESEND_GIVE_UP_US (10 * US_PER_MIN)

struct commit_waiter {
	struct commit_waiter *next;
	commit_fn fn;
	void *arg;
	struct ledger_op *op;
};

struct commit_waiters { /* txn->context, in its arena */
	struct commit_waiter *first;
	struct commit_waiter *last;
};

void commit_init(struct commit *c, const struct world_ops *ops, void *world)
{
	assert(c != NULL && ops != NULL);
	*c = (struct commit){.ops = ops, .world = world};
}

void commit_done(struct commit *c)
{
	ledger_txn_free(c->open);
	c->open = NULL;
	/* What is under way belongs to the world until it comes back; what waits here does not. */
	if (c->resend_at != 0)
		ledger_txn_free(c->flying);
	c->flying = NULL;
}

static struct ledger_txn *commit_open(struct commit *c)
{
	if (c->open == NULL) {
		c->open = ledger_txn_new();
		c->opened++;
		c->opened_at = c->ops->boot_us(c->world);
		c->is_urgent = false;
		c->open->context = arena_new(&c->open->arena, struct commit_waiters);
	}
	return c->open;
}

void commit_wait(struct commit *c, struct ledger_op *op, commit_fn fn, void *arg)
{
	struct ledger_txn *txn = commit_open(c);
	struct commit_waiters *all = txn->context;
	struct commit_waiter *w = arena_new(&txn->arena, struct commit_waiter);

	*w = (struct commit_waiter){.fn = fn, .arg = arg, .op = op};
	if (all->last == NULL)
		all->first = w;
	else
		all->last->next = w;
	all->last = w;
}

/* Does somebody wait for an operation of this kind? */
static bool op_is_urgent(enum ledger_op_kind kind)
{
	return kind != LOP_CHUNK_PROGRESS && kind != LOP_LOOSE_PUT && kind != LOP_LOOSE_SETTLE &&
	       kind != LOP_ATTEMPT_PUT && kind != LOP_ROLLUP_ADD && kind != LOP_LATENCY_ADD &&
	       kind != LOP_FAILURE_ADD && kind != LOP_ENDPOINT_PUT;
}

struct ledger_op *commit_add(struct commit *c, enum ledger_op_kind kind, commit_fn fn, void *arg)
{
	struct ledger_op *op = ledger_txn_add(commit_open(c), kind);

	if (kind == LOP_CHUNK_CLAIM || kind == LOP_LOOSE_CLAIM)
		c->open->claims = true;
	if (op_is_urgent(kind))
		c->is_urgent = true;
	if (fn != NULL)
		commit_wait(c, op, fn, arg);
	return op;
}

struct ledger_op *commit_add_first(struct commit *c, enum ledger_op_kind kind, commit_fn fn,
				   void *arg)
{
	struct ledger_op *op = commit_add(c, kind, fn, arg);

	ledger_txn_move_first(c->open, op);
	return op;
}

uint64_t commit_number(struct commit *c)
{
	(void)commit_open(c);
	return c->opened;
}

bool commit_is_open(const struct commit *c, uint64_t number)
{
	return c->open != NULL && c->opened == number;
}

void commit_claim_nothing(struct commit *c)
{
	for (struct ledger_op *op = commit_open(c)->first; op != NULL; op = op->next) {
		if (op->kind == LOP_CHUNK_CLAIM)
			op->u.chunk_claim.max = 0;
		if (op->kind == LOP_LOOSE_CLAIM)
			op->u.loose_claim.max = 0;
	}
}

struct arena *commit_arena(struct commit *c)
{
	return &commit_open(c)->arena;
}

static void commit_send(struct commit *c)
{
	c->resend_at = 0;
	c->sent_at = c->ops->boot_us(c->world);
	c->flying->now = c->ops->now(c->world);
	c->ops->ledger(c->world, c->flying);
}

void commit_hurry(struct commit *c)
{
	c->is_urgent = true;
}

bool commit_is_flying(const struct commit *c)
{
	return c->flying != NULL;
}

/* When what is open goes out by itself. */
static int64_t commit_flush_at(const struct commit *c)
{
	if (c->open == NULL || c->flying != NULL || c->frozen)
		return INT64_MAX;
	return c->is_urgent ? c->opened_at : c->opened_at + LINGER_US;
}

void commit_flush(struct commit *c)
{
	if (c->ops->boot_us(c->world) < commit_flush_at(c))
		return;
	c->flying = TAKE(c->open);
	c->flying->inc = c->inc;
	memcpy(c->flying->nonce, c->nonce, sizeof(c->nonce));
	if (c->inc != 0 && !ledger_txn_is_read_only(c->flying))
		c->flying->batch = ++c->batch;
	c->tries = 0;
	commit_send(c);
}

static void commit_tell(struct ledger_txn *txn)
{
	struct commit_waiters *all = txn->context;

	for (struct commit_waiter *w = all->first; w != NULL; w = w->next)
		w->fn(w->arg, w->op);
}

static void commit_freeze(struct commit *c, enum ledger_status status, const char *text)
{
	char words[ERR_TEXT_MAX];

	c->frozen = true;
	memcpy(words, text, sizeof(words));
	c->on_trouble(c->trouble_arg, status, words);
}

static void commit_send_later(struct commit *c)
{
	int64_t wait = RESEND_FIRST_US;
	int64_t now = c->ops->boot_us(c->world);

	if (c->trouble_since == 0)
		c->trouble_since = now;
	if (now - c->trouble_since > RESEND_GIVE_UP_US) {
		commit_freeze(c, LEDGER_BROKEN, c->flying->err.text);
		ledger_txn_free(TAKE(c->flying));
		return;
	}
	for (int i = 0; i < c->tries && wait < RESEND_MAX_US; i++)
		wait *= 2;
	c->tries++;
	ledger_txn_rewind(c->flying);
	c->resend_at = now + wait;
}

/* Takes the operation out, with who waits for it. */
static void commit_leave_out(struct ledger_txn *txn, const struct ledger_op *lost)
{
	struct commit_waiters *all = txn->context;
	struct ledger_op **op = &txn->first;
	struct commit_waiter **w = &all->first;

	while (*op != lost)
		op = &(*op)->next;
	*op = lost->next;
	txn->n_ops--;
	while (*w != NULL) {
		if ((*w)->op == lost)
			*w = (*w)->next;
		else
			w = &(*w)->next;
	}
}

/* A person may end a run while it is loaded: what the loader still sends is then refused, and with
 * it, all that went in the same transaction. That is sent again without it. */
static bool commit_is_unloaded(struct commit *c, struct ledger_txn *txn)
{
	if (txn->lost == NULL ||
	    (txn->lost->kind != LOP_LOAD_PUT && txn->lost->kind != LOP_LOAD_OPEN &&
	     txn->lost->kind != LOP_INBOX_BEGIN))
		return false;
	char words[ERR_TEXT_MAX];
	memcpy(words, txn->err.text, sizeof(words));
	commit_leave_out(txn, txn->lost);
	ledger_txn_rewind(txn);
	/* A number is used up only by what is applied and writes. */
	if (txn->batch != 0 && ledger_txn_is_read_only(txn)) {
		txn->batch = 0;
		c->batch--;
	}
	commit_send(c);
	c->on_unloaded(c->trouble_arg, words);
	return true;
}

void commit_on_ledger(struct commit *c, struct ledger_txn *txn)
{
	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	if (txn != c->flying) { /* of a session that froze meanwhile */
		ledger_txn_free(txn);
		return;
	}
	c->no_space = txn->status == LEDGER_NO_SPACE;
	if (txn->space_is_low)
		c->space_is_low = true;
	c->log_is_held = txn->log_is_held;
	switch (txn->status) {
	case LEDGER_APPLIED:
		c->is_failed_over = c->is_failed_over || txn->ret_is_failed_over;
		c->redone += txn->ret_redone;
		if (txn->ret_warning != NULL)
			c->on_warning(c->trouble_arg, txn->ret_warning);
		c->flying = NULL;
		c->trouble_since = 0;
		c->last_us = c->ops->boot_us(c->world) - c->sent_at;
		c->took_us = (7 * c->took_us + c->last_us) / 8;
		/* Safety: waiters run only here, after the commit: what they send may rely on it.
		 */
		commit_tell(txn);
		ledger_txn_free(txn);
		return;
	case LEDGER_BUSY:
	case LEDGER_UNKNOWN:
	case LEDGER_NO_SPACE:
		commit_send_later(c);
		return;
	case LEDGER_LOST:
		if (commit_is_unloaded(c, txn))
			return;
		break;
	case LEDGER_PENDING:
	case LEDGER_FENCED:
	case LEDGER_BEHIND: /* could not be written again */
	case LEDGER_BROKEN:
		break;
	}
	c->flying = NULL;
	commit_freeze(c, txn->status, txn->err.text);
	ledger_txn_free(txn);
}

void commit_on_timer(struct commit *c)
{
	if (c->frozen || c->flying == NULL || c->resend_at == 0)
		return;
	if (c->ops->boot_us(c->world) >= c->resend_at)
		commit_send(c);
}

bool commit_is_idle(const struct commit *c)
{
	return c->open == NULL && c->flying == NULL;
}

int64_t commit_deadline(const struct commit *c)
{
	return c->flying != NULL && c->resend_at != 0 ? c->resend_at : commit_flush_at(c);
}
