/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.rate: when the next page may be asked for. Pages are 1/rate apart, so that there are never
 * more than so many in any such time; what was not used is not saved up. Pure, but for pace_page.
 */
#ifndef STINT_SOURCE_PACE_H
#define STINT_SOURCE_PACE_H

#include <stdint.h>

#include "base/attr.h"
#include "job/job.h"

struct err;
struct patience;

struct pace {
	struct job_rate rate; /* n 0: as fast as it goes */
	int64_t next_us;      /* boot clock */
};

/* For how long no page may be asked for; 0: now. */
int64_t pace_wait_us(const struct pace *p, int64_t now_us);
/* One is asked for. */
void pace_take(struct pace *p, int64_t now_us);
/* Waits until one may be asked for, and takes it. ERR_TEMP when a stop came. */
ST_MUST_CHECK int pace_page(struct pace *p, const struct patience *patience, struct err *err);

#endif
