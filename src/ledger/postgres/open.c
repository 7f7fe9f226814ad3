/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, everything that is refused before a ledger is used, and closing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/postgres/postgres.h"
#include "pg/uri.h"
#include "sys/fault.h"

enum {
	SERVER_MIN = 140000,
	SCRATCH_MAX = 1 << 28,
	URI_MAX = 4096,
	SURVEY_LIMIT_US = 4 * 1000 * 1000, /* of all hosts together */
	SETTINGS_TRIES = 100,
	UUID_DIGITS = 2 * LEDGER_UUID_BYTES
};

struct pl *pl_of(struct ledger *ledger)
{
	struct pl *q = CONTAINER_OF(ledger, struct pl, base);

	assert(ledger->backend == &ledger_postgres && q->magic == PL_MAGIC);
	return q;
}

/* Of every connection. Commits are durable whatever the server's default is; nobody who stops in a
 * transaction holds up the others for longer than 5 s. */
static const char settings[] = "SET statement_timeout = 0;"
			       "SELECT set_config('synchronous_commit', 'on', false)"
			       " WHERE current_setting('synchronous_commit') IN ('off', 'local');"
			       "SET default_transaction_isolation = 'read committed';"
			       "SET default_transaction_read_only = off;"
			       "SET search_path = stint, pg_temp;"
			       "SET idle_in_transaction_session_timeout = '5s';"
			       "SET lock_timeout = '3s';"
			       "SET client_min_messages = warning;"
			       "SET max_parallel_workers_per_gather = 0;"
			       "SET jit = off;"
			       "SELECT pg_backend_pid(), pg_is_in_recovery()::int,"
			       " (current_setting('synchronous_standby_names') = ''"
			       " AND EXISTS (SELECT 1 FROM pg_stat_replication))::int,"
			       " " PL_TIMELINE;

/* Refuses what only looks like a server of one's own. */
static int pl_check_server(struct pl *q, PGconn *conn, const PGresult *rows)
{
	if (PQserverVersion(conn) < SERVER_MIN)
		return pl_fail_text(q, "0A000", "the server has version %d; 14 and later will do",
				    PQserverVersion(conn) / 10000);
	/* Safety: behind a pooler a session's locks and settings are somebody else's next. */
	if (strtol(PQgetvalue(rows, 0, 0), NULL, 10) != PQbackendPID(conn) &&
	    !FAULT("ledger.pooler"))
		return pl_fail_text(q, "0A000",
				    "it stands behind a pooler such as PgBouncer, where locks and "
				    "settings of a session get lost; name the server itself");
	if (strcmp(PQgetvalue(rows, 0, 1), "0") != 0)
		return pl_fail_text(q, "25006", "the server is a standby; name the primary");
	/* Safety: what is written there nobody else will ever see. */
	if (strtoll(PQgetvalue(rows, 0, 3), NULL, 10) < q->timeline && !FAULT("ledger.timeline"))
		return pl_fail_text(q, "25006",
				    "the server is an earlier primary that came back (timeline %s; "
				    "the ledger has gone on in timeline %lld): it must be stopped",
				    PQgetvalue(rows, 0, 3), (long long)q->timeline);
	return 0;
}

static void pl_note_timeline(struct pl *q, int64_t timeline)
{
	q->is_failed_over = q->is_failed_over || (q->timeline != 0 && timeline > q->timeline);
	q->timeline = timeline;
}

static int pl_set_up(struct pl *q, PGconn *conn)
{
	AUTO(pl_rows) PGresult *rows = NULL;

	if (PQsetnonblocking(conn, 0) != 0)
		return pl_fail_text(q, "", "the connection cannot be used");
	if (!FAULT("ledger.keepalive"))
		PQclear(PQexec(conn, "SELECT " PL_KEEPALIVES)); /* helps where it can be had */
	rows = PQexec(conn, settings);
	/* An administrator's limit may be shorter than it takes to lift it. */
	for (int i = 1; i < SETTINGS_TRIES && pg_is_cancelled(rows); i++) {
		PQclear(rows);
		rows = PQexec(conn, settings);
	}
	if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
		const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
		return pl_fail_text(q, state == NULL ? "" : state, "%s", PQerrorMessage(conn));
	}
	if (pl_check_server(q, conn, rows) < 0)
		return PL_FAILED;
	if (FAULT("ledger.idle"))
		PQclear(PQexec(conn, "SET idle_in_transaction_session_timeout = 0"));
	if (FAULT("ledger.synchronous"))
		PQclear(PQexec(conn, "SET synchronous_commit = local"));
	q->base.may_lose_commits = strcmp(PQgetvalue(rows, 0, 2), "0") != 0;
	pl_note_timeline(q, strtoll(PQgetvalue(rows, 0, 3), NULL, 10));
	return 0;
}

