/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going through SQL: what stands within quotes and comments, and where a statement ends. It is not
 * parsed, so text of any version of a database can be looked at.
 */
#ifndef STINT_JOB_SQL_SCAN_H
#define STINT_JOB_SQL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "job/statement.h"

struct sql_scan {
	enum statement_dialect dialect;
	const char *sql;
	size_t len;
	size_t at; /* begins at 0 */
};

/* Goes behind whatever begins here: a quoted text, a comment, or one character. */
void sql_scan_step(struct sql_scan *s);

struct sql_word {
	const char *text; /* within the SQL */
	size_t len;
};

/* Goes behind the next statement and gives its first word; false: there is none. */
bool sql_next_statement(struct sql_scan *s, struct sql_word *ret_first);
/* In letters of either case. */
bool sql_word_is(struct sql_word word, const char *text);

#endif
