/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a PostgreSQL database. Each page is a transaction of its own that only reads, with the
 * server's own limits on time and on waiting for locks, so that nothing of ours stays behind on the
 * server between pages: no lock, no snapshot. Rows come one by one, as the socket brings them.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/database_url.h"
#include "job/job.h"
#include "job/sql_lint.h"
#include "job/statement.h"
#include "pg/pg.h"
#include "source/rows.h"

/* Beyond what the server itself allows. */
#define ANSWER_US (ROWS_STATEMENT_US + 30 * US_PER_S)
#define CONTROL_US (30 * US_PER_S)

enum { NUMBER_MAX = 24, WORDS_MAX = 64, TRANSACTION_MAX = 2048, KEYS_MAX = 4096 };

struct rows_postgres {
	struct rows rows;
	PGconn *conn;
	PGresult *row;	 /* the present one */
	bool is_waiting; /* a statement is under way */
	bool has_row;	 /* the first one, which was fetched for its columns */
	char *start;	 /* what is before every value of the cursor */
};

static struct rows_postgres *of(struct rows *rows)
{
	return CONTAINER_OF(rows, struct rows_postgres, rows);
}

/* ---- types ---- */

/* number, name, fields it fits besides text, what is before every value of it */
#define BIT(type) (1U << (type))
#define WHOLE (BIT(FIELD_INTEGER) | BIT(FIELD_DECIMAL) | BIT(FIELD_FLOAT))
static const struct pg_type {
	Oid oid;
	const char *name;
	unsigned fits;
	const char *start;
} pg_types[] = {
	{16, "boolean", BIT(FIELD_BOOLEAN), NULL},
	{17, "bytea", 0, "\\x"},
	{18, "\"char\"", 0, NULL},
	{19, "name", 0, ""},
	{20, "bigint", WHOLE, "-9223372036854775808"},
	{21, "smallint", WHOLE, "-32768"},
	{23, "integer", WHOLE, "-2147483648"},
	{25, "text", BIT(FIELD_JSON), ""},
	{26, "oid", WHOLE, "0"},
	{114, "json", BIT(FIELD_JSON), NULL},
	{700, "real", BIT(FIELD_FLOAT), "-Infinity"},
	{701, "double precision", BIT(FIELD_FLOAT), "-Infinity"},
	{1042, "character", 0, ""},
	{1043, "character varying", BIT(FIELD_JSON), ""},
	{1082, "date", BIT(FIELD_DATE), "-infinity"},
	{1083, "time", 0, "00:00:00"},
	{1114, "timestamp", BIT(FIELD_TIMESTAMP), "-infinity"},
	{1184, "timestamp with time zone", BIT(FIELD_TIMESTAMP), "-infinity"},
	{1186, "interval", 0, NULL},
	{1700, "numeric", BIT(FIELD_INTEGER) | BIT(FIELD_DECIMAL) | BIT(FIELD_FLOAT), "-Infinity"},
	{2950, "uuid", 0, "00000000-0000-0000-0000-000000000000"},
	{3802, "jsonb", BIT(FIELD_JSON), NULL},
};

static const struct pg_type *find_type(Oid oid)
{
	for (size_t i = 0; i < ARRAY_LEN(pg_types); i++)
		if (pg_types[i].oid == oid)
			return &pg_types[i];
	return NULL;
}

static bool postgres_misfits(const struct rows *rows, size_t column, const struct field *field)
{
	const char *name = rows->columns[column].type;

	if (field->type == FIELD_TEXT)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(pg_types); i++)
		if (strcmp(pg_types[i].name, name) == 0)
			return (pg_types[i].fits & BIT(field->type)) == 0;
	return true;
}

/* ---- talking ---- */

static bool may_pass(enum pg_class class)
{
	switch (class) {
	case PG_LOST:
	case PG_STANDBY:
	case PG_CROWDED:
	case PG_CONFLICT:
	case PG_LOCKED:
	case PG_CANCELLED:
	case PG_SHORT:
	case PG_FULL:
	case PG_SERVER:
		return true;
	case PG_LOGIN:
	case PG_DENIED:
	case PG_NO_DATABASE:
	case PG_ABSENT:
	case PG_STATEMENT:
	case PG_DATA:
	case PG_CONSTRAINT:
	case PG_OTHER:
		break;
	}
	return false;
}

