/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done once, when nothing of the step is open any more: a file that was written gets its
 * name, for example. All of it is settled and durable before.
 *
 * Promise: one instance does it: who has taken it on the ledger, which gives it to nobody else
 *          until it is done, has failed, or who has it is gone, with every process that acted for
 *          it. The run is not finished before the ledger has it as done.
 * Form:    it may be done again: by who comes after one that died, and after a person has sent
 *          items back. So it has to be repeatable, or transactional.
 * To add:  an action: a line in `actions`; what the finisher does for it in lane/finisher.c.
 */
#include <stdio.h>

#include "base/attr.h"
#include "core/retry.h"
#include "engine/run.h"

#define OTHERS_POLL_US US_PER_S

struct ending_action {
	enum ledger_ending kind;
	bool after_source; /* after the source was told (then:, on_done); else before */
	bool (*is_wanted)(const struct job *job);
	bool (*takes_items)(const struct job *job); /* it is made of them */
};

_Static_assert((int)FRAME_ENDING_WORK == (int)ENDING_WORK, "the finisher's number");
_Static_assert((int)FRAME_ENDING_RUN == (int)ENDING_RUN, "the finisher's number");

static bool takes_nothing(const struct job *job ST_UNUSED)
{
	return false;
}

static const struct ending_action actions[] = {
	{ENDING_WORK, false, job_has_end, job_end_is_of_items},
	{ENDING_RUN, true, job_has_finish, takes_nothing},
};

uint32_t endings_of(const struct job *job)
{
	uint32_t endings = 0;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (job != NULL && actions[i].is_wanted(job))
			endings |= ENDING_BIT(actions[i].kind);
	return endings;
}

/* The first of those that are missing. */
static const struct ending_action *ending_next(const struct run *r, bool after_source)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if ((r->ending.missing & ENDING_BIT(actions[i].kind)) != 0 &&
		    (after_source || !actions[i].after_source))
			return &actions[i];
	return NULL;
}

static const struct ending_action *ending_action_of(enum ledger_ending kind)
{
	size_t i = 0;

	while (actions[i].kind != kind)
		i++;
	return &actions[i];
}

bool ending_is_wanted(const struct run *r)
{
	return r->ending.missing != 0 || tell_is_wanted(r);
}

/* Back to looking what is left of the run: whatever it is, the look around finds it. */
static void ending_look_at(struct run *r, int64_t boot_us)
{
	r->phase = RUN_WORKING;
	r->idle_poll_at = boot_us;
}

static void ending_wait(struct run *r, int64_t until, const char *what)
{
	r->last_settled_at = r->ops->boot_us(r->world); /* waits by name: not stalled */
	(void)snprintf(r->waits, sizeof(r->waits), "%s", what);
	ending_look_at(r, until);
}

/* It has failed, and its time has not come, or was not given another one in this call. */
static void ending_not_now(struct run *r, const struct ledger_ending_row *row)
{
	utime now = r->ops->now(r->world);
	bool is_soon = row->not_before <= now ||
		       (r->is_patient && row->not_before <= window_horizon(r));

	if (!is_soon || r->ending.failures >= r->policy.retry.attempts) {
		r->left_due = row->not_before;
		run_stop(r, EXIT_LATER, false, "the end of the run is made by a later call: %s",
			 row->err);
		return;
	}
	int64_t wait = row->not_before > now ? row->not_before - now + US_PER_MS : RUN_SOON_US;
	r->waits_until = row->not_before;
	ending_wait(r, r->ops->boot_us(r->world) + wait, "the end of the run to be tried again");
}

static void ending_on_taken(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_ending_take *take = &op->u.ending_take;
	const struct ledger_ending_row *row = &take->ret_row;

	r->ending.is_out = false;
	if (r->phase != RUN_TELLING)
		return;
	if (take->ret_taken) {
		const struct ending_action *action = ending_action_of(row->kind);
		r->ending.is_ours = true;
		r->ending.kind = row->kind;
		r->ending.epoch = row->epoch;
		r->ending.tries = row->tries;
		tell_begin(r, (uint8_t)row->kind, row->epoch, action->takes_items(r->job));
	} else if (!take->ret_is_settled || row->is_done) {
		ending_look_at(r, r->ops->boot_us(r->world));
	} else if (row->owner != 0) {
		r->looks_for_dead = true;
		ending_wait(r, r->ops->boot_us(r->world) + OTHERS_POLL_US,
			    "another instance to make the end of the run");
	} else {
		ending_not_now(r, row);
	}
}

static void ending_take(struct run *r, const struct ending_action *action)
{
	struct ledger_op *op = commit_add(r->commit, LOP_ENDING_TAKE, ending_on_taken, r);

	r->ending.is_out = true;
	op->u.ending_take = (struct lop_ending_take){
		.run_id = r->id, .step = r->step, .kind = action->kind};
}

