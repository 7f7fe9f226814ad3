/* SPDX-License-Identifier: Apache-2.0 */
/* Loose items: they leave their chunk, are claimed (L), settled (LS), and resolved when in
 * doubt. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

struct mem_loose *mem_loose_add(struct memory *m, struct mem_chunk *c, int64_t item)
{
	struct mem_run *run = mem_run_find(m, c->run_id);
	struct mem_loose *l = arena_new(&m->arena, struct mem_loose);

	l->chunk = c;
	l->run_id = c->run_id;
	l->item = item;
	l->err_class = l->err = l->fingerprint = "";
	if (c->loose == NULL) {
		MEM_TOUCH(m, &c->loose);
		c->loose = arena_alloc(&m->arena, c->n * sizeof(struct mem_loose *));
	}
	struct mem_loose **slot = &c->loose[item - c->first_item];
	assert(*slot == NULL);
	MEM_TOUCH(m, slot);
	*slot = l;
	mem_list_push(m, &run->loose, l);
	return l;
}

/* What an operation says of the row; who holds it is the operation's own affair. */
static void mem_loose_write(struct memory *m, struct mem_loose *l,
			    const struct ledger_loose_row *row)
{
	l->state = row->state;
	l->attempt = row->attempt;
	l->crashes = row->crashes;
	l->not_before_ms = rule_ms_up(row->not_before);
	l->quiet_until_ms = rule_ms_up(row->quiet_until);
	l->nos = row->nos;
	l->unclear = row->unclear;
	l->tries += row->tries;
	l->spent_us += row->spent_us;
	if (l->request == 0) /* the first stays */
		l->request = row->request;
	if (row->key != NULL)
		l->key = mem_text(m, row->key);
	if (row->person != NULL)
		l->person = mem_text(m, row->person);
	l->err_class = mem_text(m, row->err_class);
	l->err = mem_text(m, row->err);
	l->fingerprint = mem_text(m, row->fingerprint);
}

static void mem_loose_remember(struct memory *m, const struct ledger_txn *txn,
			       const struct mem_loose *l)
{
	const struct mem_run *run = mem_run_find(m, l->run_id);

	if (l->state == LOOSE_DONE && l->key != NULL)
		mem_seen_put(m, mem_seen_name(m, run->row.job, l->chunk->step), l->key,
			     rule_ms(txn->now));
}

static bool loose_is_held(enum loose_state state)
{
	return state == LOOSE_HELD || state == LOOSE_PROBING;
}

int mem_loose_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_loose_put *p = &op->u.loose_put;
	struct mem_chunk *c = mem_chunk_find(m, p->row.chunk_id);

	if (c == NULL || c->run_id != p->row.run_id || p->row.item < c->first_item ||
	    p->row.item >= c->first_item + c->n || mem_loose_find(c, p->row.item) != NULL)
		return mem_lost(txn, "item %lld of run %lld is not in chunk %lld any more",
				(long long)p->row.item, (long long)p->row.run_id,
				(long long)p->row.chunk_id);
	if (loose_is_held(p->row.state) != (p->row.owner != 0))
		return mem_lost(txn, "item %lld is held by nobody", (long long)p->row.item);
	struct mem_loose *l = mem_loose_add(m, c, p->row.item);
	mem_loose_write(m, l, &p->row);
	/* A lane that died did not say it, but the chunk may know. */
	if (l->key == NULL && c->keys != NULL)
		l->key = rule_keys(&m->arena, c->keys, c->n)[p->row.item - c->first_item];
	l->redo = p->row.redo;
	l->epoch = p->row.epoch;
	l->owner = p->row.owner == 0 ? 0 : txn->inc;
	l->first_started_ms = rule_ms(p->row.first_started);
	if (p->remember_key)
		mem_loose_remember(m, txn, l);
	return 0;
}

