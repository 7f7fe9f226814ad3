/* SPDX-License-Identifier: Apache-2.0 */
#include "core/breaker.h"

#include <assert.h>
#include <stddef.h>

bool breaker_may_send(struct breaker *b, int64_t now_us)
{
	assert(b != NULL);
	if (b->state == BREAKER_OPEN && now_us >= b->until_us) {
		b->state = BREAKER_HALF_OPEN;
		b->probe_out = false;
	}
	return b->state == BREAKER_CLOSED || (b->state == BREAKER_HALF_OPEN && !b->probe_out);
}

bool breaker_holds(const struct breaker *b, int64_t now_us)
{
	assert(b != NULL);
	return b->state == BREAKER_OPEN && now_us < b->until_us;
}

void breaker_sent(struct breaker *b)
{
	if (b->state == BREAKER_HALF_OPEN)
		b->probe_out = true;
}

void breaker_close(struct breaker *b)
{
	/* What was sent before it opened may still come back well: only a probe closes it. */
	if (b->state == BREAKER_HALF_OPEN)
		*b = (struct breaker){.state = BREAKER_CLOSED};
}

void breaker_open(struct breaker *b, const struct breaker_policy *policy, int64_t now_us)
{
	switch (b->state) {
	case BREAKER_OPEN:
		return; /* the stragglers of the same trouble */
	case BREAKER_CLOSED:
		b->first_open_us = now_us;
		b->open_for_us = policy->open_for_us;
		break;
	case BREAKER_HALF_OPEN:
		b->open_for_us *= 2;
		if (b->open_for_us > policy->open_max_us)
			b->open_for_us = policy->open_max_us;
		break;
	case BREAKER_STATE_COUNT_:
		break;
	}
	b->state = BREAKER_OPEN;
	b->probe_out = false;
	b->until_us = now_us + b->open_for_us;
}

void breaker_probe_lost(struct breaker *b)
{
	b->probe_out = false;
}

bool breaker_gave_up(const struct breaker *b, const struct breaker_policy *policy, int64_t now_us)
{
	return b->state != BREAKER_CLOSED && now_us - b->first_open_us >= policy->give_up_after_us;
}
