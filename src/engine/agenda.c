/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agenda of a session: which runs this call works, one after another, and what status they add
 * up to.
 *
 * Two passes: in the first, runs do not wait for their retries, so that what an old run still waits
 * for does not keep the present slot from starting; in the second, what is due soon is waited for.
 */
#include "engine/session_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/plan.h"
#include "engine/run.h"
#include "job/job.h"

#define LANES_END_US (5 * US_PER_S)

/* ---- planning ---- */

static void session_add_run(struct session *s, int64_t id)
{
	s->runs = xrealloc(s->runs, s->n_runs + 1, sizeof(*s->runs));
	s->runs[s->n_runs++] = (struct session_run){.id = id,
						    .exit_status = EXIT_LATER,
						    .left_due = UTIME_NEVER,
						    .may_come_again = true};
}

static void session_on_created(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_run_create *create = &op->u.run_create;

	if (create->ret_id == 0) { /* somebody else was first, or the answer was lost: look again */
		session_plan(s);
		return;
	}
	session_add_run(s, create->ret_id);
	s->phase = SESSION_WORKING;
}

static enum effect_class effect_class_of(const struct job *job)
{
	if (job->work.effect == JOB_ONCE)
		return EFFECT_UNSAFE;
	if (job->work.effect == JOB_TRANSACTIONAL)
		return EFFECT_MARKER;
	return job->work.key_valid_us > 0 ? EFFECT_KEYED : EFFECT_PURE;
}

/* The steps of a new run, as the ledger has them. */
static const struct ledger_step_row *session_steps(const struct job *job, struct arena *a)
{
	struct ledger_step_row *rows = arena_alloc(a, job->n_steps * sizeof(*rows));

	for (size_t i = 0; i < job->n_steps; i++) {
		const struct job *step = job->steps[i];
		const struct job_work *work = &step->work;
		rows[i] = (struct ledger_step_row){
			.name = step->step_name == NULL ? "" : arena_str(a, step->step_name),
			.effect = effect_class_of(step),
			.doubt = work->when_in_doubt == JOB_DOUBT_RETRY	 ? DOUBT_RETRY
				 : work->when_in_doubt == JOB_DOUBT_SKIP ? DOUBT_SKIP
									 : DOUBT_ASK,
			.key_valid_us = work->key_valid_us};
	}
	return rows;
}

static void session_create_run(struct session *s, const char *due_base, int64_t n)
{
	struct ledger_op *op = commit_add(&s->commit, LOP_RUN_CREATE, session_on_created, s);
	struct arena *a = commit_arena(&s->commit);
	const struct job *job = s->spec.job;
	char name[SESSION_NAME_MAX];
	char due_key[SESSION_NAME_MAX];
	char path[SESSION_NAME_MAX];

	plan_run_name(&s->spec, job->name, n, name, sizeof(name));
	(void)snprintf(due_key, sizeof(due_key), "%s/%lld", due_base, (long long)n);
	const char *base = strrchr(job->path, '/');
	(void)snprintf(path, sizeof(path), "%s/%s", job->directory,
		       base == NULL ? job->path : base + 1);
	op->u.run_create.row = (struct ledger_run_row){
		.job = arena_str(a, job->name),
		.due_key = arena_str(a, due_key),
		.name = arena_str(a, name),
		.slot = arena_str(a, s->spec.slot),
		.date = arena_str(a, s->spec.date),
		.params = arena_str(a, s->spec.params),
		.n = n,
		.job_text = arena_str(a, job->text),
		.job_path = arena_str(a, path),
		.reason = "",
		.steps = session_steps(job, a),
		.n_steps = job->n_steps,
		.first_n = s->spec.first_n,
		.source_path = arena_str(a, s->spec.source_path)};
}

static void session_abandon(struct session *s, const struct plan *plan)
{
	struct arena *a = commit_arena(&s->commit);

	for (size_t i = 0; i < plan->n_abandons; i++) {
		struct lop_run_end *end =
			&commit_add(&s->commit, LOP_RUN_END, NULL, NULL)->u.run_end;
		*end = (struct lop_run_end){.run_id = plan->abandons[i],
					    .state = RUN_ABANDONED,
					    .reason = arena_str(a, "carry_over: abandon")};
	}
}

static int exit_of_over(const struct ledger_run_row *row)
{
	return row->state == RUN_FINISHED ? EXIT_DONE : EXIT_FAILED;
}

static void session_on_planned(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_run_list *list = &op->u.run_list;
	struct arena a = {0};
	struct plan plan = plan_runs(&s->spec, list, &a);

	s->n_history = list->ret_n_history;
	memcpy(s->history, list->ret_history, sizeof(s->history));
	s->n_runs = 0;
	/* Safety: answered before any run is joined, since transactions keep their order. */
	session_ask_past(s, list);
	if (s->stops > 0) {
		session_end(s, EXIT_LATER);
	} else if (plan.verdict == PLAN_OLDER_IS_ON) {
		session_say(s, SAY_ERROR, "%s is on elsewhere; not started (overlap: skip)",
			    plan.on_elsewhere->name);
		session_end(s, EXIT_BUSY);
	} else {
		session_abandon(s, &plan);
		for (size_t i = 0; i < plan.n_runs; i++)
			session_add_run(s, plan.runs[i]);
		if (plan.over != NULL) {
			session_say(s, SAY_INFO,
				    "%s is over already (%s); --again makes a further one",
				    plan.over->name, run_state_name(plan.over->state));
			s->over_exit = exit_of_over(plan.over);
			/* Joining a run that is over changes nothing and says how it ended. */
			session_add_run(s, plan.over->id);
		}
		if (plan.creates)
			session_create_run(s, list->due_base, plan.new_n);
		else
			s->phase = SESSION_WORKING;
	}
	arena_done(&a);
}

