/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an item may begin now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lane/gate.h"

static void an_item_begins_within_its_slot_and_never_outside(void **state)
{
	const struct frame_work_item what = {.opens_at = 1000, .closes_at = 1500};
	int64_t wait = 0;

	(void)state;
	assert_int_equal(gate_ask(&what, 400, &wait), GATE_WAIT);
	assert_int_equal(wait, 600);
	assert_int_equal(gate_ask(&what, 999, &wait), GATE_WAIT);
	assert_int_equal(gate_ask(&what, 1000, &wait), GATE_OPEN);
	assert_int_equal(gate_ask(&what, 1500, &wait), GATE_OPEN);
	assert_int_equal(gate_ask(&what, 1501, &wait), GATE_MISSED);
}

static void without_a_slot_it_may_always_begin(void **state)
{
	const struct frame_work_item what = {.attempt = 1};
	int64_t wait = 0;

	(void)state;
	assert_int_equal(gate_ask(&what, 0, &wait), GATE_OPEN);
	assert_int_equal(gate_ask(&what, INT64_MAX, &wait), GATE_OPEN);
}

static void nothing_begins_from_the_cutoff_on_but_questions(void **state)
{
	const struct frame_work_item what = {.attempt = 1};
	const struct frame_work_item question = {.attempt = 1, .is_probe = true};

	(void)state;
	assert_false(gate_is_cut_off(&what, 1000, 999));
	assert_true(gate_is_cut_off(&what, 1000, 1000));
	assert_false(gate_is_cut_off(&what, 0, INT64_MAX));
	assert_false(gate_is_cut_off(&question, 1000, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_begins_within_its_slot_and_never_outside),
		cmocka_unit_test(without_a_slot_it_may_always_begin),
		cmocka_unit_test(nothing_begins_from_the_cutoff_on_but_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
