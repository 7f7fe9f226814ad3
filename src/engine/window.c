/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window of a call: until when it may work, what still fits, and what happens at its end.
 *
 * Promise: nothing is claimed or begun that by its own forecast (core/forecast.h) would not have
 *          ended when the window is over; `grace` is for those of which the forecast was wrong.
 *          And nothing that fits is held back: what one attempt may take is looked at anew with
 *          each that ends. When nothing more fits and nothing is under way, the run stops at once.
 */
#include "engine/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "engine/share.h"

enum {
	DURATION_MAX = 48,
	LATE_MAX = 400,
	MINUTES_PER_HOUR = 60,
	EXPECT_ATTEMPTS = 20, /* or as many as run at once, where that is less */
};

#define END_STALLED_US (2 * US_PER_HOUR)

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The boot clock at which the window is over, INT64_MAX: never. */
static int64_t window_end(const struct run *r)
{
	int64_t at = INT64_MAX;

	if (r->spec->ignores_window)
		return at;
	if (r->job->window.max_us > 0)
		at = r->began_at + r->job->window.max_us;
	if (r->spec->stop_by != UTIME_NEVER)
		at = run_earliest(at, r->ops->boot_us(r->world) + r->spec->stop_by -
					      r->ops->now(r->world));
	return at;
}

/* The last moment at which one more may be begun. */
static int64_t window_last_begin(const struct run *r)
{
	int64_t end = window_end(r);

	if (end == INT64_MAX || r->job->window.when_over != JOB_OVER_STOP)
		return INT64_MAX;
	return end - forecast_one_us(r->forecast);
}

bool window_is_cut_off(const struct run *r)
{
	return r->cutoff != UTIME_NEVER && r->job->window.cutoff.then != JOB_CUTOFF_GO_ON &&
	       r->ops->now(r->world) >= r->cutoff;
}

bool window_fits(const struct run *r, int64_t behind)
{
	int64_t last = window_last_begin(r);

	if (window_is_cut_off(r))
		return false;
	if (last == INT64_MAX)
		return true;
	return r->ops->boot_us(r->world) + behind * forecast_one_us(r->forecast) <= last;
}

utime window_horizon(const struct run *r)
{
	utime now = r->ops->now(r->world);
	int64_t boot_us = r->ops->boot_us(r->world);
	int64_t last = window_last_begin(r);
	utime horizon = now + r->job->retry.within_run_us;

	if (last != INT64_MAX && now + last - boot_us < horizon)
		horizon = now + last - boot_us;
	if (r->job->window.cutoff.then != JOB_CUTOFF_GO_ON && r->cutoff < horizon)
		horizon = r->cutoff;
	return horizon;
}

/* ---- nothing more fits ---- */

static const char *put_duration(struct buf *out, int64_t us)
{
	buf_reset(out);
	if (us < US_PER_MIN)
		buf_printf(out, "%.1f s", (double)us / (double)US_PER_S);
	else
		text_put_duration(out, us - us % US_PER_S);
	return buf_str(out);
}

/* Of the two limits: is it this one that comes first? */
static bool is_by_max(const struct run *r)
{
	return r->job->window.max_us > 0 && window_end(r) == r->began_at + r->job->window.max_us;
}

/* The limit in words. */
static const char *put_limit(const struct run *r, struct buf *out)
{
	const struct job_window *w = &r->job->window;
	int minute = w->stop_by_minute;

	buf_reset(out);
	if (is_by_max(r)) {
		buf_puts(out, "within window.max (");
		text_put_duration(out, w->max_us);
		buf_putc(out, ')');
	} else if (minute >= 0) {
		buf_printf(out, "before %02d:%02d (window.stop_by)", minute / MINUTES_PER_HOUR,
			   minute % MINUTES_PER_HOUR);
	} else {
		buf_puts(out, "in the window");
	}
	return buf_str(out);
}

