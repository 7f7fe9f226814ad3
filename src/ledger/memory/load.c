/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: one loader at a time, guarded by its number and epoch; keys and contents known
 * before. */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

int mem_load_take(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_load_take *t = &op->u.load_take;
	const struct mem_run *run = mem_run_find(m, t->run_id);
	struct mem_step *step = run == NULL ? NULL : mem_step_find(run, rule_step(t->step));

	if (step == NULL)
		return mem_lost(txn, "there is no run %lld to load", (long long)t->run_id);
	bool may_load = run->row.state == RUN_LOADING && run->row.step == step->row.step;
	if (!m->is_replay && may_load && (step->loader == 0 || step->loader == txn->inc)) {
		MEM_TOUCH(m, step);
		step->loader = txn->inc;
		step->loader_epoch++;
	}
	t->ret_taken = may_load && step->loader == txn->inc;
	t->ret_loader = step->loader;
	t->ret_epoch = step->loader_epoch;
	t->ret_cursor = step->cursor == NULL
				? NULL
				: arena_dup(&txn->arena, step->cursor, step->cursor_len);
	t->ret_cursor_len = step->cursor_len;
	return 0;
}

/* The step when this instance is its loader in that epoch, else NULL with the words set. */
static struct mem_step *mem_loading(struct memory *m, struct ledger_txn *txn,
				    const struct lop_load_open *o)
{
	const struct mem_run *run = mem_run_find(m, o->run_id);
	struct mem_step *step = run == NULL ? NULL : mem_step_find(run, rule_step(o->step));

	if (step != NULL && (run->row.state == RUN_LOADING || run->row.state == RUN_OPEN) &&
	    step->row.state == RUN_LOADING && step->loader == txn->inc &&
	    step->loader_epoch == o->epoch)
		return step;
	(void)mem_lost(txn, "run %lld is not loaded by instance %lld any more",
		       (long long)o->run_id, (long long)txn->inc); /* the caller says LOST */
	return NULL;
}

static void mem_chunk_add(struct memory *m, struct mem_run *run, struct mem_step *step,
			  const struct ledger_new_chunk *new_chunk)
{
	uint32_t n = new_chunk->n;
	struct mem_chunk *c = arena_new(&m->arena, struct mem_chunk);

	*c = (struct mem_chunk){
		.id = (int64_t)m->chunks.n + 1,
		.run_id = run->row.id,
		.step = step->row.step,
		.first_item = step->row.first_item + step->row.n_items,
		.n = n,
		.state = CHUNK_READY,
		.tell = new_chunk->tell,
		.started = arena_alloc(&m->arena, BITS_BYTES(n)),
		.done = arena_alloc(&m->arena, BITS_BYTES(n)),
		.told = arena_alloc(&m->arena, BITS_BYTES(n)),
		.body = arena_dup(&m->arena, new_chunk->body, new_chunk->body_len),
		.body_len = new_chunk->body_len,
		.body_hash = hash_xxh64(new_chunk->body, new_chunk->body_len),
		.keys = mem_text_or_null(m, new_chunk->keys),
		.sums = mem_text_or_null(m, new_chunk->sums),
	};
	if (!new_chunk->tell)
		bits_fill(c->told, 0, n);
	mem_list_push(m, &m->chunks, c);
	mem_list_push(m, &run->chunks, c);
	run->row.n_items += n;
	step->row.n_items += n;
}

int mem_load_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_load_put *p = &op->u.load_put;
	struct mem_step *step = mem_loading(m, txn,
					    &(struct lop_load_open){p->run_id, p->step, p->epoch});

	if (step == NULL)
		return LEDGER_LOST;
	struct mem_run *run = mem_run_find(m, p->run_id);
	MEM_TOUCH(m, run);
	MEM_TOUCH(m, step);
	for (size_t k = 0; k < p->n_chunks; k++)
		mem_chunk_add(m, run, step, &p->chunks[k]);
	run->row.n_read += p->add_read;
	run->row.n_filtered += p->add_filtered;
	run->row.n_rejected += (int64_t)p->n_rejects;
	run->row.n_held_back += p->add_held_back;
	step->row.n_read += p->add_read;
	step->row.n_filtered += p->add_filtered;
	step->row.n_rejected += (int64_t)p->n_rejects;
	step->row.n_held_back += p->add_held_back;
	step->cursor = arena_dup(&m->arena, p->cursor, p->cursor_len);
	step->cursor_len = p->cursor_len;
	if (p->sums != NULL)
		run->sums = arena_str(&m->arena, p->sums);
	return mem_inbox_take(m, txn, &p->inbox);
}

