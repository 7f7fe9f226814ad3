/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to PostgreSQL: libpq, with an end to every wait and words for every failure.
 *
 * Promise: nothing here waits longer than it is told to (but for the resolver of host names, whose
 *          limits are the system's). Failures name the server, the database and the SQLSTATE, with
 *          what the server says, and never a password. Nothing is printed by libpq.
 * Owner:   the caller, with pg_close() or AUTO(pg_conn); results with PQclear() or AUTO(pg_result).
 * Thread:  one connection, one thread at a time.
 * After a failure of class PG_LOST, and after a wait that ended by its limit, the connection is of
 * no use any more; whether a COMMIT that was under way took place is then unknown.
 */
#ifndef STINT_PG_PG_H
#define STINT_PG_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "pg/state.h"

struct buf;
struct err;

/* How long opening a connection may take where nothing else is said. */
#define PG_OPEN_LIMIT_US (10 * US_PER_S)

struct pg_options {
	const char *uri;	 /* postgres://…; it may name several hosts */
	const char *application; /* application_name: who we are, in the server's views */
	bool writable;		 /* a standby is refused, and the next host tried */
	int64_t limit_us;	 /* for all hosts together; 0: PG_OPEN_LIMIT_US */
	/* Looks at each connection first; what it refuses is closed, and the next host tried. NULL:
	 * all will do. */
	int (*accept)(void *arg, PGconn *conn, enum pg_class *ret_class, struct err *err);
	void *accept_arg;
};

/* Opens a connection, non-blocking, with UTF-8, keepalives and a limit on unanswered bytes. `class`
 * (may be NULL) is why not. */
ST_MUST_CHECK int pg_open(const struct pg_options *options, PGconn **ret_conn,
			  enum pg_class *ret_class, struct err *err);
void pg_close(PGconn *conn);
void pg_conn_auto(PGconn **conn);
void pg_result_auto(PGresult **result);

/* "database 'billing' at db1:5432", for messages. */
void pg_put_place(struct buf *out, const PGconn *conn);

/* Sends what is still to be sent, and waits for the next result; NULL as PQgetResult. A result may
 * be an error of the server: see pg_check. Fails when the connection is lost (ERR_UNAVAILABLE) or
 * `deadline_us` (clock_boot_us) is over (ERR_TEMP). */
ST_MUST_CHECK int pg_next(PGconn *conn, int64_t deadline_us, PGresult **ret_result,
			  struct err *err);

/* Whether a result is the error that libpq had no memory (proc_limit_memory) for what came: a row
 * that is too long. The connection is then of no use any more. */
bool pg_had_no_memory(const PGresult *result);

/* Appends a statement that has the present transaction stopped by the server: after `statement_us`,
 * and after `lock_us` of waiting for a lock, or sooner where an administrator has said so. */
void pg_put_limits(struct buf *sql, int64_t statement_us, int64_t lock_us);

/* 0 when the result is a success of any kind (also a COPY that may begin). Else fills `err` with
 * pg_fail. */
ST_MUST_CHECK int pg_check(PGconn *conn, const PGresult *result, enum pg_class *ret_class,
			   struct err *err);

/* Fills `err` from a result, or with NULL from the connection, and yields its code: "database 'b'
 * at h:5432: relation "x" does not exist (42P01) at character 15; hint: …". */
int pg_fail(PGconn *conn, const PGresult *result, enum pg_class *ret_class, struct err *err);

/* One statement and its only result, within `limit_us`; values as text, NULL for null. Asks the
 * server to cancel when the time is over. Never inside a pipeline. */
struct pg_query {
	const char *sql;
	int n_values;
	const char *const *values;
	int64_t limit_us;
};
ST_MUST_CHECK int pg_run(PGconn *conn, const struct pg_query *query, PGresult **ret_result,
			 enum pg_class *ret_class, struct err *err);

/* Whether the server has stopped what it did, since it was asked to or took too long. */
bool pg_is_cancelled(const PGresult *result);
/* Asks the server to stop what it does for this connection, in at most some seconds. */
void pg_cancel(PGconn *conn);

/* Appends `schema.table` or `table`, each part quoted as an identifier. ERR_CONFIG when it is
 * neither; a part may itself be written in double quotes, with "" for one, where it holds dots. */
ST_MUST_CHECK int pg_put_name(struct buf *out, const char *name, struct err *err);

#endif
