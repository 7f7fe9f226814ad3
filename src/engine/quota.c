/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job's quota: a part of what is left of it is taken from the ledger ahead, so that not each
 * attempt costs a commit; what is left in hand at the end goes back. A crash loses what was in
 * hand: a hundredth of the quota at most.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "engine/run.h"
#include "engine/share.h"
#include "job/quota.h"
#include "when/zone.h"

/* Of what is used up somebody may give something back. */
#define USED_UP_LOOK_US US_PER_MIN
enum { IN_HAND_MAX = 1000, IN_HAND_SHARE = 100, TEXT_MAX = 200 };

/* ---- the period ---- */

static int64_t offset_us(struct run *r, utime at)
{
	const struct zone *zone = r->job->work.quota.zone;

	if (zone != NULL)
		return zone_offset_s(zone, at / US_PER_S) * US_PER_S;
	return r->ops->zone_offset_s(r->world, at) * US_PER_S;
}

/* The time of a local time near `now`. */
static utime time_of(struct run *r, int64_t local_us, utime now)
{
	return local_us - offset_us(r, local_us - offset_us(r, now));
}

/* What was left of the last period is worth nothing in this one. */
static void quota_look(struct run *r)
{
	struct run_quota *q = &r->share.quota;
	utime now = r->ops->now(r->world);
	int64_t from = 0;

	if (now >= q->begins && now < q->ends)
		return;
	quota_period(&r->job->work.quota, now + offset_us(r, now), &from, &q->to);
	q->begins = now;
	q->ends = time_of(r, q->to, now);
	if (q->ends <= now) /* an hour that comes twice */
		q->ends = now + US_PER_MIN;
	/* Nor does a clock that is set back give it a second time. */
	if (from <= q->from)
		return;
	q->from = from;
	q->in_hand = 0;
	q->seen_used = -1;
	q->is_used_up = false;
	q->ask_at = 0;
}

/* ---- asking ---- */

static int64_t most(const struct run *r)
{
	return r->job->work.quota.limit - r->job->work.quota.reserve;
}

static int64_t in_hand_max(const struct run *r)
{
	int64_t share = most(r) / IN_HAND_SHARE;

	if (share < 1)
		return 1;
	return run_earliest(share, IN_HAND_MAX);
}

static struct lop_quota_take *quota_add(struct run *r, commit_fn fn)
{
	const char *name = r->share.quota.name;
	struct ledger_op *op = commit_add(r->commit, LOP_QUOTA_TAKE, fn, r);

	op->u.quota_take = (struct lop_quota_take){.name = arena_str(commit_arena(r->commit), name),
						   .seen_used = -1};
	return &op->u.quota_take;
}

static void quota_give_back(struct run *r)
{
	struct run_quota *q = &r->share.quota;

	if (q->name == NULL || (q->in_hand == 0 && q->seen_used < 0))
		return;
	struct lop_quota_take *take = quota_add(r, NULL);
	take->period = take->give_period = q->from;
	take->give = q->in_hand;
	take->seen_used = q->seen_used < 0 ? -1 : q->seen_used - q->in_hand;
	q->in_hand = 0;
}

static void quota_on_taken(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct run_quota *q = &r->share.quota;
	const struct lop_quota_take *take = &op->u.quota_take;

	q->is_out = false;
	if (q->name == NULL || strcmp(take->name, q->name) != 0 || take->period != q->from)
		return;
	q->in_hand += take->ret_n;
	q->is_used_up = q->in_hand == 0;
	q->ask_at = r->ops->boot_us(r->world) + USED_UP_LOOK_US;
	if (r->phase >= RUN_LEAVING) /* it was under way when the rest went back */
		quota_give_back(r);
}

static void quota_ask(struct run *r, int64_t n)
{
	struct run_quota *q = &r->share.quota;
	struct lop_quota_take *take = quota_add(r, quota_on_taken);

	take->period = q->from;
	take->most = most(r);
	take->want = n;
	take->seen_used = q->seen_used;
	q->is_out = true;
}

