/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the hand to a lane: started marks, slots, and who gets what.
 *
 * Which lane has room is slots.c's. An item is marked started only when it has a slot, or, where
 * attempts are short, at most as many again ahead. Items that were with a lane when it died
 * (suspects) are sent alone, to a lane of their own, so that the next death has one possible cause.
 */
#include "engine/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"

#define LANE_MARGIN_US (15 * US_PER_S)
#define UNSETTLED_US (US_PER_MS / 3)
#define BULK_MARGIN_US (60 * US_PER_S)
enum { LANE_DEATHS_MAX = 20 };

static void ticket_send(struct run *r, struct ticket *t, struct lane *lane)
{
	struct body *body = t->loose != NULL ? t->loose->body : t->chunk->body;

	r->ops->lane_clear(r->world, lane->number, t->slot);
	body_give(&r->lanes, lane, body);
	if (t->is_bulk) {
		frame_put_bulk(&lane->out, &(struct frame_bulk){.ticket = t->number,
								.handle = body->handle,
								.n = t->n_bits,
								.bits = t->bits});
	} else {
		share_take(r, t);
		struct frame_work_item item = {.ticket = t->number,
					       .handle = body->handle,
					       .index = t->index,
					       .attempt = t->attempt,
					       .redo = t->loose != NULL ? t->loose->row.redo : 0,
					       .opens_at = t->opens_at,
					       .closes_at = t->closes_at,
					       .is_probe = probe_is(t->loose),
					       .request = t->loose != NULL ? t->loose->row.request
									   : 0};
		frame_put_work(&lane->out,
			       &(struct frame_work){.slots = lane->slots, .n = 1, .items = &item});
	}
	t->state = TICKET_SENT;
	list_remove(&t->link);
	list_append(&lane->sent, &t->link);
	t->lane = lane->number;
	t->sent_at = r->ops->boot_us(r->world);
	if (t->ahead_at != 0)
		stats_timing(r, TIMING_QUEUE, t->sent_at - t->ahead_at);
	lane->in_flight++;
	r->n_sent++;
	if (protect_is_probing(r) && !t->is_bulk)
		r->probed_item = t->loose != NULL ? t->loose->row.item
						  : t->chunk->first_item + t->index;
}

/* May one more be sent, with those that must succeed before the rest begins? */
static bool canary_lets(const struct run *r)
{
	return r->canary_left <= 0 || (int64_t)r->n_sent < r->canary_left;
}

/* May one more item be begun? */
static bool may_begin(struct run *r)
{
	uint32_t under_way = r->n_sent + r->n_marking + r->n_ahead;

	if (!window_fits(r, 0))
		return false;
	if (r->canary_left > 0 && (int64_t)under_way >= r->canary_left)
		return false;
	return protect_lets(r, under_way);
}

/* The one behind the last probe: whatever that has, the next may not have it. */
static uint32_t chunk_next_probe(const struct run *r, const struct chunk *chunk)
{
	int64_t behind = r->probed_item + 1 - chunk->first_item;

	if (!protect_is_probing(r) || behind <= 0 || behind >= (int64_t)chunk->n)
		return chunk->next;
	size_t index = bits_find_clear(chunk->taken, chunk->n, (size_t)behind);
	return index < chunk->n ? (uint32_t)index : chunk->next;
}

/* The next item of a held chunk without a ticket. */
static bool chunk_pick(struct run *r, struct chunk **ret_chunk, uint32_t *ret_index)
{
	for (struct list *node = r->chunks.next; node != &r->chunks; node = node->next) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		if (chunk->n_taken == chunk->n)
			continue;
		chunk->next = (uint32_t)bits_find_clear(chunk->taken, chunk->n, chunk->next);
		assert(chunk->next < chunk->n);
		*ret_chunk = chunk;
		*ret_index = chunk_next_probe(r, chunk);
		return true;
	}
	return false;
}

static struct ticket *ticket_for_item(struct run *r, struct chunk *chunk, uint32_t index)
{
	struct ticket *t = ticket_new(r);

	if (t == NULL)
		return NULL;
	t->chunk = chunk;
	t->index = index;
	t->attempt = 1;
	if (!bits_get(chunk->taken, index)) {
		bits_set(chunk->taken, index);
		chunk->n_taken++;
		r->pending--;
	}
	return t;
}

static void mark_on_durable(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_chunk_progress *progress = &op->u.chunk_progress;

	struct list *node;
	struct list *next;

	/* Safety: O1. Only here, after the commit that also proved that we still own the chunk, may
	 * the items be sent. */
	LIST_EACH (node, next, &r->marking) {
		struct ticket *t = CONTAINER_OF(node, struct ticket, link);
		if (t->chunk->id != progress->chunk_id || !bits_get(progress->started, t->index))
			continue;
		r->n_marking--;
		ticket_await_slot(r, t);
	}
}

