/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/breaker.h"

#define WALL INT64_C(1000000)

static const struct breaker_policy POLICY = {.window_us = 120,
					     .at_least = 4,
					     .failures = 0.5,
					     .open_for_us = 30,
					     .open_max_us = 100,
					     .give_up_after_us = 1000};

/* Counts as many ends, all at `now_us`; true when one of them opened it. */
static bool count(struct breaker *b, int n, enum breaker_says says, int64_t now_us)
{
	bool opens = false;

	for (int i = 0; i < n; i++)
		opens = breaker_count(b, &POLICY, says, now_us) || opens;
	return opens;
}

/* ---- when it opens ---- */

static void half_of_enough_attempts_open_it(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 2, BREAKER_WORKS, 1000));
	assert_false(count(&b, 1, BREAKER_FAILS, 1000));
	assert_true(count(&b, 1, BREAKER_FAILS, 1000));
}

static void fewer_than_at_least_decide_nothing(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 3, BREAKER_FAILS, 1000));
	assert_true(count(&b, 1, BREAKER_FAILS, 1000));
}

static void a_smaller_share_leaves_it_closed(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 100, BREAKER_WORKS, 1000));
	assert_false(count(&b, 99, BREAKER_FAILS, 1001));
	assert_true(count(&b, 1, BREAKER_FAILS, 1002));
}

static void what_is_older_than_the_window_is_forgotten(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 3, BREAKER_FAILS, 1000));
	assert_false(count(&b, 3, BREAKER_FAILS, 1121));
	assert_true(count(&b, 1, BREAKER_FAILS, 1121));
	/* The window slides: what came in its middle is still in it. */
	b = (struct breaker){0};
	assert_false(count(&b, 2, BREAKER_FAILS, 2000));
	assert_false(count(&b, 1, BREAKER_FAILS, 2060));
	assert_true(count(&b, 1, BREAKER_FAILS, 2100));
}

static void after_a_long_silence_the_window_is_empty(void **state)
{
	struct breaker b = {0};

	/* Bucket numbers of long ago fall on the same places of the ring. */
	assert_false(count(&b, 3, BREAKER_FAILS, 1000));
	assert_false(count(&b, 3, BREAKER_FAILS, 1000 + 120 * 1000));
}

static void what_hits_all_alike_opens_it_at_once(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 1000, BREAKER_WORKS, 1000));
	assert_true(count(&b, 1, BREAKER_ALIKE, 1000));
}

static void what_was_ended_by_us_says_nothing(void **state)
{
	struct breaker b = {0};

	assert_false(count(&b, 1000, BREAKER_NOTHING, 1000));
	assert_false(count(&b, 3, BREAKER_FAILS, 1000));
}

static void an_open_one_counts_no_stragglers(void **state)
{
	struct breaker b = {0};

	breaker_trip(&b, 1000);
	assert_false(count(&b, 100, BREAKER_FAILS, 1001));
	assert_false(count(&b, 1, BREAKER_ALIKE, 1001));
}

/* ---- the row that all share ---- */

static void each_failed_probe_doubles_the_pause_up_to_the_most(void **state)
{
	const int64_t pauses[] = {30, 60, 100, 100};
	struct breaker_row row = {0};

	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		row = breaker_row_opened(&row, &POLICY, WALL + (int64_t)i, "down");
		assert_int_equal(row.open_for_us, pauses[i]);
		assert_int_equal(row.until, WALL + (int64_t)i + pauses[i]);
		assert_int_equal(row.first_open, WALL);
		assert_int_equal(row.n_opened, 1);
		assert_int_equal(row.version, i + 1);
	}
}

static void opened_anew_it_begins_with_the_first_pause(void **state)
{
	struct breaker_row row = {0};

	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	row = breaker_row_opened(&row, &POLICY, WALL + 30, "down");
	row = breaker_row_closed(&row);
	assert_false(row.is_open);
	row = breaker_row_opened(&row, &POLICY, WALL + 500, "down again");
	assert_int_equal(row.open_for_us, 30);
	assert_int_equal(row.first_open, WALL + 500);
	assert_int_equal(row.n_opened, 2);
}

