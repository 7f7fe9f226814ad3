/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's dice: xoshiro256**, seeded by splitmix64 (Blackman and Vigna, public domain).
 *
 * Promise: a stream depends on its seed alone. Each concern of a night has a stream of its own, so
 *          that switching one kind of fault off does not change what the others draw.
 */
#ifndef STINT_TESTS_SIM_RNG_H
#define STINT_TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

enum { RNG_MILLION = 1000000 };

struct rng {
	uint64_t s[4];
};

/* A well mixed function of one number; also the way to make seeds of streams. */
uint64_t rng_mix(uint64_t x);
void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* 0 … n - 1; n at least 1. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* lo … hi. */
int64_t rng_range(struct rng *r, int64_t lo, int64_t hi);
/* lo … hi, small ones as likely as large ones: lo at least 1. */
int64_t rng_spread(struct rng *r, int64_t lo, int64_t hi);
/* True in so many of a million cases. */
bool rng_chance(struct rng *r, uint32_t ppm);

#endif
