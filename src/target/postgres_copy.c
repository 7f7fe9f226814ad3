/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in PostgreSQL: COPY FROM STDIN, straight into the table or into one that gathers rows.
 */
#include <ctype.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "pg/pg.h"
#include "sys/clock.h"
#include "target/name.h"
#include "target/postgres.h"

enum { COPY_PIECE = 64 * 1024, ALL_NAMES_MAX = 64 * 1024 };

/* ---- what the table is ---- */

struct table_column {
	const char *name;
	const char *type;
	Oid oid;
	bool needs_value; /* not null, and without a default */
	bool is_generated;
};

static struct table_column column_of(const PGresult *result, int row)
{
	return (struct table_column){
		.name = PQgetvalue(result, row, 0),
		.type = PQgetvalue(result, row, 1),
		.oid = (Oid)strtoul(PQgetvalue(result, row, 2), NULL, 10),
		.needs_value = PQgetvalue(result, row, 3)[0] == 't',
		.is_generated = PQgetvalue(result, row, 4)[0] == 't',
	};
}

static int find_column(const PGresult *result, const char *name)
{
	for (int i = 0; i < PQntuples(result); i++)
		if (strcmp(PQgetvalue(result, i, 0), name) == 0)
			return i;
	return -1;
}

static int config_fail(struct target_fail *fail, const char *state, const char *fmt, ...)
	ST_PRINTF(3, 4);
