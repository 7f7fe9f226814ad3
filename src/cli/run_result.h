/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a call of `run`: the runs that it began, moved or finished, told from how the ledger
 * was before.
 *
 * Owner: run_result_begin fills, run_result_done frees.
 */
#ifndef STINT_CLI_RUN_RESULT_H
#define STINT_CLI_RUN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"

struct cli;
struct err;
struct ledger;
struct report_run;
struct session_spec;

struct run_result {
	struct arena arena;
	const char *job;
	struct report_run *before; /* runs of the job that were not over */
	size_t n_before;
	int64_t last_id;     /* the highest number there was */
	const char *present; /* the name of the run of the present slot */
	bool only_present;   /* others of the job are others' business */
};

/* Looks at the ledger before anything is begun. */
ST_MUST_CHECK int run_result_begin(struct run_result *result, struct ledger *ledger,
				   const struct session_spec *spec, struct err *err);
/* Says what came of it: a few lines a run, or stint.run.1. `status` is the exit status. */
void run_result_put(struct run_result *result, struct cli *cli, struct ledger *ledger, int status);
void run_result_done(struct run_result *result);

#endif
