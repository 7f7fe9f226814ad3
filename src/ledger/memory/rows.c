/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of rows for the caller, and what can be counted.
 *
 * Everything handed out is copied, though the ledger's own memory would last: who uses a result
 * after its transaction was freed must fail here as it would on a real ledger.
 */
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

void mem_put_run(struct arena *a, const struct mem_run *run, struct ledger_run_row *ret_row)
{
	*ret_row = run->row;
	ret_row->job = arena_str(a, run->row.job);
	ret_row->due_key = arena_str(a, run->row.due_key);
	ret_row->name = arena_str(a, run->row.name);
	ret_row->slot = arena_str(a, run->row.slot);
	ret_row->date = arena_str(a, run->row.date);
	ret_row->params = arena_str(a, run->row.params);
	ret_row->job_text = arena_str(a, run->row.job_text);
	ret_row->job_path = arena_str(a, run->row.job_path);
	ret_row->reason = arena_str(a, run->row.reason);
	ret_row->source_path = arena_str(a, run->row.source_path);
	const struct mem_step *now = mem_step_now(run);
	ret_row->effect = now->row.effect;
	ret_row->doubt = now->row.doubt;
	ret_row->key_valid_us = now->row.key_valid_us;
	ret_row->loader = now->loader;
	ret_row->loader_epoch = now->loader_epoch;
	struct ledger_step_row *steps = arena_alloc(a, run->steps.n * sizeof(*steps));
	for (size_t k = 0; k < run->steps.n; k++) {
		steps[k] = ((const struct mem_step *)run->steps.at[k])->row;
		steps[k].name = arena_str(a, steps[k].name);
	}
	ret_row->steps = steps;
	ret_row->n_steps = run->steps.n;
}

struct mem_step *mem_step_find(const struct mem_run *run, int32_t step)
{
	return step < 1 || (size_t)step > run->steps.n ? NULL : run->steps.at[step - 1];
}

struct mem_step *mem_step_now(const struct mem_run *run)
{
	return run->steps.at[run->row.step - 1];
}

void mem_put_instance(const struct memory *m, struct arena *a, const struct mem_instance *i,
		      struct ledger_instance_row *ret_row)
{
	struct ledger_lane_row *lanes = arena_alloc(a, i->lanes.n * sizeof(*lanes));

	for (size_t k = 0; k < i->lanes.n; k++)
		memcpy(&lanes[k], i->lanes.at[k], sizeof(lanes[k]));
	*ret_row = i->row;
	ret_row->name = arena_str(a, i->row.name);
	ret_row->host = arena_str(a, i->row.host);
	ret_row->boot_id = arena_str(a, i->row.boot_id);
	ret_row->is_gone = i->is_killed && !m->base.has_beats;
	ret_row->is_lock_free = i->is_killed && m->base.has_beats;
	ret_row->lanes = lanes;
	ret_row->n_lanes = i->lanes.n;
}

void mem_put_chunk(struct arena *a, const struct mem_chunk *c, bool with_body,
		   struct ledger_chunk_row *ret_row)
{
	*ret_row = (struct ledger_chunk_row){
		.id = c->id,
		.run_id = c->run_id,
		.step = c->step,
		.first_item = c->first_item,
		.n = c->n,
		.state = c->state,
		.owner = c->owner,
		.epoch = c->epoch,
		.crashes = c->crashes,
		.rev = c->rev,
		.started = arena_dup(a, c->started, BITS_BYTES(c->n)),
		.done = arena_dup(a, c->done, BITS_BYTES(c->n)),
		.told = arena_dup(a, c->told, BITS_BYTES(c->n)),
	};
	if (with_body) {
		ret_row->body = arena_dup(a, c->body, c->body_len);
		ret_row->body_len = c->body_len;
	}
}

void mem_put_loose(struct arena *a, const struct mem_loose *l, struct ledger_loose_row *ret_row)
{
	*ret_row = (struct ledger_loose_row){
		.run_id = l->run_id,
		.step = l->chunk->step,
		.item = l->item,
		.chunk_id = l->chunk->id,
		.first_item = l->chunk->first_item,
		.chunk_n = l->chunk->n,
		.key = arena_str(a, l->key),
		.person = arena_str(a, l->person),
		.state = l->state,
		.attempt = l->attempt,
		.crashes = l->crashes,
		.redo = l->redo,
		.epoch = l->epoch,
		.owner = l->owner,
		.first_started = rule_utime(l->first_started_ms),
		.was_begun = l->was_begun,
		.not_before = rule_utime(l->not_before_ms),
		.quiet_until = rule_utime(l->quiet_until_ms),
		.nos = l->nos,
		.unclear = l->unclear,
		.tries = l->tries,
		.spent_us = l->spent_us,
		.request = l->request,
		.err_class = arena_str(a, l->err_class),
		.err = arena_str(a, l->err),
		.fingerprint = arena_str(a, l->fingerprint),
	};
}

static size_t mem_chunk_running(const struct mem_chunk *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += bits_get(c->started, i) && !bits_get(c->done, i) ? 1 : 0;
	return n;
}

/* `inc`: whose chunks are not another's. Returns how many done bits there are. */
static int64_t mem_count_chunks(const struct mem_run *run, int32_t step, int64_t inc,
				struct ledger_counts *counts)
{
	int64_t done = 0;

	for (size_t k = 0; k < run->chunks.n; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		if (step != 0 && c->step != step)
			continue;
		size_t n_done = c->state == CHUNK_CLOSED ? c->n : bits_count(c->done, c->n);
		size_t n_running = c->state == CHUNK_HELD ? mem_chunk_running(c) : 0;
		done += (int64_t)n_done;
		counts->running += (int64_t)n_running;
		counts->waiting += (int64_t)(c->n - n_done - n_running);
		counts->ready_chunks += c->state == CHUNK_READY ? 1 : 0;
		counts->held_by_others += c->state == CHUNK_HELD && c->owner != inc ? 1 : 0;
	}
	return done;
}

void mem_count(const struct mem_run *run, int32_t step, int64_t inc,
	       struct ledger_counts *ret_counts)
{
	int64_t due_ms = INT64_MAX;
	int64_t n_loose = 0;

	*ret_counts = (struct ledger_counts){0};
	int64_t done_bits = mem_count_chunks(run, step, inc, ret_counts);
	for (size_t k = 0; k < run->loose.n; k++) {
		const struct mem_loose *l = run->loose.at[k];
		if (step != 0 && l->chunk->step != step)
			continue;
		n_loose++;
		rule_count_loose(ret_counts, l->state, 1);
		if ((l->state == LOOSE_RETRY || l->state == LOOSE_DOUBT) &&
		    l->not_before_ms < due_ms)
			due_ms = l->not_before_ms;
		ret_counts->held_by_others += l->owner != 0 && l->owner != inc ? 1 : 0;
	}
	rule_count_done(ret_counts, done_bits, n_loose);
	ret_counts->next_due = rule_utime(due_ms);
}

bool mem_step_is_empty(const struct mem_run *run, int32_t step)
{
	for (size_t k = 0; k < run->chunks.n; k++) {
		const struct mem_chunk *c = run->chunks.at[k];
		if (c->step == step && c->state != CHUNK_CLOSED)
			return false;
	}
	for (size_t k = 0; k < run->loose.n; k++) {
		const struct mem_loose *l = run->loose.at[k];
		if (l->chunk->step == step &&
		    (l->state == LOOSE_RETRY || l->state == LOOSE_HELD || l->state == LOOSE_DOUBT ||
		     l->state == LOOSE_PROBING))
			return false;
	}
	return true;
}
