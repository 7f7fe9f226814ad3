/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/concurrency.h"

static struct concurrency from(uint32_t start, uint32_t max)
{
	struct concurrency c = {0};

	concurrency_set(&c, start, max);
	return c;
}

static void works(struct concurrency *c, int n)
{
	for (int i = 0; i < n; i++)
		concurrency_works(c, true);
}

static void fails(struct concurrency *c, int n)
{
	for (int i = 0; i < n; i++)
		concurrency_fails(c);
}

static void a_round_of_successes_climbs_by_one(void **state)
{
	struct concurrency c = from(4, 16);

	works(&c, 3);
	assert_int_equal(c.limit, 4);
	works(&c, 1);
	assert_int_equal(c.limit, 5);
	works(&c, 5);
	assert_int_equal(c.limit, 6);
}

static void it_stays_within_one_and_the_most(void **state)
{
	struct concurrency c = from(4, 16);

	works(&c, 10000);
	assert_int_equal(c.limit, 16);
	fails(&c, 10000);
	assert_int_equal(c.limit, 1);
	assert_int_equal(c.lowest, 1);
	assert_int_equal(c.highest, 16);
	works(&c, 1);
	assert_int_equal(c.limit, 2);
}

static void one_failure_moves_nothing_and_two_lower_it(void **state)
{
	struct concurrency c = from(8, 64);

	fails(&c, 1);
	assert_int_equal(c.limit, 8);
	fails(&c, 1);
	assert_int_equal(c.limit, 7);
	fails(&c, 1);
	works(&c, 7); /* a whole step up forgets the failure */
	fails(&c, 1);
	assert_int_equal(c.limit, 8);
}

static void what_does_not_fill_it_does_not_raise_it(void **state)
{
	struct concurrency c = from(4, 16);

	for (int i = 0; i < 1000; i++)
		concurrency_works(&c, false);
	assert_int_equal(c.limit, 4);
}

static void a_plain_number_is_fixed(void **state)
{
	struct concurrency c = from(0, 8);

	works(&c, 1000);
	assert_int_equal(c.limit, 8);
	fails(&c, 1000);
	assert_int_equal(c.limit, 8);
	concurrency_restart(&c);
	assert_int_equal(c.limit, 8);
}

/* An endpoint that bears `can` at once and refuses what is above that. */
static void it_finds_what_the_endpoint_bears(void **state)
{
	const uint32_t can = 10;
	struct concurrency c = from(4, 64);
	uint32_t most = 0;
	uint32_t least = 64;

	for (int round = 0; round < 1000; round++) {
		uint32_t out = c.limit;
		for (uint32_t i = 0; i < out; i++) {
			if (i < can)
				concurrency_works(&c, true);
			else
				concurrency_fails(&c);
		}
		if (round < 100)
			continue;
		most = c.limit > most ? c.limit : most;
		least = c.limit < least ? c.limit : least;
	}
	assert_in_range(most, can, can + 3);
	assert_in_range(least, can - 2, can + 2);
}

static void after_a_time_out_of_order_it_begins_as_at_first(void **state)
{
	struct concurrency c = from(4, 16);

	works(&c, 1000);
	concurrency_restart(&c);
	assert_int_equal(c.limit, 4);
	fails(&c, 4);
	concurrency_restart(&c);
	assert_int_equal(c.limit, 2);
}

static void new_limits_keep_what_was_learned(void **state)
{
	struct concurrency c = from(4, 16);

	works(&c, 1000);
	concurrency_set(&c, 2, 8);
	assert_int_equal(c.limit, 8);
	concurrency_set(&c, 2, 32);
	assert_int_equal(c.limit, 8);
	concurrency_set(&c, 5, 5);
	assert_int_equal(c.limit, 5);
	fails(&c, 4);
	assert_int_equal(c.limit, 3);
	concurrency_set(&c, 0, 5);
	assert_int_equal(c.limit, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_of_successes_climbs_by_one),
		cmocka_unit_test(it_stays_within_one_and_the_most),
		cmocka_unit_test(one_failure_moves_nothing_and_two_lower_it),
		cmocka_unit_test(what_does_not_fill_it_does_not_raise_it),
		cmocka_unit_test(a_plain_number_is_fixed),
		cmocka_unit_test(it_finds_what_the_endpoint_bears),
		cmocka_unit_test(after_a_time_out_of_order_it_begins_as_at_first),
		cmocka_unit_test(new_limits_keep_what_was_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
