/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/window_check.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/err.h"
#include "core/timing.h"
#include "engine/session.h"
#include "frame/frame.h"
#include "job/date.h"
#include "job/job.h"
#include "ledger/txn.h"
#include "sim/instance.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/witness.h"

/* Sums of floating-point numbers in another order. */
#define TOLERANCE_US US_PER_MS
#define EXPECT_SLACK_US US_PER_S
/* Nights are short: so are their days. */
#define DAY_US (20 * US_PER_MIN)
#define MINUTE_US (2 * US_PER_S)
/* So many of an earlier run's attempts count. */
enum { PAST_MOST = 20 };
/* Longer than anything takes that stands between a free slot and an item, where all goes well. */
#define IDLE_MAX_US (3 * US_PER_S)

/* ---- the books ---- */

static void judge_add(struct window_judge *j, int64_t took_us)
{
	j->n++;
	j->sum += (long double)took_us;
	j->squares += (long double)took_us * (long double)took_us;
}

static int64_t judge_one_us(const struct window_judge *j)
{
	if (j->n == 0)
		return 0;
	long double n = (long double)j->n;
	long double mean = j->sum / n;
	long double variance = j->n < 2 ? 0 : (j->squares - n * mean * mean) / (n - 1);
	return (int64_t)(mean + 3 * sqrtl(variance > 0 ? variance : 0));
}

/* What 20 attempts tell that were as those of the run; nothing when one would not fit at all. */
static void judge_begin(struct instance *inst, const struct ledger_stats *stats)
{
	struct window_judge past = {0};
	long double n = 0;

	for (size_t i = 0; i < stats->n_latency; i++) {
		const struct histogram *h = stats->latency[i].histogram;
		if (strcmp(stats->latency[i].phase, timing_name(TIMING_TOTAL)) != 0)
			continue;
		long double mean = histogram_mean_us(h);
		long double deviation = histogram_deviation_us(h);
		n += (long double)h->count;
		past.sum += mean * (long double)h->count;
		past.squares += (deviation * deviation + mean * mean) * (long double)h->count;
	}
	if (n == 0)
		return;
	long double mean = past.sum / n;
	long double variance = n > 1 ? (past.squares - n * mean * mean) / (n - 1) : 0;
	past.n = n < PAST_MOST ? (int64_t)n : PAST_MOST;
	past.sum = mean * (long double)past.n;
	past.squares = (variance > 0 ? variance : 0) * (long double)(past.n - 1) +
		       (long double)past.n * mean * mean;
	int64_t whole = inst->rules->window.max_us > 0 ? inst->rules->window.max_us : INT64_MAX;
	if (inst->stop_by != UTIME_NEVER) {
		int64_t day = ((inst->stop_by - inst->judge.past_began) % US_PER_DAY + US_PER_DAY) %
			      US_PER_DAY;
		day = day == 0 ? US_PER_DAY : day;
		whole = day < whole ? day : whole;
	}
	if (inst->judge.n > 0 || judge_one_us(&past) > whole)
		return;
	inst->judge.n = past.n;
	inst->judge.sum = past.sum;
	inst->judge.squares = past.squares;
}

void window_on_answer(struct instance *inst, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL && txn->status == LEDGER_APPLIED;
	     op = op->next) {
		if (op->kind == LOP_RUN_LIST)
			inst->judge.past_began = op->u.run_list.ret_past_started_at;
		else if (op->kind == LOP_RUN_STATS)
			judge_begin(inst, &op->u.run_stats.ret_stats);
	}
}

/* How much of the window is left, INT64_MAX: it has no end. */
static int64_t judge_left_us(const struct instance *inst)
{
	const struct machine *m = inst->m;
	const struct job *job = inst->rules;
	int64_t left = INT64_MAX;

	if (inst->ignores_window)
		return left;
	if (job->window.max_us > 0)
		left = inst->began_us + job->window.max_us - m->boot_us;
	if (inst->stop_by != UTIME_NEVER && inst->stop_by - machine_now(m) < left)
		left = inst->stop_by - machine_now(m);
	return left;
}

/* How much of it would be left after one more that begins now. */
static int64_t judge_spare_us(const struct instance *inst)
{
	int64_t left = judge_left_us(inst);

	if (left == INT64_MAX || inst->rules->window.when_over != JOB_OVER_STOP)
		return INT64_MAX;
	return left - judge_one_us(&inst->judge);
}

