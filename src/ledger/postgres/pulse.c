/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beats of an instance, on a connection of their own, which also holds the lock that says that
 * somebody is there. It does nothing else: a server notices at once that an idle client is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

enum {
	BEAT_LIMIT_US = 4 * 1000 * 1000,
	BEAT_LIMIT_SHORT_US = 1000 * 1000,
	UNLOCK_LIMIT_US = 1000 * 1000
};

struct pl_pulse {
	struct ledger_pulse base;
	PGconn *conn;
	bool has_lock;
};

struct ledger_pulse *pl_pulse_new(struct ledger *ledger)
{
	struct pl_pulse *p = xnew(struct pl_pulse);

	(void)ledger; /* the front keeps it */
	return &p->base;
}

static struct pg_query pl_pulse_query(const char *sql, const char *const *values, int n)
{
	int64_t limit_us = FAULT("ledger.impatient") ? BEAT_LIMIT_SHORT_US : BEAT_LIMIT_US;

	return (struct pg_query){.sql = sql, .n_values = n, .values = values, .limit_us = limit_us};
}

/* Takes the lock; that somebody else has it (its own last connection, which the server has not yet
 * given up) is no failure: it says that somebody is there. */
static int pl_pulse_lock(struct pl_pulse *p, const char *inc, struct err *err)
{
	static const char sql[] = "SELECT pg_try_advisory_lock(1937010292, $1::bigint::int)::int,"
				  " set_config('application_name', 'stint/' || $1::bigint, false)";
	static const char keepalive[] = ", " PL_KEEPALIVES;
	AUTO(pl_rows) PGresult *rows = NULL;
	char both[sizeof(sql) + sizeof(keepalive)];
	const struct pg_query query = pl_pulse_query(both, &inc, 1);
	enum pg_class class = PG_LOST;

	if (p->has_lock)
		return 0;
	(void)snprintf(both, sizeof(both), "%s%s", sql,
		       FAULT("ledger.keepalive") ? "" : keepalive); /* fits */
	int rc = pg_run(p->conn, &query, &rows, &class, err);
	p->has_lock = rc == 0 && strcmp(PQgetvalue(rows, 0, 0), "1") == 0;
	return rc;
}

/* Who ends in good order is seen to be gone at once. */
static void pl_pulse_unlock(struct pl_pulse *p)
{
	static const char sql[] = "SELECT pg_advisory_unlock_all()";
	AUTO(pl_rows) PGresult *rows = NULL;
	struct pg_query query = pl_pulse_query(sql, NULL, 0);
	enum pg_class class = PG_LOST;
	struct err err = ERR_INIT;

	query.limit_us = UNLOCK_LIMIT_US;
	int rc = pg_run(p->conn, &query, &rows, &class, &err);
	(void)rc; /* the server lets go of it anyway */
}

void pl_pulse_free(struct ledger_pulse *pulse)
{
	struct pl_pulse *p = CONTAINER_OF(pulse, struct pl_pulse, base);

	if (p->has_lock && PQstatus(p->conn) == CONNECTION_OK)
		pl_pulse_unlock(p);
	pg_close(p->conn);
	free(p);
}

/* Safety: on a server that took over there is no sign of life before what it lost of this instance
 * is written again: others wait for that sign before they claim anything. An earlier primary that
 * came back gets none at all. */
static int pl_pulse_accept(void *arg, PGconn *conn, enum pg_class *ret_class, struct err *err)
{
	static const char sql[] = "SELECT " PL_TIMELINE;
	const struct pl *q = pl_of(((struct pl_pulse *)arg)->base.ledger);
	const struct pg_query query = pl_pulse_query(sql, NULL, 0);
	AUTO(pl_rows) PGresult *rows = NULL;
	int rc = pg_run(conn, &query, &rows, ret_class, err);

	if (rc < 0)
		return rc;
	if (strtoll(PQgetvalue(rows, 0, 0), NULL, 10) == atomic_load(&q->settled))
		return 0;
	*ret_class = PG_STANDBY;
	return ERR(err, ERR_TEMP, "it is another server than the transactions go to");
}

static int pl_pulse_connect(struct pl_pulse *p, struct err *err)
{
	const struct pl *q = pl_of(p->base.ledger);
	const struct pg_options options = {.uri = q->uri,
					   .application = "stint",
					   .writable = true,
					   .limit_us = BEAT_LIMIT_US,
					   .accept = pl_pulse_accept,
					   .accept_arg = p};
	enum pg_class class = PG_LOST;

	if (p->conn != NULL && PQstatus(p->conn) == CONNECTION_OK)
		return 0;
	pg_close(p->conn);
	p->conn = NULL;
	p->has_lock = false;
	return pg_open(&options, &p->conn, &class, err);
}

/* 0: made or refused, as `*ret_rows` says. */
static int pl_pulse_try(struct pl_pulse *p, const char *const values[2], PGresult **ret_rows,
			struct err *err)
{
	static const char sql[] =
		"UPDATE stint.instance_ SET beat = beat + 1, beat_at = " PL_NOW_MS
		" WHERE inc = $1::bigint"
		" AND nonce = decode($2, 'hex') AND state IN (1, 2) RETURNING beat";
	const struct pg_query query = pl_pulse_query(sql, values, 2);
	enum pg_class class = PG_LOST;
	int rc = pl_pulse_connect(p, err);

	if (rc < 0)
		return rc;
	rc = pl_pulse_lock(p, values[0], err);
	if (rc == 0)
		rc = pg_run(p->conn, &query, ret_rows, &class, err);
	/* After a limit its state is not known. */
	if (rc < 0)
		pg_close(TAKE(p->conn));
	return rc;
}

enum ledger_status pl_pulse_beat(struct ledger_pulse *pulse, int64_t inc,
				 const uint8_t nonce[LEDGER_NONCE_BYTES], struct err *err)
{
	struct pl_pulse *p = CONTAINER_OF(pulse, struct pl_pulse, base);
	AUTO(pl_rows) PGresult *rows = NULL;
	char number[24];
	char hex[2 * LEDGER_NONCE_BYTES + 1];
	const char *const values[] = {number, hex};

	if (FAULT("ledger.beat")) /* believes that it lives */
		return LEDGER_APPLIED;
	(void)snprintf(number, sizeof(number), "%lld", (long long)inc); /* fits */
	hash_hex(nonce, LEDGER_NONCE_BYTES, hex);
	bool was_open = p->conn != NULL;
	int rc = pl_pulse_try(p, values, &rows, err);
	/* The server hung up since the last beat: a new connection may be had at once. */
	if (rc < 0 && was_open)
		rc = pl_pulse_try(p, values, &rows, err);
	if (rc < 0)
		return LEDGER_UNKNOWN;
	if (PQntuples(rows) == 1)
		return LEDGER_APPLIED;
	err_set(err, ERR_TEMP, 0, "instance %lld is not alive in the ledger", (long long)inc);
	return LEDGER_FENCED;
}
