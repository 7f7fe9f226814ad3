/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain SQL for people's verbs, for reading only.
 *
 * Rows come one at a time as texts, in a transaction that cannot write; nothing is kept of them, so
 * that a result may be as long as it likes. While one is under way, the connection can do nothing
 * else: a query from within its rows has a connection of its own.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/postgres/postgres.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_VARBIT = 1562,
	SQL_BYTES_MAX = 64 * 1024,
	PARAMS_MAX = 32,
	NUMBER_BYTES = 24,
	COLUMNS_MAX = 64
};

struct pl_row {
	struct ledger_row base;
	const PGresult *rows;
	struct buf *decoded; /* a buffer for each column that is not text */
};

static const struct pl_row *pl_row_of(const struct ledger_row *row)
{
	return (const void *)row; /* its first member */
}

/* "0110…" as SQLite has it: eight to a byte, the first highest. */
static void pl_put_bits(struct buf *out, const char *digits)
{
	for (; digits[0] != '\0';) {
		unsigned byte = 0;
		for (unsigned i = 0; i < 8 && digits[0] != '\0'; i++, digits++)
			byte |= (unsigned)(digits[0] == '1') << (7 - i);
		buf_putc(out, (char)byte);
	}
}

static void pl_put_bytes(struct buf *out, const char *escaped)
{
	size_t len = 0;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *)escaped, &len);

	if (bytes == NULL)
		mem_give_up(1, strlen(escaped));
	buf_put(out, bytes, len);
	PQfreemem(bytes);
}

static const char *pl_row_text(const struct ledger_row *row, int column, size_t *ret_len)
{
	const struct pl_row *r = pl_row_of(row);
	size_t unused = 0;
	size_t *len = ret_len != NULL ? ret_len : &unused;

	*len = 0;
	if (PQgetisnull(r->rows, 0, column) == 1)
		return NULL;
	const char *text = PQgetvalue(r->rows, 0, column);
	*len = (size_t)PQgetlength(r->rows, 0, column);
	Oid type = PQftype(r->rows, column);
	if (type == OID_BOOL)
		return text[0] == 't' ? "1" : "0";
	if (type != OID_BYTEA && type != OID_VARBIT)
		return text;
	struct buf *decoded = &r->decoded[column];
	if (decoded->len == 0 && type == OID_BYTEA)
		pl_put_bytes(decoded, text);
	else if (decoded->len == 0)
		pl_put_bits(decoded, text);
	*len = decoded->len;
	return buf_str(decoded);
}

