/* SPDX-License-Identifier: Apache-2.0 */
/* The job that a run began with, from the ledger. */
#ifndef STINT_CLI_RUN_JOB_H
#define STINT_CLI_RUN_JOB_H

#include <stdint.h>

#include "base/attr.h"

struct err;
struct job;
struct ledger;

/* Gives; relative paths start from where its file was. ERR_CONFIG: this program cannot read it. */
ST_MUST_CHECK int run_job_load(struct ledger *ledger, int64_t run_id, struct job **ret_job,
			       struct err *err);
/* The same of its text, and of where the file was. */
ST_MUST_CHECK int run_job_parse(const char *text, const char *path, struct job **ret_job,
				struct err *err);

#endif
