/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting on behalf of a load: growing pauses after a read that failed (source.retry), and waits
 * for files. All of it goes through the reader's own `wait`, so that a stop is heard.
 */
#ifndef STINT_SOURCE_PATIENCE_H
#define STINT_SOURCE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct job_retry;

struct patience {
	const struct job_retry *retry; /* NULL: every failure is final */
	void *arg;
	bool (*wait)(void *arg, const char *what, utime until, int64_t us); /* NULL: never */
};

/* Whether the same call may succeed later: a network file system away, a full table. */
bool patience_is_transient(int os_errno);
/* After failed attempt number `attempt` (from 1) at `name`: 0 when it is time to try again, ERR_IO
 * when that is no use or was the last attempt, ERR_TEMP when a stop came. */
ST_MUST_CHECK int patience_again(const struct patience *p, int attempt, int os_errno,
				 const char *name, struct err *err);
/* The same after a failure that may pass, which `err` has: 0, or that failure when it was the last
 * attempt, or ERR_TEMP when a stop came. */
ST_MUST_CHECK int patience_after(const struct patience *p, int attempt, const char *name,
				 struct err *err);
/* Waits until `us` have passed. ERR_TEMP when a stop came. */
ST_MUST_CHECK int patience_pause(const struct patience *p, const char *what, int64_t us,
				 struct err *err);

#endif
