/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lanes of a run have left beside the files that it was to write.
 *
 * Promise: only what is this run's goes; it may be broken off and done again. Nobody may be at work
 *          on the run, and nobody shall be again.
 */
#ifndef STINT_LANE_LITTER_H
#define STINT_LANE_LITTER_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct frame_hello;

struct litter {
	bool removes;  /* or only looks */
	bool is_there; /* given back; where it removes, it was */
};

/* Of all steps of the run, as a lane would be told of it. ERR_CONFIG. */
ST_MUST_CHECK int litter_take(struct litter *litter, const struct frame_hello *hello,
			      struct err *err);

#endif
