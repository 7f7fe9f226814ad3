/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults of a job file, collected so that a person sees all of them at once.
 *
 * Promise: keeps the first FAULTS_MAX and counts the rest; a fault that was already said at the
 *          same place is not said again (an aliased value is checked wherever it stands).
 * Owner:   whoever declared it; faults_done() frees.
 */
#ifndef STINT_JOB_FAULT_H
#define STINT_JOB_FAULT_H

#include <stddef.h>

#include "base/attr.h"
#include "job/job.h"

struct err;

enum { FAULTS_MAX = 20 };

/* A place in the file; line and column (in characters) from 1, line 0 where there is none. */
struct mark {
	int line;
	int column;
};

struct fault {
	struct mark at;
	char *text;
};

struct faults {
	struct fault list[FAULTS_MAX];
	size_t n;
	size_t n_more; /* found beyond those kept */
};

void faults_add(struct faults *f, struct mark at, const char *fmt, ...) ST_PRINTF(3, 4);
void faults_done(struct faults *f);

/* Says them in the order of the file, each "PATH:LINE:COLUMN: text", through `report`, and fails
 * with ERR_CONFIG; 0 when there are none. Without `report` the first one becomes the text of `err`.
 */
ST_MUST_CHECK int faults_report(struct faults *f, const char *path, job_report_fn report, void *arg,
				struct err *err);

#endif
