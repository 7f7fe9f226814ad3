/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes into the ledger. core/decide says what becomes of the item; here that is written down,
 * in one transaction with everything else that came in: the done bit, the loose row, the attempt,
 * the roll-up.
 */
#include "engine/run.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "core/fingerprint.h"
#include "core/limits.h"
#include "engine/settle_inside.h"

/* ---- what is written beside the item ---- */

static void put_attempt(struct run *r, int64_t item, int attempt, const struct ending *e,
			const char *print)
{
	struct arena *a = commit_arena(r->commit);
	struct lop_attempt_put *put =
		&commit_add(r->commit, LOP_ATTEMPT_PUT, NULL, NULL)->u.attempt_put;

	*put = (struct lop_attempt_put){.at = e->began_at != 0 ? e->began_at
							       : r->ops->now(r->world),
					.run_id = r->id,
					.item = item,
					.attempt = attempt,
					.outcome = e->outcome,
					.took_us = e->took_us,
					.err_class = arena_str(a, e->err_class),
					.err = arena_str(a, e->err),
					.fingerprint = arena_str(a, print),
					.output = arena_dup(a, e->output, e->output_len),
					.output_len = e->output_len,
					.output_cut = e->output_cut,
					.keep = arena_str(a, e->keep)};
}

enum loose_state settle_loose_state(enum decide_fate fate)
{
	switch (fate) {
	case FATE_DONE:
		return LOOSE_DONE;
	case FATE_RETRY:
		return LOOSE_RETRY;
	case FATE_DOUBT:
		return LOOSE_DOUBT;
	case FATE_DEAD:
		return LOOSE_DEAD;
	case FATE_ASKED:
		return LOOSE_ASKED;
	case FATE_SKIPPED:
		return LOOSE_WAIVED;
	case FATE_COUNT_:
		break;
	}
	unreachable("a fate that does not exist");
}

bool run_remembers_keys(const struct run *r)
{
	return r->job->source.unique == JOB_UNIQUE_JOB ||
	       r->job->source.unique == JOB_UNIQUE_WITHIN;
}

/* The row of the item as it is after the decision. */
static struct ledger_loose_row row_after(struct run *r, const struct ending *e,
					 const struct decision *d, const char *print)
{
	struct arena *a = commit_arena(r->commit);
	utime quiet_at = e->quiet_at != 0 ? e->quiet_at : r->ops->now(r->world);

	return (struct ledger_loose_row){
		.run_id = r->id,
		.key = e->key[0] != '\0' ? arena_str(a, e->key) : NULL,
		.person = e->person[0] != '\0' ? arena_str(a, e->person) : NULL,
		.state = settle_loose_state(d->fate),
		.attempt = d->used,
		.crashes = d->crashes,
		.not_before = d->fate == FATE_RETRY || d->fate == FATE_DOUBT ? d->due : quiet_at,
		.quiet_until = quiet_at,
		.err_class = arena_str(a, e->err_class),
		.err = arena_str(a, e->err),
		.fingerprint = arena_str(a, print),
		.request = e->request};
}

/* ---- counting ---- */

void settle_count(struct run *r, const struct decision *d)
{
	int64_t boot_us = r->ops->boot_us(r->world);

	switch (d->fate) {
	case FATE_DONE:
		r->mine.done++;
		if (r->canary_left > 0)
			r->canary_left--;
		break;
	case FATE_RETRY:
		r->n_retrying++;
		run_note_due(r, d->due);
		break;
	case FATE_DEAD:
		r->mine.dead++;
		break;
	case FATE_DOUBT:
		r->mine.asked++;
		run_note_due(r, d->due);
		break;
	case FATE_ASKED:
		r->mine.asked++;
		break;
	case FATE_SKIPPED:
		r->mine.skipped++;
		break;
	case FATE_COUNT_:
		break;
	}
	if (d->fate != FATE_RETRY && d->fate != FATE_DOUBT)
		meter_add(&r->meter, boot_us, 1);
	r->last_settled_at = boot_us;
	if (r->canary_left > 0 && (d->fate == FATE_DEAD || d->fate == FATE_ASKED))
		run_stop(r, EXIT_FAILED, true, "one of the first %lld items failed (canary)",
			 (long long)r->job->work.canary);
	settle_check_limits(r);
}

