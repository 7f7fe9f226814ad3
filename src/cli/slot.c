/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/slot.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "job/date.h"
#include "job/job.h"
#include "sys/clock.h"

enum { MINUTES_PER_HOUR = 60, SECONDS_PER_HOUR = 3600 };

static void format_day(utime t, char out[SLOT_DATE_MAX])
{
	struct civil c = {0};

	clock_civil(t, &c);
	struct date day = {.year = c.year, .month = c.month, .day = c.day};
	date_format_iso(&day, out);
}

/* The local day before that of `t`, whatever clocks did in between. */
static void format_day_before(utime t, char out[SLOT_DATE_MAX])
{
	struct civil c = {0};
	struct date day = {0};

	clock_civil(t, &c);
	day = (struct date){.year = c.year, .month = c.month, .day = c.day};
	bool is_day = date_from_days(date_to_days(&day) - 1, &day);
	assert(is_day); /* a machine's clock is within the years of dates */
	date_format_iso(&day, out);
}

/* 2026-11-23, today, yesterday. */
static bool read_day(const char *text, utime now, char out[SLOT_DATE_MAX])
{
	struct date day = {0};

	if (strcmp(text, "today") == 0) {
		format_day(now, out);
		return true;
	}
	if (strcmp(text, "yesterday") == 0) {
		format_day_before(now, out);
		return true;
	}
	if (!date_parse_iso(text, strlen(text), &day))
		return false;
	date_format_iso(&day, out);
	return true;
}

/* Two digits below `limit`, and then the text goes on behind them. */
static bool read_two(const char **at, int limit, int *ret_value)
{
	const char *c = *at;

	if (isdigit((unsigned char)c[0]) == 0 || isdigit((unsigned char)c[1]) == 0)
		return false;
	*ret_value = (c[0] - '0') * 10 + (c[1] - '0');
	*at = c + 2;
	return *ret_value < limit;
}

static bool read_mark(const char **at, char mark)
{
	if (**at != mark)
		return false;
	(*at)++;
	return true;
}

/* 2026-03-29T01:30[:15](Z|+01:00). `offset_s` of the result is east of UTC. */
static bool read_time(const char *text, struct civil *ret_civil)
{
	struct date day = {0};
	struct civil c = {0};
	int hours = 0;
	int minutes = 0;

	if (strlen(text) < DATE_TEXT_LEN || !date_parse_iso(text, DATE_TEXT_LEN, &day))
		return false;
	const char *at = text + DATE_TEXT_LEN;
	if (!read_mark(&at, 'T') || !read_two(&at, 24, &c.hour) || !read_mark(&at, ':') ||
	    !read_two(&at, 60, &c.minute))
		return false;
	if (read_mark(&at, ':') && !read_two(&at, 60, &c.second))
		return false;
	if (strcmp(at, "Z") != 0) {
		int sign = *at == '-' ? -1 : 1;
		if ((!read_mark(&at, '+') && !read_mark(&at, '-')) || !read_two(&at, 24, &hours) ||
		    !read_mark(&at, ':') || !read_two(&at, 60, &minutes) || *at != '\0')
			return false;
		c.offset_s = sign * (hours * SECONDS_PER_HOUR + minutes * 60);
	}
	c.year = day.year;
	c.month = day.month;
	c.day = day.day;
	*ret_civil = c;
	return true;
}

/* A time that was read with its zone. */
static utime moment_of(const struct civil *c)
{
	struct date day = {.year = c->year, .month = c->month, .day = c->day};

	return date_to_days(&day) * US_PER_DAY + c->hour * US_PER_HOUR + c->minute * US_PER_MIN +
	       (c->second - c->offset_s) * US_PER_S;
}

