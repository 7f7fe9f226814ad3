/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "pg/fail.h"
#include "pg/uri.h"
#include "sys/clock.h"

enum { WORDS_MAX_BYTES = 2048 };

/* Options that hold whatever the URI says, */
#define FIXED_OPTIONS 6
/* and options for which it may say something else: a dead server is noticed within seconds. */
static const char *const defaults[][2] = {
	{"keepalives", "1"},	   {"keepalives_idle", "5"},	  {"keepalives_interval", "2"},
	{"keepalives_count", "3"}, {"tcp_user_timeout", "10000"},
};

/* The two arrays that libpq takes. */
struct params {
	const char **names;
	const char **values;
	size_t n;
};

static void params_put(struct params *p, const char *name, const char *value)
{
	p->names[p->n] = name;
	p->values[p->n++] = value;
}

static void params_auto(struct params *p)
{
	free(p->names);
	free(p->values);
}

/* An option that comes later in the list goes before an earlier one. */
static struct params params_make(const struct pg_options *options, const struct pg_uri *uri,
				 const struct pg_place *place)
{
	size_t max = ARRAY_LEN(defaults) + uri->n_options + FIXED_OPTIONS + 1;
	struct params p = {
		.names = (const char **)xcalloc(max, sizeof(*p.names)),
		.values = (const char **)xcalloc(max, sizeof(*p.values)),
	};

	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		params_put(&p, defaults[i][0], defaults[i][1]);
	for (size_t i = 0; i < uri->n_options; i++)
		params_put(&p, uri->options[i].name, uri->options[i].value);
	/* One place at a time, so that a dead one cannot use up the time of the others. */
	params_put(&p, "host", place->host != NULL ? place->host : "");
	params_put(&p, "hostaddr", place->address != NULL ? place->address : "");
	params_put(&p, "port", place->port != NULL ? place->port : "");
	params_put(&p, "client_encoding", "UTF8");
	params_put(&p, "application_name", options->application);
	if (options->writable)
		params_put(&p, "target_session_attrs", "read-write");
	return p;
}

static void ignore_notice(void *ctx ST_UNUSED, const PGresult *result ST_UNUSED)
{
}

/* Until the socket is ready or the time is over; 1: it is over. */
static int wait_socket(PGconn *conn, short events, int64_t deadline_us)
{
	for (;;) {
		int64_t left = deadline_us - clock_boot_us();
		struct pollfd p = {.fd = PQsocket(conn), .events = events};

		if (left <= 0)
			return 1;
		if (p.fd < 0)
			return 0; /* closed: the next call of libpq says why */

		int64_t ms = left / US_PER_MS + 1;
		int n = poll(&p, 1, ms > 60000 ? 60000 : (int)ms);

		if (n > 0 || (n < 0 && errno != EINTR))
			return 0;
	}
}

/* 0: open; 1: the time is over; 2: it failed, and libpq says why. */
static int poll_open(PGconn *conn, int64_t deadline_us)
{
	PostgresPollingStatusType wants = PGRES_POLLING_WRITING;

	if (PQstatus(conn) == CONNECTION_BAD)
		return 2;
	for (;;) {
		if (wants == PGRES_POLLING_OK)
			return 0;
		if (wants == PGRES_POLLING_FAILED)
			return 2;
		if (wait_socket(conn, wants == PGRES_POLLING_READING ? POLLIN : POLLOUT,
				deadline_us) == 1)
			return 1;
		wants = PQconnectPoll(conn);
	}
}

/* What a place said, behind what those before it said. */
static void add_words(struct buf *words, const struct err *err)
{
	buf_puts(words, words->len > 0 ? "; " : "");
	buf_puts(words, err->text);
}

static int open_place(const struct params *p, int64_t deadline_us, PGconn **ret_conn,
		      enum pg_class *ret_class, struct err *err)
{
	AUTO(pg_conn) PGconn *conn = PQconnectStartParams(p->names, p->values, 0);
	AUTO(buf) struct buf place = BUF_INIT(WORDS_MAX_BYTES);

	if (conn == NULL)
		mem_give_up(1, sizeof(void *));
	/* The only way to the SQLSTATE of a refusal. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	(void)PQsetNoticeReceiver(conn, ignore_notice, NULL);

	int end = poll_open(conn, deadline_us);

	if (end == 2)
		return pg_fail_open(conn, ret_class, err);
	if (end == 1) {
		pg_put_place(&place, conn);
		*ret_class = PG_LOST;
		return ERR(err, ERR_UNAVAILABLE, "%s does not answer in time", buf_str(&place));
	}
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(conn, 1) != 0)
		return pg_fail(conn, NULL, ret_class, err);
	*ret_conn = TAKE(conn);
	return 0;
}

static int accept_conn(const struct pg_options *options, PGconn **conn, enum pg_class *ret_class,
		       struct err *err)
{
	int rc = options->accept == NULL
			 ? 0
			 : options->accept(options->accept_arg, *conn, ret_class, err);

	if (rc < 0)
		pg_close(TAKE(*conn));
	return rc;
}

int pg_open(const struct pg_options *options, PGconn **ret_conn, enum pg_class *ret_class,
	    struct err *err)
{
	AUTO(pg_uri) struct pg_uri uri;
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX_BYTES);
	enum pg_class unused;
	enum pg_class *class = ret_class != NULL ? ret_class : &unused;
	int64_t limit_us = options->limit_us > 0 ? options->limit_us : PG_OPEN_LIMIT_US;
	int64_t end_us = clock_boot_us() + limit_us;

	*class = PG_OTHER;

	int rc = pg_uri_parse(options->uri, &uri, err);

	if (rc < 0)
		return rc;
	*class = PG_LOST;
	for (size_t i = 0; i < uri.n_places; i++) {
		AUTO(params) struct params p = params_make(options, &uri, &uri.places[i]);
		int64_t now_us = clock_boot_us();
		int64_t share_us = (end_us - now_us) / (int64_t)(uri.n_places - i);
		enum pg_class why = PG_LOST;

		if (open_place(&p, now_us + share_us, ret_conn, &why, err) == 0 &&
		    accept_conn(options, ret_conn, &why, err) == 0)
			return 0;
		/* A server that answers says more than one that does not. */
		if (why != PG_LOST)
			*class = why;
		add_words(&words, err);
	}
	return ERR(err, pg_class_code(*class), "%s", buf_str(&words));
}

