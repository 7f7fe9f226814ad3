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

ST_MUST_CHECK int item_list_put_csv(struct cli *cli, struct ledger *ledger,
				    const struct report_run *run, bool with_header,
				    struct err *err);
/* One value of a line (RFC 4180): quoted where it has to be. What a spreadsheet would take for a
 * formula gets a `'` in front. */
void csv_put(struct buf *out, const char *text);

#endif
