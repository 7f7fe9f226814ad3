/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a simulated chunk: the numbers of its records. u32 count, then a u32 for each.
 */
#ifndef STINT_TESTS_SIM_BODY_H
#define STINT_TESTS_SIM_BODY_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;

void body_put(struct buf *b, const uint32_t *records, uint32_t n);
/* The records, in the arena; NULL when it is not exactly such a body of `n` records. */
uint32_t *body_records(struct arena *a, const void *body, size_t len, uint32_t n);

#endif
