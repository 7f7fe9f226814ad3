/* SPDX-License-Identifier: Apache-2.0 */
#include "job/quota.h"

#include <assert.h>

#include "base/buf.h"
#include "job/date.h"
#include "job/job.h"

enum { MONTHS = 12, MINUTES_PER_HOUR = 60 };

/* Rounded down, also before 1970. */
static int64_t whole(int64_t us, int64_t unit)
{
	int64_t rest = us % unit;

	return us - (rest < 0 ? rest + unit : rest);
}

/* The first of the month that the day is in, so many months later. */
static int64_t month_days(int64_t days, int add)
{
	struct date d = {0};
	bool is_day = date_from_days(days, &d);

	assert(is_day); /* clocks have years of four digits */
	d.day = 1;
	d.month += add;
	if (d.month > MONTHS) {
		d.month = 1;
		d.year++;
	}
	return date_to_days(&d);
}

void quota_period(const struct job_quota *quota, int64_t local_us, int64_t *ret_from,
		  int64_t *ret_to)
{
	int64_t shift = quota->resets_minute * US_PER_MIN;
	int64_t unit = quota->per == JOB_PER_HOUR ? US_PER_HOUR : US_PER_DAY;
	int64_t from = whole(local_us - shift, unit);

	if (quota->per == JOB_PER_MONTH) {
		*ret_from = month_days(from / US_PER_DAY, 0) * US_PER_DAY + shift;
		*ret_to = month_days(from / US_PER_DAY, 1) * US_PER_DAY + shift;
		return;
	}
	*ret_from = from + shift;
	*ret_to = from + unit + shift;
}

void quota_put_time(const struct job_quota *quota, int64_t local_us, struct buf *out)
{
	int64_t minutes = (local_us - whole(local_us, US_PER_DAY)) / US_PER_MIN;
	char day[DATE_TEXT_LEN + 1];
	struct date d = {0};

	if (quota->per == JOB_PER_MONTH &&
	    date_from_days(whole(local_us, US_PER_DAY) / US_PER_DAY, &d)) {
		date_format_iso(&d, day);
		buf_printf(out, "%s ", day);
	}
	buf_printf(out, "%02d:%02d", (int)(minutes / MINUTES_PER_HOUR),
		   (int)(minutes % MINUTES_PER_HOUR));
	if (quota->time_zone != NULL)
		buf_printf(out, " %s", quota->time_zone);
}
