/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs, items and jobs as people name them (docs/cli.md, Names), looked up in a ledger.
 *
 * Failure: ERR_DATA (exit status 1) says that there is no such thing, and what is near it.
 */
#ifndef STINT_CLI_FIND_H
#define STINT_CLI_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct cli;
struct err;
struct ledger;
struct report_run;

struct find_item {
	int64_t run_id;
	int64_t number;
};

/* The job's name for a file or a name; gives. A name that has no runs is ERR_DATA, a file's is not.
 */
ST_MUST_CHECK int find_job(const struct cli *cli, struct ledger *ledger, const char *word,
			   char **ret_job, struct err *err);
/* JOB@SLOT…, a number, or JOB or its file: the latest run. Texts in the arena. */
ST_MUST_CHECK int find_run(const struct cli *cli, struct ledger *ledger, const char *word,
			   struct arena *arena, struct report_run *ret_run, struct err *err);
/* JOB/KEY or RUN:NUMBER. */
ST_MUST_CHECK int find_item(const struct cli *cli, struct ledger *ledger, const char *word,
			    struct find_item *ret_item, struct err *err);

/* What a word names where jobs, runs and items may stand. */
enum find_kind { FIND_NOTHING, FIND_JOB, FIND_RUN, FIND_ITEM };
ST_MUST_CHECK int find_kind(const struct cli *cli, struct ledger *ledger, const char *word,
			    enum find_kind *ret_kind, struct err *err);

#endif
