/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "job/job.h"
#include "sim/pool_check.h"
#include "sim/rng.h"

struct fault_row {
	const char *name;
	uint32_t lo, hi;
	const char *says;
};

static const struct fault_row fault_rows[] = {
#define X(id, name, lo, hi, says) {name, lo, hi, says},
	FAULTS(X)
#undef X
};

enum {
	WINDOWS_MAX = 30,
	DAY_MINUTES = 24 * 60,
	NIGHT_MINUTE = 3 * 60 + 13, /* of the day, in the machine's zone: when it begins */
};

static const char *const doubt_words[] = {"ask", "retry", "skip"};
static const char *const missing_words[] = {"fail", "wait", "ok"};
static const char *const then_words[] = {"keep", "move:done", "delete"};
static const char *const unique_words[] = {"none", "run", "job"};
static const char *const jitter_words[] = {"full", "equal", "none"};
static const char *const cutoff_words[] = {"go_on", "hold", "fail"};
static const char *const over_words[] = {"stop", "go_on", "gentle"};
static const char *const carry_words[] = {"resume_first", "leave", "abandon"};

const char *fault_name(enum fault_kind kind)
{
	assert(kind < FAULT_COUNT_);
	return fault_rows[kind].name;
}

enum fault_kind fault_from_name(const char *name)
{
	for (size_t i = 0; i < FAULT_COUNT_; i++)
		if (strcmp(fault_rows[i].name, name) == 0)
			return (enum fault_kind)i;
	return FAULT_COUNT_;
}

bool fault_is_trait(enum fault_kind kind)
{
	return kind >= F_FLAKY;
}

static void options_draw_faults(struct options *o, struct rng *r)
{
	/* Some nights are quiet, most have a handful of kinds, a few have nearly all. */
	static const uint32_t density[] = {0, 50000, 120000, 200000, 200000, 350000, 700000};
	uint32_t share = density[rng_below(r, ARRAY_LEN(density))];

	for (size_t i = 0; i < FAULT_COUNT_; i++) {
		o->fault[i] = rng_chance(r, share);
		o->ppm[i] = (uint32_t)rng_spread(r, fault_rows[i].lo, fault_rows[i].hi);
	}
}

static uint32_t options_draw_records(struct rng *r)
{
	switch (rng_below(r, 24)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return 1;
	case 3:
		return (uint32_t)rng_range(r, 200, 2000);
	case 4:
	case 5:
	case 6:
		return (uint32_t)rng_range(r, 60, 300);
	default:
		return (uint32_t)rng_range(r, 2, 60);
	}
}

/* One of ten in so many tenths of all cases. */
static bool tenths(struct rng *r, uint32_t n)
{
	return rng_below(r, 10) < n;
}

static void options_draw_work(struct options *o, struct rng *r)
{
	o->is_noop = tenths(r, 1);
	o->is_once = !o->is_noop && tenths(r, 6);
	if (o->is_once)
		o->doubt = (int)rng_below(r, JOB_DOUBT_COUNT_);
	else if (!o->is_noop && tenths(r, 5))
		o->key_valid_us = rng_spread(r, 2 * US_PER_S, 10 * US_PER_HOUR);
	o->timeout_us = rng_spread(r, US_PER_S, US_PER_MIN);
	/* Else a key would hardly ever be used twice: a time limit is kept as a margin. */
	if (o->key_valid_us > 0 && tenths(r, 7) && o->timeout_us > o->key_valid_us / 4)
		o->timeout_us = rng_spread(r, o->key_valid_us / 20, o->key_valid_us / 4);
	if ((o->is_once || o->key_valid_us > 0) && tenths(r, 5)) {
		o->verifies = true;
		o->settle_us = tenths(r, 2) ? 0 : rng_spread(r, 10 * US_PER_MS, US_PER_MIN);
		o->settle_us -= o->settle_us % US_PER_MS;
		o->shows_after_us = tenths(r, 4) ? 0 : rng_range(r, 0, o->settle_us);
	}
	o->concurrency = (int)rng_spread(r, 1, 16);
	o->concurrency_start = tenths(r, 4) ? (int)rng_range(r, 1, o->concurrency) : 0;
	o->canary = tenths(r, 2) ? rng_range(r, 1, 6) : 0;
	o->max_dead_pct = tenths(r, 7) ? 100 : rng_range(r, 0, 30);
	o->attempts = (int)rng_range(r, 1, 6);
	o->first_us = rng_spread(r, 10 * US_PER_MS, 30 * US_PER_S);
	o->factor = rng_range(r, 1, 4);
	o->max_us = o->first_us * rng_spread(r, 1, 20);
	o->jitter = (int)rng_below(r, JOB_JITTER_COUNT_);
	o->within_run_us = tenths(r, 1) ? 0 : rng_spread(r, US_PER_S, 20 * US_PER_MIN);
	o->breaker_window_us = rng_spread(r, US_PER_S, US_PER_MIN);
	o->at_least = rng_spread(r, 1, 20);
	o->failures_pct = rng_range(r, 10, 100);
	o->open_for_us = rng_spread(r, 100 * US_PER_MS, 30 * US_PER_S);
	o->give_up_after_us = tenths(r, 2) ? rng_spread(r, US_PER_S, US_PER_MIN) : 10 * US_PER_HOUR;
}