/* The business date is over: what was not begun waits for a person, or the run fails. */
static void window_stop_cut_off(struct run *r)
{
	int minute = r->job->window.cutoff.minute;
	bool fails = r->job->window.cutoff.then == JOB_CUTOFF_FAIL;

	run_stop(r, fails ? EXIT_FAILED : EXIT_LATER, fails,
		 "the business date %s is over at %02d:%02d (window.date_cutoff)%s", r->row.date,
		 minute / MINUTES_PER_HOUR, minute % MINUTES_PER_HOUR,
		 fails ? ""
		       : ": what was not begun is held; --ignore-window works it all the same");
}

void window_stop_unfit(struct run *r)
{
	if (window_is_cut_off(r)) {
		window_stop_cut_off(r);
		return;
	}
	AUTO(buf) struct buf limit = BUF_INIT(2 * DURATION_MAX);
	AUTO(buf) struct buf mean = BUF_INIT(DURATION_MAX);
	AUTO(buf) struct buf spread = BUF_INIT(DURATION_MAX);

	run_stop(r, EXIT_LATER, false, "nothing more fits %s: an item takes %s ± %s",
		 put_limit(r, &limit), put_duration(&mean, forecast_mean_us(r->forecast)),
		 put_duration(&spread, forecast_spread_us(r->forecast)));
}

static bool has_more_in_hand(const struct run *r)
{
	return r->n_tickets > 0 || r->pending > 0 || r->n_loose_waiting > 0 ||
	       dispatch_has_suspects(r);
}

void window_turn(struct run *r)
{
	if (window_fits(r, 0)) {
		r->looked_unfit = false;
		return;
	}
	slots_recall_waiting(r); /* it would begin too late */
	if (r->n_sent > 0 || r->n_marking > 0 || r->chunk_claim_out || r->loose_claim_out)
		return;
	if (has_more_in_hand(r))
		window_stop_unfit(r);
	else if (!r->looked_unfit)
		run_look_soon(r); /* it may be finished, and has nothing to wait for */
	r->looked_unfit = true;
}

/* ---- longer than expected ---- */

/* Kept for who looks at the run, and said. `until`: its end by the forecast, 0 not known. */
static void window_note(struct run *r, const char *kind, const char *text, utime until)
{
	run_note(r, kind, text, until);
	run_say(r, SAY_WARNING, "%s: %s", r->row.name, text);
}

static int64_t items_open(const struct run *r)
{
	const struct ledger_counts *n = &r->counts;
	const struct run_counters *mine = &r->mine;

	return r->n_items - n->done - mine->done - n->dead - mine->dead - n->skipped -
	       mine->skipped - n->asked - mine->asked;
}

/* A round of attempts, but not only the first: before that a mean says nothing. */
static bool knows_enough(const struct run *r)
{
	int64_t least = r->limit < EXPECT_ATTEMPTS ? r->limit : EXPECT_ATTEMPTS;

	return r->forecast->n >= (least > 2 ? least : 2);
}

/* How long the rest will take; -1: not known. */
static int64_t window_rest_us(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);
	struct forecast_rest rest = {.items = items_open(r), .concurrency = run_limit_now(r)};

	if (r->phase != RUN_WORKING || r->is_bulk || !knows_enough(r))
		return -1;
	if (rate_is_limited(r))
		rest.per_second = (double)r->share.rate.now.n * (double)US_PER_S /
				  (double)r->share.rate.now.per_us;
	/* What it takes beside the attempts is seen once it has gone on for a while. */
	if (r->meter.began_us != 0 && now - r->meter.began_us > METER_SECONDS * US_PER_S)
		rest.seen = meter_rate(&r->meter, now);
	return forecast_rest_us(r->forecast, &rest);
}

