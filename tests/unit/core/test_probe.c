/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of verify means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/probe.h"

#define NOW INT64_C(1700000000000000)
#define SETTLE (10 * US_PER_S)

static const struct decide_policy POLICY = {
	.retry = {.attempts = 3,
		  .first_us = US_PER_MIN,
		  .factor = 4,
		  .max_us = US_PER_HOUR,
		  .jitter = RETRY_JITTER_NONE},
	.effect = DECIDE_ONCE,
	.doubt = DECIDE_ASK,
	.verifies = true,
	.settle_us = SETTLE,
};

static struct probe_decision ask(const struct decide_policy *policy, struct probe_asked a)
{
	a.now = NOW;
	if (a.asked_at == 0)
		a.asked_at = NOW - US_PER_S;
	if (a.used == 0)
		a.used = 1;
	return probe_decide(policy, &a);
}

static void yes_counts_at_once(void **state)
{
	struct probe_decision d = ask(
		&POLICY, (struct probe_asked){.answer = PROBE_YES, .quiet_until = NOW - 1});

	assert_int_equal(d.fate, FATE_DONE);
}

static void no_counts_after_settle_and_twice_in_a_row(void **state)
{
	/* asked before it had to show */
	struct probe_decision d = ask(
		&POLICY, (struct probe_asked){.answer = PROBE_NO,
					      .nos = 1,
					      .quiet_until = NOW - US_PER_S - SETTLE + 1});
	assert_int_equal(d.fate, FATE_DOUBT);
	assert_int_equal(d.nos, 0);
	assert_int_equal(d.due, NOW - US_PER_S + 1);
	/* for the first time */
	struct probe_asked late = {.answer = PROBE_NO, .quiet_until = NOW - US_PER_S - SETTLE};
	d = ask(&POLICY, late);
	assert_int_equal(d.fate, FATE_DOUBT);
	assert_int_equal(d.nos, 1);
	assert_int_equal(d.due, NOW + SETTLE);
	/* and for the second */
	late.nos = 1;
	d = ask(&POLICY, late);
	assert_int_equal(d.fate, FATE_RETRY);
	assert_int_equal(d.due, NOW);
}

static void what_did_not_happen_and_has_no_attempt_left_is_dead(void **state)
{
	struct probe_asked a = {
		.answer = PROBE_NO, .nos = 1, .used = 3, .quiet_until = NOW - US_PER_HOUR};

	assert_int_equal(ask(&POLICY, a).fate, FATE_DEAD);
	a.used = 2;
	assert_int_equal(ask(&POLICY, a).fate, FATE_RETRY);
	a.crashes = DECIDE_CRASHES_MAX;
	assert_int_equal(ask(&POLICY, a).fate, FATE_DEAD);
}

static void who_cannot_tell_is_asked_again_and_then_the_job_decides(void **state)
{
	struct decide_policy policy = POLICY;
	struct probe_asked a = {.answer = PROBE_UNCLEAR, .nos = 1, .quiet_until = NOW};
	struct probe_decision d = ask(&policy, a);

	assert_int_equal(d.fate, FATE_DOUBT);
	assert_int_equal(d.unclear, 1);
	assert_int_equal(d.nos, 0); /* they were not in a row */
	assert_int_equal(d.due, NOW + US_PER_MIN);
	a.unclear = 1;
	d = ask(&policy, a);
	assert_int_equal(d.due, NOW + 4 * US_PER_MIN);
	a.unclear = 2;
	assert_int_equal(ask(&policy, a).fate, FATE_ASKED);
	policy.doubt = DECIDE_SKIP;
	assert_int_equal(ask(&policy, a).fate, FATE_SKIPPED);
	policy.doubt = DECIDE_RETRY;
	assert_int_equal(ask(&policy, a).fate, FATE_RETRY);
	/* it may have happened: to give up is not for us */
	a.used = 3;
	assert_int_equal(ask(&policy, a).fate, FATE_ASKED);
	/* nor to repeat with a key that is not known any more */
	a.used = 1;
	policy.effect = DECIDE_KEYED;
	assert_int_equal(ask(&policy, a).fate, FATE_ASKED);
}

static void answers_that_cannot_tell_are_counted_between_others(void **state)
{
	struct probe_asked a = {.answer = PROBE_NO, .unclear = 2, .quiet_until = NOW - US_PER_DAY};

	assert_int_equal(ask(&POLICY, a).unclear, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yes_counts_at_once),
		cmocka_unit_test(no_counts_after_settle_and_twice_in_a_row),
		cmocka_unit_test(what_did_not_happen_and_has_no_attempt_left_is_dead),
		cmocka_unit_test(who_cannot_tell_is_asked_again_and_then_the_job_decides),
		cmocka_unit_test(answers_that_cannot_tell_are_counted_between_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