/* A statement without parameters, and no rows that anybody wants. */
static int say(struct rows_postgres *r, const char *sql, struct err *err)
{
	const struct pg_query query = {.sql = sql, .limit_us = CONTROL_US};
	enum pg_class class = PG_LOST;
	int rc = pg_run(r->conn, &query, NULL, &class, err);

	if (rc != 0)
		r->rows.may_pass = may_pass(class);
	return rc;
}

static void forget_row(struct rows_postgres *r)
{
	PQclear(r->row);
	r->row = NULL;
	r->has_row = false;
}

/* Fails with what the server, or libpq, says. */
static int fail(struct rows_postgres *r, const PGresult *result, struct err *err)
{
	enum pg_class class = PG_LOST;
	struct err said = ERR_INIT;
	int rc = pg_fail(r->conn, result, &class, &said);

	r->rows.may_pass = may_pass(class);
	err_set(err, rc, 0, "%s%s%s", said.text,
		class == PG_CANCELLED ? "; is there an index on " : "",
		class == PG_CANCELLED ? r->rows.job->source.database.cursor : "");
	return rc;
}

/* What of the session has a part in what we read, and how long it may take; for this transaction
 * alone, since a pooler may give the next one another session. */
static int begin_transaction(struct rows_postgres *r, struct err *err)
{
	AUTO(buf) struct buf sql = BUF_INIT(TRANSACTION_MAX);
	int rc = 0;

	buf_puts(&sql, "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;"
		       "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC';"
		       "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex';");
	pg_put_limits(&sql, ROWS_STATEMENT_US, ROWS_LOCK_US);
	/* Bytes of no known encoding are looked at row by row, and not refused with the page. */
	const char *encoding = PQparameterStatus(r->conn, "server_encoding");
	if (encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0)
		buf_puts(&sql, "; SET LOCAL client_encoding = 'SQL_ASCII'");
	if (PQsendQuery(r->conn, buf_str(&sql)) == 0)
		return fail(r, NULL, err);
	r->is_waiting = true;
	while (rc == 0) {
		AUTO(pg_result) PGresult *result = NULL;
		rc = pg_next(r->conn, clock_boot_us() + CONTROL_US, &result, err);
		if (rc != 0)
			r->rows.may_pass = true;
		else if (result == NULL)
			break;
		else if (PQresultStatus(result) != PGRES_COMMAND_OK &&
			 PQresultStatus(result) != PGRES_TUPLES_OK)
			rc = fail(r, result, err);
	}
	r->is_waiting = false;
	return rc;
}

/* The next result; ROWS_END behind the last row; ROWS_TOO_LONG. */
static int fetch(struct rows_postgres *r, struct err *err)
{
	forget_row(r);
	int rc = pg_next(r->conn, clock_boot_us() + ANSWER_US, &r->row, err);
	if (rc != 0) {
		r->rows.may_pass = true;
		return rc;
	}
	if (r->row == NULL) {
		r->is_waiting = false;
		return ROWS_END;
	}
	switch ((int)PQresultStatus(r->row)) {
	case PGRES_SINGLE_TUPLE:
		return 0;
	case PGRES_TUPLES_OK: /* no more rows; the columns are in it all the same */
		return ROWS_END;
	default:
		return pg_had_no_memory(r->row) ? ROWS_TOO_LONG : fail(r, r->row, err);
	}
}

/* What was not read yet is of no use. */
static void drain(struct rows_postgres *r)
{
	struct err err = ERR_INIT;
	int rc = 0;

	if (r->is_waiting && r->row != NULL && PQresultStatus(r->row) == PGRES_SINGLE_TUPLE)
		pg_cancel(r->conn);
	while (r->is_waiting && rc == 0) {
		forget_row(r);
		rc = pg_next(r->conn, clock_boot_us() + CONTROL_US, &r->row, &err);
		if (rc == 0 && r->row == NULL)
			r->is_waiting = false;
	}
	forget_row(r);
}

