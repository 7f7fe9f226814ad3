/* SPDX-License-Identifier: Apache-2.0 */
/* What each SQLSTATE means for an item, and for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "target/backend.h"
#include "target/verdict.h"

static struct target_fail fail_of(const char *state)
{
	struct target_fail fail = {.row = NO_ROW, .err = {.code = ERR_IO}};

	memcpy(fail.state, state, strlen(state) + 1);
	return fail;
}

static void the_table_of_the_job_file_holds(void **unused)
{
	static const struct {
		const char *state;
		enum target_rest rest;
		enum outcome outcome;
	} rows[] = {
		{"08006", TARGET_FAILED, OUTCOME_RETRY}, {"57P01", TARGET_FAILED, OUTCOME_RETRY},
		{"53300", TARGET_FAILED, OUTCOME_RETRY}, {"53100", TARGET_FAILED, OUTCOME_RETRY},
		{"40001", TARGET_LEFT, OUTCOME_RETRY},	 {"40P01", TARGET_LEFT, OUTCOME_RETRY},
		{"55P03", TARGET_LEFT, OUTCOME_RETRY},	 {"57014", TARGET_LEFT, OUTCOME_RETRY},
		{"P0001", TARGET_LEFT, OUTCOME_DEAD},	 {"44000", TARGET_LEFT, OUTCOME_DEAD},
		{"P0002", TARGET_LEFT, OUTCOME_RETRY},	 {"22P02", TARGET_LEFT, OUTCOME_DEAD},
		{"23505", TARGET_LEFT, OUTCOME_DEAD},	 {"42P16", TARGET_LEFT, OUTCOME_DEAD},
		{"42P01", TARGET_ALIKE, OUTCOME_ALL},	 {"42703", TARGET_ALIKE, OUTCOME_ALL},
		{"42501", TARGET_ALIKE, OUTCOME_ALL},	 {"28P01", TARGET_ALIKE, OUTCOME_ALL},
		{"3D000", TARGET_ALIKE, OUTCOME_ALL},	 {"25006", TARGET_ALIKE, OUTCOME_ALL},
		{"42804", TARGET_ALIKE, OUTCOME_ALL},	 {"428C9", TARGET_ALIKE, OUTCOME_ALL},
		{"42809", TARGET_ALIKE, OUTCOME_ALL},	 {"42725", TARGET_ALIKE, OUTCOME_ALL},
		{"42702", TARGET_ALIKE, OUTCOME_ALL},	 {"42803", TARGET_ALIKE, OUTCOME_ALL},
	};
	const struct job_target job = {0};

	(void)unused; /* no fixture */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target_fail fail = fail_of(rows[i].state);
		struct verdict v = verdict_of(&job, &fail);
		assert_int_equal(v.rest, rows[i].rest);
		if (v.rest != TARGET_ALIKE)
			assert_int_equal(v.outcome, rows[i].outcome);
	}
}

static void what_the_job_says_goes_before(void **unused)
{
	struct job_state states[] = {{.text = "23505", .when = JOB_DONE_WHEN},
				     {.text = "42xxx", .when = JOB_DEAD_WHEN},
				     {.text = "22xxx", .when = JOB_RETRY_WHEN}};
	const struct job_target job = {.states = states, .n_states = ARRAY_LEN(states)};
	struct target_fail fail = fail_of("23505");

	(void)unused; /* no fixture */
	assert_int_equal(verdict_of(&job, &fail).outcome, OUTCOME_DONE);
	fail = fail_of("42P01");
	assert_int_equal(verdict_of(&job, &fail).rest, TARGET_LEFT);
	assert_int_equal(verdict_of(&job, &fail).outcome, OUTCOME_DEAD);
	fail = fail_of("22P02");
	assert_int_equal(verdict_of(&job, &fail).outcome, OUTCOME_RETRY);
	fail = fail_of("23502");
	assert_int_equal(verdict_of(&job, &fail).outcome, OUTCOME_DEAD);
}