void settle_check_limits(struct run *r)
{
	const struct job_limit *given = &r->job->work.max_dead;
	const struct limit max = {.is_set = given->is_set,
				  .is_ratio = given->is_ratio,
				  .count = given->count,
				  .ratio = given->ratio};
	char why[LIMITS_WHY_MAX];

	if (limits_too_many_dead(&max, r->counts.dead + r->mine.dead, r->n_items, why))
		run_stop(r, EXIT_FAILED, true, "%s", why);
}

/* What it says about the other side. That an item is wrong is an answer, too. */
static enum breaker_says says_of(const struct ending *e)
{
	if (e->lane_died || e->cancelled)
		return BREAKER_NOTHING;
	switch (e->outcome) {
	case OUTCOME_DONE:
	case OUTCOME_DEAD:
		return BREAKER_WORKS;
	case OUTCOME_RETRY:
	case OUTCOME_UNKNOWN:
		return BREAKER_FAILS;
	case OUTCOME_ALL:
		return BREAKER_ALIKE;
	case OUTCOME_NOT_BEGUN:
	case OUTCOME_COUNT_:
		break;
	}
	return BREAKER_NOTHING;
}

static void feed_length(struct run *r, int64_t took_us)
{
	/* An eighth of the new one: quick enough to follow, slow enough not to jump. */
	r->attempt_us = r->attempt_us == 0 ? took_us + 1 : (7 * r->attempt_us + took_us + 1) / 8;
}

/* What was cut, or failed as all would, tells nothing of how long an item takes. */
static void feed_forecast(struct run *r, const struct ending *e)
{
	if (e->outcome == OUTCOME_NOT_BEGUN || e->outcome == OUTCOME_ALL || e->cancelled ||
	    e->lane_died)
		return;
	forecast_add(r->forecast, e->took_us);
}

/* ---- one item ---- */

/* Since when it is unclear whether the item took effect; 0 when all attempts certainly did not. */
static utime unclear_since(const struct ticket *t, const struct ending *e)
{
	if (t->loose != NULL && t->loose->unclear_since != 0)
		return t->loose->unclear_since;
	if (t->unclear_since != 0)
		return t->unclear_since;
	return e->outcome == OUTCOME_UNKNOWN ? t->sent_wall : 0;
}

/* Something was attempted: the end of it is no mere decision. */
static bool is_try(const struct ending *e)
{
	return e->outcome >= OUTCOME_DONE && e->outcome < OUTCOME_NOT_BEGUN;
}

/* What an attempt adds to its item; an item that ends begins anew, should a person try it again: so
 * each attempt is counted with one end. */
static void add_tries(struct ledger_loose_row *row, const struct ledger_loose_row *was,
		      const struct ending *e, const struct decision *d)
{
	if (!is_try(e))
		return;
	row->tries = 1;
	row->spent_us = e->took_us;
	if (d->fate == FATE_RETRY || d->fate == FATE_DOUBT)
		return;
	row->tries = was != NULL ? -was->tries : 0;
	row->spent_us = was != NULL ? -was->spent_us : 0;
}

static void settle_chunk_item(struct run *r, struct ticket *t, const struct ending *e,
			      const struct decision *d, const char *print)
{
	struct chunk *chunk = t->chunk;
	struct lop_chunk_progress *progress;

	chunk_settle(r, chunk, t->index);
	progress = chunk_progress(r, chunk);
	if (d->fate == FATE_DONE) {
		if (run_remembers_keys(r) && e->key[0] != '\0') {
			struct arena *a = commit_arena(r->commit);
			if (progress->done_keys == NULL)
				progress->done_keys = arena_alloc(
					a, chunk->n * sizeof(*progress->done_keys));
			((const char **)(uintptr_t)progress->done_keys)[progress->n_done_keys++] =
				arena_str(a, e->key);
		}
		return;
	}
	struct lop_loose_put *put = &commit_add(r->commit, LOP_LOOSE_PUT, NULL, NULL)->u.loose_put;
	put->row = row_after(r, e, d, print);
	put->row.item = chunk->first_item + t->index;
	put->row.chunk_id = chunk->id;
	put->row.first_item = chunk->first_item;
	put->row.chunk_n = chunk->n;
	put->row.first_started = unclear_since(t, e);
	add_tries(&put->row, NULL, e, d);
}

