/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitmaps as the ledger keeps them: bit 0 is the most significant bit of the first byte, as in
 * PostgreSQL's varbit, so that SQL and C name the same bit. Unused bits of the last byte are 0.
 */
#ifndef STINT_BASE_BITS_H
#define STINT_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_BYTES(n) (((size_t)(n) + 7) / 8)

static inline bool bits_get(const uint8_t *bits, size_t i)
{
	return (bits[i / 8] >> (7 - i % 8)) & 1;
}

static inline void bits_set(uint8_t *bits, size_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] | (0x80u >> (i % 8)));
}

static inline void bits_clear(uint8_t *bits, size_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] & ~(0x80u >> (i % 8)));
}

/* Sets bits `from` … `to` - 1. */
void bits_fill(uint8_t *bits, size_t from, size_t to);
/* How many of the first `n` bits are set. */
size_t bits_count(const uint8_t *bits, size_t n);
/* The first clear (set) bit at or after `from`, or `n`. */
size_t bits_find_clear(const uint8_t *bits, size_t n, size_t from);
size_t bits_find_set(const uint8_t *bits, size_t n, size_t from);
/* `to |= from` over `n` bits. */
void bits_or(uint8_t *to, const uint8_t *from, size_t n);

#endif
