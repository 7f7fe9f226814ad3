/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements in a pipeline: queued, answered in order, each prepared once on a connection.
 *
 * All parameters and results are binary: numbers are as cheap as in C, bodies and bitmaps are not
 * written out as text.
 */
#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

enum {
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_INT8_ARRAY = 1016,
	OID_VARBIT = 1562,
	NAME_CHARS = 16,
	EXPECTED_FIRST = 64,
	SCRATCH_MAX = 1 << 26,
	INT8_BYTES = 8
};

struct pl_value pl_text_value(const char *s)
{
	return (struct pl_value){.type = PL_TYPE_TEXT,
				 .is_null = s == NULL,
				 .data = s,
				 .len = s == NULL ? 0 : strlen(s)};
}

struct pl_value pl_int_value(int64_t x)
{
	return (struct pl_value){.type = PL_TYPE_INT, .is_null = x == 0, .number = x};
}

const char *pl_or_empty(const char *s)
{
	return s == NULL ? "" : s;
}

/* ---- failures ---- */

int pl_fail_text(struct pl *q, const char *sqlstate, const char *fmt, ...)
{
	va_list ap;

	if (q->has_failed)
		return PL_FAILED; /* the first failure is the one to tell */
	q->has_failed = true;
	q->failed_stage = q->stage;
	q->failed_op = q->op;
	(void)snprintf(q->sqlstate, sizeof(q->sqlstate), "%s", sqlstate); /* has its length */
	va_start(ap, fmt);
	(void)vsnprintf(q->text, sizeof(q->text), fmt, ap); /* may be cut */
	va_end(ap);
	return PL_FAILED;
}

static void pl_trim(char *text)
{
	for (size_t len = strlen(text); len > 0 && text[len - 1] == '\n'; len--)
		text[len - 1] = '\0';
}

int pl_fail(struct pl *q, const PGresult *rows)
{
	const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
	const char *words = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(q->conn) == CONNECTION_BAD && state == NULL)
		words = PQerrorMessage(q->conn);
	(void)pl_fail_text(q, state == NULL ? "" : state, "%s",
			   words == NULL || words[0] == '\0' ? "the connection was lost" : words);
	pl_trim(q->text);
	return PL_FAILED;
}

void pl_forget(struct pl *q)
{
	q->has_failed = false;
	q->sqlstate[0] = '\0';
	q->text[0] = '\0';
	q->failed_op = NULL;
}

bool pl_failed_with(const struct pl *q, const char *sqlstate)
{
	return q->has_failed && strcmp(q->sqlstate, sqlstate) == 0;
}

enum ledger_status pl_status(const struct pl *q)
{
	/* Safety: once COMMIT was on its way, a connection that is gone says nothing. */
	if (q->is_commit_sent && (q->conn == NULL || PQstatus(q->conn) == CONNECTION_BAD))
		return FAULT("ledger.unknown") ? LEDGER_BROKEN : LEDGER_UNKNOWN;
	enum pg_class class = pg_class_of(q->sqlstate);
	if (class == PG_LOST && FAULT("ledger.away"))
		return LEDGER_BROKEN;
	if ((class == PG_LOGIN || class == PG_CROWDED || class == PG_FULL) &&
	    FAULT("ledger.refused"))
		return LEDGER_BROKEN;
	if ((class == PG_CONFLICT || class == PG_LOCKED) && FAULT("ledger.conflict"))
		return LEDGER_BROKEN;
	switch (class) {
	case PG_LOST:
	case PG_STANDBY:
	case PG_CROWDED:
	case PG_CONFLICT:
	case PG_LOCKED:
	case PG_CANCELLED:
	case PG_SHORT:
	case PG_LOGIN:
	case PG_NO_DATABASE:
		return LEDGER_BUSY;
	case PG_FULL:
		return LEDGER_NO_SPACE;
	/* A fault in stint, in the schema or in the server: nothing is written there any more. */
	case PG_DENIED:
	case PG_ABSENT:
	case PG_STATEMENT:
	case PG_DATA:
	case PG_CONSTRAINT:
	case PG_SERVER:
	case PG_OTHER:
		break;
	}
	return LEDGER_BROKEN;
}

int pl_err(const struct pl *q, struct err *err)
{
	int code = pg_class_code(pg_class_of(q->sqlstate));

	if (code == ERR_DATA || code == ERR_CONFIG || code == ERR_UNAVAILABLE)
		code = code == ERR_UNAVAILABLE ? ERR_TEMP : ERR_LEDGER;
	err_set(err, code, 0, "ledger %s: %s%s%s%s", q->shown, q->text,
		q->sqlstate[0] == '\0' ? "" : " (", q->sqlstate, q->sqlstate[0] == '\0' ? "" : ")");
	return code;
}

