/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transform of a job: a script that changes the fields of an item, and adds to them, before
 * work sees it.
 *
 * Promise: the same item becomes the same every time, in any lane.
 * Owner:   one thread.
 */
#ifndef STINT_SCRIPT_TRANSFORM_H
#define STINT_SCRIPT_TRANSFORM_H

#include "base/attr.h"
#include "job/item.h"

struct err;
struct job;
struct template_run;
struct transform;

/* Compiles job->transform, which must be set. Gives; keeps the job and the run, which is NULL where
 * it is only compiled. ERR_CONFIG: "transform:2: what". */
ST_MUST_CHECK int transform_open(const struct job *job, const struct template_run *run,
				 struct transform **ret_transform, struct err *err);
/* What becomes of an item with the fields of the source: job->n_fields values, lent until the next
 * call, partly by the item. ERR_DATA: "transform:2: what was wrong", the item's fault. */
ST_MUST_CHECK int transform_run(struct transform *t, const struct item *item,
				const struct value **ret_fields, struct err *err);
/* The same values in memory of their own, but for those that the item lends: for free(). */
struct value *transform_keep(const struct transform *t);
/* NULL is allowed. */
void transform_free(struct transform *t);

#endif