static void options_draw_source(struct options *o, struct rng *r)
{
	o->n_records = options_draw_records(r);
	o->chunk_items = rng_spread(r, 1, 50);
	o->by_reference = tenths(r, 4);
	o->has_key = tenths(r, 4);
	o->unique = o->has_key && tenths(r, 5) ? (int)rng_below(r, 3) : (int)JOB_UNIQUE_NONE;
	o->then = tenths(r, 3) ? (int)rng_range(r, 1, 2) : (int)JOB_THEN_KEEP;
	o->when_empty_fail = tenths(r, 1);
	o->when_missing = (int)rng_below(r, JOB_MISSING_COUNT_);
	o->max_rejects_pct = tenths(r, 8) ? 100 : 0;
	o->no_source = rng_below(r, 20) == 0;
}

/* Rows, which have a key and no files. */
static void options_draw_says(struct options *o, struct rng *r)
{
	o->says = (unsigned)rng_range(r, 1, 3);
	o->has_key = true;
	o->by_reference = false;
	o->when_missing = JOB_MISSING_FAIL;
	o->fault[F_CHANGED] = false;
}

/* A plain script under our care: one item, and nothing to be told about it. */
static void options_drop_source(struct options *o)
{
	o->n_records = 1;
	o->by_reference = o->has_key = o->when_empty_fail = false;
	o->unique = JOB_UNIQUE_NONE;
	o->then = JOB_THEN_KEEP;
	o->max_rejects_pct = 100;
	o->fault[F_REJECT] = o->fault[F_FILTER] = o->fault[F_CHANGED] = false;
}

static void options_draw_night(struct options *o, struct rng *r)
{
	bool has_window = tenths(r, 2);
	int64_t window_us = rng_spread(r, 5 * US_PER_S, 20 * US_PER_MIN);
	o->grace_us = tenths(r, 2) ? 0 : rng_spread(r, 100 * US_PER_MS, 30 * US_PER_S);
	o->stalled_after_us = rng_spread(r, 5 * US_PER_MIN, 30 * US_PER_MIN);
	o->carry_over = tenths(r, 8) ? (int)JOB_RESUME_FIRST : (int)rng_range(r, 1, 2);
	o->per_start = rng_below(r, 12) == 0;
	o->slots = tenths(r, 7) || o->per_start ? 1 : (int)rng_range(r, 2, OPTIONS_SLOTS_MAX);
	/* Where the next start would begin anew instead, some nights have no end. */
	if (o->per_start)
		o->carry_over = JOB_RESUME_FIRST;
	o->regions = tenths(r, 8) || o->per_start ? 1 : OPTIONS_REGIONS_MAX;
	o->instances = tenths(r, 6) ? 1 : (int)rng_range(r, 2, OPTIONS_INSTANCES_MAX);
	o->lanes = (int)rng_range(r, 1, 4);
	o->item_us = rng_spread(r, US_PER_MS, 2 * US_PER_S);
	o->commit_us = rng_spread(r, 200, 50 * US_PER_MS);
	o->start_gap_us = rng_spread(r, US_PER_S, 10 * US_PER_MIN);
	/* A window that ends after a handful of items would only make many starts. */
	int64_t work_us = o->n_records * (2 * o->item_us + o->commit_us) / WINDOWS_MAX;
	if (has_window)
		o->window_max_us = window_us > work_us ? window_us : work_us;
	o->when_over = tenths(r, 6) ? (int)JOB_OVER_STOP : (int)rng_range(r, 1, 2);
	o->gentle_concurrency = (int)rng_range(r, 1, 4);
	o->cutoff_minute = tenths(r, 2) && !o->per_start ? (int)rng_below(r, 24 * 60) : -1;
	o->cutoff_then = (int)rng_below(r, JOB_CUTOFF_COUNT_);
	o->expect_us = tenths(r, 3) ? rng_spread(r, US_PER_S, 20 * US_PER_MIN) : 0;
	o->heal_after_us = rng_spread(r, 10 * US_PER_S, 4 * US_PER_HOUR);
	o->fault_starts = (int)rng_range(r, 1, 12);
	o->tidy = tenths(r, 5);
}

