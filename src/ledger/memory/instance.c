/* SPDX-License-Identifier: Apache-2.0 */
/* Instances, their lanes, and R: the reap of the dead. */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "ledger/memory/memory.h"
#include "ledger/rules.h"

int mem_instance_begin(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_instance_begin *b = &op->u.instance_begin;

	for (size_t k = 0; k < m->instances.n; k++) {
		const struct mem_instance *known = m->instances.at[k];
		if (memcmp(known->row.nonce, b->nonce, sizeof(b->nonce)) == 0) {
			b->ret_inc = txn->inc = known->row.inc;
			return 0; /* sent again: the answer was lost */
		}
	}
	struct mem_instance *i = arena_new(&m->arena, struct mem_instance);
	i->row = (struct ledger_instance_row){
		.inc = (int64_t)m->instances.n + 1,
		.name = mem_text(m, b->name),
		.host = mem_text(m, b->host),
		.boot_id = mem_text(m, b->boot_id),
		.pid = b->pid,
		.state = INSTANCE_LIVE,
		.started_at = rule_utime(rule_ms(txn->now)),
		.quarantine_us = rule_ms_up(b->quarantine_us) * US_PER_MS,
	};
	memcpy(i->row.nonce, b->nonce, sizeof(b->nonce));
	i->is_killed = m->base.has_beats; /* its first beat takes the lock */
	mem_list_push(m, &m->instances, i);
	b->ret_inc = txn->inc = i->row.inc;
	memcpy(txn->nonce, b->nonce, sizeof(b->nonce));
	return 0;
}

int mem_instance_list(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_instance_list *l = &op->u.instance_list;
	struct ledger_instance_row *rows = arena_alloc(&txn->arena, m->instances.n * sizeof(*rows));

	l->ret_n = 0;
	for (size_t k = 0; k < m->instances.n; k++) {
		const struct mem_instance *i = m->instances.at[k];
		if (i->row.inc != txn->inc &&
		    (i->row.state == INSTANCE_LIVE || i->row.state == INSTANCE_STOPPING))
			mem_put_instance(m, &txn->arena, i, &rows[l->ret_n++]);
	}
	l->ret_rows = rows;
	return 0;
}

int mem_instance_quarantine(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct mem_instance *i = mem_instance_find(m, txn->inc);
	int64_t us = rule_ms_up(op->u.instance_quarantine.quarantine_us) * US_PER_MS;

	assert(i != NULL);
	if (i->row.quarantine_us >= us)
		return 0;
	MEM_TOUCH(m, i);
	i->row.quarantine_us = us;
	return 0;
}

int mem_instance_stopping(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct mem_instance *i = mem_instance_find(m, txn->inc);

	(void)op;
	assert(i != NULL);
	MEM_TOUCH(m, i);
	i->row.state = INSTANCE_STOPPING;
	return 0;
}

static bool mem_instance_holds(const struct memory *m, int64_t inc)
{
	for (size_t k = 0; k < m->chunks.n; k++) {
		const struct mem_chunk *c = m->chunks.at[k];
		if (c != NULL && c->state == CHUNK_HELD && c->owner == inc)
			return true;
	}
	for (size_t k = 0; k < m->runs.n; k++) {
		const struct mem_run *run = m->runs.at[k];
		for (size_t j = 0; j < run->loose.n; j++) {
			const struct mem_loose *l = run->loose.at[j];
			if (l->owner == inc)
				return true;
		}
	}
	return false;
}

/* The instance is on no run any more, loads none and probes nothing. What it was to do at the end
 * of a run nobody begins before `not_before_ms`. */
static void mem_instance_leave(struct memory *m, struct mem_instance *i, int64_t not_before_ms)
{
	for (size_t k = 0; k < m->runs.n; k++) {
		struct mem_run *run = m->runs.at[k];
		mem_list_remove(m, &run->joined, i);
		mem_run_unloaded(m, run, i->row.inc);
		mem_endings_free(m, run, i->row.inc, not_before_ms);
	}
	mem_breakers_release(m, i->row.inc);
	MEM_TOUCH(m, i);
	i->lanes.n = 0;
}

int mem_instance_end(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct mem_instance *i = mem_instance_find(m, txn->inc);

	(void)op;
	assert(i != NULL);
	if (mem_instance_holds(m, txn->inc))
		return mem_lost(txn, "instance %lld still holds work", (long long)txn->inc);
	mem_instance_leave(m, i, 0);
	i->row.state = INSTANCE_ENDED;
	mem_requests_lapse(m, 0, txn->inc);
	return 0;
}

static struct ledger_lane_row *mem_lane_find(const struct mem_instance *i, int64_t pid,
					     int64_t start_time)
{
	for (size_t k = 0; k < i->lanes.n; k++) {
		struct ledger_lane_row *lane = i->lanes.at[k];
		if (lane->pid == pid && lane->start_time == start_time)
			return lane;
	}
	return NULL;
}

int mem_lane_put(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_lane_put *p = &op->u.lane_put;
	struct mem_instance *i = mem_instance_find(m, txn->inc);

	assert(i != NULL);
	if (mem_lane_find(i, p->pid, p->start_time) != NULL)
		return 0;
	struct ledger_lane_row *lane = arena_new(&m->arena, struct ledger_lane_row);
	*lane = (struct ledger_lane_row){txn->inc, p->pid, p->start_time};
	size_t place = 0;
	while (place < i->lanes.n) {
		const struct ledger_lane_row *other = i->lanes.at[place];
		if (other->pid > p->pid ||
		    (other->pid == p->pid && other->start_time > p->start_time))
			break;
		place++;
	}
	mem_list_insert(m, &i->lanes, place, lane);
	return 0;
}

