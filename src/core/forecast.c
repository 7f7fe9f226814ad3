/* SPDX-License-Identifier: Apache-2.0 */
#include "core/forecast.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "base/attr.h"

/* Longer than anything that is waited for, and far from overflow. */
#define FOREVER_US ((double)US_PER_DAY * 3650)
#define DEVIATIONS 3.0

static int64_t as_us(double us)
{
	return (int64_t)(us < FOREVER_US ? us : FOREVER_US);
}

static double longer(double a, double b)
{
	return a > b ? a : b;
}

void forecast_add(struct forecast *f, int64_t took_us)
{
	assert(f != NULL);
	double took = took_us > 0 ? (double)took_us : 0;
	double before = took - f->mean_us;

	f->n++;
	f->mean_us += before / (double)f->n;
	f->squares += before * (took - f->mean_us);
}

void forecast_merge(struct forecast *f, const struct forecast *more)
{
	assert(f != NULL && more != NULL);
	if (more->n == 0)
		return;
	double all = (double)(f->n + more->n);
	double apart = more->mean_us - f->mean_us;

	f->squares += more->squares + apart * apart * (double)f->n * (double)more->n / all;
	f->mean_us += apart * (double)more->n / all;
	f->n += more->n;
}

struct forecast forecast_past(int64_t n, double mean_us, double deviation_us, int64_t most)
{
	assert(n >= 0 && most > 0);
	struct forecast f = {.n = n < most ? n : most};

	if (n == 0)
		return f;
	f.mean_us = mean_us;
	if (n > 1)
		f.squares = deviation_us * deviation_us * (double)n / (double)(n - 1) *
			    (double)(f.n - 1);
	return f;
}

int64_t forecast_mean_us(const struct forecast *f)
{
	return as_us(f->mean_us);
}

int64_t forecast_spread_us(const struct forecast *f)
{
	if (f->n < 2)
		return 0;
	return as_us(DEVIATIONS * sqrt(f->squares / (double)(f->n - 1)));
}

int64_t forecast_one_us(const struct forecast *f)
{
	return forecast_mean_us(f) + forecast_spread_us(f);
}

int64_t forecast_rest_us(const struct forecast *f, const struct forecast_rest *rest)
{
	assert(f != NULL && rest != NULL && rest->concurrency > 0);
	double items = (double)rest->items;
	double us = -1;

	if (rest->items <= 0)
		return 0;
	if (f->n > 0)
		us = f->mean_us * ceil(items / (double)rest->concurrency);
	if (rest->per_second > 0)
		us = longer(us, items / rest->per_second * (double)US_PER_S);
	if (rest->seen > 0)
		us = longer(us, items / rest->seen * (double)US_PER_S);
	return us < 0 ? -1 : as_us(us);
}
