/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: what is missing is said; where one can be made, a process moves into it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/cgroup.h"
#include "sys/file.h"

enum { PATH_BYTES = 4096 };

static char base[] = "/tmp/stint-cgroup-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", base, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_refused(const struct cgroup_limits *limits, const char *words)
{
	AUTO(str) char *path = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(cgroup_make(base, "1", limits, &path, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, words));
	assert_non_null(strstr(err.text, "Delegate=yes"));
}

static void a_controller_that_is_not_there_is_named(void **state)
{
	write_file("cgroup.controllers", "cpuset io\n");
	write_file("cgroup.subtree_control", "\n");
	assert_refused(&(struct cgroup_limits){.memory_max = 1 << 20}, "controller 'memory'");
	/* cpuset is another */
	assert_refused(&(struct cgroup_limits){.cpu_weight = 5}, "controller 'cpu'");
}

static void a_limit_that_cannot_be_written_leaves_no_group(void **state)
{
	char path[PATH_BYTES];
	struct stat st;

	write_file("cgroup.controllers", "cpu memory\n");
	write_file("cgroup.subtree_control", "cpu memory\n");
	(void)snprintf(path, sizeof(path), "%s/stint.lanes.0", base);
	assert_int_equal(mkdir(path, 0700), 0); /* of an engine that is no more */
	assert_refused(&(struct cgroup_limits){.memory_max = 1 << 20}, "memory.max");
	assert_int_equal(stat(path, &st), -1);
	(void)snprintf(path, sizeof(path), "%s/stint.lanes.1", base);
	assert_int_equal(stat(path, &st), -1);
}

static void controllers_that_are_not_passed_on_are_said(void **state)
{
	char path[PATH_BYTES];

	write_file("cgroup.controllers", "cpu memory\n");
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", base);
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* cannot be written, by root neither */
	assert_refused(&(struct cgroup_limits){.cpu_weight = 5}, "passing its controllers on");
	assert_int_equal(remove(path), 0);
	write_file("cgroup.subtree_control", "\n");
}

static void a_group_that_vanishes_takes_nobody(void **state)
{
	char path[PATH_BYTES];
	struct err err = ERR_INIT;

	(void)snprintf(path, sizeof(path), "%s/gone", base);
	assert_int_equal(cgroup_take(path, getpid(), &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "moving a process there"));
	assert_non_null(strstr(err.text, "No such file"));
	cgroup_remove(path); /* nothing happens */
}

static void nobody_hands_out_what_has_vanished(void **state)
{
	AUTO(str) char *path = NULL;
	const struct cgroup_limits none = {0};
	struct err err = ERR_INIT;

	assert_int_equal(cgroup_make("/nowhere/at/all", "1", &none, &path, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	assert_null(path);
}

static void a_process_moves_into_its_group(void **state)
{
	AUTO(str) char *own = NULL;
	AUTO(str) char *path = NULL;
	AUTO(buf) struct buf where = BUF_INIT(PATH_BYTES);
	const struct cgroup_limits none = {0};
	struct err err = ERR_INIT;
	char name[32];
	char file[64];

	(void)snprintf(name, sizeof(name), "test.%d", (int)getpid());
	if (cgroup_find_own(&own, &err) < 0 || cgroup_make(own, name, &none, &path, &err) < 0)
		skip(); /* not on this machine, or not for this user */
	pid_t pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	int rc = cgroup_take(path, pid, &err);
	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	int read_rc = file_read_all(file, PATH_BYTES, &where, &err);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	cgroup_remove(path);
	assert_int_equal(read_rc, 0);
	if (rc < 0)
		skip(); /* a group may be made and not be filled by everybody */
	assert_non_null(strstr(buf_str(&where), name));
}

static int make_base(void **state)
{
	return mkdtemp(base) == NULL ? -1 : 0;
}

static int remove_base(void **state)
{
	static const char *const names[] = {"/cgroup.controllers", "/cgroup.subtree_control", ""};
	char path[PATH_BYTES];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", base, names[i]);
		rc |= remove(path);
	}
	return rc;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_controller_that_is_not_there_is_named),
		cmocka_unit_test(a_limit_that_cannot_be_written_leaves_no_group),
		cmocka_unit_test(controllers_that_are_not_passed_on_are_said),
		cmocka_unit_test(a_group_that_vanishes_takes_nobody),
		cmocka_unit_test(nobody_hands_out_what_has_vanished),
		cmocka_unit_test(a_process_moves_into_its_group),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
