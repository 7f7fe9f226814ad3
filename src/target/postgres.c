/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets in PostgreSQL. Statements are prepared once; a transaction is two rounds to the server:
 * one that takes the marks, and one with everything else, COMMIT included. Should anything in it
 * fail, the server skips what follows, so the COMMIT too.
 */
#include "target/postgres.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/statement.h"
#include "pg/pg.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "target/marker.h"

enum { URL_BYTES_MAX = 64 * 1024, NAME_BYTES = 32, NUMBER_BYTES = 24 };

#define CANCEL_HEARD_US (2 * US_PER_S)

/* Types of the server's catalogue, which never change. */
enum {
	OID_ANY = 0,
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_JSON = 114,
	OID_FLOAT8 = 701,
	OID_DATE = 1082,
	OID_TIMESTAMPTZ = 1184,
	OID_NUMERIC = 1700
};

static const Oid type_oids[FIELD_TYPE_COUNT_] = {
	[FIELD_TEXT] = OID_ANY, /* whatever the statement takes there */
	[FIELD_INTEGER] = OID_INT8, [FIELD_DECIMAL] = OID_NUMERIC,
	[FIELD_FLOAT] = OID_FLOAT8, [FIELD_BOOLEAN] = OID_BOOL,
	[FIELD_DATE] = OID_DATE,    [FIELD_TIMESTAMP] = OID_TIMESTAMPTZ,
	[FIELD_JSON] = OID_JSON,
};

/* ---- failures ---- */

int postgres_fail(const struct target *t, const PGresult *result, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int64_t row = fail->row;

	*fail = (struct target_fail){.row = row};
	if (state != NULL)
		(void)snprintf(fail->state, sizeof(fail->state), "%s", state);
	fail->is_lost = PQstatus(p->conn) != CONNECTION_OK || state == NULL ||
			strncmp(fail->state, "57P0", 4) == 0;
	return pg_fail(p->conn, result, NULL, &fail->err);
}

int postgres_next(const struct target *t, PGresult **ret_result, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	int rc = pg_next(p->conn, t->deadline_us, ret_result, &fail->err);

	if (rc == 0)
		return 0;
	fail->is_lost = true;
	fail->is_timeout = rc == ERR_TEMP;
	if (fail->is_timeout)
		pg_cancel(p->conn);
	return rc;
}

/* Reads to the end of a statement's results; the first that is an error is told. */
int postgres_end(const struct target *t, PGresult **ret_result, struct target_fail *fail)
{
	bool has_failed = false;

	for (;;) {
		AUTO(pg_result) PGresult *result = NULL;
		if (postgres_next(t, &result, fail) < 0)
			return -1;
		if (result == NULL)
			return has_failed ? -1 : 0;
		ExecStatusType status = PQresultStatus(result);
		bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
			       status == PGRES_EMPTY_QUERY;
		if (!is_good && !has_failed && status != PGRES_PIPELINE_ABORTED)
			(void)postgres_fail(t, result, fail); /* its code is not needed */
		has_failed = has_failed || !is_good;
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
			fail->is_lost = true; /* it waits for what will not come */
			return ERR(&fail->err, ERR_CONFIG, "COPY is no statement for an item");
		}
		if (is_good && ret_result != NULL && *ret_result == NULL)
			*ret_result = TAKE(result);
	}
}

int postgres_exec(const struct target *t, const char *sql, PGresult **ret_result,
		  struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	if (PQsendQuery(p->conn, sql) == 0)
		return postgres_fail(t, NULL, fail);
	return postgres_end(t, ret_result, fail);
}

/* ---- pipelines ---- */

static int pipeline_begin(const struct target *t, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	return PQenterPipelineMode(p->conn) == 1 ? 0 : postgres_fail(t, NULL, fail);
}

static int send_prepared(const struct target *t, const char *name, int n, const char *const *values,
			 struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	if (PQsendQueryPrepared(p->conn, name, n, values, NULL, NULL, 0) == 1)
		return 0;
	return postgres_fail(t, NULL, fail);
}

