/* SPDX-License-Identifier: Apache-2.0 */
#include "target/marker.h"

#include <sqlite3.h>

#include "base/err.h"

/* ledger/sqlite/schema.c writes it into each ledger. */
enum { LEDGER_APPLICATION_ID = 0x73746e74 };

const char *marker_ddl(enum statement_dialect dialect)
{
	if (dialect == STATEMENT_SQLITE)
		return "CREATE TABLE IF NOT EXISTS stint_mark (\n"
		       "  ledger TEXT NOT NULL,\n"
		       "  run INTEGER NOT NULL,\n"
		       "  chunk INTEGER NOT NULL,\n"
		       "  done BLOB NOT NULL,\n"
		       "  void BLOB NOT NULL,\n"
		       "  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),\n"
		       "  PRIMARY KEY (ledger, run, chunk)\n"
		       ") WITHOUT ROWID";
	return "CREATE TABLE IF NOT EXISTS stint_mark (\n"
	       "  ledger uuid NOT NULL,\n"
	       "  run bigint NOT NULL,\n"
	       "  chunk bigint NOT NULL,\n"
	       "  done varbit NOT NULL,\n"
	       "  void varbit NOT NULL,\n"
	       "  at timestamptz NOT NULL DEFAULT now(),\n"
	       "  PRIMARY KEY (ledger, run, chunk)\n"
	       ")";
}

int marker_check_file(struct sqlite3 *db, struct err *err)
{
	sqlite3_stmt *look = NULL;
	int64_t id = 0;

	/* What cannot be read is told by whoever uses it next. */
	if (sqlite3_prepare_v2(db, "PRAGMA application_id", -1, &look, NULL) == SQLITE_OK &&
	    sqlite3_step(look) == SQLITE_ROW)
		id = sqlite3_column_int64(look, 0);
	(void)sqlite3_finalize(look); /* it was read only */
	if (id != LEDGER_APPLICATION_ID)
		return 0;
	return ERR(err, ERR_CONFIG,
		   "'%s' is a ledger of stint, whose one writer items would hold up: let them take "
		   "effect in another file",
		   sqlite3_db_filename(db, "main"));
}
