/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "sys/aside.h"
#include "sys/clock.h"

#define LONG_US (600 * US_PER_S)

static void set(void *arg)
{
	*(int *)arg = 7;
}

/* Until somebody writes; then answers, and is gone. */
static void wait_for_a_byte(void *arg)
{
	int *fds = arg;
	char byte = '\0';

	(void)!read(fds[0], &byte, 1);
	(void)!write(fds[3], &byte, 1);
}

static void what_ends_is_waited_for(void **state)
{
	int number = 0;

	assert_true(aside_call(set, &number, LONG_US));
	assert_int_equal(number, 7);
}

static void what_does_not_end_is_left_alone_and_may_end_later(void **state)
{
	static int fds[4]; /* its own, also when we are gone */
	char byte = 'x';

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(pipe2(fds + 2, O_CLOEXEC), 0);
	assert_true(aside_call(wait_for_a_byte, fds, US_PER_MS));
	assert_int_equal(write(fds[1], &byte, 1), 1);
	assert_int_equal(read(fds[2], &byte, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_is_waited_for),
		cmocka_unit_test(what_does_not_end_is_left_alone_and_may_end_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
