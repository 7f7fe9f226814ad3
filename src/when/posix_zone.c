/* SPDX-License-Identifier: Apache-2.0 */
#include "when/posix_zone.h"

#include <assert.h>
#include <string.h>

enum {
	DAY_S = 24 * 3600,
	HOUR_S = 3600,
	MINUTE_S = 60,
	DAYS_OF_WEEK = 7,
	NAME_MIN = 3,
	HOURS_MAX = 167,
	OFFSET_HOURS_MAX = 24,
	DEFAULT_TIME_S = 2 * HOUR_S,
	FEBRUARY_28 = 59, /* so many days of a year have passed then */
};

struct text {
	const char *at;
	const char *end;
};

static char next(const struct text *t)
{
	return t->at < t->end ? *t->at : '\0';
}

static bool take(struct text *t, char c)
{
	if (next(t) != c)
		return false;
	t->at++;
	return true;
}

/* ---- reading ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* CEST, or <+0330>. */
static bool take_name(struct text *t)
{
	bool is_quoted = take(t, '<');
	const char *from = t->at;

	while (is_letter(next(t)) ||
	       (is_quoted && (is_digit(next(t)) || next(t) == '+' || next(t) == '-')))
		t->at++;
	return t->at - from >= NAME_MIN && (!is_quoted || take(t, '>'));
}

static bool take_number(struct text *t, int min, int max, int *ret_n)
{
	int n = 0;

	if (!is_digit(next(t)))
		return false;
	for (; is_digit(next(t)) && n <= max; t->at++)
		n = n * 10 + (*t->at - '0');
	*ret_n = n;
	return n >= min && n <= max;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct text *t, int hours_max, int *ret_s)
{
	int sign = take(t, '-') ? -1 : 1;
	int hours = 0;
	int minutes = 0;
	int seconds = 0;

	if (sign > 0)
		(void)take(t, '+'); /* may stand there */
	if (!take_number(t, 0, hours_max, &hours))
		return false;
	if (take(t, ':') && !take_number(t, 0, MINUTE_S - 1, &minutes))
		return false;
	if (take(t, ':') && !take_number(t, 0, MINUTE_S - 1, &seconds))
		return false;
	*ret_s = sign * (hours * HOUR_S + minutes * MINUTE_S + seconds);
	return true;
}

/* POSIX counts offsets west of Greenwich. */
static bool take_offset(struct text *t, int *ret_s)
{
	int west_s = 0;

	if (!take_time(t, OFFSET_HOURS_MAX, &west_s))
		return false;
	*ret_s = -west_s;
	return true;
}

static bool take_day(struct text *t, struct posix_day *day)
{
	bool is_good = false;

	if (take(t, 'M')) {
		day->kind = POSIX_DAY_WEEK;
		is_good = take_number(t, 1, 12, &day->month) && take(t, '.') &&
			  take_number(t, 1, 5, &day->week) && take(t, '.') &&
			  take_number(t, 0, DAYS_OF_WEEK - 1, &day->day);
	} else if (take(t, 'J')) {
		day->kind = POSIX_DAY_JULIAN;
		is_good = take_number(t, 1, 365, &day->day);
	} else {
		day->kind = POSIX_DAY_ZERO;
		is_good = take_number(t, 0, 365, &day->day);
	}
	day->time_s = DEFAULT_TIME_S;
	return is_good && (!take(t, '/') || take_time(t, HOURS_MAX, &day->time_s));
}

bool posix_zone_parse(const char *text, size_t len, struct posix_zone *ret_zone)
{
	struct text t = {.at = text, .end = text + len};
	struct posix_zone z = {0};

	assert(text != NULL && ret_zone != NULL);
	if (!take_name(&t) || !take_offset(&t, &z.standard_s))
		return false;
	if (t.at < t.end) {
		z.has_summer = true;
		z.summer_s = z.standard_s + HOUR_S;
		if (!take_name(&t) || (next(&t) != ',' && !take_offset(&t, &z.summer_s)) ||
		    !take(&t, ',') || !take_day(&t, &z.begins) || !take(&t, ',') ||
		    !take_day(&t, &z.ends) || t.at != t.end)
			return false;
	}
	*ret_zone = z;
	return true;
}

/* ---- the rule ---- */

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970 to the first of January (Gregorian, also before it was there). */
static int64_t days_to_year(int64_t year)
{
	int64_t y = year - 1;

	return 365 * (year - 1970) + (divide(y, 4) - 492) - (divide(y, 100) - 19) +
	       (divide(y, 400) - 4);
}

static int64_t year_of(int64_t days)
{
	int64_t year = 1970 + divide(days, 366);

	while (days_to_year(year + 1) <= days)
		year++;
	while (days_to_year(year) > days)
		year--;
	return year;
}

static int days_to_month(int64_t year, int month)
{
	static const int16_t before[] = {0,   31,  59,	90,  120, 151, 181,
					 212, 243, 273, 304, 334, 365};

	return before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

static int64_t day_in(const struct posix_day *day, int64_t year)
{
	int64_t first = days_to_year(year);

	if (day->kind == POSIX_DAY_ZERO)
		return first + day->day;
	if (day->kind == POSIX_DAY_JULIAN)
		return first + day->day - 1 + (is_leap(year) && day->day > FEBRUARY_28 ? 1 : 0);
	int64_t month = first + days_to_month(year, day->month);
	int64_t length = days_to_month(year, day->month + 1) - days_to_month(year, day->month);
	int64_t weekday = (month + 4) % DAYS_OF_WEEK; /* 1970 began on a Thursday */
	weekday += weekday < 0 ? DAYS_OF_WEEK : 0;
	int64_t at = (day->day - weekday + DAYS_OF_WEEK) % DAYS_OF_WEEK;
	at += (int64_t)(day->week - 1) * DAYS_OF_WEEK;
	return month + (at < length ? at : at - DAYS_OF_WEEK);
}

static int64_t moment_in(const struct posix_day *day, int64_t year, int offset_s)
{
	return day_in(day, year) * DAY_S + day->time_s - offset_s;
}

int posix_zone_offset_s(const struct posix_zone *z, int64_t at_s)
{
	if (!z->has_summer)
		return z->standard_s;
	int64_t year = year_of(divide(at_s + z->standard_s, DAY_S));
	int64_t begins = moment_in(&z->begins, year, z->standard_s);
	int64_t ends = moment_in(&z->ends, year, z->summer_s);
	bool is_summer = begins < ends ? at_s >= begins && at_s < ends
				       : at_s >= begins || at_s < ends;
	return is_summer ? z->summer_s : z->standard_s;
}