utime window_day_time(const struct machine *m, const char *date, int minute)
{
	struct date day = {0};
	struct date first = {2026, 11, 23};
	int64_t slot = 0;

	if (date_parse_iso(date, DATE_TEXT_LEN, &day))
		slot = date_to_days(&day) - date_to_days(&first);
	return m->wall_began + slot * DAY_US + minute * MINUTE_US;
}

/* The business date of a run is over, and its items are not to be begun any more. */
static bool is_cut_off(const struct instance *inst, const struct run_view *run)
{
	const struct options *o = inst->m->opt;

	return o->cutoff_minute >= 0 && o->cutoff_then != JOB_CUTOFF_GO_ON &&
	       !inst->ignores_window && !o->is_noop &&
	       machine_now(inst->m) >= window_day_time(inst->m, run->slot_text, o->cutoff_minute);
}

void window_check_cutoff(const struct instance *inst, const struct run_view *run)
{
	if (is_cut_off(inst, run))
		machine_fail(inst->m, "cutoff",
			     "instance %d begins an item of run %lld after its date is over",
			     inst->number, (long long)run->id);
}

static bool is_gentle(const struct instance *inst)
{
	return inst->rules->window.when_over == JOB_OVER_GENTLE && judge_left_us(inst) <= 0;
}

int window_concurrency(const struct instance *inst)
{
	int gentle = inst->m->opt->gentle_concurrency;

	return is_gentle(inst) && gentle < inst->concurrency ? gentle : inst->concurrency;
}

static void told_outcome(struct instance *inst, const struct attempt *a, const struct frame *frame,
			 struct arena *arena)
{
	struct frame_outcome f;
	struct err err = ERR_INIT;

	if (frame_get_outcome(frame, arena, &f, &err) == 0 && f.outcome != OUTCOME_NOT_BEGUN &&
	    f.outcome != OUTCOME_ALL && f.lost == LOST_NOT && !a->outcome_cancelled &&
	    !a->is_verify)
		judge_add(&inst->judge, f.took_us);
}

static void told_bulk(struct instance *inst, const struct frame *frame)
{
	struct frame_bulk_outcome f;
	struct arena arena = {0};
	struct err err = ERR_INIT;

	if (frame_get_bulk_outcome(frame, &arena, &f, &err) == 0 && bits_count(f.done, f.n) > 0)
		judge_add(&inst->judge, f.took_us);
	arena_done(&arena);
}

void window_told(struct instance *inst, const struct attempt *a, const struct frame *frame)
{
	struct arena arena = {0};

	if (frame->type == FRAME_BULK_OUTCOME)
		told_bulk(inst, frame);
	else if (a != NULL)
		told_outcome(inst, a, frame, &arena);
	arena_done(&arena);
}

void window_reloads(struct instance *inst)
{
	inst->judge.was_unfit |= judge_spare_us(inst) <= TOLERANCE_US;
}

/* ---- begun too late ---- */

void window_check_begin(struct instance *inst)
{
	int64_t spare = judge_spare_us(inst);

	inst->judge.idle_since = 0;
	inst->judge.was_unfit = false;
	/* Each step is forecast by its own attempts; these books are of all. */
	if (spare < -TOLERANCE_US && inst->m->opt->steps == 0)
		machine_fail(inst->m, "unfit",
			     "instance %d begins an item that by the forecast ends %lld ms late",
			     inst->number, (long long)(-spare / US_PER_MS));
	if (is_gentle(inst) && inst->nice != OPTIONS_GENTLE_NICE)
		machine_fail(inst->m, "gentle", "instance %d goes on behind its window as before",
			     inst->number);
}

/* ---- not begun although it fits ---- */

static void check_note(struct instance *inst, const struct lop_run_note *note, int64_t batch)
{
	if (strcmp(note->kind, "window.expect") != 0 || inst->judge.late_batch == batch)
		return;
	if (inst->judge.late_run == note->run_id)
		machine_fail(inst->m, "expect", "instance %d says twice that run %lld is late",
			     inst->number, (long long)note->run_id);
	inst->judge.late_run = note->run_id;
	inst->judge.late_batch = batch;
}