static void settle_loose_item(struct run *r, struct loose *loose, const struct ending *e,
			      const struct decision *d, const char *print)
{
	/* A ticket's own time would be later than the claim's, which a crash would have left. */
	utime since = loose->unclear_since;

	if (since == 0 && e->outcome == OUTCOME_UNKNOWN)
		since = loose->row.first_started;
	struct lop_loose_settle *settle =
		&commit_add(r->commit, LOP_LOOSE_SETTLE, NULL, NULL)->u.loose_settle;

	settle->row = row_after(r, e, d, print);
	settle->row.item = loose->row.item;
	settle->row.chunk_id = loose->row.chunk_id;
	settle->row.epoch = loose->row.epoch;
	settle->row.redo = loose->row.redo;
	settle->row.first_started = since;
	add_tries(&settle->row, &loose->row, e, d);
	if (settle->row.key == NULL && loose->row.key != NULL)
		settle->row.key = arena_str(commit_arena(r->commit), loose->row.key);
	if (settle->row.person == NULL && loose->row.person != NULL)
		settle->row.person = arena_str(commit_arena(r->commit), loose->row.person);
	settle->remember_key = d->fate == FATE_DONE && run_remembers_keys(r);
	loose_free(r, loose);
}

static struct decision settle_decide(struct run *r, const struct ticket *t, const struct ending *e,
				     utime now, bool is_excused)
{
	const struct ledger_loose_row *row = t->loose != NULL ? &t->loose->row : NULL;
	struct decide_attempt attempt = {.outcome = e->outcome,
					 .used = row != NULL ? row->attempt : 0,
					 .crashes = row != NULL ? row->crashes : 0,
					 .cancelled = e->cancelled,
					 .never_begun = e->began_at == 0,
					 .lane_died = e->lane_died,
					 .blamed = e->blamed,
					 .excused = is_excused,
					 .now = now,
					 .not_before = e->quiet_at,
					 .wait_us = e->wait_us};

	attempt.first_started = unclear_since(t, e);
	/* For when to try again. It is a system call, which what is done goes without. */
	if (e->outcome != OUTCOME_DONE)
		attempt.random = r->ops->random(r->world);
	return decide(&r->policy, &attempt);
}

/* Nothing happened to it, and nothing says that it was started: it simply is not taken any more. */
static bool goes_back_as_it_was(const struct run *r, const struct ticket *t,
				const struct decision *d, utime now)
{
	return t->chunk != NULL && !r->needs_start_mark && d->fate == FATE_RETRY && d->used == 0 &&
	       d->crashes == 0 && d->due <= now;
}

static void count_attempt(struct run *r, const struct ticket *t, const struct ending *e)
{
	const struct ledger_loose_row *row = t->loose != NULL ? &t->loose->row : NULL;
	bool was_tried = row != NULL && (row->attempt > 0 || row->crashes > 0 || row->redo > 0 ||
					 row->err_class[0] != '\0');

	stats_attempt(r, &(struct stats_attempt){.is_done = e->outcome == OUTCOME_DONE,
						 .is_again = was_tried || t->unclear_since != 0,
						 .took_us = e->took_us,
						 .timings_us = e->timings_us,
						 .err_class = e->err_class,
						 .err = e->err});
}

/* It ended, well or not: what all attempts at it took. */
static void count_item(struct run *r, const struct ticket *t, const struct ending *e)
{
	const struct ledger_loose_row *row = t->loose != NULL ? &t->loose->row : NULL;
	int64_t before = row != NULL ? row->tries : 0;
	int64_t before_us = row != NULL ? row->spent_us : 0;

	if (is_try(e))
		stats_item(r, before + 1, before_us + e->took_us);
}

