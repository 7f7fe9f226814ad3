/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "unit/sys/scratch.h"

/* A program that waits, started with this environment; its own group if `leads`. */
static pid_t start_sleeper(const char *env, bool leads)
{
	char copy[200];
	char *argv[] = {(char[]){"cat"}, NULL};
	char *envp[] = {(char[]){"FIRST=1"}, copy, NULL};
	int input[2] = {-1, -1};

	(void)snprintf(copy, sizeof(copy), "%s", env);
	assert_int_equal(pipe(input), 0); /* stays open here: cat waits for ever */
	pid_t child = fork();
	if (child == 0) {
		if (leads)
			(void)setpgid(0, 0);
		(void)dup2(input[0], STDIN_FILENO);
		(void)close(input[1]);
		(void)execve("/bin/cat", argv, envp);
		_exit(127);
	}
	(void)close(input[0]);
	return child;
}

/* Waits until the program is there: until then its environment is ours. */
static void await_found(const char *name, const char *value, size_t n)
{
	int64_t deadline = clock_monotonic_us() + 20 * US_PER_S;

	while (proc_kill_by_env(name, value, 0, NULL, 0) != n)
		if (clock_monotonic_us() > deadline)
			fail_msg("%s=%s is never there", name, value);
}

static int reap(pid_t child)
{
	int status = 0;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void start_time_tells_processes_apart(void **state)
{
	int64_t mine = proc_start_time(getpid());
	int64_t init = proc_start_time(1);

	assert_true(mine > 0);
	assert_true(init < mine);
	assert_int_equal(proc_start_time(getpid()), mine);
	assert_int_equal(proc_start_time(0), -1);
	assert_int_equal(proc_start_time(-5), -1);
	assert_int_equal(proc_start_time(0x7ffffff0), -1);
}

static void set_program_name(const char *name)
{
	AUTO(fd) int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);

	assert_int_equal(fd_write_all(fd, name, strlen(name)), 0);
}

static void strange_program_names_do_not_confuse(void **state)
{
	int64_t mine = proc_start_time(getpid());

	set_program_name("x) R 1 (2 3)");
	assert_int_equal(proc_start_time(getpid()), mine);
	set_program_name("test proc");
	assert_int_equal(proc_start_time(getpid()), mine);
}

static void start_time_of_a_dead_process_is_none(void **state)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(proc_start_time(child), -1);
}

static void machine_and_boot_have_names(void **state)
{
	char boot[PROC_ID_MAX];
	char again[PROC_ID_MAX];
	char machine[PROC_ID_MAX];
	char host[100];
	char tiny[2] = {'#', '#'};

	proc_boot_id(boot);
	proc_boot_id(again);
	assert_true(proc_machine_id(machine));
	assert_int_equal(strlen(boot), 36);
	assert_string_equal(boot, again);
	assert_true(strlen(machine) >= 32);
	proc_host_name(host, sizeof(host));
	assert_true(strlen(host) > 0);
	proc_host_name(tiny, sizeof(tiny));
	assert_int_equal(tiny[1], '\0');
}

