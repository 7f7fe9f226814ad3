/* SPDX-License-Identifier: Apache-2.0 */
/* What a step keeps of its answers, by name, for later steps. */
#ifndef STINT_JOB_KEPT_H
#define STINT_JOB_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct job;
struct job_kept;
struct job_pairs;

enum { KEPT_NAME_MAX = 512 };

/* The names that the job file declares (keep), NULL where it declares none. */
const struct job_pairs *kept_declared(const struct job *job);
/* True when its programs say what is kept, so that the file does not know. */
bool kept_is_free(const struct job *job);
/* What the items of this job have of a step under that name, NULL when nothing. */
const struct job_kept *kept_find(const struct job *job, int step, const char *name, size_t len);
/* The field that ${step.NAME.FIELD} stands for; `name` is what comes behind `step.`. ERR_CONFIG. */
ST_MUST_CHECK int kept_parse(const struct job *job, const char *name, size_t len, size_t *ret_field,
			     struct err *err);

#endif