static int64_t pl_row_int(const struct ledger_row *row, int column)
{
	const char *text = pl_row_text(row, column, NULL);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static double pl_row_real(const struct ledger_row *row, int column)
{
	const char *text = pl_row_text(row, column, NULL);

	return text == NULL ? 0 : strtod(text, NULL);
}

static bool pl_row_is_null(const struct ledger_row *row, int column)
{
	return PQgetisnull(pl_row_of(row)->rows, 0, column) == 1;
}

static int pl_row_columns(const struct ledger_row *row)
{
	return PQnfields(pl_row_of(row)->rows);
}

static const char *pl_row_name(const struct ledger_row *row, int column)
{
	return PQfname(pl_row_of(row)->rows, column);
}

static const struct ledger_row_face face = {
	.text = pl_row_text,
	.number = pl_row_int,
	.real = pl_row_real,
	.is_null = pl_row_is_null,
	.columns = pl_row_columns,
	.name = pl_row_name,
};

/* ?1 becomes $1, outside of quotes. */
static void pl_put_sql(struct buf *out, const char *sql)
{
	char quote = '\0';

	for (; *sql != '\0'; sql++) {
		if (quote == '\0' && (*sql == '\'' || *sql == '"'))
			quote = *sql;
		else if (*sql == quote)
			quote = '\0';
		buf_putc(out, quote == '\0' && *sql == '?' ? '$' : *sql);
	}
}

/* The parameters as libpq takes them. */
struct pl_params {
	Oid types[PARAMS_MAX];
	const char *values[PARAMS_MAX];
	char numbers[PARAMS_MAX][NUMBER_BYTES];
};

static void pl_params_fill(struct pl_params *p, const struct ledger_param *params, size_t n)
{
	assert(n <= PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		bool is_int = params[i].type == LEDGER_INT;
		(void)snprintf(p->numbers[i], NUMBER_BYTES, "%lld",
			       (long long)params[i].number); /* fits */
		p->types[i] = is_int ? OID_INT8 : OID_TEXT;
		p->values[i] = is_int ? p->numbers[i] : params[i].text;
	}
}

/* A query under way. */
struct pl_selecting {
	struct pl *q;
	PGconn *conn;
	ledger_row_fn fn;
	void *arg;
	int answer; /* of fn; not 0: it wants no more */
};

static int pl_select_send(const struct pl_selecting *s, const char *sql,
			  const struct ledger_param *params, size_t n)
{
	AUTO(buf) struct buf text = BUF_INIT(SQL_BYTES_MAX);
	struct pl_params p = {0};

	pl_put_sql(&text, sql);
	pl_params_fill(&p, params, n);
	if (text.failed)
		return pl_fail_text(s->q, "54000", "the query is too long");
	if (PQsendQueryParams(s->conn, "BEGIN READ ONLY", 0, NULL, NULL, NULL, NULL, 0) != 1 ||
	    PQsendQueryParams(s->conn, buf_str(&text), (int)n, p.types, p.values, NULL, NULL, 0) !=
		    1 ||
	    PQsendQueryParams(s->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) != 1 ||
	    PQpipelineSync(s->conn) != 1)
		return pl_fail_text(s->q, "", "%s", PQerrorMessage(s->conn));
	return 0;
}

static void pl_select_row(struct pl_selecting *s, const PGresult *rows)
{
	struct buf decoded[COLUMNS_MAX];
	struct pl_row row = {.base = {&face}, .rows = rows, .decoded = decoded};
	int n = PQnfields(rows);

	assert(n <= COLUMNS_MAX);
	for (int i = 0; i < n; i++)
		decoded[i] = BUF_INIT((size_t)PQgetlength(rows, 0, i) + 1);
	s->answer = s->fn(s->arg, &row.base);
	for (int i = 0; i < n; i++)
		buf_done(&decoded[i]);
}

/* Every result up to the end of the pipeline. After a failure the server skips the rest, and the
 * transaction is undone by it. */
static int pl_select_read(struct pl_selecting *s)
{
	int rc = 0;
	int statement = 0;

	for (bool is_over = false; !is_over;) {
		if (statement == 1)
			(void)PQsetSingleRowMode(s->conn); /* no harm where it comes too late */
		AUTO(pl_rows) PGresult *rows = PQgetResult(s->conn);
		ExecStatusType status = PQresultStatus(rows);
		if (rows == NULL && PQstatus(s->conn) == CONNECTION_BAD)
			return pl_fail_text(s->q, "", "the connection was lost");
		is_over = status == PGRES_PIPELINE_SYNC;
		statement += rows == NULL ? 1 : 0;
		if (status == PGRES_SINGLE_TUPLE && s->answer == 0)
			pl_select_row(s, rows);
		if (status == PGRES_FATAL_ERROR && rows != NULL)
			rc = pl_fail_text(
				s->q, pl_or_empty(PQresultErrorField(rows, PG_DIAG_SQLSTATE)), "%s",
				pl_or_empty(PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY)));
	}
	return rc;
}

/* The transaction that a failure has left open. */
static int pl_select_undo(PGconn *conn)
{
	if (PQstatus(conn) != CONNECTION_OK)
		return PL_FAILED;
	if (PQtransactionStatus(conn) == PQTRANS_IDLE)
		return 0;
	if (PQsendQueryParams(conn, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0) != 1 ||
	    PQpipelineSync(conn) != 1)
		return PL_FAILED;
	for (;;) {
		AUTO(pl_rows) PGresult *rows = PQgetResult(conn);
		if (PQresultStatus(rows) == PGRES_PIPELINE_SYNC)
			return 0;
		if (rows == NULL && PQstatus(conn) == CONNECTION_BAD)
			return PL_FAILED;
	}
}

/* The ledger's connection, or, while it is busy with an outer query, one more. */
static PGconn *pl_select_connection(struct pl *q)
{
	if (!q->is_selecting)
		return pl_ready(q) < 0 ? NULL : q->conn;
	PGconn *conn = pl_connect(q);
	if (conn != NULL && PQenterPipelineMode(conn) != 1) {
		pg_close(conn);
		return NULL;
	}
	return conn;
}

static int pl_select_err(struct pl *q, struct err *err)
{
	enum pg_class class = pg_class_of(q->sqlstate);

	if (class == PG_STATEMENT || class == PG_ABSENT || class == PG_STANDBY ||
	    class == PG_DENIED)
		return ERR(err, ERR_LEDGER, "the query cannot be read: %s", q->text);
	return pl_err(q, err);
}

/* lint: allow parameters: the face has them */
int pl_select(struct ledger *ledger, const char *sql, const struct ledger_param *params, size_t n,
	      ledger_row_fn fn, void *arg, struct err *err)
{
	struct pl *q = pl_of(ledger);
	struct pl_selecting s = {.q = q, .fn = fn, .arg = arg};
	bool is_inner = q->is_selecting;

	pl_forget(q);
	s.conn = pl_select_connection(q);
	if (s.conn == NULL)
		return pl_err(q, err);
	q->is_selecting = true;
	int rc = pl_select_send(&s, sql, params, n);
	if (rc == 0)
		rc = pl_select_read(&s);
	if (pl_select_undo(s.conn) < 0 && !is_inner)
		pl_disconnect(q);
	if (is_inner)
		pg_close(s.conn);
	q->is_selecting = is_inner;
	if (rc < 0 && s.answer == 0)
		return pl_select_err(q, err);
	return s.answer;
}
