/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/session_inside.h"
#include "job/endpoint.h"

/* People look at the figures that often; others who work on the run move them, too. */
#define COUNTS_US (5 * US_PER_S)
#define QUARANTINE_EXTRA_US (30 * US_PER_S)
enum { WHY_MAX = 1000, DIFFERENCE_MAX = 4096, ENDPOINT_NAME_MAX = 4096 };

void run_say(struct run *r, enum say_level level, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->ops->say(r->world, level, text);
}

void run_warn(struct run *r, const char *text)
{
	if (r->warned[0] != '\0' && strncmp(r->warned, text, sizeof(r->warned) - 1) == 0) {
		r->warned_again++;
		return;
	}
	run_warn_over(r);
	run_say(r, SAY_WARNING, "%s", text);
	(void)snprintf(r->warned, sizeof(r->warned), "%s", text); /* cut is well */
}

void run_warn_over(struct run *r)
{
	if (r->warned_again > 0)
		run_say(r, SAY_WARNING, "%s (%lld times more)", r->warned,
			(long long)r->warned_again);
	r->warned[0] = '\0';
	r->warned_again = 0;
}

void run_note(struct run *r, const char *kind, const char *text, utime until)
{
	struct ledger_op *op = commit_add(r->commit, LOP_RUN_NOTE, NULL, NULL);

	op->u.run_note = (struct lop_run_note){.run_id = r->id,
					       .at = r->ops->now(r->world),
					       .kind = kind,
					       .text = arena_str(commit_arena(r->commit), text),
					       .until = until};
}

int64_t run_quarantine_us(const struct job *job)
{
	return job->work.timeout_us + QUARANTINE_EXTRA_US;
}

/* ---- making and joining ---- */

static void run_make_tickets(struct run *r)
{
	r->tickets = xcalloc(FRAME_TICKETS_MAX, sizeof(*r->tickets));
	for (uint32_t i = 0; i < FRAME_TICKETS_MAX; i++)
		r->tickets[i] = (struct ticket){
			.slot = i,
			.number = i,
			.next_free = i + 1 < FRAME_TICKETS_MAX ? i + 1 : UINT32_MAX};
}

struct run *run_new(struct session *s, int64_t run_id, bool is_patient)
{
	struct run *r = xnew(struct run);

	r->session = s;
	r->commit = session_commit(s);
	r->ops = r->commit->ops;
	r->world = r->commit->world;
	r->spec = session_get_spec(s);
	r->id = run_id;
	r->is_patient = is_patient;
	r->phase = RUN_JOINING;
	r->next_due = UTIME_NEVER;
	r->left_due = UTIME_NEVER;
	r->cutoff = UTIME_NEVER;
	r->cut_at = INT64_MAX;
	r->unsettled_since = INT64_MAX;
	r->probed_item = -1;
	r->began_at = session_began_at(s);
	r->forecast = session_forecast(s);
	r->pulse = session_pulse(s);
	r->last_settled_at = r->ops->boot_us(r->world);
	list_init(&r->chunks);
	list_init(&r->loose);
	list_init(&r->marking);
	list_init(&r->ahead);
	lanes_init(&r->lanes, r->commit, &r->hello, session_lane_number(s));
	run_make_tickets(r);
	return r;
}

static void run_drop_holdings(struct run *r)
{
	while (!list_is_empty(&r->loose))
		loose_free(r, CONTAINER_OF(list_first(&r->loose), struct loose, link));
	while (!list_is_empty(&r->chunks))
		chunk_free(r, CONTAINER_OF(list_first(&r->chunks), struct chunk, link));
}

void run_free(struct run *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i < FRAME_TICKETS_MAX; i++)
		free(r->tickets[i].bits);
	run_drop_holdings(r);
	stats_free(r->stats);
	company_done(&r->company);
	lanes_done(&r->lanes);
	job_free(r->job);
	arena_done(&r->arena);
	arena_done(&r->frame_arena);
	free(r->tickets);
	free(r->cursor);
	free(r);
}

