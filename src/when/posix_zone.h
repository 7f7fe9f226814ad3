/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule that a zone goes by from now on, as POSIX writes it in TZ and a TZif file in its footer:
 * `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1-2017, 8.3; hours up to 167 and signs as RFC 8536, 3.3.1).
 */
#ifndef STINT_WHEN_POSIX_ZONE_H
#define STINT_WHEN_POSIX_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum posix_day_kind { POSIX_DAY_JULIAN, POSIX_DAY_ZERO, POSIX_DAY_WEEK };

/* A moment of each year. */
struct posix_day {
	enum posix_day_kind kind;
	int day; /* julian: 1 to 365, 29 February never counts; zero: 0 to 365; week: 0 Sunday */
	int month, week; /* week 5: the last */
	int time_s;	 /* from midnight, local */
};

struct posix_zone {
	int standard_s; /* east of UTC */
	bool has_summer;
	int summer_s;
	struct posix_day begins, ends;
};

/* False when it is none. */
ST_MUST_CHECK bool posix_zone_parse(const char *text, size_t len, struct posix_zone *ret_zone);
/* Seconds east of UTC at a time. */
int posix_zone_offset_s(const struct posix_zone *zone, int64_t at_s);

#endif
