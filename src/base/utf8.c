/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of well-formed sequences is Table 3-7 of the Unicode standard: what the second byte may
 * be depends on the first, all further ones are 80..BF.
 */
#include "base/utf8.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/width.h"

enum { CODE_POINT_MAX = 0x10ffff, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* How many bytes at `p` are ASCII, counted by words of eight; fewer than eight may be left. */
static size_t utf8_skip_ascii(const char *p, size_t len)
{
	size_t i = 0;

	while (i + 8 <= len) {
		uint64_t word = 0;
		memcpy(&word, p + i, sizeof(word));
		if ((word & HIGH_BITS) != 0)
			break;
		i += 8;
	}
	return i;
}

static bool utf8_is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

static bool utf8_is_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return utf8_is_tail(second);
	}
}

/* The length that the first byte announces, 0 when no sequence starts so. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_sequence(const char *text, size_t len)
{
	unsigned char c[4] = {0};

	assert(text != NULL && len > 0);
	c[0] = (unsigned char)text[0];
	size_t n = utf8_announced(c[0]);
	if (n <= 1)
		return n;
	if (n > len)
		return 0;
	memcpy(c, text, n);
	if (!utf8_is_second(c[0], c[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!utf8_is_tail(c[i]))
			return 0;
	return n;
}

size_t utf8_find_bad(const char *text, size_t len)
{
	size_t i = 0;

	assert(text != NULL || len == 0);
	while (i < len) {
		i += utf8_skip_ascii(text + i, len - i);
		/* Up to the next word's end by characters: text in other scripts stays here. */
		for (size_t k = 0; k < 8 && i < len; k++) {
			size_t n = utf8_sequence(text + i, len - i);
			if (n == 0)
				return i;
			i += n;
		}
	}
	return len;
}

uint32_t utf8_decode(const char *text, size_t *ret_len)
{
	static const unsigned char first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned char first = (unsigned char)text[0];
	size_t n = utf8_announced(first);

	assert(n > 0);
	uint32_t code_point = first & first_mask[n];
	for (size_t i = 1; i < n; i++)
		code_point = code_point << 6 | ((unsigned char)text[i] & 0x3f);
	*ret_len = n;
	return code_point;
}

size_t utf8_encode(uint32_t code_point, char out[UTF8_BYTES_MAX])
{
	static const unsigned char first_mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = 4;

	assert(code_point <= CODE_POINT_MAX);
	assert(code_point < SURROGATE_FIRST || code_point > SURROGATE_LAST);
	if (code_point < 0x80)
		n = 1;
	else if (code_point < 0x800)
		n = 2;
	else if (code_point < 0x10000)
		n = 3;
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(unsigned char)(0x80 | (code_point & 0x3f));
		code_point >>= 6;
	}
	out[0] = (char)(unsigned char)(first_mark[n] | code_point);
	return n;
}

void utf8_put(struct buf *b, uint32_t code_point)
{
	char bytes[UTF8_BYTES_MAX] = {0};
	size_t n = utf8_encode(code_point, bytes);

	buf_put(b, bytes, n);
}

bool utf8_is_printable(uint32_t code_point)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} hidden[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x061c, 0x061c},
		{0x200e, 0x200f}, {0x2028, 0x2029}, {0x202a, 0x202e},
		{0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfffe, 0xffff},
	};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (code_point >= hidden[i].first && code_point <= hidden[i].last)
			return false;
	return true;
}

size_t utf8_width(const char *text, size_t len)
{
	size_t columns = 0;

	assert(text != NULL || len == 0);
	for (size_t i = 0; i < len;) {
		size_t n = 0;
		columns += width_of(utf8_decode(text + i, &n));
		i += n;
	}
	return columns;
}

size_t utf8_cut(const char *text, size_t len, size_t columns)
{
	size_t i = 0;
	size_t used = 0;

	assert(text != NULL || len == 0);
	while (i < len) {
		size_t n = 0;
		used += width_of(utf8_decode(text + i, &n));
		if (used > columns)
			return i;
		i += n;
	}
	return len;
}

void utf8_mark_cut(char *text, size_t size)
{
	static const char mark[] = "\xe2\x80\xa6";
	size_t at = size - sizeof(mark);

	assert(text != NULL && size > sizeof(mark) + UTF8_BYTES_MAX);
	while (at > 0 && utf8_is_tail((unsigned char)text[at]))
		at--;
	memcpy(text + at, mark, sizeof(mark));
}

size_t utf8_count(const char *text, size_t len)
{
	size_t count = 0;

	assert(text != NULL || len == 0);
	for (size_t i = 0; i < len; i++)
		count += utf8_is_tail((unsigned char)text[i]) ? 0 : 1;
	return count;
}
