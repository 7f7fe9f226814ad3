/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REJECTS_RATIO_DEFAULT 0.01
#define DEAD_RATIO_DEFAULT 0.10
enum { HISTORY_MAX = 20 };

bool limits_too_many_rejects(const struct limit *max, int64_t rejected, int64_t read,
			     char why[LIMITS_WHY_MAX])
{
	double share = max->is_set && max->is_ratio ? max->ratio : REJECTS_RATIO_DEFAULT;
	int64_t limit = (int64_t)(share * (double)read);

	assert(why != NULL);
	if (max->is_set && !max->is_ratio)
		limit = max->count;
	else if (!max->is_set && limit < LIMITS_REJECTS_DEFAULT)
		limit = LIMITS_REJECTS_DEFAULT;
	if (rejected <= limit)
		return false;
	(void)snprintf(why, LIMITS_WHY_MAX,
		       "%lld of %lld records were rejected, more than %lld (max_rejects)",
		       (long long)rejected, (long long)read, (long long)limit);
	return true;
}

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

bool limits_surge(double factor, int64_t items, const int64_t *history, size_t n,
		  char why[LIMITS_WHY_MAX])
{
	int64_t sorted[HISTORY_MAX];

	if (n > HISTORY_MAX)
		n = HISTORY_MAX;
	if (n < LIMITS_SURGE_RUNS)
		return false;
	memcpy(sorted, history, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare_int64);
	double median = n % 2 == 1 ? (double)sorted[n / 2]
				   : ((double)sorted[n / 2 - 1] + (double)sorted[n / 2]) / 2;
	if ((double)items <= factor * median)
		return false;
	(void)snprintf(why, LIMITS_WHY_MAX,
		       "%lld items, more than %g times the %g that the last %zu runs had (surge)",
		       (long long)items, factor, median, n);
	return true;
}

bool limits_too_many_dead(const struct limit *max, int64_t dead, int64_t items,
			  char why[LIMITS_WHY_MAX])
{
	bool by_count = max->is_set && !max->is_ratio;
	double share = max->is_set ? max->ratio : DEAD_RATIO_DEFAULT;
	bool is_over = by_count ? dead > max->count
				: dead >= LIMITS_DEAD_AT_LEAST &&
					  (double)dead > share * (double)items;

	if (!is_over)
		return false;
	if (by_count)
		(void)snprintf(why, LIMITS_WHY_MAX,
			       "%lld items are dead, more than %lld (max_dead)", (long long)dead,
			       (long long)max->count);
	else
		(void)snprintf(why, LIMITS_WHY_MAX,
			       "%lld of %lld items are dead, more than %g%% (max_dead)",
			       (long long)dead, (long long)items, share * 100);
	return true;
}
