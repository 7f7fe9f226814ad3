/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harmless copy of a job that a drill is played with.
 *
 * Kept as they are: parameters, constants; of each step its source (read only: `then` is left out),
 * fields, filter, transform, effect, key_valid, when_in_doubt, attempts, chunk, go_on_when.
 * Replaced by a stand-in: the work, and whoever verifies it; what answers kept for later steps is
 * made up. Made short: waits, time limits, the breaker's pauses. Left out: everything that speaks
 * to somebody (reports, alerts, pings, statements at the end), and windows, rates and quotas, which
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
	const struct job *job; /* its first step */
	const char *program;   /* this executable */
	const char *stage;     /* a directory; standin.h */
	const char *own_items; /* a CSV file with a column id */
	/* By step: has own_items in place of its source, and no filter and transform, since these
	 * are over fields that are not there. NULL: none. */
	const bool *is_plain;
	bool keeps_texts; /* what answers keep is made up of texts, not numbers */
	enum scene_id scene;
	int deed_step; /* where the deed falls, from 1 */
	int turn;      /* the attempt there that it falls on */
};

/* Appends the copy as a job file. */
void copy_put(const struct copy_wish *wish, struct buf *out);
/* Whether items of the step's own source can be used: one that can be read again and again without
 * telling anybody. */
bool copy_can_read(const struct job *step);
/* Whether later steps have something of its answers. */
bool copy_keeps(const struct job *step);
/* Whether it is plain, or takes the items of one that has items of our own. */
bool copy_is_plain(const bool *is_plain, const struct job *step);

#endif
