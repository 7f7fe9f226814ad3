/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outlook.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "core/trend.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/latency.h"
#include "report/moment.h"
#include "report/run.h"
#include "sys/clock.h"

#define HORIZON_US (3653 * US_PER_DAY)

enum {
	SLOPE_FROM = 4, /* runs that growth is told by … */
	SIZES_FROM = 3, /* … and how time goes with items */
	SIGMAS = 3,
	NUMBER_MAX = 40,
	MINUTES_A_DAY = 24 * 60,
};

/* ---- past runs ---- */

struct loading {
	struct ledger *ledger;
	struct outlook_run *runs;
	size_t n;
	struct err *err;
};

/* Where a run was interrupted the time at work is the shorter, where several calls shared it the
 * time from its begin to its end. */
static int64_t time_of(const struct report_run *run, const struct ledger_effort *e)
{
	int64_t elapsed = run->ended_at - run->started_at;

	return e->worked_us > 0 && e->worked_us < elapsed ? e->worked_us : elapsed;
}

static int keep_run(void *arg, const struct report_run *run)
{
	struct loading *l = arg;
	struct ledger_txn *txn = NULL;
	const struct ledger_stats *stats = NULL;

	if (run->ended_at == 0 || run->n_items == 0 || strncmp(run->state, "done", 4) != 0)
		return 0;
	int rc = latency_load(l->ledger, run->id, &txn, &stats, l->err);
	if (rc < 0)
		return rc;
	const struct ledger_effort *e = &stats->effort;
	l->runs[l->n++] = (struct outlook_run){.started_at = run->started_at,
					       .items = run->n_items,
					       .done = run->counts.done,
					       .took_us = time_of(run, e),
					       .attempts = e->done + e->failed,
					       .again = e->again};
	ledger_txn_free(txn);
	return l->n == OUTLOOK_RUNS_MAX ? 1 : 0;
}

int outlook_load(struct ledger *ledger, const char *job_name,
		 struct outlook_run runs[OUTLOOK_RUNS_MAX], size_t *ret_n, struct err *err)
{
	struct loading l = {.ledger = ledger, .runs = runs, .err = err};
	struct report_run_filter filter = {.job = job_name, .max = INT64_MAX};
	int rc = report_runs(ledger, &filter, keep_run, &l, err);

	*ret_n = l.n;
	return rc < 0 ? rc : 0;
}

/* ---- the lines ---- */

/* What the figures follow. Days are counted from the first run. */
struct lines {
	struct trend items; /* by day */
	struct trend took;  /* us by items */
	double spread;	    /* the deviation of a run's time from that line, as a part of it */
	double day_us, now_day;
};

static double day_of(const struct outlook_input *in, utime t)
{
	return (double)(t - in->runs[in->n - 1].started_at) / (double)US_PER_DAY;
}

/* Time by items. A line that would have small runs take less than nothing, or more items take less
 * time, is none: then each item takes its share. */
static struct trend fit_took(const struct outlook_input *in)
{
	struct trend_point p[OUTLOOK_RUNS_MAX];
	double share[OUTLOOK_RUNS_MAX];

	for (size_t i = 0; i < in->n; i++) {
		p[i] = (struct trend_point){.x = (double)in->runs[i].items,
					    .y = (double)in->runs[i].took_us};
		share[i] = p[i].y / p[i].x;
	}
	struct trend t = trend_fit(p, in->n, SIZES_FROM);
	if (!t.has_slope || t.slope <= 0 || t.level < 0)
		t = (struct trend){.slope = trend_median(share, in->n), .has_slope = true};
	return t;
}

static struct lines fit(const struct outlook_input *in)
{
	struct lines l = {.took = fit_took(in), .now_day = day_of(in, in->now)};
	struct trend_point p[OUTLOOK_RUNS_MAX];
	double squares = 0;

	for (size_t i = 0; i < in->n; i++) {
		const struct outlook_run *run = &in->runs[i];
		p[i] = (struct trend_point){.x = day_of(in, run->started_at),
					    .y = (double)run->items};
		double expected = trend_at(&l.took, (double)run->items);
		double off = expected > 0 ? (double)run->took_us / expected - 1 : 0;
		squares += off * off;
	}
	l.items = trend_fit(p, in->n, SLOPE_FROM);
	/* Of what a further run may do, so one less than there are. */
	l.spread = in->n > 1 ? sqrt(squares / (double)(in->n - 1)) : 0;
	return l;
}

static int64_t at_least(double value, int64_t least)
{
	return value < (double)least ? least : (int64_t)llround(value);
}

