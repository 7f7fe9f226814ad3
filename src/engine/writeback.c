/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing back (on_done, on_dead): what ended durably is said to the source's database, in batches
 * of its own and repeated until that has committed; only then it counts as told here. While the
 * run works it goes on beside; before the run is left, or finished, all that ended is to be told:
 * a later run would load the same rows again.
 *
 * Safety: the list is read by a transaction that has committed, so nothing is said before it is
 * durable (I11). Who dies between the database's commit and ours says it again.
 */
#include "engine/run.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"

#define POLL_US US_PER_S
/* Longer than any answer of a database takes that has limits of its own. */
#define SILENT_US (300 * US_PER_S)

static void writeback_on_told(void *arg, struct ledger_op *op ST_UNUSED)
{
	struct run *r = arg;

	r->writeback.n_putting--;
}

static void put_told(struct run *r, const struct ledger_ended *e)
{
	struct arena *a = commit_arena(r->commit);
	struct lop_ended_told *told =
		&commit_add(r->commit, LOP_ENDED_TOLD, writeback_on_told, r)->u.ended_told;

	r->writeback.n_putting++;
	*told = (struct lop_ended_told){.run_id = r->id,
					.chunk_id = e->chunk_id,
					.n = e->n,
					.done = arena_dup(a, e->done, BITS_BYTES(e->n)),
					.dead = arena_dup(a, e->dead, BITS_BYTES(e->n)),
					.quiet = arena_dup(a, e->quiet, BITS_BYTES(e->n))};
}

/* Growing pauses, as source.retry says. */
static int64_t pause_us(const struct run *r)
{
	const struct job_retry *retry = &r->job->source.retry;
	double us = (double)(retry->first_us > 0 ? retry->first_us : POLL_US);

	for (int i = 1; i < r->writeback.failures && us < (double)retry->max_us; i++)
		us *= retry->factor;
	return us < (double)retry->max_us || retry->max_us == 0 ? (int64_t)us : retry->max_us;
}

static void writeback_fail(struct run *r, const char *why)
{
	struct writeback *w = &r->writeback;

	w->failures++;
	w->after = 0;
	w->found = false;
	w->not_before = r->ops->boot_us(r->world) + pause_us(r);
	(void)snprintf(w->why, sizeof(w->why), "%s", why); /* cut is well */
	run_say(r, SAY_WARNING, "%s", why);
	/* The next run does it; nobody waits all night for that. */
	if (r->phase == RUN_DRAINING ||
	    (r->phase == RUN_TELLING && w->failures >= r->job->source.retry.attempts)) {
		w->is_over = true;
		w->is_left = true;
	}
}

/* The process that says it, once it is up. */
static struct lane *writeback_lane(struct run *r)
{
	struct err err = ERR_INIT;
	struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);

	if (lane == NULL)
		lane = lanes_start(&r->lanes, LANE_FINISHER, &err);
	if (lane == NULL)
		writeback_fail(r, err.text);
	r->writeback.is_starting = lane != NULL && lane->state != LANE_UP;
	return lane != NULL && lane->state == LANE_UP ? lane : NULL;
}

/* What is to be said of a chunk. */
static bool is_said(const struct run *r, const struct ledger_ended *e)
{
	const struct job_database *database = &r->job->source.database;

	return (database->on_done != NULL && bits_count(e->done, e->n) > 0) ||
	       (database->on_dead != NULL && bits_count(e->dead, e->n) > 0);
}

static void writeback_send(struct run *r, struct lane *lane, const struct ledger_ended *e)
{
	struct writeback *w = &r->writeback;
	struct writeback_open *open = &w->open[w->n_open++];
	size_t bytes = BITS_BYTES(e->n);

	w->sent_at = r->ops->boot_us(r->world);
	open->chunk_id = e->chunk_id;
	open->n = e->n;
	memcpy(open->done, e->done, bytes);
	memcpy(open->dead, e->dead, bytes);
	memcpy(open->quiet, e->quiet, bytes);
	frame_put_then(&lane->out, &(struct frame_then){.chunk_id = e->chunk_id,
							.n = e->n,
							.good = e->done,
							.dead = e->dead,
							.body = e->body,
							.body_len = e->body_len});
}

