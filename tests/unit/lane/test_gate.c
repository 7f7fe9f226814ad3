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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_begins_within_its_slot_and_never_outside),
		cmocka_unit_test(without_a_slot_it_may_always_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
