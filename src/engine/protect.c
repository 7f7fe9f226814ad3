/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breaker of the endpoint that a run's items talk to, and how many at once it bears.
 *
 * Promise: what others know of the endpoint is in the ledger, and is known here within a second.
 *          Nothing is sent before it was asked for, while it is open, or while a change of it is
 *          being written; of all instances one at a time sends a probe, and only when nothing else
 *          of its own is out.
 * Shape:   core/breaker.c has the rules. A change is one guarded operation, whose answer is what
 *          the ledger then says, ours or another's.
 */
#include "engine/run.h"

#include <stdio.h>

#include "base/buf.h"

/* Who has the right to probe and sends nothing for so long gives it back, to ask again. */
#define PROBE_BEGINS_US (30 * US_PER_S)
/* What an attempt's end may take beyond its time limit, and the lane's, and a slow ledger. */
#define PROBE_ENDS_US (60 * US_PER_S)

/* What people see of the concurrency is as old as this at most. */
#define LIMIT_TOLD_US (5 * US_PER_S)

static struct breaker_policy policy_of(const struct run *r)
{
	const struct job_breaker *b = &r->job->breaker;

	return (struct breaker_policy){.window_us = b->window_us,
				       .at_least = b->at_least,
				       .failures = b->failures,
				       .open_for_us = b->open_for_us,
				       .open_max_us = b->open_max_us,
				       .give_up_after_us = b->give_up_after_us};
}

/* ---- what the ledger says ---- */

/* For who looks at what the run waits for. */
static void protect_put_words(struct run *r, const char *reason)
{
	(void)snprintf(r->breaker_words, sizeof(r->breaker_words), "%s to work again (%s)",
		       r->endpoint, reason);
}

static void protect_say(struct run *r, enum breaker_state was)
{
	const struct breaker *b = &r->breaker;

	if (b->state == BREAKER_CLOSED)
		run_say(r, SAY_INFO, "%s works again", r->endpoint);
	else if (was == BREAKER_CLOSED)
		run_say(r, SAY_WARNING,
			"%s: the breaker is open: %s; nothing more is begun for a while",
			r->endpoint, b->reason);
}

static void protect_take(struct run *r, const struct breaker_row *row)
{
	enum breaker_state was = r->breaker.state;
	bool has_changed = breaker_take(&r->breaker, row, r->commit->inc, r->ops->now(r->world),
					r->ops->boot_us(r->world));

	protect_put_words(r, r->breaker.reason);
	if (!has_changed)
		return;
	protect_say(r, was);
	if (r->breaker.state == BREAKER_CLOSED) {
		r->idle_poll_at = r->ops->boot_us(r->world);
		concurrency_restart(&r->concurrency);
	}
	/* Whoever probes may die. */
	if (r->breaker.state == BREAKER_OPEN && row->probe != 0)
		r->looks_for_dead = true;
	if (was == BREAKER_CLOSED)
		slots_recall(r);
}

static void protect_on_look(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	r->breaker_look_out = false;
	r->breaker_is_known = true;
	/* What is being written is newer. */
	if (!r->breaker_put_out)
		protect_take(r, &op->u.breaker_get.ret_row);
}

void protect_look(struct run *r)
{
	if (r->endpoint == NULL || r->breaker_look_out || r->breaker_put_out)
		return;
	r->breaker_look_out = true;
	struct ledger_op *op = commit_add(r->commit, LOP_BREAKER_GET, protect_on_look, r);
	op->u.breaker_get.endpoint = arena_str(commit_arena(r->commit), r->endpoint);
}

/* ---- what the ledger is told ---- */

static void protect_on_put(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	r->breaker_put_out = false;
	protect_take(r, &op->u.breaker_put.ret_row);
}

static void protect_put(struct run *r, struct breaker_row row, const char *reason)
{
	struct ledger_op *op = commit_add(r->commit, LOP_BREAKER_PUT, protect_on_put, r);
	struct arena *a = commit_arena(r->commit);

	row.reason = arena_str(a, reason);
	op->u.breaker_put.endpoint = arena_str(a, r->endpoint);
	op->u.breaker_put.row = row;
	r->breaker_put_out = true;
}

