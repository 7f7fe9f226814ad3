/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of SQL without a database: PostgreSQL's own parser (libpg_query) reads it, and
 * the rules of paging are asked of the tree that it makes.
 *
 * libpg_query is loaded when the first statement is checked, and only then: it is as large as all
 * the rest of this program, and most jobs have no SQL.
 */
#ifndef STINT_JOB_SQL_LINT_H
#define STINT_JOB_SQL_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct field;

struct sql_lint {
	const char *sql;
	const char *cursor; /* the column that pages go by */
	int cursor_number;  /* of the parameters, from 1 */
	int page_size_number;
	const struct field *fields; /* whose columns must be selected */
	size_t n_fields;
};

/* Conditions: SQL_UNREAD, it does not parse, and err says why; ERR_CONFIG is a rule that it breaks.
 * In both `*ret_at` is the byte of the SQL that it is about. ERR_UNAVAILABLE: no libpg_query. */
enum sql_lint_condition { SQL_UNREAD = 1 };
ST_MUST_CHECK int sql_lint_query(const struct sql_lint *lint, size_t *ret_at, struct err *err);
/* One statement that changes single rows: what on_done and on_dead are. */
ST_MUST_CHECK int sql_lint_change(const char *sql, size_t *ret_at, struct err *err);
/* Where the first expression of `order by` of a query ends, so that `desc` can be put behind it,
 * and where `asc` begins and ends, if it is there. False when that is not plain. */
struct sql_order {
	size_t column_end;
	size_t asc_end; /* the same as column_end without `asc` */
};
bool sql_find_order(const char *sql, struct sql_order *ret_order);

#endif
