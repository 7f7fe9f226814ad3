/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a program: in a process group of its own, all signals as they are by default, with its
 * three standard descriptors and no others.
 *
 * posix_spawn does it without copying this process's page tables; only another user takes a fork.
 * The caller's other descriptors must be O_CLOEXEC, and 0 to 2 must be open in it.
 */
#ifndef STINT_WORK_EXEC_SPAWN_H
#define STINT_WORK_EXEC_SPAWN_H

#include <sys/types.h>

#include "base/attr.h"

struct exec_user;
struct rlimit;

struct exec_spawn {
	const char *program; /* looked for in PATH when there is no '/' in it */
	char *const *argv;
	char *const *envp;
	const char *directory; /* absolute */
	int in_fd;
	int out_fd;
	int err_fd;		      /* may be out_fd */
	int umask;		      /* -1: as it is */
	const struct exec_user *user; /* NULL: this one */
	const struct rlimit *core;    /* of core files; NULL: as it is */
};

/* 0 and the process (and group) id, or the errno of why not. */
ST_MUST_CHECK int exec_spawn(const struct exec_spawn *spec, pid_t *ret_pid);

#endif
