/* SPDX-License-Identifier: Apache-2.0 */
/* Items as CSV, for the report: what failed, waits for another try or needs a person. */
#ifndef STINT_CLI_ITEM_LIST_H
#define STINT_CLI_ITEM_LIST_H

#include <stdbool.h>

#include "base/attr.h"

struct buf;
struct cli;
struct err;
struct ledger;
struct report_run;

struct item_csv {
	struct cli *cli;
	struct ledger *ledger;
	bool has_steps; /* of any run: then each line ends with the name of the item's */
	bool is_begun;
};
ST_MUST_CHECK int item_csv_put(struct item_csv *csv, const struct report_run *run, struct err *err);
/* One value of a line (RFC 4180): quoted where it has to be. What a spreadsheet would take for a
 * formula gets a `'` in front. */
void csv_put(struct buf *out, const char *text);

#endif
