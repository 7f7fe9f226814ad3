/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/priority.h"

#include <assert.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* linux/ioprio.h, which is not among the headers of older kernels. */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13, IOPRIO_BE = 2, IOPRIO_IDLE = 3 };
enum { IOPRIO_NORMAL = 4 }; /* of the eight levels of best effort */

static int complain(int nice, struct err *err)
{
	return ERR_SYS(err, ERR_PERM, errno,
		       "niceness %d (below the present one only with CAP_SYS_NICE, or within "
		       "RLIMIT_NICE: LimitNICE= of a systemd unit)",
		       nice);
}

int priority_check_nice(int nice, struct err *err)
{
	assert(err != NULL);
	errno = 0;
	int now = getpriority(PRIO_PROCESS, 0);
	if (now == -1 && errno != 0)
		return complain(nice, err);
	if (nice >= now)
		return 0;
	/* Tried out: the way back up is always open. */
	if (setpriority(PRIO_PROCESS, 0, nice) < 0)
		return complain(nice, err);
	return setpriority(PRIO_PROCESS, 0, now) < 0 ? complain(now, err) : 0;
}

int priority_set_nice(int nice, struct err *err)
{
	assert(err != NULL);
	return setpriority(PRIO_PROCESS, 0, nice) < 0 ? complain(nice, err) : 0;
}

int priority_set_io(enum priority_io io, struct err *err)
{
	int class = io == PRIORITY_IO_IDLE ? IOPRIO_IDLE : IOPRIO_BE;
	int level = io == PRIORITY_IO_IDLE ? 0 : IOPRIO_NORMAL;

	assert(err != NULL);
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, class << IOPRIO_CLASS_SHIFT | level) < 0)
		return ERR_SYS(err, ERR_PERM, errno, "the priority of reads and writes");
	return 0;
}

void priority_raise_nice(pid_t pid, int nice)
{
	id_t id = (id_t)pid;

	/* A group with all threads of its members; who has changed his group, alone. Gone, or not
	 * ours: then there is nothing to do. */
	if (getpgid(pid) == pid) {
		if (getpriority(PRIO_PGRP, id) < nice)
			(void)setpriority(PRIO_PGRP, id, nice);
	} else if (getpriority(PRIO_PROCESS, id) < nice) {
		(void)setpriority(PRIO_PROCESS, id, nice);
	}
}