int mem_load_open(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_load_open *o = &op->u.load_open;
	struct mem_step *step = mem_loading(m, txn, o);

	if (step == NULL)
		return LEDGER_LOST;
	struct mem_run *run = mem_run_find(m, o->run_id);
	MEM_TOUCH(m, run);
	MEM_TOUCH(m, step);
	step->row.state = RUN_OPEN;
	step->loader = 0;
	run->row.was_open = true;
	if (run->row.step == step->row.step)
		run->row.state = RUN_OPEN;
	return 0;
}

/* Whether an earlier run of the job has an item of that key that is not over. */
static bool mem_loose_is_open(const struct mem_loose *l)
{
	return l->key != NULL && l->state != LOOSE_DEAD && l->state != LOOSE_DONE &&
	       l->state != LOOSE_WAIVED;
}

static bool mem_key_is_open(const struct memory *m, const struct lop_keys_find *f, const char *key)
{
	for (int64_t id = 1; id < f->run_id && id <= (int64_t)m->runs.n; id++) {
		const struct mem_run *run = m->runs.at[id - 1];
		if (run->loose.n == 0 || strcmp(run->row.job, f->job) != 0)
			continue;
		for (size_t k = 0; k < run->loose.n; k++) {
			const struct mem_loose *l = run->loose.at[k];
			if (mem_loose_is_open(l) && l->chunk->step == rule_step(f->step) &&
			    strcmp(l->key, key) == 0)
				return true;
		}
	}
	return false;
}

static bool mem_none_is_open(const struct memory *m, const struct lop_keys_find *f)
{
	bool is_free = true;
	int n = 0;

	for (size_t i = 0; i < m->runs.n; i++) {
		const struct mem_run *run = m->runs.at[i];
		bool counts = run->row.id < f->run_id && strcmp(run->row.job, f->job) == 0;
		for (size_t k = 0; k < run->loose.n; k++) {
			const struct mem_loose *l = run->loose.at[k];
			if (!mem_loose_is_open(l))
				continue;
			n++;
			is_free = is_free && !(counts && l->chunk->step == rule_step(f->step));
		}
	}
	return is_free && n <= LEDGER_FEW_OPEN;
}

int mem_keys_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_keys_find *f = &op->u.keys_find;
	uint8_t *open = arena_alloc(&txn->arena, BITS_BYTES(f->n));
	uint8_t *seen = arena_alloc(&txn->arena, BITS_BYTES(f->n));

	for (size_t k = 0; k < f->n; k++) {
		if (mem_key_is_open(m, f, f->keys[k]))
			bits_set(open, k);
		const struct mem_seen *s = f->seen ? mem_seen_find(
							     m, mem_seen_name(m, f->job, f->step),
							     f->keys[k])
						   : NULL;
		if (s != NULL && s->at_ms >= rule_ms(f->seen_since))
			bits_set(seen, k);
	}
	f->ret_open = open;
	f->ret_seen = seen;
	f->ret_none_open = mem_none_is_open(m, f);
	return 0;
}

static bool mem_run_read(const struct mem_run *run, const uint8_t *digest, size_t len)
{
	for (size_t k = 0; k < run->contents.n; k++) {
		const struct mem_content *c = run->contents.at[k];
		if (c->len == len && memcmp(c->digest, digest, len) == 0)
			return true;
	}
	return false;
}

int mem_content_find(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_content_find *f = &op->u.content_find;
	struct mem_run *own = mem_run_find(m, f->run_id);

	if (own == NULL)
		return mem_lost(txn, "there is no run %lld to read for", (long long)f->run_id);
	f->ret_run = NULL;
	for (size_t k = 0; k < m->runs.n; k++) {
		const struct mem_run *run = m->runs.at[k];
		if (run == own || strcmp(run->row.job, f->job) != 0 ||
		    run->row.state == RUN_ABANDONED ||
		    (run->row.state == RUN_FAILED && !run->row.was_open))
			continue;
		if (mem_run_read(run, f->digest, f->digest_len)) {
			f->ret_run = arena_str(&txn->arena, run->row.name);
			break;
		}
	}
	if (m->is_replay || mem_run_read(own, f->digest, f->digest_len))
		return 0;
	struct mem_content *c = arena_new(&m->arena, struct mem_content);
	c->digest = arena_dup(&m->arena, f->digest, f->digest_len);
	c->len = f->digest_len;
	mem_list_push(m, &own->contents, c);
	return 0;
}
