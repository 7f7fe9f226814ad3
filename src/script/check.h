/* SPDX-License-Identifier: Apache-2.0 */
/* What only a compiler finds in the scripts of a job. */
#ifndef STINT_SCRIPT_CHECK_H
#define STINT_SCRIPT_CHECK_H

#include "base/attr.h"

struct err;
struct job;

/* Compiles them all. ERR_CONFIG, with where in the file it is: "FILE:LINE:COLUMN: filter:2: what".
 */
ST_MUST_CHECK int script_check(const struct job *job, struct err *err);

#endif