static void run_copy_row(struct run *r, const struct ledger_run_row *row)
{
	struct arena *a = &r->arena;

	r->row = *row;
	r->row.job = arena_str(a, row->job);
	r->row.due_key = arena_str(a, row->due_key);
	r->row.name = arena_str(a, row->name);
	r->row.slot = arena_str(a, row->slot);
	r->row.date = arena_str(a, row->date);
	r->row.params = arena_str(a, row->params);
	r->row.job_text = arena_str(a, row->job_text);
	r->row.job_path = arena_str(a, row->job_path);
	r->row.reason = arena_str(a, row->reason);
	r->row.source_path = arena_str(a, row->source_path == NULL ? "" : row->source_path);
	r->step = row->step;
	const struct ledger_step_row *step = &row->steps[row->step - 1];
	r->n_items = step->n_items;
	r->n_read = step->n_read;
	r->n_filtered = step->n_filtered;
	r->n_rejected = step->n_rejected;
	r->n_held_back = step->n_held_back;
	r->row.n_rejected -= step->n_rejected; /* of the other steps */
	r->row.steps = NULL;
}

static const char *run_directory(struct run *r)
{
	const char *slash = strrchr(r->row.job_path, '/');

	if (slash == NULL)
		return ".";
	return arena_text(&r->arena, r->row.job_path,
			  slash == r->row.job_path ? 1 : (size_t)(slash - r->row.job_path));
}

static enum decide_effect effect_of(const struct job *job)
{
	if (job->work.effect == JOB_ONCE)
		return DECIDE_ONCE;
	return job->work.key_valid_us > 0 ? DECIDE_KEYED : DECIDE_PURE;
}

static enum decide_doubt doubt_of(const struct job *job)
{
	if (job->work.when_in_doubt == JOB_DOUBT_RETRY)
		return DECIDE_RETRY;
	return job->work.when_in_doubt == JOB_DOUBT_SKIP ? DECIDE_SKIP : DECIDE_ASK;
}

void run_set_limit(struct run *r)
{
	const struct job *job = r->job;
	int concurrency = job->work.concurrency > 0 ? job->work.concurrency : r->spec->cpus;

	r->limit = r->is_bulk ? slots_units_per_lane(r) * slots_lanes_wanted(r)
			      : (uint32_t)concurrency;
	if (r->is_gentle && r->limit > (uint32_t)job->window.gentle.concurrency)
		r->limit = (uint32_t)job->window.gentle.concurrency;
	if (r->limit > FRAME_TICKETS_MAX / 4)
		r->limit = FRAME_TICKETS_MAX / 4;
	concurrency_set(&r->concurrency, r->is_bulk ? 0 : (uint32_t)job->work.concurrency_start,
			r->limit);
}

/* For how long the other side surely knows a key, as far as the decisions are concerned, which keep
 * a tenth of it as a margin. Safety: a repeat takes effect up to an attempt's time limit after it
 * was sent. Where that is longer than the margin, it is the margin. */
static int64_t key_valid_of(const struct job *job)
{
	int64_t valid = job->work.key_valid_us;
	int64_t timeout = job->work.timeout_us;

	if (valid == 0 || timeout <= valid / 10)
		return valid;
	return timeout >= valid ? 1 : (valid - timeout) / 9 * 10 + 1;
}

