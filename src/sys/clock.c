/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sys/fault.h"

static int64_t clock_read(clockid_t id)
{
	struct timespec ts = {0};
	int rc = clock_gettime(id, &ts);

	assert(rc == 0); /* the clocks we name exist on every Linux that we run on */
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

utime clock_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_boot_us(void)
{
	return clock_read(FAULT("clock.boot") ? CLOCK_REALTIME : CLOCK_BOOTTIME);
}

int64_t clock_monotonic_us(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_cpu_us(void)
{
	return clock_read(CLOCK_PROCESS_CPUTIME_ID);
}

/* Whole seconds, rounded down also before 1970, and the microseconds above them. */
static time_t clock_split(utime t, int *ret_us)
{
	int64_t us = t % US_PER_S;
	int64_t seconds = t / US_PER_S;

	if (us < 0) {
		us += US_PER_S;
		seconds--;
	}
	*ret_us = (int)us;
	return (time_t)seconds;
}

static struct civil civil_of(const struct tm *tm, int us)
{
	return (struct civil){
		.year = tm->tm_year + 1900,
		.month = tm->tm_mon + 1,
		.day = tm->tm_mday,
		.hour = tm->tm_hour,
		.minute = tm->tm_min,
		.second = tm->tm_sec,
		.us = us,
		.offset_s = (int)tm->tm_gmtoff,
	};
}

void clock_civil(utime t, struct civil *ret_civil)
{
	struct tm tm = {0};
	int us = 0;
	time_t seconds = clock_split(t, &us);
	const struct tm *done = FAULT("clock.zone") ? gmtime_r(&seconds, &tm)
						    : localtime_r(&seconds, &tm);

	assert(done != NULL); /* fails for years beyond int only; a utime has fewer */
	*ret_civil = civil_of(&tm, us);
}

void clock_civil_utc(utime t, struct civil *ret_civil)
{
	struct tm tm = {0};
	int us = 0;
	time_t seconds = clock_split(t, &us);
	const struct tm *done = gmtime_r(&seconds, &tm);

	assert(done != NULL); /* as above */
	*ret_civil = civil_of(&tm, us);
}

utime clock_from_civil(const struct civil *civil)
{
	struct tm tm = {
		.tm_year = civil->year - 1900,
		.tm_mon = civil->month - 1,
		.tm_mday = civil->day,
		.tm_hour = civil->hour,
		.tm_min = civil->minute,
		.tm_sec = civil->second,
		.tm_isdst = -1,
	};

	return (utime)mktime(&tm) * US_PER_S + civil->us;
}

void clock_format(utime t, char out[CLOCK_TEXT_MAX])
{
	struct civil c = {0};

	clock_civil(t, &c);
	int minutes = abs(c.offset_s) / 60; /* offsets with seconds ended in 1972 */
	int n = snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year,
			 c.month, c.day, c.hour, c.minute, c.second, c.offset_s < 0 ? '-' : '+',
			 minutes / 60, minutes % 60);
	assert(n > 0 && n < CLOCK_TEXT_MAX); /* a utime ends in the year 294247 */
}

void clock_format_short(utime t, char out[CLOCK_TEXT_MAX])
{
	struct civil c = {0};

	clock_civil(t, &c);
	int n = snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month,
			 c.day, c.hour, c.minute, c.second);
	assert(n > 0 && n < CLOCK_TEXT_MAX);
}
