/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every item of a run that is in doubt, one by one: for whom it is, since when, what was sent, and
 * how to decide.
 */
#ifndef STINT_CLI_DOUBT_LIST_H
#define STINT_CLI_DOUBT_LIST_H

#include "base/attr.h"

struct cli;
struct err;
struct json_writer;
struct ledger;
struct report_run;

/* For people, to the output; nothing when nothing is in doubt. */
ST_MUST_CHECK int doubt_list_put(struct cli *cli, struct ledger *ledger,
				 const struct report_run *run, struct err *err);
/* The member "doubts" of an object (docs/json.md). */
ST_MUST_CHECK int doubt_list_put_json(struct cli *cli, struct ledger *ledger,
				      const struct report_run *run, struct json_writer *w,
				      struct err *err);

#endif
