/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq is loaded when it is first needed. Its functions are called under their own names; one that
 * stint did not call before gets a line in libpq.c.
 */
#ifndef STINT_PG_LIBPQ_H
#define STINT_PG_LIBPQ_H

#include "base/attr.h"

struct err;

/* Loads it, unless it is loaded. ERR_UNAVAILABLE when it is not there. */
ST_MUST_CHECK int libpq_load(struct err *err);

#endif
