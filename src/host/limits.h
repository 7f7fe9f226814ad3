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

#endif