static void pidfd_tells_the_end_of_a_process(void **state)
{
	pid_t child = start_sleeper("STINT_TEST_A=1", false);
	AUTO(fd) int pidfd = proc_open_pidfd(child);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	assert_true(pidfd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(reap(child), SIGKILL);
	assert_int_equal(proc_open_pidfd(child), -1);
}

static void processes_are_found_and_ended_by_their_environment(void **state)
{
	char value[40];
	pid_t pids[2] = {0};

	(void)snprintf(value, sizeof(value), "%d-", (int)getpid()); /* of this test alone */
	char one[80];
	char two[80];
	char other[80];
	(void)snprintf(one, sizeof(one), "STINT_TEST_RUN=%sone", value);
	(void)snprintf(two, sizeof(two), "STINT_TEST_RUN=%stwo", value);
	(void)snprintf(other, sizeof(other), "XSTINT_TEST_RUN=%sone", value);
	pid_t a = start_sleeper(one, false);
	pid_t b = start_sleeper(two, true);
	pid_t c = start_sleeper(other, false);
	await_found("STINT_TEST_RUN", value, 2);
	await_found("XSTINT_TEST_RUN", value, 1);
	assert_int_equal(proc_kill_by_env("STINT_TEST_RUN", "no such value", SIGKILL, pids, 2), 0);
	assert_int_equal(proc_kill_by_env("STINT_TEST_RU", value, SIGKILL, pids, 2), 0);
	assert_int_equal(proc_kill_by_env("STINT_TEST_RUN", value, SIGKILL, pids, 1), 2);
	assert_true(pids[0] == a || pids[0] == b);
	assert_int_equal(pids[1], 0); /* there was room for one */
	assert_int_equal(reap(a), SIGKILL);
	assert_int_equal(reap(b), SIGKILL);
	assert_int_equal(waitpid(c, NULL, WNOHANG), 0);
	assert_int_equal(kill(c, SIGTERM), 0);
	assert_int_equal(reap(c), SIGTERM);
}

/* Where the stack has no limit, Linux gives a program up to 6 MiB of arguments and environment. */
static void the_largest_environment_is_looked_at(void **state)
{
	enum { N = 48, EACH = 120 * 1000 };
	struct rlimit stack = {0};
	char *argv[] = {(char[]){"sleep"}, (char[]){"60"}, NULL};
	char *envp[N + 2] = {0};
	char last[64];

	assert_int_equal(getrlimit(RLIMIT_STACK, &stack), 0);
	if (stack.rlim_max != RLIM_INFINITY)
		skip();
	for (int i = 0; i < N; i++) {
		envp[i] = calloc(EACH + 1, 1);
		memset(envp[i], 'x', EACH);
		envp[i][1] = '=';
	}
	(void)snprintf(last, sizeof(last), "STINT_TEST_LARGE=%d.", (int)getpid());
	envp[N] = last;
	pid_t child = fork();
	if (child == 0) {
		stack.rlim_cur = RLIM_INFINITY;
		(void)setrlimit(RLIMIT_STACK, &stack);
		(void)execve("/bin/sleep", argv, envp);
		_exit(1);
	}
	await_found("STINT_TEST_LARGE", strchr(last, '=') + 1, 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(reap(child), SIGKILL);
	for (int i = 0; i < N; i++)
		free(envp[i]);
}

static void resources_are_told(void **state)
{
	assert_true(proc_cpus() >= 1);
	assert_true(proc_pss_bytes(getpid()) > 1024);
	assert_int_equal(proc_pss_bytes(0x7ffffff0), -1);
}

/* ---- programs ---- */

static void make_text_file(const char *name, mode_t mode, const char *text)
{
	struct err err = ERR_INIT;

	if (file_write_atomic(scratch_path(name), text, strlen(text), mode, &err) != 0)
		fail_msg("%s", err.text);
}

static void make_file(const char *name, mode_t mode)
{
	make_text_file(name, mode, "#!/bin/sh\n");
}

static void make_text(const char *name, const char *text)
{
	make_text_file(name, 0755, text);
}

static void assert_not_found(const char *name, const char *words)
{
	char path[256] = "untouched";
	struct err err = ERR_INIT;

	assert_int_equal(proc_find_program(name, path, sizeof(path), &err), ERR_CONFIG);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, words);
	assert_string_equal(path, "untouched");
}

static void program_is_found_along_path(void **state)
{
	char path[256] = {0};
	char search[600] = {0};
	struct err err = ERR_INIT;

	assert_int_equal(file_make_directories(scratch_path("one/both"), 0700, &err), 0);
	assert_int_equal(file_make_directories(scratch_path("two"), 0700, &err), 0);
	make_file("one/plain", 0644);
	make_file("two/plain", 0755);
	make_file("two/both", 0755);
	make_file("one/only-plain", 0644);
	(void)snprintf(search, sizeof(search), "%s:/no/such:%s", scratch_path("one"),
		       scratch_path("two"));
	assert_int_equal(setenv("PATH", search, 1), 0);
	/* what cannot be run is passed over */
	assert_int_equal(proc_find_program("plain", path, sizeof(path), &err), 0);
	assert_string_equal(path, scratch_path("two/plain"));
	assert_int_equal(proc_find_program("both", path, sizeof(path), &err), 0);
	assert_string_equal(path, scratch_path("two/both"));
	/* but told when nothing better comes */
	assert_not_found("only-plain", "one/only-plain is not executable");
	assert_not_found("absent", "'absent' is in no directory of PATH");
	assert_not_found("", "empty");
	assert_int_equal(unsetenv("PATH"), 0);
	assert_int_equal(proc_find_program("cat", path, sizeof(path), &err), 0);
	assert_string_equal(path, "/bin/cat");
}

static void program_with_a_slash_is_that_file(void **state)
{
	char path[256] = {0};
	char small[5] = {0};
	struct err err = ERR_INIT;

	make_file("runs", 0755);
	make_file("does-not", 0644);
	assert_int_equal(proc_find_program(scratch_path("runs"), path, sizeof(path), &err), 0);
	assert_string_equal(path, scratch_path("runs"));
	assert_not_found(scratch_path("does-not"), "is not executable");
	assert_not_found(scratch_path("absent"), "does not exist");
	assert_not_found(scratch_directory, "is a directory");
	assert_not_found("/dev/null", "is not executable");
	make_text("windows", "#!/bin/sh\r\necho\r\n");
	assert_not_found(scratch_path("windows"), "CR LF");
	make_text("orphan", "#! /no/such/python -u\n");
	assert_not_found(scratch_path("orphan"), "its interpreter '/no/such/python'");
	make_text("sound", "#!/bin/sh -e\n");
	assert_int_equal(proc_find_program(scratch_path("sound"), path, sizeof(path), &err), 0);
	assert_int_equal(proc_find_program(scratch_path("runs"), small, sizeof(small), &err),
			 ERR_CONFIG);
}

static void empty_element_of_path_is_the_working_directory(void **state)
{
	char path[256] = {0};
	struct err err = ERR_INIT;

	make_file("here", 0755);
	assert_int_equal(chdir(scratch_directory), 0);
	assert_int_equal(setenv("PATH", "/no/such:", 1), 0);
	assert_int_equal(proc_find_program("here", path, sizeof(path), &err), 0);
	assert_string_equal(path, "./here");
}

static void a_process_has_a_parent(void **state)
{
	assert_int_equal(proc_parent(getpid()), getppid());
	assert_int_equal(proc_parent(1), 0);
	assert_int_equal(proc_parent(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_has_a_parent),
		cmocka_unit_test(start_time_tells_processes_apart),
		cmocka_unit_test(strange_program_names_do_not_confuse),
		cmocka_unit_test(start_time_of_a_dead_process_is_none),
		cmocka_unit_test(machine_and_boot_have_names),
		cmocka_unit_test(pidfd_tells_the_end_of_a_process),
		cmocka_unit_test(processes_are_found_and_ended_by_their_environment),
		cmocka_unit_test(the_largest_environment_is_looked_at),
		cmocka_unit_test(resources_are_told),
		cmocka_unit_test(program_is_found_along_path),
		cmocka_unit_test(program_with_a_slash_is_that_file),
		cmocka_unit_test(empty_element_of_path_is_the_working_directory),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
