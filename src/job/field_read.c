/* SPDX-License-Identifier: Apache-2.0 */
#include "job/field_read.h"

#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/json.h"
#include "base/utf8.h"
#include "job/date.h"

enum {
	FLOAT_EXPONENT_DIGITS = 3,
	FLOAT_POWER_MAX = 308,
	JSON_ARENA_FACTOR = 32,
	JSON_ARENA_LEAST = 64 * 1024
};

static const char too_long[] = "has more than 38 digits";

static void lend(struct value *ret_value, const char *text, size_t len)
{
	*ret_value = (struct value){.text = text, .len = len};
}

static size_t skip_digits(const char *raw, size_t len, size_t at)
{
	while (at < len && raw[at] >= '0' && raw[at] <= '9')
		at++;
	return at;
}

/* Leading zeros that a canonical number does not have. */
static size_t skip_zeros(const char *raw, size_t at, size_t end)
{
	while (at + 1 < end && raw[at] == '0')
		at++;
	return at;
}

bool read_text(const struct field *field, const char *raw, size_t len, struct value *ret_value,
	       const char **ret_reason)
{
	if (utf8_find_bad(raw, len) != len) {
		*ret_reason = "is no UTF-8";
		return false;
	}
	/* a text of n bytes has at most n characters */
	if (field->max_chars != 0 && len > field->max_chars &&
	    utf8_count(raw, len) > field->max_chars) {
		*ret_reason = "is too long";
		return false;
	}
	lend(ret_value, raw, len);
	return true;
}

/* Lends the number without '+' and zeros in front; a sign is written anew only where it does not
 * stand directly before what is left. */
static void lend_number(const char *raw, size_t start, size_t len, bool negative,
			struct buf *scratch, struct value *ret_value)
{
	if (!negative) {
		lend(ret_value, raw + start, len - start);
		return;
	}
	if (start == 1) {
		lend(ret_value, raw, len);
		return;
	}
	size_t from = scratch->len;
	buf_putc(scratch, '-');
	buf_put(scratch, raw + start, len - start);
	lend(ret_value, buf_str(scratch) + from, len - start + 1);
}

bool read_integer(const char *raw, size_t len, struct buf *scratch, struct value *ret_value,
		  const char **ret_reason)
{
	bool negative = len > 0 && raw[0] == '-';
	size_t sign = negative || (len > 0 && raw[0] == '+') ? 1 : 0;

	if (sign == len || skip_digits(raw, len, sign) != len)
		return false;
	size_t start = skip_zeros(raw, sign, len);
	if (len - start > DECIMAL_DIGITS) {
		*ret_reason = too_long;
		return false;
	}
	bool is_zero = raw[start] == '0';
	lend_number(raw, start, len, negative && !is_zero, scratch, ret_value);
	return true;
}

static bool is_all_zero(const char *raw, size_t at, size_t len)
{
	for (; at < len; at++)
		if (raw[at] >= '1' && raw[at] <= '9')
			return false;
	return true;
}

bool read_decimal(char mark, const char *raw, size_t len, struct buf *scratch,
		  struct value *ret_value, const char **ret_reason)
{
	bool negative = len > 0 && raw[0] == '-';
	size_t sign = negative || (len > 0 && raw[0] == '+') ? 1 : 0;
	size_t whole_end = skip_digits(raw, len, sign);
	size_t start = skip_zeros(raw, sign, whole_end);

	if (whole_end == sign)
		return false;
	size_t digits = whole_end - start;
	if (whole_end < len) {
		if (raw[whole_end] != mark || whole_end + 1 == len ||
		    skip_digits(raw, len, whole_end + 1) != len)
			return false;
		digits = (raw[start] == '0' ? 0 : digits) + len - whole_end - 1;
	}
	if (digits > DECIMAL_DIGITS) {
		*ret_reason = too_long;
		return false;
	}
	negative = negative && !is_all_zero(raw, start, len);
	if (mark == '.' || whole_end == len) {
		lend_number(raw, start, len, negative, scratch, ret_value);
		return true;
	}
	size_t from = scratch->len;
	if (negative)
		buf_putc(scratch, '-');
	buf_put(scratch, raw + start, whole_end - start);
	buf_putc(scratch, '.');
	buf_put(scratch, raw + whole_end + 1, len - whole_end - 1);
	lend(ret_value, buf_str(scratch) + from, scratch->len - from);
	return true;
}

/* The exponent after 'e', within ±99; anything larger is no decimal of 38 digits. */
static bool read_exponent(const char *raw, size_t len, size_t at, int *ret_exponent)
{
	bool negative = at < len && raw[at] == '-';
	int exponent = 0;

	if (at < len && (raw[at] == '-' || raw[at] == '+'))
		at++;
	for (; at < len; at++) {
		exponent = exponent * 10 + (raw[at] - '0');
		if (exponent > 99)
			return false;
	}
	*ret_exponent = negative ? -exponent : exponent;
	return true;
}

