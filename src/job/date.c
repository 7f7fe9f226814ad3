/* SPDX-License-Identifier: Apache-2.0 */
#include "job/date.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"

enum { YEAR_MAX = 9999, CENTURY_PIVOT = 69 /* of %y, as POSIX has it: 69 is 1969, 68 is 2068 */ };

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

bool date_is_valid(const struct date *d)
{
	return d->year >= 1 && d->year <= YEAR_MAX && d->month >= 1 && d->month <= 12 &&
	       d->day >= 1 && d->day <= days_of_month(d->year, d->month);
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have
 * 400. */
int64_t date_to_days(const struct date *d)
{
	int64_t y = d->month <= 2 ? d->year - 1 : d->year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (d->month + (d->month > 2 ? -3 : 9)) + 2) / 5 + d->day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

bool date_from_days(int64_t days, struct date *ret_date)
{
	static const struct date first = {1, 1, 1};
	static const struct date last = {YEAR_MAX, 12, 31};

	if (days < date_to_days(&first) || days > date_to_days(&last))
		return false;
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	ret_date->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret_date->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	ret_date->year = (int)(yoe + era * 400 + (ret_date->month <= 2 ? 1 : 0));
	return true;
}

/* `n` digits at `text`, -1 when they are not all digits. */
static int read_digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

bool date_parse_iso(const char *text, size_t len, struct date *ret_date)
{
	if (len != DATE_TEXT_LEN || text[4] != '-' || text[7] != '-')
		return false;
	struct date d = {read_digits(text, 4), read_digits(text + 5, 2), read_digits(text + 8, 2)};
	if (!date_is_valid(&d))
		return false;
	*ret_date = d;
	return true;
}

void date_format_iso(const struct date *d, char out[DATE_TEXT_LEN + 1])
{
	assert(date_is_valid(d));
	const int parts[] = {d->year, d->month, d->day};
	size_t len = text_digits((uint64_t)parts[0], 4, out);

	for (size_t i = 1; i < ARRAY_LEN(parts); i++) {
		out[len++] = '-';
		len += text_digits((uint64_t)parts[i], 2, &out[len]);
	}
	out[len] = '\0';
}

/* ---- formats ---- */

/* Every conversion of the format is one of `allowed`. */
static int check_format(const char *format, size_t len, const char *allowed, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		if (format[i] != '%')
			continue;
		if (i + 1 == len || format[i + 1] == '\0' || strchr(allowed, format[i + 1]) == NULL)
			return ERR(err, ERR_CONFIG,
				   "%s is no format of dates: after '%%' may come %s",
				   QUOTED(format, len), allowed);
		i++;
	}
	return 0;
}

static int count_conversions(const char *format, size_t len, const char *letters)
{
	int n = 0;

	for (size_t i = 0; i + 1 < len; i++)
		if (format[i] == '%') {
			i++;
			n += strchr(letters, format[i]) != NULL ? 1 : 0;
		}
	return n;
}

int date_check_read_format(const char *format, size_t len, struct err *err)
{
	int r = check_format(format, len, "dmYyHMS%", err);

	if (r < 0)
		return r;
	if (count_conversions(format, len, "d") != 1 || count_conversions(format, len, "m") != 1 ||
	    count_conversions(format, len, "Yy") != 1)
		return ERR(
			err, ERR_CONFIG,
			"%s is no format of dates: it needs a day (%%d), a month (%%m) and a year "
			"(%%Y), each once",
			QUOTED(format, len));
	return 0;
}

int date_check_write_format(const char *format, size_t len, struct err *err)
{
	if (len == 0)
		return ERR(err, ERR_CONFIG, "a format of dates such as %%Y%%m%%d is missing");
	return check_format(format, len, "Yymdju%", err);
}

/* How many digits of `text` a conversion takes: exactly `most` where another number touches it. */
static size_t take_digits(const char *text, size_t len, size_t most, bool is_exact)
{
	size_t n = 0;

	while (n < len && n < most && text[n] >= '0' && text[n] <= '9')
		n++;
	return is_exact && n != most ? 0 : n;
}

/* Puts a number that was read where its letter says; false when it cannot be. */
static bool store_part(struct date *d, char letter, int value)
{
	switch (letter) {
	case 'd':
		d->day = value;
		return true;
	case 'm':
		d->month = value;
		return true;
	case 'Y':
		d->year = value;
		return true;
	case 'y':
		d->year = value + (value < CENTURY_PIVOT ? 2000 : 1900);
		return true;
	case 'H':
		return value <= 23;
	case 'M':
		return value <= 59;
	default:
		return value <= 60; /* a leap second */
	}
}

bool date_parse_by(const char *format, const char *text, size_t len, struct date *ret_date)
{
	struct date d = {0};
	size_t at = 0;

	for (const char *f = format; *f != '\0'; f++) {
		if (*f != '%' || f[1] == '%') {
			if (at == len || text[at++] != *f)
				return false;
			f += *f == '%' ? 1 : 0;
			continue;
		}
		bool touches = f[2] == '%' || (f > format + 1 && f[-2] == '%');
		bool is_year = f[1] == 'Y' || f[1] == 'y';
		size_t n = take_digits(text + at, len - at, f[1] == 'Y' ? 4 : 2,
				       is_year || touches);
		if (n == 0 || !store_part(&d, f[1], read_digits(text + at, n)))
			return false;
		at += n;
		f++;
	}
	if (at != len || !date_is_valid(&d))
		return false;
	*ret_date = d;
	return true;
}

static void put_part(const struct date *d, char letter, struct buf *out)
{
	const struct date new_year = {d->year, 1, 1};
	int64_t days = date_to_days(d);

	switch (letter) {
	case 'Y':
		buf_printf(out, "%04d", d->year);
		break;
	case 'y':
		buf_printf(out, "%02d", d->year % 100);
		break;
	case 'm':
		buf_printf(out, "%02d", d->month);
		break;
	case 'd':
		buf_printf(out, "%02d", d->day);
		break;
	case 'j':
		buf_printf(out, "%03d", (int)(days - date_to_days(&new_year)) + 1);
		break;
	case 'u': /* Monday is 1; 1970-01-01 was a Thursday */
		buf_printf(out, "%d", (int)(((days + 3) % 7 + 7) % 7) + 1);
		break;
	default:
		buf_putc(out, letter);
		break;
	}
}

void date_put_by(const struct date *d, const char *format, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (format[i] == '%' && i + 1 < len)
			put_part(d, format[++i], out);
		else
			buf_putc(out, format[i]);
	}
}