static int take_slot(const char *text, utime now, struct slot *slot, struct err *err)
{
	struct civil c = {0};

	if (read_day(text, now, slot->date)) {
		memcpy(slot->text, slot->date, sizeof(slot->date));
		return 0;
	}
	if (!read_time(text, &c) || strlen(text) >= sizeof(slot->text))
		return ERR(err, ERR_USAGE,
			   "--slot %s: a day such as 2026-03-29 or a time such as "
			   "2026-03-29T01:30+01:00 is expected",
			   QUOTED(text, strlen(text)));
	(void)snprintf(slot->text, sizeof(slot->text), "%s", text);
	(void)snprintf(slot->date, sizeof(slot->date), "%.10s", text);
	slot->at = moment_of(&c);
	return 0;
}

int slot_choose(const struct job *job, const struct slot_wish *wish, struct slot *ret_slot,
		struct err *err)
{
	struct slot slot = {.is_named = wish->date != NULL || wish->slot != NULL};
	int rc = 0;

	assert(job != NULL && ret_slot != NULL && err != NULL);
	if (wish->date != NULL && wish->slot != NULL)
		return ERR(err, ERR_USAGE, "--date and --slot name a run each: give one of them");
	if (wish->slot != NULL) {
		rc = take_slot(wish->slot, wish->called_at, &slot, err);
	} else if (wish->date != NULL) {
		if (!read_day(wish->date, wish->called_at, slot.date))
			return ERR(err, ERR_USAGE,
				   "--date %s: a day such as 2026-03-29, today or yesterday is "
				   "expected",
				   QUOTED(wish->date, strlen(wish->date)));
		memcpy(slot.text, slot.date, sizeof(slot.date));
	} else {
		format_day(wish->called_at, slot.date);
		if (job->once_per == JOB_ONCE_PER_START)
			clock_format(wish->called_at, slot.text);
		else
			memcpy(slot.text, slot.date, sizeof(slot.date));
	}
	if (rc == 0)
		*ret_slot = slot;
	return rc;
}

utime slot_stop_by(int minute_of_day, utime since)
{
	struct civil c = {0};

	if (minute_of_day < 0)
		return UTIME_NEVER;
	clock_civil(since, &c);
	c.hour = minute_of_day / MINUTES_PER_HOUR;
	c.minute = minute_of_day % MINUTES_PER_HOUR;
	c.second = 0;
	c.us = 0;
	utime at = clock_from_civil(&c);
	if (at > since)
		return at;
	c.day++; /* a 32nd is the first of the next month, as for mktime(3) */
	return clock_from_civil(&c);
}

int slot_find_stop_by(const struct slot *slot, int minute_of_day, utime called_at,
		      utime *ret_stop_by, struct err *err)
{
	bool has_come = slot->at != 0 && slot->at <= called_at;
	utime stop_by = slot_stop_by(minute_of_day, has_come ? slot->at : called_at);

	if (stop_by <= called_at)
		return ERR(err, ERR_UNAVAILABLE,
			   "the window of %s was over at %02d:%02d (window.stop_by); "
			   "--ignore-window starts it all the same",
			   slot->text, minute_of_day / MINUTES_PER_HOUR,
			   minute_of_day % MINUTES_PER_HOUR);
	*ret_stop_by = stop_by;
	return 0;
}

int when_parse(const char *text, const char *what, utime now, utime *ret_time, struct err *err)
{
	char day[SLOT_DATE_MAX] = {0};
	struct civil c = {0};
	struct date date = {0};
	struct err ignored = ERR_INIT;
	int64_t ago_us = 0;

	assert(text != NULL && ret_time != NULL && err != NULL);
	if (text_parse_duration(text, strlen(text), &ago_us, &ignored) == 0) {
		*ret_time = now - ago_us;
		return 0;
	}
	if (read_day(text, now, day)) {
		bool is_day = date_parse_iso(day, DATE_TEXT_LEN, &date);
		assert(is_day);
		c = (struct civil){.year = date.year, .month = date.month, .day = date.day};
		*ret_time = clock_from_civil(&c);
		return 0;
	}
	if (!read_time(text, &c))
		return ERR(err, ERR_USAGE,
			   "%s %s: a day such as 2026-11-23, today, yesterday, a time such as "
			   "2026-11-23T06:00+01:00 or how long ago such as 36h is expected",
			   what, QUOTED(text, strlen(text)));
	*ret_time = moment_of(&c);
	return 0;
}