/* How far apart attempts are on average where the rate is lowest. */
static int64_t options_spacing_us(const struct options *o)
{
	int64_t n = o->low_n > 0 ? o->low_n : o->rate_n;

	return n == 0 ? 0 : o->rate_per_us / n;
}

static void options_draw_rate(struct options *o, struct rng *r)
{
	static const int64_t units[] = {US_PER_S, US_PER_MIN, US_PER_HOUR};
	int64_t slowest = 15 * US_PER_MIN / (o->n_records + 1);
	int64_t apart_us = rng_spread(r, US_PER_MS,
				      slowest < 2 * US_PER_MS ? 2 * US_PER_MS : slowest);

	o->rate_per_us = units[rng_below(r, ARRAY_LEN(units))];
	o->rate_n = o->rate_per_us / apart_us < 1 ? 1 : o->rate_per_us / apart_us;
	if (!tenths(r, 5))
		return;
	o->low_n = rng_range(r, 1, o->rate_n);
	if (o->low_n * 10 < o->rate_n)
		o->low_n = o->rate_n / 10;
	/* Mostly hours that begin or end this night. */
	int at = tenths(r, 8) ? NIGHT_MINUTE : (int)rng_below(r, DAY_MINUTES);
	o->low_from = (at + DAY_MINUTES - (int)rng_spread(r, 1, 2 * 60)) % DAY_MINUTES;
	if (tenths(r, 5))
		o->low_from = (at + (int)rng_spread(r, 1, 60)) % DAY_MINUTES;
	o->low_to = (o->low_from + (int)rng_spread(r, 2, 23 * 60)) % DAY_MINUTES;
}

static void options_draw_quota(struct options *o, struct rng *r)
{
	o->quota_limit = rng_range(r, o->n_records / 2 + 1, 6 * (int64_t)o->n_records + 2);
	o->quota_reserve = tenths(r, 5) ? rng_range(r, 0, o->quota_limit / 2) : 0;
	o->quota_waits = tenths(r, 3);
}

/* All is well and lanes have room, so that the rate alone says how long it takes. */
static void options_make_paced(struct options *o, struct rng *r)
{
	for (size_t i = 0; i < FAULT_COUNT_; i++)
		o->fault[i] = false;
	o->is_paced = true;
	o->n_records = (uint32_t)rng_range(r, 200, 800);
	o->rate_per_us = US_PER_S;
	o->rate_n = rng_spread(r, 5, 500);
	o->low_n = o->quota_limit = o->window_max_us = o->canary = 0;
	o->cutoff_minute = -1; /* nothing but the rate holds it back */
	o->no_source = o->when_empty_fail = false;
	o->slots = o->regions = 1;
	o->per_start = false;
	o->item_us = US_PER_S / o->rate_n / 2;
	o->concurrency = (int)rng_range(r, 8, 16);
	o->timeout_us = US_PER_MIN;
	o->commit_us = rng_spread(r, 200, 5 * US_PER_MS);
	o->start_gap_us = US_PER_S;
	o->lanes = (int)rng_range(r, 1, 4);
}

/* All is well but for the end of the window, or of the business date, which comes in the midst: so
 * whatever is begun too late, or is not begun, shows. */
