/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdalign.h>
#include <string.h>

#include "base/arena.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	struct arena a = {0};

	for (size_t size = 1; size < 300; size++) {
		char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xee, size);
	}
	arena_done(&a);
}

static void reset_memory_is_zeroed_again(void **state)
{
	struct arena a = {0};

	memset(arena_alloc(&a, 5000), 0xee, 5000);
	memset(arena_alloc(&a, 50000), 0xee, 50000);
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	const char *p = arena_alloc(&a, 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
	arena_done(&a);
}

static void what_is_larger_than_a_block_gets_one_of_its_own(void **state)
{
	struct arena a = {0};
	char *before = arena_str(&a, "before");
	char *large = arena_alloc(&a, 1000000);
	char *after = arena_str(&a, "after");

	memset(large, 'x', 1000000);
	assert_string_equal(before, "before");
	assert_string_equal(after, "after");
	assert_true(a.used >= 1000000);
	arena_done(&a);
}

static void copies_are_equal_and_end(void **state)
{
	struct arena a = {0};

	assert_string_equal(arena_text(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_text(&a, NULL, 0), "");
	assert_null(arena_str(&a, NULL));
	assert_memory_equal(arena_dup(&a, "\0y", 2), "\0y", 2);
	arena_done(&a);
}

static void done_twice_and_of_nothing_is_well(void **state)
{
	struct arena a = {0};

	arena_reset(&a);
	arena_done(&a);
	(void)arena_alloc(&a, 1);
	arena_done(&a);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(reset_memory_is_zeroed_again),
		cmocka_unit_test(what_is_larger_than_a_block_gets_one_of_its_own),
		cmocka_unit_test(copies_are_equal_and_end),
		cmocka_unit_test(done_twice_and_of_nothing_is_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