void settle_ticket(struct run *r, struct ticket *t, const struct ending *e)
{
	char print[FINGERPRINT_CHARS + 1];
	utime now = r->ops->now(r->world);
	bool is_excused = protect_count(r, says_of(e), t->loose == NULL, e->err);
	struct decision d = settle_decide(r, t, e, now, is_excused);
	bool is_loose = t->loose != NULL;
	int64_t item = is_loose ? t->loose->row.item : t->chunk->first_item + t->index;

	fingerprint(e->err_class, e->err, print);
	bool is_new = e->outcome != OUTCOME_NOT_BEGUN && !e->is_recorded;
	bool says_much = e->output_len > 0 || (e->keep != NULL && e->keep[0] != '\0');
	if (is_new &&
	    (e->outcome != OUTCOME_DONE || says_much || is_loose || t->unclear_since != 0))
		put_attempt(r, item, t->attempt, e, print);
	if (is_new)
		count_attempt(r, t, e);
	if (d.fate != FATE_RETRY && d.fate != FATE_DOUBT)
		count_item(r, t, e);
	if (goes_back_as_it_was(r, t, &d, now)) {
		chunk_untake(r, t->chunk, t->index);
		ticket_free(r, t);
		return;
	}
	if (is_loose)
		settle_loose_item(r, t->loose, e, &d, print);
	else
		settle_chunk_item(r, t, e, &d, print);
	ticket_free(r, t);
	settle_count(r, &d);
}

/* What is not durable yet would be done again after a crash: it is counted, and bounded. */
struct unsettled {
	struct run *run;
	uint32_t n;
	int64_t since; /* boot clock: when the first of them came back */
};

static void unsettled_on_durable(void *arg, struct ledger_op *op)
{
	struct unsettled *u = arg;

	struct run *r = u->run;

	(void)op;
	r->n_unsettled -= u->n;
	stats_timing(r, TIMING_COMMIT, r->commit->last_us);
	/* What is left came while these were under way. */
	r->unsettled_since = r->n_unsettled > 0 ? r->unsettled->since : INT64_MAX;
}

static void count_unsettled(struct run *r)
{
	if (r->unsettled_in != commit_number(r->commit)) {
		r->unsettled = arena_new(commit_arena(r->commit), struct unsettled);
		r->unsettled->run = r;
		r->unsettled->since = r->ops->boot_us(r->world);
		r->unsettled_in = commit_number(r->commit);
		commit_wait(r->commit, NULL, unsettled_on_durable, r->unsettled);
	}
	r->unsettled->n++;
	if (r->n_unsettled++ == 0)
		r->unsettled_since = r->unsettled->since;
}

uint32_t settle_flying(const struct run *r)
{
	bool is_open = commit_is_open(r->commit, r->unsettled_in);

	return r->n_unsettled - (is_open ? r->unsettled->n : 0);
}

void ticket_back(struct run *r, struct lane *lane)
{
	count_unsettled(r);
	assert(lane->in_flight > 0 && r->n_sent > 0);
	lane->in_flight--;
	r->n_sent--;
	r->lanes.deaths_in_a_row = 0;
}

/* It waited in the lane and was called back: as if it had not been sent. */
static void settle_recalled(struct run *r, struct ticket *t, struct lane *lane)
{
	lane->in_flight--;
	r->n_sent--;
	share_return(r, t);
	if (t->chunk != NULL && r->needs_start_mark && t->unclear_since == 0) {
		ticket_await_slot(r, t); /* its mark stands */
		return;
	}
	if (t->loose != NULL)
		loose_set_ticket(r, t->loose, false);
	else if (t->unclear_since != 0)
		chunk_suspect(r, t->chunk, t->index);
	else
		chunk_untake(r, t->chunk, t->index);
	ticket_free(r, t);
}

/* One of several that a dead lane had begun: worked alone next time, so that it is known who did
 * it. */
static void settle_suspect(struct run *r, struct ticket *t)
{
	if (t->loose != NULL) {
		t->loose->is_suspect = true;
		if (t->loose->unclear_since == 0)
			t->loose->unclear_since = t->sent_wall;
		loose_set_ticket(r, t->loose, false);
	} else {
		chunk_suspect(r, t->chunk, t->index);
		if (t->chunk->recorded != NULL)
			bits_clear(t->chunk->recorded, t->index);
		if (t->chunk->suspects_since == 0 || t->sent_wall < t->chunk->suspects_since)
			t->chunk->suspects_since = t->sent_wall;
	}
	ticket_free(r, t);
}

/* One of several that a worker held which ended, and any of them may have ended it: each is worked
 * alone next time, and nothing is charged. It is told all the same. */