/* Reads what the server says to `n` statements and to the end of the pipeline. `*ret_failed` is
 * the first that failed, `n` when none did. `taken` (may be NULL) gets their results. */
static int pipeline_end(const struct target *t, size_t n, PGresult **taken, size_t *ret_failed,
			struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	AUTO(pg_result) PGresult *end = NULL;
	size_t failed = n;

	for (size_t i = 0; i < n; i++) {
		struct target_fail ignored = {.row = NO_ROW};
		struct target_fail *to = failed == n ? fail : &ignored;
		if (postgres_end(t, taken == NULL ? NULL : &taken[i], to) == 0)
			continue;
		if (failed == n)
			failed = i;
		if (to->is_lost) {
			*ret_failed = failed;
			return -1;
		}
	}
	if (postgres_next(t, &end, fail) < 0)
		return -1;
	assert(PQresultStatus(end) == PGRES_PIPELINE_SYNC);
	if (PQexitPipelineMode(p->conn) != 1)
		return postgres_fail(t, NULL, fail);
	*ret_failed = failed;
	return failed == n ? 0 : -1;
}

/* ---- opening ---- */

static int prepare(const struct target *t, const char *name, const char *sql,
		   struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	if (PQsendPrepare(p->conn, name, sql, 0, NULL) == 0)
		return postgres_fail(t, NULL, fail);
	return postgres_end(t, NULL, fail);
}

/* First with the types of the fields; where a statement does not take these, with those that the
 * server finds. */
static int prepare_statement(struct target *t, const char *name, const struct statement *s,
			     struct target_fail *fail)
{
	struct target_fail again = {.row = NO_ROW};
	size_t n = statement_n(s);
	Oid *types = arena_alloc(&t->scratch, (n + 1) * sizeof(*types));

	for (size_t i = 0; i < n; i++) {
		enum field_type type = FIELD_TEXT;
		if (statement_type(s, i, &type))
			types[i] = type_oids[type];
	}
	const struct postgres_target *p = t->state;
	if (PQsendPrepare(p->conn, name, statement_sql(s), (int)n, types) == 0)
		return postgres_fail(t, NULL, fail);
	if (postgres_end(t, NULL, fail) == 0)
		return 0;
	if (fail->is_lost || strncmp(fail->state, "42", 2) != 0 || n == 0)
		return -1;
	if (prepare(t, name, statement_sql(s), &again) < 0)
		return -1;
	*fail = (struct target_fail){.row = NO_ROW};
	return 0;
}

static int prepare_all(struct target *t, struct target_fail *fail)
{
	char name[NAME_BYTES];

	for (size_t i = 0; i < t->n_statements; i++) {
		(void)snprintf(name, sizeof(name), "stint_%zu", i);
		if (prepare_statement(t, name, t->statements[i], fail) < 0) {
			if (fail->err.code == ERR_DATA)
				fail->err.code = ERR_CONFIG; /* a literal of the statement */
			return -1;
		}
	}
	return 0;
}

static int prepare_marks(const struct target *t, struct target_fail *fail)
{
	/* Inserts, or takes the lock of what is there, and says what it is. */
	static const char take[] =
		"INSERT INTO stint_mark AS m (ledger, run, chunk, done, void) "
		"VALUES ($1::uuid, $2::bigint, $3::bigint, $4::varbit, $4::varbit) "
		"ON CONFLICT (ledger, run, chunk) DO UPDATE SET done = m.done "
		"RETURNING done, void";
	static const char mark[] =
		"UPDATE stint_mark SET done = $4::varbit, void = $5::varbit "
		"WHERE ledger = $1::uuid AND run = $2::bigint AND chunk = $3::bigint";

	if (!t->is_marked)
		return 0;
	if (prepare(t, "stint_take", take, fail) < 0) {
		if (strcmp(fail->state, "42P01") == 0)
			return ERR(&fail->err, ERR_CONFIG, "%s", MARKER_HINT);
		return -1;
	}
	return prepare(t, "stint_mark", mark, fail);
}

