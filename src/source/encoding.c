/* SPDX-License-Identifier: Apache-2.0 */
#include "source/encoding.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

enum { WINDOWS_FIRST = 0x80, WINDOWS_LAST = 0x9f };

/* What windows-1252 has where ISO 8859-1 has control characters; 0 where it has nothing. */
static const uint16_t windows_1252[WINDOWS_LAST - WINDOWS_FIRST + 1] = {
	0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,	0x017d, 0,	0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178,
};

static uint32_t code_point_of(enum job_encoding encoding, unsigned char c)
{
	if (encoding != JOB_WINDOWS_1252 || c < WINDOWS_FIRST || c > WINDOWS_LAST)
		return c;
	uint32_t code_point = windows_1252[c - WINDOWS_FIRST];
	return code_point == 0 ? UTF8_REPLACEMENT : code_point;
}

static size_t find_unassigned(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= WINDOWS_FIRST && c <= WINDOWS_LAST && windows_1252[c - WINDOWS_FIRST] == 0)
			return i;
	}
	return len;
}

size_t encoding_find_bad(enum job_encoding encoding, const char *text, size_t len,
			 const char **ret_why)
{
	const char *why = "broken UTF-8";
	size_t bad = len;

	assert(text != NULL || len == 0);
	if (encoding == JOB_UTF8)
		bad = utf8_find_bad(text, len);
	if (encoding == JOB_WINDOWS_1252) {
		bad = find_unassigned(text, len);
		why = "a byte that is no character of windows-1252";
	}
	const char *nul = bad > 0 ? memchr(text, '\0', bad) : NULL;
	if (nul != NULL) {
		bad = (size_t)(nul - text);
		why = "a NUL byte";
	}
	if (ret_why != NULL)
		*ret_why = why;
	return bad;
}

bool encoding_is_ascii(const char *text, size_t len)
{
	unsigned char all = 0;

	for (size_t i = 0; i < len; i++)
		all |= (unsigned char)text[i];
	return all < 0x80;
}

void encoding_put_utf8(enum job_encoding encoding, const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len;) {
		size_t bytes = 1;
		if (encoding == JOB_UTF8) {
			bytes = utf8_sequence(text + i, len - i);
			utf8_put(out,
				 bytes == 0 ? UTF8_REPLACEMENT : utf8_decode(text + i, &bytes));
			bytes += bytes == 0;
		} else {
			utf8_put(out, code_point_of(encoding, (unsigned char)text[i]));
		}
		i += bytes;
	}
}

size_t encoding_count(enum job_encoding encoding, const char *text, size_t len)
{
	size_t n = 0;

	if (encoding != JOB_UTF8)
		return len;
	/* Bytes that continue a character do not count; broken ones before a flaw cannot be. */
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}
