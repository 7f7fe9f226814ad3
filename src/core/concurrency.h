/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many attempts at once an endpoint bears, found out from how they end. Pure.
 *
 * Feedback as in Postfix's queue manager (its SCHEDULER_README): each success adds to one account,
 * each failure to another, and when an account is full the limit moves by one. With N at once a
 * success counts 1/N, so that a whole round of them climbs by one; a failure counts a half, so that
 * a single one moves nothing, and about 2 in N + 2 failing keep it where it is. That it moves in
 * whole steps, and forgets both accounts when it does (hysteresis), keeps it from trembling.
 */
#ifndef STINT_CORE_CONCURRENCY_H
#define STINT_CORE_CONCURRENCY_H

#include <stdbool.h>
#include <stdint.h>

struct concurrency {
	uint32_t limit; /* now; 1 … max */
	uint32_t start; /* 0: it is fixed */
	uint32_t max;
	uint32_t lowest, highest;
	double success, failure; /* the accounts: each moves the limit when it reaches 1 */
};

/* Begins at `start`, or takes over new limits and keeps what was learned. With `start` 0 it is
 * fixed: `max`. */
void concurrency_set(struct concurrency *c, uint32_t start, uint32_t max);
/* An attempt ended well. `is_full`: as many were out as may be; else it says nothing about more. */
void concurrency_works(struct concurrency *c, bool is_full);
/* An attempt failed by the endpoint's fault. */
void concurrency_fails(struct concurrency *c);
/* It was out of order and is well again: as at the start, or lower where it was lower. */
void concurrency_restart(struct concurrency *c);

#endif