bool read_json_decimal(const char *raw, size_t len, struct buf *scratch, struct value *ret_value)
{
	enum { SPELLED_MAX = 256 };
	char digits[SPELLED_MAX]; /* the number without its exponent, room for zeros on both sides
				   */
	char *spelled = digits;
	size_t n = 0;
	int exponent = 0;
	int scale = 0;
	bool negative = len > 0 && raw[0] == '-';
	const char *reason = NULL;
	size_t e = 0;

	while (e < len && raw[e] != 'e' && raw[e] != 'E')
		e++;
	if (e == len)
		return read_decimal('.', raw, len, scratch, ret_value, &reason);
	if (e > DECIMAL_DIGITS + 3 || !read_exponent(raw, len, e + 1, &exponent))
		return false;
	bool in_fraction = false;
	for (size_t i = negative ? 1 : 0; i < e; i++) {
		if (raw[i] == '.') {
			in_fraction = true;
			continue;
		}
		digits[n++] = raw[i];
		scale += in_fraction ? 1 : 0;
	}
	scale -= exponent;
	while (scale < 0 && n < SPELLED_MAX / 2) {
		digits[n++] = '0';
		scale++;
	}
	if (scale < 0 || scale > DECIMAL_DIGITS)
		return false;
	/* at least one digit before the point */
	size_t zeros = (size_t)scale >= n ? (size_t)scale - n + 1 : 0;
	memmove(digits + zeros, digits, n);
	memset(digits, '0', zeros);
	n += zeros;
	size_t whole = n - (size_t)scale;
	size_t start = skip_zeros(digits, 0, whole);
	if (n - start > DECIMAL_DIGITS + (spelled[start] == '0' ? 1 : 0))
		return false;
	size_t from = scratch->len;
	if (negative && !is_all_zero(digits, start, n))
		buf_putc(scratch, '-');
	buf_put(scratch, digits + start, whole - start);
	if (scale > 0) {
		buf_putc(scratch, '.');
		buf_put(scratch, digits + whole, (size_t)scale);
	}
	lend(ret_value, buf_str(scratch) + from, scratch->len - from);
	return true;
}

/* Whether a double holds it (a larger one would be infinite for whoever computes with it).
 * `mantissa` is digits with at most one point; `exponent` is that behind the `e`. */
static bool is_finite(const char *mantissa, size_t len, int exponent)
{
	static const char largest[] = "17976931348623157"; /* of 1.79…e308 */
	char digits[sizeof(largest)] = {0};		   /* the first that count */
	size_t n = 0;
	int64_t power = exponent - 1; /* of the first digit that counts */
	bool is_whole = true;

	for (size_t i = 0; i < len; i++) {
		if (mantissa[i] == '.') {
			is_whole = false;
			continue;
		}
		if (is_whole && (n > 0 || mantissa[i] != '0'))
			power++;
		else if (!is_whole && n == 0 && mantissa[i] == '0')
			power--;
		if (n < sizeof(largest) - 1 && (n > 0 || mantissa[i] != '0'))
			digits[n++] = mantissa[i];
	}
	if (n == 0 || power < FLOAT_POWER_MAX)
		return true;
	return power == FLOAT_POWER_MAX && strcmp(digits, largest) <= 0;
}

bool read_float(const char *raw, size_t len, struct buf *scratch, struct value *ret_value,
		const char **ret_reason)
{
	bool negative = len > 0 && raw[0] == '-';
	size_t sign = negative || (len > 0 && raw[0] == '+') ? 1 : 0;
	size_t at = skip_digits(raw, len, sign);
	size_t start = skip_zeros(raw, sign, at);

	if (at == sign)
		return false;
	if (at < len && raw[at] == '.') {
		size_t end = skip_digits(raw, len, at + 1);
		if (end == at + 1)
			return false;
		at = end;
	}
	size_t mantissa_end = at;
	int exponent = 0;
	if (at < len && (raw[at] == 'e' || raw[at] == 'E')) {
		at++;
		bool is_below = at < len && raw[at] == '-';
		if (at < len && (raw[at] == '+' || raw[at] == '-'))
			at++;
		size_t end = skip_digits(raw, len, at);
		if (end == at)
			return false;
		if (end - at > FLOAT_EXPONENT_DIGITS) {
			*ret_reason = "is out of range";
			return false;
		}
		for (; at < end; at++)
			exponent = exponent * 10 + (raw[at] - '0');
		exponent = is_below ? -exponent : exponent;
	}
	if (at != len)
		return false;
	if (!is_finite(raw + sign, mantissa_end - sign, exponent)) {
		*ret_reason = "is out of range";
		return false;
	}
	lend_number(raw, start, len, negative, scratch, ret_value);
	return true;
}

/* ASCII only, whatever the locale. */
static bool equals_any_case(const char *raw, size_t len, const char *word)
{
	if (len != strlen(word))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((raw[i] | 0x20) != word[i])
			return false;
	return true;
}

