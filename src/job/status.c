/* SPDX-License-Identifier: Apache-2.0 */
#include "job/status.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"

enum { STATUS_DIGITS = 3 };

struct status_range {
	int from;
	int to;
	const char *name;
	const char *expected;
};

static const struct status_range ranges[] = {
	[STATUS_OF_EXIT] = {0, 255, "exit status",
			    "an exit status from 0 to 255, a range such as 64-68 or a pattern such "
			    "as \"[1-9]\""},
	[STATUS_OF_HTTP] =
		{100, STATUS_COUNT - 1, "status of HTTP",
		 "a status of HTTP from 100 to 599, a range such as 500-504 or a pattern "
		 "such as 5xx"},
};

static int complain(enum status_kind kind, const char *text, size_t len, struct err *err)
{
	return ERR(err, ERR_CONFIG, "expected %s, found %s", ranges[kind].expected,
		   QUOTED(text, len));
}

/* Reads up to three digits; the number of them, 0 when there is no status of the kind. */
static size_t read_status(enum status_kind kind, const char *text, size_t len, int *ret_status)
{
	int value = 0;
	size_t n = 0;

	while (n < len && n <= STATUS_DIGITS && text[n] >= '0' && text[n] <= '9')
		value = value * 10 + (text[n++] - '0');
	if (n == 0 || n > STATUS_DIGITS || value < ranges[kind].from || value > ranges[kind].to ||
	    (n > 1 && text[0] == '0'))
		return 0;
	*ret_status = value;
	return n;
}

/* The end of the class that begins at `at` with '[', 0 when it is none; `*ret_matches`: holds `c`.
 */
static size_t match_class(const char *text, size_t len, size_t at, char c, bool *ret_matches)
{
	bool matches = false;
	size_t i = at + 1;

	for (; i < len && text[i] != ']'; i++) {
		char low = text[i];
		char high = low;
		if (i + 2 < len && text[i + 1] == '-' && text[i + 2] != ']') {
			high = text[i + 2];
			i += 2;
		}
		if (low < '0' || high > '9' || low > high)
			return 0;
		matches = matches || (c >= low && c <= high);
	}
	*ret_matches = matches;
	return i < len && i > at + 1 ? i + 1 : 0;
}

/* 1 when the pattern (digits, classes, and of HTTP `x` for any digit) matches the whole of
 * `status`, 0 when not, -1 when it is no pattern. */
static int match_pattern(enum status_kind kind, const char *text, size_t len, const char *status)
{
	bool all = true;
	size_t places = 0;
	size_t digits = strlen(status);

	for (size_t at = 0; at < len; places++) {
		char c = places < digits ? status[places] : '\0';
		bool matches = false;
		if (text[at] == '[') {
			at = match_class(text, len, at, c, &matches);
			if (at == 0)
				return -1;
		} else if (text[at] >= '0' && text[at] <= '9') {
			matches = text[at++] == c;
		} else if (text[at] == 'x' && kind == STATUS_OF_HTTP) {
			matches = c != '\0';
			at++;
		} else {
			return -1;
		}
		all = all && matches;
	}
	return all && places == digits ? 1 : 0;
}

static int parse_pattern(enum status_kind kind, const char *text, size_t len,
			 uint8_t set[STATUS_BYTES], struct err *err)
{
	uint8_t found[STATUS_BYTES] = {0};
	bool is_empty = true;

	for (int i = ranges[kind].from; i <= ranges[kind].to; i++) {
		char status[12] = "";
		(void)snprintf(status, sizeof(status), "%d", i); /* any int fits */
		int m = match_pattern(kind, text, len, status);
		if (m < 0)
			return complain(kind, text, len, err);
		if (m > 0)
			bits_set(found, (size_t)i);
		is_empty = is_empty && m == 0;
	}
	if (is_empty)
		return ERR(err, ERR_CONFIG, "%s matches no %s from %d to %d", QUOTED(text, len),
			   ranges[kind].name, ranges[kind].from, ranges[kind].to);
	bits_or(set, found, STATUS_COUNT);
	return 0;
}

/* 2xx, 5xx, 40xxx: of HTTP and SQLSTATE. */
static bool is_of_servers(const char *text, size_t len)
{
	return len >= 3 && text[0] >= '0' && text[0] <= '9' && text[len - 1] == 'x';
}

static bool is_pattern(enum status_kind kind, const char *text, size_t len)
{
	return memchr(text, '[', len) != NULL ||
	       (kind == STATUS_OF_HTTP && memchr(text, 'x', len) != NULL);
}

int status_parse(enum status_kind kind, const char *text, size_t len, uint8_t set[STATUS_BYTES],
		 struct err *err)
{
	int from = 0;
	int to = 0;

	assert(text != NULL && err != NULL);
	if (kind == STATUS_OF_EXIT && is_of_servers(text, len))
		return ERR(
			err, ERR_CONFIG,
			"%s is a status of HTTP or SQL; a program ends with a status from 0 to 255",
			QUOTED(text, len));
	if (is_pattern(kind, text, len))
		return parse_pattern(kind, text, len, set, err);
	size_t n = read_status(kind, text, len, &from);
	if (n == 0)
		return complain(kind, text, len, err);
	to = from;
	if (n < len) {
		if (text[n] != '-' || n + 1 == len ||
		    read_status(kind, text + n + 1, len - n - 1, &to) != len - n - 1)
			return complain(kind, text, len, err);
	}
	if (to < from)
		return ERR(err, ERR_CONFIG, "%s runs backwards", QUOTED(text, len));
	for (int i = from; i <= to; i++)
		bits_set(set, (size_t)i);
	return 0;
}

int status_find_common(const uint8_t a[STATUS_BYTES], const uint8_t b[STATUS_BYTES])
{
	for (int i = 0; i < STATUS_COUNT; i++)
		if (bits_get(a, (size_t)i) && bits_get(b, (size_t)i))
			return i;
	return -1;
}

void status_put(const uint8_t set[STATUS_BYTES], struct buf *out)
{
	bool is_first = true;

	for (int i = 0; i < STATUS_COUNT; i++) {
		if (!bits_get(set, (size_t)i))
			continue;
		int last = i;
		while (last + 1 < STATUS_COUNT && bits_get(set, (size_t)last + 1))
			last++;
		buf_printf(out, "%s%d", is_first ? "" : ", ", i);
		if (last > i)
			buf_printf(out, "-%d", last);
		is_first = false;
		i = last;
	}
}
