/* SPDX-License-Identifier: Apache-2.0 */
/*
 * on_done and on_dead in a PostgreSQL database: all that one call says goes as one pipeline, and is
 * one transaction of the server.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/statement.h"
#include "pg/pg.h"
#include "source/rows.h"
#include "source/teller.h"

#define STATEMENT_LIMIT_US (60 * US_PER_S)
#define ANSWER_LIMIT_US (90 * US_PER_S)

enum { WORDS_MAX = 1024 };

static void told_close(struct teller *t)
{
	pg_close(t->connection);
}

static int told_open(struct teller *t, const char *url, struct err *err)
{
	const struct pg_options options = {
		.uri = url, .application = "stint/finisher", .writable = true};
	PGconn *conn = NULL;
	int rc = pg_open(&options, &conn, NULL, err);

	if (rc == 0)
		t->connection = conn;
	return rc;
}

static int send(PGconn *conn, const char *sql, size_t n, const char *const *values, struct err *err)
{
	if (PQsendQueryParams(conn, sql, (int)n, NULL, values, NULL, NULL, 0) == 0)
		return pg_fail(conn, NULL, NULL, err);
	return 0;
}

static int told_begin(struct teller *t, struct err *err)
{
	PGconn *conn = t->connection;
	AUTO(buf) struct buf limits = BUF_INIT(WORDS_MAX);

	pg_put_limits(&limits, STATEMENT_LIMIT_US, ROWS_LOCK_US);
	if (PQpipelineStatus(conn) == PQ_PIPELINE_OFF && PQenterPipelineMode(conn) == 0)
		return pg_fail(conn, NULL, NULL, err);
	int rc = send(conn, "BEGIN READ WRITE", 0, NULL, err);
	if (rc == 0)
		rc = send(conn, buf_str(&limits), 0, NULL, err);
	return rc != 0 ? rc : send(conn, "SET LOCAL timezone = 'UTC'", 0, NULL, err);
}

static int told_say(struct teller *t, const struct statement *s, const struct teller_value *values,
		    struct err *err)
{
	size_t n = statement_n(s);
	const char **texts = xcalloc(n + 1, sizeof(*texts));

	for (size_t i = 0; i < n; i++)
		texts[i] = values[i].text;
	int rc = send(t->connection, statement_sql(s), n, texts, err);
	free((void *)texts);
	return rc;
}

/* Reads all answers; the first that is an error is what is told. */
static int told_commit(struct teller *t, struct err *err)
{
	PGconn *conn = t->connection;
	int rc = send(conn, "COMMIT", 0, NULL, err);

	if (rc == 0 && PQpipelineSync(conn) == 0)
		rc = pg_fail(conn, NULL, NULL, err);
	for (bool is_over = false; rc == 0 && !is_over;) {
		AUTO(pg_result) PGresult *result = NULL;
		rc = pg_next(conn, clock_boot_us() + ANSWER_LIMIT_US, &result, err);
		if (rc != 0 || result == NULL)
			continue; /* NULL stands between the answers of two statements */
		is_over = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		rc = pg_check(conn, result, NULL, err);
	}
	return rc;
}

const struct teller_ops teller_postgres = {.open = told_open,
					   .close = told_close,
					   .begin = told_begin,
					   .say = told_say,
					   .commit = told_commit};
