/* SPDX-License-Identifier: Apache-2.0 */
/* The marker table (docs/targets.md): its DDL. */
#ifndef STINT_TARGET_MARKER_H
#define STINT_TARGET_MARKER_H

#include "base/attr.h"
#include "job/statement.h"

struct err;
struct sqlite3;

#define MARKER_TABLE "stint_mark"

/* The statement that makes it, where it is not there. */
const char *marker_ddl(enum statement_dialect dialect);

/* A ledger in SQLite has one writer at a time, and it is written all the time: a transaction of
 * items in it would hold up the run itself. ERR_CONFIG when the file is one. */
ST_MUST_CHECK int marker_check_file(struct sqlite3 *db, struct err *err);

/* What to do when it is missing. */
#define MARKER_HINT                                                                                \
	"there is no table " MARKER_TABLE " for the marks of what took effect: `stint ledger "     \
	"init --target URL` makes it, `stint generate marker FILE` prints its DDL"

#endif
