/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's measuring, left out: what `bench/run overhead` links in the place of engine/stats.c,
 * to compare the program with one that measures nothing. The program itself has no such switch.
 */
#include "engine/stats.h"

#include "engine/run.h"

void stats_begin(struct run *r)
{
	(void)r;
}

void stats_free(struct stats *s)
{
	(void)s;
}

void stats_attempt(struct run *r, const struct stats_attempt *a)
{
	(void)r, (void)a;
}

void stats_item(struct run *r, int64_t tries, int64_t spent_us)
{
	(void)r, (void)tries, (void)spent_us;
}

void stats_unit(struct run *r, int64_t n, int64_t took_us)
{
	(void)r, (void)n, (void)took_us;
}

void stats_timing(struct run *r, enum timing timing, int64_t us)
{
	(void)r, (void)timing, (void)us;
}

void stats_turn(struct run *r)
{
	(void)r;
}

int64_t stats_deadline(const struct run *r)
{
	(void)r;
	return INT64_MAX;
}

void stats_end(struct run *r)
{
	(void)r;
}

void stats_get_status(const struct run *r, struct session_status *status)
{
	(void)r, (void)status;
}
