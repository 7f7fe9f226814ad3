/* SPDX-License-Identifier: Apache-2.0 */
/* What a run at work may be waiting for: its rate and its quota, as they are now. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/why.h"
#include "core/rate.h"
#include "job/job.h"
#include "job/quota.h"
#include "ledger/ledger.h"
#include "report/report.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "when/zone.h"

enum { TEXT_MAX = 200, MINUTES_PER_HOUR = 60 };

struct share_row { /* the first row of an answer */
	struct arena *arena;
	bool is_there;
	const char *text;
	int64_t number;
};

static int on_row(void *arg, const struct ledger_row *row)
{
	struct share_row *r = arg;
	const char *text = ledger_row_text(row, 0, NULL);

	r->is_there = true;
	r->text = arena_str(r->arena, text);
	r->number = ledger_row_int(row, 1);
	return 0;
}

static const char *unit_word(int64_t per_us)
{
	return per_us == US_PER_S     ? "second"
	       : per_us == US_PER_MIN ? "minute"
	       : per_us == US_PER_DAY ? "day"
				      : "hour";
}

/* ---- the rate ---- */

/* When the next attempt may begin, by the last slot that anybody took; 0: now, or not known. */
static utime next_slot(const struct share_row *last, const struct rate_now *now)
{
	char boot_id[PROC_ID_MAX] = "";
	int64_t at = (last->number + now->spacing_ns) / NS_PER_US;

	proc_boot_id(boot_id);
	if (!last->is_there || last->text == NULL || strcmp(last->text, boot_id) != 0)
		return 0;
	return at <= clock_boot_us() ? 0 : clock_now() + at - clock_boot_us();
}

static int say_rate(struct ledger *ledger, const struct job *job, struct why *why, struct err *err)
{
	static const char sql[] = "SELECT boot_id, last_ns FROM rate_ WHERE name = ?1";
	struct ledger_param param = {.type = LEDGER_TEXT, .text = job->name};
	struct share_row last = {.arena = &why->arena};
	struct rate_rule rules[RATE_RULES_MAX];
	struct rate_now now = {0};
	struct civil c = {0};
	char at[CLOCK_TEXT_MAX] = "";
	char until[TEXT_MAX] = "";

	for (size_t i = 0; i < job->work.rates.n; i++)
		rules[i] = (struct rate_rule){.n = job->work.rates.rule[i].limit.n,
					      .per_us = job->work.rates.rule[i].limit.per_us,
					      .from_minute = job->work.rates.rule[i].from_minute,
					      .to_minute = job->work.rates.rule[i].to_minute};
	clock_civil(clock_now(), &c);
	rate_at(rules, job->work.rates.n,
		c.hour * US_PER_HOUR + c.minute * US_PER_MIN + c.second * US_PER_S, &now);
	if (!now.is_limited)
		return 0;
	int rc = ledger_select(ledger, sql, &param, 1, on_row, &last, err);
	if (rc < 0)
		return rc;
	if (now.until_minute >= 0)
		(void)snprintf(until, sizeof(until), " until %02d:%02d",
			       now.until_minute / MINUTES_PER_HOUR,
			       now.until_minute % MINUTES_PER_HOUR);
	utime next = next_slot(&last, &now);
	if (next != 0 && now.spacing_ns >= US_PER_S * NS_PER_US)
		clock_format_short(next, at);
	why_say(why, "its rate lets %" PRId64 " attempt%s begin in any %s%s%s%s", now.n,
		now.n == 1 ? "" : "s", unit_word(now.per_us), until,
		at[0] == '\0' ? "" : "; the next may begin ", at);
	return 0;
}

/* ---- the quota ---- */

static int say_quota(struct ledger *ledger, const struct job *job, struct why *why, struct err *err)
{
	static const char sql[] = "SELECT period, used FROM quota_ WHERE name = ?1";
	const struct job_quota *quota = &job->work.quota;
	struct ledger_param param = {.type = LEDGER_TEXT, .text = quota->name};
	struct share_row row = {.arena = &why->arena};
	AUTO(buf) struct buf resets = BUF_INIT(TEXT_MAX);
	struct civil c = {0};
	int64_t from = 0;
	int64_t to = 0;

	if (quota->name == NULL)
		return 0;
	int rc = ledger_select(ledger, sql, &param, 1, on_row, &row, err);
	if (rc < 0)
		return rc;
	utime now = clock_now();
	clock_civil(now, &c);
	int offset_s = quota->zone != NULL ? zone_offset_s(quota->zone, now / US_PER_S)
					   : c.offset_s;
	int64_t offset_us = offset_s * US_PER_S;
	quota_period(quota, now + offset_us, &from, &to);
	quota_put_time(quota, to, &resets);
	/* The row is of the last period in which somebody used it. */
	bool is_of_this = row.is_there && row.text != NULL &&
			  strtoll(row.text, NULL, 10) >= from / US_PER_MS;
	why_say(why,
		"of its quota %s %" PRId64 " of %" PRId64 " are used or given out; it resets at %s",
		quota->name, is_of_this ? row.number : 0, quota->limit - quota->reserve,
		buf_str(&resets));
	return 0;
}

int why_share(struct ledger *ledger, const struct report_run *run, struct why *why, struct err *err)
{
	static const char sql[] = "SELECT job_text, 0 FROM run_text WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run->id};
	struct share_row text = {.arena = &why->arena};
	AUTO(job) struct job *job = NULL;
	struct err ignored = ERR_INIT;

	assert(ledger != NULL && run != NULL && why != NULL && err != NULL);
	int rc = ledger_select(ledger, sql, &param, 1, on_row, &text, err);
	if (rc < 0)
		return rc;
	/* A run of an older version may have what this one does not read: then it is not said. */
	if (text.text == NULL || job_parse(text.text, strlen(text.text), "the run's job", "/", NULL,
					   NULL, &job, &ignored) < 0)
		return 0;
	rc = say_rate(ledger, job, why, err);
	return rc < 0 ? rc : say_quota(ledger, job, why, err);
}
