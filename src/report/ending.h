/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done once at the end of a run: what came of it, such as the file that was written, or why
 * it is not done yet.
 */
#ifndef STINT_REPORT_ENDING_H
#define STINT_REPORT_ENDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct buf;
struct err;
struct json_writer;
struct ledger;

enum { ENDINGS_MAX = 16 }; /* of the last steps */

struct ending_shown {
	const char *step;  /* "" where the job has none */
	const char *kind;  /* work, run */
	const char *state; /* waiting, running, failed, done */
	int64_t failures;
	const char *error; /* "" none */
	utime next_at;
	const char *result; /* a JSON object, "" nothing */
	/* of a result that is a file, else NULL and 0 */
	const char *path, *sha256;
	int64_t bytes, rows;
};

struct endings {
	struct ending_shown endings[ENDINGS_MAX];
	size_t n;
	struct arena *arena;
};

/* Texts go to the arena. */
ST_MUST_CHECK int endings_gather(struct ledger *ledger, int64_t run_id, struct arena *arena,
				 struct endings *ret_endings, struct err *err);
/* A line for each that made something or is not done, after `indent`. */
void endings_put_text(const struct endings *endings, const char *indent, struct buf *out);
/* A member `endings`. */
void endings_put_json(const struct endings *endings, struct json_writer *w);

#endif
