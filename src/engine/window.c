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

enum { DURATION_MAX = 48, MINUTES_PER_HOUR = 60 };

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

	return end == INT64_MAX ? end : end - forecast_one_us(r->forecast);
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

/* Which of the two limits comes first, in words. */
static const char *put_limit(const struct run *r, struct buf *out)
{
	const struct job_window *w = &r->job->window;
	int minute = w->stop_by_minute;
	bool by_max = w->max_us > 0 && window_end(r) == r->began_at + w->max_us;

	buf_reset(out);
	if (by_max) {
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

/* ---- the end of it ---- */

void window_check(struct run *r)
{
	const struct job_window *w = &r->job->window;
	int64_t now = r->ops->boot_us(r->world);

	if (w->max_us > 0 && now - r->began_at >= w->max_us)
		run_stop(r, EXIT_LATER, false, "the window is over (window.max)");
	else if (r->ops->now(r->world) >= r->spec->stop_by)
		run_stop(r, EXIT_LATER, false, "the window is over (window.stop_by)");
	else if ((r->breaker.state != BREAKER_CLOSED && r->phase == RUN_WORKING) ||
		 r->phase == RUN_LOADING_NOW)
		r->last_settled_at = now; /* waits by name, or the reader has its own limits */
	else if (now - r->last_settled_at >= w->stalled_after_us)
		run_stop(r, EXIT_LATER, false,
			 "no item was settled for too long (window.stalled_after)%s%s",
			 r->waits[0] != '\0' ? "; it waited for " : "", r->waits);
}

int64_t window_deadline(const struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);
	int64_t end = window_end(r);
	int64_t last = window_last_begin(r);
	int64_t at = r->last_settled_at + r->job->window.stalled_after_us;

	if (end != INT64_MAX)
		at = run_earliest(at, end > now ? end : now);
	/* Then nothing fits any more: what waits in lanes is called back, or the run stops. */
	if (r->phase == RUN_WORKING && last != INT64_MAX && last >= now)
		at = run_earliest(at, last + 1);
	return at;
}
