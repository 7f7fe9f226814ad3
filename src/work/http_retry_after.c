/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_retry_after.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "job/date.h"

/* ---- reading ---- */

struct scan {
	const char *at;
	bool failed;
};

static void scan_text(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if (s->failed || strncmp(s->at, text, len) != 0) {
		s->failed = true;
		return;
	}
	s->at += len;
}

/* Exactly so many digits; with `may_be_blank` the first may be a blank. */
static int scan_digits(struct scan *s, int digits, bool may_be_blank)
{
	int value = 0;

	for (int i = 0; i < digits && !s->failed; i++, s->at++) {
		if (*s->at >= '0' && *s->at <= '9')
			value = 10 * value + (*s->at - '0');
		else if (i > 0 || !may_be_blank || *s->at != ' ')
			s->failed = true;
	}
	return s->failed ? 0 : value;
}

/* The index of the name that stands here. */
static int scan_name(struct scan *s, const char *const *names, int n)
{
	for (int i = 0; i < n && !s->failed; i++) {
		size_t len = strlen(names[i]);
		if (strncmp(s->at, names[i], len) == 0) {
			s->at += len;
			return i;
		}
	}
	s->failed = true;
	return 0;
}

static int scan_month(struct scan *s)
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	return scan_name(s, names, (int)ARRAY_LEN(names)) + 1;
}

static int64_t scan_clock(struct scan *s)
{
	int hour = scan_digits(s, 2, false);
	scan_text(s, ":");
	int minute = scan_digits(s, 2, false);
	scan_text(s, ":");
	int second = scan_digits(s, 2, false);

	if (hour > 23 || minute > 59 || second > 60) /* there are leap seconds */
		s->failed = true;
	return ((int64_t)hour * 60 + minute) * 60 + second;
}

/* RFC 9110: a year of two digits that seems to be more than 50 years ahead is of the past. */
static int full_year(int year, utime now)
{
	struct date today = {0};

	if (!date_from_days(now / US_PER_DAY, &today))
		return 1900 + year;
	int full = today.year - today.year % 100 + year;
	return full > today.year + 50 ? full - 100 : full;
}

/* ---- the three forms ---- */

/* Sun, 06 Nov 1994 08:49:37 GMT */
static int64_t scan_fixdate(struct scan *s, struct date *day)
{
	day->day = scan_digits(s, 2, false);
	scan_text(s, " ");
	day->month = scan_month(s);
	scan_text(s, " ");
	day->year = scan_digits(s, 4, false);
	scan_text(s, " ");
	int64_t clock = scan_clock(s);
	scan_text(s, " GMT");
	return clock;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static int64_t scan_rfc850(struct scan *s, struct date *day, utime now)
{
	day->day = scan_digits(s, 2, false);
	scan_text(s, "-");
	day->month = scan_month(s);
	scan_text(s, "-");
	day->year = full_year(scan_digits(s, 2, false), now);
	scan_text(s, " ");
	int64_t clock = scan_clock(s);
	scan_text(s, " GMT");
	return clock;
}

/* Sun Nov  6 08:49:37 1994 */
static int64_t scan_asctime(struct scan *s, struct date *day)
{
	day->month = scan_month(s);
	scan_text(s, " ");
	day->day = scan_digits(s, 2, true);
	scan_text(s, " ");
	int64_t clock = scan_clock(s);
	scan_text(s, " ");
	day->year = scan_digits(s, 4, false);
	return clock;
}

bool http_date_parse(const char *text, utime now, utime *ret_at)
{
	static const char *const weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const rests[] = {"day", "sday",  "nesday", "rsday",
					    "day", "urday", "day"};
	struct scan s = {.at = text};
	struct date day = {0};
	int64_t clock = 0;

	assert(text != NULL && ret_at != NULL);
	int weekday = scan_name(&s, weekdays, (int)ARRAY_LEN(weekdays));
	if (s.failed)
		return false;
	if (s.at[0] == ',') {
		scan_text(&s, ", ");
		clock = scan_fixdate(&s, &day);
	} else if (s.at[0] == ' ') {
		scan_text(&s, " ");
		clock = scan_asctime(&s, &day);
	} else {
		scan_text(&s, rests[weekday]);
		scan_text(&s, ", ");
		clock = scan_rfc850(&s, &day, now);
	}
	if (s.failed || *s.at != '\0' || !date_is_valid(&day))
		return false;
	*ret_at = date_to_days(&day) * US_PER_DAY + clock * US_PER_S;
	return true;
}

/* ---- Retry-After ---- */

static int64_t bounded(int64_t us)
{
	if (us < 0)
		return 0;
	return us < HTTP_RETRY_AFTER_MAX_US ? us : HTTP_RETRY_AFTER_MAX_US;
}

int64_t http_retry_after(const char *value, const char *date, utime now)
{
	utime until = 0;
	utime from = now;
	int64_t seconds = 0;
	const char *at = value;

	assert(value != NULL);
	for (; *at >= '0' && *at <= '9'; at++)
		if (seconds <= HTTP_RETRY_AFTER_MAX_US / US_PER_S)
			seconds = 10 * seconds + (*at - '0');
	if (*at == '\0')
		return bounded(seconds * US_PER_S);
	if (!http_date_parse(value, now, &until))
		return 0;
	if (date == NULL || !http_date_parse(date, now, &from))
		from = now;
	return bounded(until - from);
}
