/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 64 bytes become three masks: quotes, delimiters, line ends. A running exclusive-or over the
 * quotes tells which bytes are inside (the idea is that of simdjson, Langdale and Lemire 2019);
 * what is left of the line ends are ends of records. That counts a quote in the middle of a column
 * as opening, which it is not; such a block (an opening quote that stands behind neither a
 * delimiter, a line end nor a quote that just closed) is done again by the state machine. Both
 * agree everywhere else.
 */
#include "source/csv_scan.h"

#include <assert.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK_BYTES = 64 };

enum scan_state {
	SCAN_START,  /* of a column */
	SCAN_PLAIN,  /* in a column without quotes, or behind what closed badly */
	SCAN_QUOTED, /* inside quotes */
	SCAN_CLOSED, /* just behind a quote that closed, or was the first of two */
};

/* One bit for each byte of the block. */
struct masks {
	uint64_t quotes;
	uint64_t delimiters;
	uint64_t lines;
};

struct marks {
	struct csv_mark *at;
	size_t n;
	size_t max;
};

void csv_scan_init(struct csv_scan *s, char delimiter, char quote)
{
	assert(s != NULL && delimiter != '\n' && quote != '\n');
	*s = (struct csv_scan){.delimiter = delimiter, .quote = quote, .state = SCAN_START};
}

bool csv_scan_is_blank(const struct csv_scan *s, const char *text, size_t len)
{
	bool is_csv = s->delimiter != '\0';

	for (size_t i = 0; i < len; i++) {
		if (is_csv || (text[i] != ' ' && text[i] != '\t'))
			return false;
	}
	return true;
}

bool csv_scan_is_open(const struct csv_scan *s)
{
	return s->state == SCAN_QUOTED;
}

static enum scan_state scan_step(const struct csv_scan *s, enum scan_state state, char c)
{
	bool is_quote = c == s->quote && s->quote != '\0';

	if (state == SCAN_QUOTED)
		return is_quote ? SCAN_CLOSED : SCAN_QUOTED;
	if (c == '\n' || c == s->delimiter)
		return SCAN_START;
	if (is_quote && state != SCAN_PLAIN)
		return SCAN_QUOTED;
	return SCAN_PLAIN;
}