int pl_lost(struct ledger_txn *txn, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* may be cut */
	va_end(ap);
	err_set(&txn->err, ERR_TEMP, 0, "%s", text);
	return LEDGER_LOST;
}

/* ---- sending ---- */

static struct pl_expected *pl_expect(struct pl *q)
{
	if (q->n_expected == q->cap_expected) {
		q->cap_expected = q->cap_expected == 0 ? EXPECTED_FIRST : 2 * q->cap_expected;
		q->expected = xrealloc(q->expected, q->cap_expected, sizeof(*q->expected));
	}
	struct pl_expected *e = &q->expected[q->n_expected++];
	*e = (struct pl_expected){.stage = q->stage, .op = q->op};
	return e;
}

static struct pl_cached *pl_slot(struct pl *q, const char *sql)
{
	size_t at = (size_t)((uintptr_t)sql >> 4) % PL_CACHE_SLOTS;

	for (size_t i = 0; i < PL_CACHE_SLOTS; i++, at = (at + 1) % PL_CACHE_SLOTS) {
		if (q->cache[at].sql == NULL)
			q->cache[at].sql = sql;
		if (q->cache[at].sql == sql)
			return &q->cache[at];
	}
	unreachable("more statements than places for them");
}

static Oid pl_oid(enum pl_type type)
{
	switch (type) {
	case PL_TYPE_INT:
		return OID_INT8;
	case PL_TYPE_TEXT:
		return OID_TEXT;
	case PL_TYPE_BLOB:
		return OID_BYTEA;
	case PL_TYPE_BITS:
		return OID_VARBIT;
	case PL_TYPE_INTS:
		return OID_INT8_ARRAY;
	}
	return 0;
}

/* As the server has numbers: the highest byte first. */
static void pl_put_32(struct buf *out, uint32_t x)
{
	x = htobe32(x);
	buf_put(out, &x, sizeof(x));
}

static void pl_put_64(struct buf *out, uint64_t x)
{
	x = htobe64(x);
	buf_put(out, &x, sizeof(x));
}

static void pl_put_ints(struct buf *out, const int64_t *numbers, int64_t n)
{
	pl_put_32(out, 1); /* dimensions */
	pl_put_32(out, 0); /* no nulls */
	pl_put_32(out, OID_INT8);
	pl_put_32(out, (uint32_t)n);
	pl_put_32(out, 1); /* the first index */
	for (int64_t i = 0; i < n; i++) {
		pl_put_32(out, INT8_BYTES);
		pl_put_64(out, (uint64_t)numbers[i]);
	}
}

/* Text that PostgreSQL takes: what is no UTF-8 becomes U+FFFD. */
static void pl_put_text(struct buf *out, const char *text, size_t len)
{
	while (len > 0) {
		size_t good = utf8_find_bad(text, len);
		buf_put(out, text, good);
		if (good == len)
			return;
		utf8_put(out, UTF8_REPLACEMENT);
		text += good + 1;
		len -= good + 1;
	}
}

struct pl_bound {
	const char *values[PL_ARGS_MAX];
	int lengths[PL_ARGS_MAX];
	int formats[PL_ARGS_MAX];
	Oid types[PL_ARGS_MAX];
	size_t offsets[PL_ARGS_MAX]; /* in scratch, + 1; 0: values[i] is right already */
};

static void pl_bind(struct pl *q, struct pl_bound *bound, const struct pl_value *value, size_t i)
{
	struct buf *scratch = &q->scratch;
	size_t from = scratch->len;

	bound->formats[i] = 1;
	bound->types[i] = pl_oid(value->type);
	bound->offsets[i] = 0;
	bound->values[i] = NULL;
	bound->lengths[i] = 0;
	if (value->is_null)
		return;
	switch (value->type) {
	case PL_TYPE_INT:
		pl_put_64(scratch, (uint64_t)value->number);
		break;
	case PL_TYPE_TEXT:
		if (utf8_find_bad(value->data, value->len) < value->len) {
			pl_put_text(scratch, value->data, value->len);
			break;
		}
		bound->values[i] = value->data;
		bound->lengths[i] = (int)value->len;
		return;
	case PL_TYPE_BLOB:
		bound->values[i] = value->len == 0 ? "" : value->data;
		bound->lengths[i] = (int)value->len;
		return;
	case PL_TYPE_BITS:
		pl_put_32(scratch, (uint32_t)value->number);
		if (value->data != NULL)
			buf_put(scratch, value->data, BITS_BYTES(value->number));
		else
			memset(buf_reserve(scratch, BITS_BYTES(value->number)), 0,
			       BITS_BYTES(value->number));
		if (value->data == NULL)
			buf_added(scratch, BITS_BYTES(value->number));
		break;
	case PL_TYPE_INTS:
		pl_put_ints(scratch, value->data, value->number);
		break;
	}
	bound->offsets[i] = from + 1;
	bound->lengths[i] = (int)(scratch->len - from);
}