static void ending_on_put(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_ending_put *put = &op->u.ending_put;

	r->ending.is_out = false;
	r->ending.is_made |= put->is_done && !put->ret_late;
	/* What comes too late has been overtaken: somebody has opened the run again. */
	if (!put->is_done && !put->ret_late && r->tell.is_lasting)
		run_stop(r, EXIT_FAILED, true, "the end of the run cannot be made: %s", put->err);
	if (r->phase == RUN_TELLING)
		ending_look_at(r, r->ops->boot_us(r->world));
}

/* When what failed may be tried again. */
static utime ending_not_before(const struct run *r)
{
	const struct retry_policy *retry = &r->policy.retry;
	int64_t wait = retry_wait_us(retry, r->ending.tries + 1, r->ops->random(r->world));

	if (r->tell.is_lasting)
		wait = 0; /* nobody waits for it: it is the next call's, after somebody mended it */
	/* Safety: what could not be proved dead may still act. */
	if (r->tell.is_unproven && wait < run_quarantine_us(r->job))
		wait = run_quarantine_us(r->job);
	return r->ops->now(r->world) + wait;
}

static void ending_put(struct run *r)
{
	struct arena *a = commit_arena(r->commit);
	struct ledger_op *op = commit_add(r->commit, LOP_ENDING_PUT, ending_on_put, r);
	bool has_failed = r->tell.has_failed;

	r->ending.is_ours = false;
	r->ending.is_out = true;
	op->u.ending_put = (struct lop_ending_put){
		.run_id = r->id,
		.step = r->step,
		.kind = r->ending.kind,
		.epoch = r->ending.epoch,
		.is_done = !has_failed,
		.not_before = has_failed ? ending_not_before(r) : 0,
		.err = has_failed ? arena_str(a, r->tell.words) : "",
		.result = has_failed ? "" : arena_str(a, r->tell.result)};
	if (!has_failed)
		return;
	r->ending.failures++;
	/* Whoever has failed begins afresh. */
	struct lane *lane = lanes_find_role(&r->lanes, LANE_FINISHER);
	if (lane != NULL) {
		lane->state = LANE_ENDING;
		r->ops->lane_kill(r->world, lane->number);
	}
}

/* True when the source was told all, or cannot be told now. */
static bool ending_tells(struct run *r)
{
	if (!tell_is_wanted(r) || (r->ending.is_told && r->ending.missing != 0))
		return true;
	if (job_writes_back(r->job))
		return writeback_finish(r);
	if (!tell_turn(r))
		return false;
	r->ending.is_told = !r->tell.has_failed;
	return true;
}

/* The source could not be told; the run is left to the next call. */
static bool ending_source_fails(struct run *r)
{
	if (job_writes_back(r->job) && r->writeback.is_left)
		run_stop(r, EXIT_LATER, false, "%s; a later run says it", r->writeback.why);
	else if (!job_writes_back(r->job) && r->tell.has_failed)
		run_stop(r, EXIT_LATER, false,
			 "the source could not be told; the next run does it");
	return r->stop_wanted;
}

/* Before the source is told, that, what comes after it, and the end of the step. */
static void ending_go_on(struct run *r)
{
	const struct ending_action *action = ending_next(r, false);

	if (action == NULL) {
		if (!ending_tells(r) || ending_source_fails(r))
			return;
		action = ending_next(r, true);
	}
	if (action != NULL) {
		ending_take(r, action);
		return;
	}
	r->is_step_over = true;
	run_stop(r, EXIT_LATER, false, "done");
}

void ending_begin(struct run *r)
{
	r->phase = RUN_TELLING;
	r->writeback.is_over = false; /* what ended last was not looked at yet */
	r->writeback.found = true;
	tell_begin(r, 0, 0, false);
}

void ending_turn(struct run *r)
{
	if (r->ending.is_out)
		return;
	if (r->ending.is_ours) {
		if (tell_turn(r))
			ending_put(r);
		return;
	}
	/* One list at a time: what is being written back comes first. */
	if (job_writes_back(r->job) && (r->writeback.n_open > 0 || r->writeback.is_listing)) {
		writeback_turn(r);
		return;
	}
	ending_go_on(r);
}

bool ending_drains(const struct run *r)
{
	return r->ending.is_ours && lanes_count(&r->lanes, LANE_FINISHER) > 0;
}

void ending_on_lane_end(struct run *r, bool proven)
{
	tell_on_end(r, proven);
	/* Safety: left as it is, it would be anybody's at once. */
	if (r->phase == RUN_DRAINING && r->ending.is_ours && !proven) {
		r->tell.is_unproven = true;
		(void)snprintf(r->tell.words, sizeof(r->tell.words), "%s",
			       "the process that did it could not be ended");
		r->tell.has_failed = true;
		ending_put(r);
	}
}
