/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits that end a run before it does harm: rejects, surge, dead items. Pure.
 * Each fills `why` with words that give the figures and the key of the job file.
 */
#ifndef STINT_CORE_LIMITS_H
#define STINT_CORE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LIMITS_REJECTS_DEFAULT = 10, /* or 1 %, whichever is more */
	LIMITS_DEAD_AT_LEAST = 20,
	LIMITS_SURGE_RUNS = 5, /* from so many earlier runs on */
	LIMITS_WHY_MAX = 200
};

struct limit { /* a count, or a share of the whole */
	bool is_set;
	bool is_ratio;
	int64_t count;
	double ratio;
};

/* max_rejects, with the full count known. */
bool limits_too_many_rejects(const struct limit *max, int64_t rejected, int64_t read,
			     char why[LIMITS_WHY_MAX]);
/* surge: more than `factor` times the median of the earlier runs' items. */
bool limits_surge(double factor, int64_t items, const int64_t *history, size_t n,
		  char why[LIMITS_WHY_MAX]);
/* max_dead: a count, or a share of the items (and then at least LIMITS_DEAD_AT_LEAST). */
bool limits_too_many_dead(const struct limit *max, int64_t dead, int64_t items,
			  char why[LIMITS_WHY_MAX]);

#endif
