/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs a call of `run` works, as the guide to job files ("Runs") says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/plan.h"
#include "engine/session.h"
#include "job/job.h"

static struct arena arena;
static struct job job;
static struct session_spec spec;
static bool elsewhere[8];
static struct ledger_run_row rows[8];
static struct lop_run_list list;
static char base[100];

static int set_up(void **state)
{
	job = (struct job){.once_per = JOB_ONCE_PER_DAY};
	spec = (struct session_spec){.job = &job, .slot = "2026-11-23", .identity = ""};
	memset(elsewhere, 0, sizeof(elsewhere));
	memset(rows, 0, sizeof(rows));
	plan_due_base(&spec, base, sizeof(base));
	list = (struct lop_run_list){
		.due_base = base, .ret_rows = rows, .ret_live_elsewhere = elsewhere};
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&arena);
	return 0;
}

static void add(int64_t id, enum run_state run, const char *slot)
{
	struct session_spec other = spec;
	char base_of_it[100];
	char key[103];

	other.slot = slot;
	plan_due_base(&other, base_of_it, sizeof(base_of_it));
	(void)snprintf(key, sizeof(key), "%s/1", base_of_it);
	rows[list.ret_n++] = (struct ledger_run_row){.id = id,
						     .state = run,
						     .due_key = arena_str(&arena, key),
						     .name = "job@slot",
						     .slot = arena_str(&arena, slot)};
}

static void the_first_call_of_a_day_makes_its_run(void **state)
{
	struct plan plan = plan_runs(&spec, &list, &arena);

	assert_int_equal(plan.verdict, PLAN_WORK);
	assert_int_equal(plan.n_runs, 0);
	assert_true(plan.creates);
	assert_int_equal(plan.new_n, 1);
}

static void unfinished_runs_come_first_oldest_first(void **state)
{
	add(3, RUN_OPEN, "2026-11-21");
	add(5, RUN_FAILED, "2026-11-22");
	struct plan plan = plan_runs(&spec, &list, &arena);

	assert_int_equal(plan.n_runs, 2);
	assert_int_equal(plan.runs[0], 3);
	assert_int_equal(plan.runs[1], 5);
	assert_true(plan.creates);
}

static void a_run_that_is_over_is_not_repeated(void **state)
{
	struct ledger_run_row over = {.id = 9, .state = RUN_FINISHED, .due_key = "", .name = "x"};

	list.ret_due = &over;
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.verdict, PLAN_ALREADY_OVER);
	assert_ptr_equal(plan.over, &over);
	assert_false(plan.creates);
}

static void again_makes_a_further_one(void **state)
{
	struct ledger_run_row over = {.id = 9, .state = RUN_FINISHED, .due_key = "", .name = "x"};

	list.ret_due = &over;
	list.ret_last_n = 2;
	spec.again = true;
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.verdict, PLAN_WORK);
	assert_true(plan.creates);
	assert_int_equal(plan.new_n, 3);
}

static void the_run_of_today_is_resumed_and_not_made_twice(void **state)
{
	add(7, RUN_OPEN, "2026-11-23");
	list.ret_due = &rows[0];
	struct plan plan = plan_runs(&spec, &list, &arena);

	assert_int_equal(plan.n_runs, 1);
	assert_false(plan.creates);
}

static void todays_run_that_is_on_elsewhere_is_joined(void **state)
{
	add(7, RUN_OPEN, "2026-11-23");
	list.ret_due = &rows[0];
	elsewhere[0] = true;
	assert_int_equal(plan_runs(&spec, &list, &arena).n_runs, 1);
}

static void an_older_run_that_is_on_elsewhere_keeps_us_from_starting(void **state)
{
	add(7, RUN_OPEN, "2026-11-22");
	elsewhere[0] = true;
	assert_int_equal(plan_runs(&spec, &list, &arena).verdict, PLAN_OLDER_IS_ON);
}

static void so_it_does_a_call_that_names_its_run(void **state)
{
	spec.only_named = true;
	add(7, RUN_OPEN, "2026-11-22");
	elsewhere[0] = true;
	assert_int_equal(plan_runs(&spec, &list, &arena).verdict, PLAN_OLDER_IS_ON);
}

