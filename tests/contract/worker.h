/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other processes on the ledger under test: the test program started once more, with a role.
 */
#ifndef STINT_TESTS_CONTRACT_WORKER_H
#define STINT_TESTS_CONTRACT_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Called first by main: plays a role and gives its exit status, or -1 when there is none to
 * play. */
int worker_main(int argc, char **argv);

/* Starts the role; `ret_fd` reads what it says. */
pid_t worker_start(const char *role, const char *url, const char *argument, int *ret_fd);
/* The number that it says next. */
int64_t worker_number(int fd);
/* Waits for its end; the exit status, or 128 + signal. */
int worker_wait(pid_t pid);

#endif
