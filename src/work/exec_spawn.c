/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "work/exec_user.h"

enum { EXIT_NOT_STARTED = 127 };

/* ---- by posix_spawn ---- */

static int put_actions(posix_spawn_file_actions_t *actions, const struct exec_spawn *spec)
{
	int rc = posix_spawn_file_actions_addchdir_np(actions, spec->directory);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, spec->in_fd, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, spec->out_fd, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, spec->err_fd, STDERR_FILENO);
	return rc;
}

static int put_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none = {0};
	sigset_t all = {0};

	(void)sigemptyset(&none); /* with a valid pointer these cannot fail, nor can the setters */
	(void)sigfillset(&all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							    POSIX_SPAWN_SETSIGDEF);
}

static int spawn_quickly(const struct exec_spawn *spec, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	int rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	assert(rc == 0); /* it only clears a struct */
	rc = put_attributes(&attributes);
	if (rc == 0)
		rc = put_actions(&actions, spec);
	if (rc == 0)
		rc = posix_spawnp(ret_pid, spec->program, &actions, &attributes, spec->argv,
				  spec->envp);
	(void)posix_spawnattr_destroy(&attributes);	  /* cannot fail */
	(void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
	return rc;
}

/* ---- as another user, by fork ---- */

static int reset_signals(void)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none = {0};

	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &plain, NULL); /* KILL, STOP and libc's own cannot be set */
	(void)sigemptyset(&none);		  /* cannot fail */
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: 0 never, but the errno of what failed. */
static int become(const struct exec_spawn *spec)
{
	const struct exec_user *user = spec->user;

	if (setpgid(0, 0) < 0 || reset_signals() < 0)
		return errno;
	if (dup2(spec->in_fd, STDIN_FILENO) < 0 || dup2(spec->out_fd, STDOUT_FILENO) < 0 ||
	    dup2(spec->err_fd, STDERR_FILENO) < 0)
		return errno;
	/* In this order: after setuid the others are not allowed any more. The directory last, with
	 * the rights of the user. */
	if (setgroups(user->n_groups, user->groups) < 0 || setgid(user->gid) < 0 ||
	    setuid(user->uid) < 0 || chdir(spec->directory) < 0)
		return errno;
	(void)execvpe(spec->program, spec->argv, spec->envp); /* returns only when it failed */
	return errno;
}

static int spawn_as_user(const struct exec_spawn *spec, pid_t *ret_pid)
{
	int report[2] = {-1, -1}; /* carries the child's errno; closed by exec */
	int os_errno = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return errno;
	pid_t pid = fork();
	if (pid == 0) {
		os_errno = become(spec);
		(void)!write(report[1], &os_errno, sizeof(os_errno)); /* nobody else to tell */
		_exit(EXIT_NOT_STARTED);
	}
	int fork_errno = errno;
	(void)close(report[1]); /* the other end is the child's */
	if (pid < 0) {
		(void)close(report[0]); /* unused */
		return fork_errno;
	}
	ssize_t got = fd_read_full(report[0], &os_errno, sizeof(os_errno));
	(void)close(report[0]); /* read to its end */
	if (got == (ssize_t)sizeof(os_errno)) {
		(void)waitpid(pid, NULL, 0); /* it is ending by itself */
		return os_errno;
	}
	*ret_pid = pid;
	return 0;
}

int exec_spawn(const struct exec_spawn *spec, pid_t *ret_pid)
{
	assert(spec != NULL && spec->program != NULL && spec->argv != NULL && spec->envp != NULL);
	assert(spec->in_fd > STDERR_FILENO && spec->out_fd > STDERR_FILENO &&
	       spec->err_fd > STDERR_FILENO && ret_pid != NULL);
	mode_t umask_before = 0;
	struct rlimit core_before = {0};

	/* There is neither in posix_spawn; this process has one thread and creates no files here.
	 * The limits are within what is allowed, so that setting them does not fail. */
	if (spec->umask >= 0)
		umask_before = umask((mode_t)spec->umask);
	if (spec->core != NULL)
		(void)prlimit(0, RLIMIT_CORE, spec->core, &core_before);
	int rc = spec->user == NULL ? spawn_quickly(spec, ret_pid) : spawn_as_user(spec, ret_pid);
	if (spec->core != NULL)
		(void)setrlimit(RLIMIT_CORE, &core_before);
	if (spec->umask >= 0)
		(void)umask(umask_before);
	return rc;
}
