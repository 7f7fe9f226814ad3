/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/commit.h"
#include "engine/run.h"
#include "engine/session_inside.h"
#include "job/job.h"

/* How long what is settled may wait for room on a full disk before we give up on it. */
#define NO_SPACE_PATIENCE_US (60 * US_PER_S)
struct commit *session_commit(struct session *s)
{
	return &s->commit;
}

const struct session_spec *session_get_spec(const struct session *s)
{
	return &s->spec;
}

int64_t session_began_at(const struct session *s)
{
	return s->began_at;
}

struct forecast *session_forecast(struct session *s)
{
	return &s->forecast;
}

const struct pulse *session_pulse(const struct session *s)
{
	return &s->pulse;
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

void session_say(struct session *s, enum say_level level, const char *fmt, ...) ST_PRINTF(3, 4);
void session_say(struct session *s, enum say_level level, const char *fmt, ...)
{
	char text[SESSION_NAME_MAX];
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

void session_lose(struct session *s, const char *why)
{
	s->commit.frozen = true;
	session_on_trouble(s, LEDGER_FENCED, why);
}

static void session_on_unloaded(void *arg, const char *text)
{
	struct session *s = arg;

	if (s->run != NULL)
		run_stop(s->run, EXIT_FAILED, false, "%s", text);
}

static void session_on_warning(void *arg, const char *text)
{
	session_say(arg, SAY_WARNING, "%s", text);
}

static void session_on_ended(void *arg, struct ledger_op *op)
{
	struct session *s = arg;

	(void)op;
	session_over(s, s->exit_status);
}

void session_end(struct session *s, int exit_status)
{
	s->phase = SESSION_ENDING;
	s->exit_status = exit_status;
	(void)commit_add(&s->commit, LOP_INSTANCE_END, session_on_ended, s);
}

/* ---- beginning ---- */

static void session_on_begun(void *arg, struct ledger_op *op)
{
	struct session *s = arg;

	s->commit.inc = op->u.instance_begin.ret_inc;
	alive_begin(s);
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
	s->began_at = ops->boot_us(world);
	commit_init(&s->commit, ops, world);
	memcpy(s->commit.nonce, spec->nonce, sizeof(s->commit.nonce));
	s->commit.on_trouble = session_on_trouble;
	s->commit.on_unloaded = session_on_unloaded;
	s->commit.on_warning = session_on_warning;
	s->commit.trouble_arg = s;
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	run_free(s->run);
	commit_done(&s->commit);
	watch_done(&s->watch);
	free(s->runs);
	free(s);
}

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
	begin->quarantine_us = s->quarantine_us = alive_quarantine_us(s->spec.job);
	session_go_on(s);
}

/* ---- a reader that stays ---- */

static void session_check_log(struct session *s)
{
	if (s->commit.log_is_held && !s->log_was_held)
		session_say(s, SAY_WARNING,
			    "somebody reads the ledger and does not let go: its log has grown too "
			    "large, and nothing more is claimed until that reader ends");
	s->log_was_held = s->commit.log_is_held;
}

/* ---- a disk that fills up ---- */

static void session_check_storage(struct session *s)
{
	int64_t now = s->ops->boot_us(s->world);

	if (!s->commit.no_space && !s->commit.space_is_low)
		return;
	if (!s->storage_fails) {
		s->storage_fails = true;
		s->storage_until = now + NO_SPACE_PATIENCE_US;
		session_say(s, SAY_ERROR,
			    "the disk of the ledger is full: nothing more is begun, "
			    "and what is done is written as soon as there is room");
		if (s->run != NULL)
			run_stop(s->run, EXIT_STORAGE, false, "the disk of the ledger is full");
	}
	if (s->commit.no_space && now >= s->storage_until) {
		s->commit.frozen = true;
		session_on_trouble(s, LEDGER_BROKEN, "the disk of the ledger stayed full");
	}
}

/* ---- the turn ---- */

static void session_arm(struct session *s)
{
	int64_t at = run_earliest(commit_deadline(&s->commit), alive_deadline(s));

	if (s->run != NULL) {
		at = run_earliest(at, run_deadline(s->run));
		/* While a commit is under way nobody looks at it. */
		if (s->lanes_until != 0 && s->lanes_until < at && commit_is_idle(&s->commit))
			at = s->lanes_until;
	}
	if (s->storage_fails && s->commit.no_space && s->storage_until < at)
		at = s->storage_until;
	s->ops->timer(s->world, at);
}

void session_go_on(struct session *s)
{
	if (s->phase == SESSION_ENDED)
		return;
	session_check_storage(s);
	session_check_log(s);
	alive_turn(s);
	if (s->phase == SESSION_BURYING && s->n_burials == 0 && s->n_suspects == 0 &&
	    commit_is_idle(&s->commit))
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
	session_go_on(s);
}

void session_on_ledger(struct session *s, struct ledger_txn *txn)
{
	if (s->phase == SESSION_ENDED) {
		ledger_txn_free(txn);
		return;
	}
	commit_on_ledger(&s->commit, txn);
	session_go_on(s);
}

void session_on_frame(struct session *s, uint32_t number, const struct frame *frame)
{
	struct lane *lane = s->run == NULL ? NULL : lanes_find(&s->run->lanes, number);

	if (s->phase == SESSION_ENDED || lane == NULL)
		return;
	run_on_frame(s->run, lane, frame);
}

void session_on_frames_end(struct session *s)
{
	session_go_on(s);
}

void session_on_lane_end(struct session *s, uint32_t number, int exit_status, int by_signal,
			 bool proven)
{
	struct lane *lane = s->run == NULL ? NULL : lanes_find(&s->run->lanes, number);

	if (s->phase == SESSION_ENDED || lane == NULL)
		return;
	run_on_lane_end(s->run, lane, exit_status, by_signal, proven);
	session_go_on(s);
}

/* Who is told to end does not wait for room on a disk beyond the grace; told twice, not at all. */
static void session_hurry_storage(struct session *s)
{
	int64_t until = s->ops->boot_us(s->world);

	if (s->stops == 1)
		until += s->spec.job->window.grace_us;
	if (s->storage_fails && until < s->storage_until)
		s->storage_until = until;
}

void session_stop(struct session *s, const char *reason)
{
	if (s->phase == SESSION_ENDED)
		return;
	if (s->stops++ == 0 && s->phase < SESSION_ENDING) {
		(void)snprintf(s->stop_reason, sizeof(s->stop_reason), "%s", reason);
		if (s->commit.inc != 0)
			(void)commit_add(&s->commit, LOP_INSTANCE_STOPPING, NULL, NULL);
		session_say(s, SAY_INFO, "%s: stopping between items", reason);
		if (s->run != NULL)
			run_stop(s->run, EXIT_LATER, false, "%s", reason);
	} else if (s->run != NULL) {
		run_cut(s->run);
	}
	session_hurry_storage(s);
	session_go_on(s);
}

void session_reload(struct session *s, const struct job *job)
{
	s->spec.job = job;
	if (s->run != NULL)
		run_refresh(s->run, job);
	session_go_on(s);
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
	if (protect_waits(r) != NULL) {
		ret->waits = protect_waits(r);
		ret->waits_until = r->breaker.row.until;
	} else if (r->phase == RUN_WORKING && share_waits(r)) {
		ret->waits = share_words(r, &ret->waits_until);
	}
	ret->loaded = r->n_items;
	ret->rejected = r->n_rejected;
	ret->done = r->counts.done + r->mine.done;
	ret->failed = r->counts.dead + r->mine.dead;
	ret->skipped = r->counts.skipped + r->mine.skipped;
	ret->in_doubt = r->counts.in_doubt + r->mine.asked;
	if (ret->in_doubt < 0)
		ret->in_doubt = 0; /* what came into doubt elsewhere since it was counted */
	ret->retry = r->n_retrying;
	ret->at_once = run_limit_now(r);
	ret->at_once_max = r->limit;
	ret->in_flight = r->n_sent < run_limit_now(r) ? r->n_sent : run_limit_now(r);
	ret->per_second = meter_rate(&r->meter, now);
	stats_get_status(r, ret);
	int64_t open = r->n_items - ret->done - ret->failed - ret->skipped - ret->in_doubt;
	if (r->phase == RUN_WORKING && open > 0)
		ret->left_us = meter_left_us(&r->meter, now, open);
	ret->began_at = s->ops->now(s->world) - (now - r->began_at);
}