static void a_database_that_is_not_there_blames_no_item(void **unused)
{
	const struct job_target job = {0};
	struct target_fail fail = {.row = NO_ROW, .is_lost = true, .is_unopened = true};

	(void)unused; /* no fixture */
	assert_int_equal(verdict_of(&job, &fail).rest, TARGET_UNREACHED);
	memcpy(fail.state, "3D000", STATE_BYTES);
	assert_int_equal(verdict_of(&job, &fail).rest, TARGET_ALIKE);
	/* Looked at before the first item: a column without a value. */
	memcpy(fail.state, "23502", STATE_BYTES);
	fail.err.code = ERR_CONFIG;
	assert_int_equal(verdict_of(&job, &fail).rest, TARGET_ALIKE);
}

static void only_what_passes_is_tried_at_once(void **unused)
{
	const struct job_target job = {0};
	struct target_fail fail = fail_of("40001");

	(void)unused; /* no fixture */
	assert_true(verdict_is_passing(&job, &fail, 0));
	fail = fail_of("23505");
	assert_false(verdict_is_passing(&job, &fail, 0));
	fail = (struct target_fail){.is_lost = true};
	assert_true(verdict_is_passing(&job, &fail, 0));
	assert_false(verdict_is_passing(&job, &fail, 1));
	fail.is_timeout = true;
	assert_false(verdict_is_passing(&job, &fail, 0));
}

static void what_is_refused_for_what_it_is_lasts(void **unused)
{
	static const struct {
		const char *state;
		bool lasts;
	} rows[] = {
		{"23505", true},  {"22P02", true},
		{"42P01", true},  {"28P01", true},
		{"08006", false}, {"40001", false},
		{"57014", false}, {"53100", false},
		{"P0001", true},  {"44000", true},
		{"P0002", false}, {"25006", false}, /* a standby may become the primary */
	};
	struct job_state states[] = {{.text = "23505", .when = JOB_RETRY_WHEN},
				     {.text = "40001", .when = JOB_DEAD_WHEN}};
	const struct job_target job = {0};
	const struct job_target own = {.states = states, .n_states = ARRAY_LEN(states)};

	(void)unused; /* no fixture */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target_fail fail = fail_of(rows[i].state);
		assert_int_equal(verdict_lasts(&job, &fail), rows[i].lasts);
	}
	/* As the job says. */
	struct target_fail fail = fail_of("23505");
	assert_false(verdict_lasts(&own, &fail));
	fail = fail_of("40001");
	assert_true(verdict_lasts(&own, &fail));
	fail = (struct target_fail){.is_lost = true, .is_unopened = true};
	assert_false(verdict_lasts(&job, &fail));
}

static void a_class_is_the_state_or_a_word(void **unused)
{
	char class[TARGET_CLASS_MAX] = "";
	struct target_fail fail = fail_of("23505");

	(void)unused; /* no fixture */
	verdict_class(&fail, class);
	assert_string_equal(class, "sqlstate-23505");
	fail.is_timeout = true;
	verdict_class(&fail, class);
	assert_string_equal(class, "timeout");
	fail = (struct target_fail){.is_lost = true};
	verdict_class(&fail, class);
	assert_string_equal(class, "connection");
	fail.err.code = ERR_DATA;
	verdict_class(&fail, class);
	assert_string_equal(class, "bad-item");
	fail.err.code = ERR_CONFIG;
	verdict_class(&fail, class);
	assert_string_equal(class, "config");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_the_job_file_holds),
		cmocka_unit_test(what_the_job_says_goes_before),
		cmocka_unit_test(a_database_that_is_not_there_blames_no_item),
		cmocka_unit_test(only_what_passes_is_tried_at_once),
		cmocka_unit_test(what_is_refused_for_what_it_is_lasts),
		cmocka_unit_test(a_class_is_the_state_or_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