/* Everything that follows from the job, at the start and after a reload. */
static void run_apply_job(struct run *r)
{
	const struct job *job = r->job;

	r->policy = (struct decide_policy){
		.retry = {.attempts = job->retry.attempts,
			  .first_us = job->retry.first_us,
			  .factor = job->retry.factor,
			  .max_us = job->retry.max_us,
			  .jitter = job->retry.jitter == JOB_JITTER_FULL    ? RETRY_JITTER_FULL
				    : job->retry.jitter == JOB_JITTER_EQUAL ? RETRY_JITTER_EQUAL
									    : RETRY_JITTER_NONE},
		.effect = effect_of(job),
		.doubt = doubt_of(job),
		.key_valid_us = key_valid_of(job),
		.verifies = job_verifies(job),
		.settle_us = job->work.verify.settle_us};
	r->needs_start_mark = job_needs_start_mark(job);
	r->is_bulk = job_is_bulk(job);
	session_quarantine(r->session, run_quarantine_us(job));
	share_apply_job(r);
	run_set_limit(r);
}

static void run_name_endpoint(struct run *r)
{
	AUTO(buf) struct buf name = BUF_INIT(ENDPOINT_NAME_MAX);

	endpoint_put(&name, r->job);
	r->endpoint = arena_str(&r->arena, buf_str(&name));
	/* Safety: of another step it is another's, whose version may be the same by chance. */
	if (r->breaker_step != r->step)
		r->breaker = (struct breaker){0};
	protect_look(r);
}

/* For readers and lanes, which read the job's text themselves. */
static const char *run_today_text(struct run *r, const struct job *now)
{
	return strcmp(now->text, r->row.job_text) == 0 ? "" : arena_str(&r->arena, now->text);
}

static void run_make_hello(struct run *r)
{
	char *nonce = arena_alloc(&r->arena, 2 * sizeof(r->spec->nonce) + 1);

	hash_hex(r->spec->nonce, sizeof(r->spec->nonce), nonce);
	r->hello = (struct frame_hello){
		.job_text = r->row.job_text,
		.today_text = run_today_text(r, r->spec->job),
		.job_path = r->row.job_path,
		.job_directory = r->job->directory,
		.run_id = r->id,
		.step = (uint32_t)r->step,
		.run_name = r->row.name,
		.slot = r->row.slot,
		.date = r->row.date,
		.params = r->row.params,
		.nonce = nonce,
		.source_path = r->row.source_path,
		.first_n = r->row.first_n,
		.ask_keys = r->job->source.key != NULL || r->job->source.kind == SOURCE_INBOX ||
			    run_remembers_keys(r),
		.sets_nice = r->job->process.nice != JOB_NICE_AS_IS,
		.io = r->job->process.io == JOB_IO_IDLE		 ? FRAME_IO_IDLE
		      : r->job->process.io == JOB_IO_BEST_EFFORT ? FRAME_IO_BEST_EFFORT
								 : FRAME_IO_AS_IS};
	if (r->hello.sets_nice)
		r->hello.nice = r->job->process.nice;
	memcpy(r->hello.ledger_uuid, r->spec->ledger_uuid, sizeof(r->hello.ledger_uuid));
}