static int pl_queue(struct pl *q, const char *sql, const struct pl_bound *b, size_t n)
{
	char name[NAME_CHARS];
	struct pl_cached *cached = pl_slot(q, sql);

	(void)snprintf(name, sizeof(name), "s%u", (unsigned)(cached - q->cache)); /* fits */
	if (cached->state == PL_NEW) {
		if (PQsendPrepare(q->conn, name, sql, (int)n, b->types) != 1)
			return pl_fail(q, NULL);
		cached->state = PL_PENDING;
		pl_expect(q)->prepares = cached;
	}
	if (PQsendQueryPrepared(q->conn, name, (int)n, b->values, b->lengths, b->formats, 1) != 1)
		return pl_fail(q, NULL);
	return 0;
}

static struct pl_expected *pl_queue_values(struct pl *q, const char *sql,
					   const struct pl_value *values, size_t n)
{
	struct pl_bound b;

	assert(n <= PL_ARGS_MAX);
	if (q->conn == NULL)
		(void)pl_fail_text(q, "", "the connection was lost"); /* told by the caller */
	if (q->has_failed)
		return NULL;
	buf_reset(&q->scratch);
	for (size_t i = 0; i < n; i++)
		pl_bind(q, &b, &values[i], i);
	assert(!q->scratch.failed);
	for (size_t i = 0; i < n; i++)
		if (b.offsets[i] != 0)
			b.values[i] = q->scratch.data + b.offsets[i] - 1;
	return pl_queue(q, sql, &b, n) < 0 ? NULL : pl_expect(q);
}

int pl_send_take(struct pl *q, const char *sql, const struct pl_value *values, size_t n,
		 pl_take_fn take)
{
	struct pl_expected *e = pl_queue_values(q, sql, values, n);

	if (e == NULL)
		return PL_FAILED;
	e->take = take;
	return 0;
}

int pl_send(struct pl *q, const char *sql, const struct pl_value *values, size_t n)
{
	return pl_send_take(q, sql, values, n, NULL);
}

/* ---- answers ---- */

static int pl_answer(struct pl *q, const struct pl_expected *e, PGresult *rows)
{
	ExecStatusType status = PQresultStatus(rows);
	enum pl_stage stage = q->stage;
	struct ledger_op *op = q->op;
	bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	int rc = 0;

	if (e->prepares != NULL)
		e->prepares->state = is_good ? PL_READY : PL_NEW;
	q->stage = e->stage;
	q->op = e->op;
	if (status == PGRES_PIPELINE_ABORTED)
		rc = PL_FAILED; /* an earlier one says why */
	else if (!is_good)
		rc = pl_fail(q, rows);
	else if (e->take != NULL)
		rc = e->take(q, q->txn, e->op, rows);
	q->stage = stage;
	q->op = op;
	return rc;
}

/* The connection is gone: nothing that was queued is answered any more. */
static int pl_answers_lost(struct pl *q)
{
	for (size_t i = q->next_expected; i < q->n_expected; i++)
		if (q->expected[i].prepares != NULL)
			q->expected[i].prepares->state = PL_NEW;
	q->n_expected = q->next_expected = 0;
	return pl_fail(q, NULL);
}

/* Everything that was queued has its answer. */
static int pl_answers(struct pl *q)
{
	while (q->next_expected < q->n_expected) {
		PGresult *rows = PQgetResult(q->conn);
		if (rows == NULL)
			return pl_answers_lost(q);
		const struct pl_expected e = q->expected[q->next_expected++];
		int rc = pl_answer(q, &e, rows);
		bool is_kept = rc == 0 && e.is_asked;
		if (is_kept)
			q->asked = rows;
		else
			PQclear(rows);
		if (PQstatus(q->conn) == CONNECTION_BAD)
			return pl_answers_lost(q);
		PGresult *end = PQgetResult(q->conn); /* NULL: the end of one statement */
		assert(end == NULL);
		PQclear(end);
	}
	q->n_expected = q->next_expected = 0;
	return q->has_failed ? PL_FAILED : 0;
}

