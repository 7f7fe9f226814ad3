/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harmless copy of a job that a drill is played with.
 *
 * Kept as they are: parameters, constants, source (read only: `then` is left out), fields, filter,
 * transform, effect, key_valid, when_in_doubt, attempts, chunk. Replaced by a stand-in: the work,
 * and whoever verifies it. Made short: waits, time limits, the breaker's pauses. Left out:
 * everything that speaks to somebody (reports, alerts, pings), and windows, rates and quotas, which
 * a drill does not wait for.
 */
#ifndef STINT_DRILL_COPY_H
#define STINT_DRILL_COPY_H

#include <stdbool.h>

#include "base/attr.h"
#include "drill/scene.h"

struct buf;
struct err;
struct job;

struct copy_wish {
	const struct job *job;
	const char *program; /* this executable */
	const char *stage;   /* a directory; standin.h */
	const char
		*own_items; /* a CSV file with a column id, instead of the job's source; or NULL */
	enum scene_id scene;
	int turn; /* the attempt that the deed falls on */
};

/* Appends the copy as a job file. */
void copy_put(const struct copy_wish *wish, struct buf *out);
/* Whether items of the job's own source can be used: one that can be read again and again without
 * telling anybody. */
bool copy_can_read(const struct job *job);

#endif
