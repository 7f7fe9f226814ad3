/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working runs in this process or, first, becoming the keeper of the process that does. For `run`
 * and, by way of work_known.h, `work` and `retry --now`.
 */
#ifndef STINT_CLI_WORK_RUN_H
#define STINT_CLI_WORK_RUN_H

#include "base/attr.h"
#include "engine/session.h"

struct cli;
struct err;
struct job;

struct work_run {
	struct cli *cli;
	const char *file; /* as the command line named the job file; read again on HUP */
	utime called_at;
	struct session_spec spec; /* what the session fills in itself is left open */
};

/* Works it and says what came of it. The exit status of `run`. */
ST_MUST_CHECK int work_run(const struct work_run *run, struct err *err);
/* Says what would be worked, from the ledger as it is, and touches nothing. */
ST_MUST_CHECK int work_run_plan(const struct work_run *run, struct err *err);

/* When the call was made that this process belongs to: an engine that the keeper started again,
 * perhaps after midnight, still belongs to the first. */
utime work_run_called_at(void);
/* --source: an absolute path; gives. ERR_NOINPUT when there is no such file, ERR_USAGE for a job
 * without. */
ST_MUST_CHECK int work_run_source(const struct job *job, const char *path, char **ret_path,
				  struct err *err);

#endif
