/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A straight line through a few points, some of which may be far off: its slope is the median of
 * the slopes between any two of them (Theil and Sen), so that less than a third of them can be
 * anything. Pure.
 */
#ifndef STINT_CORE_TREND_H
#define STINT_CORE_TREND_H

#include <stdbool.h>
#include <stddef.h>

enum { TREND_POINTS_MAX = 100 };

struct trend_point {
	double x, y;
};

struct trend { /* y = level + slope * x */
	double level;
	double slope; /* 0 where there is nothing to tell it by */
	bool has_slope;
};

/* Of at most TREND_POINTS_MAX points. Fewer than `slope_from` points, or none that differ in x: the
 * median of y. */
struct trend trend_fit(const struct trend_point *points, size_t n, size_t slope_from);
double trend_at(const struct trend *t, double x);
/* The median; reorders. 0 of none. */
double trend_median(double *values, size_t n);

#endif
