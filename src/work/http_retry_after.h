/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry-After (RFC 9110, 10.2.3): seconds, or a date in any of the three forms that HTTP knows.
 * Pure.
 */
#ifndef STINT_WORK_HTTP_RETRY_AFTER_H
#define STINT_WORK_HTTP_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Longer is not waited for, whatever the other side says. */
#define HTTP_RETRY_AFTER_MAX_US (7 * US_PER_DAY)

/* How long to wait, in microseconds; 0 when the value says nothing. A date is counted from `date`,
 * the answer's own Date, whose clock is the same; from `now` where that is NULL or none. */
int64_t http_retry_after(const char *value, const char *date, utime now);

/* A date of HTTP (RFC 9110, 5.6.7): IMF-fixdate, RFC 850, asctime. False when it is none. `now`
 * says which century a year of two digits is of. */
bool http_date_parse(const char *text, utime now, utime *ret_at);

#endif
