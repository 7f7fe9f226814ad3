/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight bytes of a JSON string at once, for the reader and the writer only.
 *
 * The tests are the well-known ones of "Bit Twiddling Hacks" (hasless, haszero): they may report
 * a byte beside a true one, never nothing where there is one, so a hit is looked at byte by byte.
 */
#ifndef STINT_BASE_JSON_SCAN_H
#define STINT_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define JSON_ONES UINT64_C(0x0101010101010101)
#define JSON_HIGHS UINT64_C(0x8080808080808080)

/* Non-zero when a byte of `word` is zero. */
static inline uint64_t json_word_zero(uint64_t word)
{
	return (word - JSON_ONES) & ~word & JSON_HIGHS;
}

/* Non-zero when a byte is a quote, a backslash or a control character (below 0x20). */
static inline uint64_t json_word_special(uint64_t w)
{
	return json_word_zero(w ^ (JSON_ONES * '"')) | json_word_zero(w ^ (JSON_ONES * '\\')) |
	       ((w - JSON_ONES * 0x20) & ~w & JSON_HIGHS);
}

static inline uint64_t json_load_word(const char *at)
{
	uint64_t word = 0;
	memcpy(&word, at, sizeof(word));
	return word;
}

static inline bool json_is_special(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

#endif