static void a_longer_first_pause_than_the_longest_is_kept(void **state)
{
	struct breaker_policy policy = POLICY;
	struct breaker_row row = {0};

	policy.open_for_us = 300;
	row = breaker_row_opened(&row, &policy, WALL, "down");
	assert_int_equal(row.open_for_us, 300);
	row = breaker_row_opened(&row, &policy, WALL, "down");
	assert_int_equal(row.open_for_us, 300);
}

/* ---- one instance's view ---- */

static void who_may_probe_is_half_open_and_the_others_are_not(void **state)
{
	struct breaker_row row = {0};
	struct breaker one = {0};
	struct breaker two = {0};

	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	assert_true(breaker_take(&one, &row, 1, WALL, 5));
	assert_true(breaker_take(&two, &row, 2, WALL + 10, 7));
	assert_int_equal(one.until_us, 35);
	assert_int_equal(two.until_us, 27);
	assert_true(breaker_holds(&one, 34));
	assert_false(breaker_holds(&one, 35));
	row = breaker_row_probed(&row, 1, WALL + 30, 500);
	assert_true(breaker_take(&one, &row, 1, WALL + 30, 35));
	assert_int_equal(one.state, BREAKER_HALF_OPEN);
	assert_false(breaker_take(&two, &row, 2, WALL + 40, 37));
	assert_int_equal(two.state, BREAKER_OPEN);
	assert_int_equal(two.until_us, 37 + 490);
	row = breaker_row_closed(&row);
	assert_true(breaker_take(&two, &row, 2, WALL + 50, 47));
	assert_int_equal(two.state, BREAKER_CLOSED);
}

static void the_same_version_changes_nothing(void **state)
{
	struct breaker_row row = {0};
	struct breaker b = {0};

	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	assert_true(breaker_take(&b, &row, 1, WALL, 0));
	assert_false(breaker_take(&b, &row, 1, WALL - 1000000, 20));
	assert_int_equal(b.until_us, 30);
	assert_string_equal(b.reason, "down");
}

static void a_wall_clock_that_jumps_keeps_it_open_no_longer_than_the_pause(void **state)
{
	struct breaker_row row = {0};
	struct breaker b = {0};

	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	assert_true(breaker_take(&b, &row, 1, WALL - 3600000, 100));
	assert_int_equal(b.until_us, 130);
	row = breaker_row_probed(&row, 2, WALL, 500);
	(void)breaker_take(&b, &row, 1, WALL - 3600000, 200);
	assert_int_equal(b.until_us, 700);
	b = (struct breaker){0};
	row = breaker_row_released(&row);
	assert_true(breaker_take(&b, &row, 1, WALL + 3600000, 100));
	assert_int_equal(b.until_us, 100);
}

static void closed_again_it_has_forgotten_its_window(void **state)
{
	struct breaker_row row = {0};
	struct breaker b = {0};

	assert_false(count(&b, 3, BREAKER_FAILS, 1000));
	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	assert_true(breaker_take(&b, &row, 1, WALL, 1000));
	row = breaker_row_closed(&row);
	assert_true(breaker_take(&b, &row, 1, WALL, 1001));
	assert_false(count(&b, 3, BREAKER_FAILS, 1002));
}

static void it_gives_up_by_when_this_instance_came_to_know(void **state)
{
	struct breaker_row row = {0};
	struct breaker b = {0};

	assert_int_equal(breaker_gives_up_at(&b, &POLICY), INT64_MAX);
	row = breaker_row_opened(&row, &POLICY, WALL - 100000, "down");
	assert_true(breaker_take(&b, &row, 1, WALL, 50));
	assert_int_equal(breaker_gives_up_at(&b, &POLICY), 1050);
	row = breaker_row_opened(&row, &POLICY, WALL, "still down");
	(void)breaker_take(&b, &row, 1, WALL, 900);
	assert_int_equal(breaker_gives_up_at(&b, &POLICY), 1050);
}

static struct breaker_policy hasty(void)
{
	struct breaker_policy policy = POLICY;

	policy.give_up_after_us = 10;
	return policy;
}

static struct breaker_row open_at_51(struct breaker *b)
{
	const struct breaker_policy policy = hasty();
	const struct breaker_row none = {0};

	breaker_trip(b, 50);
	struct breaker_row row = breaker_row_opened(&none, &policy, WALL, "down");
	(void)breaker_take(b, &row, 1, WALL, 51);
	return row;
}