int pl_sync(struct pl *q)
{
	if (q->conn == NULL)
		return PL_FAILED;
	if (PQpipelineSync(q->conn) != 1)
		return pl_answers_lost(q);
	(void)pl_answers(q); /* what failed is remembered */
	if (PQstatus(q->conn) == CONNECTION_BAD)
		return pl_fail(q, NULL);
	PGresult *sync = PQgetResult(q->conn);
	bool is_sync = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
	PQclear(sync);
	if (!is_sync)
		return pl_answers_lost(q);
	return q->has_failed ? PL_FAILED : 0;
}

/* Safety: with a sync, not only flushed. Without one a server counts no idle time, and who stops
 * while he looks would hold his locks for as long as he is stopped. */
int pl_drain(struct pl *q)
{
	if (q->conn == NULL || q->has_failed)
		return PL_FAILED;
	return q->n_expected == 0 ? 0 : pl_sync(q);
}

PGresult *pl_query(struct pl *q, const char *sql, const struct pl_value *values, size_t n)
{
	struct pl_expected *e = pl_queue_values(q, sql, values, n);

	if (e == NULL)
		return NULL;
	e->is_asked = true;
	q->asked = NULL;
	if (pl_drain(q) < 0) {
		PQclear(q->asked);
		q->asked = NULL;
	}
	return TAKE(q->asked);
}

void pl_rows_auto(PGresult **rows)
{
	PQclear(*rows);
}

int64_t pl_change(struct pl *q, const char *sql, const struct pl_value *values, size_t n)
{
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, values, n);

	return rows == NULL ? PL_FAILED : strtoll(PQcmdTuples(rows), NULL, 10);
}

int pl_number(struct pl *q, const char *sql, const struct pl_value *values, size_t n,
	      int64_t *ret_number)
{
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, values, n);

	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 0)
		return 0;
	*ret_number = pl_int(rows, 0, 0);
	return 1;
}

/* ---- columns ---- */

int64_t pl_int(const PGresult *rows, int row, int column)
{
	const char *at = PQgetvalue(rows, row, column);
	uint64_t big = 0;
	uint32_t mid = 0;
	uint16_t small = 0;

	if (PQgetisnull(rows, row, column) == 1)
		return 0;
	switch (PQgetlength(rows, row, column)) {
	case sizeof(big):
		memcpy(&big, at, sizeof(big));
		return (int64_t)be64toh(big);
	case sizeof(mid):
		memcpy(&mid, at, sizeof(mid));
		return (int32_t)be32toh(mid);
	case sizeof(small):
		memcpy(&small, at, sizeof(small));
		return (int16_t)be16toh(small);
	case 1: /* boolean */
		return at[0];
	}
	unreachable("a number of no known length");
}

const char *pl_text_or_null(struct arena *a, const PGresult *rows, int row, int column)
{
	if (PQgetisnull(rows, row, column) == 1)
		return NULL;
	return arena_text(a, PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column));
}

const char *pl_text(struct arena *a, const PGresult *rows, int row, int column)
{
	return pl_or_empty(pl_text_or_null(a, rows, row, column));
}

const void *pl_blob(struct arena *a, const PGresult *rows, int row, int column, size_t *ret_len)
{
	*ret_len = (size_t)PQgetlength(rows, row, column);
	if (PQgetisnull(rows, row, column) == 1)
		return NULL;
	return arena_dup(a, PQgetvalue(rows, row, column), *ret_len);
}

uint8_t *pl_bits(struct arena *a, const PGresult *rows, int row, int column, size_t n)
{
	uint8_t *bits = arena_alloc(a, BITS_BYTES(n));
	const char *at = PQgetvalue(rows, row, column);
	size_t len = (size_t)PQgetlength(rows, row, column);
	uint32_t count = 0;

	if (len == sizeof(count) + BITS_BYTES(n))
		memcpy(&count, at, sizeof(count));
	if (n > 0 && be32toh(count) == n)
		memcpy(bits, at + sizeof(count), BITS_BYTES(n));
	return bits;
}

utime pl_time(const PGresult *rows, int row, int column)
{
	return rule_utime(pl_int(rows, row, column));
}
