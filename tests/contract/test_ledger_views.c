/* SPDX-License-Identifier: Apache-2.0 */
/* The views as people see them: through sqlite3, which has none of our functions, and psql. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/bench.h"
#include "contract/suites.h"
#include "sys/file.h"

enum { ANSWER_MAX = 16 * 1024, NOT_FOUND = 127 };

/* What the shell answers; skips the case where there is none. */
static const char *ask(const struct bench *b, const char *sql)
{
	static char answer[ANSWER_MAX];
	int ends[2];
	int status = 0;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		if (b->is_sqlite)
			(void)execlp("sqlite3", "sqlite3", "-readonly", "-batch", "-bail",
				     "-nullvalue", "-", b->url + strlen("sqlite:"), sql,
				     (char *)NULL);
		else
			(void)execlp("psql", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-P",
				     "null=-", "-c", "SET search_path = stint", "-c", sql, b->url,
				     (char *)NULL);
		_exit(NOT_FOUND);
	}
	(void)close(ends[1]);
	ssize_t len = fd_read_full(ends[0], answer, sizeof(answer) - 1);
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_FOUND)
		skip();
	assert_true(len >= 0);
	answer[len] = '\0';
	if (WEXITSTATUS(status) != 0)
		fail_msg("%s: %s", sql, answer);
	return answer;
}

static void answers(const struct bench *b, const char *sql, const char *wanted)
{
	const char *got = ask(b, sql);

	if (strcmp(got, wanted) != 0)
		fail_msg("%s\n--- got\n%s--- wanted\n%s", sql, got, wanted);
}

/* A run of three chunks of ten staged items. Chunk 1 (items 0 to 9) is held by instance 1: items 0
 * to 6 have left it, each in a state of its own, 7 is done in the chunk, 8 is running, 9 waits.
 * Chunk 2 is ready, chunk 3 is closed with all done. */
static int64_t furnish(struct bench *b)
{
	static const enum loose_state states[] = {LOOSE_DEAD,  LOOSE_DOUBT, LOOSE_ASKED,
						  LOOSE_RETRY, LOOSE_DONE,  LOOSE_WAIVED};
	struct held first;
	struct held second;
	struct held third;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 3, .n = 10, .has_keys = true});

	assert_true(chunk_claim(b, b->a, run, &first));
	assert_true(chunk_claim(b, b->a, run, &second));
	assert_true(chunk_claim(b, b->a, run, &third));
	chunk_done(b, b->a, &third, 0, 10);
	(void)begin(b, b->a, LOP_GIVE_BACK);
	b->txn->first->u.give_back.run_id = run + 1; /* of nothing */
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++) {
		struct ledger_op *op = loose_put(b, &first, i, states[i]);
		op->u.loose_put.row.not_before = b->now + 1500 * US_PER_MS;
	}
	struct ledger_op *op = loose_put(b, &first, 6, LOOSE_HELD);
	op->u.loose_put.row.owner = b->a->inc;
	op->u.loose_put.row.person = "anna@example.com";
	bits_set(first.done, 7);
	bits_set(first.started, 8);
	chunk_progress(b, &first, false);
	commit(b);
	return run;
}

static void items_have_the_states_that_people_know(void **state)
{
	struct bench *b = *state;

	(void)furnish(b);
	answers(b, "SELECT item, key, state FROM item WHERE run_id = 1 AND item < 10 ORDER BY item",
		"0|KEY-0|dead\n1|KEY-1|in_doubt\n2|KEY-2|in_doubt\n3|KEY-3|retry\n4|KEY-4|done\n"
		"5|KEY-5|skipped\n6|KEY-6|running\n7|KEY-7|done\n8|KEY-8|running\n"
		"9|KEY-9|waiting\n");
	answers(b,
		"SELECT state, count(*), min(item), max(item) FROM item GROUP BY state ORDER BY"
		" state",
		"dead|1|0|0\ndone|12|4|29\nin_doubt|2|1|2\nretry|1|3|3\nrunning|2|6|8\n"
		"skipped|1|5|5\nwaiting|11|9|19\n");
	answers(b, "SELECT item, instance FROM item WHERE instance IS NOT NULL ORDER BY item",
		"6|1\n8|1\n9|1\n10|1\n11|1\n12|1\n13|1\n14|1\n15|1\n16|1\n17|1\n18|1\n19|1\n");
}

