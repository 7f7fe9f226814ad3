/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/commit.h"
#include "engine/plan.h"
#include "engine/run.h"
#include "engine/session_inside.h"
#include "job/job.h"

#define LOOK_FOR_DEAD_US (5 * US_PER_S)
#define LANES_END_US (5 * US_PER_S)
/* How long what is settled may wait for room on a full disk before we give up on it. */
#define NO_SPACE_PATIENCE_US (60 * US_PER_S)
#define QUARANTINE_EXTRA_US (30 * US_PER_S)
enum { NAME_MAX_CHARS = 600, BURIALS_MAX = 256 };

enum session_phase {
	SESSION_BEGINNING,
	SESSION_BURYING, /* the dead of earlier nights */
	SESSION_PLANNING,
	SESSION_WORKING,
	SESSION_ENDING,
	SESSION_ENDED
};

struct session_run { /* a run of this call and how it ended */
	int64_t id;
	bool was_worked;
	int exit_status;
	utime left_due; /* UTIME_NEVER: waits for nothing */
	bool may_come_again;
};

struct session {
	const struct world_ops *ops;
	void *world;
	struct session_spec spec;
	struct commit commit;
	struct arena arena;
	enum session_phase phase;
	uint32_t lane_number;

	int64_t burials[BURIALS_MAX]; /* incs whose burial is under way */
	size_t n_burials;
	bool list_out;
	int64_t look_at; /* boot clock: next look for dead instances */

	struct session_run *runs;
	size_t n_runs;
	size_t at;	     /* the one being worked */
	bool is_second_pass; /* waits for what the first pass left */
	struct run *run;     /* NULL between two */
	int64_t lanes_until; /* boot clock: lanes of a run that is over are killed then */
	int64_t history[20];
	size_t n_history;
	int over_exit; /* of the present slot's run that was over already; -1 none */

	int stops; /* how often we were told */
	char stop_reason[128];
	bool storage_fails;
	int64_t storage_since;
	int exit_status;
};

struct commit *session_commit(struct session *s)
{
	return &s->commit;
}

const struct session_spec *session_get_spec(const struct session *s)
{
	return &s->spec;
}

uint32_t *session_lane_number(struct session *s)
{
	return &s->lane_number;
}

const int64_t *session_history(const struct session *s, size_t *ret_n)
{
	*ret_n = s->n_history;
	return s->history;
}

static void session_say(struct session *s, enum say_level level, const char *fmt, ...)
	ST_PRINTF(3, 4);
static void session_say(struct session *s, enum say_level level, const char *fmt, ...)
{
	char text[NAME_MAX_CHARS];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->ops->say(s->world, level, text);
}

/* ---- the end ---- */

static void session_over(struct session *s, int exit_status)
{
	s->phase = SESSION_ENDED;
	s->ops->timer(s->world, INT64_MAX);
	s->ops->end(s->world, exit_status);
}

/* Nothing can be written any more: what is under way is left to whoever resumes. */
static void session_on_trouble(void *arg, enum ledger_status status, const char *text)
{
	struct session *s = arg;
	bool is_storage = status == LEDGER_BROKEN;

	if (s->phase == SESSION_ENDED)
		return;
	session_say(s, SAY_ERROR, "%s: %s",
		    is_storage ? "the ledger's storage failed"
			       : "this instance has lost its claims",
		    text);
	if (s->run != NULL)
		lanes_kill(&s->run->lanes);
	session_over(s, is_storage ? EXIT_STORAGE : EXIT_LATER);
}

static void session_on_ended(void *arg, struct ledger_op *op)
{
	struct session *s = arg;

	(void)op;
	session_over(s, s->exit_status);
}

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