/* As pg_options wants it: a place that is not to be used is passed over. */
static int pl_accept(void *arg, PGconn *conn, enum pg_class *ret_class, struct err *err)
{
	struct pl *q = arg;

	if (pl_set_up(q, conn) == 0)
		return 0;
	*ret_class = pg_class_of(q->sqlstate);
	return ERR(err, ERR_UNAVAILABLE, "%s", q->text);
}

PGconn *pl_connect(struct pl *q)
{
	struct err err = ERR_INIT;
	enum pg_class class = PG_LOST;
	PGconn *conn = NULL;
	const struct pg_options options = {.uri = q->uri,
					   .application = "stint",
					   .writable = true,
					   .accept = pl_accept,
					   .accept_arg = q};

	if (pg_open(&options, &conn, &class, &err) < 0) {
		(void)pl_fail_text(q, class == PG_LOGIN ? "28000" : "", "%s", err.text);
		return NULL;
	}
	pl_forget(q); /* what another place had said */
	return conn;
}

void pl_disconnect(struct pl *q)
{
	pg_close(q->conn);
	q->conn = NULL;
	memset(q->cache, 0, sizeof(q->cache));
	q->n_expected = q->next_expected = 0;
	q->partitions_day = 0; /* the next server may have lost them */
}

int pl_ready(struct pl *q)
{
	if (q->conn != NULL && PQstatus(q->conn) == CONNECTION_OK)
		return 0;
	pl_disconnect(q);
	q->conn = pl_connect(q);
	if (q->conn == NULL)
		return PL_FAILED;
	return PQenterPipelineMode(q->conn) == 1 ? 0 : pl_fail(q, NULL);
}

int pl_exec(struct pl *q, const char *sql)
{
	if (PQexitPipelineMode(q->conn) != 1)
		return pl_fail(q, NULL);
	AUTO(pl_rows) PGresult *rows = PQexec(q->conn, sql);
	ExecStatusType status = PQresultStatus(rows);
	int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : pl_fail(q, rows);
	if (PQenterPipelineMode(q->conn) != 1)
		rc = pl_fail(q, NULL);
	return rc;
}

static int pl_check_version(const struct pl *q, int version, unsigned flags, struct err *err)
{
	if (version > PL_SCHEMA_VERSION)
		return ERR(err, ERR_LEDGER,
			   "the ledger %s has version %d and this program knows %d: it was "
			   "upgraded by a newer stint; use that one",
			   q->shown, version, PL_SCHEMA_VERSION);
	if (version == 0 && (flags & LEDGER_CREATE) == 0)
		return ERR(err, ERR_NOINPUT,
			   "there is no ledger in %s: `stint ledger init` makes it", q->shown);
	if (version < PL_SCHEMA_VERSION && (flags & LEDGER_READ_ONLY) != 0 &&
	    (flags & LEDGER_ANY_VERSION) == 0)
		return ERR(err, ERR_LEDGER,
			   "the ledger %s has version %d and this program reads %d: run `stint "
			   "ledger upgrade`",
			   q->shown, version, PL_SCHEMA_VERSION);
	return 0;
}

