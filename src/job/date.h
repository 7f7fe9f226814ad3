/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days of the Gregorian calendar, and reading and writing them by a format such as `%d.%m.%Y`.
 *
 * A date here is a name for a day, never a moment: there are no zones and no clocks in it.
 */
#ifndef STINT_JOB_DATE_H
#define STINT_JOB_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

enum { DATE_TEXT_LEN = 10 }; /* 2026-11-23 */

struct date {
	int year; /* 1 … 9999 */
	int month;
	int day;
};

bool date_is_valid(const struct date *d);
/* Days since 1970-01-01, and back; false when outside the years 1 … 9999. */
int64_t date_to_days(const struct date *d);
bool date_from_days(int64_t days, struct date *ret_date);
/* Exactly `2026-11-23`, and a day that exists. */
bool date_parse_iso(const char *text, size_t len, struct date *ret_date);
void date_format_iso(const struct date *d, char out[DATE_TEXT_LEN + 1]);

/* A format that reads dates: day, month and year once each, of %d %m %Y %y %H %M %S %%. ERR_CONFIG.
 */
ST_MUST_CHECK int date_check_read_format(const char *format, size_t len, struct err *err);
/* A format that writes dates: %Y %y %m %d %j %u %%. ERR_CONFIG. */
ST_MUST_CHECK int date_check_write_format(const char *format, size_t len, struct err *err);
/* Reads a text by a format that was checked; false when it does not fit or there is no such day. */
bool date_parse_by(const char *format, const char *text, size_t len, struct date *ret_date);
/* Writes a date by a format that was checked. */
void date_put_by(const struct date *d, const char *format, size_t len, struct buf *out);

#endif