/* 8 bytes to 8 bits, bit 0 for the first byte: exact, unlike the usual "has a zero byte". */
static uint64_t word_mask(uint64_t word, uint64_t pattern)
{
	const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t x = word ^ pattern;
	uint64_t zero = ~(((x & low7) + low7) | x | low7);

	return ((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

/* Little-endian on any machine; written out like this, compilers make one load of it. */
static uint64_t load_word(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

static uint64_t plain_mask(const char *block, char c)
{
	uint64_t pattern = UINT64_C(0x0101010101010101) * (unsigned char)c;
	uint64_t mask = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i += 8)
		mask |= word_mask(load_word(block + i), pattern) << i;
	return mask;
}

#ifdef __SSE2__
static uint64_t block_mask(const char *block, char c)
{
	const __m128i pattern = _mm_set1_epi8(c);
	uint64_t mask = 0;

	for (int i = 0; i < BLOCK_BYTES; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
		int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, pattern));
		mask |= (uint64_t)(uint32_t)bits << i;
	}
	return mask;
}
#else
static uint64_t block_mask(const char *block, char c)
{
	return plain_mask(block, c);
}
#endif

/* Bit i is the parity of bits 0 … i. */
static uint64_t prefix_xor(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	x ^= x << 32;
	return x;
}

/* The line ends that end records, by the state machine; leaves the state behind the block. */
static uint64_t slow_ends(struct csv_scan *s, const char *block, size_t len)
{
	enum scan_state state = (enum scan_state)s->state;
	uint64_t ends = 0;

	for (size_t i = 0; i < len; i++) {
		if (block[i] == '\n' && state != SCAN_QUOTED)
			ends |= UINT64_C(1) << i;
		state = scan_step(s, state, block[i]);
	}
	s->state = (uint8_t)state;
	return ends;
}

/* The state behind the last byte of the block. */
static enum scan_state state_after(const struct masks *m, uint64_t inside, size_t len)
{
	uint64_t last = UINT64_C(1) << (len - 1);

	if ((inside & last) != 0)
		return SCAN_QUOTED;
	if ((m->quotes & last) != 0)
		return SCAN_CLOSED;
	return ((m->delimiters | m->lines) & last) != 0 ? SCAN_START : SCAN_PLAIN;
}

static uint64_t mask_of(const struct csv_scan *s, const char *block, char c)
{
	return s->is_plain ? plain_mask(block, c) : block_mask(block, c);
}

/* The line ends of a block that end records, where there are quotes in it. */
static uint64_t quoted_ends(struct csv_scan *s, const char *block, size_t len, struct masks *m)
{
	uint64_t was_inside = s->state == SCAN_QUOTED ? ~UINT64_C(0) : 0;
	uint64_t inside = prefix_xor(m->quotes) ^ was_inside;
	uint64_t opening = m->quotes & inside;
	uint64_t closing = m->quotes & ~inside;

	m->delimiters = mask_of(s, block, s->delimiter);
	uint64_t may_follow = (((m->delimiters | m->lines) & ~inside) | closing) << 1;
	if (s->state == SCAN_START || s->state == SCAN_CLOSED)
		may_follow |= 1;
	if ((opening & ~may_follow) != 0)
		return slow_ends(s, block, len);
	s->state = (uint8_t)state_after(m, inside, len);
	return m->lines & ~inside;
}

/* The line ends of a block that end records; leaves the state behind it. `len` is at least 1. */
static uint64_t block_ends(struct csv_scan *s, const char *block, size_t len, struct masks *m)
{
	if (s->quote == '\0')
		return m->lines;
	if (m->quotes != 0)
		return quoted_ends(s, block, len, m);
	if (s->state == SCAN_QUOTED)
		return 0;
	char last = block[len - 1];
	s->state = last == '\n' || last == s->delimiter ? SCAN_START : SCAN_PLAIN;
	return m->lines;
}

/* The index of the only bit set, by a de Bruijn sequence (Leiserson, Prokop, Randall 1998). */
static size_t bit_index(uint64_t bit)
{
	static const uint8_t index[64] = {
		0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,
		62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
		63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
		46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
	};

	return index[(bit * UINT64_C(0x03f79d71b4cb0a89)) >> 58];
}

static unsigned count_bits(uint64_t x)
{
	unsigned n = 0;

	for (; x != 0; x &= x - 1)
		n++;
	return n;
}

/* Sets a mark for each end of the block at `base`; false when the marks ran out. */
static bool put_marks(struct csv_scan *s, struct marks *out, uint64_t ends, uint64_t lines,
		      size_t base)
{
	while (ends != 0) {
		uint64_t bit = ends & (~ends + 1);
		uint64_t upto = bit | (bit - 1);
		uint64_t own = lines & upto;
		if (out->n == out->max)
			return false;
		s->lines += own == bit ? 1 : count_bits(own);
		size_t end = base + bit_index(bit) + 1;
		out->at[out->n++] = (struct csv_mark){.end = (uint32_t)end,
						      .lines = (uint32_t)s->lines};
		s->lines = 0;
		lines &= ~upto;
		ends &= ends - 1;
	}
	s->lines += count_bits(lines);
	return true;
}

/* One block of `len` bytes, of which 64 can be read; false when the marks ran out. */
static bool scan_block(struct csv_scan *s, const char *block, size_t len, struct marks *out,
		       size_t base)
{
	uint64_t within = len < BLOCK_BYTES ? (UINT64_C(1) << len) - 1 : ~UINT64_C(0);
	struct masks m = {.lines = mask_of(s, block, '\n') & within};

	if (s->quote != '\0')
		m.quotes = mask_of(s, block, s->quote) & within;
	return put_marks(s, out, block_ends(s, block, len, &m), m.lines, base);
}

/* The marks ran out: what stands behind the last one will be seen again. */
static size_t scan_rewind(struct csv_scan *s, const struct csv_mark *marks, size_t n)
{
	s->state = SCAN_START;
	s->lines = 0;
	return marks[n - 1].end;
}

size_t csv_scan_run(struct csv_scan *s, const char *data, size_t len, struct csv_mark *marks,
		    size_t max, size_t *ret_used)
{
	struct marks out = {.at = marks, .max = max};
	size_t at = 0;

	assert(s != NULL && (data != NULL || len == 0) && marks != NULL && max > 0);
	assert(len <= CSV_SCAN_MAX);
	*ret_used = len;
	for (; len - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
		if (!scan_block(s, data + at, BLOCK_BYTES, &out, at)) {
			*ret_used = scan_rewind(s, marks, out.n);
			return out.n;
		}
	}
	if (at == len)
		return out.n;
	char tail[BLOCK_BYTES] = {0};
	memcpy(tail, data + at, len - at);
	if (!scan_block(s, tail, len - at, &out, at))
		*ret_used = scan_rewind(s, marks, out.n);
	return out.n;
}

size_t csv_scan_slowly(struct csv_scan *s, const char *data, size_t len, struct csv_mark *marks,
		       size_t max, size_t *ret_used)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			s->lines++;
		if (data[i] == '\n' && s->state != SCAN_QUOTED) {
			if (n == max) {
				*ret_used = scan_rewind(s, marks, n);
				return n;
			}
			marks[n++] = (struct csv_mark){.end = (uint32_t)i + 1,
						       .lines = (uint32_t)s->lines};
			s->lines = 0;
		}
		s->state = (uint8_t)scan_step(s, (enum scan_state)s->state, data[i]);
	}
	*ret_used = len;
	return n;
}