bool read_boolean(const char *raw, size_t len, struct value *ret_value)
{
	if (equals_any_case(raw, len, "true")) {
		lend(ret_value, "true", 4);
		return true;
	}
	if (equals_any_case(raw, len, "false")) {
		lend(ret_value, "false", 5);
		return true;
	}
	return false;
}

bool read_date(const char *format, const char *raw, size_t len, struct buf *scratch,
	       struct value *ret_value)
{
	struct date date = {0};
	char text[DATE_TEXT_LEN + 1];

	if (format == NULL) {
		if (!date_parse_iso(raw, len, &date))
			return false;
		lend(ret_value, raw, len);
		return true;
	}
	if (!date_parse_by(format, raw, len, &date))
		return false;
	date_format_iso(&date, text);
	size_t from = scratch->len;
	buf_put(scratch, text, DATE_TEXT_LEN);
	lend(ret_value, buf_str(scratch) + from, DATE_TEXT_LEN);
	return true;
}

/* Two digits below `limit` at `at`. */
static bool is_part(const char *raw, size_t len, size_t at, int limit)
{
	if (at + 2 > len || raw[at] < '0' || raw[at] > '9' || raw[at + 1] < '0' ||
	    raw[at + 1] > '9')
		return false;
	return (raw[at] - '0') * 10 + raw[at + 1] - '0' < limit;
}

/* RFC 3339's time of day from `at` on; the offset of what comes after, 0 when it is none. */
static size_t skip_time(const char *raw, size_t len, size_t at)
{
	if (!is_part(raw, len, at, 24) || !is_part(raw, len, at + 3, 60) ||
	    !is_part(raw, len, at + 6, 61) || raw[at + 2] != ':' || raw[at + 5] != ':')
		return 0;
	at += 8;
	if (at == len || raw[at] != '.')
		return at;
	size_t end = skip_digits(raw, len, at + 1);
	return end == at + 1 || end - at > 10 ? 0 : end; /* at most nanoseconds */
}

/* The zone at the end of a timestamp: none, Z, +01:00, also +0100 and +01 as databases print them.
 */
static bool read_zone(const char *raw, size_t len, size_t at, bool *ret_canonical)
{
	size_t n = len - at;

	*ret_canonical = n == 0 || (n == 1 && raw[at] == 'Z') || n == 6;
	if (n == 0)
		return true;
	if (n == 1)
		return raw[at] == 'Z' || raw[at] == 'z';
	if ((raw[at] != '+' && raw[at] != '-') || !is_part(raw, len, at + 1, 24))
		return false;
	if (n == 3)
		return true;
	if (n == 5)
		return is_part(raw, len, at + 3, 60);
	return n == 6 && raw[at + 3] == ':' && is_part(raw, len, at + 4, 60);
}

bool read_timestamp(const char *raw, size_t len, struct buf *scratch, struct value *ret_value)
{
	struct date date = {0};
	bool is_canonical = false;

	if (len < DATE_TEXT_LEN + 9 || !date_parse_iso(raw, DATE_TEXT_LEN, &date))
		return false;
	char mark = raw[DATE_TEXT_LEN];
	if (mark != 'T' && mark != 't' && mark != ' ')
		return false;
	size_t zone = skip_time(raw, len, DATE_TEXT_LEN + 1);
	if (zone == 0 || !read_zone(raw, len, zone, &is_canonical))
		return false;
	if (mark == 'T' && is_canonical) {
		lend(ret_value, raw, len);
		return true;
	}
	size_t from = scratch->len;
	buf_put(scratch, raw, DATE_TEXT_LEN);
	buf_putc(scratch, 'T');
	buf_put(scratch, raw + DATE_TEXT_LEN + 1, zone - DATE_TEXT_LEN - 1);
	if (len - zone == 1) {
		buf_putc(scratch, 'Z');
	} else if (len > zone) {
		buf_put(scratch, raw + zone, 3);
		buf_putc(scratch, ':');
		buf_put(scratch, len - zone == 3 ? "00" : raw + len - 2, 2);
	}
	lend(ret_value, buf_str(scratch) + from, scratch->len - from);
	return true;
}

bool read_json(const char *raw, size_t len, struct buf *scratch, struct value *ret_value)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	bool in_string = false;
	size_t from = scratch->len;

	if (json_parse(raw, len, len * JSON_ARENA_FACTOR + JSON_ARENA_LEAST, &doc, &root, &err) < 0)
		return false;
	/* valid, so that what remains is to leave the blanks between the tokens out */
	for (size_t i = 0; i < len; i++) {
		if (in_string && raw[i] == '\\') {
			buf_put(scratch, raw + i++, 2);
			continue;
		}
		if (raw[i] == '"')
			in_string = !in_string;
		if (in_string || memchr(" \t\r\n", raw[i], 4) == NULL)
			buf_putc(scratch, raw[i]);
	}
	lend(ret_value, buf_str(scratch) + from, scratch->len - from);
	return true;
}