static void settle_among(struct run *r, struct ticket *t, const struct ending *e)
{
	char print[FINGERPRINT_CHARS + 1];

	fingerprint(e->err_class, e->err, print);
	put_attempt(r, t->loose != NULL ? t->loose->row.item : t->chunk->first_item + t->index,
		    t->attempt, e, print);
	count_attempt(r, t, e);
	(void)protect_count(r, BREAKER_NOTHING, false, e->err); /* nobody is charged */
	struct chunk *chunk = t->chunk;
	uint32_t index = t->index;
	settle_suspect(r, t);
	if (chunk == NULL)
		return;
	if (chunk->recorded == NULL)
		chunk->recorded = xcalloc(1, BITS_BYTES(chunk->n));
	bits_set(chunk->recorded, index);
}

void settle_outcome(struct run *r, struct lane *lane, const struct frame_outcome *f)
{
	struct ticket *t = ticket_find(r, f->ticket, lane->number);

	/* An answer twice, or to a question that was never asked, changes nothing. */
	if (t == NULL || t->is_bulk || f->outcome < OUTCOME_DONE ||
	    f->outcome > OUTCOME_NOT_BEGUN) {
		run_say(r, SAY_DETAIL, "a worker answered what nobody asked (ticket %u)",
			f->ticket);
		return;
	}
	if (f->outcome == OUTCOME_NOT_BEGUN && f->cancelled && !t->was_cancelled) {
		settle_recalled(r, t, lane);
		return;
	}
	ticket_back(r, lane);
	lane->was_recalled = false;
	lane->heard_at = r->ops->boot_us(r->world);
	if (probe_is(t->loose)) {
		probe_on_outcome(r, t, f);
		return;
	}
	if (f->outcome != OUTCOME_NOT_BEGUN)
		feed_length(r, f->took_us);
	struct ending e = {.outcome = (enum outcome)f->outcome,
			   .cancelled = f->cancelled && t->was_cancelled,
			   .began_at = f->began_at,
			   .took_us = f->took_us,
			   .timings_us = f->timings_us,
			   .err_class = f->err_class,
			   .err = f->err,
			   .key = f->key,
			   .person = f->person,
			   .output = f->output,
			   .output_len = f->output_len,
			   .output_cut = f->output_cut,
			   .keep = f->keep,
			   .request = f->request,
			   .wait_us = f->wait_us};
	e.lane_died = f->outcome == OUTCOME_UNKNOWN && f->lost != LOST_NOT;
	e.blamed = e.lane_died && f->lost == LOST_ALONE && !e.cancelled;
	feed_forecast(r, &e);
	if (f->has_quota_left)
		share_hear_left(r, f->quota_left);
	/* Should verify say that it did not happen, it is worked alone. */
	if (r->policy.verifies && f->lost == LOST_AMONG)
		e.err_class = SETTLE_CRASH;
	if (e.lane_died && f->lost == LOST_AMONG && !e.cancelled && r->policy.effect != DECIDE_ONCE)
		settle_among(r, t, &e);
	else
		settle_ticket(r, t, &e);
}

/* ---- what was not answered ---- */

void settle_lost(struct run *r, struct ticket *t, bool begun, bool alone, bool proven)
{
	struct lane *lane = lanes_find(&r->lanes, t->lane);
	struct ending e = {.outcome = begun ? OUTCOME_UNKNOWN : OUTCOME_NOT_BEGUN,
			   .lane_died = true,
			   .blamed = begun && alone && !t->was_cancelled,
			   .cancelled = t->was_cancelled,
			   .began_at = begun ? t->sent_wall : 0,
			   .took_us = r->ops->boot_us(r->world) - t->sent_at,
			   .err_class = SETTLE_CRASH,
			   .err = "the process that worked on it died",
			   .key = "",
			   .person = ""};

	if (!proven) {
		e.err = "the process that worked on it died, "
			"and what it started may still be running";
		e.quiet_at = r->ops->now(r->world) + run_quarantine_us(r->job);
	}
	if (lane != NULL && lane->in_flight > 0)
		lane->in_flight--;
	r->n_sent--;
	if (begun)
		r->lanes.deaths_in_a_row = 0; /* an item can have done that: not for nothing */
	(void)protect_count(r, BREAKER_NOTHING, false, e.err); /* nobody is charged */
	if (probe_is(t->loose)) {
		probe_lost(r, t, begun);
		return;
	}
	if (t->is_bulk && (!begun || !alone || bits_count(t->bits, t->n_bits) > 1)) {
		settle_lost_bulk(r, t, begun);
		return;
	}
	if (t->is_bulk)
		t->index = (uint32_t)bits_find_set(t->bits, t->n_bits, 0);
	/* Safety: what may still act is not worked beside it, so it leaves our hand for so long. */
	if (proven && begun && !alone && r->policy.effect != DECIDE_ONCE && !t->was_cancelled) {
		if (t->chunk != NULL)
			chunk_progress(r, t->chunk)->add_crashes = 1;
		settle_suspect(r, t);
		return;
	}
	settle_ticket(r, t, &e);
}