static void options_make_ending(struct options *o, struct rng *r)
{
	bool is_cutoff = tenths(r, 5);

	for (size_t i = 0; i < FAULT_COUNT_; i++)
		o->fault[i] = false;
	o->is_ending = true;
	o->n_records = (uint32_t)rng_range(r, 200, 500);
	o->rate_n = o->low_n = o->quota_limit = o->canary = 0;
	o->no_source = o->when_empty_fail = o->is_noop = o->per_start = false;
	o->slots = o->regions = o->instances = 1;
	o->concurrency = (int)rng_range(r, 2, 8);
	o->lanes = (int)rng_range(r, 1, 2);
	o->timeout_us = US_PER_MIN;
	o->commit_us = rng_spread(r, 200, 5 * US_PER_MS);
	o->start_gap_us = US_PER_S;
	o->carry_over = JOB_RESUME_FIRST;
	/* Long ones leave a gap in front of the end; of short ones some wait in lanes. */
	o->item_us = is_cutoff ? rng_range(r, 20, 60) * US_PER_MS : rng_range(r, 2, 8) * US_PER_S;
	o->cutoff_minute = is_cutoff ? (int)rng_range(r, 1, 3) : -1;
	o->cutoff_then = (int)(tenths(r, 5) ? JOB_CUTOFF_HOLD : JOB_CUTOFF_FAIL);
	o->window_max_us = is_cutoff ? 0 : o->n_records * o->item_us / WINDOWS_MAX;
	o->when_over = JOB_OVER_STOP;
}

/* Drawn apart, so that what a seed stands for besides stays as it was. */
static void options_draw_share(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x7368617265)));
	if (tenths(&r, 2))
		options_draw_rate(o, &r);
	if (rng_below(&r, 16) == 0)
		options_draw_quota(o, &r);
	if (rng_below(&r, 50) == 0)
		options_make_paced(o, &r);
	else if (rng_below(&r, 40) == 0)
		options_make_ending(o, &r);
	/* A window that ends after a handful of items would only make many starts. */
	int64_t least = o->n_records * options_spacing_us(o) / WINDOWS_MAX;
	if (o->window_max_us > 0 && o->window_max_us < least)
		o->window_max_us = least;
}

/* A ledger as a database server's, on which more may meet. */
static void options_draw_beats(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x6265617473)));
	o->has_beats = tenths(&r, 4) && !o->is_paced && !o->is_ending;
	o->hosts = (int)rng_range(&r, 1, OPTIONS_HOSTS_MAX);
	int instances = tenths(&r, 5) ? o->instances : (int)rng_range(&r, 3, 5);
	if (!o->has_beats)
		return;
	o->instances = instances;
	/* What a person decides may be lost, too. */
	if (o->fault[F_FAILOVER] && o->ppm[F_FAILOVER] % 2 == 0)
		o->fault[F_PERSON] = true;
	/* Some of them cut off now and again: what goes wrong only between a look and what follows
	 * from it needs many tries. */
	if (tenths(&r, 3)) {
		o->fault[F_CUT] = o->fault[F_BEAT_SLOW] = true;
		o->ppm[F_CUT] = fault_rows[F_CUT].hi;
	}
	o->fault[F_FAILOVER] |= tenths(&r, 2);
	if (tenths(&r, 2)) {
		o->fault[F_AWAY] = true;
		o->ppm[F_AWAY] = fault_rows[F_AWAY].hi;
	}
}

/* Where files are read again, mostly all do so. Some die with what they began by either file,
 * others have so many short items that what may run at once changes in the midst. */
static void options_draw_reload(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x72656c6f6164)));
	if (!o->fault[F_RELOAD] || !tenths(&r, 5))
		return;
	o->ppm[F_RELOAD] = fault_rows[F_RELOAD].hi;
	if (tenths(&r, 5) && !o->no_source && o->rate_n == 0 && o->quota_limit == 0) {
		o->n_records = (uint32_t)rng_range(&r, 100, 400);
		o->item_us = rng_spread(&r, US_PER_MS, 50 * US_PER_MS);
		o->concurrency = (int)rng_range(&r, 4, 16);
		o->concurrency_start = 0;
		return;
	}
	o->fault[F_CRASH_ANY] = o->fault[F_UNPROVEN] = true;
	o->ppm[F_CRASH_ANY] = fault_rows[F_CRASH_ANY].hi;
	o->ppm[F_UNPROVEN] = fault_rows[F_UNPROVEN].hi;
}