/* When more is to be asked for; INT64_MAX: enough is here or under way. */
static int64_t quota_asks_at(struct run *r, int64_t wanted)
{
	const struct run_quota *q = &r->share.quota;

	if (q->is_out || wanted <= q->in_hand || q->in_hand > in_hand_max(r) / 2)
		return INT64_MAX;
	return q->is_used_up ? q->ask_at : 0;
}

static void quota_stop(struct run *r)
{
	struct run_quota *q = &r->share.quota;
	const struct job_quota *quota = &r->job->work.quota;
	AUTO(buf) struct buf resets = BUF_INIT(TEXT_MAX);
	AUTO(buf) struct buf others = BUF_INIT(TEXT_MAX);

	quota_put_time(quota, q->to, &resets);
	if (quota->reserve > 0)
		buf_printf(&others, ", %lld of them left to others", (long long)quota->reserve);
	run_stop(r, EXIT_LATER, false, "the quota %s is used up (%lld a %s%s); it resets at %s",
		 quota->name, (long long)quota->limit,
		 quota->per == JOB_PER_HOUR  ? "hour"
		 : quota->per == JOB_PER_DAY ? "day"
					     : "month",
		 buf_str(&others), buf_str(&resets));
}

void quota_turn(struct run *r, int64_t wanted)
{
	struct run_quota *q = &r->share.quota;

	if (q->name == NULL)
		return;
	quota_look(r);
	if (wanted == 0)
		return;
	if (share_is_used_up(r) && r->job->work.quota.when_used_up == JOB_USED_UP_STOP) {
		quota_stop(r);
		return;
	}
	if (r->ops->boot_us(r->world) >= quota_asks_at(r, wanted))
		quota_ask(r, run_earliest(wanted, in_hand_max(r)));
}

int64_t quota_deadline(struct run *r, int64_t wanted)
{
	const struct run_quota *q = &r->share.quota;
	int64_t at = INT64_MAX;

	if (q->name == NULL)
		return at;
	at = quota_asks_at(r, wanted);
	if (share_is_used_up(r)) /* until the next period */
		at = run_earliest(at, r->ops->boot_us(r->world) + q->ends - r->ops->now(r->world));
	return at;
}

/* ---- using it ---- */

bool quota_lets(struct run *r)
{
	quota_look(r);
	return r->share.quota.in_hand > 0;
}

void quota_take(struct run *r, struct ticket *t)
{
	struct run_quota *q = &r->share.quota;
	int64_t ends = r->ops->boot_us(r->world) + q->ends - r->ops->now(r->world);

	assert(q->in_hand > 0);
	q->in_hand--;
	t->quota_period = q->from;
	/* The next period's would be used otherwise. */
	if (t->closes_at == 0 || ends < t->closes_at)
		t->closes_at = ends;
}

void share_hear_left(struct run *r, int64_t left)
{
	struct run_quota *q = &r->share.quota;
	const struct job_quota *quota = &r->job->work.quota;

	if (q->name == NULL)
		return;
	quota_look(r);
	int64_t ours = left > quota->reserve ? left - quota->reserve : 0;
	if (q->in_hand > ours)
		q->in_hand = ours;
	int64_t used = quota->limit - left + q->in_hand;
	if (used > q->seen_used)
		q->seen_used = used;
}

/* ---- beginning and end ---- */

void quota_apply_job(struct run *r)
{
	struct run_quota *q = &r->share.quota;
	const struct job_quota *quota = &r->job->work.quota;

	quota_give_back(r);
	*q = (struct run_quota){.is_out = q->is_out, .from = INT64_MIN, .seen_used = -1};
	if (quota->name == NULL)
		return;
	q->name = arena_str(&r->arena, quota->name);
}

void share_leave(struct run *r)
{
	quota_give_back(r);
}
