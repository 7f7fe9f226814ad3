/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of an answer: a JSON object, in reports and for later steps.
 *
 * Promise: at most KEEP_BYTES_MAX; secrets and sensitive values in it are hidden; it is JSON, or
 *          nothing is kept.
 */
#ifndef STINT_WORK_KEEP_H
#define STINT_WORK_KEEP_H

#include <stddef.h>

struct buf;
struct exec_mask;
struct item;
struct job_pairs;
struct json;

enum { KEEP_BYTES_MAX = 64 * 1024 };

/* Appends the object as it is. */
void keep_put_object(struct exec_mask *mask, const struct item *item, const struct json *object,
		     struct buf *out);
/* Appends an object of what the JSON pointers find in the answer, null where that is nothing. An
 * answer that is no JSON has nothing to keep. */
void keep_put_found(struct exec_mask *mask, const struct item *item, const struct job_pairs *pairs,
		    const struct buf *answer, struct buf *out);

#endif
