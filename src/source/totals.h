/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control totals: counts and exact sums that must agree with what a trailer or a parameter states.
 *
 * A total that names the trailer, or stands in a control file, is that of one file; any other is
 * that of the whole load. Over `read` everything counts that was read, as far as it can be read;
 * over `loaded` what became an item.
 */
#ifndef STINT_SOURCE_TOTALS_H
#define STINT_SOURCE_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/decimal.h"

struct buf;
struct err;
struct job;
struct job_control;
struct patience;
struct reader;
struct template_run;
struct trailer;
struct value;

struct total {
	const struct job_control
		*control; /* what the job says of it; NULL: its control file does */
	const char *name; /* the field of a sum, NULL: the count */
	size_t field;	  /* likewise */
	bool is_sum;
	bool is_per_file;
	int64_t count;
	int64_t n_unread; /* records whose field could not be read */
	struct decimal sum;
};

struct totals {
	const struct job *job;
	struct total *list; /* one for each of job->controls; with control.file, too, the count and
			     * every field that can be summed */
	size_t n;
};

/* What a value adds to a sum: nothing for null. False for what is no number; an integer or a
 * decimal always is, since values are canonical. */
bool totals_amount(const struct value *v, struct decimal *ret_amount);
void totals_init(struct totals *t, const struct job *job);
void totals_done(struct totals *t);
/* What an item adds: one decimal for each control, taken now and added now or later. */
void totals_take(const struct totals *t, const struct value *values, struct decimal *ret_amounts);
/* ERR_DATA when a sum has more than 38 digits. */
ST_MUST_CHECK int totals_add(struct totals *t, const struct decimal *amounts, struct err *err);
/* A record that became no item. `read_field` reads a field of it on its own; false when it cannot.
 */
typedef bool (*totals_field_fn)(void *arg, size_t field, struct value *ret_value);
ST_MUST_CHECK int totals_add_bad(struct totals *t, totals_field_fn read_field, void *arg,
				 struct err *err);
/* Compares those of a file, whose name is given, or (name NULL) of the load. ERR_DATA, and what
 * reading a control file can fail with. Those of a file begin again. */
ST_MUST_CHECK int totals_check(struct totals *t, const char *name, const struct trailer *trailer,
			       const struct template_run *run, const struct patience *patience,
			       struct err *err);
void totals_put(const struct totals *t, struct buf *b);
void totals_get(struct totals *t, struct reader *r);

#endif
