/* SPDX-License-Identifier: Apache-2.0 */
/* The marker table (PROTOCOL 3.7): its DDL. */
#ifndef STINT_TARGET_MARKER_H
#define STINT_TARGET_MARKER_H

#include "job/statement.h"

#define MARKER_TABLE "stint_mark"

/* The statement that makes it, where it is not there. */
const char *marker_ddl(enum statement_dialect dialect);

/* What to do when it is missing. */
#define MARKER_HINT                                                                                \
	"there is no table " MARKER_TABLE " for the marks of what took effect: `stint ledger "     \
	"init --target URL` makes it, `stint generate marker FILE` prints its DDL"

#endif