/* Units of work for a database, or a file. Nobody is told of an item before the end. */
static void options_draw_ends(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x656e6473)));
	if (!o->no_source && !o->is_paced && !o->is_ending && o->says == 0 && !o->verifies &&
	    rng_below(&r, 8) == 0) {
		o->is_noop = true;
		o->is_once = false;
		o->key_valid_us = 0;
		o->ends = (int)rng_range(&r, ENDS_AFTER, ENDS_FILE);
	}
}

uint32_t options_step_begin(const struct options *o, int step)
{
	int n = o->steps == 0 ? 1 : o->steps;

	return (uint32_t)((uint64_t)o->n_records * (uint64_t)(step - 1) / (uint64_t)n);
}

int options_step_of(const struct options *o, uint32_t record)
{
	int step = 1;

	while (step < o->steps && record >= options_step_begin(o, step + 1))
		step++;
	return step;
}

uint32_t options_taken_from(const struct options *o, uint32_t record)
{
	return record - options_step_begin(o, 2);
}

bool options_is_taken(const struct options *o, uint32_t record)
{
	return o->takes && record >= options_step_begin(o, 2);
}

/* Each step has its items from the one before it. */
static void options_draw_takes(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x74616b6573)));
	o->takes = tenths(&r, 5);
	if (!o->takes)
		return;
	/* With go_on_when: done nothing is dead. */
	o->taken = o->needs_done || tenths(&r, 8) ? JOB_TAKE_DONE : JOB_TAKE_DEAD;
	o->n_records -= o->n_records % (uint32_t)o->steps;
}

static void options_draw_steps(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x7374657073)));
	if (o->no_source || o->is_paced || o->is_ending || o->says != 0 || o->ends != 0 ||
	    o->rate_n > 0 || o->quota_limit > 0 || rng_below(&r, 4) != 0)
		return;
	o->steps = (int)rng_range(&r, 2, OPTIONS_STEPS_MAX);
	o->needs_done = tenths(&r, 5);
	o->then = JOB_THEN_KEEP;
	o->when_missing = JOB_MISSING_FAIL;
	o->when_empty_fail = false;
	o->fault[F_FIRST] = false;
	options_draw_takes(o);
}

/* The records of the (first) source are put into an inbox, each by itself, at any time. */
static void options_draw_inbox(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x696e626f78)));
	if (o->no_source || o->is_paced || o->is_ending || o->says != 0 || o->ends != 0 ||
	    (o->steps > 0 && !o->takes) || rng_below(&r, 6) != 0)
		return;
	o->has_inbox = o->has_key = true;
	o->by_reference = false;
	o->then = JOB_THEN_KEEP;
	o->when_missing = JOB_MISSING_FAIL;
	o->unique = tenths(&r, 5) ? (int)rng_below(&r, 3) : (int)JOB_UNIQUE_NONE;
	o->fault[F_CHANGED] = o->fault[F_LOAD_MISSING] = false;
	int how = (int)rng_below(&r, 4);
	if (how == 0) { /* two runs that want to read it at the same time */
		o->per_start = false;
		o->regions = OPTIONS_REGIONS_MAX;
		o->instances = o->instances > 2 ? o->instances : 2;
		o->start_gap_us = rng_spread(&r, US_PER_MS, US_PER_S);
		o->fault[F_READER_SLOW] = true;
		o->ppm[F_READER_SLOW] = fault_rows[F_READER_SLOW].hi;
	}
	if (how < 2)
		return;
	/* As such a job mostly is: every call takes what is there. */
	o->per_start = true;
	o->slots = o->regions = 1;
	o->carry_over = JOB_RESUME_FIRST;
	o->cutoff_minute = -1;
}