static void window_say_late(struct run *r, int64_t rest_us)
{
	AUTO(buf) struct buf text = BUF_INIT(LATE_MAX);
	AUTO(buf) struct buf so_far = BUF_INIT(DURATION_MAX);
	int64_t took_us = r->ops->boot_us(r->world) - r->began_at;
	utime until = rest_us < 0 ? 0 : r->ops->now(r->world) + rest_us;

	if (rest_us >= 0)
		buf_printf(&text, "it will take about %s in all, longer than ",
			   put_duration(&so_far, took_us + rest_us));
	else
		buf_printf(&text,
			   "it has taken %s, and nobody knows for how long still; that is "
			   "longer than ",
			   put_duration(&so_far, took_us));
	buf_puts(&text, "window.expect (");
	text_put_duration(&text, r->job->window.expect_us);
	buf_printf(&text, "); %" PRId64 " items are left", items_open(r));
	r->said_late = true;
	window_note(r, "window.expect", buf_str(&text), until);
}

/* A warning goes out when the forecast crosses `expect`, at the latest when time itself does. */
static void window_expect(struct run *r, int64_t rest_us)
{
	int64_t expect_us = r->job->window.expect_us;
	int64_t now = r->ops->boot_us(r->world);

	if (expect_us == 0 || r->said_late)
		return;
	bool is_over = now - r->began_at >= expect_us;
	if (is_over ? r->phase != RUN_WORKING || items_open(r) > 0
		    : rest_us > 0 && now - r->began_at + rest_us > expect_us)
		window_say_late(r, rest_us);
}

/* ---- the business date ---- */

void window_take_cutoff(struct run *r)
{
	const struct job_cutoff *cutoff = &r->job->window.cutoff;
	utime begin_before = 0;

	r->cutoff = UTIME_NEVER;
	if (cutoff->minute >= 0 && !r->spec->ignores_window)
		r->cutoff = r->ops->day_time(r->world, r->row.date, cutoff->minute);
	if (r->cutoff != UTIME_NEVER && cutoff->then != JOB_CUTOFF_GO_ON)
		begin_before = r->cutoff > 0 ? r->cutoff : 1;
	if (begin_before == r->hello.begin_before)
		return;
	r->hello.begin_before = begin_before;
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (slots_is_worker(&r->lanes.lane[i]))
			frame_put_cutoff(&r->lanes.lane[i].out, begin_before);
}

static const char *then_words(enum job_cutoff_then then)
{
	switch (then) {
	case JOB_CUTOFF_GO_ON:
		return "and then goes on";
	case JOB_CUTOFF_HOLD:
		return "and what is not begun by then is held";
	case JOB_CUTOFF_FAIL:
		return "and then fails";
	case JOB_CUTOFF_COUNT_:
		break;
	}
	unreachable("a word that does not exist");
}

/* A warning goes out when the forecast misses the end of the date, at the latest when that has
 * come. */
static void window_warn_cutoff(struct run *r, int64_t rest_us)
{
	const struct job_cutoff *cutoff = &r->job->window.cutoff;
	utime now = r->ops->now(r->world);
	AUTO(buf) struct buf text = BUF_INIT(LATE_MAX);
	bool is_over = now >= r->cutoff;
	bool warns = is_over ? cutoff->then == JOB_CUTOFF_GO_ON /* else the run's reason says it */
			     : rest_us >= 0 && now + rest_us > r->cutoff;

	if (!warns || r->said_cutoff || r->cutoff == UTIME_NEVER || r->phase != RUN_WORKING ||
	    items_open(r) <= 0)
		return;
	r->said_cutoff = true;
	if (is_over)
		buf_printf(&text, "its business date %s is over (window.date_cutoff)%s",
			   r->row.date, cutoff->then == JOB_CUTOFF_GO_ON ? ", and it goes on" : "");
	else
		buf_printf(&text,
			   "by the forecast it misses %02d:%02d, when its business date %s is over "
			   "(window.date_cutoff), %s",
			   cutoff->minute / MINUTES_PER_HOUR, cutoff->minute % MINUTES_PER_HOUR,
			   r->row.date, then_words(cutoff->then));
	window_note(r, "window.date_cutoff", buf_str(&text), rest_us < 0 ? 0 : now + rest_us);
}

/* ---- what is looked at now and then ---- */

