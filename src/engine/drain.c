/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping, between items: nothing new is begun; attempts under way get `grace`, then are ended;
 * what is provably unsent goes back without using an attempt; chunks are given back; the run is
 * left.
 */
#include "engine/run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bits.h"
#include "base/utf8.h"

/* After a cancel: TERM, two seconds, KILL, and the way back. A lane that needs longer is killed. */
#define CUT_PATIENCE_US (6 * US_PER_S)

void run_stop(struct run *r, int exit_status, bool fails, const char *fmt, ...)
{
	va_list ap;

	if (r->stop_wanted || r->phase >= RUN_LEAVING)
		return;
	r->stop_wanted = true;
	r->fails = fails;
	r->stop_exit = exit_status;
	va_start(ap, fmt);
	int n = vsnprintf(r->stop_reason, sizeof(r->stop_reason), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(r->stop_reason))
		utf8_mark_cut(r->stop_reason, sizeof(r->stop_reason));
	r->stop_at = r->ops->boot_us(r->world);
	if (r->cut_at == INT64_MAX)
		r->cut_at = r->stop_at + (r->job != NULL ? r->job->window.grace_us : 0);
	if (exit_status != EXIT_LATER)
		run_say(r, SAY_ERROR, "%s: %s", r->row.name != NULL ? r->row.name : "run",
			r->stop_reason);
}

void run_cut(struct run *r)
{
	r->cut_at = r->ops->boot_us(r->world);
}

static void drain_cancel(struct run *r)
{
	r->was_cut = true;
	for (size_t i = 0; i < r->lanes.n_places; i++) {
		struct lane *lane = &r->lanes.lane[i];
		if (!slots_is_worker(lane) || lane->in_flight == 0)
			continue;
		for (struct list *node = lane->sent.next; node != &lane->sent; node = node->next)
			CONTAINER_OF(node, struct ticket, link)->was_cancelled = true;
		frame_put_u32(&lane->out, FRAME_CANCEL, UINT32_MAX);
	}
}

static void drain_unsent(struct run *r)
{
	struct list *node;
	struct list *next;

	LIST_EACH (node, next, &r->ahead)
		settle_unsent(r, CONTAINER_OF(node, struct ticket, link));
	LIST_EACH (node, next, &r->chunks) {
		struct chunk *chunk = CONTAINER_OF(node, struct chunk, link);
		/* Marked started, so they cannot stay in a chunk that is given back (I7). */
		while (r->needs_start_mark && chunk->n_suspects > 0 && r->free_ticket != UINT32_MAX)
			settle_suspect_left(r, chunk,
					    (uint32_t)bits_find_set(chunk->suspects, chunk->n, 0));
	}
	LIST_EACH (node, next, &r->loose) {
		struct loose *loose = CONTAINER_OF(node, struct loose, link);
		if (!loose->has_ticket)
			settle_loose_unsent(r, loose);
	}
}

/* Reading can go on later from the cursor; a finisher's work can be repeated. */
static void drain_end_helpers(struct run *r, bool keeps_finisher)
{
	for (size_t i = 0; i < r->lanes.n_places; i++) {
		struct lane *lane = &r->lanes.lane[i];
		/* It puts away what is left, when all is written down. */
		if (lane->role == LANE_FINISHER && r->ending.is_made && !r->ending.is_ours)
			continue;
		if (lane->number != 0 && lane->role != LANE_WORKER && lane->state != LANE_ENDING &&
		    (lane->role != LANE_FINISHER || !keeps_finisher)) {
			lane->state = LANE_ENDING;
			r->ops->lane_kill(r->world, lane->number);
		}
	}
}

void drain_turn(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	/* What ended is told before the run is left. */
	bool is_telling = r->n_tickets == 0 && list_is_empty(&r->loose) && writeback_drains(r);
	drain_end_helpers(r, is_telling || r->n_tickets > 0);
	slots_recall(r);
	drain_unsent(r);
	commit_hurry(r->commit);
	if (r->n_tickets > 0 && now >= r->cut_at && !r->was_cut)
		drain_cancel(r);
	if (r->n_tickets > 0 && r->was_cut && now >= r->cut_at + CUT_PATIENCE_US) {
		run_say(r, SAY_WARNING,
			"attempts do not end when told to; their processes are killed");
		r->cut_at = now; /* again only after the same patience */
		lanes_kill(&r->lanes);
	}
	if (r->n_tickets > 0 || !list_is_empty(&r->loose) || r->chunk_claim_out ||
	    r->loose_claim_out)
		return;
	if (lanes_find_role(&r->lanes, LANE_READER) != NULL || r->counts_out || r->finish_out ||
	    is_telling || ending_drains(r))
		return;
	run_leave(r);
}

int64_t drain_deadline(const struct run *r)
{
	if (r->n_tickets == 0)
		return writeback_deadline(r);
	return r->was_cut ? r->cut_at + CUT_PATIENCE_US : r->cut_at;
}
