/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REJECTS_RATIO_DEFAULT 0.01
#define DEAD_RATIO_DEFAULT 0.10
enum { HISTORY_MAX = 20 };

bool limits_too_many_rejects(bool is_set, bool is_ratio, int64_t count, double ratio,
			     int64_t rejected, int64_t read, char *why, size_t size)
{
	double share = is_set && is_ratio ? ratio : REJECTS_RATIO_DEFAULT;
	int64_t limit = (int64_t)(share * (double)read);

	assert(why != NULL);
	if (is_set && !is_ratio)
		limit = count;
	else if (!is_set && limit < LIMITS_REJECTS_DEFAULT)
		limit = LIMITS_REJECTS_DEFAULT;
	if (rejected <= limit)
		return false;
	(void)snprintf(why, size,
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

bool limits_surge(double factor, int64_t items, const int64_t *history, size_t n, char *why,
		  size_t size)
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
	(void)snprintf(why, size,
		       "%lld items, more than %g times the %g that the last %zu runs had (surge)",
		       (long long)items, factor, median, n);
	return true;
}

bool limits_too_many_dead(bool is_set, bool is_ratio, int64_t count, double ratio, int64_t dead,
			  int64_t items, char *why, size_t size)
{
	bool by_count = is_set && !is_ratio;
	double share = is_set ? ratio : DEAD_RATIO_DEFAULT;
	bool is_over = by_count ? dead > count
				: dead >= LIMITS_DEAD_AT_LEAST &&
					  (double)dead > share * (double)items;

	if (!is_over)
		return false;
	if (by_count)
		(void)snprintf(why, size, "%lld items are dead, more than %lld (max_dead)",
			       (long long)dead, (long long)count);
	else
		(void)snprintf(why, size, "%lld of %lld items are dead, more than %g%% (max_dead)",
			       (long long)dead, (long long)items, share * 100);
	return true;
}
