/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of a job: a script over the fields of a record that says whether it becomes an item.
 * Owner: one thread.
 */
#ifndef STINT_SCRIPT_FILTER_H
#define STINT_SCRIPT_FILTER_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct filter;
struct item;
struct job;

/* Compiles job->filter, which must be set. Gives; keeps the job. ERR_CONFIG: "filter:2: what". */
ST_MUST_CHECK int filter_open(const struct job *job, struct filter **ret_filter, struct err *err);
/* ERR_DATA: "filter:2: what was wrong", the record's fault. */
ST_MUST_CHECK int filter_run(struct filter *f, const struct item *item, bool *ret_keeps,
			     struct err *err);
/* NULL is allowed. */
void filter_free(struct filter *f);

/* Compiles what scripts the job has, and says where in its file a fault is: "FILE:LINE:COLUMN:
 * filter: what". ERR_CONFIG. */
ST_MUST_CHECK int filter_check(const struct job *job, struct err *err);

#endif