static void what_deviates_is_told_in_full(void **state)
{
	struct bench *b = *state;

	(void)furnish(b);
	answers(b,
		"SELECT run, attempts, crashes, person, error, error_class, fingerprint,"
		" first_started,"
		" next_try FROM item WHERE item IN (3, 6) ORDER BY item",
		"job@2026-11-23|1|0|-|it said no|permanent|0123abcd|2025-11-24T16:00:00.000Z|"
		"2025-11-24T16:00:01.500Z\n"
		"job@2026-11-23|1|0|anna@example.com|it said no|permanent|0123abcd|"
		"2025-11-24T16:00:00.000Z|-\n");
}

static void the_view_of_a_run_counts_as_the_ledger_does(void **state)
{
	struct bench *b = *state;
	int64_t run = furnish(b);
	char wanted[128];

	const struct ledger_counts c = counts_of(b, run);
	(void)snprintf(wanted, sizeof(wanted), "30|%d|%d|%d|%d|%d|%d|%d|30|0|0|0\n", (int)c.waiting,
		       (int)c.running, (int)c.done, (int)c.skipped, (int)c.retry, (int)c.in_doubt,
		       (int)c.dead);
	answers(b,
		"SELECT items, waiting, running, done, skipped, retry, in_doubt, dead, read,"
		" filtered,"
		" rejected, held_back FROM run",
		wanted);
	answers(b,
		"SELECT run_id, run, job, slot, date, number, instances, started, ended FROM"
		" run",
		"1|job@2026-11-23|job|2026-11-23|2026-11-23|1|1|2025-11-24T16:00:00.000Z|-\n");
}

static void a_pool_shows_the_runs_that_have_it(void **state)
{
	static const struct ledger_pool pools[] = {{"printer", 2, 3}, {"warehouse", 1, 1}};
	static const char sql[] = "SELECT name, run, run_id, units, since FROM pool ORDER BY name";
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){.job = "job"});

	run_join(b, b->a, run);
	begin(b, b->a, LOP_POOLS_TAKE)->u.pools_take = (struct lop_pools_take){
		.run_id = run, .pools = pools, .n = ARRAY_LEN(pools)};
	commit(b);
	answers(b, sql,
		"printer|job@2026-11-23|1|2|2025-11-24T16:00:00.000Z\n"
		"warehouse|job@2026-11-23|1|1|2025-11-24T16:00:00.000Z\n");
	begin(b, b->a, LOP_RUN_LEAVE)->u.run_leave = (struct lop_run_leave){run, ""};
	commit(b);
	answers(b, sql, "");
}

static void runs_have_the_states_that_people_know(void **state)
{
	static const char sql[] = "SELECT state, reason FROM run";
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 1, .n = 2};
	int64_t run = run_create(b, b->a, &plan);

	answers(b, sql, "stopped|\n");
	run_join(b, b->a, run);
	answers(b, sql, "starting|\n");
	int32_t epoch = run_load(b, b->a, run, &plan);
	answers(b, sql, "loading|\n");
	run_open(b, b->a, run, epoch);
	answers(b, sql, "running|\n");
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "breaker", false};
	commit(b);
	answers(b, sql, "failed|breaker\n");
	run_join(b, b->a, run);
	(void)begin(b, b->a, LOP_INSTANCE_STOPPING);
	commit(b);
	answers(b, sql, "stopping|\n");
	op = begin(b, b->a, LOP_RUN_LEAVE);
	op->u.run_leave.run_id = run;
	op->u.run_leave.reason = "window over";
	commit(b);
	answers(b, sql, "stopped|window over\n");
	actor_begin(b, b->b);
	run_join(b, b->b, run);
	chunk_work(b, b->b, run, 0);
	assert_true(finish(b, b->b, run));
	answers(b, sql, "done|\n");
}

