/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: C (claim), P and X (progress, close), G (give back). */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

static void mem_chunk_claim_again(struct ledger_txn *txn, const struct mem_run *run,
				  struct lop_chunk_claim *c, int64_t token)
{
	struct ledger_chunk_row *rows = arena_alloc(&txn->arena, c->max * sizeof(*rows));

	for (size_t k = 0; k < run->chunks.n && c->ret_n < c->max; k++) {
		const struct mem_chunk *chunk = run->chunks.at[k];
		if (chunk->state == CHUNK_HELD && chunk->owner == txn->inc && chunk->token == token)
			mem_put_chunk(&txn->arena, chunk, true, &rows[c->ret_n++]);
	}
	c->ret_rows = rows;
}

static void mem_chunk_take(struct memory *m, const struct ledger_txn *txn, struct mem_chunk *chunk,
			   int64_t token)
{
	MEM_TOUCH(m, chunk);
	chunk->state = CHUNK_HELD;
	chunk->owner = txn->inc;
	chunk->token = token;
	chunk->claimed_ms = rule_ms(txn->now);
	chunk->epoch++;
	chunk->rev = 0;
}

static int mem_chunk_retake(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_chunk_claim *c = &op->u.chunk_claim;
	struct mem_chunk *chunk = mem_chunk_find(m, c->again.id);

	if (chunk == NULL || chunk->run_id != c->run_id || chunk->state != CHUNK_READY ||
	    chunk->epoch != c->again.epoch - 1 ||
	    (c->again.n_done >= 0 && bits_count(chunk->done, chunk->n) > (size_t)c->again.n_done))
		return mem_lost(txn, "chunk %lld was claimed or changed by others since",
				(long long)c->again.id);
	mem_chunk_take(m, txn, chunk, rule_claim_token(txn, op));
	return 0;
}

int mem_chunk_claim(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_chunk_claim *c = &op->u.chunk_claim;
	struct mem_run *run = mem_run_find(m, c->run_id);
	const struct mem_instance *me = mem_instance_find(m, txn->inc);
	int64_t token = rule_claim_token(txn, op);

	c->ret_rows = NULL;
	c->ret_n = 0;
	if (c->again.epoch != 0)
		return m->is_replay ? 0 : mem_chunk_retake(m, txn, op);
	if (run == NULL || me == NULL)
		return 0;
	if (m->is_replay) {
		mem_chunk_claim_again(txn, run, c, token);
		return 0;
	}
	if (run->row.state != RUN_OPEN || run->row.step != rule_step(c->step) ||
	    me->row.state != INSTANCE_LIVE)
		return 0;
	bool all_seen = true; /* up to here nothing is ready */
	struct ledger_chunk_row *rows = arena_alloc(&txn->arena, c->max * sizeof(*rows));
	MEM_TOUCH(m, run);
	for (size_t k = run->first_ready; k < run->chunks.n && c->ret_n < c->max; k++) {
		struct mem_chunk *chunk = run->chunks.at[k];
		if (chunk->state == CHUNK_READY && chunk->step != run->row.step)
			all_seen = false;
		if (all_seen)
			run->first_ready = k + 1;
		if (chunk->state != CHUNK_READY || chunk->step != run->row.step)
			continue;
		mem_chunk_take(m, txn, chunk, token);
		mem_put_chunk(&txn->arena, chunk, true, &rows[c->ret_n++]);
	}
	c->ret_rows = rows;
	return 0;
}

static void mem_chunk_close(struct mem_chunk *c)
{
	c->state = CHUNK_CLOSED;
	c->owner = 0;
	c->token = 0;
}

void mem_chunk_free(struct memory *m, struct mem_chunk *c)
{
	struct mem_run *run = mem_run_find(m, c->run_id);
	size_t place = 0;

	MEM_TOUCH(m, c);
	if (bits_count(c->done, c->n) == c->n) {
		mem_chunk_close(c);
		return;
	}
	c->state = CHUNK_READY;
	c->owner = 0;
	c->token = 0;
	c->rev = 0;
	while (run->chunks.at[place] != c)
		place++;
	MEM_TOUCH(m, run);
	if (place < run->first_ready)
		run->first_ready = place;
}

static void mem_chunk_or(struct memory *m, uint8_t *bits, const uint8_t *more, uint32_t n)
{
	if (more == NULL)
		return;
	mem_touch(m, bits, BITS_BYTES(n));
	bits_or(bits, more, n);
}

int mem_chunk_progress(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_chunk_progress *p = &op->u.chunk_progress;
	struct mem_chunk *c = mem_chunk_find(m, p->chunk_id);

	if (c == NULL || c->state != CHUNK_HELD || c->owner != txn->inc || c->epoch != p->epoch ||
	    c->rev >= p->rev || c->run_id != p->run_id || c->n != p->n)
		return mem_lost(txn, "chunk %lld is not held in epoch %d before revision %d",
				(long long)p->chunk_id, p->epoch, p->rev);
	MEM_TOUCH(m, c);
	mem_chunk_or(m, c->started, p->started, c->n);
	mem_chunk_or(m, c->done, p->done, c->n);
	c->rev = p->rev;
	c->crashes += p->add_crashes;
	const struct mem_run *run = mem_run_find(m, c->run_id);
	for (size_t k = 0; k < p->n_done_keys; k++)
		mem_seen_put(m, mem_seen_name(m, run->row.job, c->step), p->done_keys[k],
			     rule_ms(txn->now));
	if (!p->close)
		return 0;
	if (bits_count(c->done, c->n) < c->n)
		return mem_lost(txn, "chunk %lld cannot be closed: not every item is done",
				(long long)p->chunk_id);
	mem_chunk_close(c);
	return 0;
}

static bool mem_chunk_is_running(const struct mem_chunk *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (bits_get(c->started, i) && !bits_get(c->done, i))
			return true;
	return false;
}

int mem_give_back(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_give_back *g = &op->u.give_back;

	g->ret_chunks = 0;
	for (size_t k = 0; k < m->chunks.n; k++) {
		struct mem_chunk *c = m->chunks.at[k];
		if (c == NULL || c->state != CHUNK_HELD || c->owner != txn->inc ||
		    (g->run_id != 0 && c->run_id != g->run_id) || mem_chunk_is_running(c))
			continue;
		mem_chunk_free(m, c);
		mem_requests_settle(m, mem_run_find(m, c->run_id), rule_ms(txn->now));
		g->ret_chunks++;
	}
	return 0;
}