int mem_lane_drop(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	const struct lop_lane_drop *d = &op->u.lane_drop;
	struct mem_instance *i = mem_instance_find(m, txn->inc);

	assert(i != NULL);
	struct ledger_lane_row *lane = mem_lane_find(i, d->pid, d->start_time);
	if (lane != NULL)
		mem_list_remove(m, &i->lanes, lane);
	return 0;
}

/* ---- R ---- */

/* How what a dead instance had begun goes into doubt. */
struct mem_burial {
	int64_t dead;
	int64_t not_before_ms;
	bool is_proven; /* nothing that it started may still act */
};

/* Safety: what was started and is not done goes into doubt in the same transaction that frees its
 * chunk; otherwise the next owner would do it again. */
static int64_t mem_reap_chunk(struct memory *m, struct ledger_txn *txn, struct mem_chunk *c,
			      const struct mem_burial *burial)
{
	const char *const *keys = NULL;
	int64_t doubtful = 0;
	bool only_started = rule_only_started(
		mem_step_find(mem_run_find(m, c->run_id), c->step)->row.effect, burial->is_proven);

	mem_touch(m, c->done, BITS_BYTES(c->n));
	for (uint32_t i = 0; i < c->n; i++) {
		if (bits_get(c->done, i) || (only_started && !bits_get(c->started, i)))
			continue;
		if (keys == NULL)
			keys = rule_keys(&txn->arena, c->keys, c->n);
		struct mem_loose *l = mem_loose_add(m, c, c->first_item + i);
		l->key = mem_text_or_null(m, keys[i]);
		l->state = LOOSE_DOUBT;
		l->first_started_ms = only_started ? c->claimed_ms : 0;
		l->not_before_ms = l->quiet_until_ms = burial->not_before_ms;
		l->err_class = RULE_OWNER_LOST;
		l->err = RULE_OWNER_LOST_TEXT;
		bits_set(c->done, i);
		doubtful++;
	}
	mem_chunk_free(m, c);
	return doubtful;
}

static int64_t mem_reap_run(struct memory *m, struct mem_run *run, const struct mem_burial *burial)
{
	int64_t doubtful = 0;

	for (size_t k = 0; k < run->loose.n; k++) {
		struct mem_loose *l = run->loose.at[k];
		if (l->owner != burial->dead)
			continue;
		bool was_probing = l->state == LOOSE_PROBING;
		MEM_TOUCH(m, l);
		l->state = LOOSE_DOUBT;
		l->owner = 0;
		l->token = 0;
		if (was_probing)
			continue; /* asking has no effect that could still come */
		l->not_before_ms = l->quiet_until_ms = burial->not_before_ms;
		l->nos = l->unclear = 0;
		l->err_class = RULE_OWNER_LOST;
		l->err = RULE_OWNER_LOST_TEXT;
		l->fingerprint = "";
		doubtful++;
	}
	return doubtful;
}

static int64_t mem_reap_now(struct memory *m, struct ledger_txn *txn, struct mem_instance *i,
			    const struct mem_burial *burial)
{
	int64_t dead = burial->dead;
	int64_t doubtful = 0;

	for (size_t k = 0; k < m->runs.n; k++)
		doubtful += mem_reap_run(m, m->runs.at[k], burial);
	for (size_t k = 0; k < m->chunks.n; k++) {
		struct mem_chunk *c = m->chunks.at[k];
		if (c != NULL && c->state == CHUNK_HELD && c->owner == dead)
			doubtful += mem_reap_chunk(m, txn, c, burial);
	}
	mem_instance_leave(m, i, burial->not_before_ms);
	i->row.state = INSTANCE_REAPED;
	i->reaped_by = txn->inc;
	mem_requests_lapse(m, 0, dead);
	for (size_t k = 0; k < m->runs.n; k++)
		mem_requests_settle(m, m->runs.at[k], rule_ms(txn->now));
	return doubtful;
}

int mem_reap(struct memory *m, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_reap *r = &op->u.reap;
	struct mem_instance *i = mem_instance_find(m, r->dead);

	r->ret_done = false;
	r->ret_doubtful = 0;
	if (m->is_replay) {
		r->ret_done = i != NULL && i->row.state == INSTANCE_REAPED &&
			      i->reaped_by == txn->inc;
		return 0;
	}
	if (i == NULL || r->dead == txn->inc ||
	    (i->row.state != INSTANCE_LIVE && i->row.state != INSTANCE_STOPPING))
		return 0;
	/* Safety: a beat since it was watched means that it lives, whatever its lock says. */
	bool is_gone = m->base.has_beats ? i->row.beat == r->beat && (i->is_killed || r->is_hung)
					 : i->is_killed;
	if (!is_gone)
		return 0;
	const struct mem_burial burial = {.dead = r->dead,
					  .not_before_ms = rule_ms_up(txn->now + r->quarantine_us),
					  .is_proven = r->quarantine_us == 0};
	r->ret_doubtful = mem_reap_now(m, txn, i, &burial);
	r->ret_done = true;
	return 0;
}