static void mark_started(struct run *r, struct ticket *t)
{
	struct lop_chunk_progress *progress = chunk_progress(r, t->chunk);

	progress_mark(progress->started, t->index);
	ticket_await_mark(r, t);
	if (t->chunk->is_mark_awaited)
		return;
	commit_wait(r->commit, t->chunk->op, mark_on_durable, r);
	t->chunk->is_mark_awaited = true;
}

static struct loose *loose_pick(struct run *r, bool suspects)
{
	if (r->n_loose_waiting == 0) /* mostly: all that are here have their tickets */
		return NULL;
	for (struct list *node = r->loose.next; node != &r->loose; node = node->next) {
		struct loose *loose = CONTAINER_OF(node, struct loose, link);
		if (!loose->has_ticket && loose->is_suspect == suspects)
			return loose;
	}
	return NULL;
}

/* As loose_pick; what may not be repeated any more is settled on the way (I8). */
static struct loose *loose_next(struct run *r, bool suspects)
{
	struct loose *loose = loose_pick(r, suspects);

	while (loose != NULL &&
	       !decide_key_lasts(&r->policy, loose->unclear_since, r->ops->now(r->world))) {
		settle_loose_expired(r, loose);
		loose = loose_pick(r, suspects);
	}
	return loose;
}

static struct ticket *ticket_for_loose(struct run *r, struct loose *loose)
{
	struct ticket *t = ticket_new(r);

	if (t == NULL)
		return NULL;
	t->loose = loose;
	t->index = (uint32_t)(loose->row.item - loose->row.first_item);
	t->attempt = loose->row.attempt + 1;
	if (probe_is(loose) && loose->row.attempt > 0)
		t->attempt = loose->row.attempt; /* it is that one which is asked about */
	loose_set_ticket(r, loose, true);
	return t;
}

/* What goes next into a free slot, ready to be sent; NULL when nothing is. */
static struct ticket *ticket_next(struct run *r)
{
	struct chunk *chunk = NULL;
	uint32_t index = 0;

	if (r->n_ahead > 0) {
		r->n_ahead--;
		return CONTAINER_OF(list_first(&r->ahead), struct ticket, link);
	}
	/* What failed before is the worse probe; what needs a mark first would wait for its room.
	 */
	bool prefers_fresh = protect_is_probing(r) && r->pending > 0 && !r->needs_start_mark;
	struct loose *loose = prefers_fresh ? NULL : loose_next(r, false);
	if (loose != NULL)
		return ticket_for_loose(r, loose);
	if (r->needs_start_mark || r->is_bulk || !chunk_pick(r, &chunk, &index))
		return NULL;
	return ticket_for_item(r, chunk, index);
}

/* What is out comes back much sooner than a commit takes: with it, the next commit marks twice as
 * many as without. */
static bool rest_comes_soon(const struct run *r)
{
	return r->needs_start_mark && r->n_sent > 0 &&
	       r->n_sent * r->attempt_us / run_limit_now(r) < r->commit->took_us / 2;
}

/* The lanes will soon have nothing, and what they could have waits for a commit. */
static void hurry_when_short(struct run *r, uint32_t ahead)
{
	bool is_short = r->n_sent < run_limit_now(r) + ahead / 2 ||
			r->n_sent + r->n_unsettled >= 2 * r->limit + ahead;

	/* What is flying makes room when it lands: what is open goes with more in it after that. */
	if (is_short && !commit_is_flying(r->commit) && !rest_comes_soon(r) && share_lets(r))
		commit_hurry(r->commit);
}

/* What comes back counts until it is durable: a crash would repeat it. Together with what is out
 * that is never more than twice the concurrency, and what waits in the lanes. Stream workers end
 * more than that while one commit is under way; where repeating is harmless, what they have ended
 * in the last UNSETTLED_US may be out besides. */
static bool unsettled_lets(struct run *r, uint32_t ahead)
{
	if (r->n_sent + r->n_unsettled < 2 * r->limit + ahead)
		return true;
	return r->policy.effect == DECIDE_PURE && job_is_stream(r->job) && ahead > 0 &&
	       r->ops->boot_us(r->world) - r->unsettled_since < UNSETTLED_US;
}

