/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an item: the table of the job file's guide, cell by cell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/decide.h"

static const struct decide_policy POLICY = {
	.retry = {.attempts = 3,
		  .first_us = 10 * US_PER_S,
		  .factor = 4,
		  .max_us = US_PER_HOUR,
		  .jitter = RETRY_JITTER_NONE},
	.effect = DECIDE_PURE,
};
#define NOW INT64_C(1700000000000000)

static struct decision outcome_after(const struct decide_policy *policy, enum outcome outcome,
				     int used)
{
	struct decide_attempt a = {.outcome = outcome, .used = used, .now = NOW};

	return decide(policy, &a);
}

static void done_is_done_and_counts_an_attempt(void **state)
{
	struct decision d = outcome_after(&POLICY, OUTCOME_DONE, 0);

	assert_int_equal(d.fate, FATE_DONE);
	assert_int_equal(d.used, 1);
}

static void a_failure_waits_longer_each_time_and_then_kills(void **state)
{
	struct decision first = outcome_after(&POLICY, OUTCOME_RETRY, 0);
	struct decision second = outcome_after(&POLICY, OUTCOME_RETRY, 1);
	struct decision third = outcome_after(&POLICY, OUTCOME_RETRY, 2);

	assert_int_equal(first.fate, FATE_RETRY);
	assert_int_equal(first.due, NOW + 10 * US_PER_S);
	assert_int_equal(second.due, NOW + 40 * US_PER_S);
	assert_int_equal(third.fate, FATE_DEAD);
	assert_int_equal(third.used, 3);
}

static void dead_is_dead_at_once(void **state)
{
	struct decision d = outcome_after(&POLICY, OUTCOME_DEAD, 0);

	assert_int_equal(d.fate, FATE_DEAD);
	assert_int_equal(d.used, 1);
}

static void what_hits_all_opens_the_breaker_and_charges_nobody(void **state)
{
	struct decision d = outcome_after(&POLICY, OUTCOME_ALL, 2);

	assert_int_equal(d.fate, FATE_RETRY);
	assert_int_equal(d.used, 2);
}

static void unknown_is_tried_again_where_that_is_harmless(void **state)
{
	struct decision d = outcome_after(&POLICY, OUTCOME_UNKNOWN, 0);

	assert_int_equal(d.fate, FATE_RETRY);
	assert_int_equal(d.used, 1);
	assert_int_equal(outcome_after(&POLICY, OUTCOME_UNKNOWN, 2).fate, FATE_DEAD);
}

static void unknown_goes_by_when_in_doubt_where_it_must_happen_once(void **state)
{
	struct decide_policy policy = POLICY;

	policy.effect = DECIDE_ONCE;
	policy.doubt = DECIDE_ASK;
	assert_int_equal(outcome_after(&policy, OUTCOME_UNKNOWN, 0).fate, FATE_ASKED);
	policy.doubt = DECIDE_SKIP;
	assert_int_equal(outcome_after(&policy, OUTCOME_UNKNOWN, 0).fate, FATE_SKIPPED);
	policy.doubt = DECIDE_RETRY;
	assert_int_equal(outcome_after(&policy, OUTCOME_UNKNOWN, 0).fate, FATE_RETRY);
	assert_int_equal(outcome_after(&policy, OUTCOME_UNKNOWN, 2).fate, FATE_DEAD);
}

static void a_failure_is_no_doubt_even_where_it_must_happen_once(void **state)
{
	struct decide_policy policy = POLICY;

	policy.effect = DECIDE_ONCE;
	assert_int_equal(outcome_after(&policy, OUTCOME_RETRY, 0).fate, FATE_RETRY);
}

static void after_the_key_is_forgotten_a_person_is_asked(void **state)
{
	struct decide_policy policy = POLICY;
	struct decide_attempt a = {.outcome = OUTCOME_UNKNOWN, .now = NOW};

	policy.effect = DECIDE_KEYED;
	policy.key_valid_us = 100 * US_PER_S;
	a.first_started = NOW - 79 * US_PER_S; /* due at 89 of 90 usable seconds */
	assert_int_equal(decide(&policy, &a).fate, FATE_RETRY);
	a.first_started = NOW - 80 * US_PER_S;
	assert_int_equal(decide(&policy, &a).fate, FATE_ASKED);
	policy.key_valid_us = 0; /* for ever */
	assert_int_equal(decide(&policy, &a).fate, FATE_RETRY);
}

static void where_it_can_be_verified_it_is_before_anybody_decides(void **state)
{
	struct decide_policy policy = POLICY;
	struct decide_attempt a = {.outcome = OUTCOME_UNKNOWN, .used = 2, .now = NOW};

	policy.verifies = true;
	policy.settle_us = 10 * US_PER_S;
	policy.effect = DECIDE_ONCE;
	policy.doubt = DECIDE_RETRY;
	struct decision d = decide(&policy, &a);
	assert_int_equal(d.fate, FATE_DOUBT);
	assert_int_equal(d.used, 3);
	assert_int_equal(d.due, NOW + 10 * US_PER_S);
	/* not while something may still act on it */
	a.not_before = NOW + US_PER_MIN;
	assert_int_equal(decide(&policy, &a).due, NOW + US_PER_MIN + 10 * US_PER_S);
	/* with a key it is repeated as long as the other side knows that */
	policy.effect = DECIDE_KEYED;
	policy.key_valid_us = US_PER_HOUR;
	a.used = 0;
	a.first_started = NOW;
	assert_int_equal(decide(&policy, &a).fate, FATE_RETRY);
	a.first_started = NOW - US_PER_HOUR;
	assert_int_equal(decide(&policy, &a).fate, FATE_DOUBT);
}

