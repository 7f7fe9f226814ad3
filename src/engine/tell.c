/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done once, at the end of a run, by whoever finishes it: the source is told (then: move,
 * delete), a file that was written gets its name. All is settled and durable before (O3, I11).
 * Repeated until it has succeeded: a run is finished only by a session that has done it, so doing
 * it twice must be harmless. Who does it when several might is for the finisher to say; see
 * lane/assemble.h.
 */
#include "engine/run.h"

#include <stdio.h>

#include "base/err.h"

enum { TELL_PAGE = 8 };

static struct lane *tell_lane(struct run *r)
{
	struct err err = ERR_INIT;

	if (r->tell_started)
		return lanes_find_role(&r->lanes, LANE_FINISHER);
	r->tell_started = true;
	struct lane *lane = lanes_start(&r->lanes, LANE_FINISHER, &err);
	if (lane == NULL) {
		run_say(r, SAY_WARNING, "the source cannot be told: %s", err.text);
		r->tell_failed = true;
		r->tell_ended = true;
	}
	return lane;
}

static void tell_on_list(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_untold_list *list = &op->u.untold_list;
	struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);

	r->tell_listing = false;
	if (lane == NULL || r->phase != RUN_TELLING)
		return;
	/* Something is open again, or others have finished it: what was told so far is no whole. */
	if (job_has_end(r->job) && !list->ret_is_settled) {
		r->tell_failed = true;
		r->tell_ended = true;
		(void)snprintf(r->tell_words, sizeof(r->tell_words), "%s",
			       "items were opened again while the end of the run was made");
		return;
	}
	for (size_t i = 0; i < list->ret_n; i++) {
		const struct ledger_chunk_row *row = &list->ret_rows[i];
		frame_put_then(&lane->out, &(struct frame_then){.chunk_id = row->id,
								.first_item = row->first_item,
								.n = row->n,
								.good = row->started,
								.body = row->body,
								.body_len = row->body_len});
		r->tell_after = row->id;
		r->tell_open++;
	}
	if (list->ret_n == 0) {
		frame_put_then(&lane->out, &(struct frame_then){0});
		r->tell_open++;
	}
}

static void tell_put(struct run *r, int64_t chunk_id)
{
	struct lop_told_put *put = &commit_add(r->commit, LOP_TOLD_PUT, NULL, NULL)->u.told_put;

	put->run_id = r->id;
	put->step = r->step;
	put->chunk_id = chunk_id;
}

void tell_on_frame(struct run *r, const struct frame *frame)
{
	struct arena a = {0};
	struct err err = ERR_INIT;
	struct frame_then_done done;

	if (r->phase != RUN_TELLING || frame->type != FRAME_THEN_DONE ||
	    frame_get_then_done(frame, &a, &done, &err) < 0 || r->tell_open == 0) {
		arena_done(&a);
		return;
	}
	r->tell_open--;
	if (done.err[0] != '\0') {
		if (!r->tell_failed)
			(void)snprintf(r->tell_words, sizeof(r->tell_words), "%s", done.err);
		run_say(r, SAY_WARNING, "%s", done.err);
		r->tell_failed = true;
	}
	/* A directory's files are told one by one; a file of records as a whole, at the end. */
	if (done.chunk_id == 0) {
		r->tell_ended = true;
		r->has_ended = !r->tell_failed;
		if (!r->tell_failed)
			tell_put(r, 0);
		if (!r->tell_failed && done.says[0] != '\0')
			run_say(r, SAY_INFO, "%s", done.says);
	} else if (done.err[0] == '\0' && r->job->source.kind == SOURCE_FILES) {
		tell_put(r, done.chunk_id);
	}
	arena_done(&a);
}

void tell_on_end(struct run *r)
{
	if (r->phase != RUN_TELLING || r->tell_ended)
		return;
	run_say(r, SAY_WARNING, "the process that tells the source died");
	(void)snprintf(r->tell_words, sizeof(r->tell_words), "%s", "the process that does it died");
	r->tell_failed = true;
	r->tell_ended = true;
}

bool tell_is_wanted(const struct run *r)
{
	return r->job->source.then != JOB_THEN_KEEP || job_writes_back(r->job) ||
	       tell_is_missing(r);
}

bool tell_is_missing(const struct run *r)
{
	return r->job != NULL && job_has_end(r->job) && !r->has_ended;
}

static void tell_stop(struct run *r)
{
	if (r->tell_failed && job_has_end(r->job))
		run_stop(r, EXIT_LATER, false, "the end of the run is made by the next call: %s",
			 r->tell_words);
	else
		run_stop(r, EXIT_LATER, false,
			 r->tell_failed ? "the source could not be told; the next run does it"
					: "done");
}

void tell_turn(struct run *r)
{
	struct lane *lane = tell_lane(r);

	if (r->tell_ended) {
		r->is_step_over = !r->tell_failed;
		tell_stop(r);
		return;
	}
	if (lane == NULL || lane->state != LANE_UP || r->tell_listing || r->tell_open > 0)
		return;
	r->tell_listing = true;
	struct lop_untold_list *list =
		&commit_add(r->commit, LOP_UNTOLD_LIST, tell_on_list, r)->u.untold_list;
	*list = (struct lop_untold_list){.run_id = r->id,
					 .step = r->step,
					 .after = r->tell_after,
					 .max = TELL_PAGE,
					 .is_whole = job_end_is_of_items(r->job)};
}