static int config_fail(struct target_fail *fail, const char *state, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(ALL_NAMES_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	(void)snprintf(fail->state, sizeof(fail->state), "%s", state);
	return ERR(&fail->err, ERR_CONFIG, "%s (%s)", buf_str(&text), state);
}

static int fail_no_column(const struct target *t, const PGresult *result, const char *name,
			  struct target_fail *fail)
{
	AUTO(buf) struct buf all = BUF_INIT(ALL_NAMES_MAX);

	for (int i = 0; i < PQntuples(result); i++)
		buf_printf(&all, "%s%s", i > 0 ? ", " : "", PQgetvalue(result, i, 0));
	return config_fail(fail, "42703", "table %s has no column %s; it has %s", t->job->table,
			   QUOTED(name, strlen(name)), buf_str(&all));
}

/* What can never be read as the column's type. Texts may be anything, which each item shows. */
static bool fits(enum field_type type, const char *category, const char *name)
{
	bool is_whole = strcmp(name, "integer") == 0 || strcmp(name, "bigint") == 0 ||
			strcmp(name, "smallint") == 0;

	switch (category[0]) {
	case 'B':
		return type == FIELD_BOOLEAN || type == FIELD_TEXT;
	case 'D':
		return type == FIELD_DATE || type == FIELD_TIMESTAMP || type == FIELD_TEXT;
	case 'N':
		if (is_whole)
			return type == FIELD_INTEGER || type == FIELD_TEXT;
		return type == FIELD_INTEGER || type == FIELD_DECIMAL || type == FIELD_FLOAT ||
		       type == FIELD_TEXT;
	default:
		return true;
	}
}

static int check_column(const struct target *t, const PGresult *result, size_t i,
			struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	const char *name = t->job->columns[i];
	int row = find_column(result, name);

	if (row < 0)
		return fail_no_column(t, result, name, fail);
	struct table_column column = column_of(result, row);
	if (column.is_generated)
		return config_fail(fail, "428C9",
				   "column %s of %s is generated, and takes no value", name,
				   t->job->table);
	enum field_type type = t->columns.list[i].type;
	if (t->columns.list[i].is_field && !fits(type, PQgetvalue(result, row, 5), column.type))
		return config_fail(fail, "42804", "column %s of %s is %s, and %s is %s", name,
				   t->job->table, column.type, t->job->values[i],
				   field_type_name(type));
	p->columns[i].type = column.oid;
	return 0;
}

static int check_missing(const struct target *t, const PGresult *result, struct target_fail *fail)
{
	struct postgres_target *p = t->state;

	for (int i = 0; i < PQntuples(result); i++) {
		struct table_column column = column_of(result, i);
		bool is_given = false;
		for (size_t k = 0; k < t->columns.n; k++)
			is_given = is_given || strcmp(t->job->columns[k], column.name) == 0;
		if (!is_given) {
			buf_puts(&p->others, p->others.len > 0 ? ", DROP COLUMN " : "DROP COLUMN ");
			name_put(&p->others, column.name);
		}
		if (column.needs_value && !is_given)
			return config_fail(fail, "23502",
					   "column %s of %s must have a value, has no default, and "
					   "is not among columns",
					   column.name, t->job->table);
	}
	return 0;
}

static int check_table(const struct target *t, const char *quoted, struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(pg_result) PGresult *result = NULL;
	static const char sql[] =
		"SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL), a.atttypid, "
		"a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND NOT "
		"EXISTS (SELECT 1 FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid AND "
		"d.typdefault IS NOT NULL), a.attgenerated <> '', t.typcategory "
		"FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
		"WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped "
		"ORDER BY a.attnum";
	const char *values[] = {quoted};

	if (PQsendQueryParams(p->conn, sql, 1, NULL, values, NULL, NULL, 0) == 0)
		return postgres_fail(t, NULL, fail);
	int rc = postgres_end(t, &result, fail);
	if (rc < 0)
		return rc;
	p->columns = xcalloc(t->columns.n + 1, sizeof(*p->columns));
	for (size_t i = 0; rc == 0 && i < t->columns.n; i++)
		rc = check_column(t, result, i, fail);
	return rc < 0 ? rc : check_missing(t, result, fail);
}

/* ---- the statements ---- */

/* Known beforehand are the types of fields that no script may write. */
static bool is_for_binary(const struct target *t)
{
	const struct postgres_target *p = t->state;
	const char *zone = PQparameterStatus(p->conn, "TimeZone");
	bool is_utc = zone != NULL && (strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0);

	for (size_t i = 0; i < t->columns.n; i++) {
		const struct bound_column *c = &t->columns.list[i];
		bool is_free = c->is_field && t->place.job->fields[c->field].is_assigned;
		if (!binary_takes(p->columns[i].type, is_free ? FIELD_TEXT : c->type, is_utc))
			return false;
	}
	return true;
}

int postgres_open_table(struct target *t, struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(buf) struct buf quoted = BUF_INIT(POSTGRES_SQL_MAX);
	AUTO(buf) struct buf sql = BUF_INIT(POSTGRES_SQL_MAX);

	if (pg_put_name(&quoted, t->job->table, &fail->err) < 0 ||
	    check_table(t, buf_str(&quoted), fail) < 0)
		return -1;
	if (postgres_open_gather(t, buf_str(&quoted), fail) < 0)
		return -1;
	const char *into = p->gather_name != NULL ? p->gather_name : buf_str(&quoted);
	buf_printf(&sql, "COPY %s (", into);
	name_put_columns(&sql, t);
	buf_puts(&sql, p->has_number ? ", " POSTGRES_NUMBER ") FROM STDIN" : ") FROM STDIN");
	p->is_binary = is_for_binary(t);
	buf_puts(&sql, p->is_binary ? " (FORMAT binary)" : "");
	p->copy_sql = xstrdup(buf_str(&sql));
	return 0;
}

/* ---- rows ---- */

/* Sends until nothing is left to be sent. */
static int flush(const struct target *t, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	for (;;) {
		int left = PQflush(p->conn);
		if (left == 0)
			return 0;
		if (left < 0)
			return postgres_fail(t, NULL, fail);
		int64_t wait_us = t->deadline_us - clock_boot_us();
		struct pollfd fd = {.fd = PQsocket(p->conn), .events = POLLIN | POLLOUT};
		int n = wait_us <= 0 ? 0 : poll(&fd, 1, (int)(wait_us / US_PER_MS) + 1);
		if (n == 0) {
			fail->is_lost = true;
			fail->is_timeout = true;
			pg_cancel(p->conn);
			return ERR(&fail->err, ERR_TEMP, "COPY does not end in time");
		}
		if (n > 0 && (fd.revents & POLLIN) != 0 && PQconsumeInput(p->conn) == 0)
			return postgres_fail(t, NULL, fail);
	}
}

static int send_piece(const struct target *t, size_t at_least, struct target_fail *fail)
{
	struct postgres_target *p = t->state;

	if (p->out.len < at_least || p->out.len == 0)
		return 0;
	if (p->out.failed)
		return ERR(&fail->err, ERR_DATA, "an item of more than %d bytes", COPY_ROW_MAX);
	if (PQputCopyData(p->conn, p->out.data, (int)p->out.len) != 1)
		return postgres_fail(t, NULL, fail);
	buf_reset(&p->out);
	return flush(t, fail);
}

static void put_text(struct buf *out, const char *text, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c != '\\' && c != '\t' && c != '\n' && c != '\r')
			continue;
		buf_put(out, text + from, i - from);
		buf_putc(out, '\\');
		buf_putc(out, c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\\');
		from = i + 1;
	}
	buf_put(out, text + from, len - from);
}