static void fill_slots(struct run *r)
{
	uint32_t ahead = slots_ahead(r);

	/* What waits in a lane begins when one of those has ended that are under way. */
	while (r->n_sent < run_limit_now(r) + ahead &&
	       window_fits(r, r->n_sent < run_limit_now(r) ? 0 : 1) && unsettled_lets(r, ahead) &&
	       protect_lets(r, r->n_sent) && canary_lets(r) && share_lets(r) &&
	       (r->n_ahead > 0 || may_begin(r))) {
		struct lane *lane = slots_pick_lane(r, ahead);
		if (lane == NULL)
			return;
		struct ticket *t = ticket_next(r);
		if (t == NULL)
			break;
		ticket_send(r, t, lane);
	}
	hurry_when_short(r, ahead);
}

static void fill_marks(struct run *r)
{
	struct chunk *chunk = NULL;
	uint32_t index = 0;
	uint32_t ahead = slots_marks_ahead(r);
	uint32_t room = ahead > 0 ? 2 * run_limit_now(r) + ahead : run_limit_now(r);

	while (r->n_sent + r->n_ahead + r->n_marking + r->n_loose_waiting < room &&
	       r->n_ahead + r->n_marking + r->n_loose_waiting < share_room(r) &&
	       begun_room(r) > 0 && may_begin(r) && chunk_pick(r, &chunk, &index)) {
		struct ticket *t = ticket_for_item(r, chunk, index);
		if (t == NULL)
			return;
		mark_started(r, t);
	}
}

/* ---- bulk units ---- */

static void send_bulk(struct run *r, struct lane *lane, struct chunk *chunk, const uint8_t *bits)
{
	struct ticket *t = ticket_new(r);

	if (t == NULL)
		return;
	t->chunk = chunk;
	t->is_bulk = true;
	t->attempt = 1;
	t->n_bits = chunk->n;
	t->bits = xmemdup(bits, BITS_BYTES(chunk->n));
	ticket_send(r, t, lane);
}

static void fill_bulk(struct run *r)
{
	struct chunk *chunk = NULL;
	uint32_t index = 0;
	uint8_t bits[BITS_BYTES(CHUNK_ITEMS_MAX)];

	/* A lane takes its units one after the other. */
	while (r->n_sent < r->limit && window_fits(r, r->n_sent < r->limit / 2 ? 0 : 1) &&
	       may_begin(r) && chunk_pick(r, &chunk, &index)) {
		struct lane *lane = slots_pick_lane(r, 0);
		if (lane == NULL)
			return;
		memset(bits, 0, BITS_BYTES(chunk->n));
		for (uint32_t i = index; i < chunk->n; i++) {
			if (bits_get(chunk->taken, i))
				continue;
			bits_set(bits, i);
			bits_set(chunk->taken, i);
			chunk->n_taken++;
			r->pending--;
		}
		send_bulk(r, lane, chunk, bits);
	}
}

/* ---- suspects ---- */

static struct chunk *chunk_with_suspect(const struct run *r)
{
	for (struct list *node = r->chunks.next; node != &r->chunks; node = node->next) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		if (chunk->n_suspects > 0)
			return chunk;
	}
	return NULL;
}

bool dispatch_has_suspects(const struct run *r)
{
	return chunk_with_suspect(r) != NULL;
}

/* The lane that works suspects: reserved first, used when it has nothing else. */
static struct lane *lane_reserved(struct run *r)
{
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (r->lanes.lane[i].number != 0 && r->lanes.lane[i].is_exclusive &&
		    r->lanes.lane[i].slots > 0)
			return &r->lanes.lane[i];
	struct lane *lane = slots_pick_lane(r, UINT32_MAX / 2);
	if (lane != NULL) {
		lane->is_exclusive = true;
		if (lane->in_flight > lane->slots)
			slots_recall_lane(lane);
	}
	return lane;
}

static void fill_suspects(struct run *r)
{
	struct chunk *chunk = chunk_with_suspect(r);
	struct loose *loose = loose_next(r, true);

	if (chunk == NULL && loose == NULL)
		return;
	struct lane *lane = lane_reserved(r);
	if (lane == NULL || lane->in_flight > 0 || lane->state != LANE_UP ||
	    r->n_sent >= run_limit_now(r) + slots_ahead(r) || !protect_lets(r, r->n_sent) ||
	    !canary_lets(r) || !window_fits(r, 0) || !share_lets(r))
		return;
	if (loose != NULL) {
		struct ticket *t = ticket_for_loose(r, loose);
		if (t != NULL)
			ticket_send(r, t, lane);
		return;
	}
	uint32_t index = (uint32_t)bits_find_set(chunk->suspects, chunk->n, 0);
	if (!decide_key_lasts(&r->policy, chunk->suspects_since, r->ops->now(r->world))) {
		settle_suspect_left(r, chunk, index); /* to a person */
		return;
	}
	struct ticket *t = ticket_for_suspect(r, chunk, index);
	if (t == NULL)
		return;
	if (r->is_bulk) {
		t->is_bulk = true;
		t->n_bits = chunk->n;
		t->bits = xcalloc(1, BITS_BYTES(chunk->n));
		bits_set(t->bits, index);
	}
	ticket_send(r, t, lane);
}

