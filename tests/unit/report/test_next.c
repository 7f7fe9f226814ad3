/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "report/next.h"
#include "report/run.h"

static struct report_run run(const char *state, bool is_over)
{
	return (struct report_run){
		.name = "j@2026-11-23#2",
		.job = "j",
		.state = state,
		.reason = "",
		.is_over = is_over,
		.job_path = "/srv/my jobs/j.yaml",
		.source_path = "",
		.params = "{}",
	};
}

/* Whether a command of it begins so. */
static bool has(const struct next *next, const char *command)
{
	for (size_t i = 0; i < next->n; i++)
		if (strncmp(next->steps[i].command, command, strlen(command)) == 0)
			return true;
	return false;
}

static void words_are_quoted_where_a_shell_wants_it(void **state)
{
	static const struct {
		const char *word;
		const char *shown;
	} cases[] = {
		{"j@2026-11-23T01:30+01:00,a=b#2", "j@2026-11-23T01:30+01:00,a=b#2"},
		{"/srv/a.yaml", "/srv/a.yaml"},
		{"a b", "'a b'"},
		{"#x", "'#x'"},
		{"", "''"},
		{"it's $(x)", "'it'\\''s $(x)'"},
		{"a'\\\033[2J\xc3\xa4", "$'a\\'\\\\\\x1b[2J\\xc3\\xa4'"},
		{"\xe2\x80\xaetxt", "$'\\xe2\\x80\\xaetxt'"},
	};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(shell_word(cases[i].word, &arena), cases[i].shown);
	arena_done(&arena);
}

static void a_good_run_asks_for_nothing(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("done", true);

	r.counts.done = 3;
	next_of_run(&r, &arena, &next);
	assert_int_equal(next.n, 0);
	arena_done(&arena);
}

static void what_is_left_over_goes_on_with_run(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("stopped", false);

	r.counts.waiting = 3;
	next_of_run(&r, &arena, &next);
	assert_string_equal(next.steps[0].command, "stint run '/srv/my jobs/j.yaml'");
	assert_non_null(strstr(next.steps[0].because, "3 items are left"));
	assert_true(has(&next, "stint abandon j@2026-11-23#2 --why"));
	arena_done(&arena);
}

static void a_run_with_parameters_is_named_by_them(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("stopped", false);

	r.job_path = "j.yaml";
	r.params = "{\"amount\":\"7\",\"region\":\"us west\"}";
	next_of_run(&r, &arena, &next);
	assert_string_equal(next.steps[0].command,
			    "stint run j.yaml --param amount=7 --param 'region=us west'");
	arena_done(&arena);
}

static void rows_are_mended_where_they_are(void **state)
{
	static const struct {
		enum report_rejects rejects;
		const char *command;
		const char *because;
	} cases[] = {
		{REJECTS_OF_FILES, "stint run '/srv/my jobs/j.yaml' --again --source mended.csv",
		 "nothing twice"},
		{REJECTS_TOLD, "stint run '/srv/my jobs/j.yaml' --again", "by on_done"},
		{REJECTS_ALL, "stint run '/srv/my jobs/j.yaml' --again",
		 "those that are done, too"},
		{REJECTS_BEHIND, "stint explain '/srv/my jobs/j.yaml'", "above the last one's"},
		{REJECTS_AMONG, "stint run '/srv/my jobs/j.yaml' --again", "what is done, too"},
		{REJECTS_OF_STEP, "stint run '/srv/my jobs/j.yaml' --again", "what is done, too"},
		{REJECTS_OF_INBOX, "stint add j mended.jsonl", "for the next run"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena arena = {0};
		struct next next = {0};
		struct report_run r = run("done_with_failures", true);
		r.n_rejected = 2;
		r.rejects[cases[i].rejects] = 2;
		next_of_run(&r, &arena, &next);
		assert_int_equal(next.n, 2);
		assert_true(has(&next, "stint rejects j@2026-11-23#2"));
		assert_string_equal(next.steps[1].command, cases[i].command);
		assert_non_null(strstr(next.steps[1].because, cases[i].because));
		arena_done(&arena);
	}
}

/* What is fed back beside a load that will be made again would be done by both. */
static void rejects_of_a_load_that_failed_are_mended_in_the_source(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("failed", false);

	r.n_rejected = r.rejects[REJECTS_OF_LOAD] = 30;
	next_of_run(&r, &arena, &next);
	assert_true(has(&next, "stint run '/srv/my jobs/j.yaml'"));
	assert_true(has(&next, "stint rejects j@2026-11-23#2"));
	for (size_t i = 0; i < next.n; i++)
		assert_null(strstr(next.steps[i].command, "--again"));
	assert_non_null(
		strstr(next.steps[1].because, "30 records could not be read: mend them in"));
	arena_done(&arena);
}

static void each_step_has_what_is_right_for_its_source(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("done_with_failures", true);

	r.n_rejected = 3;
	r.rejects[REJECTS_AMONG] = 2;
	r.rejects[REJECTS_OF_INBOX] = 1;
	next_of_run(&r, &arena, &next);
	assert_true(has(&next, "stint add j mended.jsonl"));
	assert_true(has(&next, "stint run '/srv/my jobs/j.yaml' --again"));
	for (size_t i = 0; i < next.n; i++)
		assert_null(strstr(next.steps[i].command, "--source"));
	assert_non_null(strstr(next.steps[0].because, "2 records"));
	assert_non_null(strstr(next.steps[2].because, "1 item did not fit"));
	arena_done(&arena);
}

static void a_run_at_work_may_be_stopped(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("running", false);

	r.n_joined = 1;
	next_of_run(&r, &arena, &next);
	assert_true(has(&next, "stint stop j@2026-11-23#2"));
	assert_false(has(&next, "stint run"));
	assert_false(has(&next, "stint abandon"));
	arena_done(&arena);
}

static void each_kind_of_failure_has_its_commands(void **state)
{
	struct arena arena = {0};
	struct next next = {0};
	struct report_run r = run("done_with_failures", true);

	r.counts.dead = 2;
	r.counts.in_doubt = 1;
	r.n_rejected = r.rejects[REJECTS_OF_FILES] = 1;
	next_of_run(&r, &arena, &next);
	assert_true(has(&next, "stint items --run j@2026-11-23#2 --state in_doubt"));
	assert_true(has(&next, "stint resolve"));
	assert_true(has(&next, "stint items --run j@2026-11-23#2 --state dead"));
	assert_true(has(&next, "stint retry --run j@2026-11-23#2"));
	assert_true(has(&next, "stint rejects j@2026-11-23#2 --format csv"));
	assert_true(has(&next, "stint run '/srv/my jobs/j.yaml' --again --source"));
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_where_a_shell_wants_it),
		cmocka_unit_test(a_good_run_asks_for_nothing),
		cmocka_unit_test(what_is_left_over_goes_on_with_run),
		cmocka_unit_test(a_run_with_parameters_is_named_by_them),
		cmocka_unit_test(rows_are_mended_where_they_are),
		cmocka_unit_test(rejects_of_a_load_that_failed_are_mended_in_the_source),
		cmocka_unit_test(each_step_has_what_is_right_for_its_source),
		cmocka_unit_test(a_run_at_work_may_be_stopped),
		cmocka_unit_test(each_kind_of_failure_has_its_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
