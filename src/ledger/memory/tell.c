/* SPDX-License-Identifier: Apache-2.0 */
/* then: who is told how items ended, and what instances are asked to do. */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

/* Which items of the chunk ended well, instead of its started bits. */
static void mem_put_ended(struct arena *a, const struct mem_chunk *c, bool is_whole,
			  struct ledger_chunk_row *ret_row)
{
	mem_put_chunk(a, c, true, ret_row);
	uint8_t *ended = arena_dup(a, c->done, BITS_BYTES(c->n));
	for (uint32_t i = 0; i < c->n; i++) {
		const struct mem_loose *l = mem_loose_find(c, c->first_item + i);
		if (l != NULL && l->state != LOOSE_DONE && (is_whole || l->state != LOOSE_WAIVED))
			bits_clear(ended, i);
	}
	ret_row->started = ended;
}

int mem_untold_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_untold_list *u = &op->u.untold_list;
	const struct mem_run *run = mem_run_find(m, u->run_id);

	u->ret_rows = NULL;
	u->ret_n = 0;
	u->ret_is_settled = false;
	if (run == NULL || run->row.state != RUN_OPEN ||
	    !mem_step_is_empty(run, rule_step(u->step)))
		return 0;
	u->ret_is_settled = true;
	struct ledger_chunk_row *rows = arena_alloc(&txn->arena, u->max * sizeof(*rows));
	for (size_t k = 0; k < run->chunks.n && u->ret_n < u->max; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		if (c->step == rule_step(u->step) && c->id > u->after &&
		    (u->is_whole || bits_count(c->told, c->n) < c->n))
			mem_put_ended(&txn->arena, c, u->is_whole, &rows[u->ret_n++]);
	}
	u->ret_rows = rows;
	return 0;
}

int mem_told_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_told_put *t = &op->u.told_put;
	const struct mem_run *run = mem_run_find(m, t->run_id);

	if (run == NULL)
		return mem_lost(txn, "there is no run %lld to tell of", (long long)t->run_id);
	for (size_t k = 0; k < run->chunks.n; k++) {
		struct mem_chunk *c = run->chunks.at[k];
		if (t->chunk_id != 0 ? c->id != t->chunk_id : c->step != rule_step(t->step))
			continue;
		mem_touch(m, c->told, BITS_BYTES(c->n));
		bits_fill(c->told, 0, c->n);
	}
	return 0;
}

/* ---- on_done, on_dead ---- */

static void mem_ended_of(struct arena *a, const struct mem_chunk *c, struct rule_ended *ret)
{
	rule_ended_init(ret, a, c->done, c->told, c->n);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct mem_loose *l = mem_loose_find(c, c->first_item + i);
		if (l != NULL)
			rule_ended_loose(ret, i, l->state);
	}
}

static bool mem_may_tell(const struct mem_chunk *c, int64_t inc)
{
	size_t n_told = bits_count(c->told, c->n);

	return n_told < c->n && n_told < bits_count(c->done, c->n) &&
	       (c->state != CHUNK_HELD || c->owner == inc);
}

int mem_ended_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_ended_list *l = &op->u.ended_list;
	const struct mem_run *run = mem_run_find(m, l->run_id);
	struct ledger_ended *rows = arena_alloc(&txn->arena, (l->max + 1) * sizeof(*rows));
	uint32_t n = 0;

	l->ret_rows = rows;
	l->ret_n = 0;
	l->ret_last = l->after;
	for (size_t k = 0; run != NULL && k < run->chunks.n && n < l->max; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		struct rule_ended e;
		if (c->step != rule_step(l->step) || c->id <= l->after ||
		    !mem_may_tell(c, txn->inc))
			continue;
		n++;
		l->ret_last = c->id;
		mem_ended_of(&txn->arena, c, &e);
		if (rule_ended_is_empty(&e, c->n))
			continue;
		rows[l->ret_n++] = (struct ledger_ended){
			.chunk_id = c->id,
			.n = c->n,
			.done = e.done,
			.dead = e.dead,
			.quiet = e.quiet,
			.body = arena_dup(&txn->arena, c->body, c->body_len),
			.body_len = c->body_len};
	}
	l->ret_more = n == l->max;
	return 0;
}