static int mem_loose_by_due(const void *a, const void *b)
{
	const struct mem_loose *x = *(struct mem_loose *const *)a;
	const struct mem_loose *y = *(struct mem_loose *const *)b;

	if (x->not_before_ms != y->not_before_ms)
		return x->not_before_ms < y->not_before_ms ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* Loose rows of the run that are to be claimed (or, sent again, were), in order. */
static size_t mem_loose_pick(struct memory *m, const struct ledger_txn *txn,
			     const struct ledger_op *op, struct mem_loose **ret_picked)
{
	const struct lop_loose_claim *c = &op->u.loose_claim;
	const struct mem_run *run = mem_run_find(m, c->run_id);
	int64_t token = rule_claim_token(txn, op);
	int64_t now_ms = rule_ms(c->now);
	size_t n = 0;

	for (size_t k = 0; k < run->loose.n; k++) {
		struct mem_loose *l = run->loose.at[k];
		bool is_due = l->chunk->step == rule_step(c->step) &&
			      l->state == (c->to_probe ? LOOSE_DOUBT : LOOSE_RETRY) &&
			      l->not_before_ms <= now_ms;
		bool was_taken = loose_is_held(l->state) && l->owner == txn->inc &&
				 l->token == token;
		if (m->is_replay ? was_taken : is_due)
			ret_picked[n++] = l;
	}
	if (n > 1)
		qsort(ret_picked, n, sizeof(struct mem_loose *), mem_loose_by_due);
	return n < c->max ? n : c->max;
}

static void mem_loose_take(struct memory *m, const struct ledger_txn *txn, struct mem_loose *l,
			   int64_t token)
{
	bool is_probe = l->state == LOOSE_DOUBT;

	MEM_TOUCH(m, l);
	l->state = is_probe ? LOOSE_PROBING : LOOSE_HELD;
	l->owner = txn->inc;
	l->token = token;
	l->epoch++;
	if (is_probe)
		return;
	l->was_begun = l->first_started_ms != 0;
	if (!l->was_begun)
		l->first_started_ms = rule_ms(txn->now);
}

static int mem_loose_retake(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_loose_claim *c = &op->u.loose_claim;
	const struct mem_run *run = mem_run_find(m, c->run_id);
	const struct mem_chunk *chunk = run == NULL ? NULL : mem_chunk_of(run, c->again.id);
	struct mem_loose *l = chunk == NULL ? NULL : mem_loose_find(chunk, c->again.id);

	if (l == NULL || l->state != (c->to_probe ? LOOSE_DOUBT : LOOSE_RETRY) ||
	    l->epoch != c->again.epoch - 1)
		return mem_lost(txn, "item %lld was claimed by others since",
				(long long)c->again.id);
	mem_loose_take(m, txn, l, rule_claim_token(txn, op));
	return 0;
}

int mem_loose_claim(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_loose_claim *c = &op->u.loose_claim;
	struct mem_run *run = mem_run_find(m, c->run_id);
	const struct mem_instance *me = mem_instance_find(m, txn->inc);

	c->ret_rows = NULL;
	c->ret_n = 0;
	if (c->again.epoch != 0)
		return m->is_replay ? 0 : mem_loose_retake(m, txn, op);
	if (run == NULL || me == NULL || run->loose.n == 0)
		return 0;
	if (!m->is_replay && (run->row.state != RUN_OPEN || run->row.step != rule_step(c->step) ||
			      me->row.state != INSTANCE_LIVE))
		return 0;
	struct mem_loose **picked = arena_alloc(&m->scratch,
						run->loose.n * sizeof(struct mem_loose *));
	size_t n = mem_loose_pick(m, txn, op, picked);
	struct ledger_loose_row *rows = arena_alloc(&txn->arena, n * sizeof(*rows));
	for (size_t k = 0; k < n; k++) {
		if (!m->is_replay)
			mem_loose_take(m, txn, picked[k], rule_claim_token(txn, op));
		const struct mem_chunk *chunk = picked[k]->chunk;
		mem_put_loose(&txn->arena, picked[k], &rows[k]);
		rows[k].body = arena_dup(&txn->arena, chunk->body, chunk->body_len);
		rows[k].body_len = chunk->body_len;
	}
	c->ret_rows = rows;
	c->ret_n = n;
	return 0;
}

int mem_loose_settle(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_loose_settle *s = &op->u.loose_settle;
	enum loose_state from = s->is_probe ? LOOSE_PROBING : LOOSE_HELD;
	const struct mem_run *run = mem_run_find(m, s->row.run_id);
	const struct mem_chunk *c = run == NULL ? NULL : mem_chunk_of(run, s->row.item);
	struct mem_loose *l = c == NULL ? NULL : mem_loose_find(c, s->row.item);

	bool is_ours = l != NULL && l->owner == txn->inc && l->epoch == s->row.epoch &&
		       l->state == from;
	s->ret_late = s->is_probe && !is_ours;
	if (s->ret_late)
		return 0; /* whoever was first has decided it */
	if (!is_ours)
		return mem_lost(txn, "item %lld of run %lld is not held in epoch %d",
				(long long)s->row.item, (long long)s->row.run_id, s->row.epoch);
	MEM_TOUCH(m, l);
	mem_loose_write(m, l, &s->row);
	l->first_started_ms = rule_ms(s->row.first_started);
	if (!loose_is_held(l->state)) {
		l->owner = 0;
		l->token = 0;
	}
	if (s->remember_key)
		mem_loose_remember(m, txn, l);
	return 0;
}

int mem_doubt_resolve(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_doubt_resolve *d = &op->u.doubt_resolve;
	const struct mem_run *run = mem_run_find(m, d->run_id);
	int64_t now_ms = rule_ms(d->now);

	(void)txn;
	d->ret_retried = d->ret_asked = d->ret_skipped = 0;
	for (size_t k = 0; run != NULL && k < run->loose.n; k++) {
		struct mem_loose *l = run->loose.at[k];
		if (l->chunk->step != rule_step(d->step) || l->state != LOOSE_DOUBT ||
		    l->not_before_ms > now_ms)
			continue;
		enum loose_state to = rule_doubt(d->policy, d->key_valid_us, l->first_started_ms,
						 now_ms);
		if (d->only_retries && to != LOOSE_RETRY)
			continue;
		MEM_TOUCH(m, l);
		l->state = to;
		d->ret_retried += l->state == LOOSE_RETRY ? 1 : 0;
		d->ret_asked += l->state == LOOSE_ASKED ? 1 : 0;
		d->ret_skipped += l->state == LOOSE_WAIVED ? 1 : 0;
	}
	return 0;
}

/* Notes are for people, who have no way to ask a memory ledger. */
int mem_run_note(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	(void)m, (void)txn, (void)op;
	return 0;
}