static void window_forecast(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (now < r->expect_look_at || ((r->job->window.expect_us == 0 || r->said_late) &&
					(r->cutoff == UTIME_NEVER || r->said_cutoff)))
		return;
	/* While it loads nothing is known; its first item is begun with open eyes. */
	r->expect_look_at = r->phase < RUN_WORKING ? now : now + US_PER_S;
	if (r->job->window.expect_us > 0)
		r->expect_look_at = run_earliest(
			r->expect_look_at, later(r->began_at + r->job->window.expect_us, now));
	int64_t rest_us = window_rest_us(r);
	window_expect(r, rest_us);
	window_warn_cutoff(r, rest_us);
}

/* ---- the end of it ---- */

/* The time is up, and the job says to go on. */
static void window_go_on(struct run *r)
{
	const struct job_window *w = &r->job->window;
	AUTO(buf) struct buf text = BUF_INIT(LATE_MAX);

	r->is_over_time = true;
	buf_printf(&text, "the window is over (%s), and it goes on",
		   is_by_max(r) ? "window.max" : "window.stop_by");
	if (w->when_over == JOB_OVER_GENTLE) {
		r->is_gentle = true;
		share_apply_job(r);
		if (w->gentle.rate.n > 0) /* what is counted is done one by one */
			r->is_bulk = false;
		run_set_limit(r);
		slots_deal_anew(r);
		/* New lanes, too; who is nicer already stays so. */
		if (!r->hello.sets_nice || r->hello.nice < w->gentle.nice) {
			r->hello.sets_nice = true;
			r->hello.nice = w->gentle.nice;
		}
		r->ops->nice(r->world, w->gentle.nice);
		buf_printf(&text, " gently: %u at once, niceness %d", r->limit, w->gentle.nice);
	}
	if (!r->said_over)
		window_note(r, "window.when_over", buf_str(&text), 0);
	r->said_over = true;
}

static void window_is_over(struct run *r)
{
	if (r->job->window.when_over == JOB_OVER_STOP)
		run_stop(r, EXIT_LATER, false, "the window is over (%s)",
			 is_by_max(r) ? "window.max" : "window.stop_by");
	else if (!r->is_over_time)
		window_go_on(r);
}

/* The end of a run is one deed, whose own limit (target/once.c) comes first. */
static int64_t window_stalled_us(const struct run *r)
{
	int64_t us = r->job->window.stalled_after_us;
	bool is_end = r->phase == RUN_TELLING && r->ending.is_ours;

	return is_end && us < END_STALLED_US ? END_STALLED_US : us;
}

void window_check(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	window_forecast(r);
	if (now >= window_end(r))
		window_is_over(r);
	if ((r->breaker.state != BREAKER_CLOSED && r->phase == RUN_WORKING) ||
	    r->phase < RUN_WORKING || share_waits(r))
		r->last_settled_at = now; /* waits by name, or the reader has its own limits */
	else if (now - r->last_settled_at >= window_stalled_us(r))
		run_stop(r, EXIT_LATER, false,
			 "no item was settled for too long (window.stalled_after)%s%s",
			 r->waits[0] != '\0' ? "; it waited for " : "", r->waits);
}

int64_t window_deadline(const struct run *r)
{
	const struct job_window *w = &r->job->window;
	int64_t now = r->ops->boot_us(r->world);
	int64_t end = window_end(r);
	int64_t last = window_last_begin(r);
	int64_t at = r->last_settled_at + window_stalled_us(r);

	if (end != INT64_MAX && !r->is_over_time)
		at = run_earliest(at, end > now ? end : now);
	if (w->expect_us > 0 && !r->said_late && r->began_at + w->expect_us > now)
		at = run_earliest(at, r->began_at + w->expect_us);
	utime wall = r->ops->now(r->world);
	if (r->cutoff != UTIME_NEVER && r->cutoff > wall)
		at = run_earliest(at, now + r->cutoff - wall);
	/* Then nothing fits any more: what waits in lanes is called back, or the run stops. */
	if (r->phase == RUN_WORKING && last != INT64_MAX && last >= now)
		at = run_earliest(at, last + 1);
	return at;
}