/* ---- pages ---- */

/* Texts of all parameters, in the order of the statement; `values` has room for them. */
static void take_values(struct rows_postgres *r, const struct rows_mark *after, const char *n,
			const char **values)
{
	for (size_t i = 0; i < statement_n(r->rows.query); i++) {
		switch (statement_role(r->rows.query, i)) {
		case STATEMENT_PAGE_SIZE:
			values[i] = n;
			break;
		case STATEMENT_CURSOR:
			values[i] = after->is_set ? buf_str(&after->text) : r->start;
			break;
		case STATEMENT_VALUE:
			values[i] = r->rows.values[i];
			break;
		}
	}
}

/* The server says of which type the cursor is, and so what is before all of its values. */
static int find_start(struct rows_postgres *r, struct err *err)
{
	AUTO(pg_result) PGresult *prepared = NULL;
	AUTO(pg_result) PGresult *described = NULL;
	int64_t deadline_us = clock_boot_us() + CONTROL_US;

	if (PQsendPrepare(r->conn, "", statement_sql(r->rows.query), 0, NULL) == 0)
		return fail(r, NULL, err);
	int rc = pg_next(r->conn, deadline_us, &prepared, err);
	r->is_waiting = true;
	if (rc == 0)
		drain(r);
	if (rc == 0 && PQresultStatus(prepared) != PGRES_COMMAND_OK)
		return fail(r, prepared, err);
	if (rc == 0 && PQsendDescribePrepared(r->conn, "") == 0)
		return fail(r, NULL, err);
	if (rc == 0)
		rc = pg_next(r->conn, deadline_us, &described, err);
	r->rows.may_pass = rc != 0;
	if (rc != 0)
		return rc;
	r->is_waiting = true;
	drain(r);
	if (PQresultStatus(described) != PGRES_COMMAND_OK)
		return fail(r, described, err);
	Oid oid = PQparamtype(described, statement_find(r->rows.query, STATEMENT_CURSOR));
	const struct pg_type *type = find_type(oid);
	if (type == NULL || type->start == NULL)
		return ERR(err, ERR_CONFIG,
			   "source.postgres.cursor: %s is compared with a value of type %s, of "
			   "which it is not known where it begins; cast both to text",
			   r->rows.job->source.database.cursor,
			   type == NULL ? "that is not built in" : type->name);
	r->start = xstrdup(type->start);
	return 0;
}

static int send(struct rows_postgres *r, const char *sql, const struct rows_mark *after, int64_t n,
		struct err *err)
{
	size_t n_values = statement_n(r->rows.query);
	const char **values = xcalloc(n_values + 1, sizeof(*values));
	char number[NUMBER_MAX];

	(void)snprintf(number, sizeof(number), "%lld", (long long)n); /* fits */
	take_values(r, after, number, values);
	int is_sent = PQsendQueryParams(r->conn, sql, (int)n_values, NULL, values, NULL, NULL, 0);
	free((void *)values);
	if (is_sent == 0 || PQsetSingleRowMode(r->conn) == 0)
		return fail(r, NULL, err);
	r->is_waiting = true;
	return 0;
}

static void take_columns(struct rows_postgres *r)
{
	size_t n = (size_t)PQnfields(r->row);

	rows_set_columns(&r->rows, n);
	for (size_t i = 0; i < n; i++) {
		const struct pg_type *type = find_type(PQftype(r->row, (int)i));
		char other[WORDS_MAX];
		(void)snprintf(other, sizeof(other), "%u (its number in pg_type)",
			       PQftype(r->row, (int)i)); /* fits */
		r->rows.columns[i].name = xstrdup(PQfname(r->row, (int)i));
		r->rows.columns[i].type = xstrdup(type == NULL ? other : type->name);
	}
}

