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

enum {
	DURATION_MAX = 48,
	LATE_MAX = 400,
	MINUTES_PER_HOUR = 60,
	EXPECT_ATTEMPTS = 20, /* or as many as run at once, where that is less */
};

/* The boot clock at which the window is over, INT64_MAX: never. */
static int64_t window_end(const struct run *r)
{
	int64_t at = INT64_MAX;

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

bool window_fits(const struct run *r, int64_t behind)
{
	int64_t last = window_last_begin(r);

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

void window_stop_unfit(struct run *r)
{
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
	if (window_fits(r, 0))
		return;
	slots_recall_waiting(r); /* it would begin too late */
	if (r->n_sent > 0 || r->n_marking > 0 || r->chunk_claim_out || r->loose_claim_out)
		return;
	if (has_more_in_hand(r))
		window_stop_unfit(r);
	else
		run_look_soon(r); /* it may be finished, and has nothing to wait for */
}

/* ---- longer than expected ---- */

/* Kept for who looks at the run, and said. `until`: its end by the forecast, 0 not known. */
static void window_note(struct run *r, const char *kind, const char *text, utime until)
{
	struct arena *a = commit_arena(r->commit);

	commit_add(r->commit, LOP_RUN_NOTE, NULL, NULL)->u.run_note = (struct lop_run_note){
		.run_id = r->id,
		.at = r->ops->now(r->world),
		.kind = kind,
		.text = arena_str(a, text),
		.until = until};
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
	struct forecast_rest rest = {.items = items_open(r), .concurrency = r->limit};

	if (r->phase != RUN_WORKING || r->is_bulk || !knows_enough(r))
		return -1;
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
static void window_expect(struct run *r)
{
	int64_t expect_us = r->job->window.expect_us;
	int64_t now = r->ops->boot_us(r->world);

	if (expect_us == 0 || r->said_late || now < r->expect_look_at)
		return;
	r->expect_look_at = run_earliest(now + US_PER_S, r->began_at + expect_us);
	int64_t rest_us = window_rest_us(r);
	bool is_over = now - r->began_at >= expect_us;
	if (is_over ? r->phase != RUN_WORKING || items_open(r) > 0
		    : rest_us > 0 && now - r->began_at + rest_us > expect_us)
		window_say_late(r, rest_us);
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

void window_check(struct run *r)
{
	const struct job_window *w = &r->job->window;
	int64_t now = r->ops->boot_us(r->world);

	window_expect(r);
	if (now >= window_end(r))
		window_is_over(r);
	if ((r->breaker.state != BREAKER_CLOSED && r->phase == RUN_WORKING) ||
	    r->phase == RUN_LOADING_NOW || share_waits(r))
		r->last_settled_at = now; /* waits by name, or the reader has its own limits */
	else if (now - r->last_settled_at >= w->stalled_after_us)
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
	int64_t at = r->last_settled_at + w->stalled_after_us;

	if (end != INT64_MAX && !r->is_over_time)
		at = run_earliest(at, end > now ? end : now);
	if (w->expect_us > 0 && !r->said_late && r->began_at + w->expect_us > now)
		at = run_earliest(at, r->began_at + w->expect_us);
	/* Then nothing fits any more: what waits in lanes is called back, or the run stops. */
	if (r->phase == RUN_WORKING && last != INT64_MAX && last >= now)
		at = run_earliest(at, last + 1);
	return at;
}