static void session_end(struct session *s, int exit_status)
{
	s->phase = SESSION_ENDING;
	s->exit_status = exit_status;
	(void)commit_add(&s->commit, LOP_INSTANCE_END, session_on_ended, s);
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

/* ---- the dead ---- */

static bool is_being_buried(const struct session *s, int64_t inc)
{
	for (size_t i = 0; i < s->n_burials; i++)
		if (s->burials[i] == inc)
			return true;
	return false;
}

static void session_on_list(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_instance_list *list = &op->u.instance_list;

	s->list_out = false;
	s->look_at = s->ops->boot_us(s->world) + LOOK_FOR_DEAD_US;
	for (size_t i = 0; i < list->ret_n && s->n_burials < BURIALS_MAX; i++) {
		const struct ledger_instance_row *row = &list->ret_rows[i];
		if (!row->is_gone || is_being_buried(s, row->inc))
			continue;
		s->burials[s->n_burials++] = row->inc;
		s->ops->bury(s->world, row->inc, row->nonce, row->lanes, row->n_lanes);
	}
	if (s->phase == SESSION_BEGINNING)
		s->phase = SESSION_BURYING;
}

static void session_look_for_dead(struct session *s)
{
	if (s->list_out)
		return;
	s->list_out = true;
	(void)commit_add(&s->commit, LOP_INSTANCE_LIST, session_on_list, s);
}

static void session_on_reaped(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct lop_reap *reap = &op->u.reap;

	for (size_t i = 0; i < s->n_burials; i++)
		if (s->burials[i] == reap->dead)
			s->burials[i] = s->burials[--s->n_burials];
	if (!reap->ret_done)
		return;
	session_say(s, reap->ret_doubtful > 0 ? SAY_WARNING : SAY_DETAIL,
		    "instance %lld died at work; %lld items that it had begun are in doubt",
		    (long long)reap->dead, (long long)reap->ret_doubtful);
}

void session_on_buried(struct session *s, int64_t inc, bool proven)
{
	if (s->phase == SESSION_ENDED)
		return;
	struct ledger_op *op = commit_add(&s->commit, LOP_REAP, session_on_reaped, s);
	op->u.reap.dead = inc;
	op->u.reap.quarantine_us = proven ? 0 : s->spec.job->work.timeout_us + QUARANTINE_EXTRA_US;
	commit_flush(&s->commit);
}

/* ---- planning ---- */

static void session_add_run(struct session *s, int64_t id)
{
	s->runs = xrealloc(s->runs, s->n_runs + 1, sizeof(*s->runs));
	s->runs[s->n_runs++] = (struct session_run){.id = id,
						    .exit_status = EXIT_LATER,
						    .left_due = UTIME_NEVER,
						    .may_come_again = true};
}

static void session_plan(struct session *s);

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
	return job->work.key_valid_us > 0 ? EFFECT_KEYED : EFFECT_PURE;
}

