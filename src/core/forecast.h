/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an attempt takes, and when what is left will have ended. Pure.
 *
 * Mean and standard deviation are kept as attempts end (Welford 1962). What one more attempt may
 * take is the mean and three standard deviations; of nothing nothing is known, and then 0 is said.
 */
#ifndef STINT_CORE_FORECAST_H
#define STINT_CORE_FORECAST_H

#include <stdint.h>

struct forecast {
	int64_t n;
	double mean_us;
	double squares; /* the sum of squared distances from the mean */
};

void forecast_add(struct forecast *f, int64_t took_us);
/* As if `more` had been added, too. */
void forecast_merge(struct forecast *f, const struct forecast *more);
/* What is known of earlier attempts, with the weight of at most `most` of them. `deviation_us` is
 * that of these `n`. */
struct forecast forecast_past(int64_t n, double mean_us, double deviation_us, int64_t most);
int64_t forecast_mean_us(const struct forecast *f);
/* Three standard deviations. */
int64_t forecast_spread_us(const struct forecast *f);
/* What one more attempt may take. */
int64_t forecast_one_us(const struct forecast *f);

struct forecast_rest {
	int64_t items;
	int64_t concurrency; /* at least 1 */
	double per_second;   /* at most, by a rate; 0: no limit */
	double seen;	     /* items a second, as it went so far; 0: unknown */
};

/* How long what is left will take: as long as the slowest of these says. -1: nothing is known. */
int64_t forecast_rest_us(const struct forecast *f, const struct forecast_rest *rest);

#endif
