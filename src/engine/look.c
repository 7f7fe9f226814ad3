/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look around when nothing is in hand: is the run finished, what is due, who holds the rest,
 * and may it be waited for.
 */
#include "engine/run.h"

#include <stdio.h>

#include "ledger/rules.h"

#define IDLE_POLL_US US_PER_S
#define IDLE_SOON_US RUN_SOON_US

static bool is_due_within_run(const struct run *r)
{
	if (r->next_due == UTIME_NEVER)
		return false;
	return r->next_due <= r->ops->now(r->world) ||
	       (r->is_patient && r->next_due <= window_horizon(r));
}

/* There is work that this call may wait for, and its endpoint's breaker is open. */
static bool run_waits_for_breaker(struct run *r)
{
	if (!breaker_holds(&r->breaker, r->ops->boot_us(r->world)))
		return false;
	if (r->counts.ready_chunks == 0 && r->counts.held_by_others == 0 && !is_due_within_run(r))
		return false;
	r->idle_poll_at = r->breaker.until_us;
	return true;
}

static bool run_waits_for_due(struct run *r)
{
	utime now = r->ops->now(r->world);

	if (!is_due_within_run(r))
		return false;
	int64_t boot_us = r->ops->boot_us(r->world);
	r->idle_poll_at = r->next_due > now ? boot_us + r->next_due - now + US_PER_MS
					    : boot_us + IDLE_SOON_US;
	/* What is due may have to wait for the rate or the quota. */
	if (r->next_due <= now && share_next(r) > r->idle_poll_at)
		r->idle_poll_at = share_next(r);
	r->last_settled_at = boot_us; /* waits by name: not stalled */
	r->waits_until = r->next_due;
	(void)snprintf(r->waits, sizeof(r->waits), "the next attempt");
	return true;
}

static void run_on_idle_look(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_run_finish *finish = &op->u.run_finish;
	const struct ledger_counts *n = &r->counts;
	int64_t open;

	r->finish_out = false;
	if (r->phase != RUN_WORKING)
		return;
	run_take_counts(r, &finish->ret_counts);
	r->waits[0] = '\0';
	if (finish->ret_finished || finish->ret_step != r->step) {
		run_leave_step(r);
		return;
	}
	if (finish->ret_blocked) {
		run_say_blocked(r);
		return;
	}
	if (!dispatch_is_idle(r))
		return;
	r->next_due = n->next_due;
	open = n->waiting + n->running + n->retry + n->in_doubt - n->asked;
	r->ending.is_open = open > 0;
	/* What only others hold, they end, or give back. */
	bool is_theirs = window_is_cut_off(r) && n->ready_chunks == 0 && n->held_by_others > 0 &&
			 n->next_due == UTIME_NEVER;
	if (open > 0 && !window_fits(r, 0) && !is_theirs) {
		r->left_due = n->next_due;
		window_stop_unfit(r);
		return;
	}
	if (run_waits_for_breaker(r) || run_waits_for_due(r))
		return;
	if (n->ready_chunks > 0) {
		r->no_more_chunks = false;
		r->idle_poll_at = r->ops->boot_us(r->world) + IDLE_SOON_US;
		return;
	}
	if (n->held_by_others > 0) {
		r->looks_for_dead = true;
		r->no_more_chunks = false;
		r->idle_poll_at = r->ops->boot_us(r->world) + IDLE_POLL_US;
		(void)snprintf(r->waits, sizeof(r->waits),
			       "other instances to finish what they hold");
		return;
	}
	if (open == 0 && job_is_all_or_none(r->job) && n->dead > 0) {
		run_stop(r, EXIT_PERSON, false,
			 "nothing was committed, since %lld %s: `stint retry` or `stint skip` "
			 "decides (commit: run)",
			 (long long)n->dead, n->dead == 1 ? "item is dead" : "items are dead");
		return;
	}
	r->ending.missing = finish->ret_missing;
	r->ending.is_told &= open == 0;
	if (open == 0 && ending_is_wanted(r)) {
		ending_begin(r);
		return;
	}
	r->left_due = n->next_due;
	run_stop(r, EXIT_LATER, false, "%lld %s for a later run", (long long)open,
		 open == 1 ? "item waits" : "items wait");
}

/* Another instance may have ended the run as failed, or a person has abandoned it. */
static void run_on_state(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	enum run_state state = op->u.run_counts.ret_state;
	bool is_elsewhere = op->u.run_counts.ret_step != r->step && !rule_run_is_over(state);

	/* Others have finished the step, or a person has sent the run back. */
	if (r->phase == RUN_WORKING && is_elsewhere)
		run_leave_step(r);
	else if (r->phase == RUN_WORKING && state != RUN_OPEN && state != RUN_FINISHED)
		run_stop(r, EXIT_FAILED, false, "the run has ended elsewhere (%s)",
			 run_state_name(state));
}

bool run_may_look(const struct run *r)
{
	return r->breaker_is_known && !r->finish_out && !r->counts_out && !pulse_awaits(r->pulse) &&
	       dispatch_is_idle(r);
}

/* What is in doubt and is not verified goes as the job says. */
static void resolve_doubt(struct run *r)
{
	if (r->policy.verifies)
		return;
	struct ledger_op *op = commit_add(r->commit, LOP_DOUBT_RESOLVE, NULL, NULL);
	op->u.doubt_resolve = (struct lop_doubt_resolve){
		.run_id = r->id,
		.step = r->step,
		.policy = r->policy.effect != DECIDE_ONCE   ? DOUBT_RETRY
			  : r->policy.doubt == DECIDE_RETRY ? DOUBT_RETRY
			  : r->policy.doubt == DECIDE_SKIP  ? DOUBT_SKIP
							    : DOUBT_ASK,
		.key_valid_us = r->policy.key_valid_us,
		.now = r->ops->now(r->world)};
}

void run_look_around(struct run *r)
{
	struct ledger_op *op;
	int64_t now = r->ops->boot_us(r->world);

	if (!run_may_look(r) || now < r->idle_poll_at)
		return;
	/* With what we know undone it would only say so. */
	r->finish_out = true;
	r->idle_poll_at = now + IDLE_POLL_US;
	resolve_doubt(r);
	if (!protect_holds(r) && window_fits(r, 0)) {
		uint32_t room = claim_loose_room(r);
		claim_chunks(r, 1);
		if (room > 0)
			claim_loose(r, room < r->limit ? room : r->limit);
	}
	op = commit_add(r->commit, LOP_RUN_COUNTS, run_on_state, r);
	op->u.run_counts = (struct lop_run_counts){.run_id = r->id, .step = r->step};
	run_ask_counts(r);
	run_ask_finish(r, run_on_idle_look);
}

void run_look_soon(struct run *r)
{
	r->idle_poll_at = r->ops->boot_us(r->world);
}
