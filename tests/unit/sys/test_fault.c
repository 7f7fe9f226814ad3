/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fault.h"

/* What becomes of a process with this STINT_FAULT that comes by "here" three times, and by "there".
 * Its exit status tells when FAULT() was true, a bit each. */
static int walk(const char *faults, const char *mark)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int seen = 0;
		(void)setenv("STINT_FAULT", faults, 1);
		if (mark != NULL)
			(void)setenv("STINT_FAULT_ONCE", mark, 1);
		for (int i = 0; i < 3; i++)
			seen |= (fault_point("here") ? 1 : 0) << i;
		seen |= (fault_point("there") ? 1 : 0) << 3;
		_exit(seen);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (!WIFSTOPPED(status))
		return status;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return status;
}

static void it_happens_the_nth_time_at_its_place(void **state)
{
	assert_int_equal(WEXITSTATUS(walk("here:2:err", NULL)), 2);
	assert_int_equal(WEXITSTATUS(walk("here:2:always", NULL)), 6);
	assert_int_equal(WEXITSTATUS(walk("there:1:err", NULL)), 8);
	assert_int_equal(WEXITSTATUS(walk("here:1:err,there:1:err", NULL)), 9);
	assert_int_equal(WEXITSTATUS(walk("here:4:err,nowhere:1:kill", NULL)), 0);
}

static void a_process_can_be_killed_or_stopped_there(void **state)
{
	int status = walk("here:3:kill", NULL);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(WIFSTOPPED(walk("there:1:stop", NULL)));
}

static void with_a_mark_it_happens_to_the_first_process_only(void **state)
{
	char mark[] = "/tmp/stint-fault-XXXXXX";
	int fd = mkstemp(mark);

	assert_true(fd >= 0);
	(void)close(fd);
	(void)unlink(mark);
	assert_int_equal(WEXITSTATUS(walk("here:1:err", mark)), 1);
	assert_int_equal(WEXITSTATUS(walk("here:1:err", mark)), 0);
	(void)unlink(mark);
}

static void nothing_happens_unasked(void **state)
{
	(void)unsetenv("STINT_FAULT");
	assert_false(fault_point("here"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_happens_the_nth_time_at_its_place),
		cmocka_unit_test(a_process_can_be_killed_or_stopped_there),
		cmocka_unit_test(with_a_mark_it_happens_to_the_first_process_only),
		cmocka_unit_test(nothing_happens_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
