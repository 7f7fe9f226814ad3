/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of this machine, and wall-clock time in its zone.
 *
 * Only this file asks the system what time it is; everything else is given a time. The rules of
 * other zones, and what to do in their gaps, belong to when/. Any thread.
 */
#ifndef STINT_SYS_CLOCK_H
#define STINT_SYS_CLOCK_H

#include "base/attr.h"

enum { CLOCK_TEXT_MAX = 32 };

/* A date and a time of day as people write them. */
struct civil {
	int year;
	int month; /* 1 … 12 */
	int day;   /* 1 … 31 */
	int hour;
	int minute;
	int second;
	int us;	      /* 0 … 999999 */
	int offset_s; /* east of UTC */
};

/* Wall-clock time. It jumps when somebody sets the clock: never measure with it. */
utime clock_now(void);
/* Since boot, running on while the machine sleeps: for liveness and deadlines. */
int64_t clock_boot_us(void);
/* Since boot, standing still while the machine sleeps: for how long work took. */
int64_t clock_monotonic_us(void);
/* Processor time that this process has used. */
int64_t clock_cpu_us(void);

/* Civil time in the machine's zone, or in UTC. */
void clock_civil(utime t, struct civil *ret_civil);
void clock_civil_utc(utime t, struct civil *ret_civil);
/* The instant of a civil time in the machine's zone; `offset_s` is not looked at. A time that does
 * not exist or comes twice is resolved as mktime(3) does. */
utime clock_from_civil(const struct civil *civil);

/* RFC 3339 in the machine's zone, with offset, to the second: "2026-11-23T14:51:14+01:00". */
void clock_format(utime t, char out[CLOCK_TEXT_MAX]);
/* The same without offset, for people: "2026-11-23 14:51:14". */
void clock_format_short(utime t, char out[CLOCK_TEXT_MAX]);

#endif
