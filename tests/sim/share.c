/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/share.h"

#include "sim/machine.h"

static void follow_rate(struct machine *m, const struct lop_rate_take *take)
{
	struct share *s = &m->shadow.share;
	int64_t last = take->ret_first_ns + (take->ret_n - (int64_t)1) * take->spacing_ns;

	if (take->ret_n == 0)
		return;
	if (s->slots_taken > 0 && take->ret_first_ns < s->last_slot_ns + take->spacing_ns)
		machine_fail(m, "slots", "a slot opens %lld ns after the one before, not %lld",
			     (long long)(take->ret_first_ns - s->last_slot_ns),
			     (long long)take->spacing_ns);
	if (take->ret_n > take->max || take->ret_first_ns < take->now_ns || last >= take->until_ns)
		machine_fail(m, "slots", "%u slots from %lld on were not asked for", take->ret_n,
			     (long long)take->ret_first_ns);
	s->last_slot_ns = last;
	s->slots_taken += take->ret_n;
}

static void follow_quota(struct machine *m, const struct lop_quota_take *take)
{
	struct share *s = &m->shadow.share;

	if (take->give_period == s->quota_period)
		s->quota_used -= take->give;
	if (take->period > s->quota_period) {
		s->quota_period = take->period;
		s->quota_used = 0;
	}
	s->quota_used += take->ret_n;
	if (take->ret_n > take->want || (take->ret_n > 0 && s->quota_used > take->most))
		machine_fail(m, "quota", "%lld of a quota are given out, %lld may be used",
			     (long long)s->quota_used, (long long)take->most);
}

void share_follow(struct machine *m, const struct ledger_op *op)
{
	if (op->kind == LOP_RATE_TAKE)
		follow_rate(m, &op->u.rate_take);
	else
		follow_quota(m, &op->u.quota_take);
}
