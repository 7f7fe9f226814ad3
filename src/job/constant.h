/* SPDX-License-Identifier: Apache-2.0 */
/*
 * constants: values, lists and maps of them that the job file names, for templates and scripts.
 * Numbers keep their digits.
 */
#ifndef STINT_JOB_CONSTANT_H
#define STINT_JOB_CONSTANT_H

#include <stdbool.h>
#include <stddef.h>

#include "job/field.h"

struct job;

enum constant_kind { CONSTANT_VALUE, CONSTANT_LIST, CONSTANT_MAP };

struct job_constant {
	enum constant_kind kind;
	char *name;		      /* NULL in a list */
	enum field_type type;	      /* of a value: text, integer, decimal or boolean */
	char *text;		      /* of a value */
	struct job_constant *members; /* of a list or map */
	size_t n;
};

void constant_done(struct job_constant *constant);
/* The index of a constant of the job. */
bool constant_find_name(const struct job *job, const char *name, size_t len, size_t *ret_index);
/* `rate.EUR`, or `rates.2`, the second of a list; NULL when there is none. */
const struct job_constant *constant_find(const struct job *job, const char *path, size_t len);

#endif
