/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/share.h"

#include <string.h>

#include "base/attr.h"
#include "sim/machine.h"

enum { PACE_SLACK = 5 /* at the beginning, at the end, and by chance */ };

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

/* ---- what the other side sees ---- */

static void share_grow(struct machine *m, struct share *s)
{
	int64_t cap = s->cap == 0 ? 1024 : 2 * s->cap;
	int64_t *begun = arena_alloc(&m->arena, (size_t)cap * sizeof(*begun));
	int64_t *low = arena_alloc(&m->arena, (size_t)cap * sizeof(*low));

	if (s->n_begun > 0)
		memcpy(begun, s->begun_us, (size_t)s->n_begun * sizeof(*begun));
	if (s->n_low > 0)
		memcpy(low, s->low_us, (size_t)s->n_low * sizeof(*low));
	s->begun_us = begun;
	s->low_us = low;
	s->cap = cap;
}

/* The last one of `at` and the `most` before it lie within the unit. */
static void check_window(struct machine *m, const int64_t *at, int64_t n, int64_t most)
{
	if (n > most && at[n - 1] - at[n - 1 - most] < m->opt->rate_per_us)
		machine_fail(m, "rate", "%lld attempts begin within %lld us, %lld may in %lld us",
			     (long long)most + 1, (long long)(at[n - 1] - at[n - 1 - most]),
			     (long long)most, (long long)m->opt->rate_per_us);
}

static bool is_low_hour(const struct machine *m)
{
	int64_t local = machine_now(m) + ZONE_OFFSET_S * US_PER_S;
	int minute = (int)(local % US_PER_DAY / US_PER_MIN);
	int from = m->opt->low_from;
	int to = m->opt->low_to;

	return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

static void check_quota(struct machine *m)
{
	struct share *s = &m->shadow.share;
	int64_t hour = machine_now(m) / US_PER_HOUR;

	if (hour > s->hour) {
		s->hour = hour;
		s->n_in_hour = 0;
	}
	s->n_in_hour++;
	if (s->n_in_hour > m->opt->quota_limit - m->opt->quota_reserve)
		machine_fail(m, "quota", "%lld attempts begin in an hour, %lld may",
			     (long long)s->n_in_hour,
			     (long long)(m->opt->quota_limit - m->opt->quota_reserve));
}

void share_begin(struct machine *m)
{
	struct share *s = &m->shadow.share;
	/* Whoever looks at clocks is late when one is set. */
	bool has_time = !m->opt->fault[F_CLOCK];

	if (m->opt->quota_limit > 0 && has_time)
		check_quota(m);
	if (m->opt->rate_n == 0)
		return;
	if (s->n_begun == s->cap)
		share_grow(m, s);
	s->begun_us[s->n_begun++] = m->boot_us;
	check_window(m, s->begun_us, s->n_begun, m->opt->rate_n);
	if (m->opt->low_n == 0 || !has_time || !is_low_hour(m))
		return;
	s->low_us[s->n_low++] = m->boot_us;
	check_window(m, s->low_us, s->n_low, m->opt->low_n);
}

void share_check_night(struct machine *m)
{
	const struct share *s = &m->shadow.share;

	if (!m->opt->is_paced || s->n_begun < 2)
		return;
	double took = (double)(s->begun_us[s->n_begun - 1] - s->begun_us[0]);
	double least = 0.97 * (double)m->opt->rate_n * took / (double)m->opt->rate_per_us;
	if ((double)s->n_begun < least - PACE_SLACK)
		machine_fail(m, "pace", "%lld attempts in %lld ms, at least %lld were allowed",
			     (long long)s->n_begun, (long long)(took / US_PER_MS),
			     (long long)least);
}