static int put_binary_row(struct target *t, const struct target_row *row, struct target_fail *fail)
{
	struct postgres_target *p = t->state;

	binary_put_row(&p->out, t->columns.n + (p->has_number ? 1 : 0));
	for (size_t i = 0; i < t->columns.n; i++) {
		struct bound_value v = {0};
		if (bind_column(t, i, &row->item, &v, &fail->err) < 0 ||
		    binary_put(&p->out, p->columns[i].type, &v, fail) < 0)
			return -1;
	}
	if (p->has_number)
		binary_put_item(&p->out, row->item.number);
	return 0;
}

static int put_row(struct target *t, const struct target_row *row, struct target_fail *fail)
{
	struct postgres_target *p = t->state;

	for (size_t i = 0; i < t->columns.n; i++) {
		struct bound_value v = {0};
		if (i > 0)
			buf_putc(&p->out, '\t');
		if (bind_column(t, i, &row->item, &v, &fail->err) < 0)
			return -1;
		if (v.is_null)
			buf_puts(&p->out, "\\N");
		else
			put_text(&p->out, v.text, v.len);
	}
	if (p->has_number)
		buf_printf(&p->out, "\t%" PRId64, row->item.number);
	buf_putc(&p->out, '\n');
	return 0;
}

static int send_rows(struct target *t, struct target_row *const *rows, size_t n,
		     struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	int (*put)(struct target *, const struct target_row *,
		   struct target_fail *) = p->is_binary ? put_binary_row : put_row;

	for (size_t i = 0; i < n; i++) {
		arena_reset(&t->row_scratch);
		if (put(t, rows[i], fail) < 0) {
			fail->row = (int64_t)i;
			return -1;
		}
		if (send_piece(t, COPY_PIECE, fail) < 0)
			return -1;
	}
	if (p->is_binary)
		binary_put_tail(&p->out);
	return send_piece(t, 1, fail);
}

/* "COPY t, line 12, column a": which row it was, in whatever language; NO_ROW when it says none. */
static int64_t row_of_context(const PGresult *result, size_t n)
{
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);

	if (context == NULL)
		return NO_ROW;
	/* The last line that begins so: a trigger's own context stands above. */
	const char *copy = NULL;
	for (const char *at = strstr(context, "COPY "); at != NULL; at = strstr(at + 1, "COPY "))
		if (at == context || at[-1] == '\n')
			copy = at;
	if (copy == NULL)
		return NO_ROW;
	copy += 5;
	const char *comma = strstr(copy, ", ");
	if (comma == NULL)
		return NO_ROW;
	while (*comma != '\0' && *comma != '\n' && !isdigit((unsigned char)*comma))
		comma++;
	long long line = strtoll(comma, NULL, 10);
	return line >= 1 && (size_t)line <= n ? line - 1 : NO_ROW;
}

/* Tells the server that the data ends, and whether it is to be taken at all. */
static int end_copy(const struct target *t, bool is_good, size_t n, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	struct target_fail said = {.row = NO_ROW};
	bool has_failed = false;

	if (PQputCopyEnd(p->conn, is_good ? NULL : "an item cannot be written") != 1)
		return postgres_fail(t, NULL, fail);
	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_next(t, &result, &said) < 0) {
			*fail = said;
			return -1;
		}
		if (result == NULL)
			break;
		if (PQresultStatus(result) == PGRES_COMMAND_OK || has_failed)
			continue;
		has_failed = true;
		(void)postgres_fail(t, result, &said); /* the code is in it */
		said.row = row_of_context(result, n);
	}
	if (!is_good)
		return -1;
	if (has_failed)
		*fail = said;
	return has_failed ? -1 : 0;
}

int postgres_copy(struct target *t, struct target_row *const *rows, size_t n,
		  struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(pg_result) PGresult *begun = NULL;

	if (PQsendQuery(p->conn, p->copy_sql) == 0)
		return postgres_fail(t, NULL, fail);
	if (postgres_next(t, &begun, fail) < 0)
		return -1;
	if (PQresultStatus(begun) != PGRES_COPY_IN) {
		(void)postgres_fail(t, begun, fail); /* the code is in it */
		struct target_fail rest = {.row = NO_ROW};
		if (postgres_end(t, NULL, &rest) < 0 && rest.is_lost)
			*fail = rest;
		return -1;
	}
	buf_reset(&p->out);
	if (p->is_binary)
		binary_put_head(&p->out);
	bool is_good = send_rows(t, rows, n, fail) == 0;
	if (fail->is_lost)
		return -1;
	if (end_copy(t, is_good, n, fail) < 0)
		return -1;
	return p->merge_sql == NULL ? 0 : postgres_exec(t, p->merge_sql, NULL, fail);
}
