/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process stands back behind others: niceness, and the class of its reads and writes.
 *
 * Both are inherited by what a process starts. Any thread; of a process with several only the
 * calling one is changed.
 */
#ifndef STINT_SYS_PRIORITY_H
#define STINT_SYS_PRIORITY_H

#include <sys/types.h>

#include "base/attr.h"

struct err;

enum priority_io { PRIORITY_IO_IDLE, PRIORITY_IO_BEST_EFFORT };

/* Could this process, and what it starts, be that nice? ERR_PERM says what is missing. Changes
 * nothing. */
ST_MUST_CHECK int priority_check_nice(int nice, struct err *err);
ST_MUST_CHECK int priority_set_nice(int nice, struct err *err);
ST_MUST_CHECK int priority_set_io(enum priority_io io, struct err *err);
/* Makes another process, and the process group that it leads, at least that nice. It may have ended
 * meanwhile. */
void priority_raise_nice(pid_t pid, int nice);

#endif
