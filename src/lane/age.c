/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/age.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/date.h"
#include "job/item.h"
#include "job/job.h"
#include "sys/clock.h"

enum { TIME_LEN = 19, MINUTE_S = 60, HOUR_S = 3600, DURATION_MAX = 64 };

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + text[1] - '0';
}

/* The zone behind a timestamp that the reader has checked: Z, +01:00, +0100, +01. False: none. */
static bool read_offset(const char *text, size_t len, int *ret_offset_s)
{
	size_t at = TIME_LEN;

	while (at < len && strchr("Zz+-", text[at]) == NULL)
		at++; /* parts of a second */
	if (at == len)
		return false;
	*ret_offset_s = 0;
	if (len - at < 3)
		return true;
	int offset_s = two_digits(text + at + 1) * HOUR_S;
	if (len - at >= 5)
		offset_s += two_digits(text + len - 2) * MINUTE_S;
	*ret_offset_s = text[at] == '-' ? -offset_s : offset_s;
	return true;
}

static bool read_moment(const struct value *value, utime *ret_moment)
{
	struct date day = {0};
	int offset_s = 0;

	if (value->len < DATE_TEXT_LEN || !date_parse_iso(value->text, DATE_TEXT_LEN, &day))
		return false;
	struct civil c = {.year = day.year, .month = day.month, .day = day.day};
	if (value->len >= TIME_LEN) {
		c.hour = two_digits(value->text + 11);
		c.minute = two_digits(value->text + 14);
		c.second = two_digits(value->text + 17);
	}
	if (value->len < TIME_LEN || !read_offset(value->text, value->len, &offset_s))
		*ret_moment = clock_from_civil(&c);
	else
		*ret_moment = date_to_days(&day) * US_PER_DAY + c.hour * US_PER_HOUR +
			      c.minute * US_PER_MIN + (c.second - offset_s) * US_PER_S;
	return true;
}

bool age_is_over(const struct job *job, const struct item *item, utime now, char why[AGE_WHY_MAX])
{
	const struct job_max_age *max = &job->source.max_age;
	AUTO(buf) struct buf limit = BUF_INIT(DURATION_MAX);
	utime moment = 0;

	if (max->field == NULL)
		return false;
	int index = job_find_field(job, max->field, strlen(max->field));
	assert(index >= 0); /* checked with the file */
	const struct value *value = &item->fields[index];
	if (value->is_null || !read_moment(value, &moment) || now - moment <= max->limit_us)
		return false;
	text_put_duration(&limit, max->limit_us);
	(void)snprintf(why, AGE_WHY_MAX, "%s is %.*s: older than %s (source.max_age)", max->field,
		       (int)(value->len < TIME_LEN ? value->len : TIME_LEN), value->text,
		       buf_str(&limit));
	return true;
}
