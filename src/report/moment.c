/* SPDX-License-Identifier: Apache-2.0 */
#include "report/moment.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "job/date.h"
#include "ledger/ledger.h"
#include "sys/clock.h"

enum { MOMENT_LEN = 24, TIME_OFFSET = 11, MS_OFFSET = 20 };

static int two_digits(const char *at)
{
	return (at[0] - '0') * 10 + (at[1] - '0');
}

utime moment_parse(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	struct date date = {0};

	if (text == NULL || strlen(text) != MOMENT_LEN)
		return 0;
	for (size_t i = 0; i < MOMENT_LEN; i++)
		if (form[i] == 'd' ? isdigit((unsigned char)text[i]) == 0 : form[i] != text[i])
			return 0;
	if (!date_parse_iso(text, DATE_TEXT_LEN, &date))
		return 0;
	const char *time = text + TIME_OFFSET;
	int64_t ms = (text[MS_OFFSET] - '0') * 100 + two_digits(text + MS_OFFSET + 1);
	return date_to_days(&date) * US_PER_DAY + two_digits(time) * US_PER_HOUR +
	       two_digits(time + 3) * US_PER_MIN + two_digits(time + 6) * US_PER_S + ms * US_PER_MS;
}

void moment_format(utime t, char out[MOMENT_TEXT_MAX])
{
	struct civil c = {0};

	clock_civil_utc(t, &c);
	int n = snprintf(out, MOMENT_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year,
			 c.month, c.day, c.hour, c.minute, c.second, c.us / (int)US_PER_MS);
	assert(n > 0 && n < MOMENT_TEXT_MAX); /* a utime ends in the year 294247 */
}

utime moment_at(const struct ledger_row *row, int column)
{
	return moment_parse(ledger_row_text(row, column, NULL));
}

void moment_put_json(struct json_writer *w, const char *name, utime t)
{
	char text[MOMENT_TEXT_MAX] = {0};

	jw_name(w, name);
	if (t == 0 || t == UTIME_NEVER) {
		jw_null(w);
		return;
	}
	moment_format(t, text);
	jw_string(w, text, strlen(text));
}