/* In a transaction, with what is needed to send the query. */
static int prepare(struct rows_postgres *r, const struct rows_mark *after, struct err *err)
{
	r->rows.may_pass = false;
	int rc = begin_transaction(r, err);
	if (rc == 0 && !after->is_set && r->start == NULL)
		rc = find_start(r, err);
	return rc;
}

static int postgres_begin(struct rows *rows, const struct rows_mark *after, int64_t n,
			  struct err *err)
{
	struct rows_postgres *r = of(rows);
	int rc = prepare(r, after, err);

	if (rc == 0)
		rc = send(r, statement_sql(rows->query), after, n, err);
	if (rc == 0)
		rc = fetch(r, err);
	if (rc < 0 || rc == ROWS_TOO_LONG)
		return rc;
	if (r->row != NULL)
		take_columns(r);
	r->has_row = rc == 0;
	return 0;
}

static int postgres_next(struct rows *rows, const struct rows_cell **ret_cells, struct err *err)
{
	struct rows_postgres *r = of(rows);

	if (!r->has_row) {
		if (!r->is_waiting || (r->row != NULL && PQresultStatus(r->row) == PGRES_TUPLES_OK))
			return ROWS_END;
		int rc = fetch(r, err);
		if (rc != 0)
			return rc;
	}
	r->has_row = false;
	for (size_t i = 0; i < rows->n_columns; i++) {
		int column = (int)i;
		bool is_null = PQgetisnull(r->row, 0, column) != 0;
		rows->cells[i] = (struct rows_cell){.kind = is_null ? ROWS_NULL : ROWS_TEXT,
						    .text = PQgetvalue(r->row, 0, column),
						    .len = (size_t)PQgetlength(r->row, 0, column)};
	}
	*ret_cells = rows->cells;
	return 0;
}

static void postgres_end(struct rows *rows)
{
	struct rows_postgres *r = of(rows);
	struct err err = ERR_INIT;

	drain(r);
	/* When that fails the next page says so: it begins with this session. */
	(void)say(r, "ROLLBACK", &err);
}

static void put_identifier(struct buf *out, const char *name)
{
	buf_putc(out, '"');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '"')
			buf_putc(out, '"');
		buf_putc(out, *p);
	}
	buf_putc(out, '"');
}

/* The cursors alone of what the query gives: with `order`, the query the other way round, of which
 * the first row is the last. */
static void put_keys(const char *sql, const char *cursor, const struct sql_order *order,
		     struct buf *out)
{
	size_t len = strlen(sql);

	while (len > 0 && strchr(" \t\r\n;", sql[len - 1]) != NULL)
		len--;
	buf_puts(out, "SELECT q.");
	put_identifier(out, cursor);
	buf_puts(out, " FROM (");
	if (order == NULL) {
		buf_put(out, sql, len);
	} else {
		buf_put(out, sql, order->column_end);
		buf_puts(out, " DESC");
		buf_put(out, sql + order->asc_end, len - order->asc_end);
	}
	buf_puts(out, "\n) AS q");
}

static int take_mark(struct rows_postgres *r, struct rows_mark *ret_mark, struct err *err)
{
	int rc = fetch(r, err);

	if (rc == ROWS_TOO_LONG)
		return ERR(err, ERR_DATA, "a value of the cursor %s has more than %d MiB",
			   r->rows.job->source.database.cursor, ROWS_BYTES_MAX >> 20);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	int column = -1;
	for (int i = 0; i < PQnfields(r->row); i++)
		if (strcmp(PQfname(r->row, i), r->rows.job->source.database.cursor) == 0)
			column = i;
	if (column < 0)
		return ERR(err, ERR_CONFIG, "the query gives no column '%s'",
			   r->rows.job->source.database.cursor);
	if (PQgetisnull(r->row, 0, column) != 0)
		return ERR(err, ERR_DATA, "the cursor %s is null in a row",
			   r->rows.job->source.database.cursor);
	const struct rows_cell cell = {.kind = ROWS_TEXT,
				       .text = PQgetvalue(r->row, 0, column),
				       .len = (size_t)PQgetlength(r->row, 0, column)};
	rows_mark_set(ret_mark, &cell);
	return 0;
}

