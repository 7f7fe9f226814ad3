/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trailer of a CSV file: the record that its sender writes last, with totals. A file that has
 * none, where one was promised, was cut off on its way.
 */
#ifndef STINT_SOURCE_TRAILER_H
#define STINT_SOURCE_TRAILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct job;
struct reader;
struct record;
struct trailer_pattern;

struct trailer {
	const struct job *job;		 /* kept */
	struct trailer_pattern *pattern; /* NULL: no trailer */
	bool is_seen;
	int64_t line;
	char **values; /* of job->source.trailer_columns, NULL before it was seen */
};

ST_MUST_CHECK int trailer_init(struct trailer *t, const struct job *job, struct err *err);
void trailer_done(struct trailer *t);
/* For the next file. */
void trailer_reset(struct trailer *t);
bool trailer_is_wanted(const struct trailer *t);
bool trailer_matches(struct trailer *t, const char *text, size_t len);
/* Takes the values of a record that matches. ERR_DATA, without the place. */
ST_MUST_CHECK int trailer_read(struct trailer *t, const struct record *record, struct err *err);
void trailer_put(const struct trailer *t, struct buf *b);
void trailer_get(struct trailer *t, struct reader *r);

#endif