static void unreserve_lanes(struct run *r)
{
	if (chunk_with_suspect(r) != NULL || loose_pick(r, true) != NULL)
		return;
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (r->lanes.lane[i].in_flight == 0)
			r->lanes.lane[i].is_exclusive = false;
}

/* ---- the turn ---- */

/* Of the workers of a job with mode: stream, how many the next of `missing` lanes is to have. */
static uint32_t stream_share(const struct run *r, int missing)
{
	int all = r->job->work.workers > 0 ? r->job->work.workers : r->spec->cpus;

	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (r->lanes.lane[i].number != 0)
			all -= (int)r->lanes.lane[i].workers;
	return all <= missing ? 1 : (uint32_t)((all + missing - 1) / missing);
}

static void start_workers(struct run *r)
{
	struct err err = ERR_INIT;
	int want = (int)slots_lanes_wanted(r);
	int have = lanes_count(&r->lanes, LANE_WORKER);

	for (; have < want && r->ops->boot_us(r->world) >= r->lanes.not_before; have++) {
		r->hello.workers = job_is_stream(r->job) ? stream_share(r, want - have) : 0;
		const struct lane *lane = lanes_start(&r->lanes, LANE_WORKER, &err);
		r->hello.workers = 0; /* no other kind of lane has any */
		if (lane == NULL) {
			r->lanes.not_before = r->ops->boot_us(r->world) + US_PER_S;
			run_say(r, SAY_WARNING, "no worker process can be started: %s", err.text);
			break;
		}
	}
	slots_deal(r);
}

/* When the lane has been silent for too long: the attempts' time limit, TERM and KILL, and a
 * margin. What was sent first is due first; a stream worker lets it wait behind others, and as long
 * as those are answered all is well. */
static int64_t lane_deadline(const struct run *r, const struct lane *lane)
{
	if (!slots_is_worker(lane) || list_is_empty(&lane->sent))
		return INT64_MAX;
	const struct ticket *t = CONTAINER_OF(lane->sent.next, struct ticket, link);
	int64_t since = t->sent_at;
	if ((job_is_stream(r->job) || t->is_bulk) && lane->heard_at > since)
		since = lane->heard_at;
	return since + r->job->work.timeout_us + (t->is_bulk ? BULK_MARGIN_US : LANE_MARGIN_US);
}

static void kill_silent_lanes(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	for (size_t i = 0; i < r->lanes.n_places; i++) {
		struct lane *lane = &r->lanes.lane[i];
		if (now < lane_deadline(r, lane))
			continue;
		run_say(r, SAY_WARNING,
			"a worker process is silent past its time limit and is ended");
		/* Not again before it had time to die. */
		for (struct list *node = lane->sent.next; node != &lane->sent; node = node->next)
			CONTAINER_OF(node, struct ticket, link)->sent_at = now;
		r->ops->lane_kill(r->world, lane->number);
	}
}

void dispatch_turn(struct run *r)
{
	start_workers(r);
	if (r->lanes.deaths_in_a_row >= LANE_DEATHS_MAX) {
		run_stop(r, EXIT_INTERNAL, false,
			 "worker processes die without having done anything");
		return;
	}
	if (protect_gave_up(r))
		return;
	kill_silent_lanes(r);
	slots_recall_late(r);
	unreserve_lanes(r);
	protect_turn(r);
	claim_turn(r);
	if (!pulse_lets(r->pulse, r->ops->boot_us(r->world)))
		return;
	fill_suspects(r);
	if (r->is_bulk)
		fill_bulk(r);
	fill_slots(r);
	if (r->needs_start_mark)
		fill_marks(r);
	share_turn(r);
}

int64_t dispatch_deadline(const struct run *r)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < r->lanes.n_places; i++)
		at = run_earliest(at, lane_deadline(r, &r->lanes.lane[i]));
	at = run_earliest(at, slots_deadline(r));
	at = run_earliest(at, protect_deadline(r));
	if (pulse_lets(r->pulse, r->ops->boot_us(r->world)))
		at = run_earliest(at, share_deadline(r));
	/* While it holds nothing else can be done: each deadline must be one that is acted upon. */
	if (protect_holds(r) || pulse_awaits(r->pulse))
		return at;
	if (r->no_more_chunks && r->looks_for_dead && !r->chunk_claim_out && r->reclaim_at < at &&
	    window_fits(r, 0))
		at = r->reclaim_at;
	if (lanes_count(&r->lanes, LANE_WORKER) == 0 && r->lanes.not_before < at)
		at = r->lanes.not_before;
	return at;
}
