/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pulse.h"

#include "core/watch.h"

#define BEAT_AGAIN_US (500 * US_PER_MS) /* after one of which nobody knows */
/* As long as a ledger may leave a transaction unanswered. */
#define BEAT_GIVE_UP_US (10 * US_PER_MIN)

void pulse_begin(struct pulse *p, int64_t now)
{
	*p = (struct pulse){.is_on = true, .next_at = now, .leased_to = now, .since = now};
}

void pulse_turn(struct pulse *p, const struct world_ops *ops, void *world, int64_t inc,
		const uint8_t nonce[16])
{
	int64_t now = ops->boot_us(world);

	if (!p->is_on || p->is_out || now < p->next_at)
		return;
	p->is_out = true;
	p->sent_at = now;
	ops->beat(world, inc, nonce);
}

void pulse_on_beat(struct pulse *p, const struct world_ops *ops, void *world,
		   enum ledger_status status)
{
	int64_t now = ops->boot_us(world);

	p->is_out = false;
	if (status != LEDGER_APPLIED) {
		p->next_at = now + BEAT_AGAIN_US;
		return;
	}
	p->next_at = p->sent_at + BEAT_EVERY_US;
	p->since = now;
	/* Safety: from when it was sent. When it arrived there nobody here knows. */
	p->leased_to = p->sent_at + BEAT_LEASE_US;
	ops->lease(world, p->leased_to);
}

bool pulse_is_leased(const struct pulse *p, int64_t now)
{
	return !p->is_on || now < p->leased_to;
}

bool pulse_awaits(const struct pulse *p)
{
	return p->awaits_others;
}

bool pulse_lets(const struct pulse *p, int64_t now)
{
	return pulse_is_leased(p, now) && !pulse_awaits(p);
}

bool pulse_gave_up(const struct pulse *p, int64_t now)
{
	return p->is_on && now - p->since >= BEAT_GIVE_UP_US;
}

int64_t pulse_deadline(const struct pulse *p)
{
	if (!p->is_on)
		return INT64_MAX;
	int64_t at = p->is_out ? p->since + BEAT_GIVE_UP_US : p->next_at;
	return p->was_lapsed || p->leased_to > at ? at : p->leased_to;
}
