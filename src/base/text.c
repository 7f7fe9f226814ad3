/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

enum {
	WORD_MAX = 64,	  /* longer words are no typing errors of ours */
	BINARY_STEP = 10, /* 2^10 from one size unit to the next */
};

struct unit {
	const char *name;
	int64_t us;
};

/* Falling, as they stand in a text; "ms" is told from "m" by trying it first (see unit_find). */
static const struct unit units[] = {
	{"w", 7 * US_PER_DAY}, {"d", US_PER_DAY}, {"h", US_PER_HOUR},
	{"m", US_PER_MIN},     {"s", US_PER_S},	  {"ms", US_PER_MS},
};

static const char size_letters[] = "KMGT";

/* ---- nearest word ---- */

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance with swaps of neighbours (optimal string alignment); three rows are kept. */
static size_t text_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX + 1] = {0};

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
			row[j] = min_size(min_size(above[j] + 1, row[j - 1] + 1), change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min_size(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

const char *text_nearest(const char *word, size_t len, const char *const *candidates, size_t n)
{
	const char *nearest = NULL;
	size_t best = (len < 3 ? 1 : len / 3) + 1; /* must stay below */

	assert((word != NULL || len == 0) && (candidates != NULL || n == 0));
	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t candidate_len = strlen(candidates[i]);
		if (candidate_len > WORD_MAX)
			continue;
		size_t distance = text_distance(word, len, candidates[i], candidate_len);
		/* a word of which nothing is left is no correction */
		if (distance < best && (distance < len || distance < candidate_len)) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at `text` as a number below INT64_MAX; false when too large. `*ret_n` digits. */
static bool text_read_digits(const char *text, size_t len, int64_t *ret_value, size_t *ret_n)
{
	int64_t value = 0;
	size_t n = 0;

	for (; n < len && is_digit(text[n]); n++) {
		int digit = text[n] - '0';
		if (value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret_value = value;
	*ret_n = n;
	return true;
}

int text_parse_int(const char *text, size_t len, int64_t *ret_value, struct err *err)
{
	int64_t value = 0;
	size_t n = 0;

	assert((text != NULL || len == 0) && ret_value != NULL && err != NULL);
	bool negative = len > 0 && text[0] == '-';
	size_t sign = negative ? 1 : 0;
	static const char least[] = "-9223372036854775808"; /* its magnitude is no int64 */
	if (len == sizeof(least) - 1 && memcmp(text, least, len) == 0) {
		*ret_value = INT64_MIN;
		return 0;
	}
	for (size_t i = sign; i < len; i++)
		if (!is_digit(text[i]))
			return ERR(err, ERR_DATA, "%s is no whole number", QUOTED(text, len));
	if (len == sign)
		return ERR(err, ERR_DATA, "%s is no whole number", QUOTED(text, len));
	if (text[sign] == '0' && len - sign > 1)
		return ERR(err, ERR_DATA,
			   "%s begins with 0; write numbers in decimal without leading zeros",
			   QUOTED(text, len));
	if (!text_read_digits(text + sign, len - sign, &value, &n))
		return ERR(err, ERR_DATA, "%s is too large: numbers have 64 bits",
			   QUOTED(text, len));
	*ret_value = negative ? -value : value;
	return 0;
}

/* ---- durations ---- */

/* The index of the unit at `text`, ARRAY_LEN(units) when there is none. The longest name wins. */
static size_t unit_find(const char *text, size_t len)
{
	size_t found = ARRAY_LEN(units);

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t n = strlen(units[i].name);
		if (n <= len && memcmp(text, units[i].name, n) == 0)
			found = i; /* "ms" comes after "m" */
	}
	return found;
}

static int duration_complain(const char *text, size_t len, struct err *err)
{
	return ERR(err, ERR_DATA,
		   "%s is no duration; expected numbers with the units w d h m s ms in this order, "
		   "like 1h30m or 250ms",
		   QUOTED(text, len));
}

int text_parse_duration(const char *text, size_t len, int64_t *ret_us, struct err *err)
{
	int64_t total = 0;
	size_t next_unit = 0;

	assert((text != NULL || len == 0) && ret_us != NULL && err != NULL);
	if (len == 0)
		return duration_complain(text, len, err);
	for (size_t at = len == 1 && text[0] == '0' ? 1 : 0; at < len;) {
		int64_t value = 0;
		size_t n = 0;
		if (!text_read_digits(text + at, len - at, &value, &n))
			return ERR(err, ERR_DATA, "%s is too long a duration", QUOTED(text, len));
		size_t unit = unit_find(text + at + n, len - at - n);
		bool has_zeros = n > 1 && text[at] == '0';
		if (n == 0 || has_zeros || unit == ARRAY_LEN(units) || unit < next_unit)
			return duration_complain(text, len, err);
		if (value > (INT64_MAX - total) / units[unit].us)
			return ERR(err, ERR_DATA, "%s is too long a duration", QUOTED(text, len));
		total += value * units[unit].us;
		next_unit = unit + 1;
		at += n + strlen(units[unit].name);
	}
	*ret_us = total;
	return 0;
}

/* The magnitude, also of INT64_MIN. */
static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void text_put_duration(struct buf *b, int64_t us)
{
	uint64_t rest = magnitude(us);

	assert(b != NULL);
	if (rest < US_PER_MS) {
		buf_putc(b, '0');
		return;
	}
	if (us < 0)
		buf_putc(b, '-');
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t unit = (uint64_t)units[i].us;
		if (rest >= unit)
			buf_printf(b, "%" PRIu64 "%s", rest / unit, units[i].name);
		rest %= unit;
	}
}

void text_put_span(struct buf *b, int64_t us)
{
	uint64_t t = magnitude(us);

	assert(b != NULL);
	if (us < 0)
		buf_putc(b, '-');
	if (t < US_PER_S)
		buf_printf(b, "%" PRIu64 " ms", t / US_PER_MS);
	else if (t < US_PER_MIN)
		buf_printf(b, "%" PRIu64 ".%" PRIu64 " s", t / US_PER_S, t % US_PER_S / 100000);
	else if (t < US_PER_HOUR)
		buf_printf(b, "%" PRIu64 " min %" PRIu64 " s", t / US_PER_MIN,
			   t % US_PER_MIN / US_PER_S);
	else if (t < US_PER_DAY)
		buf_printf(b, "%" PRIu64 " h %02" PRIu64 " min", t / US_PER_HOUR,
			   t % US_PER_HOUR / US_PER_MIN);
	else
		buf_printf(b, "%" PRIu64 " d %" PRIu64 " h", t / US_PER_DAY,
			   t % US_PER_DAY / US_PER_HOUR);
}

void text_put_short_span(struct buf *b, int64_t us)
{
	assert(b != NULL);
	if (us < US_PER_MS)
		buf_printf(b, "%" PRId64 " us", us);
	else if (us < 10 * US_PER_MS)
		buf_printf(b, "%.2f ms", (double)us / (double)US_PER_MS);
	else if (us < US_PER_S)
		buf_printf(b, "%.1f ms", (double)us / (double)US_PER_MS);
	else
		text_put_span(b, us);
}

/* ---- sizes and counts ---- */

int text_parse_size(const char *text, size_t len, int64_t *ret_bytes, struct err *err)
{
	int64_t value = 0;
	size_t n = 0;

	assert((text != NULL || len == 0) && ret_bytes != NULL && err != NULL);
	if (!text_read_digits(text, len, &value, &n))
		return ERR(err, ERR_DATA, "%s is too large a size", QUOTED(text, len));
	const char *unit = n < len ? memchr(size_letters, text[n], 4) : NULL;
	size_t unit_len = n < len ? 1 : 0;
	if (unit != NULL && n + 1 < len && text[n + 1] == 'i')
		unit_len = 2;
	bool has_zeros = n > 1 && text[0] == '0';
	if (n == 0 || has_zeros || n + unit_len != len || (unit_len > 0 && unit == NULL))
		return ERR(err, ERR_DATA,
			   "%s is no size; expected bytes or a number with K, M, G or T, like 512M",
			   QUOTED(text, len));
	int shift = unit == NULL ? 0 : BINARY_STEP * (int)(unit - size_letters + 1);
	if (value > INT64_MAX >> shift)
		return ERR(err, ERR_DATA, "%s is too large a size", QUOTED(text, len));
	*ret_bytes = value << shift;
	return 0;
}

void text_put_size(struct buf *b, int64_t bytes)
{
	uint64_t v = magnitude(bytes);
	size_t unit = 0;

	assert(b != NULL);
	while (v != 0 && v % (1u << BINARY_STEP) == 0 && unit < sizeof(size_letters) - 1) {
		v >>= BINARY_STEP;
		unit++;
	}
	buf_printf(b, "%s%" PRIu64, bytes < 0 ? "-" : "", v);
	if (unit > 0)
		buf_putc(b, size_letters[unit - 1]);
}

size_t text_digits(uint64_t n, size_t width, char *out)
{
	char digits[TEXT_DIGITS_MAX];
	size_t at = sizeof(digits);

	assert(width <= TEXT_DIGITS_MAX);
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0 || sizeof(digits) - at < width);
	memcpy(out, &digits[at], sizeof(digits) - at);
	return sizeof(digits) - at;
}

void text_put_number(struct buf *b, int64_t n)
{
	char digits[TEXT_DIGITS_MAX];

	if (n < 0)
		buf_putc(b, '-');
	buf_put(b, digits, text_digits(n < 0 ? -(uint64_t)n : (uint64_t)n, 0, digits));
}

void text_put_count(struct buf *b, int64_t n)
{
	char digits[24] = {0}; /* 2^63 has 19 */
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude(n));

	assert(b != NULL && len > 0);
	if (n < 0)
		buf_putc(b, '-');
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_putc(b, ',');
		buf_putc(b, digits[i]);
	}
}

