/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this instance has in its hand: tickets, chunks with their bits, loose items; and claiming
 * more.
 */
#include "engine/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/mem.h"

#define RECLAIM_US US_PER_S
enum { CLAIM_CHUNKS_MAX = 16 };

/* ---- tickets ---- */

/* The next generation: what still comes in answer to the last one is not meant for this. */
static void ticket_renumber(struct ticket *t)
{
	t->number += FRAME_TICKETS_MAX;
	if (t->number == UINT32_MAX) /* means all of them in FRAME_CANCEL */
		t->number = t->slot;
}

struct ticket *ticket_new(struct run *r)
{
	if (r->free_ticket == UINT32_MAX)
		return NULL;
	uint32_t slot = r->free_ticket;
	struct ticket *t = &r->tickets[slot];
	r->free_ticket = t->next_free;
	*t = (struct ticket){.slot = slot, .number = t->number, .sent_wall = r->ops->now(r->world)};
	ticket_renumber(t);
	list_init(&t->link);
	r->n_tickets++;
	return t;
}

void ticket_await_mark(struct run *r, struct ticket *t)
{
	t->state = TICKET_MARKING;
	list_append(&r->marking, &t->link);
	r->n_marking++;
}

void ticket_await_slot(struct run *r, struct ticket *t)
{
	list_remove(&t->link);
	ticket_renumber(t);
	t->state = TICKET_AHEAD;
	t->ahead_at = r->ops->boot_us(r->world);
	list_append(&r->ahead, &t->link);
	r->n_ahead++;
}

void ticket_free(struct run *r, struct ticket *t)
{
	assert(t->state != TICKET_FREE);
	list_remove(&t->link);
	free(t->bits);
	*t = (struct ticket){.state = TICKET_FREE,
			     .slot = t->slot,
			     .number = t->number,
			     .next_free = r->free_ticket};
	r->free_ticket = t->slot;
	r->n_tickets--;
}

struct ticket *ticket_find(struct run *r, uint32_t number, uint32_t lane)
{
	struct ticket *t = &r->tickets[FRAME_TICKET_SLOT(number)];

	return t->state == TICKET_SENT && t->number == number && t->lane == lane ? t : NULL;
}

/* ---- chunks ---- */

void chunk_free(struct run *r, struct chunk *chunk)
{
	list_remove(&chunk->link);
	body_unref(&r->lanes, chunk->body);
	free(chunk->done);
	free(chunk->taken);
	free(chunk->suspects);
	free(chunk->recorded);
	free(chunk);
}

static void chunk_on_closed(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	for (struct list *node = r->chunks.next; node != &r->chunks; node = node->next) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		if (chunk->id == op->u.chunk_progress.chunk_id) {
			chunk_free(r, chunk);
			return;
		}
	}
}

struct lop_chunk_progress *chunk_progress(struct run *r, struct chunk *chunk)
{
	struct arena *a = commit_arena(r->commit);

	if (chunk->op_in != commit_number(r->commit)) {
		chunk->op = commit_add(r->commit, LOP_CHUNK_PROGRESS, NULL, NULL);
		chunk->op_in = commit_number(r->commit);
		chunk->is_mark_awaited = false;
		chunk->op->u.chunk_progress = (struct lop_chunk_progress){
			.run_id = r->id,
			.step = r->step,
			.chunk_id = chunk->id,
			.epoch = chunk->epoch,
			.rev = ++chunk->rev,
			.n = chunk->n,
			.started = arena_alloc(a, BITS_BYTES(chunk->n)),
			.done = arena_alloc(a, BITS_BYTES(chunk->n))};
	}
	return &chunk->op->u.chunk_progress;
}

/* The bits belong to the arena of a transaction that is still open: ours to write. */
void progress_mark(const uint8_t *bits, size_t index)
{
	bits_set((uint8_t *)(uintptr_t)bits, index);
}

void chunk_settle(struct run *r, struct chunk *chunk, uint32_t index)
{
	struct lop_chunk_progress *progress = chunk_progress(r, chunk);

	assert(!bits_get(chunk->done, index) && bits_get(chunk->taken, index));
	progress_mark(progress->done, index);
	bits_set(chunk->done, index);
	if (++chunk->n_done < chunk->n)
		return;
	progress->close = true;
	chunk->is_closed = true;
	commit_wait(r->commit, chunk->op, chunk_on_closed, r);
}

void chunk_untake(struct run *r, struct chunk *chunk, uint32_t index)
{
	assert(bits_get(chunk->taken, index) && !bits_get(chunk->done, index));
	bits_clear(chunk->taken, index);
	chunk->n_taken--;
	r->pending++;
	if (index < chunk->next)
		chunk->next = index;
}

