/* SPDX-License-Identifier: Apache-2.0 */
#include "target/marker.h"

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