/* ---- printable ---- */

/* One character made printable into `out`; gives how many source bytes it was. */
static size_t printable_next(const char *text, size_t len, char *out, size_t size)
{
	size_t n = utf8_sequence(text, len);
	size_t unused = 0;
	size_t o = 0;

	if (n > 0 && utf8_is_printable(utf8_decode(text, &unused))) {
		memcpy(out, text, n);
		out[n] = '\0';
		return n;
	}
	n = n == 0 ? 1 : n;
	for (size_t i = 0; i < n; i++)
		o += (size_t)snprintf(out + o, size - o, "\\x%02x", (unsigned char)text[i]);
	return n;
}

void text_put_printable(struct buf *b, const char *text, size_t len, size_t columns)
{
	char piece[20] = {0}; /* four bytes as \xNN are 16 */
	size_t used = 0;
	size_t fits_at = b->len; /* where the text ends if it must make room for the mark */

	assert(text != NULL || len == 0);
	for (size_t i = 0; i < len;) {
		i += printable_next(text + i, len - i, piece, sizeof(piece));
		used += utf8_width(piece, strlen(piece));
		if (columns > 0 && used > columns) {
			buf_truncate(b, fits_at);
			buf_puts(b, "\xe2\x80\xa6");
			return;
		}
		buf_puts(b, piece);
		if (columns == 0 || used < columns)
			fits_at = b->len;
	}
}
