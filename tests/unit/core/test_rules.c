/* SPDX-License-Identifier: Apache-2.0 */
/* Waits, limits, meter and fingerprints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "core/fingerprint.h"
#include "core/limits.h"
#include "core/meter.h"
#include "core/outcome.h"
#include "core/retry.h"
#include "core/timing.h"

/* ---- retry ---- */

static void waits_grow_by_the_factor_up_to_the_most(void **state)
{
	struct retry_policy p = {.attempts = 9,
				 .first_us = 10,
				 .factor = 4,
				 .max_us = 500,
				 .jitter = RETRY_JITTER_NONE};

	assert_int_equal(retry_wait_us(&p, 1, 0), 10);
	assert_int_equal(retry_wait_us(&p, 2, 0), 40);
	assert_int_equal(retry_wait_us(&p, 3, 0), 160);
	assert_int_equal(retry_wait_us(&p, 4, 0), 500);
	assert_int_equal(retry_wait_us(&p, 1000, 0), 500);
}

static void jitter_stays_in_its_range(void **state)
{
	struct retry_policy p = {.attempts = 9, .first_us = 100, .factor = 1, .max_us = 100};
	bool low = false;

	for (uint64_t random = 0; random < 1000; random++) {
		p.jitter = RETRY_JITTER_FULL;
		int64_t full = retry_wait_us(&p, 1, random * 7919);
		p.jitter = RETRY_JITTER_EQUAL;
		int64_t equal = retry_wait_us(&p, 1, random * 7919);
		assert_in_range(full, 0, 100);
		assert_in_range(equal, 50, 100);
		low = low || full < 10;
	}
	assert_true(low);
}

/* ---- limits ---- */

static void ten_rejects_or_one_percent_are_allowed_by_default(void **state)
{
	char why[LIMITS_WHY_MAX];

	assert_false(limits_too_many_rejects(&(struct limit){false, false, 0, 0}, 10, 20, why));
	assert_true(limits_too_many_rejects(&(struct limit){false, false, 0, 0}, 11, 20, why));
	assert_string_equal(why, "11 of 20 records were rejected, more than 10 (max_rejects)");
	assert_false(limits_too_many_rejects(&(struct limit){false, false, 0, 0}, 50, 5000, why));
	assert_true(limits_too_many_rejects(&(struct limit){false, false, 0, 0}, 51, 5000, why));
	assert_true(limits_too_many_rejects(&(struct limit){true, false, 0, 0}, 1, 5000, why));
	assert_false(limits_too_many_rejects(&(struct limit){true, true, 0, 0.5}, 10, 20, why));
	assert_true(limits_too_many_rejects(&(struct limit){true, true, 0, 0.05}, 2, 20, why));
}

static void a_surge_is_measured_by_the_median_from_five_runs_on(void **state)
{
	const int64_t history[] = {100, 1, 90, 110, 1000};
	char why[LIMITS_WHY_MAX];

	assert_false(limits_surge(5, 501, history, 4, why));
	assert_true(limits_surge(5, 501, history, 5, why));
	assert_false(limits_surge(5, 500, history, 5, why));
}

static void a_share_of_dead_items_needs_at_least_twenty(void **state)
{
	char why[LIMITS_WHY_MAX];

	assert_false(limits_too_many_dead(&(struct limit){false, false, 0, 0}, 19, 19, why));
	assert_true(limits_too_many_dead(&(struct limit){false, false, 0, 0}, 20, 199, why));
	assert_false(limits_too_many_dead(&(struct limit){false, false, 0, 0}, 20, 200, why));
	assert_true(limits_too_many_dead(&(struct limit){true, false, 3, 0}, 4, 1000, why));
	assert_false(limits_too_many_dead(&(struct limit){true, false, 3, 0}, 3, 1000, why));
}

/* ---- meter ---- */

static void the_meter_forgets_what_is_older_than_half_a_minute(void **state)
{
	struct meter m = {0};

	assert_int_equal(meter_left_us(&m, 5 * US_PER_S, 10), -1);
	for (int64_t s = 1; s <= 40; s++)
		meter_add(&m, s * US_PER_S, 100);
	assert_true(meter_rate(&m, 40 * US_PER_S) > 95 && meter_rate(&m, 40 * US_PER_S) < 105);
	assert_true(meter_left_us(&m, 40 * US_PER_S, 1000) > 9 * US_PER_S);
	assert_true(meter_rate(&m, 200 * US_PER_S) == 0);
}

/* ---- fingerprints ---- */

static void one_cause_has_one_fingerprint(void **state)
{
	char a[FINGERPRINT_CHARS + 1];
	char b[FINGERPRINT_CHARS + 1];
	char c[FINGERPRINT_CHARS + 1];

	fingerprint("exit-1", "no mailbox for 'ann@example.com' (id 17)", a);
	fingerprint("exit-1", "no mailbox for 'bob@example.com' (id 4711)", b);
	fingerprint("exit-2", "no mailbox for 'bob@example.com' (id 4711)", c);
	assert_int_equal(strlen(a), FINGERPRINT_CHARS);
	assert_string_equal(a, b);
	assert_string_not_equal(b, c);
	fingerprint("", "", a);
	assert_string_equal(a, "");
}

static void outcomes_and_timings_have_names_and_no_phase_takes_no_time(void **state)
{
	for (enum outcome o = OUTCOME_DONE; o < OUTCOME_COUNT_; o++)
		for (enum outcome other = OUTCOME_DONE; other < o; other++)
			assert_string_not_equal(outcome_name(o), outcome_name(other));
	assert_string_equal(outcome_name(OUTCOME_NOT_BEGUN), "not_begun");
	assert_string_equal(outcome_name(OUTCOME_COUNT_), "?");
	assert_string_equal(timing_name(TIMING_COMMIT), "commit");
	assert_int_equal(timing_us(100, 250), 150);
	assert_int_equal(timing_us(100, 100), 1);
	assert_int_equal(timing_us(100, 90), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_grow_by_the_factor_up_to_the_most),
		cmocka_unit_test(jitter_stays_in_its_range),
		cmocka_unit_test(ten_rejects_or_one_percent_are_allowed_by_default),
		cmocka_unit_test(a_surge_is_measured_by_the_median_from_five_runs_on),
		cmocka_unit_test(a_share_of_dead_items_needs_at_least_twenty),
		cmocka_unit_test(the_meter_forgets_what_is_older_than_half_a_minute),
		cmocka_unit_test(one_cause_has_one_fingerprint),
		cmocka_unit_test(outcomes_and_timings_have_names_and_no_phase_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