/* Whatever else is done there. */
static void options_draw_finish(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x66696e697368)));
	o->has_finish = !o->is_paced && !o->is_ending && rng_below(&r, 6) == 0;
	if ((!o->has_finish && o->ends == 0) || !tenths(&r, 4))
		return;
	o->end_takes_us = rng_spread(&r, 100 * US_PER_MS, o->timeout_us);
	if (!tenths(&r, 5))
		return;
	/* Some die in the midst of it, and another one comes while what is left of them acts on. */
	o->end_takes_us = o->timeout_us;
	o->fault[F_CRASH_ANY] = o->fault[F_UNPROVEN] = true;
	o->ppm[F_CRASH_ANY] = fault_rows[F_CRASH_ANY].hi;
	o->ppm[F_UNPROVEN] = fault_rows[F_UNPROVEN].hi;
	if (o->instances == 1 && !o->per_start)
		o->instances = 2;
}

/* Runs that share a pool. In most of these nights two are worked at once. */
static void options_draw_pool(struct options *o)
{
	struct rng r;

	rng_seed(&r, rng_mix(o->seed ^ UINT64_C(0x706f6f6c)));
	if (o->is_paced || o->is_ending || rng_below(&r, 6) != 0)
		return;
	o->pool_units = rng_range(&r, 1, 2);
	o->pool_capacity = o->pool_units + rng_range(&r, 0, 2);
	o->pool_wait_us = tenths(&r, 2) ? 0 : rng_spread(&r, US_PER_S, 10 * US_PER_MIN);
	if (o->per_start || o->has_inbox || tenths(&r, 3))
		return;
	o->regions = OPTIONS_REGIONS_MAX;
	o->instances = o->instances > 2 ? o->instances : (int)rng_range(&r, 2, 3);
	o->start_gap_us = rng_spread(&r, US_PER_MS, US_PER_S);
}

/* A job file is written in milliseconds; what is checked must be what was written. */
static void options_round(struct options *o)
{
	int64_t *const times[] = {
		&o->key_valid_us,  &o->timeout_us,  &o->first_us,	   &o->max_us,
		&o->within_run_us, &o->open_for_us, &o->breaker_window_us, &o->give_up_after_us,
		&o->window_max_us, &o->grace_us,    &o->stalled_after_us,  &o->expect_us,
		&o->pool_wait_us};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		*times[i] -= *times[i] % US_PER_MS;
}

void options_from_seed(struct options *o, uint64_t seed)
{
	struct rng r;

	assert(o != NULL);
	*o = (struct options){.seed = seed};
	rng_seed(&r, rng_mix(seed));
	options_draw_faults(o, &r);
	options_draw_work(o, &r);
	options_draw_source(o, &r);
	if (o->no_source)
		options_drop_source(o);
	options_draw_night(o, &r);
	options_draw_share(o);
	options_draw_beats(o);
	options_draw_reload(o);
	if (!o->no_source && o->then == JOB_THEN_KEEP && tenths(&r, 3))
		options_draw_says(o, &r);
	options_draw_ends(o);
	options_draw_steps(o);
	options_draw_inbox(o);
	options_draw_finish(o);
	options_draw_pool(o);
	/* Waiting is by the wall clock: when that jumps, it may be too short. */
	if (o->fault[F_CLOCK])
		o->shows_after_us = 0;
	options_round(o);
}

static void put_us(struct buf *out, const char *name, int64_t us)
{
	buf_printf(out, "%s: %lldms", name, (long long)(us / US_PER_MS));
}

static void options_put_source(const struct options *o, int step, struct buf *out)
{
	if (o->takes && step > 1)
		buf_printf(out, "source:\n  step: s%d\n  state: %s\n", step - 1,
			   o->taken == JOB_TAKE_DEAD ? "dead" : "done");
	else if (o->has_inbox)
		buf_puts(out, "source:\n  inbox: {}\n");
	else if (o->says != 0)
		buf_printf(out,
			   "source:\n  sqlite: {url: a.db, cursor: id, query: 'select id from t "
			   "where id > ${cursor} order by id limit ${page_size}'%s%s}\n",
			   (o->says & SAYS_DONE) != 0 ? ", on_done: 'select ${id}'" : "",
			   (o->says & SAYS_DEAD) != 0 ? ", on_dead: 'select ${id}'" : "");
	else
		buf_printf(out, "source:\n  csv: {path: items.csv, when_missing: %s, then: %s%s}\n",
			   missing_words[o->when_missing], then_words[o->then],
			   o->when_missing == JOB_MISSING_WAIT ? ", wait_for: 10s" : "");
	if (!o->takes || step == 1)
		buf_puts(out, "  fields: {id: integer}\n");
	if (o->has_key)
		buf_printf(out, "  key: id\n  unique: %s\n", unique_words[o->unique]);
	if (o->when_empty_fail)
		buf_puts(out, "  when_empty: fail\n");
	if (o->max_rejects_pct > 0)
		buf_printf(out, "  max_rejects: %lld%%\n", (long long)o->max_rejects_pct);
	buf_puts(out, "  retry: {attempts: 3, first: 1s, factor: 2, max: 10s}\n");
}

