/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rate.h"

#include <assert.h>

/* What is added to the unit, for jitter here and on the way. */
#define GUARD 0.02
/* A limited hour begins so much earlier and ends so much later. */
#define EDGE_US US_PER_S

static bool is_all_day(const struct rate_rule *rule)
{
	return rule->from_minute == rule->to_minute;
}

/* From this time of day until that one; a whole day where they are the same. */
static int64_t way_to(int64_t from_us, int64_t to_us)
{
	int64_t way = (to_us - from_us) % US_PER_DAY;

	return way <= 0 ? way + US_PER_DAY : way;
}

/* Does it hold, and for how long does that not change? */
static bool rule_holds(const struct rate_rule *rule, int64_t us_of_day, int64_t *ret_lasts_us)
{
	if (is_all_day(rule)) {
		*ret_lasts_us = INT64_MAX;
		return true;
	}
	int64_t begins = way_to(us_of_day, rule->from_minute * US_PER_MIN - EDGE_US);
	int64_t ends = way_to(us_of_day, rule->to_minute * US_PER_MIN + EDGE_US);
	*ret_lasts_us = begins < ends ? begins : ends;
	return ends < begins;
}

static double spacing_of(const struct rate_rule *rule)
{
	return (double)rule->per_us * NS_PER_US * (1 + GUARD) / (double)rule->n;
}

/* Half of what is left when N slots of this spacing are longer than the unit. */
static double span_of(const struct rate_rule *rule, double spacing_ns)
{
	return ((double)rule->n * spacing_ns / NS_PER_US - (double)rule->per_us) / 2;
}

void rate_at(const struct rate_rule *rules, size_t n, int64_t us_of_day, struct rate_now *ret)
{
	bool holds[RATE_RULES_MAX] = {false};
	double spacing = 0;
	double span = 0;

	assert(n <= RATE_RULES_MAX && us_of_day >= 0 && us_of_day < US_PER_DAY);
	*ret = (struct rate_now){.until_minute = -1, .lasts_us = INT64_MAX};
	for (size_t i = 0; i < n; i++) {
		int64_t lasts = 0;
		holds[i] = rule_holds(&rules[i], us_of_day, &lasts);
		if (lasts < ret->lasts_us)
			ret->lasts_us = lasts;
		if (!holds[i] || spacing_of(&rules[i]) <= spacing)
			continue;
		ret->is_limited = true;
		ret->n = rules[i].n;
		ret->per_us = rules[i].per_us;
		ret->until_minute = is_all_day(&rules[i]) ? -1 : rules[i].to_minute;
		spacing = spacing_of(&rules[i]);
		span = span_of(&rules[i], spacing);
	}
	for (size_t i = 0; i < n; i++)
		if (holds[i] && span_of(&rules[i], spacing) < span)
			span = span_of(&rules[i], spacing);
	ret->spacing_ns = (int64_t)spacing + 1;
	ret->span_us = (int64_t)span;
}