static void writeback_on_list(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_ended_list *list = &op->u.ended_list;
	struct writeback *w = &r->writeback;
	struct lane *lane = NULL;

	w->is_listing = false;
	if (r->phase >= RUN_LEAVING)
		return;
	for (size_t i = 0; i < list->ret_n; i++) {
		const struct ledger_ended *e = &list->ret_rows[i];
		w->found = true;
		if (!is_said(r, e)) {
			put_told(r, e);
			continue;
		}
		if (lane == NULL)
			lane = writeback_lane(r);
		if (lane == NULL) {
			w->after = 0; /* asked again when it is there */
			return;
		}
		writeback_send(r, lane, e);
	}
	w->after = list->ret_last;
	if (list->ret_more)
		return;
	/* All was looked at. What was found is looked at once more. */
	w->is_over = !w->found;
	w->after = 0;
	if (!w->found && r->phase == RUN_WORKING)
		w->not_before = r->ops->boot_us(r->world) + POLL_US;
	w->found = false;
}

void writeback_turn(struct run *r)
{
	struct writeback *w = &r->writeback;
	const struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);

	w->is_starting = lane != NULL && lane->state != LANE_UP;
	if (w->n_open > 0 && lane != NULL && r->ops->boot_us(r->world) >= w->sent_at + SILENT_US) {
		w->sent_at = r->ops->boot_us(r->world); /* time to die */
		r->ops->lane_kill(r->world, lane->number);
	}
	/* A list goes first in its transaction: it would not see as told what is in the same one,
	 * and that would be said again. */
	if (w->is_listing || w->n_open > 0 || w->n_putting > 0 || w->is_starting ||
	    r->ops->boot_us(r->world) < w->not_before)
		return;
	w->is_listing = true;
	/* Safety: first, so that it sees what is durable already, and nothing by halves. */
	struct lop_ended_list *list =
		&commit_add_first(r->commit, LOP_ENDED_LIST, writeback_on_list, r)->u.ended_list;
	*list = (struct lop_ended_list){
		.run_id = r->id, .step = r->step, .after = w->after, .max = WRITEBACK_PAGE};
}

void writeback_on_frame(struct run *r, const struct frame *frame)
{
	struct writeback *w = &r->writeback;
	struct arena a = {0};
	struct err err = ERR_INIT;
	struct frame_then_done done = {0};
	uint32_t i = 0;

	if (frame->type != FRAME_THEN_DONE || frame_get_then_done(frame, &a, &done, &err) < 0) {
		arena_done(&a);
		return;
	}
	r->lanes.deaths_in_a_row = 0;
	while (i < w->n_open && w->open[i].chunk_id != done.chunk_id)
		i++;
	if (i < w->n_open && r->phase < RUN_LEAVING) {
		const struct writeback_open open = w->open[i];
		w->open[i] = w->open[--w->n_open];
		w->sent_at = r->ops->boot_us(r->world);
		if (done.err[0] != '\0') {
			writeback_fail(r, done.err);
		} else {
			w->failures = 0;
			put_told(r, &(struct ledger_ended){.chunk_id = open.chunk_id,
							   .n = open.n,
							   .done = open.done,
							   .dead = open.dead,
							   .quiet = open.quiet});
		}
	}
	arena_done(&a);
}

void writeback_on_end(struct run *r)
{
	bool is_missed = r->writeback.n_open > 0;

	r->writeback.n_open = 0;
	if (is_missed && r->phase < RUN_LEAVING)
		writeback_fail(r, "the process that writes back died");
}

bool writeback_finish(struct run *r)
{
	const struct writeback *w = &r->writeback;

	if (w->is_over && w->n_open == 0 && !w->is_listing)
		return true;
	writeback_turn(r);
	return false;
}

bool writeback_drains(struct run *r)
{
	struct writeback *w = &r->writeback;

	if (r->job == NULL || !job_writes_back(r->job) || r->fails || w->is_left)
		return false;
	if (!w->is_draining) {
		/* What ended since the last look, and what is not held any more. */
		w->is_draining = true;
		w->is_over = false;
		w->found = true;
		w->after = 0;
		if (w->failures == 0)
			w->not_before = 0;
	}
	if (w->is_over && w->n_open == 0 && !w->is_listing)
		return false;
	if (r->ops->boot_us(r->world) >= r->cut_at) {
		w->is_left = true;
		return false;
	}
	writeback_turn(r);
	return true;
}

int64_t writeback_deadline(const struct run *r)
{
	const struct writeback *w = &r->writeback;

	if (r->job == NULL || !job_writes_back(r->job))
		return INT64_MAX;
	if (r->phase == RUN_TELLING && (r->ending.is_out || r->ending.is_ours))
		return INT64_MAX;
	bool is_answered = w->is_listing || w->n_putting > 0 || w->is_starting;
	int64_t at = w->n_open > 0 ? w->sent_at + SILENT_US
		     : is_answered ? INT64_MAX
				   : w->not_before;
	if (r->phase != RUN_DRAINING)
		return at;
	bool is_ready = !w->is_draining || w->is_left || (w->is_over && w->n_open == 0);
	return is_ready ? INT64_MAX : run_earliest(at, r->cut_at);
}