static void free_state(struct target *t)
{
	struct postgres_target *p = t->state;

	pg_close(p->conn);
	free(p->copy_sql);
	free(p->merge_sql);
	free(p->gather_name);
	free(p->gather_sql);
	free(p->place_sql);
	buf_done(&p->others);
	free(p->table_name);
	free(p->columns);
	buf_done(&p->out);
	free(p);
	t->state = NULL;
}

static int connect_to(const struct target *t, struct target_fail *fail)
{
	struct postgres_target *p = t->state;
	AUTO(buf) struct buf url = BUF_INIT(URL_BYTES_MAX);
	int64_t left_us = t->deadline_us - clock_boot_us();
	enum pg_class class = PG_OTHER;

	(void)buf_reserve(&url, URL_BYTES_MAX); /* no copies that nobody wipes */
	if (target_read_url(t->place.job, &url, &fail->err) < 0)
		return -1;
	const struct pg_options options = {
		.uri = buf_str(&url),
		.application = "stint",
		.writable = true,
		.limit_us = left_us < PG_OPEN_LIMIT_US ? left_us : PG_OPEN_LIMIT_US};
	int rc = left_us <= 0 ? ERR(&fail->err, ERR_TEMP, "the time limit is over")
			      : pg_open(&options, &p->conn, &class, &fail->err);
	explicit_bzero(url.data, url.cap);
	if (rc < 0 && class == PG_LOGIN)
		memcpy(fail->state, "28000", STATE_BYTES);
	if (rc < 0 && class == PG_NO_DATABASE)
		memcpy(fail->state, "3D000", STATE_BYTES);
	if (rc < 0 && class == PG_CROWDED)
		memcpy(fail->state, "53300", STATE_BYTES);
	fail->is_lost = rc < 0;
	return rc;
}

static int postgres_open(struct target *t, struct target_fail *fail)
{
	struct postgres_target *p = xnew(struct postgres_target);

	buf_init(&p->out, COPY_ROW_MAX);
	buf_init(&p->others, POSTGRES_SQL_MAX);
	t->state = p;
	int rc = connect_to(t, fail);
	if (rc == 0)
		rc = prepare_marks(t, fail);
	arena_reset(&t->scratch);
	if (rc == 0)
		rc = t->place.job->work.kind == WORK_TABLE ? postgres_open_table(t, fail)
							   : prepare_all(t, fail);
	if (rc < 0)
		free_state(t);
	return rc;
}

/* ---- a transaction ---- */

static void bits_to_text(const uint8_t *bits, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		text[i] = bits_get(bits, i) ? '1' : '0';
	text[n] = '\0';
}

/* What names the unit: the ledger, the run and the chunk. */
static void put_names(const struct target *t, const struct target_unit *unit,
		      char run[NUMBER_BYTES], char chunk[NUMBER_BYTES], const char **values)
{
	(void)snprintf(run, NUMBER_BYTES, "%lld", (long long)t->place.run->id);
	(void)snprintf(chunk, NUMBER_BYTES, "%lld", (long long)unit->first_item);
	values[0] = t->uuid;
	values[1] = run;
	values[2] = chunk;
}

static int send_take(struct target *t, const struct target_unit *unit, struct target_fail *fail)
{
	char run[NUMBER_BYTES];
	char chunk[NUMBER_BYTES];
	char *zero = arena_alloc(&t->scratch, unit->n + 1);
	const char *values[4] = {[3] = zero};

	memset(zero, '0', unit->n);
	put_names(t, unit, run, chunk, values);
	return send_prepared(t, "stint_take", 4, values, fail);
}

static int read_mark(const struct target *t, struct target_unit *unit, const PGresult *result,
		     struct target_fail *fail)
{
	if (PQntuples(result) != 1 || (uint32_t)PQgetlength(result, 0, 0) != unit->n ||
	    (uint32_t)PQgetlength(result, 0, 1) != unit->n)
		return ERR(&fail->err, ERR_CONFIG,
			   "the mark of run %lld, chunk %lld is of a chunk of another length: is "
			   "the ledger an older copy?",
			   (long long)t->place.run->id, (long long)unit->first_item);
	for (uint32_t i = 0; i < unit->n; i++) {
		if (PQgetvalue(result, 0, 0)[i] == '1')
			bits_set(unit->done, i);
		if (PQgetvalue(result, 0, 1)[i] == '1')
			bits_set(unit->void_, i);
	}
	return 0;
}

