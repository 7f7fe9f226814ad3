/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes and the machine they run on, as /proc tells.
 *
 * A process is named for good by its number together with its start time and the boot id, since
 * numbers come again. Any thread.
 */
#ifndef STINT_SYS_PROC_H
#define STINT_SYS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct err;
struct rlimit;

enum { PROC_ID_MAX = 40 };

/* When the process started, in clock ticks since boot; -1 when there is no such process. */
int64_t proc_start_time(pid_t pid);
/* 0 when there is no such process, or none above it. */
pid_t proc_parent(pid_t pid);
/* What names this boot, 36 characters; "" when /proc does not tell. */
void proc_boot_id(char out[PROC_ID_MAX]);
/* What names this machine: /etc/machine-id; the boot id where there is none. False when that cannot
 * be read now. */
ST_MUST_CHECK bool proc_machine_id(char out[PROC_ID_MAX]);
/* Cut to fit. */
void proc_host_name(char *out, size_t size);
/* A descriptor that becomes readable when the process ends; -1 with errno. */
int proc_open_pidfd(pid_t pid);
/* Sends `sig` (0: none, only looks) to every process but this one whose environment, as it was when
 * its program was started, has NAME=VALUE… with this beginning, and to its process group where it
 * leads one. Returns how many were found; the first `max` are put in `pids`, which may be NULL. */
size_t proc_kill_by_env(const char *name, const char *value_prefix, int sig, pid_t *pids,
			size_t max);
/* How many CPUs this process may use, at least 1. */
int proc_cpus(void);
/* Its share of memory (proportional set size); -1 when it is gone or not ours to ask. */
int64_t proc_pss_bytes(pid_t pid);
/* This process may have so much more data than now; who asks for more gets none. False when there
 * is no such limit: the system refuses it, or a sanitizer needs memory as it likes. */
bool proc_limit_memory(int64_t more_bytes);
/* Safety: for a process with secrets in its memory, of which no core file may be written. One byte
 * is less than any core has and, unlike zero, keeps the kernel from handing a core to a program,
 * too (core(5)). `ret_before` is how it was: for programs that it starts. */
void proc_forbid_core(struct rlimit *ret_before);
/* Whether the file begins with #! and an interpreter that is not there: ERR_CONFIG says so. What
 * cannot be looked at is left to who starts it. */
ST_MUST_CHECK int proc_check_interpreter(const char *path, struct err *err);
/* The file that execvp would run for `name`. ERR_CONFIG says what is wrong: not there, a directory,
 * not executable, no interpreter. */
ST_MUST_CHECK int proc_find_program(const char *name, char *out, size_t size, struct err *err);

#endif