void chunk_suspect(struct run *r, struct chunk *chunk, uint32_t index)
{
	(void)r;
	if (chunk->suspects == NULL)
		chunk->suspects = xcalloc(1, BITS_BYTES(chunk->n));
	assert(!bits_get(chunk->suspects, index));
	bits_set(chunk->suspects, index);
	chunk->n_suspects++;
}

struct ticket *ticket_for_suspect(struct run *r, struct chunk *chunk, uint32_t index)
{
	struct ticket *t = ticket_new(r);

	if (t == NULL)
		return NULL;
	bits_clear(chunk->suspects, index);
	chunk->n_suspects--;
	t->state = TICKET_AHEAD;
	t->chunk = chunk;
	t->index = index;
	t->attempt = 1;
	t->unclear_since = chunk->suspects_since;
	t->was_recorded = chunk->recorded != NULL && bits_get(chunk->recorded, index);
	return t;
}

static void chunk_take_row(struct run *r, const struct ledger_chunk_row *row)
{
	struct chunk *chunk = xnew(struct chunk);
	size_t bytes = BITS_BYTES(row->n);

	*chunk = (struct chunk){.id = row->id,
				.first_item = row->first_item,
				.n = row->n,
				.epoch = row->epoch,
				.done = xmemdup(row->done, bytes),
				.taken = xmemdup(row->done, bytes),
				.n_done = (uint32_t)bits_count(row->done, row->n)};
	chunk->n_taken = chunk->n_done;
	chunk->body = body_ref(&r->lanes, row);
	list_append(&r->chunks, &chunk->link);
	/* A lane died with it in the hands of an engine that did not live to find out which item it
	 * was. */
	if (row->crashes > 0 && !r->needs_start_mark) {
		for (uint32_t i = 0; i < row->n; i++) {
			if (bits_get(chunk->taken, i))
				continue;
			bits_set(chunk->taken, i);
			chunk->n_taken++;
			chunk_suspect(r, chunk, i);
		}
	}
	r->pending += chunk->n - chunk->n_taken;
}

/* ---- claiming ---- */

static void claim_on_chunks(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_chunk_claim *claim = &op->u.chunk_claim;

	r->chunk_claim_out = false;
	for (size_t i = 0; i < claim->ret_n; i++)
		chunk_take_row(r, &claim->ret_rows[i]);
	if (claim->ret_n < claim->max) {
		r->no_more_chunks = true;
		r->reclaim_at = r->ops->boot_us(r->world) + RECLAIM_US;
	}
}

void claim_chunks(struct run *r, uint32_t max)
{
	struct ledger_op *op = commit_add(r->commit, LOP_CHUNK_CLAIM, claim_on_chunks, r);

	op->u.chunk_claim = (struct lop_chunk_claim){.run_id = r->id, .step = r->step, .max = max};
	r->chunk_claim_out = true;
}

void loose_take_row(struct run *r, const struct ledger_loose_row *row)
{
	struct loose *loose = xnew(struct loose);
	struct arena *a = &loose->arena;

	loose->row = *row;
	loose->row.key = arena_str(a, row->key);
	loose->row.person = arena_str(a, row->person);
	loose->row.err_class = arena_str(a, row->err_class);
	loose->row.err = arena_str(a, row->err);
	loose->row.fingerprint = arena_str(a, row->fingerprint);
	loose->row.body = NULL;
	if (row->state == LOOSE_HELD) {
		if (row->was_begun)
			loose->unclear_since = row->first_started;
		/* Its last lane died with it, alone or among others: this time it is alone. */
		loose->is_suspect = row->crashes > 0 ||
				    strcmp(loose->row.err_class, SETTLE_CRASH) == 0;
	}
	loose->body = body_ref(&r->lanes,
			       &(const struct ledger_chunk_row){.id = row->chunk_id,
								.first_item = row->first_item,
								.n = row->chunk_n,
								.body = row->body,
								.body_len = row->body_len});
	list_append(&r->loose, &loose->link);
	r->n_loose++;
	r->n_loose_waiting++;
}

void loose_free(struct run *r, struct loose *loose)
{
	list_remove(&loose->link);
	r->n_loose--;
	r->n_loose_waiting -= !loose->has_ticket;
	body_unref(&r->lanes, loose->body);
	arena_done(&loose->arena);
	free(loose);
}

