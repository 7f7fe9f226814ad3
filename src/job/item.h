/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item as a lane sees it: its fields in the order of the job's declaration, and where it came
 * from. Everything is lent by whoever decoded it and valid until that chunk is dropped.
 */
#ifndef STINT_JOB_ITEM_H
#define STINT_JOB_ITEM_H

#include <stddef.h>
#include <stdint.h>

#include "job/field.h"

struct item {
	const struct value *fields; /* job->source.n_fields of them */
	const char *key;	    /* what names the item; never NULL */
	size_t key_len;
	const char *source_path; /* "" where there is none */
	int64_t source_line;	 /* first line of the record, from 1; 0 where there is none */
};

#endif