int mem_ended_told(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_ended_told *t = &op->u.ended_told;
	struct mem_chunk *c = mem_chunk_find(m, t->chunk_id);
	struct rule_ended e;

	if (c == NULL || c->run_id != t->run_id)
		return mem_lost(txn, "there is no chunk %lld to tell of", (long long)t->chunk_id);
	mem_ended_of(&txn->arena, c, &e);
	mem_touch(m, c->told, BITS_BYTES(c->n));
	rule_ended_tell(&e, t, c->told, c->n);
	return 0;
}

int mem_cursor_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_cursor_find *f = &op->u.cursor_find;

	f->ret_cursor = NULL;
	f->ret_cursor_len = 0;
	for (size_t k = m->runs.n; k > 0; k--) {
		const struct mem_run *run = m->runs.at[k - 1];
		if (run->row.id == f->run_id || run->row.state != RUN_FINISHED ||
		    strcmp(run->row.job, f->job) != 0 ||
		    strstr(run->row.due_key, f->due_part) == NULL)
			continue;
		const struct mem_step *step = mem_step_find(run, 1);
		if (step->cursor == NULL)
			continue; /* it had nothing to read */
		f->ret_cursor = arena_dup(&txn->arena, step->cursor, step->cursor_len);
		f->ret_cursor_len = step->cursor_len;
		return 0;
	}
	return 0;
}

/* ---- requests ---- */

static bool mem_is_asked(struct memory *m, const struct mem_request *r, int64_t inc)
{
	if (r->is_obeyed)
		return false;
	if (r->inc != 0)
		return r->inc == inc;
	const struct mem_run *run = mem_run_find(m, r->row.run_id);
	const struct mem_chunk *c = mem_chunk_of(run, r->row.item);
	const struct mem_loose *l = c == NULL ? NULL : mem_loose_find(c, r->row.item);
	if (l != NULL)
		return l->owner == inc;
	return c != NULL && c->state == CHUNK_HELD && c->owner == inc;
}

int mem_request_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_request_list *l = &op->u.request_list;
	struct ledger_request_row *rows = arena_alloc(&txn->arena, m->requests.n * sizeof(*rows));

	l->ret_n = 0;
	for (size_t k = 0; k < m->requests.n; k++) {
		const struct mem_request *r = m->requests.at[k];
		if (!mem_is_asked(m, r, txn->inc))
			continue;
		struct ledger_request_row *row = &rows[l->ret_n++];
		*row = r->row;
		row->who = arena_str(&txn->arena, r->row.who);
		row->why = arena_str(&txn->arena, r->row.why);
	}
	l->ret_rows = rows;
	return 0;
}

int mem_request_obey(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_request_obey *o = &op->u.request_obey;

	(void)txn;
	if (o->id < 1 || (uint64_t)o->id > m->requests.n)
		return 0;
	struct mem_request *r = m->requests.at[o->id - 1];
	MEM_TOUCH(m, r);
	r->is_obeyed = true;
	return 0;
}

void mem_request_add(struct memory *m, const struct ledger_request_row *row, int64_t inc)
{
	for (size_t k = 0; k < m->requests.n; k++) {
		const struct mem_request *r = m->requests.at[k];
		if (!r->is_obeyed && r->inc == inc && r->row.verb == row->verb &&
		    r->row.run_id == row->run_id && r->row.item == row->item)
			return; /* asked already */
	}
	struct mem_request *r = arena_new(&m->arena, struct mem_request);
	r->row = *row;
	r->row.id = (int64_t)m->requests.n + 1;
	r->row.who = mem_text(m, row->who);
	r->row.why = mem_text(m, row->why);
	r->inc = inc;
	mem_list_push(m, &m->requests, r);
}

void mem_requests_lapse(struct memory *m, int64_t run_id, int64_t inc)
{
	for (size_t k = 0; k < m->requests.n; k++) {
		struct mem_request *r = m->requests.at[k];
		if (r->is_obeyed || (run_id != 0 && r->row.run_id != run_id) ||
		    (inc != 0 && r->inc != inc))
			continue;
		MEM_TOUCH(m, r);
		r->is_obeyed = true;
	}
}