static void a_quota_says_what_is_used_since_when(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_QUOTA_TAKE);

	op->u.quota_take = (struct lop_quota_take){.name = "partner",
						   .period = INT64_C(1795392000) * US_PER_S,
						   .most = 9,
						   .want = 4,
						   .seen_used = -1};
	commit(b);
	answers(b, "SELECT name, period, used FROM quota", "partner|2026-11-23T00:00|4\n");
}

static void a_run_that_needs_a_person_says_so(void **state)
{
	struct bench *b = *state;
	static const int64_t item = 0;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});

	chunk_work(b, b->a, run, 1);
	assert_true(finish(b, b->a, run));
	answers(b, "SELECT state FROM run", "done_with_failures\n");
	assert_int_equal(person(b, PERSON_SKIP, run, &item, 1)->u.person.ret_changed, 1);
	answers(b, "SELECT state FROM run", "done\n");
	answers(b, "SELECT at, who, why, verb, run, item, was, became FROM audit",
		"2025-11-24T16:00:00.000Z|anna|because|skip|job@2026-11-23|0|dead|skipped\n");
	int64_t other = run_create(b, b->a, &(struct plan){.due = "2/1"});
	assert_int_equal(person(b, PERSON_ABANDON, other, NULL, 0)->u.person.ret_changed, 1);
	answers(b, "SELECT state, reason FROM run WHERE run_id = 2", "abandoned|because\n");
	answers(b, "SELECT verb, item, was, became FROM audit WHERE run_id = 2", "abandon|-|-|-\n");
}

static void attempts_rejects_instances_and_minutes_are_views_too(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 1, .n = 3, .has_keys = true};
	int64_t run = run_create(b, b->a, &plan);
	static const struct ledger_reject reject = {"in.csv",
						    7,
						    2,
						    120,
						    "no"
						    " number",
						    "a,x",
						    3,
						    true,
						    "k"};

	run_join(b, b->a, run);
	int32_t epoch = run_load(b, b->a, run, &plan);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){
		.run_id = run, .epoch = epoch, .rejects = &reject, .n_rejects = 1, .add_read = 1};
	op = also(b, LOP_ATTEMPT_PUT);
	op->u.attempt_put = (struct lop_attempt_put){.at = b->now,
						     .run_id = run,
						     .item = 2,
						     .attempt = 1,
						     .outcome = OUTCOME_RETRY,
						     .took_us = 1234567,
						     .err_class = "transient",
						     .err = "no answer",
						     .fingerprint = "0123abcd",
						     .output = "it said this",
						     .output_len = 12};
	op = also(b, LOP_ROLLUP_ADD);
	op->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .done = 10, .failed = 1, .took_us = US_PER_S};
	op = also(b, LOP_ROLLUP_ADD);
	op->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .done = 5, .failed = 0, .took_us = US_PER_S};
	op = also(b, LOP_RUN_NOTE);
	op->u.run_note = (struct lop_run_note){run, b->now, "window.expect", "it is late", 0};
	op = also(b, LOP_RUN_NOTE);
	op->u.run_note = (struct lop_run_note){run, b->now, "window.max", "later",
					       b->now + US_PER_MIN};
	op = also(b, LOP_ENDPOINT_PUT);
	op->u.endpoint_put = (struct lop_endpoint_put){run, "exec of job", 4, 4, 8, 16};
	op = also(b, LOP_ENDPOINT_PUT);
	op->u.endpoint_put = (struct lop_endpoint_put){run, "exec of job", 7, 5, 9, 16};
	op = also(b, LOP_LANE_PUT);
	op->u.lane_put.pid = 77;
	commit(b);
	answers(b,
		"SELECT run, endpoint, instance, at_once, lowest, highest, most, breaker, since"
		" FROM endpoint",
		"job@2026-11-23|exec of job|1|7|4|9|16|closed|-\n");
	answers(b,
		"SELECT run, item, key, number, at, instance, ms, outcome, error_class, error,"
		" fingerprint, output, output_cut FROM attempt",
		"job@2026-11-23|2|KEY-2|1|2025-11-24T16:00:00.000Z|1|1234|retry|transient|no"
		" answer|"
		"0123abcd|it said this|0\n");
	answers(b,
		"SELECT run, path, line, \"column\", \"offset\", reason, key, raw, raw_cut"
		" FROM reject",
		"job@2026-11-23|in.csv|7|2|120|no number|k|a,x|1\n");
	answers(b,
		"SELECT instance, name, host, state, started, ended, reaped_by, runs, chunks,"
		" lanes"
		" FROM instance",
		"1|instance|host|live|2025-11-24T16:00:00.000Z|-|-|job@2026-11-23|0|1\n");
	answers(b, "SELECT run, minute, instance, done, failed, ms FROM minute",
		"job@2026-11-23|2025-11-24T16:00:00.000Z|1|15|1|2000\n");
	answers(b, "SELECT run, at, instance, kind, text, until FROM note ORDER BY kind",
		"job@2026-11-23|2025-11-24T16:00:00.000Z|1|window.expect|it is late|-\n"
		"job@2026-11-23|2025-11-24T16:00:00.000Z|1|window.max|later|"
		"2025-11-24T16:01:00.000Z\n");
}