static void protect_open(struct run *r, const char *reason)
{
	const struct breaker_policy policy = policy_of(r);

	protect_put(r, breaker_row_opened(&r->breaker.row, &policy, r->ops->now(r->world), reason),
		    reason);
}

static void protect_release(struct run *r)
{
	protect_put(r, breaker_row_released(&r->breaker.row), r->breaker.reason);
}

/* ---- attempts ---- */

bool protect_lets(const struct run *r, uint32_t under_way)
{
	if (!r->breaker_is_known || r->breaker_put_out)
		return false;
	return r->breaker.state == BREAKER_CLOSED ||
	       (r->breaker.state == BREAKER_HALF_OPEN && under_way == 0);
}

bool protect_holds(const struct run *r)
{
	return !r->breaker_is_known || r->breaker_put_out || r->breaker.state == BREAKER_OPEN;
}

bool protect_is_probing(const struct run *r)
{
	return r->breaker.state == BREAKER_HALF_OPEN;
}

/* It was closed, and what came back opens it. */
static void protect_trip(struct run *r, enum breaker_says says, const char *reason)
{
	const struct breaker_policy policy = policy_of(r);
	char words[BREAKER_REASON_MAX];
	int64_t answered = 0;
	int64_t failed = 0;

	if (says == BREAKER_ALIKE) {
		(void)snprintf(words, sizeof(words), "%s", reason);
	} else {
		breaker_window(&r->breaker, &policy, r->ops->boot_us(r->world), &answered, &failed);
		(void)snprintf(words, sizeof(words), "%lld of %lld attempts failed: %s",
			       (long long)failed, (long long)answered, reason);
	}
	run_say(r, SAY_WARNING, "%s: %s; nothing more is begun for a while", r->endpoint, words);
	breaker_trip(&r->breaker, r->ops->boot_us(r->world));
	protect_put_words(r, words);
	slots_recall(r);
	protect_open(r, words);
}

/* Half open, and the probe came back. */
static void protect_judge(struct run *r, enum breaker_says says, const char *reason)
{
	switch (says) {
	case BREAKER_WORKS:
		protect_put(r, breaker_row_closed(&r->breaker.row), r->breaker.reason);
		return;
	case BREAKER_FAILS:
	case BREAKER_ALIKE:
		protect_open(r, reason);
		return;
	case BREAKER_NOTHING:
	case BREAKER_SAYS_COUNT_:
		break;
	}
	/* Safety: what was not sent says nothing of the probe that is out, and as long as that is
	 * out nobody else sends one. */
	if (r->n_sent == 0)
		protect_release(r);
}

/* How many at once the endpoint bears is found out while its breaker is closed. */
static void protect_adapt(struct run *r, enum breaker_says says, bool is_known)
{
	uint32_t was = run_limit_now(r);

	if (r->breaker.state != BREAKER_CLOSED)
		return;
	if (says == BREAKER_WORKS)
		concurrency_works(&r->concurrency,
				  r->n_sent + 1 + r->n_ahead + r->n_marking >= was);
	else if (says == BREAKER_FAILS && !is_known)
		concurrency_fails(&r->concurrency);
	/* What waits in the lanes would begin as if more were allowed. */
	if (was == r->limit && run_limit_now(r) < was)
		slots_recall_waiting(r);
}

bool protect_count(struct run *r, enum breaker_says says, bool is_fresh, const char *reason)
{
	const struct breaker_policy policy = policy_of(r);
	bool is_known = says == BREAKER_FAILS && !is_fresh;
	/* What opens it was counted, and is charged, as those before: only then is it known. */
	bool is_excused = says == BREAKER_FAILS &&
			  breaker_excuses(&r->breaker, &policy, r->ops->now(r->world));

	protect_adapt(r, says, is_known);
	if (!is_known && breaker_count(&r->breaker, &policy, says, r->ops->boot_us(r->world)))
		protect_trip(r, says, reason);
	else if (r->breaker.state == BREAKER_HALF_OPEN && !r->breaker_put_out)
		protect_judge(r, says, reason);
	return is_excused;
}