static void options_put_share(const struct options *o, struct buf *out)
{
	const char *unit = o->rate_per_us == US_PER_S	  ? "s"
			   : o->rate_per_us == US_PER_MIN ? "m"
							  : "h";

	if (o->rate_n > 0)
		buf_printf(out, "  rate:\n    - {limit: %lld/%s}\n", (long long)o->rate_n, unit);
	if (o->low_n > 0)
		buf_printf(out, "    - {limit: %lld/%s, from: %02d:%02d, to: %02d:%02d}\n",
			   (long long)o->low_n, unit, o->low_from / 60, o->low_from % 60,
			   o->low_to / 60, o->low_to % 60);
	if (o->quota_limit > 0)
		buf_printf(out,
			   "  quota: {name: all, limit: %lld, per: hour, reserve: %lld,"
			   " when_used_up: %s}\n",
			   (long long)o->quota_limit, (long long)o->quota_reserve,
			   o->quota_waits ? "wait" : "stop");
}

static void options_put_work(const struct options *o, struct buf *out)
{
	buf_puts(out, "work:\n");
	const char *exec = o->no_source ? "  exec: {command: [act]}\n"
					: "  exec: {command: [act, \"${id}\"]}\n";
	if (o->ends == ENDS_FILE)
		buf_puts(out, "  file: {path: out.jsonl, format: jsonl}\n");
	else if (o->ends != 0)
		buf_printf(out, "  table: {sqlite: a.db, table: t, %s}\n",
			   o->ends == ENDS_AFTER ? "after: select 1" : "commit: run");
	else
		buf_puts(out, o->is_noop ? "  noop: {}\n" : exec);
	buf_printf(out, "  effect: %s\n",
		   o->ends != 0 ? "transactional"
		   : o->is_once ? "once"
				: "idempotent");
	if (o->is_once)
		buf_printf(out, "  when_in_doubt: %s\n", doubt_words[o->doubt]);
	if (o->key_valid_us > 0) {
		put_us(out, "  key_valid", o->key_valid_us);
		buf_putc(out, '\n');
	}
	if (o->verifies) {
		put_us(out, "  verify: {command: [look], settle", o->settle_us);
		buf_puts(out, "}\n");
	}
	put_us(out, "  timeout", o->timeout_us);
	if (o->concurrency_start == 0)
		buf_printf(out, "\n  concurrency: %d\n", o->concurrency);
	else /* today's file may have a lower most */
		buf_printf(out, "\n  concurrency: {start: %d, max: %d}\n",
			   o->concurrency_start < o->concurrency ? o->concurrency_start
								 : o->concurrency,
			   o->concurrency);
	buf_printf(out, "  canary: %lld\n", (long long)o->canary);
	if (o->max_dead_pct > 0)
		buf_printf(out, "  max_dead: %lld%%\n", (long long)o->max_dead_pct);
	options_put_share(o, out);
}

static void options_put_window(const struct options *o, struct buf *out)
{
	buf_puts(out, "window: {");
	put_us(out, "grace", o->grace_us);
	put_us(out, ", stalled_after", o->stalled_after_us);
	if (o->window_max_us > 0)
		put_us(out, ", max", o->window_max_us);
	if (o->expect_us > 0)
		put_us(out, ", expect", o->expect_us);
	if (o->cutoff_minute >= 0)
		buf_printf(out, ", date_cutoff: {at: \"%02d:%02d\", then: %s}",
			   o->cutoff_minute / 60, o->cutoff_minute % 60,
			   cutoff_words[o->cutoff_then]);
	buf_printf(out, ", when_over: %s", over_words[o->when_over]);
	if (o->when_over == JOB_OVER_GENTLE)
		buf_printf(out, ", gentle: {concurrency: %d, nice: %d}", o->gentle_concurrency,
			   OPTIONS_GENTLE_NICE);
	buf_puts(out, "}\n");
}

