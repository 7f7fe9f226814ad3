/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run is for: its slot and business date, from --date, --slot, or the time of the call.
 * In the machine's zone; jobs with a schedule have their own (not in this version).
 */
#ifndef STINT_CLI_SLOT_H
#define STINT_CLI_SLOT_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct job;

enum { SLOT_TEXT_MAX = 64, SLOT_DATE_MAX = 16 };

struct slot {
	char text[SLOT_TEXT_MAX]; /* 2026-11-23 or 2026-11-23T01:30+01:00 */
	char date[SLOT_DATE_MAX]; /* 2026-11-23 */
	utime at;		  /* of --slot with a time of day; 0: none */
	bool is_named;		  /* by --date or --slot: this run and no other */
};

struct slot_wish {
	const char *date; /* --date: 2026-11-23, today or yesterday; NULL none */
	const char *slot; /* --slot; NULL none */
	utime called_at;
};

/* ERR_USAGE when --date or --slot name no day or time, or both are given. */
ST_MUST_CHECK int slot_choose(const struct job *job, const struct slot_wish *wish,
			      struct slot *ret_slot, struct err *err);
/* The first time after `since` at which the machine's clock shows that minute of the day;
 * UTIME_NEVER for -1. */
utime slot_stop_by(int minute_of_day, utime since);
/* … for a start on that slot: after its own time, where it has one that has come, else after the
 * call. ERR_UNAVAILABLE when that was before the call. */
ST_MUST_CHECK int slot_find_stop_by(const struct slot *slot, int minute_of_day, utime called_at,
				    utime *ret_stop_by, struct err *err);

/* Reads `2026-11-23`, `today`, `yesterday`, RFC 3339, or a duration (so long ago) as a point of
 * time; days begin at midnight of the machine's zone. ERR_USAGE names `what`. */
ST_MUST_CHECK int when_parse(const char *text, const char *what, utime now, utime *ret_time,
			     struct err *err);

#endif
