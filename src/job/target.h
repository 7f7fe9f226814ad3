/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work on a database, as the job file says it: work.sql and work.table.
 */
#ifndef STINT_JOB_TARGET_H
#define STINT_JOB_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "job/statement.h"

enum job_conflict {
	JOB_CONFLICT_FAIL,
	JOB_CONFLICT_SKIP,
	JOB_CONFLICT_UPDATE,
	JOB_CONFLICT_COUNT_
};
enum job_commit { JOB_COMMIT_CHUNK, JOB_COMMIT_RUN, JOB_COMMIT_COUNT_ };

/* An SQLSTATE, each place a character, or 'x' for any. */
enum { JOB_STATE_CHARS = 5 };

struct job_state {
	char text[JOB_STATE_CHARS + 1];
	int when; /* enum job_when */
};

struct job_target {
	enum statement_dialect dialect;
	char *url; /* as written: a URL, a path, or a reference such as env:NAME; NULL: no target */

	/* sql */
	char **statements; /* of an item, in one transaction; NULL-terminated, NULL: none */

	/* table */
	char *table;
	char **columns; /* NULL-terminated … */
	char **values;	/* … and a template for each */
	enum job_conflict conflict;
	char **conflict_on; /* NULL-terminated, NULL: none */
	enum job_commit commit;

	/* both: once per run; NULL where there is none */
	char *before;
	char *after;

	struct job_state *states; /* done_when … doubt_when */
	size_t n_states;
};

void job_target_done(struct job_target *target);

/* True when `pattern` names the SQLSTATE `state`. */
bool job_state_matches(const char *pattern, const char *state);

#endif