/* For people, now and then. */
static void protect_tell_limit(struct run *r)
{
	const struct concurrency *c = &r->concurrency;
	struct ledger_op *op = commit_add(r->commit, LOP_ENDPOINT_PUT, NULL, NULL);

	op->u.endpoint_put = (struct lop_endpoint_put){
		.run_id = r->id,
		.endpoint = arena_str(commit_arena(r->commit), r->endpoint),
		.at_once = c->limit,
		.lowest = c->lowest,
		.highest = c->highest,
		.max = r->limit};
	r->limit_told = c->limit;
	r->limit_told_at = r->ops->boot_us(r->world);
}

/* ---- the probe ---- */

/* Is there, or may there be, something to send? */
static bool has_something_to_send(const struct run *r)
{
	if (!window_fits(r, 0))
		return false;
	if (r->pending + r->n_loose_waiting + r->n_ahead + r->n_marking > 0 || r->chunk_claim_out ||
	    r->loose_claim_out)
		return true;
	return dispatch_has_suspects(r) || !r->no_more_chunks ||
	       r->next_due <= r->ops->now(r->world);
}

void protect_turn(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (r->limit_told == 0 ||
	    (r->limit_told != run_limit_now(r) && now >= r->limit_told_at + LIMIT_TOLD_US))
		protect_tell_limit(r);
	/* What the quota holds back says nothing of the endpoint. */
	if (r->breaker.state != BREAKER_CLOSED && share_is_used_up(r))
		breaker_postpone(&r->breaker, share_next(r));
	if (r->breaker_put_out || !r->breaker_is_known || r->n_sent > 0)
		return;
	if (r->breaker.state == BREAKER_OPEN && now >= r->breaker.until_us &&
	    has_something_to_send(r)) {
		r->probe_since = now;
		protect_put(r,
			    breaker_row_probed(
				    &r->breaker.row, r->commit->inc, r->ops->now(r->world),
				    PROBE_BEGINS_US + r->job->work.timeout_us + PROBE_ENDS_US),
			    r->breaker.reason);
	} else if (r->breaker.state == BREAKER_HALF_OPEN &&
		   (now >= r->probe_since + PROBE_BEGINS_US || !has_something_to_send(r))) {
		protect_release(r);
	}
}

void protect_leave(struct run *r)
{
	if (r->limit_told != 0)
		protect_tell_limit(r);
	if (r->breaker.state == BREAKER_HALF_OPEN && !r->breaker_put_out)
		protect_release(r);
}

/* Whether anything is wanted of the endpoint: where nothing is at hand, only a look at the ledger
 * says whether all items have ended. */
static bool protect_is_wanted(const struct run *r)
{
	return !dispatch_is_idle(r) || r->ending.is_open;
}

bool protect_gave_up(struct run *r)
{
	const struct breaker_policy policy = policy_of(r);

	/* What is out may end well. */
	if (!r->breaker_is_known || r->breaker_put_out || r->n_sent > 0 || !protect_is_wanted(r) ||
	    r->ops->boot_us(r->world) < breaker_gives_up_at(&r->breaker, &policy))
		return false;
	run_stop(r, EXIT_FAILED, true,
		 "%s was out of order for too long (breaker.give_up_after): %s", r->endpoint,
		 r->breaker.reason);
	return true;
}

const char *protect_waits(const struct run *r)
{
	return r->breaker.state == BREAKER_CLOSED ? NULL : r->breaker_words;
}

/* Each deadline must be one that is acted upon: what waits for what is out has none. */
int64_t protect_deadline(const struct run *r)
{
	int64_t at = INT64_MAX;

	const struct breaker_policy policy = policy_of(r);

	if (!r->breaker_is_known || r->breaker_put_out || r->n_sent > 0 ||
	    r->breaker.state == BREAKER_CLOSED)
		return at;
	if (protect_is_wanted(r))
		at = breaker_gives_up_at(&r->breaker, &policy);
	if (!has_something_to_send(r))
		return at;
	return run_earliest(at, r->breaker.state == BREAKER_OPEN
					? r->breaker.until_us
					: r->probe_since + PROBE_BEGINS_US);
}
