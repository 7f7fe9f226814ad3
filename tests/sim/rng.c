/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/rng.h"

#include <assert.h>
#include <stddef.h>

uint64_t rng_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
	assert(r != NULL);
	for (int i = 0; i < 4; i++)
		r->s[i] = rng_mix(seed + (uint64_t)i);
}

static uint64_t rotate_left(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	assert(n > 0);
	/* The bias of the remainder is far below anything that a test could notice. */
	return rng_next(r) % n;
}

int64_t rng_range(struct rng *r, int64_t lo, int64_t hi)
{
	assert(lo <= hi);
	return lo + (int64_t)rng_below(r, (uint64_t)(hi - lo) + 1);
}

int64_t rng_spread(struct rng *r, int64_t lo, int64_t hi)
{
	assert(lo >= 1 && lo <= hi);
	int64_t ceiling = lo;

	/* Doubles up to a random octave, then draws within it. */
	int octaves = 0;
	for (int64_t x = lo; x < hi / 2; x *= 2)
		octaves++;
	for (int64_t n = rng_range(r, 0, octaves); n > 0; n--)
		ceiling *= 2;
	return rng_range(r, ceiling, ceiling * 2 < hi ? ceiling * 2 : hi);
}

bool rng_chance(struct rng *r, uint32_t ppm)
{
	return rng_below(r, RNG_MILLION) < ppm;
}