static void it_does_not_give_up_before_a_probe_could_be_sent(void **state)
{
	struct breaker b = {0};
	const struct breaker_policy policy = hasty();
	struct breaker_row row = open_at_51(&b);

	assert_int_equal(breaker_gives_up_at(&b, &policy), 51 + 30 + 10);
	row = breaker_row_probed(&row, 1, WALL + 30, 500);
	(void)breaker_take(&b, &row, 1, WALL + 30, 81);
	assert_int_equal(breaker_gives_up_at(&b, &policy), 51 + 30 + 10);
	row = breaker_row_opened(&row, &policy, WALL + 32, "still down");
	(void)breaker_take(&b, &row, 1, WALL + 32, 83);
	assert_int_equal(breaker_gives_up_at(&b, &policy), 60);
}

static void it_does_not_give_up_while_a_quota_holds_the_probe_back(void **state)
{
	struct breaker b = {0};
	const struct breaker_policy policy = hasty();

	(void)open_at_51(&b);
	breaker_postpone(&b, 60);
	assert_int_equal(breaker_gives_up_at(&b, &policy), 51 + 30 + 10);
	breaker_postpone(&b, 3000);
	assert_int_equal(breaker_gives_up_at(&b, &policy), 3010);
}

static void what_fails_while_it_is_open_is_excused_until_it_has_been_given_up(void **state)
{
	struct breaker_row row = {0};
	struct breaker b = {0};

	assert_false(breaker_excuses(&b, &POLICY, WALL));
	breaker_trip(&b, 0);
	assert_true(breaker_excuses(&b, &POLICY, WALL));
	row = breaker_row_opened(&row, &POLICY, WALL, "down");
	(void)breaker_take(&b, &row, 1, WALL, 0);
	assert_true(breaker_excuses(&b, &POLICY, WALL + 999));
	assert_false(breaker_excuses(&b, &POLICY, WALL + 1000));
}

static void the_window_says_what_was_counted_in_it(void **state)
{
	struct breaker b = {0};
	int64_t answered = -1;
	int64_t failed = -1;

	breaker_window(&b, &POLICY, 1000, &answered, &failed);
	assert_true(answered == 0 && failed == 0);
	assert_false(count(&b, 3, BREAKER_WORKS, 1000));
	assert_false(count(&b, 2, BREAKER_FAILS, 1000));
	assert_false(count(&b, 5, BREAKER_NOTHING, 1000));
	breaker_window(&b, &POLICY, 1000 + POLICY.window_us / 2, &answered, &failed);
	assert_true(answered == 5 && failed == 2);
	breaker_window(&b, &POLICY, 1000 + 2 * POLICY.window_us, &answered, &failed);
	assert_true(answered == 0 && failed == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_enough_attempts_open_it),
		cmocka_unit_test(fewer_than_at_least_decide_nothing),
		cmocka_unit_test(a_smaller_share_leaves_it_closed),
		cmocka_unit_test(what_is_older_than_the_window_is_forgotten),
		cmocka_unit_test(after_a_long_silence_the_window_is_empty),
		cmocka_unit_test(what_hits_all_alike_opens_it_at_once),
		cmocka_unit_test(what_was_ended_by_us_says_nothing),
		cmocka_unit_test(an_open_one_counts_no_stragglers),
		cmocka_unit_test(each_failed_probe_doubles_the_pause_up_to_the_most),
		cmocka_unit_test(opened_anew_it_begins_with_the_first_pause),
		cmocka_unit_test(a_longer_first_pause_than_the_longest_is_kept),
		cmocka_unit_test(who_may_probe_is_half_open_and_the_others_are_not),
		cmocka_unit_test(the_same_version_changes_nothing),
		cmocka_unit_test(a_wall_clock_that_jumps_keeps_it_open_no_longer_than_the_pause),
		cmocka_unit_test(closed_again_it_has_forgotten_its_window),
		cmocka_unit_test(it_does_not_give_up_before_a_probe_could_be_sent),
		cmocka_unit_test(it_does_not_give_up_while_a_quota_holds_the_probe_back),
		cmocka_unit_test(it_gives_up_by_when_this_instance_came_to_know),
		cmocka_unit_test(what_fails_while_it_is_open_is_excused_until_it_has_been_given_up),
		cmocka_unit_test(the_window_says_what_was_counted_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
