/* SPDX-License-Identifier: Apache-2.0 */
#include "core/retry.h"

#include <assert.h>
#include <stddef.h>

/* The wait without jitter. Multiplies step by step so that nothing overflows on the way to the cap.
 */
static int64_t retry_full_wait_us(const struct retry_policy *policy, int used)
{
	double wait = (double)policy->first_us;

	for (int i = 1; i < used && wait < (double)policy->max_us; i++)
		wait *= policy->factor;
	return wait >= (double)policy->max_us ? policy->max_us : (int64_t)wait;
}

int64_t retry_wait_us(const struct retry_policy *policy, int used, uint64_t random)
{
	assert(policy != NULL && used >= 1);
	int64_t wait = retry_full_wait_us(policy, used);

	switch (policy->jitter) {
	case RETRY_JITTER_NONE:
		return wait;
	case RETRY_JITTER_FULL:
		return (int64_t)(random % ((uint64_t)wait + 1));
	case RETRY_JITTER_EQUAL:
		return wait / 2 + (int64_t)(random % ((uint64_t)(wait - wait / 2) + 1));
	}
	return wait;
}
