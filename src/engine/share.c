/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/share.h"

#include <stdio.h>

#include "base/buf.h"
#include "engine/run.h"
#include "job/quota.h"

/* So far ahead attempts are counted that will have ended: about a block of slots. */
#define SOON_US (500 * US_PER_MS)
enum { WANTED_MAX = 1 << 20, MINUTES_PER_HOUR = 60 };

/* ---- how much is wanted ---- */

static bool has_lane(const struct run *r)
{
	for (size_t i = 0; i < r->lanes.n_places; i++)
		if (slots_is_worker(&r->lanes.lane[i]) && r->lanes.lane[i].state == LANE_UP)
			return true;
	return false;
}

/* How many could begin, as far as lanes have room, or will have when those have ended that are
 * short. */
static int64_t room_soon(const struct run *r)
{
	int64_t room = (int64_t)run_limit_now(r) + slots_ahead(r) - r->n_sent;

	if (r->breaker.state != BREAKER_CLOSED)
		return r->n_sent == 0 ? 1 : 0;
	if (room < 0)
		room = 0;
	if (r->attempt_us > 0)
		room += (int64_t)run_limit_now(r) * SOON_US / r->attempt_us;
	if (r->canary_left > 0 && room > r->canary_left - (int64_t)r->n_sent)
		room = r->canary_left - (int64_t)r->n_sent;
	return room < WANTED_MAX ? room : WANTED_MAX;
}

static int64_t due_now(const struct run *r)
{
	if (r->next_due > r->ops->now(r->world))
		return 0;
	return r->n_retrying > 0 ? r->n_retrying : 1;
}

int64_t share_wanted(const struct run *r)
{
	int64_t ready = (int64_t)r->pending + r->n_loose_waiting + r->n_ahead + r->n_marking +
			dispatch_has_suspects(r);
	int64_t room = 0;

	if (r->phase != RUN_WORKING || r->stop_wanted || !has_lane(r) || !window_fits(r, 0) ||
	    protect_holds(r))
		return 0;
	ready += due_now(r);
	room = room_soon(r);
	return ready < room ? ready : room;
}

bool share_has_ready(const struct run *r)
{
	if (r->n_sent >= run_limit_now(r) + slots_ahead(r))
		return false;
	return r->n_ahead > 0 || r->n_loose_waiting > 0 || dispatch_has_suspects(r) ||
	       (!r->needs_start_mark && r->pending > 0);
}

/* ---- both ---- */

static bool is_shared(const struct run *r)
{
	return r->share.rate.n_rules > 0 || r->share.quota.name != NULL;
}

void share_apply_job(struct run *r)
{
	rate_apply_job(r);
	quota_apply_job(r);
}

void share_turn(struct run *r)
{
	r->share.wake_at = INT64_MAX;
	if (!is_shared(r))
		return;
	int64_t wanted = share_wanted(r);
	quota_turn(r, wanted);
	rate_turn(r, wanted);
	if (wanted > 0)
		r->share.wake_at = run_earliest(rate_deadline(r, wanted),
						quota_deadline(r, wanted));
}

int64_t share_deadline(const struct run *r)
{
	return r->share.wake_at;
}

uint32_t share_room(struct run *r)
{
	int64_t room = UINT32_MAX;

	if (r->share.rate.n_rules > 0 && rate_is_limited(r))
		room = rate_room(r);
	if (r->share.quota.name != NULL) {
		int64_t left = quota_lets(r) ? r->share.quota.in_hand : 0;
		room = left < room ? left : room;
	}
	return (uint32_t)room;
}

bool share_lets(struct run *r)
{
	if (r->share.quota.name != NULL && !quota_lets(r))
		return false;
	return r->share.rate.n_rules == 0 || rate_lets(r);
}

void share_take(struct run *r, struct ticket *t)
{
	t->opens_at = t->closes_at = 0;
	if (r->share.rate.n_rules > 0)
		rate_take(r, t);
	if (r->share.quota.name != NULL)
		quota_take(r, t);
}

void share_return(struct run *r, const struct ticket *t)
{
	struct run_quota *q = &r->share.quota;

	/* A slot is used in its time or never; of a quota nothing was used. */
	if (q->name != NULL && t->quota_period == q->from)
		q->in_hand++;
}

bool share_waits(struct run *r)
{
	if (!is_shared(r) || share_wanted(r) == 0)
		return false;
	if (r->share.quota.name != NULL && !quota_lets(r))
		return true;
	return r->share.rate.n_rules > 0 && rate_is_limited(r) &&
	       rate_opens_at(r) > r->ops->boot_us(r->world);
}

bool share_is_used_up(const struct run *r)
{
	const struct run_quota *q = &r->share.quota;

	return q->name != NULL && q->is_used_up && q->in_hand == 0;
}

int64_t share_next(struct run *r)
{
	int64_t now = r->ops->boot_us(r->world);

	if (r->share.quota.name != NULL && !quota_lets(r))
		return r->share.quota.is_used_up ? r->share.quota.ask_at : now;
	return r->share.rate.n_rules > 0 && rate_is_limited(r) ? rate_next(r) : now;
}

/* ---- words ---- */

static const char *unit_letter(int64_t per_us)
{
	return per_us == US_PER_S     ? "s"
	       : per_us == US_PER_MIN ? "m"
	       : per_us == US_PER_DAY ? "d"
				      : "h";
}

static utime quota_words(struct run *r, struct buf *out)
{
	const struct run_quota *q = &r->share.quota;

	buf_printf(out, "its quota %s", r->job->work.quota.name);
	if (!q->is_used_up)
		return 0;
	buf_puts(out, ", used up until ");
	quota_put_time(&r->job->work.quota, q->to, out);
	return q->ends;
}

static utime rate_words(struct run *r, struct buf *out)
{
	const struct rate_now *now = &r->share.rate.now;
	int64_t opens = rate_opens_at(r);
	int64_t boot_us = r->ops->boot_us(r->world);

	buf_printf(out, "its rate of %lld/%s", (long long)now->n, unit_letter(now->per_us));
	if (now->until_minute >= 0)
		buf_printf(out, " until %02d:%02d", now->until_minute / MINUTES_PER_HOUR,
			   now->until_minute % MINUTES_PER_HOUR);
	if (opens == INT64_MAX)
		opens = rate_next(r);
	/* Where slots follow one another within a second, the next is nothing to wait for. */
	if (now->spacing_ns < US_PER_S * NS_PER_US || opens <= boot_us)
		return 0;
	return r->ops->now(r->world) + opens - boot_us;
}

const char *share_words(struct run *r, utime *ret_until)
{
	struct buf out = BUF_INIT(SHARE_WORDS_MAX - 1);

	if (r->share.quota.name != NULL && !quota_lets(r))
		*ret_until = quota_words(r, &out);
	else
		*ret_until = rate_words(r, &out);
	(void)snprintf(r->share.words, sizeof(r->share.words), "%s", buf_str(&out));
	buf_done(&out);
	return r->share.words;
}
