/* SPDX-License-Identifier: Apache-2.0 */
/* `stint ledger init|verify --target URL`: the marker table of a database. */
#ifndef STINT_CLI_LEDGER_TARGET_H
#define STINT_CLI_LEDGER_TARGET_H

#include "base/attr.h"

struct cli;
struct err;

/* Makes the marker table. Each ends as a verb does. */
ST_MUST_CHECK int ledger_target_init(struct cli *cli, const char *url, struct err *err);
/* What is committed there and not here, and the reverse. */
ST_MUST_CHECK int ledger_target_verify(struct cli *cli, const char *url, struct err *err);

#endif