struct mark_query {
	const struct buf *sql;
	const struct rows_mark *after;
	int64_t n; /* its page size */
};

/* The first row of a query about cursors, which is the mark. */
static int ask_mark(struct rows_postgres *r, const struct mark_query *query,
		    struct rows_mark *ret_mark, struct err *err)
{
	int rc = buf_check(query->sql, "a query", err);

	if (rc == 0)
		rc = prepare(r, query->after, err);
	if (rc == 0)
		rc = send(r, buf_str(query->sql), query->after, query->n, err);
	if (rc == 0)
		rc = take_mark(r, ret_mark, err);
	if (rc == 0)
		postgres_end(&r->rows);
	return rc;
}

static int postgres_key(struct rows *rows, const struct rows_mark *after,
			struct rows_mark *ret_mark, struct err *err)
{
	const char *sql = statement_sql(rows->query);
	AUTO(buf) struct buf keys = BUF_INIT(strlen(sql) + KEYS_MAX);
	const struct mark_query query = {.sql = &keys, .after = after, .n = 1};

	put_keys(sql, rows->job->source.database.cursor, NULL, &keys);
	return ask_mark(of(rows), &query, ret_mark, err);
}

static int postgres_last(struct rows *rows, const struct rows_mark *after,
			 struct rows_mark *ret_mark, struct err *err)
{
	const char *sql = statement_sql(rows->query);
	const char *cursor = rows->job->source.database.cursor;
	struct sql_order order = {0};
	bool is_plain = sql_find_order(sql, &order);
	AUTO(buf) struct buf keys = BUF_INIT(strlen(sql) + KEYS_MAX);
	const struct mark_query query = {
		.sql = &keys, .after = after, .n = is_plain ? 1 : INT64_MAX};

	put_keys(sql, cursor, is_plain ? &order : NULL, &keys);
	if (!is_plain) {
		buf_puts(&keys, " ORDER BY q.");
		put_identifier(&keys, cursor);
		buf_puts(&keys, " DESC LIMIT 1");
	}
	return ask_mark(of(rows), &query, ret_mark, err);
}

/* ---- opening ---- */

static void postgres_close(struct rows *rows)
{
	struct rows_postgres *r = of(rows);

	PQclear(r->row);
	pg_close(r->conn);
	rows_done(rows);
	free(r->start);
	free(r);
}

static const struct rows_ops postgres_ops = {.close = postgres_close,
					     .begin = postgres_begin,
					     .next = postgres_next,
					     .end = postgres_end,
					     .key = postgres_key,
					     .last = postgres_last,
					     .misfits = postgres_misfits};

static int open_connection(struct rows_postgres *r, const struct rows_options *options,
			   struct err *err)
{
	struct buf url = BUF_INIT(DATABASE_URL_MAX);
	enum pg_class class = PG_OTHER;

	(void)buf_reserve(&url, DATABASE_URL_MAX); /* or growing would leave copies */
	int rc = database_url_put(options->job, options->job->source.database.url, options->run,
				  &url, err);
	if (rc == 0) {
		const struct pg_options to = {.uri = buf_str(&url), .application = "stint/reader"};
		rc = pg_open(&to, &r->conn, &class, err);
	}
	if (rc != 0)
		r->rows.may_pass = may_pass(class);
	if (url.data != NULL)
		explicit_bzero(url.data, url.cap);
	buf_done(&url);
	return rc;
}

int rows_open_postgres(const struct rows_options *options, struct rows **ret_rows,
		       bool *ret_may_pass, struct err *err)
{
	struct rows_postgres *r = xnew(struct rows_postgres);

	r->rows.ops = &postgres_ops;
	int rc = rows_init(&r->rows, options, STATEMENT_POSTGRES, err);
	if (rc == 0)
		rc = open_connection(r, options, err);
	*ret_may_pass = r->rows.may_pass;
	if (rc != 0)
		postgres_close(&r->rows);
	else
		*ret_rows = &r->rows;
	return rc;
}
