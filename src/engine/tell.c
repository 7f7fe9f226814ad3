/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of chunks on its way to the finisher, and back: the source is told (then: move, delete),
 * or what is done once at the end (ending.c) gets what it is made of. All is settled and durable
 * before (O3, I11).
 */
#include "engine/run.h"

#include <stdio.h>

#include "base/err.h"

enum { TELL_PAGE = 8 };

static void tell_fail(struct run *r, const char *why, bool is_lasting)
{
	if (!r->tell.has_failed) {
		(void)snprintf(r->tell.words, sizeof(r->tell.words), "%s", why);
		r->tell.is_lasting = is_lasting;
	}
	r->tell.has_failed = true;
}

void tell_begin(struct run *r, uint8_t ending, int64_t epoch, bool takes_items)
{
	r->tell = (struct tell){
		.ending = ending, .epoch = epoch, .takes_items = takes_items, .result = ""};
}

/* NULL: not yet, or not any more. */
static struct lane *tell_lane(struct run *r)
{
	struct err err = ERR_INIT;
	struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);

	/* One that failed, or is left of what was done before, has to be gone. */
	if (r->tell.is_begun || (lane == NULL && lanes_count(&r->lanes, LANE_FINISHER) > 0))
		return lane;
	r->tell.is_begun = true;
	if (lane == NULL)
		lane = lanes_start(&r->lanes, LANE_FINISHER, &err);
	if (lane == NULL) {
		tell_fail(r, err.text, false);
		r->tell.has_ended = true;
	}
	return lane;
}

/* Who may be taken for dead begins nothing that is done once. The next beat that is made wakes us.
 */
static bool tell_may_send(const struct run *r)
{
	return r->tell.ending == 0 || pulse_lets(r->pulse, r->ops->boot_us(r->world));
}

static void tell_send(struct run *r, struct lane *lane, const struct ledger_chunk_row *row)
{
	const struct tell *t = &r->tell;

	frame_put_then(&lane->out, &(struct frame_then){.ending = t->ending,
							.epoch = t->epoch,
							.chunk_id = row->id,
							.first_item = row->first_item,
							.n = row->n,
							.good = row->started,
							.body = row->body,
							.body_len = row->body_len});
	r->tell.n_open++;
}

static void tell_on_list(void *arg, struct ledger_op *op)
{
	static const struct ledger_chunk_row end = {0};
	struct run *r = arg;
	const struct lop_untold_list *list = &op->u.untold_list;
	struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);

	r->tell.is_listing = false;
	if (lane == NULL || r->phase != RUN_TELLING || !tell_may_send(r))
		return;
	/* Something is open again, or others have finished it: what was told so far is no whole. */
	if (r->tell.ending != 0 && !list->ret_is_settled) {
		tell_fail(r, "items were opened again while the end of the run was made", false);
		r->tell.has_ended = true;
		return;
	}
	for (size_t i = 0; i < list->ret_n; i++) {
		tell_send(r, lane, &list->ret_rows[i]);
		r->tell.after = list->ret_rows[i].id;
	}
	if (list->ret_n == 0)
		tell_send(r, lane, &end);
}

static void tell_put(struct run *r, int64_t chunk_id)
{
	struct lop_told_put *put = &commit_add(r->commit, LOP_TOLD_PUT, NULL, NULL)->u.told_put;

	put->run_id = r->id;
	put->step = r->step;
	put->chunk_id = chunk_id;
}

/* A directory's files are told one by one; a file of records as a whole, at the end. */
static void tell_on_told(struct run *r, const struct frame_then_done *done)
{
	if (done->chunk_id == 0) {
		if (!r->tell.has_failed)
			tell_put(r, 0);
	} else if (done->err[0] == '\0' && r->job->source.kind == SOURCE_FILES) {
		tell_put(r, done->chunk_id);
	}
}

void tell_on_frame(struct run *r, const struct frame *frame)
{
	struct arena a = {0};
	struct err err = ERR_INIT;
	struct frame_then_done done;

	if (r->phase != RUN_TELLING || frame->type != FRAME_THEN_DONE ||
	    frame_get_then_done(frame, &a, &done, &err) < 0 || r->tell.n_open == 0 ||
	    done.ending != r->tell.ending) {
		arena_done(&a);
		return;
	}
	r->tell.n_open--;
	r->lanes.deaths_in_a_row = 0;
	r->last_settled_at = r->ops->boot_us(r->world); /* it goes on: not stalled */
	if (done.err[0] != '\0') {
		tell_fail(r, done.err, done.is_lasting);
		run_say(r, SAY_WARNING, "%s", done.err);
	}
	if (r->tell.ending == 0)
		tell_on_told(r, &done);
	if (done.chunk_id == 0) {
		r->tell.has_ended = true;
		r->tell.result = arena_str(&r->arena, done.result);
		if (!r->tell.has_failed && done.says[0] != '\0')
			run_say(r, SAY_INFO, "%s", done.says);
	}
	arena_done(&a);
}

void tell_on_end(struct run *r, bool proven)
{
	if (r->phase != RUN_TELLING || !r->tell.is_begun || r->tell.has_ended)
		return;
	run_say(r, SAY_WARNING, "the process that tells the source died");
	tell_fail(r, "the process that does it died", false);
	r->tell.is_unproven = !proven;
	r->tell.has_ended = true;
}

bool tell_is_wanted(const struct run *r)
{
	return r->job->source.then != JOB_THEN_KEEP || job_writes_back(r->job);
}

bool tell_turn(struct run *r)
{
	struct lane *lane = tell_lane(r);

	if (r->tell.has_ended)
		return true;
	if (lane == NULL || lane->state != LANE_UP || r->tell.is_listing || r->tell.n_open > 0 ||
	    !tell_may_send(r))
		return false;
	if (r->tell.ending != 0 && !r->tell.takes_items) {
		tell_send(r, lane, &(struct ledger_chunk_row){0});
		return false;
	}
	r->tell.is_listing = true;
	struct lop_untold_list *list =
		&commit_add(r->commit, LOP_UNTOLD_LIST, tell_on_list, r)->u.untold_list;
	*list = (struct lop_untold_list){.run_id = r->id,
					 .step = r->step,
					 .after = r->tell.after,
					 .max = TELL_PAGE,
					 .is_whole = r->tell.ending != 0};
	return false;
}
