/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working runs that are in the ledger, for `work` and `retry --now`: this process becomes the
 * keeper of one engine after another, one for each run. Such an engine is called with the same
 * arguments, and told by the environment which run it is to work.
 */
#ifndef STINT_CLI_WORK_KNOWN_H
#define STINT_CLI_WORK_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct cli;
struct err;
struct job;
struct report_run;

struct work_known {
	struct cli *cli;
	bool is_guest; /* takes part in what others have begun */
	/* The run, and its job, if it can be worked here. Gives the job. */
	int (*load)(struct cli *cli, int64_t run_id, struct arena *arena,
		    struct report_run *ret_run, struct job **ret_job, struct err *err);
};

/* The keeper's half. The exit status of `run`, or a failure. */
ST_MUST_CHECK int work_known(const struct work_known *known, int64_t run_id, struct err *err);
/* The engine's half, of the same. */
ST_MUST_CHECK int work_known_as_engine(const struct work_known *known, struct err *err);

#endif
