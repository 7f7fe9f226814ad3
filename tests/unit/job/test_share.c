/* SPDX-License-Identifier: Apache-2.0 */
/* Rates and quotas as job files say them, and the periods of a quota. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "job/date.h"
#include "job/quota.h"
#include "unit/job/parsed.h"
#include "when/zone.h"

#define EXEC "  exec: {shell: 'true'}\n"

/* ---- what a file says ---- */

static void a_rate_alone_holds_all_day(void **state)
{
	struct job *job = job_of("job: a\nwork:\n" EXEC "  rate: 3000/m\n");

	assert_int_equal(job->work.rates.n, 1);
	assert_int_equal(job->work.rates.rule[0].limit.n, 3000);
	assert_int_equal(job->work.rates.rule[0].limit.per_us, US_PER_MIN);
	assert_int_equal(job->work.rates.rule[0].from_minute, job->work.rates.rule[0].to_minute);
	job_free(job);
}

static void rates_of_a_list_have_their_hours(void **state)
{
	struct job *job = job_of("job: a\nwork:\n" EXEC
				 "  rate: [{limit: 50/s}, {limit: 5/h, from: 22:30, to: 06:00}]\n");

	assert_int_equal(job->work.rates.n, 2);
	assert_int_equal(job->work.rates.rule[1].limit.n, 5);
	assert_int_equal(job->work.rates.rule[1].limit.per_us, US_PER_HOUR);
	assert_int_equal(job->work.rates.rule[1].from_minute, 22 * 60 + 30);
	assert_int_equal(job->work.rates.rule[1].to_minute, 6 * 60);
	job_free(job);
}

static void wrong_rates_are_named(void **state)
{
	assert_only_fault("job: a\nwork:\n" EXEC "  rate: [{limit: 50/s, from: 08:00}]\n",
			  "4:24: work.rate[].from: expected both from and to");
	assert_only_fault(
		"job: a\nwork:\n" EXEC "  rate: [{limit: 5/s, from: 08:00, to: 08:00}]\n",
		"4:40: work.rate[].to: 08:00 is when it begins, too; without from and to it is all "
		"day");
	assert_only_fault("job: a\nwork:\n" EXEC "  rate: 0/s\n",
			  "4:9: work.rate: expected a list or a rate such as 50/s or 3000/m, "
			  "found '0/s'");
}

static void a_quota_has_its_defaults(void **state)
{
	struct job *job = job_of("job: a\nwork:\n" EXEC
				 "  quota: {name: p, limit: 9, per: month}\n");
	const struct job_quota *q = &job->work.quota;

	assert_string_equal(q->name, "p");
	assert_int_equal(q->limit, 9);
	assert_int_equal(q->per, JOB_PER_MONTH);
	assert_int_equal(q->resets_minute, 0);
	assert_int_equal(q->reserve, 0);
	assert_int_equal(q->when_used_up, JOB_USED_UP_STOP);
	assert_null(q->zone);
	job_free(job);
}

static void a_quotas_zone_is_a_name_or_an_offset(void **state)
{
	static const struct {
		const char *text;
		int summer_s;
	} rows[] = {{"UTC", 0},
		    {"Etc/UTC", 0},
		    {"'+02:00'", 2 * 3600},
		    {"'-09:30'", -9 * 3600 - 1800},
		    {"Europe/Berlin", 2 * 3600},
		    {"America/New_York", -4 * 3600}};
	const int64_t july = 1782864000; /* 2026-07-01 */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[200];
		(void)snprintf(text, sizeof(text),
			       "job: a\nwork:\n" EXEC
			       "  quota: {name: p, limit: 9, per: day, time_zone: %s}\n",
			       rows[i].text);
		struct job *job = job_of(text);
		assert_int_equal(zone_offset_s(job->work.quota.zone, july), rows[i].summer_s);
		job_free(job);
	}
	assert_only_fault("job: a\nwork:\n" EXEC
			  "  quota: {name: p, limit: 9, per: day, time_zone: Europe/Berlim}\n",
			  "4:51: work.quota.time_zone: there is no time zone 'Europe/Berlim' in "
			  "/usr/share/zoneinfo; did you mean 'Europe/Berlin'?");
	assert_only_fault("job: a\nwork:\n" EXEC
			  "  quota: {name: p, limit: 9, per: day, time_zone: ../../etc/passwd}\n",
			  "4:51: work.quota.time_zone: expected a time zone such as Europe/Berlin, "
			  "UTC or +02:00, found '../../etc/passwd'");
	assert_only_fault("job: a\nwork:\n" EXEC
			  "  quota: {name: p, limit: 9, per: day, time_zone: tzdata.zi}\n",
			  "4:51: work.quota.time_zone: expected a time zone such as Europe/Berlin, "
			  "UTC or +02:00, found 'tzdata.zi'");
}

