/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole words where it pays: chunks have hundreds of bits and are searched for every item. Words
 * are only tested for "all zero" and counted, so that the byte order does not matter.
 */
#include "base/bits.h"

#include <assert.h>
#include <string.h>

static uint64_t bits_load_word(const uint8_t *at)
{
	uint64_t word = 0;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The classic parallel count (Knuth, TAOCP 4A 7.1.3); compilers make one instruction of it. */
static size_t bits_count_word(uint64_t w)
{
	w = w - ((w >> 1) & UINT64_C(0x5555555555555555));
	w = (w & UINT64_C(0x3333333333333333)) + ((w >> 2) & UINT64_C(0x3333333333333333));
	w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (size_t)((w * UINT64_C(0x0101010101010101)) >> 56);
}

void bits_fill(uint8_t *bits, size_t from, size_t to)
{
	assert(bits != NULL || from >= to);
	for (; from < to && from % 8 != 0; from++)
		bits_set(bits, from);
	if (from < to) {
		size_t whole = (to - from) / 8;
		memset(bits + from / 8, 0xff, whole);
		from += whole * 8;
	}
	for (; from < to; from++)
		bits_set(bits, from);
}

size_t bits_count(const uint8_t *bits, size_t n)
{
	size_t count = 0;
	size_t i = 0;

	assert(bits != NULL || n == 0);
	for (; i + 64 <= n; i += 64)
		count += bits_count_word(bits_load_word(bits + i / 8));
	for (; i + 8 <= n; i += 8)
		count += bits_count_word(bits[i / 8]);
	for (; i < n; i++)
		count += bits_get(bits, i) ? 1 : 0;
	return count;
}

/* The first bit at or after `from` that differs from those of `skip`, all ones or all zeros. */
static size_t bits_find(const uint8_t *bits, size_t n, size_t from, uint64_t skip)
{
	bool skipped = skip != 0;
	size_t i = from;

	assert(bits != NULL || n == 0);
	while (i < n) {
		if (i % 8 == 0 && i + 64 <= n && bits_load_word(bits + i / 8) == skip)
			i += 64;
		else if (i % 8 == 0 && i + 8 <= n && bits[i / 8] == (uint8_t)skip)
			i += 8;
		else if (bits_get(bits, i) == skipped)
			i++;
		else
			return i;
	}
	return n;
}

size_t bits_find_clear(const uint8_t *bits, size_t n, size_t from)
{
	return bits_find(bits, n, from, UINT64_MAX);
}

size_t bits_find_set(const uint8_t *bits, size_t n, size_t from)
{
	return bits_find(bits, n, from, 0);
}

void bits_or(uint8_t *to, const uint8_t *from, size_t n)
{
	assert((to != NULL && from != NULL) || n == 0);
	for (size_t i = 0; i < n / 8; i++)
		to[i] = (uint8_t)(to[i] | from[i]);
	for (size_t i = n - n % 8; i < n; i++)
		if (bits_get(from, i))
			bits_set(to, i);
}
