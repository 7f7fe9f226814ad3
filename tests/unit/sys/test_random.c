/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sys/random.h"

static void bytes_of_any_length_are_filled(void **state)
{
	unsigned char bytes[1000];
	unsigned char seen[1000] = {0};

	for (int round = 0; round < 10; round++) { /* a byte stays 0 in all with 2^-80 */
		memset(bytes, 0, sizeof(bytes));
		random_bytes(bytes, 999);
		assert_int_equal(bytes[999], 0);
		for (size_t i = 0; i < sizeof(bytes); i++)
			seen[i] |= bytes[i];
	}
	for (size_t i = 0; i < 999; i++)
		assert_int_not_equal(seen[i], 0);
	random_bytes(NULL, 0);
}

static void numbers_differ(void **state)
{
	assert_true(random_u64() != random_u64());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_any_length_are_filled),
		cmocka_unit_test(numbers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
