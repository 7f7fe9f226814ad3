/* SPDX-License-Identifier: Apache-2.0 */
/* The periods of a quota. Pure. */
#ifndef STINT_JOB_QUOTA_H
#define STINT_JOB_QUOTA_H

#include <stdint.h>

#include "base/attr.h"

struct buf;
struct job_quota;

/* The period that a time is in, where it begins and where the next one does. All three are local
 * times, as microseconds since 1970 in the quota's zone. */
void quota_period(const struct job_quota *quota, int64_t local_us, int64_t *ret_from,
		  int64_t *ret_to);
/* A local time as people write it: "00:00 UTC", with the day where the period is longer. */
void quota_put_time(const struct job_quota *quota, int64_t local_us, struct buf *out);

#endif