void settle_suspect_left(struct run *r, struct chunk *chunk, uint32_t index)
{
	struct ticket *t = ticket_for_suspect(r, chunk, index);

	if (t == NULL)
		return;
	settle_ticket(r, t,
		      &(struct ending){.outcome = OUTCOME_UNKNOWN,
				       .lane_died = true,
				       .is_recorded = t->was_recorded,
				       .began_at = t->sent_wall,
				       .err_class = SETTLE_CRASH,
				       .err = "the process that worked on it died",
				       .key = "",
				       .person = ""});
}

void settle_unsent(struct run *r, struct ticket *t)
{
	assert(t->state == TICKET_AHEAD);
	r->n_ahead--;
	settle_ticket(r, t,
		      &(struct ending){.outcome = OUTCOME_NOT_BEGUN,
				       .cancelled = true,
				       .err_class = "",
				       .err = "",
				       .key = "",
				       .person = ""});
}

void settle_skip(struct run *r, struct chunk *chunk, uint32_t index, const char *why)
{
	struct arena *a;

	bits_set(chunk->taken, index);
	chunk->n_taken++;
	r->pending--;
	chunk_settle(r, chunk, index);
	a = commit_arena(r->commit);
	struct lop_loose_put *put = &commit_add(r->commit, LOP_LOOSE_PUT, NULL, NULL)->u.loose_put;
	put->row = (struct ledger_loose_row){.run_id = r->id,
					     .item = chunk->first_item + index,
					     .chunk_id = chunk->id,
					     .first_item = chunk->first_item,
					     .chunk_n = chunk->n,
					     .state = LOOSE_WAIVED,
					     .not_before = r->ops->now(r->world),
					     .err_class = "skipped",
					     .err = arena_str(a, why),
					     .fingerprint = ""};
	r->mine.skipped++;
}

/* ---- loose items that were in hand and not sent ---- */

static void settle_loose_as(struct run *r, struct loose *loose, enum decide_fate fate,
			    const char *err_class, const char *err)
{
	const struct ledger_loose_row *row = &loose->row;
	struct ending e = {.err_class = err_class, .err = err, .key = "", .person = ""};
	struct decision d = {.fate = fate,
			     .used = row->attempt,
			     .crashes = row->crashes,
			     .due = r->ops->now(r->world)};

	settle_loose_item(r, loose, &e, &d, row->fingerprint);
}

void settle_loose_unsent(struct run *r, struct loose *loose)
{
	if (probe_is(loose)) {
		probe_unsent(r, loose);
		return;
	}
	r->n_retrying++;
	run_note_due(r, r->ops->now(r->world));
	settle_loose_as(r, loose, FATE_RETRY, loose->row.err_class, loose->row.err);
}

void settle_loose_expired(struct run *r, struct loose *loose)
{
	r->mine.asked++;
	run_note_due(r, r->ops->now(r->world));
	settle_loose_as(r, loose, r->policy.verifies ? FATE_DOUBT : FATE_ASKED, "key-expired",
			"it may have happened, and the other side no longer knows its key");
}

void settle_loose_skip(struct run *r, struct loose *loose, const char *why)
{
	if (probe_is(loose)) {
		probe_skip(r, loose);
		return;
	}
	r->mine.skipped++;
	settle_loose_as(r, loose, FATE_SKIPPED, "skipped", why);
}
