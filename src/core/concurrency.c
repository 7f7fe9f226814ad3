/* SPDX-License-Identifier: Apache-2.0 */
#include "core/concurrency.h"

#include <assert.h>
#include <stddef.h>

#define FAILURE_COUNTS 0.5

static uint32_t clamp(uint32_t n, uint32_t max)
{
	if (n < 1)
		return 1;
	return n < max ? n : max;
}

static void concurrency_move(struct concurrency *c, uint32_t limit)
{
	c->limit = clamp(limit, c->max);
	c->success = c->failure = 0;
	if (c->limit < c->lowest)
		c->lowest = c->limit;
	if (c->limit > c->highest)
		c->highest = c->limit;
}

void concurrency_set(struct concurrency *c, uint32_t start, uint32_t max)
{
	bool begins = c->max == 0 || c->start == 0 || start == 0;

	assert(max >= 1);
	c->start = start;
	c->max = max;
	if (begins) {
		c->lowest = c->highest = clamp(start == 0 ? max : start, max);
		concurrency_move(c, c->lowest);
		return;
	}
	/* The accounts stand: what failed before the limits changed has failed. */
	c->limit = clamp(c->limit, max);
	if (c->limit < c->lowest)
		c->lowest = c->limit;
}

void concurrency_works(struct concurrency *c, bool is_full)
{
	if (c->start == 0 || !is_full)
		return;
	if (c->limit == c->max)
		return; /* at the top there is nothing to save up for */
	double one = 1.0 / c->limit;
	c->success += one;
	if (c->success + one / 2 >= 1) /* N times 1/N may be a little less */
		concurrency_move(c, c->limit + 1);
}

void concurrency_fails(struct concurrency *c)
{
	if (c->start == 0)
		return;
	c->failure += FAILURE_COUNTS;
	if (c->failure < 1)
		return;
	if (c->limit > 1)
		concurrency_move(c, c->limit - 1);
	else
		c->failure = c->success = 0;
}

void concurrency_restart(struct concurrency *c)
{
	if (c->start != 0 && c->start < c->limit)
		concurrency_move(c, c->start);
}