static void options_put_one(const struct options *o, int step, struct buf *out)
{
	if (!o->no_source)
		options_put_source(o, step, out);
	options_put_work(o, out);
}

/* Source and work, as deep as a step of the list. */
static void options_put_steps(const struct options *o, struct buf *out)
{
	struct buf one = BUF_INIT((size_t)64 * 1024);

	buf_puts(out, "steps:\n");
	for (int step = 1; step <= o->steps; step++) {
		buf_reset(&one);
		options_put_one(o, step, &one);
		buf_printf(out, "  - name: s%d\n    go_on_when: %s\n", step,
			   o->needs_done ? "done" : "done_with_failures");
		for (const char *line = buf_str(&one); line[0] != '\0';) {
			size_t len = strcspn(line, "\n");
			buf_printf(out, "    %.*s\n", (int)len, line);
			line += len + (line[len] == '\n' ? 1 : 0);
		}
	}
	buf_done(&one);
}

void options_put_job(const struct options *o, struct buf *out)
{
	assert(o != NULL && out != NULL);
	buf_printf(out, "version: 1\njob: night\nonce_per: %s\ncarry_over: %s\n",
		   o->per_start ? "start" : "day", carry_words[o->carry_over]);
	if (o->steps > 0)
		options_put_steps(o, out);
	else
		options_put_one(o, 1, out);
	buf_printf(out, "retry: {attempts: %d, factor: %lld, jitter: %s", o->attempts,
		   (long long)o->factor, jitter_words[o->jitter]);
	put_us(out, ", first", o->first_us);
	put_us(out, ", max", o->max_us);
	put_us(out, ", within_run", o->within_run_us);
	buf_puts(out, "}\nbreaker: {");
	put_us(out, "window", o->breaker_window_us);
	buf_printf(out, ", at_least: %lld, failures: %lld%%", (long long)o->at_least,
		   (long long)o->failures_pct);
	put_us(out, ", open_for", o->open_for_us);
	put_us(out, ", open_max", OPTIONS_OPEN_MAX * o->open_for_us);
	put_us(out, ", give_up_after", o->give_up_after_us);
	buf_printf(out, "}\nchunk: {items: %lld}\n", (long long)o->chunk_items);
	options_put_window(o, out);
	if (o->pool_units > 0) {
		buf_printf(out, "require: {pools: {" POOL_NAME ": %lld}, ",
			   (long long)o->pool_units);
		put_us(out, "wait", o->pool_wait_us);
		buf_puts(out, "}\n");
	}
	if (o->has_finish)
		buf_puts(out, "on_finish:\n  - {sqlite: a.db, sql: 'select 1'}\n");
}

void options_print(const struct options *o)
{
	struct buf job = BUF_INIT((size_t)64 * 1024);

	options_put_job(o, &job);
	(void)printf("seed %llu\n---- job\n%s----\n", (unsigned long long)o->seed, buf_str(&job));
	buf_done(&job);
	if (o->has_beats)
		(void)printf("instances beat, on %d hosts\n", o->hosts);
	(void)printf("records %u%s, slots %d, regions %d, instances %d, lanes %d\n", o->n_records,
		     o->by_reference ? " by reference" : "", o->slots, o->regions, o->instances,
		     o->lanes);
	if (o->pool_units > 0)
		(void)printf("of the pool there are %lld\n", (long long)o->pool_capacity);
	if (o->end_takes_us > 0)
		(void)printf("the end takes %lld ms at most\n",
			     (long long)(o->end_takes_us / US_PER_MS));
	(void)printf("an attempt takes about %lld us, a commit %lld us\n", (long long)o->item_us,
		     (long long)o->commit_us);
	(void)printf(
		"faults end after %lld s or %d starts; the next start comes after about %lld s\n",
		(long long)(o->heal_after_us / US_PER_S), o->fault_starts,
		(long long)(o->start_gap_us / US_PER_S));
	(void)puts("faults, per million chances:");
	for (size_t i = 0; i < FAULT_COUNT_; i++)
		if (o->fault[i])
			(void)printf("  %-15s %7u  %s\n", fault_rows[i].name, o->ppm[i],
				     fault_rows[i].says);
}
