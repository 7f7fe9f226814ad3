/* SPDX-License-Identifier: Apache-2.0 */
#include "source/pace.h"

#include <assert.h>
#include <stddef.h>

#include "source/patience.h"
#include "sys/clock.h"

int64_t pace_wait_us(const struct pace *p, int64_t now_us)
{
	assert(p != NULL);
	if (p->rate.n == 0 || p->next_us <= now_us)
		return 0;
	return p->next_us - now_us;
}

void pace_take(struct pace *p, int64_t now_us)
{
	assert(p != NULL);
	if (p->rate.n > 0) /* rounded up: rather a little less than a little more */
		p->next_us = now_us + (p->rate.per_us + p->rate.n - 1) / p->rate.n;
}

int pace_page(struct pace *p, const struct patience *patience, struct err *err)
{
	int64_t wait_us = pace_wait_us(p, clock_boot_us());
	int rc = 0;

	if (wait_us > 0)
		rc = patience_pause(patience, "the next page (source.rate)", wait_us, err);
	if (rc == 0)
		pace_take(p, clock_boot_us());
	return rc;
}