/* ---- the window ---- */

/* When there will be so many items. */
static utime when_items(const struct outlook_input *in, const struct lines *l, double items)
{
	if (trend_at(&l->items, l->now_day) >= items)
		return in->now;
	if (!l->items.has_slope || l->items.slope <= 0)
		return UTIME_NEVER;
	double day = (items - l->items.level) / l->items.slope;
	double ahead_us = (day - l->now_day) * (double)US_PER_DAY;
	return ahead_us > (double)HORIZON_US ? UTIME_NEVER : in->now + (utime)ahead_us;
}

/* How many items fit into that time; less than nothing is none. */
static double items_in(const struct lines *l, double us)
{
	double items = (us - l->took.level) / l->took.slope;

	return items < 0 ? 0 : items;
}

static void add_limit(const struct outlook_input *in, const struct lines *l, const char *name,
		      int64_t us, struct outlook *o)
{
	if (us <= 0)
		return;
	struct outlook_limit *limit = &o->limits[o->n_limits++];
	*limit = (struct outlook_limit){.name = name, .us = us, .items = -1};
	limit->outgrown_at = limit->may_be_at = UTIME_NEVER;
	if (l->took.slope <= 0)
		return;
	double fits = items_in(l, (double)us);
	limit->items = (int64_t)fits;
	limit->outgrown_at = when_items(in, l, fits);
	limit->may_be_at = when_items(in, l, items_in(l, (double)us / (1 + SIGMAS * l->spread)));
}

/* From the time of day at which the last run began to the next stop_by. */
static int64_t until_stop_by(const struct outlook_input *in)
{
	struct civil c = {0};
	int stop = in->job->window.stop_by_minute;

	if (stop < 0)
		return 0;
	clock_civil(in->runs[0].started_at, &c);
	int minutes = (stop - (c.hour * 60 + c.minute) + MINUTES_A_DAY) % MINUTES_A_DAY;
	return (minutes == 0 ? MINUTES_A_DAY : minutes) * US_PER_MIN;
}

/* ---- the cost ---- */

/* Runs that began within a billing period before the last one, that one too. */
static int64_t runs_a_period(const struct outlook_input *in)
{
	int64_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += in->runs[i].started_at >
		     in->runs[0].started_at - cost_period_us(&in->job->cost);
	return n;
}

/* As past runs: as many items done, and as many further attempts. */
static int fill_cost(const struct outlook_input *in, struct outlook *o, struct err *err)
{
	struct ledger_stats stats = {0};
	double items = 0;
	double done = 0;
	double first = 0;
	double again = 0;

	if (!in->job->cost.is_given)
		return 0;
	for (size_t i = 0; i < in->n; i++) {
		items += (double)in->runs[i].items;
		done += (double)in->runs[i].done;
		first += (double)(in->runs[i].attempts - in->runs[i].again);
		again += (double)in->runs[i].again;
	}
	double n = (double)o->items;
	stats.effort.again = llround(n * again / items);
	stats.effort.done = llround(n * first / items) + stats.effort.again;
	stats.effort.worked_us = stats.effort.took_us = o->took_us;
	const struct cost_work work = {
		.stats = &stats, .done = llround(n * done / items), .runs = runs_a_period(in)};
	int rc = cost_compute(&in->job->cost, &work, &o->cost, err);
	o->cost.is_planned = true;
	return rc;
}

int outlook_compute(const struct outlook_input *in, struct outlook *ret_outlook, struct err *err)
{
	assert(in->n > 0 && in->n <= OUTLOOK_RUNS_MAX && in->items >= 0);
	struct lines l = fit(in);
	struct outlook o = {.job = in->job->name,
			    .n_runs = in->n,
			    .from = in->runs[in->n - 1].started_at,
			    .to = in->runs[0].started_at,
			    .items_given = in->items > 0,
			    .grows = l.items.has_slope,
			    .per_day = l.items.slope};

	o.items = o.items_given ? in->items : at_least(trend_at(&l.items, l.now_day), 1);
	double took = trend_at(&l.took, (double)o.items);
	o.took_us = at_least(took, 0);
	o.low_us = at_least(took * (1 - SIGMAS * l.spread), 0);
	o.high_us = at_least(took * (1 + SIGMAS * l.spread), 0);
	o.item_us = o.took_us / o.items;
	add_limit(in, &l, "window.expect", in->job->window.expect_us, &o);
	add_limit(in, &l, "window.max", in->job->window.max_us, &o);
	add_limit(in, &l, "window.stop_by", until_stop_by(in), &o);
	*ret_outlook = o;
	return fill_cost(in, ret_outlook, err);
}