static void session_create_run(struct session *s, const char *due_base, int64_t n)
{
	struct ledger_op *op = commit_add(&s->commit, LOP_RUN_CREATE, session_on_created, s);
	struct arena *a = commit_arena(&s->commit);
	const struct job *job = s->spec.job;
	char name[NAME_MAX_CHARS];
	char due_key[NAME_MAX_CHARS];
	char path[NAME_MAX_CHARS];

	plan_run_name(&s->spec, job->name, n, name, sizeof(name));
	(void)snprintf(due_key, sizeof(due_key), "%s%lld", due_base, (long long)n);
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
		.effect = effect_class_of(job),
		.doubt = job->work.when_in_doubt == JOB_DOUBT_RETRY  ? DOUBT_RETRY
			 : job->work.when_in_doubt == JOB_DOUBT_SKIP ? DOUBT_SKIP
								     : DOUBT_ASK,
		.key_valid_us = job->work.key_valid_us,
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

static void session_plan(struct session *s)
{
	char base[NAME_MAX_CHARS];
	char key[NAME_MAX_CHARS + 2];

	s->phase = SESSION_PLANNING;
	if (s->spec.run_id != 0) {
		session_add_run(s, s->spec.run_id);
		s->phase = SESSION_WORKING;
		return;
	}
	plan_due_base(&s->spec, base, sizeof(base));
	(void)snprintf(key, sizeof(key), "%s1", base);
	struct ledger_op *op = commit_add(&s->commit, LOP_RUN_LIST, session_on_planned, s);
	struct arena *a = commit_arena(&s->commit);
	op->u.run_list = (struct lop_run_list){.job = arena_str(a, s->spec.job->name),
					       .due_key = arena_str(a, key),
					       .due_base = arena_str(a, base)};
}

/* ---- beginning ---- */

static void session_on_begun(void *arg, struct ledger_op *op)
{
	struct session *s = arg;

	s->commit.inc = op->u.instance_begin.ret_inc;
	session_look_for_dead(s);
}

struct session *session_new(const struct world_ops *ops, void *world,
			    const struct session_spec *spec)
{
	struct session *s = xnew(struct session);

	assert(ops != NULL && spec != NULL && spec->job != NULL && spec->lanes > 0);
	s->ops = ops;
	s->world = world;
	s->spec = *spec;
	s->over_exit = -1;
	commit_init(&s->commit, ops, world);
	memcpy(s->commit.nonce, spec->nonce, sizeof(s->commit.nonce));
	s->commit.on_trouble = session_on_trouble;
	s->commit.trouble_arg = s;
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	run_free(s->run);
	commit_done(&s->commit);
	arena_done(&s->arena);
	free(s->runs);
	free(s);
}

static void session_turn(struct session *s);

void session_start(struct session *s)
{
	struct lop_instance_begin *begin =
		&commit_add(&s->commit, LOP_INSTANCE_BEGIN, session_on_begun, s)->u.instance_begin;
	struct arena *a = commit_arena(&s->commit);

	memcpy(begin->nonce, s->spec.nonce, sizeof(begin->nonce));
	begin->name = arena_str(a, s->spec.instance_name);
	begin->host = arena_str(a, s->spec.host);
	begin->boot_id = arena_str(a, s->spec.boot_id);
	begin->pid = s->spec.pid;
	session_turn(s);
}

/* ---- run after run ---- */

/* A run that has nothing left of its own, and whose processes are gone. */
static bool run_is_gone(struct session *s)
{
	struct run *r = s->run;

	if (r->phase != RUN_OVER || !commit_is_idle(&s->commit))
		return false;
	for (size_t i = 0; i < LANES_MAX; i++) {
		if (r->lanes.lane[i].number == 0)
			continue;
		int64_t now = s->ops->boot_us(s->world);
		if (s->lanes_until == 0) {
			s->lanes_until = now + LANES_END_US;
		} else if (now >= s->lanes_until) {
			s->lanes_until = now + LANES_END_US;
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
	entry->may_come_again = !s->run->was_asked_to_stop && !s->run->fails &&
				s->run->exit_status == EXIT_LATER;
	run_free(s->run);
	s->run = NULL;
	s->lanes_until = 0;
	s->at++;
}

/* In the second pass, what the first one left because it was not due is waited for. */
static bool is_worth_a_second_pass(const struct session *s, const struct session_run *entry)
{
	utime horizon = s->ops->now(s->world) + s->spec.job->retry.within_run_us;

	return entry->was_worked && entry->may_come_again && entry->left_due <= horizon &&
	       s->n_runs > 1;
}

static void session_next_run(struct session *s)
{
	while (s->stops == 0 && !s->storage_fails) {
		if (s->at >= s->n_runs && !s->is_second_pass) {
			s->is_second_pass = true;
			s->at = 0;
		}
		if (s->at >= s->n_runs)
			break;
		struct session_run *entry = &s->runs[s->at];
		if (!s->is_second_pass || is_worth_a_second_pass(s, entry)) {
			s->run = run_new(s, entry->id, s->is_second_pass || s->n_runs == 1,
					 s->n_runs == 1);
			return;
		}
		s->at++;
	}
	session_sum_up(s);
}

static void session_work(struct session *s)
{
	if (s->run != NULL && run_is_gone(s))
		session_close_run(s);
	if (s->run == NULL && commit_is_idle(&s->commit))
		session_next_run(s);
	if (s->run == NULL)
		return;
	if (s->run->looks_for_dead && s->ops->boot_us(s->world) >= s->look_at)
		session_look_for_dead(s);
	run_turn(s->run);
}

/* ---- a disk that fills up ---- */

static void session_check_storage(struct session *s)
{
	int64_t now = s->ops->boot_us(s->world);

	if (!s->commit.no_space && !s->commit.space_is_low)
		return;
	if (!s->storage_fails) {
		s->storage_fails = true;
		s->storage_since = now;
		session_say(s, SAY_ERROR,
			    "the disk of the ledger is full: nothing more is begun, "
			    "and what is done is written as soon as there is room");
		if (s->run != NULL)
			run_stop(s->run, EXIT_STORAGE, false, "the disk of the ledger is full");
	}
	if (s->commit.no_space && now - s->storage_since >= NO_SPACE_PATIENCE_US) {
		s->commit.frozen = true;
		session_on_trouble(s, LEDGER_BROKEN, "the disk of the ledger stayed full");
	}
}

/* ---- the turn ---- */

static void session_arm(struct session *s)
{
	int64_t at = commit_deadline(&s->commit);

	if (s->run != NULL) {
		int64_t run_at = run_deadline(s->run);
		at = run_at < at ? run_at : at;
		if (s->run->looks_for_dead && !s->list_out && s->look_at < at)
			at = s->look_at;
		if (s->lanes_until != 0 && s->lanes_until < at)
			at = s->lanes_until;
	}
	if (s->storage_fails && s->commit.no_space && s->storage_since + NO_SPACE_PATIENCE_US < at)
		at = s->storage_since + NO_SPACE_PATIENCE_US;
	s->ops->timer(s->world, at);
}

static void session_turn(struct session *s)
{
	if (s->phase == SESSION_ENDED)
		return;
	session_check_storage(s);
	if (s->phase == SESSION_BURYING && s->n_burials == 0 && commit_is_idle(&s->commit))
		session_plan(s);
	if (s->phase == SESSION_WORKING)
		session_work(s);
	if (s->phase == SESSION_ENDED)
		return;
	commit_flush(&s->commit);
	session_arm(s);
}

void session_on_timer(struct session *s)
{
	if (s->phase == SESSION_ENDED)
		return;
	commit_on_timer(&s->commit);
	session_turn(s);
}

void session_on_ledger(struct session *s, struct ledger_txn *txn)
{
	if (s->phase == SESSION_ENDED) {
		ledger_txn_free(txn);
		return;
	}
	commit_on_ledger(&s->commit, txn);
	session_turn(s);
}

void session_on_frame(struct session *s, uint32_t number, const struct frame *frame)
{
	struct lane *lane = s->run == NULL ? NULL : lanes_find(&s->run->lanes, number);

	if (s->phase == SESSION_ENDED || lane == NULL)
		return;
	run_on_frame(s->run, lane, frame);
	session_turn(s);
}

void session_on_lane_end(struct session *s, uint32_t number, int exit_status, int by_signal,
			 bool proven)
{
	struct lane *lane = s->run == NULL ? NULL : lanes_find(&s->run->lanes, number);

	if (s->phase == SESSION_ENDED || lane == NULL)
		return;
	run_on_lane_end(s->run, lane, exit_status, by_signal, proven);
	session_turn(s);
}

void session_stop(struct session *s, const char *reason)
{
	if (s->phase >= SESSION_ENDING)
		return;
	if (s->stops++ == 0) {
		(void)snprintf(s->stop_reason, sizeof(s->stop_reason), "%s", reason);
		if (s->commit.inc != 0)
			(void)commit_add(&s->commit, LOP_INSTANCE_STOPPING, NULL, NULL);
		session_say(s, SAY_INFO, "%s: stopping between items", reason);
		if (s->run != NULL)
			run_stop(s->run, EXIT_LATER, false, "%s", reason);
	} else if (s->run != NULL) {
		run_cut(s->run);
	}
	session_turn(s);
}

void session_reload(struct session *s, const struct job *job)
{
	s->spec.job = job;
	if (s->run != NULL)
		run_refresh(s->run, job);
	session_turn(s);
}

void session_get_status(const struct session *s, struct session_status *ret)
{
	struct run *r = s->run;

	*ret = (struct session_status){.run = "", .phase = "starting", .waits = "", .left_us = -1};
	if (s->phase >= SESSION_ENDING)
		ret->phase = "finishing";
	if (r == NULL || r->row.name == NULL)
		return;
	int64_t now = s->ops->boot_us(s->world);
	ret->run = r->row.name;
	ret->phase = run_phase_text(r);
	ret->waits = r->waits;
	ret->waits_until = r->waits_until;
	ret->loaded = r->n_items;
	ret->rejected = r->n_rejected;
	ret->done = r->counts.done + r->mine.done;
	ret->failed = r->counts.dead + r->mine.dead;
	ret->skipped = r->counts.skipped + r->mine.skipped;
	ret->in_doubt = r->counts.in_doubt + r->mine.asked;
	ret->retry = r->n_retrying;
	ret->in_flight = r->n_sent;
	ret->per_second = meter_rate(&r->meter, now);
	int64_t open = r->n_items - ret->done - ret->failed - ret->skipped - ret->in_doubt;
	if (r->phase == RUN_WORKING && open > 0)
		ret->left_us = meter_left_us(&r->meter, now, open);
	ret->began_at = s->ops->now(s->world) - (now - r->began_at);
}
