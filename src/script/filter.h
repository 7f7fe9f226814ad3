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
struct template_run;

/* Compiles job->filter, which must be set. Gives; keeps the job and the run, which is NULL where it
 * is only compiled. ERR_CONFIG: "filter:2: what". */
ST_MUST_CHECK int filter_open(const struct job *job, const struct template_run *run,
			      struct filter **ret_filter, struct err *err);
/* ERR_DATA: "filter:2: what was wrong", the record's fault. */
ST_MUST_CHECK int filter_run(struct filter *f, const struct item *item, bool *ret_keeps,
			     struct err *err);
/* NULL is allowed. */
void filter_free(struct filter *f);

#endif
