/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit/dies.h"

static void fresh_memory_is_zero(void **state)
{
	unsigned char *p = xcalloc(100, 3);

	for (size_t i = 0; i < 300; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

static void nothing_is_something_too(void **state)
{
	void *none = xcalloc(0, 0);
	void *empty = xmemdup(NULL, 0);

	assert_non_null(none);
	assert_non_null(empty);
	free(none);
	free(empty);
}

static void copies_are_equal_and_apart(void **state)
{
	AUTO(str) char *whole = xstrdup("abc");
	AUTO(str) char *part = xstrndup("abcdef", 2);
	AUTO(str) char *bytes = xmemdup("\0x", 2);

	assert_string_equal(whole, "abc");
	assert_string_equal(part, "ab");
	assert_memory_equal(bytes, "\0x", 2);
}

static void growing_keeps_what_was_there(void **state)
{
	char *p = xstrdup("keep");

	p = xrealloc(p, 1000, 10);
	assert_string_equal(p, "keep");
	free(p);
}

static void ask_for_everything(void)
{
	free(xcalloc(SIZE_MAX / 2, 4));
}

static void ask_for_more_than_everything(void)
{
	free(xrealloc(NULL, SIZE_MAX / 2 + 1, 2));
}

static void lack_of_memory_ends_the_process(void **state)
{
	assert_true(dies(ask_for_everything));
	assert_true(dies(ask_for_more_than_everything));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_memory_is_zero),
		cmocka_unit_test(nothing_is_something_too),
		cmocka_unit_test(copies_are_equal_and_apart),
		cmocka_unit_test(growing_keeps_what_was_there),
		cmocka_unit_test(lack_of_memory_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
