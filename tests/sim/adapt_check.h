/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concurrency that adapts, by its upper bound: it begins at start, a success raises it by one at
 * most, two failures in a row of items that had not failed before lower it by one at least, and it
 * never leaves 1 … max.
 */
#ifndef STINT_TESTS_SIM_ADAPT_CHECK_H
#define STINT_TESTS_SIM_ADAPT_CHECK_H

#include <stdbool.h>

struct attempt;
struct instance;

/* A run, a new file or a breaker that has closed lets it begin anew. */
void adapt_begin(struct instance *inst);
/* An engine hears how an attempt ended. */
void adapt_on_outcome(struct instance *inst, const struct attempt *a);
/* It has sent work: so many are out now. */
void adapt_check(const struct instance *inst, int in_hand);

#endif
