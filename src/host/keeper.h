/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: the small process that starts the engine, passes signals on, and is still there when
 * the engine is not.
 *
 * Promise: an engine that has not ticked for 120 s (while the keeper itself was running) is
 *          killed; one that dies by a signal, or for want of memory after more than its start, is
 *          said so and started again with growing waits, KEEPER_RESTARTS times; an engine whose
 *          keeper dies stops with grace.
 */
#ifndef STINT_HOST_KEEPER_H
#define STINT_HOST_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

enum { KEEPER_RESTARTS = 5 };

/* Runs this same program with `argv` as the engine, under this process as its keeper. Returns the
 * exit status to end with. Fails (ERR_MEMORY) before it starts anything when too few files can be
 * opened. */
ST_MUST_CHECK int keeper_run(char *const *argv, int *ret_exit, struct err *err);

/* Whether this process was told to end (TERM, INT) since it became a keeper. */
bool keeper_is_told(void);
/* Waits between two engines; false when told to end. */
bool keeper_sleep(int64_t us);

/* In the engine: the descriptor to tick on, or -1 when there is no keeper (then the caller is to
 * become one by keeper_run). */
int keeper_child_fd(void);

#endif
