/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before the next attempt. Pure.
 *
 * The wait before attempt n + 1, when n attempts were used, is min(max, first * factor^(n - 1)),
 * with jitter as Marc Brooker's "Exponential Backoff And Jitter" (AWS, 2015) names it: full draws
 * from 0 to the wait, equal from its half to the wait.
 */
#ifndef STINT_CORE_RETRY_H
#define STINT_CORE_RETRY_H

#include <stdint.h>

#include "base/attr.h"

enum retry_jitter { RETRY_JITTER_FULL, RETRY_JITTER_EQUAL, RETRY_JITTER_NONE };

struct retry_policy {
	int attempts; /* in all, at least 1 */
	int64_t first_us;
	double factor; /* at least 1 */
	int64_t max_us;
	enum retry_jitter jitter;
};

/* The wait after `used` attempts (at least 1), drawn with `random`. Never below 0 or above max_us.
 */
int64_t retry_wait_us(const struct retry_policy *policy, int used, uint64_t random);

#endif