static int pl_identify(struct pl *q, struct err *err)
{
	static const char uuid[] = "SELECT value FROM stint.meta WHERE name = 'ledger_uuid'";
	struct arena a = {0};

	if (pl_schema_find(q, &q->base.schema_version) < 0)
		return pl_err(q, err);
	if (q->base.schema_version == 0)
		return 0;
	AUTO(pl_rows) PGresult *rows = pl_query(q, uuid, PL_NO_ARGS);
	if (rows == NULL || pl_sync(q) < 0)
		return pl_err(q, err);
	const char *hex = PQntuples(rows) == 1 ? pl_text(&a, rows, 0, 0) : "";
	for (size_t i = 0; i < LEDGER_UUID_BYTES && strlen(hex) == UUID_DIGITS; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		q->base.uuid[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	bool has_name = hex[0] != '\0';
	arena_done(&a);
	return has_name ? 0
			: ERR(err, ERR_LEDGER,
			      "the ledger %s has no name of its own: it is damaged", q->shown);
}

static int pl_look_at(void *arg, PGconn *conn, enum pg_class *ret_class, struct err *err)
{
	static const char sql[] = "SELECT " PL_TIMELINE;
	const struct pg_query query = {.sql = sql, .limit_us = SURVEY_LIMIT_US};
	int64_t *highest = arg;
	AUTO(pl_rows) PGresult *rows = NULL;

	if (pg_run(conn, &query, &rows, ret_class, err) == 0) {
		int64_t timeline = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
		*highest = timeline > *highest ? timeline : *highest;
	}
	*ret_class = PG_STANDBY;
	return ERR(err, ERR_TEMP, "and the next");
}

/* Of several hosts, two may say that they are the primary, one of them because it came back after
 * another had taken over: who knows nothing of that yet asks them all. */
static void pl_survey(struct pl *q)
{
	struct err ignored = ERR_INIT;
	AUTO(pg_uri) struct pg_uri uri;
	PGconn *conn = NULL;
	const struct pg_options options = {.uri = q->uri,
					   .application = "stint",
					   .writable = true,
					   .limit_us = SURVEY_LIMIT_US,
					   .accept = pl_look_at,
					   .accept_arg = &q->timeline};

	if (pg_uri_parse(q->uri, &uri, &ignored) < 0 || uri.n_places < 2)
		return; /* what is wrong with it connecting tells */
	int rc = pg_open(&options, &conn, NULL, &ignored);
	assert(rc < 0);
	(void)rc;
}

static int pl_prepare_ledger(struct pl *q, unsigned flags, struct err *err)
{
	int version = 0;

	pl_survey(q);
	if (pl_ready(q) < 0 || pl_schema_find(q, &version) < 0)
		return pl_err(q, err);
	int rc = pl_check_version(q, version, flags, err);
	if (rc < 0)
		return rc;
	bool makes = version == 0 ? (flags & LEDGER_CREATE) != 0
				  : (flags & (LEDGER_ANY_VERSION | LEDGER_READ_ONLY)) == 0;
	if (makes && version < PL_SCHEMA_VERSION && pl_schema_upgrade(q) < 0)
		return pl_err(q, err);
	return pl_identify(q, err);
}

static void pl_close(struct ledger *ledger)
{
	struct pl *q = pl_of(ledger);

	q->magic = 0;
	pl_disconnect(q);
	buf_done(&q->scratch);
	free(q->expected);
	free(q->uri);
	free(q->shown);
	free(q);
}

/* `path` is what stands behind "postgres:" or "postgresql:". */
static int pl_open(const char *path, unsigned flags, struct ledger **ret_ledger, struct err *err)
{
	AUTO(buf) struct buf uri = BUF_INIT(URI_MAX);
	AUTO(buf) struct buf shown = BUF_INIT(URI_MAX);
	struct pl *q = NULL;

	buf_printf(&uri, "postgresql:%s", path);
	pg_uri_put_masked(&shown, buf_str(&uri));
	if (uri.failed || shown.failed)
		return ERR(err, ERR_CONFIG, "the ledger's URI is too long");
	q = xnew(struct pl);
	q->magic = PL_MAGIC;
	q->base.backend = &ledger_postgres;
	q->base.has_beats = true;
	q->uri = buf_take(&uri);
	q->shown = buf_take(&shown);
	q->base.url = xstrdup(q->shown);
	q->scratch = BUF_INIT(SCRATCH_MAX);
	int rc = pl_prepare_ledger(q, flags, err);
	if (rc == ERR_TEMP || rc == ERR_IO) /* nothing has been begun that could be tried again */
		err->code = rc = ERR_LEDGER;
	if (rc < 0) {
		free(q->base.url);
		pl_close(&q->base);
		return rc;
	}
	*ret_ledger = &q->base;
	return 0;
}

const struct ledger_backend ledger_postgres = {
	.name = "postgres",
	.open = pl_open,
	.close = pl_close,
	.apply = pl_apply,
	.select = pl_select,
	.walk = pl_walk,
	.check_storage = pl_check_storage,
	.upgrade = pl_upgrade,
	.restored = pl_restored,
	.pulse_new = pl_pulse_new,
	.pulse_free = pl_pulse_free,
	.pulse_beat = pl_pulse_beat,
};