static void what_is_on_elsewhere_and_is_younger_keeps_nobody(void **state)
{
	add(7, RUN_OPEN, "2026-11-23");
	add(8, RUN_OPEN, "2026-11-24");
	list.ret_due = &rows[0];
	elsewhere[1] = true;
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.verdict, PLAN_WORK);
	assert_int_equal(plan.n_runs, 1);
	assert_int_equal(plan.runs[0], 7);
	spec.again = true; /* a further run is the youngest itself */
	assert_int_equal(plan_runs(&spec, &list, &arena).verdict, PLAN_OLDER_IS_ON);
}

static void per_start_a_call_resumes_or_begins_never_both(void **state)
{
	job.once_per = JOB_ONCE_PER_START;
	assert_true(plan_runs(&spec, &list, &arena).creates);
	add(7, RUN_OPEN, "2026-11-22T10:00:00+00:00");
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.n_runs, 1);
	assert_false(plan.creates);
}

static void two_starts_in_one_second_are_two(void **state)
{
	struct ledger_run_row over = {.id = 9, .state = RUN_FINISHED, .due_key = "", .name = "x"};

	job.once_per = JOB_ONCE_PER_START;
	list.ret_due = &over;
	list.ret_last_n = 1;
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.verdict, PLAN_WORK);
	assert_true(plan.creates);
	assert_int_equal(plan.new_n, 2);
}

static void carry_over_may_leave_or_abandon_old_runs(void **state)
{
	add(7, RUN_OPEN, "2026-11-22");
	job.carry_over = JOB_LEAVE;
	assert_int_equal(plan_runs(&spec, &list, &arena).n_runs, 0);
	job.carry_over = JOB_ABANDON;
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.n_abandons, 1);
	assert_int_equal(plan.abandons[0], 7);
	assert_int_equal(plan.n_runs, 0);
}

static void what_is_not_older_is_not_abandoned(void **state)
{
	job.carry_over = JOB_ABANDON;
	add(7, RUN_OPEN, "2026-11-22");
	spec.identity = "region=north";
	add(8, RUN_OPEN, "2026-11-23");
	spec.identity = "";
	add(9, RUN_OPEN, "2026-11-24");
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.n_abandons, 1);
	assert_int_equal(plan.abandons[0], 7);
	assert_int_equal(plan.n_runs, 0);
	assert_true(plan.creates);
}

static void a_named_run_is_worked_alone(void **state)
{
	spec.only_named = true;
	add(7, RUN_OPEN, "2026-11-22");
	struct plan plan = plan_runs(&spec, &list, &arena);
	assert_int_equal(plan.n_runs, 0);
	assert_true(plan.creates);
}

static void names_say_slot_parameters_and_number(void **state)
{
	char name[100];

	plan_run_name(&spec, "mail", 1, name, sizeof(name));
	assert_string_equal(name, "mail@2026-11-23");
	spec.identity = "region=eu";
	plan_run_name(&spec, "mail", 2, name, sizeof(name));
	assert_string_equal(name, "mail@2026-11-23,region=eu#2");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_first_call_of_a_day_makes_its_run),
		T(unfinished_runs_come_first_oldest_first),
		T(a_run_that_is_over_is_not_repeated),
		T(again_makes_a_further_one),
		T(the_run_of_today_is_resumed_and_not_made_twice),
		T(todays_run_that_is_on_elsewhere_is_joined),
		T(an_older_run_that_is_on_elsewhere_keeps_us_from_starting),
		T(so_it_does_a_call_that_names_its_run),
		T(what_is_on_elsewhere_and_is_younger_keeps_nobody),
		T(per_start_a_call_resumes_or_begins_never_both),
		T(two_starts_in_one_second_are_two),
		T(carry_over_may_leave_or_abandon_old_runs),
		T(what_is_not_older_is_not_abandoned),
		T(a_named_run_is_worked_alone),
		T(names_say_slot_parameters_and_number),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
