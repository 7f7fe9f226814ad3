/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the program: what the command line said, and where results and messages go.
 *
 * Promise: results go to standard output, everything else to standard error; the exit status is
 *          that of docs/exit-codes.md. Errors say what failed, why, and what to do next.
 * Owner:   cli_main, on its stack; verbs lend it. One thread.
 */
#ifndef STINT_CLI_CLI_H
#define STINT_CLI_CLI_H

#include <stdbool.h>

#include "base/attr.h"
#include "cli/options.h"
#include "cli/out.h"

struct err;
struct verb;

enum cli_exit { /* those that verbs return by themselves; errors have theirs (base/err.h) */
		EXIT_DONE = 0,
		EXIT_NO = 1,	    /* no, or nothing found */
		EXIT_ATTENTION = 3, /* finished, but items need a person */
		EXIT_STATUS_USAGE = 64,
		EXIT_STATUS_BUG = 70,
		EXIT_STATUS_AGAIN = 75,
		EXIT_STATUS_CONFIG = 78,
};

struct cli {
	const struct verb *verb;
	struct options options;
	char *const *argv; /* as it was given, for the keeper */
	struct out out;	   /* standard output */
	bool is_quiet;
	bool is_verbose;
	bool wants_json;
	bool is_dry_run;
};

/* The program but for the lanes. Returns its exit status. */
int cli_main(int argc, char **argv);

/* For verbs that work: from now on a reader that goes away, or does not read, holds nothing up. */
void cli_set_unattended(void);
/* A line on standard error, "stint: …"; `cli_note` is left out with --quiet, `cli_detail` is only
 * said with
 * --verbose. */
void cli_error(const char *fmt, ...) ST_PRINTF(1, 2);
/* The same without "stint: ". */
void cli_line(const char *fmt, ...) ST_PRINTF(1, 2);
void cli_note(const struct cli *cli, const char *fmt, ...) ST_PRINTF(2, 3);
void cli_detail(const struct cli *cli, const char *fmt, ...) ST_PRINTF(2, 3);

/* ERR_USAGE unless there are `min` to `max` words behind the verb. */
ST_MUST_CHECK int cli_words(const struct cli *cli, size_t min, size_t max, struct err *err);
/* The word at `i`, NULL when there are not so many. */
const char *cli_word(const struct cli *cli, size_t i);
/* Asks "… [y/N]" where there is a terminal and neither --yes nor --dry-run; else true. */
bool cli_ask(const struct cli *cli, const char *fmt, ...) ST_PRINTF(2, 3);

#endif
