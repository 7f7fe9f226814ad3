/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ledger: --ledger, else STINT_LEDGER, else the configuration file, else
 * /var/lib/stint/ledger.db where it exists, else $XDG_STATE_HOME/stint/ledger.db.
 *
 * Promise: never another ledger in silence: what was named or found and cannot be used is an error.
 */
#ifndef STINT_CLI_LEDGER_CHOICE_H
#define STINT_CLI_LEDGER_CHOICE_H

#include <stdbool.h>

#include "base/attr.h"

struct cli;
struct config;
struct err;
struct ledger;

struct ledger_wish {
	const char *option;	     /* --ledger, NULL none */
	const char *variable;	     /* STINT_LEDGER, NULL none */
	const struct config *config; /* what the files say */
	const char *system_path;     /* /var/lib/stint/ledger.db */
};

/* Gives the URL (sqlite:PATH or postgres://…, with its secrets) and, lent, in a word or two, where
 * it was named. ERR_CONFIG, ERR_PERM. */
ST_MUST_CHECK int ledger_choose(const struct ledger_wish *wish, char **ret_url,
				const char **ret_from, struct err *err);

/* Chooses by the command line and opens, with these ledger_flags (and --volatile). The caller
 * closes. ERR_LEDGER, in words for a person, where there is none to read. */
ST_MUST_CHECK int cli_open_ledger(const struct cli *cli, unsigned flags, struct ledger **ret_ledger,
				  struct err *err);
/* Programs of items are not to see the variables that hold the ledger's password. */
ST_MUST_CHECK int cli_hide_ledger(const struct cli *cli, struct err *err);
/* For the verbs that only show: opens for reading. Where there is no ledger yet nothing can be
 * found: that is said, with exit status 1 (ERR_DATA). */
ST_MUST_CHECK int cli_read_ledger(const struct cli *cli, struct ledger **ret_ledger,
				  struct err *err);
/* Opens for reading; CLI_NO_LEDGER where there is no ledger yet, and nothing is said. */
enum { CLI_NO_LEDGER = 1 };
ST_MUST_CHECK int cli_find_ledger(const struct cli *cli, struct ledger **ret_ledger,
				  struct err *err);
/* Whether there is a ledger at that URL. */
ST_MUST_CHECK int cli_ledger_is_there(const struct cli *cli, const char *url, bool *ret_is_there,
				      struct err *err);
/* The URL alone; gives. */
ST_MUST_CHECK int cli_ledger_url(const struct cli *cli, char **ret_url, const char **ret_from,
				 struct err *err);

#endif