static void claim_on_loose(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_loose_claim *claim = &op->u.loose_claim;

	r->loose_claim_out = false;
	r->loose_claimed = 0;
	r->n_retrying -= (int64_t)claim->ret_n;
	for (size_t i = 0; i < claim->ret_n; i++)
		loose_take_row(r, &claim->ret_rows[i]);
	/* What is due later was not told: the idle check asks for it. */
	if (claim->ret_n == claim->max)
		run_note_due(r, claim->now);
}

void claim_loose(struct run *r, uint32_t max)
{
	probe_claim(r, max);
	struct ledger_op *op = commit_add(r->commit, LOP_LOOSE_CLAIM, claim_on_loose, r);
	op->u.loose_claim = (struct lop_loose_claim){
		.run_id = r->id, .step = r->step, .now = r->ops->now(r->world), .max = max};
	r->loose_claim_out = true;
	r->loose_claimed = max;
	r->next_due = UTIME_NEVER;
}

void run_note_due(struct run *r, utime due)
{
	if (due < r->next_due)
		r->next_due = due;
}

void loose_set_ticket(struct run *r, struct loose *loose, bool has_ticket)
{
	assert(loose->has_ticket != has_ticket);
	loose->has_ticket = has_ticket;
	if (has_ticket)
		r->n_loose_waiting--;
	else
		r->n_loose_waiting++;
}

uint32_t begun_room(struct run *r)
{
	/* What came back since the last commit went out does not count: the very commit that marks
	 * others says of these how they ended. */
	uint32_t begun = r->n_sent + r->n_marking + r->n_ahead + r->n_loose_waiting +
			 r->loose_claimed + settle_flying(r);
	uint32_t most = 3 * r->limit + SENT_AHEAD;

	return begun < most ? most - begun : 0;
}

/* A claim is a mark, too: it is for those that have what they need to begin. */
uint32_t claim_loose_room(struct run *r)
{
	uint32_t prepared = r->n_ahead + r->n_marking + r->n_loose_waiting + r->loose_claimed;
	uint32_t most = share_room(r);
	uint32_t room = prepared < most ? most - prepared : 0;

	return room < begun_room(r) ? room : begun_room(r);
}

static uint32_t chunks_untaken(struct run *r)
{
	uint32_t n = 0;

	for (struct list *node = r->chunks.next; node != &r->chunks; node = node->next) {
		const struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		n += chunk->n_taken < chunk->n;
	}
	return n;
}

static uint32_t claim_wanted(struct run *r)
{
	uint32_t ahead = 2 * r->limit;

	if (r->is_bulk) {
		uint32_t have = chunks_untaken(r);
		return have >= r->limit ? 0 : ahead - have;
	}
	if (r->pending >= ahead)
		return 0;
	return (ahead - r->pending + (uint32_t)r->job->chunk_items - 1) /
	       (uint32_t)r->job->chunk_items;
}

/* One item to send as a probe; one that has never failed, if there is any. */
static void claim_probe(struct run *r)
{
	if (r->n_sent + r->pending + r->n_loose_waiting + r->n_ahead + r->n_marking > 0 ||
	    r->chunk_claim_out || r->loose_claim_out)
		return;
	if (!r->no_more_chunks)
		claim_chunks(r, 1);
	else if (r->next_due <= r->ops->now(r->world) && begun_room(r) > 0)
		claim_loose(r, 1);
}

void claim_turn(struct run *r)
{
	utime now = r->ops->now(r->world);
	uint32_t want = claim_wanted(r);

	/* While it is open nothing is claimed, nor what would not end in time. */
	if (protect_holds(r) || pulse_awaits(r->pulse) || !window_fits(r, 0))
		return;
	if (r->no_more_chunks && r->ops->boot_us(r->world) >= r->reclaim_at && r->looks_for_dead)
		r->no_more_chunks = false;
	if (protect_is_probing(r)) {
		claim_probe(r);
		return;
	}
	if (want > CLAIM_CHUNKS_MAX)
		want = CLAIM_CHUNKS_MAX;
	if (want > 0 && !r->chunk_claim_out && !r->no_more_chunks)
		claim_chunks(r, want);
	/* Retries share the slots fairly with chunks: half of them at most. */
	uint32_t limit = run_limit_now(r);
	uint32_t share = limit > 1 && r->pending > 0 ? limit / 2 : limit;
	uint32_t have = r->n_loose;
	uint32_t max = have < share ? share - have : 0;
	if (max > claim_loose_room(r))
		max = claim_loose_room(r);
	if (r->next_due <= now && !r->loose_claim_out && max > 0)
		claim_loose(r, max);
}

bool dispatch_is_idle(const struct run *r)
{
	return list_is_empty(&r->chunks) && list_is_empty(&r->loose) && r->n_tickets == 0 &&
	       !r->chunk_claim_out && !r->loose_claim_out;
}
