/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured while a run is worked: how long attempts and their phases take, what fails, and
 * the time that goes into it. Written into the ledger in the transactions of the outcomes: counts
 * in the very same one, durations at most once a second and at the end, so that what a crash loses
 * of them is a second's.
 *
 * Promise: bounded, whatever comes: a histogram for each phase, LEDGER_CLASSES_MAX error classes.
 * Owner:   the run; functions that take no outcome do nothing while there is none (`stats` NULL).
 */
#ifndef STINT_ENGINE_STATS_H
#define STINT_ENGINE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/timing.h"
#include "engine/session.h"

struct run;
struct stats;

/* When the job is known. */
void stats_begin(struct run *r);
void stats_free(struct stats *s);

/* An attempt that ended, however. */
struct stats_attempt {
	bool is_done;
	bool is_again; /* something had been tried before */
	int64_t took_us;
	const int64_t *timings_us;   /* TIMING_LANE_COUNT of them, 0: there was none; or NULL */
	const char *err_class, *err; /* of one that failed */
};
void stats_attempt(struct run *r, const struct stats_attempt *a);
/* An item that ended, well or not, after so many attempts. */
void stats_item(struct run *r, int64_t tries, int64_t spent_us);
/* A unit of `n` items that were done together; each counts as its share. */
void stats_unit(struct run *r, int64_t n, int64_t took_us);
/* What the engine itself took. */
void stats_timing(struct run *r, enum timing timing, int64_t us);

/* Writes what is due; … */
void stats_turn(struct run *r);
/* … at this boot clock. */
int64_t stats_deadline(const struct run *r);
/* Writes everything into the open transaction: the run is left with it. */
void stats_end(struct run *r);

/* Fills the members that tell of latency and failures. */
void stats_get_status(const struct run *r, struct session_status *status);

#endif