static void check_leave(struct instance *inst, const struct lop_run_leave *leave)
{
	static const char reason[] = "nothing more fits";

	if (inst->judge.was_unfit)
		return;
	if (leave->reason != NULL && strncmp(leave->reason, reason, strlen(reason)) == 0 &&
	    judge_spare_us(inst) > TOLERANCE_US && inst->m->opt->steps == 0) /* as above */
		machine_fail(inst->m, "idle",
			     "instance %d leaves, and an item would have fitted with %lld ms to "
			     "spare",
			     inst->number, (long long)(judge_spare_us(inst) / US_PER_MS));
}

void window_check_txn(struct instance *inst, const struct ledger_txn *txn)
{
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind == LOP_RUN_NOTE)
			check_note(inst, &op->u.run_note, txn->batch);
		else if (op->kind == LOP_RUN_LEAVE)
			check_leave(inst, &op->u.run_leave);
	}
}

/* Only where nothing else keeps items from being begun. */
static bool is_smooth(const struct machine *m)
{
	static const enum fault_kind harmless[] = {
		F_TWICE,      F_STRANGER,	 F_RETRY,  F_STOP_BY, F_STOP,
		F_STOP_TWICE, F_NAMED,		 F_AGAIN,  F_FIRST,   F_FLAKY,
		F_DEAD,	      F_NEVER,		 F_REJECT, F_FILTER,  F_READER_DIES,
		F_CLOCK,      F_UNKNOWN_OUTCOME, F_DOWN,   F_ALIKE};
	uint64_t allowed = 0;

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		allowed |= UINT64_C(1) << harmless[i];
	for (size_t i = 0; i < FAULT_COUNT_; i++)
		if (m->opt->fault[i] && (allowed >> i & 1) == 0)
			return false;
	return m->opt->instances == 1 && m->opt->canary == 0 && !m->opt->is_noop &&
	       m->opt->rate_n == 0 && m->opt->quota_limit == 0;
}

/* It holds an item that no lane has. */
static bool has_item_ready(const struct instance *inst, struct run_view *run)
{
	if (is_cut_off(inst, run))
		return false;
	for (uint32_t i = 0; i < run->n_items; i++) {
		const struct item_place *place = &run->items[i].is;
		const struct chunk_view *c = shadow_chunk_of(run, i);
		bool is_ours = place->loose == 0
				       ? c->state == CHUNK_HELD && c->owner == inst->inc
				       : place->loose == LOOSE_HELD && place->owner == inst->inc;
		if (is_ours && (place->loose != 0 || !place->done) &&
		    run->witnesses[run->items[i].record].hand == NULL)
			return true;
	}
	return false;
}

/* It holds items, and one that fits finds a free slot, or none fits and none is under way. */
static bool is_idle(const struct instance *inst)
{
	const struct machine *m = inst->m;
	struct session_status st = {0};
	bool is_ready = false;

	session_get_status(inst->session, &st);
	int64_t may_run = judge_spare_us(inst) >= 0 ? st.at_once : 1;
	if (strcmp(st.phase, "running") != 0 || st.in_flight >= may_run || inst->stopped_us != 0 ||
	    inst->breakers[inst->at_step].has_tripped || m->shadow.breakers[inst->at_step].is_open)
		return false;
	for (size_t i = 0; i < m->shadow.n_runs && !is_ready; i++)
		is_ready = has_item_ready(inst, m->shadow.runs[i]);
	return is_ready;
}

/* Who is past the time that was expected has said so. */
static void check_expect(struct instance *inst)
{
	int64_t expect_us = inst->rules->window.expect_us;
	struct session_status st = {0};

	session_get_status(inst->session, &st);
	if (expect_us > 0 && inst->judge.late_run == 0 && strcmp(st.phase, "running") == 0 &&
	    inst->m->boot_us > inst->began_us + expect_us + EXPECT_SLACK_US)
		machine_fail(inst->m, "expect", "instance %d is past window.expect in silence",
			     inst->number);
}

void window_check_idle(struct instance *inst)
{
	struct machine *m = inst->m;

	if (is_smooth(m))
		check_expect(inst);
	if (!is_smooth(m) || !is_idle(inst)) {
		inst->judge.idle_since = 0;
		return;
	}
	if (inst->judge.idle_since == 0)
		inst->judge.idle_since = m->boot_us;
	if (m->boot_us - inst->judge.idle_since > IDLE_MAX_US)
		machine_fail(m, "idle", "instance %d neither begins an item nor leaves, for %lld s",
			     inst->number,
			     (long long)((m->boot_us - inst->judge.idle_since) / US_PER_S));
}
