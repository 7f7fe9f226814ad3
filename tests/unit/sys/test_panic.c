/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/panic.h"

/* Runs `act` in a child and gives what it said and how it ended. */
static int last_words(void (*act)(void), char *out, size_t size)
{
	static const int caught_by_cmocka[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	int fds[2] = {-1, -1};
	int status = 0;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		struct sigaction plain = {.sa_handler = SIG_DFL};
		struct rlimit no_core = {0};
		(void)dup2(fds[1], STDERR_FILENO);
		(void)setrlimit(RLIMIT_CORE, &no_core);
		for (size_t i = 0; i < ARRAY_LEN(caught_by_cmocka); i++)
			(void)sigaction(caught_by_cmocka[i], &plain, NULL);
		panic_install();
		act();
		_exit(0);
	}
	(void)close(fds[1]);
	ssize_t n = fd_read_full(fds[0], out, size - 1);
	(void)close(fds[0]);
	out[n < 0 ? 0 : n] = '\0';
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void die_with_context(void)
{
	panic_context("send@2026-11-29", 9223372036854775807);
	abort();
}

static void die_after_context(void)
{
	panic_context("send@2026-11-29", 0);
	panic_context(NULL, 0);
	abort();
}

static void die_of_a_signal(void)
{
	(void)raise(SIGSEGV);
}

static void aborted_process_tells_its_work_and_place(void **state)
{
	static char text[16384];

	assert_int_equal(last_words(die_with_context, text, sizeof(text)), SIGABRT);
	assert_non_null(strstr(text, "died by SIGABRT"));
	assert_non_null(
		strstr(text, "working on: run send@2026-11-29, item 9223372036854775807\n"));
	assert_non_null(strstr(text, "backtrace:\n"));
	assert_non_null(strstr(strstr(text, "backtrace:\n"), "test_unit_sys_panic"));
}

static void what_is_over_is_nothing_in_particular(void **state)
{
	static char text[16384];

	assert_int_equal(last_words(die_after_context, text, sizeof(text)), SIGABRT);
	assert_non_null(strstr(text, "working on: nothing in particular\n"));
}

static void other_signals_end_it_as_they_would_have(void **state)
{
	static char text[16384];

	assert_int_equal(last_words(die_of_a_signal, text, sizeof(text)), SIGSEGV);
	assert_non_null(strstr(text, "died by SIGSEGV"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aborted_process_tells_its_work_and_place),
		cmocka_unit_test(what_is_over_is_nothing_in_particular),
		cmocka_unit_test(other_signals_end_it_as_they_would_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
