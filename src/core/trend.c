/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trend.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PAIRS_MAX = TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double trend_median(double *values, size_t n)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The slopes between any two points that are not above each other. */
static size_t slopes_of(const struct trend_point *p, size_t n, double *slopes)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (p[i].x < p[k].x || p[i].x > p[k].x)
				slopes[found++] = (p[k].y - p[i].y) / (p[k].x - p[i].x);
	return found;
}

struct trend trend_fit(const struct trend_point *points, size_t n, size_t slope_from)
{
	double *values = xcalloc(PAIRS_MAX, sizeof(*values));
	struct trend t = {0};

	assert(n <= TREND_POINTS_MAX && slope_from >= 2);
	size_t n_slopes = n >= slope_from ? slopes_of(points, n, values) : 0;
	t.has_slope = n_slopes > 0;
	t.slope = trend_median(values, n_slopes);
	for (size_t i = 0; i < n; i++)
		values[i] = points[i].y - t.slope * points[i].x;
	t.level = trend_median(values, n);
	free(values);
	return t;
}

double trend_at(const struct trend *t, double x)
{
	return t->level + t->slope * x;
}
