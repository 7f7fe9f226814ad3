/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys a load has had: source.unique. Keys are held as 128-bit hashes: two different keys
 * that share one would need some 10^19 keys to be likely.
 *
 * Promise: memory is bounded. What is too much goes, sorted, to a temporary SQLite database that
 *          has no name; a Bloom filter spares most look-ups there. Its loss loses nothing: a
 *          resumed load reads its keys again.
 */
#ifndef STINT_SOURCE_UNIQUE_H
#define STINT_SOURCE_UNIQUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct unique;

/* Where a key was first. */
struct unique_place {
	uint32_t file;
	int64_t line;
};

/* `max_in_memory` keys, then they are spilled; 0: a good number. Gives. */
struct unique *unique_new(size_t max_in_memory);
void unique_free(struct unique *u);
/* Adds a key. Returns UNIQUE_TWICE and sets *ret_first when it was there before. ERR_IO. */
enum unique_condition { UNIQUE_TWICE = 1 };
ST_MUST_CHECK int unique_add(struct unique *u, const char *key, size_t len,
			     const struct unique_place *place, struct unique_place *ret_first,
			     struct err *err);

#endif