static void what_we_cut_short_charges_nothing(void **state)
{
	struct decide_attempt a = {
		.outcome = OUTCOME_UNKNOWN, .used = 2, .cancelled = true, .now = NOW};
	struct decision d = decide(&POLICY, &a);

	assert_int_equal(d.fate, FATE_RETRY);
	assert_int_equal(d.used, 2);
	assert_int_equal(d.due, NOW);
}

static void a_lanes_death_charges_crashes_only_to_who_was_alone(void **state)
{
	struct decide_attempt a = {
		.outcome = OUTCOME_UNKNOWN, .used = 2, .lane_died = true, .now = NOW};

	assert_int_equal(decide(&POLICY, &a).crashes, 0);
	a.blamed = true;
	assert_int_equal(decide(&POLICY, &a).crashes, 1);
	assert_int_equal(decide(&POLICY, &a).used, 2);
	assert_int_equal(decide(&POLICY, &a).fate, FATE_RETRY);
	a.crashes = 2;
	assert_int_equal(decide(&POLICY, &a).fate, FATE_DEAD);
}

static void what_never_began_comes_back_uncharged(void **state)
{
	struct decide_attempt a = {.outcome = OUTCOME_NOT_BEGUN, .used = 2, .now = NOW};

	assert_int_equal(decide(&POLICY, &a).used, 2);
	assert_true(decide(&POLICY, &a).due > NOW); /* no resources: not in a tight loop */
	a.lane_died = true;
	assert_int_equal(decide(&POLICY, &a).due, NOW);
}

static void nothing_is_tried_again_beside_what_may_still_act(void **state)
{
	struct decide_attempt a = {.outcome = OUTCOME_NOT_BEGUN,
				   .lane_died = true,
				   .now = NOW,
				   .not_before = NOW + US_PER_MIN};

	assert_int_equal(decide(&POLICY, &a).fate, FATE_RETRY);
	assert_int_equal(decide(&POLICY, &a).due, NOW + US_PER_MIN);
}

static void who_asks_to_be_left_alone_is(void **state)
{
	struct decide_attempt a = {.outcome = OUTCOME_RETRY, .now = NOW, .wait_us = US_PER_HOUR};

	assert_int_equal(decide(&POLICY, &a).due, NOW + US_PER_HOUR);
	a.wait_us = US_PER_S; /* our own wait is longer */
	assert_int_equal(decide(&POLICY, &a).due, NOW + 10 * US_PER_S);
	a.outcome = OUTCOME_ALL;
	assert_int_equal(decide(&POLICY, &a).due, NOW + US_PER_S);
	/* The key is forgotten by then. */
	struct decide_policy keyed = POLICY;
	keyed.effect = DECIDE_KEYED;
	keyed.key_valid_us = US_PER_HOUR;
	a.outcome = OUTCOME_UNKNOWN;
	a.first_started = NOW;
	a.wait_us = US_PER_HOUR;
	assert_int_equal(decide(&keyed, &a).fate, FATE_ASKED);
}

static void a_key_lasts_for_nine_tenths_of_its_time(void **state)
{
	struct decide_policy policy = POLICY;

	policy.effect = DECIDE_KEYED;
	policy.key_valid_us = 100 * US_PER_S;
	assert_true(decide_key_lasts(&policy, NOW, NOW + 90 * US_PER_S - 1));
	assert_false(decide_key_lasts(&policy, NOW, NOW + 90 * US_PER_S));
	assert_true(decide_key_lasts(&policy, 0, NOW)); /* nothing is unclear */
	policy.key_valid_us = 0;			/* for ever */
	assert_true(decide_key_lasts(&policy, 1, NOW));
	policy.key_valid_us = 1;
	policy.effect = DECIDE_ONCE; /* it is not repeated for its key */
	assert_true(decide_key_lasts(&policy, 1, NOW));
}

static void the_other_side_is_asked_once_it_has_settled(void **state)
{
	struct decide_policy policy = POLICY;

	policy.settle_us = 10 * US_PER_S;
	assert_int_equal(decide_doubt_due(&policy, NOW), NOW + 10 * US_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_tried_again_beside_what_may_still_act),
		cmocka_unit_test(done_is_done_and_counts_an_attempt),
		cmocka_unit_test(a_failure_waits_longer_each_time_and_then_kills),
		cmocka_unit_test(dead_is_dead_at_once),
		cmocka_unit_test(what_hits_all_opens_the_breaker_and_charges_nobody),
		cmocka_unit_test(unknown_is_tried_again_where_that_is_harmless),
		cmocka_unit_test(unknown_goes_by_when_in_doubt_where_it_must_happen_once),
		cmocka_unit_test(a_failure_is_no_doubt_even_where_it_must_happen_once),
		cmocka_unit_test(after_the_key_is_forgotten_a_person_is_asked),
		cmocka_unit_test(where_it_can_be_verified_it_is_before_anybody_decides),
		cmocka_unit_test(what_we_cut_short_charges_nothing),
		cmocka_unit_test(a_lanes_death_charges_crashes_only_to_who_was_alone),
		cmocka_unit_test(what_never_began_comes_back_uncharged),
		cmocka_unit_test(who_asks_to_be_left_alone_is),
		cmocka_unit_test(a_key_lasts_for_nine_tenths_of_its_time),
		cmocka_unit_test(the_other_side_is_asked_once_it_has_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
