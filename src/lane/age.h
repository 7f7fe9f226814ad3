/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.max_age: how old an item is by a field of its own, asked directly before each attempt.
 */
#ifndef STINT_LANE_AGE_H
#define STINT_LANE_AGE_H

#include <stdbool.h>

#include "base/attr.h"

struct item;
struct job;

enum { AGE_WHY_MAX = 160 };

/* True with words when the job has a limit and the item is older. A date begins at midnight, and a
 * timestamp without a zone is one of this machine's. Of an absent field nothing is known. */
bool age_is_over(const struct job *job, const struct item *item, utime now, char why[AGE_WHY_MAX]);

#endif
