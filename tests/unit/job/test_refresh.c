/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "unit/job/parsed.h"

#define SOURCE "source: {csv: {path: a.csv}, key: id, fields: {id: integer, mail: text}"
#define WORK "work: {exec: {command: [x]}"

/* What refreshing the first with the second says; the job is then the first. */
static struct job *refreshed(const char *was, const char *is, int expected, struct buf *difference)
{
	struct job *job = job_of(was);
	AUTO(job) struct job *now = job_of(is);

	assert_int_equal(job_refresh(job, now, difference), expected);
	return job;
}

static void windows_retry_and_limits_come_from_today(void **state)
{
	AUTO(buf) struct buf difference = BUF_INIT(10000);
	AUTO(job)
	struct job *job = refreshed(
		"job: a\nowner: x\n" SOURCE "}\n" WORK "}\nwindow: {max: 1h}\n",
		"job: a\ndescription: new\n" SOURCE ", max_items: 7, max_rejects: 5, retry: "
		"{attempts: "
		"2}}\n" WORK
		", timeout: 5s, concurrency: 3, max_dead: 1%}\nretry: {attempts: 9, jitter: none}\n"
		"breaker: {open_for: 1s}\nwindow: {stop_by: 06:00, grace: 1s}\nreport: {person: "
		"mail}\n",
		0, &difference);

	assert_string_equal(buf_str(&difference), "");
	assert_null(job->owner);
	assert_string_equal(job->description, "new");
	assert_string_equal(job->person, "mail");
	assert_int_equal(job->source.max_items, 7);
	assert_int_equal(job->source.max_rejects.count, 5);
	assert_int_equal(job->source.retry.attempts, 2);
	assert_int_equal(job->work.timeout_us, 5 * US_PER_S);
	assert_int_equal(job->work.concurrency, 3);
	assert_true(job->work.max_dead.is_ratio);
	assert_int_equal(job->retry.attempts, 9);
	assert_int_equal(job->retry.jitter, JOB_JITTER_NONE);
	assert_int_equal(job->breaker.open_for_us, US_PER_S);
	assert_int_equal(job->window.max_us, 0);
	assert_int_equal(job->window.stop_by_minute, 360);
	assert_int_equal(job->window.grace_us, US_PER_S);
}

static void differences_of_what_a_run_keeps_are_said(void **state)
{
	static const struct {
		const char *was;
		const char *is;
		const char *difference;
	} cases[] = {
		{"job: a\n" SOURCE "}\n" WORK "}\n",
		 "job: a\nsource: {csv: {path: b.csv}, key: mail, fields: {id: text, mail: text}}\n"
		 "work: {exec: {command: [y]}, effect: idempotent}\n",
		 "source.csv.path: was \"a.csv\", is \"b.csv\"\n"
		 "source.key: was \"id\", is \"mail\"\n"
		 "source.fields.id: was \"integer\", is \"text\"\n"
		 "work.exec.command: was [\"x\"], is [\"y\"]\n"
		 "work.effect: was \"once\", is \"idempotent\"\n"},
		{"job: a\n" WORK "}\n", "job: a\nwork: {noop: {}}\n",
		 "work.exec: was {\"command\":[\"x\"],\"keep_output\":\"16K\",\"mode\":\"each\","
		 "\"input\":\"none\"}, is absent\n"
		 "work.effect: was \"once\", is \"idempotent\"\n"
		 "work.noop: was absent, is {}\n"},
		{"job: a\nconstants: {r: {EUR: 1, USD: 0.92}, n: 1}\n" SOURCE "}\n" WORK
		 "}\ntransform: x = 1\nlua_limits: {memory: 1M}\n",
		 "job: a\nconstants: {r: {EUR: 1, USD: 0.920}, n: \"1\"}\n" SOURCE "}\n" WORK
		 "}\ntransform: x = 2\nlua_limits: {memory: 2M}\n",
		 "constants.r: was {\"EUR\":1,\"USD\":0.92}, is {\"EUR\":1,\"USD\":0.920}\n"
		 "constants.n: was 1, is \"1\"\n"
		 "transform: was \"x = 1\", is \"x = 2\"\n"},
		{"job: a\nsource: {jsonl: {path: a}, fields: {a: text, b: text}}\n" WORK "}\n",
		 "job: a\nsource: {jsonl: {path: a}, fields: {b: text, a: text}}\n" WORK "}\n",
		 "source.fields: their order has changed\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf) struct buf difference = BUF_INIT(10000);
		AUTO(job)
		struct job *job = refreshed(cases[i].was, cases[i].is, JOB_CHANGED, &difference);
		assert_string_equal(buf_str(&difference), cases[i].difference);
		assert_string_equal(job->name, "a");
	}
}

static void run_keeps_what_it_began_with(void **state)
{
	AUTO(buf) struct buf difference = BUF_INIT(10000);
	AUTO(job)
	struct job *job = refreshed(
		"job: a\n" WORK "}\n",
		"job: a\nwork: {exec: {command: [y]}, effect: idempotent}\nchunk: "
		"{items: 3}\n",
		JOB_CHANGED, &difference);

	assert_string_equal(job->work.command[0], "x");
	assert_int_equal(job->work.effect, JOB_ONCE);
	assert_int_equal(job->chunk_items, 500);
}

static void the_same_said_otherwise_is_no_difference(void **state)
{
	AUTO(buf) struct buf difference = BUF_INIT(10000);
	AUTO(job)
	struct job *job = refreshed(
		"job: a\n" SOURCE "}\n" WORK "}\n",
		"job: a\nsource:\n  csv: {header: true, path: 'a.csv', stable_for: 0s, "
		"older_than: 0,"
		" wait_for: 60m}\n  fields: {id: integer, mail: text}\n  key: \"id\"\n"
		"work: {exec: {command: [\"x\"], keep_output: 16Ki}, effect: once}\n",
		JOB_CHANGED, &difference);

	assert_string_equal(job->name, "a");
	/* a key that is there, and says what its absence would */
	assert_string_equal(buf_str(&difference), "source.csv.older_than: was absent, is 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_retry_and_limits_come_from_today),
		cmocka_unit_test(differences_of_what_a_run_keeps_are_said),
		cmocka_unit_test(run_keeps_what_it_began_with),
		cmocka_unit_test(the_same_said_otherwise_is_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