/* ---- for people ---- */

static void put_date(struct buf *out, utime t)
{
	struct civil c = {0};

	clock_civil(t, &c);
	buf_printf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
}

static void put_limit(const struct outlook *o, const struct outlook_limit *limit, struct buf *out)
{
	buf_printf(out, "  %s ", limit->name);
	text_put_span(out, limit->us);
	buf_puts(out, ": ");
	if (limit->items >= 0) {
		buf_puts(out, "holds ");
		text_put_count(out, limit->items);
		buf_puts(out, " items; ");
	}
	if (o->took_us > limit->us)
		buf_puts(out, "too short for this");
	else if (o->high_us > limit->us)
		buf_puts(out, "may be too short for this");
	else
		buf_puts(out, "long enough for this");
	if (!o->grows)
		buf_puts(out, "; how it grows is not known yet");
	else if (limit->may_be_at == UTIME_NEVER)
		buf_puts(out, "; not outgrown within ten years");
	else {
		buf_puts(out, "; may be outgrown from ");
		put_date(out, limit->may_be_at);
		buf_puts(out, limit->outgrown_at == UTIME_NEVER ? " on" : " on, by the mean on ");
		if (limit->outgrown_at != UTIME_NEVER)
			put_date(out, limit->outgrown_at);
	}
	buf_putc(out, '\n');
}

static void put_items(const struct outlook *o, struct buf *out)
{
	buf_puts(out, o->items_given ? "  for " : "  the next run: about ");
	text_put_count(out, o->items);
	buf_puts(out, o->items == 1 ? " item" : " items");
	if (o->grows)
		buf_printf(out, " (%+.1f items a day)", o->per_day);
	buf_puts(out, "\n  takes ");
	text_put_short_span(out, o->took_us);
	if (o->n_runs > 1) {
		buf_puts(out, "; by three deviations, ");
		text_put_short_span(out, o->low_us);
		buf_puts(out, " to ");
		text_put_short_span(out, o->high_us);
	}
	buf_puts(out, "; an item ");
	text_put_short_span(out, o->item_us);
	buf_putc(out, '\n');
}

void outlook_put_text(const struct outlook *o, struct buf *out)
{
	buf_printf(out, "%s, from %zu run%s (", o->job, o->n_runs, o->n_runs == 1 ? "" : "s");
	put_date(out, o->from);
	if (o->n_runs > 1) {
		buf_puts(out, " to ");
		put_date(out, o->to);
	}
	buf_puts(out, ")\n");
	put_items(o, out);
	for (size_t i = 0; i < o->n_limits; i++)
		put_limit(o, &o->limits[i], out);
	cost_put_text(&o->cost, "What it will cost", out);
}

/* ---- for programs ---- */

static void put_limits_json(const struct outlook *o, struct json_writer *w)
{
	jw_name(w, "windows");
	jw_array(w);
	for (size_t i = 0; i < o->n_limits; i++) {
		const struct outlook_limit *limit = &o->limits[i];
		jw_object(w);
		jw_member_text(w, "name", limit->name);
		jw_member_int(w, "limit_us", limit->us);
		jw_name(w, "items");
		if (limit->items < 0)
			jw_null(w);
		else
			jw_int(w, limit->items);
		moment_put_json(w, "outgrown_at", limit->outgrown_at);
		moment_put_json(w, "may_be_at", limit->may_be_at);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void outlook_put_json(const struct outlook *o, struct json_writer *w)
{
	char growth[NUMBER_MAX] = {0};

	jw_member_text(w, "job", o->job);
	jw_member_int(w, "runs", (int64_t)o->n_runs);
	moment_put_json(w, "from", o->from);
	moment_put_json(w, "to", o->to);
	jw_member_int(w, "items", o->items);
	jw_member_bool(w, "items_given", o->items_given);
	jw_name(w, "items_per_day");
	(void)snprintf(growth, sizeof(growth), "%.3f", o->per_day);
	if (o->grows)
		jw_raw(w, growth, strlen(growth));
	else
		jw_null(w);
	jw_member_int(w, "took_us", o->took_us);
	jw_member_int(w, "low_us", o->low_us);
	jw_member_int(w, "high_us", o->high_us);
	jw_member_int(w, "item_us", o->item_us);
	put_limits_json(o, w);
	cost_put_json(&o->cost, w);
}