void pg_close(PGconn *conn)
{
	PQfinish(conn);
}

void pg_conn_auto(PGconn **conn)
{
	PQfinish(*conn);
}

void pg_result_auto(PGresult **result)
{
	PQclear(*result);
}

/* Sends and receives until a result is there; 1: the time is over, 2: libpq says why not. */
static int pump(PGconn *conn, int64_t deadline_us)
{
	for (;;) {
		int unsent = PQflush(conn);

		if (unsent < 0)
			return 2;
		if (unsent == 0 && PQisBusy(conn) == 0)
			return 0;
		/* Reading while we send: the server may be waiting for us to read. */
		if (wait_socket(conn, (short)(POLLIN | (unsent == 1 ? POLLOUT : 0)), deadline_us) ==
		    1)
			return 1;
		if (PQconsumeInput(conn) == 0)
			return 2;
	}
}

int pg_next(PGconn *conn, int64_t deadline_us, PGresult **ret_result, struct err *err)
{
	AUTO(buf) struct buf place = BUF_INIT(WORDS_MAX_BYTES);
	int end = pump(conn, deadline_us);

	if (end == 2) {
		(void)pg_fail(conn, NULL, NULL, err); /* which is PG_LOST */
		return ERR_UNAVAILABLE;
	}
	if (end == 1) {
		pg_put_place(&place, conn);
		return ERR(err, ERR_TEMP, "%s does not answer in time", buf_str(&place));
	}
	*ret_result = PQgetResult(conn);
	return 0;
}

/* "cannot allocate memory for input buffer", "out of memory for query result" */
bool pg_had_no_memory(const PGresult *result)
{
	return result != NULL && PQresultStatus(result) == PGRES_FATAL_ERROR &&
	       PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL &&
	       strstr(PQresultErrorMessage(result), "memory") != NULL;
}

static void put_limit(struct buf *sql, const char *name, int64_t limit_us)
{
	buf_printf(sql,
		   "set_config('%s', CASE WHEN current_setting('%s')::interval BETWEEN '1 ms' AND "
		   "'%" PRId64 " ms' THEN current_setting('%s') ELSE '%" PRId64 "' END, true)",
		   name, name, limit_us / US_PER_MS, name, limit_us / US_PER_MS);
}

void pg_put_limits(struct buf *sql, int64_t statement_us, int64_t lock_us)
{
	buf_puts(sql, "SELECT ");
	put_limit(sql, "statement_timeout", statement_us);
	buf_puts(sql, ", ");
	put_limit(sql, "lock_timeout", lock_us);
}

int pg_check(PGconn *conn, const PGresult *result, enum pg_class *ret_class, struct err *err)
{
	switch (PQresultStatus(result)) {
	case PGRES_EMPTY_QUERY:
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
	case PGRES_SINGLE_TUPLE:
	case PGRES_PIPELINE_SYNC:
		return 0;
	case PGRES_BAD_RESPONSE:
	case PGRES_NONFATAL_ERROR:
	case PGRES_FATAL_ERROR:
	case PGRES_PIPELINE_ABORTED:
		break;
	}
	return pg_fail(conn, result, ret_class, err);
}

bool pg_is_cancelled(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state != NULL && pg_class_of(state) == PG_CANCELLED;
}

/* After the one result there is nothing but the end. */
static int read_to_end(PGconn *conn, int64_t deadline_us, struct err *err)
{
	for (;;) {
		AUTO(pg_result) PGresult *rest = NULL;
		int rc = pg_next(conn, deadline_us, &rest, err);

		if (rc < 0 || rest == NULL)
			return rc;
	}
}

int pg_run(PGconn *conn, const struct pg_query *query, PGresult **ret_result,
	   enum pg_class *ret_class, struct err *err)
{
	AUTO(pg_result) PGresult *result = NULL;
	enum pg_class unused;
	enum pg_class *class = ret_class != NULL ? ret_class : &unused;
	int64_t deadline_us = clock_boot_us() + query->limit_us;

	*class = PG_LOST;
	if (PQsendQueryParams(conn, query->sql, query->n_values, NULL, query->values, NULL, NULL,
			      0) == 0)
		return pg_fail(conn, NULL, class, err);

	int rc = pg_next(conn, deadline_us, &result, err);

	if (rc == 0)
		rc = read_to_end(conn, deadline_us, err);
	if (rc == ERR_TEMP)
		pg_cancel(conn);
	if (rc < 0)
		return rc;
	rc = pg_check(conn, result, class, err);
	if (rc < 0)
		return rc;
	if (ret_result != NULL)
		*ret_result = TAKE(result);
	return 0;
}
