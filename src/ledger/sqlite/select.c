/* SPDX-License-Identifier: Apache-2.0 */
/* Plain SQL for people's verbs, for reading only. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "ledger/sqlite/sqlite.h"

struct sq_row {
	struct ledger_row base;
	sqlite3_stmt *st;
};

static sqlite3_stmt *sq_row_of(const struct ledger_row *row)
{
	return ((const struct sq_row *)(const void *)row)->st; /* its first member */
}

static const char *sq_row_text(const struct ledger_row *row, int column, size_t *ret_len)
{
	sqlite3_stmt *st = sq_row_of(row);
	const void *text = sqlite3_column_text(st, column);

	if (ret_len != NULL)
		*ret_len = (size_t)sqlite3_column_bytes(st, column);
	return text;
}

static int64_t sq_row_int(const struct ledger_row *row, int column)
{
	return sqlite3_column_int64(sq_row_of(row), column);
}

static double sq_row_real(const struct ledger_row *row, int column)
{
	return sqlite3_column_double(sq_row_of(row), column);
}

static bool sq_row_is_null(const struct ledger_row *row, int column)
{
	return sqlite3_column_type(sq_row_of(row), column) == SQLITE_NULL;
}

static int sq_row_columns(const struct ledger_row *row)
{
	return sqlite3_column_count(sq_row_of(row));
}

static const char *sq_row_name(const struct ledger_row *row, int column)
{
	return sqlite3_column_name(sq_row_of(row), column);
}

static const struct ledger_row_face face = {
	.text = sq_row_text,
	.number = sq_row_int,
	.real = sq_row_real,
	.is_null = sq_row_is_null,
	.columns = sq_row_columns,
	.name = sq_row_name,
};

static int sq_select_bind(sqlite3_stmt *st, const struct ledger_param *params, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int at = (int)i + 1;
		int rc = params[i].type == LEDGER_INT
				 ? sqlite3_bind_int64(st, at, params[i].number)
				 : sqlite3_bind_text(st, at, params[i].text, -1, SQLITE_STATIC);
		if (rc != SQLITE_OK && rc != SQLITE_RANGE) /* a query may use fewer */
			return rc;
	}
	return SQLITE_OK;
}

/* lint: allow parameters: the face has them */
int sq_select(struct ledger *ledger, const char *sql, const struct ledger_param *params, size_t n,
	      ledger_row_fn fn, void *arg, struct err *err)
{
	struct sq *q = sq_of(ledger);
	struct sq_row row = {.base = {&face}};
	int answer = 0;
	errno = 0;
	int rc = sqlite3_prepare_v2(q->db, sql, -1, &row.st, NULL);

	if (rc != SQLITE_OK) {
		(void)sq_fail(q, rc); /* sq_err says it */
		err_set(err, ERR_LEDGER, 0, "the query cannot be read: %s", q->text);
		return ERR_LEDGER;
	}
	if (sqlite3_stmt_readonly(row.st) == 0) {
		(void)sqlite3_finalize(row.st); /* it was not run */
		return ERR(err, ERR_LEDGER, "the query would change the ledger");
	}
	rc = sq_select_bind(row.st, params, n);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(row.st);
	while (rc == SQLITE_ROW && answer == 0) {
		answer = fn(arg, &row.base);
		rc = sqlite3_step(row.st);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE && rc != SQLITE_OK && answer == 0) {
		(void)sq_fail(q, rc); /* sq_err says it */
		answer = sq_err(q, err);
	}
	(void)sqlite3_finalize(row.st); /* repeats an error that was seen */
	return answer;
}
