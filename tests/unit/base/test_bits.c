/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bits.h"

enum { N = 300 };

/* A bitmap and the same as plain bytes, made from a small generator. */
struct pair {
	uint8_t bits[BITS_BYTES(N)];
	bool plain[N];
};

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Runs of equal bits, so that whole words are all ones or all zeros too. */
static void pair_fill(struct pair *p, uint32_t *seed)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < N;) {
		size_t run = next(seed) % 150;
		bool value = (next(seed) & 1) != 0;
		for (; run > 0 && i < N; run--, i++) {
			p->plain[i] = value;
			if (value)
				bits_set(p->bits, i);
		}
		i += next(seed) % 3;
	}
}

static void first_bit_is_the_most_significant(void **state)
{
	uint8_t bits[2] = {0};

	bits_set(bits, 0);
	bits_set(bits, 9);
	assert_int_equal(bits[0], 0x80);
	assert_int_equal(bits[1], 0x40);
	bits_clear(bits, 0);
	assert_int_equal(bits[0], 0);
	assert_true(bits_get(bits, 9));
	assert_false(bits_get(bits, 8));
}

static void counting_and_finding_agree_with_one_by_one(void **state)
{
	uint32_t seed = 1;

	for (int round = 0; round < 200; round++) {
		struct pair p;
		pair_fill(&p, &seed);
		size_t n = next(&seed) % (N + 1);
		size_t count = 0;
		for (size_t i = 0; i < n; i++)
			count += p.plain[i] ? 1 : 0;
		assert_int_equal(bits_count(p.bits, n), count);
		for (size_t from = 0; from <= n; from++) {
			size_t set = from;
			size_t clear = from;
			while (set < n && !p.plain[set])
				set++;
			while (clear < n && p.plain[clear])
				clear++;
			assert_int_equal(bits_find_set(p.bits, n, from), set);
			assert_int_equal(bits_find_clear(p.bits, n, from), clear);
		}
	}
}

static void filling_touches_the_range_only(void **state)
{
	for (size_t from = 0; from <= 40; from++)
		for (size_t to = from; to <= 80; to++) {
			uint8_t bits[BITS_BYTES(100)] = {0};
			bits_fill(bits, from, to);
			for (size_t i = 0; i < 100; i++)
				assert_int_equal(bits_get(bits, i), i >= from && i < to);
		}
}

static void or_keeps_what_is_beyond(void **state)
{
	uint8_t to[3] = {0x00, 0x0f, 0x01};
	const uint8_t from[3] = {0xff, 0xf0, 0xff};

	bits_or(to, from, 10);
	assert_int_equal(to[0], 0xff);
	assert_int_equal(to[1], 0xcf);
	assert_int_equal(to[2], 0x01);
}

static void empty_bitmap_is_well(void **state)
{
	assert_int_equal(bits_count(NULL, 0), 0);
	assert_int_equal(bits_find_set(NULL, 0, 0), 0);
	assert_int_equal(bits_find_clear(NULL, 0, 5), 0);
	bits_fill(NULL, 0, 0);
	bits_or(NULL, NULL, 0);
	assert_int_equal(BITS_BYTES(0), 0);
	assert_int_equal(BITS_BYTES(1), 1);
	assert_int_equal(BITS_BYTES(8), 1);
	assert_int_equal(BITS_BYTES(9), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bit_is_the_most_significant),
		cmocka_unit_test(counting_and_finding_agree_with_one_by_one),
		cmocka_unit_test(filling_touches_the_range_only),
		cmocka_unit_test(or_keeps_what_is_beyond),
		cmocka_unit_test(empty_bitmap_is_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