static int postgres_begin(struct target *t, struct target_unit *const *units, size_t n,
			  struct target_fail *fail)
{
	const struct postgres_target *p = t->state;
	PGresult **taken = arena_alloc(&t->scratch, (n + 1) * sizeof(PGresult *));
	size_t failed = 0;
	size_t n_units = t->is_marked ? n : 0;

	int rc = pipeline_begin(t, fail);
	if (rc == 0 && PQsendQueryParams(p->conn, "BEGIN", 0, NULL, NULL, NULL, NULL, 0) == 0)
		rc = postgres_fail(t, NULL, fail);
	for (size_t i = 0; rc == 0 && i < n_units; i++)
		rc = send_take(t, units[i], fail);
	if (rc == 0 && PQpipelineSync(p->conn) == 0)
		rc = postgres_fail(t, NULL, fail);
	if (rc < 0) {
		fail->is_lost = true; /* half a pipeline is of no use */
		return -1;
	}
	rc = pipeline_end(t, n_units + 1, taken, &failed, fail);
	for (size_t i = 0; i < n_units; i++) {
		if (rc == 0)
			rc = read_mark(t, units[i], taken[i + 1], fail);
		PQclear(taken[i + 1]);
	}
	PQclear(taken[0]);
	return rc;
}

static int send_mark(struct target *t, struct target_unit *unit, struct target_fail *fail)
{
	char run[NUMBER_BYTES];
	char chunk[NUMBER_BYTES];
	char *done = arena_alloc(&t->scratch, unit->n + 1);
	char *void_ = arena_alloc(&t->scratch, unit->n + 1);
	const char *values[5] = {[3] = done, [4] = void_};

	for (size_t i = 0; i < BITS_BYTES(unit->n); i++) {
		unit->done[i] = unit->done[i] | unit->set[i];
		unit->void_[i] = (uint8_t)((unit->void_[i] | unit->set_void[i]) & ~unit->done[i]);
	}
	bits_to_text(unit->done, unit->n, done);
	bits_to_text(unit->void_, unit->n, void_);
	put_names(t, unit, run, chunk, values);
	return send_prepared(t, "stint_mark", 5, values, fail);
}

/* The values of a statement as the server reads them. */
static const char **make_values(struct target *t, const struct statement *s,
				const struct template_item *item, struct target_fail *fail)
{
	size_t n = statement_n(s);
	const char **values = arena_alloc(&t->row_scratch, (n + 1) * sizeof(*values));

	for (size_t i = 0; i < n; i++) {
		struct bound_value v = {0};
		if (bind_value(t, s, i, item, &v, &fail->err) < 0)
			return NULL;
		values[i] = v.is_null ? NULL : v.text;
	}
	return values;
}

static int send_row(struct target *t, const struct target_row *row, struct target_fail *fail)
{
	char name[NAME_BYTES];

	arena_reset(&t->row_scratch);
	for (size_t i = 0; i < t->n_statements; i++) {
		const struct statement *s = t->statements[i];
		const char **values = make_values(t, s, &row->item, fail);
		if (values == NULL)
			return -1;
		(void)snprintf(name, sizeof(name), "stint_%zu", i);
		if (send_prepared(t, name, (int)statement_n(s), values, fail) < 0)
			return -1;
	}
	return 0;
}

/* Before anything is sent: an item whose values cannot be made would leave half a pipeline. */
static int check_rows(struct target *t, struct target_row *const *rows, size_t n,
		      struct target_fail *fail)
{
	for (size_t i = 0; i < n; i++) {
		arena_reset(&t->row_scratch);
		for (size_t k = 0; k < t->n_statements; k++)
			if (make_values(t, t->statements[k], &rows[i]->item, fail) == NULL) {
				fail->row = (int64_t)i;
				return -1;
			}
	}
	return 0;
}