static void a_quota_must_leave_something(void **state)
{
	assert_only_fault("job: a\nwork:\n" EXEC
			  "  quota: {name: p, limit: 9, per: day, reserve: 9}\n",
			  "4:49: work.quota.reserve: 9 of 9 leave nothing for this job");
	assert_only_fault(
		"job: a\nwork:\n" EXEC
		"  quota: {name: p, limit: 9, per: day, remaining_header: X-Left}\n",
		"4:40: work.quota.remaining_header: means something only where answers have "
		"headers: http");
}

static void what_is_counted_is_done_one_by_one(void **state)
{
	struct job *job = job_of("job: a\nwork:\n  noop: {}\n");

	assert_true(job_is_bulk(job));
	job_free(job);
	job = job_of("job: a\nwork:\n  noop: {}\n  rate: 5/s\n");
	assert_false(job_is_bulk(job));
	job_free(job);
}

static void a_resumed_run_takes_todays_rate_and_quota(void **state)
{
	struct job *was = job_of("job: a\nwork:\n" EXEC
				 "  rate: 5/s\n  quota: {name: p, limit: 9, per: day}\n");
	struct job *now = job_of("job: a\nwork:\n" EXEC
				 "  rate: [{limit: 7/m, from: 01:00, to: 02:00}]\n");
	AUTO(buf) struct buf difference = BUF_INIT(1000);

	assert_int_equal(job_refresh(was, now, &difference), 0);
	assert_int_equal(was->work.rates.rule[0].limit.n, 7);
	assert_int_equal(was->work.rates.rule[0].to_minute, 120);
	assert_null(was->work.quota.name);
	job_free(was);
	job_free(now);
}

/* ---- periods ---- */

static int64_t local(int year, int month, int day, int hour, int minute)
{
	const struct date d = {year, month, day};

	return date_to_days(&d) * US_PER_DAY + hour * US_PER_HOUR + minute * US_PER_MIN;
}

static void assert_period(enum job_per per, int resets, int64_t at, int64_t from, int64_t to)
{
	const struct job_quota q = {.per = per, .resets_minute = resets};
	int64_t begins = 0;
	int64_t ends = 0;

	quota_period(&q, at, &begins, &ends);
	assert_int_equal(begins, from);
	assert_int_equal(ends, to);
}

static void a_period_begins_when_it_resets(void **state)
{
	assert_period(JOB_PER_DAY, 0, local(2026, 11, 28, 13, 5), local(2026, 11, 28, 0, 0),
		      local(2026, 11, 29, 0, 0));
	assert_period(JOB_PER_DAY, 14 * 60, local(2026, 11, 28, 13, 59), local(2026, 11, 27, 14, 0),
		      local(2026, 11, 28, 14, 0));
	assert_period(JOB_PER_DAY, 14 * 60, local(2026, 11, 28, 14, 0), local(2026, 11, 28, 14, 0),
		      local(2026, 11, 29, 14, 0));
	assert_period(JOB_PER_HOUR, 0, local(2026, 11, 28, 13, 5), local(2026, 11, 28, 13, 0),
		      local(2026, 11, 28, 14, 0));
	assert_period(JOB_PER_HOUR, 15, local(2026, 11, 28, 13, 5), local(2026, 11, 28, 12, 15),
		      local(2026, 11, 28, 13, 15));
	assert_period(JOB_PER_MONTH, 0, local(2026, 12, 31, 23, 59), local(2026, 12, 1, 0, 0),
		      local(2027, 1, 1, 0, 0));
	assert_period(JOB_PER_MONTH, 6 * 60, local(2026, 3, 1, 5, 59), local(2026, 2, 1, 6, 0),
		      local(2026, 3, 1, 6, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_alone_holds_all_day),
		cmocka_unit_test(rates_of_a_list_have_their_hours),
		cmocka_unit_test(wrong_rates_are_named),
		cmocka_unit_test(a_quota_has_its_defaults),
		cmocka_unit_test(a_quotas_zone_is_a_name_or_an_offset),
		cmocka_unit_test(a_quota_must_leave_something),
		cmocka_unit_test(what_is_counted_is_done_one_by_one),
		cmocka_unit_test(a_resumed_run_takes_todays_rate_and_quota),
		cmocka_unit_test(a_period_begins_when_it_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