void session_plan(struct session *s)
{
	char base[SESSION_NAME_MAX];
	char key[SESSION_NAME_MAX + 3];

	s->phase = SESSION_PLANNING;
	if (s->spec.run_id != 0) {
		session_add_run(s, s->spec.run_id);
		s->phase = SESSION_WORKING;
		return;
	}
	plan_due_base(&s->spec, base, sizeof(base));
	(void)snprintf(key, sizeof(key), "%s/1", base);
	struct ledger_op *op = commit_add(&s->commit, LOP_RUN_LIST, session_on_planned, s);
	struct arena *a = commit_arena(&s->commit);
	op->u.run_list = (struct lop_run_list){.job = arena_str(a, s->spec.job->name),
					       .due_key = arena_str(a, key),
					       .due_base = arena_str(a, base)};
}

/* ---- run after run ---- */

/* Workers that have seen the end of their input are given time to put things in order. */
static int64_t lanes_end_us(const struct job *job)
{
	return LANES_END_US + (job != NULL && job_is_stream(job) ? job->window.grace_us : 0);
}

/* A run that has nothing left of its own, and whose processes are gone. */
static bool run_is_gone(struct session *s)
{
	struct run *r = s->run;

	if (r->phase != RUN_OVER || !commit_is_idle(&s->commit))
		return false;
	for (size_t i = 0; i < r->lanes.n_places; i++) {
		if (r->lanes.lane[i].number == 0)
			continue;
		int64_t now = s->ops->boot_us(s->world);
		if (s->lanes_until == 0) {
			s->lanes_until = now + lanes_end_us(r->job);
		} else if (now >= s->lanes_until) {
			s->lanes_until = now + lanes_end_us(r->job);
			lanes_kill(&r->lanes);
		}
		return false;
	}
	return true;
}

static void session_close_run(struct session *s)
{
	struct session_run *entry = &s->runs[s->at];

	entry->was_worked = true;
	entry->exit_status = s->run->exit_status;
	entry->left_due = s->run->left_due;
	s->is_source_behind |= s->run->writeback.is_left && s->run->exit_status == EXIT_LATER;
	entry->breaker = s->run->breaker;
	entry->breaker_step = s->run->step;
	/* Another step's attempts are as long as they are. */
	if (s->run->goes_on)
		s->forecast = (struct forecast){0};
	entry->said_late = s->run->said_late;
	entry->said_over = s->run->said_over;
	entry->said_cutoff = s->run->said_cutoff;
	entry->may_come_again = !s->run->was_asked_to_stop && !s->run->fails &&
				s->run->exit_status == EXIT_LATER;
	if (!s->run->goes_on)
		s->at++;
	run_free(s->run);
	s->run = NULL;
	s->lanes_until = 0;
}

/* In the second pass, what the first one left because it was not due is waited for. */
static bool is_worth_a_second_pass(const struct session *s, const struct session_run *entry)
{
	utime horizon = s->ops->now(s->world) + s->spec.job->retry.within_run_us;

	return entry->was_worked && entry->may_come_again && entry->left_due <= horizon &&
	       s->n_runs > 1;
}

/* ---- the sum ---- */

/* CLI: the first of 1, 75, 3, 0 that holds; what went wrong in a way of its own goes before. */
static int worse_exit(int a, int b)
{
	static const int order[] = {EXIT_STORAGE, EXIT_INTERNAL, EXIT_CONFIG, EXIT_NO_SOURCE,
				    EXIT_FAILED,  EXIT_BUSY,	 EXIT_LATER,  EXIT_PERSON};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_DONE;
}

static void session_sum_up(struct session *s)
{
	int status = s->over_exit >= 0 ? s->over_exit : EXIT_DONE;

	for (size_t i = 0; i < s->n_runs; i++)
		status = worse_exit(status, s->runs[i].exit_status);
	if (s->storage_fails)
		status = EXIT_STORAGE;
	session_end(s, status);
}

static void session_next_run(struct session *s)
{
	/* A run that is loaded now would find again what the source was not told of yet. */
	while (s->stops == 0 && !s->storage_fails && !s->is_source_behind) {
		if (s->at >= s->n_runs && !s->is_second_pass) {
			s->is_second_pass = true;
			s->at = 0;
		}
		if (s->at >= s->n_runs)
			break;
		struct session_run *entry = &s->runs[s->at];
		if (!s->is_second_pass || is_worth_a_second_pass(s, entry)) {
			s->run = run_new(s, entry->id, s->is_second_pass || s->n_runs == 1);
			s->run->breaker = entry->breaker;
			s->run->breaker_step = entry->breaker_step;
			s->run->said_late = entry->said_late;
			s->run->said_over = entry->said_over;
			s->run->said_cutoff = entry->said_cutoff;
			return;
		}
		s->at++;
	}
	session_sum_up(s);
}

void session_work(struct session *s)
{
	if (s->run != NULL && run_is_gone(s))
		session_close_run(s);
	if (s->run == NULL && commit_is_idle(&s->commit))
		session_next_run(s);
	if (s->run == NULL)
		return;
	run_turn(s->run);
}
