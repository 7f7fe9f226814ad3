/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `process` of a job asks for: can it be had on this machine? Asked before anything is begun,
 * since what cannot be applied is refused.
 */
#ifndef STINT_HOST_LIMITS_H
#define STINT_HOST_LIMITS_H

#include "base/attr.h"

struct err;
struct job;

/* ERR_UNAVAILABLE names the key and what is missing. */
ST_MUST_CHECK int limits_check(const struct job *job, struct err *err);
/* Makes the control group that lanes are to be in, where the job asks for one; else *ret_group is
 * NULL. The caller frees it, and removes the group at the end. ERR_UNAVAILABLE. */
ST_MUST_CHECK int limits_make_group(const struct job *job, char **ret_group, struct err *err);

#endif