static int send_end(struct target *t, struct target_unit *const *units, size_t n_units,
		    size_t *ret_sent, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	for (size_t i = 0; t->is_marked && i < n_units; i++) {
		if (!units[i]->is_marking)
			continue;
		if (send_mark(t, units[i], fail) < 0)
			return -1;
		(*ret_sent)++;
	}
	if (PQsendQueryParams(p->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) == 0 ||
	    PQpipelineSync(p->conn) == 0)
		return postgres_fail(t, NULL, fail);
	(*ret_sent)++;
	return 0;
}

/* After the time limit: whether the server says that it has stopped, so that there is no COMMIT. */
static bool cancel_is_heard(const struct target *t)
{
	const struct postgres_target *p = t->state;
	int64_t until_us = clock_boot_us() + CANCEL_HEARD_US;
	struct err ignored = ERR_INIT;

	while (PQstatus(p->conn) == CONNECTION_OK) {
		AUTO(pg_result) PGresult *result = NULL;
		if (pg_next(p->conn, until_us, &result, &ignored) < 0 ||
		    PQresultStatus(result) == PGRES_PIPELINE_SYNC)
			return false;
		if (pg_is_cancelled(result))
			return true;
	}
	return false;
}

static int postgres_run(struct target *t, const struct target_txn *txn, struct target_fail *fail)
{
	bool is_table = t->place.job->work.kind == WORK_TABLE;
	size_t n_sql = is_table ? 0 : txn->n_rows;
	size_t sent = 0;
	size_t failed = 0;
	int rc = 0;

	if (is_table && txn->n_rows > 0 && postgres_copy(t, txn->rows, txn->n_rows, fail) < 0)
		return -1;
	if (check_rows(t, txn->rows, n_sql, fail) < 0 || pipeline_begin(t, fail) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n_sql; i++)
		rc = send_row(t, txn->rows[i], fail);
	sent = n_sql * t->n_statements;
	bool is_ended = rc == 0;
	if (rc == 0)
		rc = send_end(t, txn->units, txn->n_units, &sent, fail);
	if (rc < 0) {
		fail->is_lost = true;
		fail->is_unclear = is_ended;
		return -1;
	}
	(void)FAULT("target.commit");
	rc = pipeline_end(t, sent, NULL, &failed, fail);
	/* Only an answer to a statement before the COMMIT says that there was none. */
	fail->is_unclear = rc < 0 && fail->is_lost &&
			   (fail->state[0] == '\0' || failed + 1 >= sent) &&
			   !(fail->is_timeout && cancel_is_heard(t));
	if (rc < 0 && failed < n_sql * t->n_statements && !(fail->is_lost && !fail->is_timeout))
		fail->row = (int64_t)(failed / t->n_statements);
	return rc;
}

static void postgres_rollback(struct target *t)
{
	struct target_fail ignored = {.row = NO_ROW};

	if (postgres_exec(t, "ROLLBACK", NULL, &ignored) < 0) {
		free_state(t);
		t->is_open = false;
	}
}

static int postgres_once(struct target *t, const struct statement *s, struct target_fail *fail)
{
	const struct postgres_target *p = t->state;

	arena_reset(&t->row_scratch);
	if (statement_n(s) == 0) /* there may be several */
		return postgres_exec(t, statement_sql(s), NULL, fail);
	const char **values = make_values(t, s, NULL, fail);
	if (values == NULL)
		return -1;
	if (PQsendQueryParams(p->conn, statement_sql(s), (int)statement_n(s), NULL, values, NULL,
			      NULL, 0) == 0)
		return postgres_fail(t, NULL, fail);
	return postgres_end(t, NULL, fail);
}

const struct target_backend target_postgres = {
	.open = postgres_open,
	.close = free_state,
	.begin = postgres_begin,
	.run = postgres_run,
	.rollback = postgres_rollback,
	.once = postgres_once,
	.gather = postgres_gather,
	.place = postgres_place,
};
