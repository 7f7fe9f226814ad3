/* SPDX-License-Identifier: Apache-2.0 */
#include "target/marks.h"

#include <assert.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/statement.h"
#include "pg/pg.h"
#include "pg/uri.h"
#include "target/marker.h"

enum { BUSY_MS = 10000, NUMBER_BYTES = 24 };

#define LIMIT_US (60 * US_PER_S)

struct marks {
	PGconn *conn; /* or … */
	sqlite3 *db;
};

static int sqlite_fail(struct marks *m, struct err *err)
{
	return ERR(err, ERR_IO, "sqlite: %s", sqlite3_errmsg(m->db));
}

static int open_sqlite(struct marks *m, const char *path, struct err *err)
{
	if (strncmp(path, "sqlite:", 7) == 0)
		path += 7;
	if (sqlite3_open_v2(path, &m->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return ERR(err, ERR_NOINPUT, "%s: %s", path, sqlite3_errmsg(m->db));
	(void)sqlite3_busy_timeout(m->db, BUSY_MS);
	return marker_check_file(m->db, err);
}

int marks_open(const char *url, struct marks **ret_marks, struct err *err)
{
	const char *named = strncmp(url, "env:", 4) == 0 ? getenv(url + 4) : url;

	if (named == NULL)
		return ERR(err, ERR_CONFIG, "%s: there is no such variable in the environment",
			   url);
	struct marks *m = xnew(struct marks);
	const struct pg_options options = {.uri = named, .application = "stint", .writable = true};
	int rc = pg_uri_is(named) ? pg_open(&options, &m->conn, NULL, err)
				  : open_sqlite(m, named, err);
	if (rc < 0) {
		marks_close(m);
		return rc;
	}
	*ret_marks = m;
	return 0;
}

void marks_close(struct marks *marks)
{
	if (marks == NULL)
		return;
	if (marks->conn != NULL)
		pg_close(marks->conn);
	(void)sqlite3_close(marks->db); /* nothing is open in it */
	free(marks);
}

void marks_auto(struct marks **marks)
{
	marks_close(*marks);
}

const char *marks_ddl(const struct marks *marks)
{
	return marker_ddl(marks->conn != NULL ? STATEMENT_POSTGRES : STATEMENT_SQLITE);
}

static int count_sqlite(struct marks *m, bool *ret_exist, struct err *err)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(m->db, "SELECT 1 FROM sqlite_master WHERE name = 'stint_mark'", -1,
			       &statement, NULL) != SQLITE_OK)
		return sqlite_fail(m, err);
	*ret_exist = sqlite3_step(statement) == SQLITE_ROW;
	(void)sqlite3_finalize(statement); /* it was read only */
	return 0;
}

int marks_exist(struct marks *marks, bool *ret_exist, struct err *err)
{
	AUTO(pg_result) PGresult *result = NULL;

	if (marks->conn == NULL)
		return count_sqlite(marks, ret_exist, err);
	const struct pg_query query = {.sql = "SELECT to_regclass('stint_mark') IS NOT NULL",
				       .limit_us = LIMIT_US};
	int rc = pg_run(marks->conn, &query, &result, NULL, err);
	if (rc < 0)
		return rc;
	*ret_exist = PQgetvalue(result, 0, 0)[0] == 't';
	return 0;
}

int marks_make(struct marks *marks, struct err *err)
{
	if (marks->conn == NULL)
		return sqlite3_exec(marks->db, marks_ddl(marks), NULL, NULL, NULL) == SQLITE_OK
			       ? 0
			       : sqlite_fail(marks, err);
	const struct pg_query query = {.sql = marks_ddl(marks), .limit_us = LIMIT_US};
	return pg_run(marks->conn, &query, NULL, NULL, err);
}

/* ---- reading ---- */

static int read_postgres(struct marks *m, const char *const *values, mark_fn fn, void *arg,
			 struct err *err)
{
	AUTO(pg_result) PGresult *result = NULL;
	const struct pg_query query = {
		.sql = "SELECT chunk, done FROM stint_mark WHERE ledger = $1::uuid AND run = "
		       "$2::bigint AND chunk >= 0 ORDER BY chunk",
		.n_values = 2,
		.values = values,
		.limit_us = LIMIT_US};
	int rc = pg_run(m->conn, &query, &result, NULL, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < PQntuples(result); i++)
		fn(arg, strtoll(PQgetvalue(result, i, 0), NULL, 10), PQgetvalue(result, i, 1),
		   (uint32_t)PQgetlength(result, i, 1));
	return 0;
}

static void tell_blob(sqlite3_stmt *statement, mark_fn fn, void *arg)
{
	uint32_t n = 8 * (uint32_t)sqlite3_column_bytes(statement, 1);
	const uint8_t *bits = sqlite3_column_blob(statement, 1);
	char *digits = xcalloc(n + 1, 1);

	for (uint32_t i = 0; i < n; i++)
		digits[i] = bits_get(bits, i) ? '1' : '0';
	fn(arg, sqlite3_column_int64(statement, 0), digits, n);
	free(digits);
}

static int read_sqlite(struct marks *m, const char *const *values, mark_fn fn, void *arg,
		       struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = SQLITE_ROW;

	if (sqlite3_prepare_v2(m->db,
			       "SELECT chunk, done FROM stint_mark WHERE ledger = ?1 AND run = "
			       "CAST(?2 AS INTEGER) AND chunk >= 0 ORDER BY chunk",
			       -1, &statement, NULL) != SQLITE_OK)
		return sqlite_fail(m, err);
	(void)sqlite3_bind_text(statement, 1, values[0], -1, SQLITE_STATIC); /* both fit */
	(void)sqlite3_bind_text(statement, 2, values[1], -1, SQLITE_STATIC);
	while (rc == SQLITE_ROW) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			tell_blob(statement, fn, arg);
	}
	int failed = rc == SQLITE_DONE ? 0 : sqlite_fail(m, err);
	(void)sqlite3_finalize(statement); /* says the same again */
	return failed;
}

int marks_read(struct marks *marks, const char *uuid, int64_t run, mark_fn fn, void *arg,
	       struct err *err)
{
	char number[NUMBER_BYTES];
	const char *const values[] = {uuid, number};

	(void)snprintf(number, sizeof(number), "%lld", (long long)run); /* it fits */
	return marks->conn != NULL ? read_postgres(marks, values, fn, arg, err)
				   : read_sqlite(marks, values, fn, arg, err);
}
