/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: which lane may have how many items at once, and how many more may wait there.
 *
 * Each lane has a fixed share of the concurrency, so that what runs never exceeds it, however often
 * a lane dies and comes again. Where attempts are short, SENT_AHEAD more wait in the lanes, so that
 * what ends there is followed by the next at once; what waits longer than RECALL_US is called back,
 * so that nothing waits behind a long attempt while another lane is free.
 */
#include "engine/run.h"

#define START_AHEAD_BELOW_US (100 * US_PER_MS)
#define RECALL_US (250 * US_PER_MS)

enum { UNITS_PER_LANE = 2, UNITS_PER_LANE_OF_TABLE = 32 };

uint32_t slots_units_per_lane(const struct run *r)
{
	/* A lane loads several of them in one transaction. */
	return r->job->work.kind == WORK_TABLE ? UNITS_PER_LANE_OF_TABLE : UNITS_PER_LANE;
}

uint32_t slots_lanes_wanted(const struct run *r)
{
	int64_t want = r->spec->lanes;

	if (!r->is_bulk && want > (int64_t)r->limit)
		want = r->limit;
	if (job_has_target(r->job) && want > r->job->work.concurrency)
		want = r->job->work.concurrency;
	if (job_is_stream(r->job) && r->job->work.workers > 0 && want > r->job->work.workers)
		want = r->job->work.workers;
	if (r->n_items > 0 && r->n_items < want)
		want = r->n_items;
	return (uint32_t)want;
}

bool slots_is_worker(const struct lane *lane)
{
	return lane->number != 0 && lane->role == LANE_WORKER;
}

/* ---- calling back ---- */

void slots_recall_lane(struct lane *lane)
{
	if (lane->was_recalled)
		return;
	frame_put_empty(&lane->out, FRAME_RECALL);
	lane->was_recalled = true;
}

void slots_recall(struct run *r)
{
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (slots_is_worker(&r->lanes.lane[i]))
			slots_recall_lane(&r->lanes.lane[i]);
}

void slots_recall_waiting(struct run *r)
{
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (slots_is_worker(&r->lanes.lane[i]) &&
		    r->lanes.lane[i].in_flight > r->lanes.lane[i].slots)
			slots_recall_lane(&r->lanes.lane[i]);
}

/* ---- dealing ---- */

/* Its share of the concurrency. Those that are to be at once have all of it, and never more,
 * however often one of them dies. */
static void slots_deal_lane(struct run *r, struct lane *lane)
{
	uint32_t want = slots_lanes_wanted(r);
	uint32_t larger = r->limit % want; /* so many lanes have one more than the others */

	for (size_t i = 0; i < r->lanes.n_places && larger > 0; i++)
		if (slots_is_worker(&r->lanes.lane[i]) && r->lanes.lane[i].slots > r->limit / want)
			larger--;
	lane->slots = r->limit / want + (larger > 0 ? 1 : 0);
}

void slots_deal(struct run *r)
{
	uint32_t n = 0;

	for (size_t i = 0; i < r->lanes.n_places; i++)
		n += slots_is_worker(&r->lanes.lane[i]) && r->lanes.lane[i].slots > 0;
	for (size_t i = 0; i < r->lanes.n_places && n < slots_lanes_wanted(r); i++) {
		struct lane *lane = &r->lanes.lane[i];
		if (!slots_is_worker(lane) || lane->slots > 0)
			continue;
		slots_deal_lane(r, lane);
		n++;
	}
}

void slots_deal_anew(struct run *r)
{
	/* What waits would begin by the old shares. */
	slots_recall(r);
	for (size_t i = 0; i < r->lanes.n_places; i++)
		r->lanes.lane[i].slots = 0;
	slots_deal(r);
}

uint32_t slots_marks_ahead(const struct run *r)
{
	bool is_quick = r->attempt_us > 0 && r->attempt_us < START_AHEAD_BELOW_US;

	return is_quick && r->canary_left <= 0 && r->breaker.state == BREAKER_CLOSED ? SENT_AHEAD
										     : 0;
}

uint32_t slots_ahead(const struct run *r)
{
	/* Lanes have shares of the most: what waits there would begin although fewer may run. */
	return run_limit_now(r) < r->limit ? 0 : slots_marks_ahead(r);
}

struct lane *slots_pick_lane(struct run *r, uint32_t ahead)
{
	struct lane *best = NULL;

	for (size_t i = 0; i < r->lanes.n_places; i++) {
		struct lane *lane = &r->lanes.lane[i];
		if (!slots_is_worker(lane) || lane->state != LANE_UP || lane->slots == 0 ||
		    lane->is_exclusive)
			continue;
		if (lane->in_flight >= lane->slots + (lane->was_recalled ? 0 : ahead))
			continue;
		if (best == NULL || lane->in_flight * best->slots < best->in_flight * lane->slots)
			best = lane;
	}
	return best;
}

/* ---- what has waited for long ---- */

/* When the longest of those that wait in the lane has waited long enough. */
static int64_t lane_recall_at(const struct lane *lane)
{
	if (!slots_is_worker(lane) || lane->state != LANE_UP || lane->was_recalled ||
	    lane->in_flight <= lane->slots)
		return INT64_MAX;
	return CONTAINER_OF(lane->sent.next, struct ticket, link)->sent_at + RECALL_US;
}

void slots_recall_late(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (now >= lane_recall_at(&r->lanes.lane[i]))
			slots_recall_lane(&r->lanes.lane[i]);
}

int64_t slots_deadline(const struct run *r)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < r->lanes.n_places; i++)
		at = run_earliest(at, lane_recall_at(&r->lanes.lane[i]));
	return at;
}
