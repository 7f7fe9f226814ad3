/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One scalar of a job file, read by what the schema allows at its place.
 */
#ifndef STINT_JOB_SCALAR_H
#define STINT_JOB_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "job/job.h"
#include "job/schema.h"

struct err;
struct node;

struct scalar {
	enum schema_type_index type; /* of those that the row allows */
	bool is_later;		     /* right, and not available in this version */
	int64_t integer; /* integers, durations, sizes, clock minutes, booleans, words, umask */
	double number;
	struct decimal amount;
	char character; /* '\0': none */
	struct job_limit limit;
	struct job_rate rate;
};

/* Reads the node's text as the first of the row's types that it fits. ERR_CONFIG with what was
 * expected
 * ("expected a duration such as 30s or 1h30m, found '30'"), without the key's name. */
ST_MUST_CHECK int scalar_read(const struct schema_key *key, const struct node *node,
			      struct scalar *ret_scalar, struct err *err);
/* True when both say the same: 1h and 60m. `key` is the row of both, or NULL. */
bool scalar_is_same(const struct schema_key *key, const struct node *a, const struct node *b);

/* Whether a job may be called so. */
bool scalar_is_job_name(const char *name);

#endif
