/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: how far apart attempts begin, and for how long each may wait for its turn.
 *
 * A rate of N per unit is kept by slots that are 1.02 units / N apart. An attempt begins between
 * the opening of its slot and a hundredth of the unit later. The slots of N + 1 attempts that
 * follow one another span 1.02 units, so they never begin within one, and another hundredth is left
 * for the way to the other side.
 * Promise: where several rules hold, the slowest spaces the slots, and the span keeps all of them.
 *          A lower rule holds from a second before its hours to a second after them, so that what
 *          is let go before cannot arrive within.
 * Pure.
 */
#ifndef STINT_CORE_RATE_H
#define STINT_CORE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { RATE_RULES_MAX = 17, NS_PER_US = 1000 };

struct rate_rule {
	int64_t n;	 /* so many … */
	int64_t per_us;	 /* … in any such time */
	int from_minute; /* of the day, in the job's time zone; from == to: all day … */
	int to_minute;	 /* … and to < from: over midnight */
};

struct rate_now {
	bool is_limited;
	int64_t n; /* the rule that holds */
	int64_t per_us;
	int until_minute;   /* of the day; -1: all day */
	int64_t spacing_ns; /* between the openings of two slots */
	int64_t span_us;    /* an attempt may begin so long after its slot has opened */
	int64_t lasts_us;   /* from now on; INT64_MAX: for ever */
};

/* What holds at this time of day. No rule holds: not limited. */
void rate_at(const struct rate_rule *rules, size_t n, int64_t us_of_day, struct rate_now *ret);

#endif
