/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups, version 2: limits for processes that this one has started.
 *
 * The group is made beside this process's own place, below what was delegated to it (cgroups(7),
 * systemd: Delegate=yes). A group that has limits for others may hold no processes itself, so this
 * process and its parent move into a group below it first, where that is needed. Any thread.
 */
#ifndef STINT_SYS_CGROUP_H
#define STINT_SYS_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct err;

struct cgroup_limits {
	int64_t memory_max; /* bytes, 0: none */
	int cpu_weight;	    /* 1 … 10000, 0: none */
};

/* The group of this process as a directory; the caller frees. ERR_UNAVAILABLE. */
ST_MUST_CHECK int cgroup_find_own(char **ret_path, struct err *err);
/* Makes a group of that name below `base` (cgroup_find_own) with these limits, and removes those of
 * the same beginning that are empty; the caller frees the path. ERR_UNAVAILABLE says what is
 * missing.
 */
ST_MUST_CHECK int cgroup_make(const char *base, const char *name,
			      const struct cgroup_limits *limits, char **ret_path, struct err *err);
/* Moves a process, and so what it will start, into the group. */
ST_MUST_CHECK int cgroup_take(const char *path, pid_t pid, struct err *err);
/* When nothing is in it any more; else it is left to the next cgroup_make. */
void cgroup_remove(const char *path);

#endif