/* True when a line of the difference is about something that items are already recorded under. */
static bool is_refused_change(const char *difference)
{
	static const char *const refused[] = {"source", "work.effect", "steps"};

	for (const char *line = difference; line != NULL && *line != '\0';) {
		for (size_t i = 0; i < ARRAY_LEN(refused); i++)
			if (strncmp(line, refused[i], strlen(refused[i])) == 0)
				return true;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return false;
}

/* Its lines one after another: what is said is one line. */
static void put_one_line(struct buf *out, const char *lines)
{
	for (; *lines != '\0'; lines++) {
		if (*lines != '\n')
			buf_putc(out, *lines);
		else if (lines[1] != '\0')
			buf_puts(out, "; ");
	}
}

/* The step's job of the text that the run has. */
static int run_read_job(struct run *r, struct err *err)
{
	int rc = job_parse(r->row.job_text, strlen(r->row.job_text), r->row.job_path,
			   run_directory(r), NULL, NULL, &r->job, err);

	if (rc < 0)
		return rc;
	struct job *step = job_step(r->job, r->step);
	if (step == NULL)
		return ERR(err, ERR_CONFIG, "it has no step %d", r->step);
	r->job = step;
	return 0;
}

/* Takes windows, waits and the like from today's file, for every step: what the next one begins
 * after is asked at the end of this one. */
static int run_refresh_job(struct run *r, const struct job *now, struct buf *difference)
{
	int rc = 0;

	for (size_t i = 0; i < r->job->n_steps; i++)
		if (job_refresh(r->job->steps[i], now, difference) == JOB_CHANGED)
			rc = JOB_CHANGED;
	return rc;
}

/* --with-new-file: the run goes on by today's file, where that can be. */
static int run_take_new_file(struct run *r, const char *difference, struct err *err)
{
	const struct job *now = r->spec->job;
	AUTO(buf) struct buf line = BUF_INIT(2 * DIFFERENCE_MAX);

	put_one_line(&line, difference);
	if (is_refused_change(difference))
		return ERR(err, ERR_CONFIG,
			   "--with-new-file: a run cannot go on with another source, key or "
			   "effect: %s",
			   buf_str(&line));
	run_say(r, SAY_INFO, "%s goes on with the new file: %s", r->row.name, buf_str(&line));
	job_free(TAKE(r->job));
	r->row.job_text = arena_str(&r->arena, now->text);
	return run_read_job(r, err);
}

/* The job as the run began with it, and today's windows and waits. */
static int run_parse_job(struct run *r, struct err *err)
{
	AUTO(buf) struct buf difference = BUF_INIT(DIFFERENCE_MAX);
	AUTO(buf) struct buf line = BUF_INIT(2 * DIFFERENCE_MAX);

	if (run_read_job(r, err) < 0) {
		err_add(err, "its job file cannot be read any more: ");
		return err->code;
	}
	if (run_refresh_job(r, r->spec->job, &difference) != JOB_CHANGED)
		return 0;
	if (r->spec->with_new_file)
		return run_take_new_file(r, buf_str(&difference), err);
	put_one_line(&line, buf_str(&difference));
	run_say(r, SAY_WARNING,
		"%s goes on with the job file that it began with (--with-new-file to change that); "
		"the file has changed since: %s",
		r->row.name, buf_str(&line));
	return 0;
}

void run_refresh(struct run *r, const struct job *now)
{
	AUTO(buf) struct buf difference = BUF_INIT(DIFFERENCE_MAX);
	AUTO(buf) struct buf line = BUF_INIT(2 * DIFFERENCE_MAX);

	if (r->job == NULL)
		return;
	if (run_refresh_job(r, now, &difference) == JOB_CHANGED) {
		put_one_line(&line, buf_str(&difference));
		run_say(r, SAY_INFO, "taken over but for what a run keeps: %s", buf_str(&line));
	}
	r->hello.today_text = run_today_text(r, now);
	r->is_over_time = r->is_gentle = false; /* it may have been made longer */
	run_apply_job(r);
	slots_deal_anew(r);
	window_take_cutoff(r);
}

static void run_end_at_once(struct run *r, int exit_status)
{
	r->exit_status = exit_status;
	r->phase = RUN_OVER;
}

static int exit_of_state(const struct ledger_run_row *row, const struct ledger_counts *counts)
{
	if (row->state != RUN_FINISHED)
		return EXIT_FAILED;
	return counts->dead + counts->in_doubt + row->n_rejected > 0 ? EXIT_PERSON : EXIT_DONE;
}

static void run_on_joined(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_run_join *join = &op->u.run_join;
	struct err err = ERR_INIT;

	run_copy_row(r, &join->ret_row);
	r->counts = join->ret_counts;
	r->n_retrying = r->counts.retry;
	r->next_due = r->counts.next_due;
	if (join->ret_over) {
		r->is_finished = true;
		run_end_at_once(r, exit_of_state(&join->ret_row, &r->counts));
		return;
	}
	company_join(r, join->ret_others, join->ret_n_others);
	if (r->row.n_steps > 1)
		run_say(r, SAY_INFO, "%s: step %d of %zu, %s", r->row.name, r->step, r->row.n_steps,
			join->ret_row.steps[r->step - 1].name);
	if (run_parse_job(r, &err) < 0) {
		run_stop(r, EXIT_CONFIG, false, "%s", err.text);
		r->cut_at = 0;
		r->phase = RUN_DRAINING;
		return;
	}
	run_apply_job(r);
	run_make_hello(r);
	window_take_cutoff(r);
	stats_begin(r);
	run_name_endpoint(r);
	if (r->job->work.canary > r->counts.done)
		r->canary_left = r->job->work.canary - r->counts.done;
	r->phase = pools_are_wanted(r) ? RUN_POOLS_WANTED : run_first_phase(r);
}

enum run_phase run_first_phase(const struct run *r)
{
	return r->row.state == RUN_LOADING ? RUN_LOADER_WANTED : RUN_WORKING;
}

static void run_join(struct run *r)
{
	struct ledger_op *op = commit_add(r->commit, LOP_RUN_JOIN, run_on_joined, r);

	op->u.run_join.run_id = r->id;
}

/* ---- counts ---- */

void run_ask_counts(struct run *r)
{
	r->asked_mine = r->mine;
	r->asked_retrying = r->n_retrying;
}

void run_take_counts(struct run *r, const struct ledger_counts *counts)
{
	r->counts = *counts;
	r->mine.done -= r->asked_mine.done;
	r->mine.dead -= r->asked_mine.dead;
	r->mine.skipped -= r->asked_mine.skipped;
	r->mine.asked -= r->asked_mine.asked;
	r->n_retrying = counts->retry + r->n_retrying - r->asked_retrying;
	if (r->n_retrying < 0)
		r->n_retrying = 0; /* others may have settled what we counted */
	r->asked_mine = (struct run_counters){0};
	r->asked_retrying = 0;
}

static void run_on_counts(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	r->counts_out = false;
	run_take_counts(r, &op->u.run_counts.ret_counts);
}

static void run_refresh_counts(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (r->counts_out || r->finish_out || now < r->counts_at || r->n_tickets == 0)
		return;
	r->counts_at = now + COUNTS_US;
	r->counts_out = true;
	run_ask_counts(r);
	struct lop_run_counts *counts =
		&commit_add(r->commit, LOP_RUN_COUNTS, run_on_counts, r)->u.run_counts;
	*counts = (struct lop_run_counts){.run_id = r->id, .step = r->step};
}

/* ---- leaving ---- */

static void run_on_left(void *arg, struct ledger_op *op)
{
	struct run *r = arg;

	(void)op;
	r->phase = RUN_OVER;
	lanes_stop(&r->lanes);
}

static void run_on_last_look(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_run_finish *finish = &op->u.run_finish;

	run_take_counts(r, &finish->ret_counts);
	r->is_finished = !r->fails && finish->ret_finished;
	r->goes_on = r->is_step_over && !finish->ret_finished && finish->ret_step != r->step;
	if (r->is_step_over && finish->ret_blocked)
		r->exit_status = EXIT_PERSON;
}

/* How a run that is finished went, in all its steps. */
static void run_on_all_counts(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct ledger_counts *all = &op->u.run_counts.ret_counts;

	if (r->is_finished)
		r->exit_status = all->dead + all->in_doubt + r->row.n_rejected + r->n_rejected > 0
					 ? EXIT_PERSON
					 : EXIT_DONE;
}

void run_leave(struct run *r)
{
	struct arena *a = commit_arena(r->commit);

	assert(r->n_tickets == 0 && list_is_empty(&r->loose));
	r->phase = RUN_LEAVING;
	r->exit_status = r->stop_exit;
	run_warn_over(r);
	protect_leave(r);
	stats_end(r);
	share_leave(r);
	struct ledger_op *back = commit_add(r->commit, LOP_GIVE_BACK, NULL, NULL);
	back->u.give_back.run_id = r->id;
	if (r->fails) {
		struct lop_run_end *end =
			&commit_add(r->commit, LOP_RUN_END, NULL, NULL)->u.run_end;
		*end = (struct lop_run_end){.run_id = r->id,
					    .state = RUN_FAILED,
					    .reason = arena_str(a, r->stop_reason)};
	}
	run_ask_counts(r);
	run_ask_finish(r, run_on_last_look);
	struct ledger_op *all = commit_add(r->commit, LOP_RUN_COUNTS, run_on_all_counts, r);
	all->u.run_counts.run_id = r->id;
	struct ledger_op *leave = commit_add(r->commit, LOP_RUN_LEAVE, run_on_left, r);
	leave->u.run_leave.run_id = r->id;
	leave->u.run_leave.reason = arena_str(a, r->stop_reason);
}

/* ---- the turn ---- */

static void run_work(struct run *r)
{
	if (!dispatch_is_idle(r))
		r->ending.is_open = false; /* of what the last look saw this may be all */
	dispatch_turn(r);
	window_turn(r);
	run_refresh_counts(r);
	if (job_writes_back(r->job))
		writeback_turn(r);
	run_look_around(r);
}

void run_turn(struct run *r)
{
	if (r->phase == RUN_JOINING && !r->join_out) {
		r->join_out = true;
		run_join(r);
	}
	if (r->phase > RUN_JOINING && r->phase < RUN_DRAINING) {
		window_check(r);
		request_turn(r);
		stats_turn(r);
	}
	if (r->stop_wanted && r->phase > RUN_JOINING && r->phase < RUN_DRAINING)
		r->phase = RUN_DRAINING;
	switch (r->phase) {
	case RUN_POOLS_WANTED:
		pools_turn(r);
		break;
	case RUN_LOADER_WANTED:
		load_want(r);
		break;
	case RUN_LOADING_NOW:
		load_turn(r);
		break;
	case RUN_WORKING:
		run_work(r);
		break;
	case RUN_TELLING:
		ending_turn(r);
		break;
	case RUN_DRAINING:
		drain_turn(r);
		break;
	case RUN_JOINING:
	case RUN_LEAVING:
	case RUN_OVER:
		break;
	}
	lanes_flush(&r->lanes);
}

int64_t run_deadline(const struct run *r)
{
	int64_t at = INT64_MAX;

	if (r->phase == RUN_DRAINING)
		return drain_deadline(r);
	if (r->phase <= RUN_JOINING || r->phase >= RUN_LEAVING)
		return at;
	at = run_earliest(window_deadline(r), request_deadline(r));
	at = run_earliest(at, stats_deadline(r));
	if (r->phase == RUN_POOLS_WANTED)
		return run_earliest(at, pools_deadline(r));
	if (r->phase == RUN_LOADER_WANTED || r->phase == RUN_LOADING_NOW)
		return run_earliest(at, load_deadline(r));
	at = run_earliest(at, writeback_deadline(r));
	if (r->phase != RUN_WORKING)
		return at;
	at = run_earliest(at, dispatch_deadline(r));
	if (run_may_look(r))
		at = run_earliest(at, r->idle_poll_at);
	/* What is due already is claimed as soon as there is room, which an outcome makes. */
	utime now = r->ops->now(r->world);
	if (r->next_due != UTIME_NEVER && r->next_due > now && !dispatch_is_idle(r) &&
	    !breaker_holds(&r->breaker, r->ops->boot_us(r->world)))
		at = run_earliest(at, r->ops->boot_us(r->world) + r->next_due - now);
	return at;
}

/* ---- what lanes say ---- */

static int run_take_outcome(struct run *r, struct lane *lane, const struct frame *frame,
			    struct err *err)
{
	struct arena *a = &r->frame_arena;
	struct frame_outcome one;
	struct frame_bulk_outcome bulk;
	struct frame_source_changed changed;
	int rc = 0;

	switch ((int)frame->type) {
	case FRAME_OUTCOME:
		rc = frame_get_outcome(frame, a, &one, err);
		if (rc == 0)
			settle_outcome(r, lane, &one);
		break;
	case FRAME_BULK_OUTCOME:
		rc = frame_get_bulk_outcome(frame, a, &bulk, err);
		if (rc == 0)
			settle_bulk(r, lane, &bulk);
		break;
	case FRAME_SOURCE_CHANGED:
		rc = frame_get_source_changed(frame, a, &changed, err);
		if (rc == 0 && (r->spec->is_guest || changed.is_elsewhere))
			run_leave_to_others(r, changed.text);
		else if (rc == 0)
			run_stop(r, EXIT_FAILED, true, "%s", changed.text);
		break;
	default: /* READY, and what a worker has no business to send */
		break;
	}
	arena_reset(a);
	return rc;
}

void run_on_frame(struct run *r, struct lane *lane, const struct frame *frame)
{
	struct err err = ERR_INIT;

	if (r->phase >= RUN_OVER)
		return;
	if (lane->role == LANE_READER) {
		load_on_frame(r, lane, frame);
	} else if (lane->role == LANE_FINISHER) {
		if (r->job != NULL && job_writes_back(r->job) && !r->ending.is_ours)
			writeback_on_frame(r, frame);
		else
			tell_on_frame(r, frame);
	} else if (run_take_outcome(r, lane, frame, &err) < 0) {
		run_say(r, SAY_ERROR, "a worker process sent rubbish and is ended: %s", err.text);
		r->ops->lane_kill(r->world, lane->number);
	}
}

/* Settles everything that the dead lane held. */
static void run_lose_lane(struct run *r, struct lane *lane, bool proven)
{
	struct list *node;
	struct list *next;
	uint32_t n_begun = 0;

	LIST_EACH (node, next, &lane->sent)
		n_begun += r->ops->lane_begun(r->world, lane->number,
					      CONTAINER_OF(node, struct ticket, link)->slot);
	bool is_alone = n_begun == 1 && lane->in_flight == 1;
	LIST_EACH (node, next, &lane->sent) {
		struct ticket *t = CONTAINER_OF(node, struct ticket, link);
		settle_lost(r, t, r->ops->lane_begun(r->world, lane->number, t->slot), is_alone,
			    proven);
	}
}

void run_on_lane_end(struct run *r, struct lane *lane, int exit_status, int by_signal, bool proven)
{
	enum lane_role role = lane->role;
	uint32_t number = lane->number;

	if (role == LANE_WORKER && lane->state != LANE_ENDING)
		run_say(r, SAY_WARNING, "a worker process died (%s %d)",
			by_signal != 0 ? "signal" : "exit",
			by_signal != 0 ? by_signal : exit_status);
	if (role == LANE_WORKER)
		run_lose_lane(r, lane, proven);
	lanes_ended(&r->lanes, lane, proven);
	if (role == LANE_READER && number == r->reader)
		load_on_reader_end(r, exit_status, by_signal);
	if (role == LANE_FINISHER && r->job != NULL && job_writes_back(r->job))
		writeback_on_end(r);
	if (role == LANE_FINISHER)
		ending_on_lane_end(r, proven);
}

const char *run_phase_text(const struct run *r)
{
	switch (r->phase) {
	case RUN_JOINING:
		return "starting";
	case RUN_POOLS_WANTED:
		return "waiting";
	case RUN_LOADER_WANTED:
	case RUN_LOADING_NOW:
		return "loading";
	case RUN_WORKING:
		return r->waits[0] != '\0' || protect_waits(r) != NULL ? "waiting" : "running";
	case RUN_TELLING:
		return "finishing";
	case RUN_DRAINING:
		return strcmp(r->stop_reason, "done") == 0 ? "finishing" : "stopping";
	case RUN_LEAVING:
	case RUN_OVER:
		break;
	}
	return "finishing";
}
