/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier runs tell: a call begins with the durations of the job's newest finished run that
 * had items, with the weight of a few attempts, so that its own soon count for more. Not of bulk
 * work, whose attempts are not items, and not of several steps, which are as long as they are.
 *
 * By what took longer than the whole window nothing would ever be begun again, though it may be
 * quicker by now: then nothing is known, as before the first run.
 */
#include <math.h>
#include <string.h>

#include "core/forecast.h"
#include "core/timing.h"
#include "engine/session_inside.h"
#include "job/job.h"

enum { PAST_ATTEMPTS = 20 };

/* From the time of day at which that run began to stop_by, and no longer than window.max. */
static int64_t past_window_us(const struct session *s)
{
	const struct session_spec *spec = &s->spec;
	int64_t us = spec->job->window.max_us > 0 ? spec->job->window.max_us : INT64_MAX;

	if (spec->stop_by == UTIME_NEVER)
		return us;
	int64_t until = (spec->stop_by - s->past_started_at) % US_PER_DAY;
	if (until <= 0)
		until += US_PER_DAY;
	return until < us ? until : us;
}

static void past_on_stats(void *arg, struct ledger_op *op)
{
	struct session *s = arg;
	const struct ledger_stats *stats = &op->u.run_stats.ret_stats;
	struct forecast past = {0};

	for (size_t i = 0; i < stats->n_latency; i++) {
		const struct histogram *h = stats->latency[i].histogram;
		if (strcmp(stats->latency[i].phase, timing_name(TIMING_TOTAL)) != 0)
			continue;
		const struct forecast of_endpoint = forecast_past(
			(int64_t)h->count, histogram_mean_us(h), histogram_deviation_us(h),
			INT64_MAX);
		forecast_merge(&past, &of_endpoint);
	}
	double deviation_us = past.n > 1 ? sqrt(past.squares / (double)past.n) : 0;
	past = forecast_past(past.n, past.mean_us, deviation_us, PAST_ATTEMPTS);
	if (s->forecast.n == 0 && forecast_one_us(&past) <= past_window_us(s))
		s->forecast = past;
}

void session_ask_past(struct session *s, const struct lop_run_list *list)
{
	const struct job *job = s->spec.job;

	if (list->ret_past_id == 0 || job_is_bulk(job) || job->n_steps > 1)
		return;
	s->past_started_at = list->ret_past_started_at;
	commit_add(&s->commit, LOP_RUN_STATS, past_on_stats, s)->u.run_stats.run_id =
		list->ret_past_id;
}
