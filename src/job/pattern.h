/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of job files (PCRE2), as far as they are checked before a run. */
#ifndef STINT_JOB_PATTERN_H
#define STINT_JOB_PATTERN_H

#include <stddef.h>

#include "base/attr.h"

struct err;

/* ERR_CONFIG with PCRE2's reason and the character at which it stands. */
ST_MUST_CHECK int pattern_check(const char *text, size_t len, struct err *err);

#endif