/* Every item once and in one state, whatever the size of the chunk and wherever the bits are. */
static void odd_sizes_are_expanded_exactly(void **state)
{
	struct bench *b = *state;
	static const char sql[] = "SELECT count(*), count(DISTINCT item), min(item), max(item),"
				  " sum(CASE WHEN state = 'done' THEN 1 ELSE 0 END),"
				  " sum(CASE WHEN state = 'done' AND item % 3 <> 0 THEN 1"
				  " ELSE 0 END)"
				  " FROM item WHERE run_id = (SELECT max(run_id) FROM run)";
	static const uint32_t sizes[] = {1, 7, 8, 9, 63, 64, 65, 4095, 4096};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char due[16];
		char wanted[128];
		struct held held;
		uint32_t n = sizes[i];
		(void)snprintf(due, sizeof(due), "%zu/1", i);
		int64_t run = run_ready(b, b->a, &(struct plan){.due = due, .n_chunks = 1, .n = n});
		assert_true(chunk_claim(b, b->a, run, &held));
		uint32_t done = 0;
		for (uint32_t k = 0; k < n; k += 3, done++)
			bits_set(held.done, k);
		bits_set(held.done, n - 1);
		done += (n - 1) % 3 == 0 ? 0 : 1;
		chunk_start(b, b->a, &held, n, n);
		(void)snprintf(wanted, sizeof(wanted), "%u|%u|0|%u|%u|%u\n", n, n, n - 1, done,
			       (n - 1) % 3 == 0 ? 0 : 1);
		answers(b, sql, wanted);
	}
}

static const struct CMUnitTest cases[] = {
	CASE(items_have_the_states_that_people_know),
	CASE(what_deviates_is_told_in_full),
	CASE(the_view_of_a_run_counts_as_the_ledger_does),
	CASE(a_pool_shows_the_runs_that_have_it),
	CASE(runs_have_the_states_that_people_know),
	CASE(a_quota_says_what_is_used_since_when),
	CASE(a_run_that_needs_a_person_says_so),
	CASE(attempts_rejects_instances_and_minutes_are_views_too),
	CASE(odd_sizes_are_expanded_exactly),
};

int main(void)
{
	static const char *const backends[] = {"sqlite", "postgres"};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
		bench_backend = backends[i];
		print_message("backend: %s\n", bench_backend);
		failed += cmocka_run_group_tests_name("views", cases, NULL, NULL);
	}
	return failed == 0 ? 0 : 1;
}
