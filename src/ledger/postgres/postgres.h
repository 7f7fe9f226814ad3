/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL ledger: what its files share.
 *
 * Promise: a write transaction is fence, batch number, operations and COMMIT in one pipeline. An
 *          operation that need not look before it writes is only queued; a transaction of such
 *          operations alone goes to the server in one flush and back in one answer. An operation
 *          that must look waits for what it asked, under row locks taken in the order instance,
 *          chunk (ascending), loose, run; idle_in_transaction_session_timeout ends whoever stops
 *          in between.
 * Guards:  nobody looks at row counts in a pipeline, so a guard raises by itself:
 *          `WITH g AS (UPDATE … RETURNING 1) SELECT 1/count(*) FROM g`. Division by zero (22012)
 *          means LEDGER_LOST for the operation that queued it.
 * Owner:   one thread; one connection for a handle.
 * Units:   times in the tables are milliseconds since 1970 UTC, as in SQLite's.
 */
#ifndef STINT_LEDGER_POSTGRES_POSTGRES_H
#define STINT_LEDGER_POSTGRES_POSTGRES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "ledger/backend.h"
#include "ledger/macro.h"
#include "ledger/rules.h"
#include "pg/pg.h"

#define PL_CHECK_VIOLATION "23514"
#define PL_DUPLICATE_TABLE "42P07"
enum { PL_MAGIC = 0x5ce1d6e9, PL_SCHEMA_VERSION = 3, PL_SQLSTATE_CHARS = 5 };
/* "stnt": the first number of every advisory lock; the second is an instance's, or -1 for whoever
 * makes or upgrades the ledger, … -4 for who takes of pools. In SQL texts it stands as 1937010292.
 */

struct pl;
/* What is done with the rows of a queued statement when they come; 0 or PL_FAILED. */
typedef int (*pl_take_fn)(struct pl *q, struct ledger_txn *txn, struct ledger_op *op,
			  const PGresult *rows);

enum { PL_CACHE_SLOTS = 512 }; /* several times the number of statements */

enum pl_prepared { PL_NEW, PL_PENDING, PL_READY };
struct pl_cached {
	const char *sql; /* its address is its identity */
	enum pl_prepared state;
};

/* What a result that has not come yet belongs to. */
enum pl_stage {
	PL_STAGE_BEGIN,
	PL_STAGE_FENCE,
	PL_STAGE_BATCH,
	PL_STAGE_OP,
	PL_STAGE_BIT,
	PL_STAGE_COMMIT
};
struct pl_expected {
	struct pl_cached *prepares; /* the answer to a Parse; NULL: rows */
	enum pl_stage stage;
	struct ledger_op *op;
	pl_take_fn take; /* NULL: the rows do not matter */
	bool is_asked;	 /* pl_query waits for it */
};

struct pl {
	struct ledger base;
	uint32_t magic;
	char *uri;    /* with secrets: never shown */
	char *shown;  /* without */
	PGconn *conn; /* NULL: lost, connected anew by the next transaction */
	/* PostgreSQL's timeline: grows with each promotion of a standby. */
	int64_t timeline;    /* the highest that was seen: a lower one is of an old primary */
	bool is_failed_over; /* it has grown, and no transaction has been applied since */
	atomic_int_least64_t settled; /* where nothing of ours is missing; also the pulse asks */
	struct pl_cached cache[PL_CACHE_SLOTS];
	struct pl_expected *expected;
	size_t n_expected;
	size_t next_expected;
	size_t cap_expected;
	PGresult *asked;
	struct buf scratch;
	int64_t partitions_day; /* when partitions of attempts were last made, ahead */
	struct err warning;	/* to be told with the next transaction that is applied */
	/* Where the last claim of chunks ended. */
	int64_t claim_run;
	int64_t claim_from;
	/* Of the transaction under way. */
	enum pl_stage stage;
	struct ledger_txn *txn;
	struct ledger_op *op;
	const struct ledger_op *guarded; /* a load_put whose guard went with one before it */
	int64_t to_put; /* items of all these, until the first chunk of them is put in */
	bool is_replay; /* the batch was applied before: only results are asked for */
	bool is_commit_sent;
	/* The first failure since pl_forget(). */
	bool has_failed;
	char sqlstate[PL_SQLSTATE_CHARS + 1]; /* "" where the connection failed */
	char text[ERR_TEXT_MAX];
	enum pl_stage failed_stage;
	struct ledger_op *failed_op;
	bool is_selecting; /* rows of a query are under way */
	struct err broken; /* storage failed once: nothing is trusted any more */
};

/* ---- statements (statement.c) ---- */

enum pl_type { PL_TYPE_INT, PL_TYPE_TEXT, PL_TYPE_BLOB, PL_TYPE_BITS, PL_TYPE_INTS };

struct pl_value {
	enum pl_type type;
	bool is_null;
	int64_t number;	  /* of bits or of elements; or the value */
	const void *data; /* PL_TYPE_INTS: int64_t */
	size_t len;
};

#define PL_INT(x) ((struct pl_value){.type = PL_TYPE_INT, .number = (x)})
/* NULL becomes null; what is no UTF-8 or has no place in a text of PostgreSQL is replaced. */
#define PL_TEXT(s) pl_text_value(s)
#define PL_BLOB(p, n)                                                                              \
	((struct pl_value){.type = PL_TYPE_BLOB, .is_null = (p) == NULL, .data = (p), .len = (n)})
#define PL_BITS(p, n) ((struct pl_value){.type = PL_TYPE_BITS, .data = (p), .number = (n)})
#define PL_INTS(p, n) ((struct pl_value){.type = PL_TYPE_INTS, .data = (p), .number = (n)})
/* 0 stands for NULL: owners, times that did not come yet. */
#define PL_INT_OR_NULL(x) pl_int_value(x)

#define PL_ARGS(...)                                                                               \
	(const struct pl_value[]){__VA_ARGS__},                                                    \
		sizeof((const struct pl_value[]){__VA_ARGS__}) / sizeof(struct pl_value)
#define PL_NO_ARGS NULL, 0
enum { PL_ARGS_MAX = 32 };

struct pl_value pl_text_value(const char *s);
struct pl_value pl_int_value(int64_t x);
const char *pl_or_empty(const char *s); /* NULL becomes "" */

/* What every function of a transaction answers, beside 0 and LEDGER_LOST: the server or the
 * connection failed; sqlstate and text say how. */
enum { PL_FAILED = -1 };

/* Queues a statement: of the operation under way; `take` gets its rows when they come. `sql` is a
 * static text, prepared at its first use. */
int pl_send(struct pl *q, const char *sql, const struct pl_value *values, size_t n);
int pl_send_take(struct pl *q, const char *sql, const struct pl_value *values, size_t n,
		 pl_take_fn take);
/* Has everything answered that was queued. */
int pl_drain(struct pl *q);
/* Sends a statement and waits for its rows (and for all that was queued before). NULL on failure;
 * the caller clears: AUTO(pl_rows) PGresult *rows. */
PGresult *pl_query(struct pl *q, const char *sql, const struct pl_value *values, size_t n);
void pl_rows_auto(PGresult **rows);
/* The same for a statement that changes; how many rows it changed, or PL_FAILED. */
int64_t pl_change(struct pl *q, const char *sql, const struct pl_value *values, size_t n);
/* The first column of the first row; 1 found, 0 not, PL_FAILED. */
int pl_number(struct pl *q, const char *sql, const struct pl_value *values, size_t n,
	      int64_t *ret_number);
/* The end of a pipeline: waits for all answers. PL_FAILED when anything in it failed. */
int pl_sync(struct pl *q);

/* Remembers the failure of a connection's last call; answers PL_FAILED. */
int pl_fail(struct pl *q, const PGresult *rows);
int pl_fail_text(struct pl *q, const char *sqlstate, const char *fmt, ...) ST_PRINTF(3, 4);
void pl_forget(struct pl *q);
bool pl_failed_with(const struct pl *q, const char *sqlstate);
/* What that failure means for a transaction. */
enum ledger_status pl_status(const struct pl *q);
/* Fills err from the failure: ERR_LEDGER, ERR_IO, ERR_PERM, ERR_FULL or ERR_TEMP. */
int pl_err(const struct pl *q, struct err *err);
/* Fills txn->err and answers LEDGER_LOST. */
int pl_lost(struct ledger_txn *txn, const char *fmt, ...) ST_PRINTF(2, 3);
/* The same for the operation whose guard has raised. guards.c */
int pl_guard_words(struct ledger_txn *txn, const struct ledger_op *op);

/* Columns, copied into the arena. Null texts become "" or NULL. */
int64_t pl_int(const PGresult *rows, int row, int column); /* null: 0 */
const char *pl_text(struct arena *a, const PGresult *rows, int row, int column);
const char *pl_text_or_null(struct arena *a, const PGresult *rows, int row, int column);
const void *pl_blob(struct arena *a, const PGresult *rows, int row, int column, size_t *ret_len);
/* Copies exactly `n` bits; zeros when the column has another length. */
uint8_t *pl_bits(struct arena *a, const PGresult *rows, int row, int column, size_t n);
utime pl_time(const PGresult *rows, int row, int column); /* null: 0 */

/* ---- the connection (open.c) ---- */

struct pl *pl_of(struct ledger *ledger);
/* A new connection, set up as a ledger's, in no pipeline; NULL and a failure remembered. */
PGconn *pl_connect(struct pl *q);
/* The timeline of a primary; of a standby 0. */
#define PL_TIMELINE                                                                                \
	"CASE WHEN pg_is_in_recovery() THEN 0 ELSE ('x' ||"                                        \
	" substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END"
/* So that the server, too, notices within some seconds that a client's machine is gone, and lets go
 * of its locks. Nothing happens on a Unix socket. */
#define PL_KEEPALIVES                                                                              \
	"set_config('tcp_keepalives_idle', '5', false),"                                           \
	" set_config('tcp_keepalives_interval', '2', false),"                                      \
	" set_config('tcp_keepalives_count', '3', false),"                                         \
	" set_config('tcp_user_timeout', '10000', false)"
/* Connects where there is no connection. */
int pl_ready(struct pl *q);
/* Several statements at once, outside of any transaction and pipeline. */
int pl_exec(struct pl *q, const char *sql);
/* Forgets the connection, and with it what was prepared. */
void pl_disconnect(struct pl *q);

/* schema.c */
/* The schema's version, 0: there is none. */
int pl_schema_find(struct pl *q, int *ret_version);
/* Makes it or brings it up to date, whoever else does at the same time. */
int pl_schema_upgrade(struct pl *q);
/* Partitions of attempt_ for today and the days to come, once a day, before the first row of it.
 * Where that fails rows go to attempt_default, and q->warning says why. */
void pl_partitions_make(struct pl *q, utime now);
extern const char *const pl_views[];	       /* views.c; statements, NULL at the end */
extern const char *const pl_inbox_functions[]; /* inbox.c; the same */
extern const struct ledger_macro pl_macros[];

/* pulse.c */
struct ledger_pulse *pl_pulse_new(struct ledger *ledger);
void pl_pulse_free(struct ledger_pulse *pulse);
enum ledger_status pl_pulse_beat(struct ledger_pulse *pulse, int64_t inc,
				 const uint8_t nonce[LEDGER_NONCE_BYTES], struct err *err);

/* ---- rows (rows.c) ---- */

/* By the server's clock. */
#define PL_NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
#define PL_INSTANCE_COLUMNS                                                                        \
	"i.inc, i.nonce, i.name, i.host, i.boot_id, i.pid, i.state, i.started_at, "                \
	"i.quarantine_ms, i.beat, " PL_NOW_MS " - i.beat_at, "                                     \
	"(NOT EXISTS (SELECT 1 FROM pg_locks AS k WHERE k.locktype = 'advisory'"                   \
	" AND k.database = (SELECT d.oid FROM pg_database AS d"                                    \
	" WHERE d.datname = current_database())"                                                   \
	" AND k.classid = 1937010292 AND k.objid::bigint = i.inc AND k.objsubid = 2))::int"
#define PL_RUN_COLUMNS                                                                             \
	"r.id, r.job, r.due_key, r.name, r.slot, r.date, r.params, r.n, t.job_text, t.job_path, "  \
	"r.state, r.reason, r.started_at, r.ended_at, r.was_open, s.effect, s.doubt, "             \
	"s.key_valid, r.n_items, r.n_read, r.n_filtered, r.n_rejected, r.n_held_back, s.loader, "  \
	"s.loader_epoch, r.first_n, t.source_path, r.step"
/* What these are read from. */
#define PL_RUN_TABLES                                                                              \
	"run_now AS r JOIN run_text AS t ON t.run_id = r.id"                                       \
	" JOIN run_step AS s ON s.run_id = r.id AND s.step = r.step"
#define PL_CHUNK_COLUMNS                                                                           \
	"c.id, c.run_id, c.first_item, c.n, c.state, c.owner, c.epoch, c.crashes, c.rev, "         \
	"c.started, c.done, c.told, c.step"
#define PL_LOOSE_COLUMNS                                                                           \
	"l.run_id, l.item, l.chunk_id, c.first_item, c.n, l.key, l.person, l.state, l.attempt, "   \
	"l.crashes, l.redo, l.epoch, l.owner, l.first_started, l.not_before, l.err_class, l.err, " \
	"l.fingerprint, l.quiet_until, l.nos, l.unclear, l.tries, l.spent_us, "                    \
	"l.request, l.step, l.was_begun"
enum {
	PL_INSTANCE_COLUMN_COUNT = 10,
	PL_RUN_COLUMN_COUNT = 28,
	PL_CHUNK_COLUMN_COUNT = 13,
	PL_LOOSE_COLUMN_COUNT = 26
};

void pl_get_instance(struct arena *a, const PGresult *rows, int row,
		     struct ledger_instance_row *ret_row);
void pl_get_run(struct arena *a, const PGresult *rows, int row, struct ledger_run_row *ret_row);
void pl_get_chunk(struct arena *a, const PGresult *rows, int row, struct ledger_chunk_row *ret_row);
void pl_get_loose(struct arena *a, const PGresult *rows, int row, struct ledger_loose_row *ret_row);
/* Fills in the steps of a run. */
int pl_get_steps(struct pl *q, struct arena *a, struct ledger_run_row *row);
/* Fills in the lanes of instances. */
int pl_get_lanes(struct pl *q, struct arena *a, struct ledger_instance_row *rows, size_t n);
/* A chunk's body from two columns of a row, body and hash, checked. */
struct pl_body {
	int64_t chunk_id;
	int row, column;
	const void *body;
	size_t len;
};
int pl_get_body(struct pl *q, struct arena *a, const PGresult *rows, struct pl_body *body);
/* The state of a run; 1 found, 0 not, PL_FAILED. */
int pl_run_state(struct pl *q, int64_t run_id, enum run_state *ret_state);
/* The same with the step that it is at. */
int pl_run_at(struct pl *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step);
/* The same, and nobody changes the run before this transaction ends. */
int pl_run_lock(struct pl *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step);
/* Of a step, 0: of all. */
int pl_count(struct pl *q, int64_t run_id, int32_t step, int64_t inc,
	     struct ledger_counts *ret_counts);
/* 1 when nothing happens to any item of the step any more, 0 when it does. */
int pl_step_is_empty(struct pl *q, int64_t run_id, int32_t step);

/* ---- shared by operations ---- */

/* An item that leaves its chunk; its done bit is the caller's to set. Queued. loose.c */
struct pl_leaver {
	int64_t run_id, item, chunk_id;
	const char *key;
	enum loose_state state;
	int64_t first_started_ms, not_before_ms;
	const char *err_class, *err;
	int64_t now_ms;
	int64_t audit_id; /* 0: nobody decided it */
};
int pl_loose_add(struct pl *q, const struct pl_leaver *leaver);
/* Items of a chunk that go into doubt; then the chunk is free. The chunk is locked by the caller.
 */
struct pl_doubt {
	int64_t chunk_id;
	bool only_started;
	int64_t not_before_ms;
	const char *err_class, *err;
	int64_t now_ms;
};
int pl_doubt_chunk(struct pl *q, struct arena *a, const struct pl_doubt *doubt,
		   int64_t *ret_doubtful); /* loose.c; adds to ret_doubtful */
/* Items of the chunk that have left it: item, state. NULL: it failed. loose.c */
PGresult *pl_chunk_loose(struct pl *q, const struct ledger_chunk_row *row);
/* How many may be claimed. Safety: none by the first transaction on a server that took over, which
 * was made before that was known: others may not have written their claims again. chunk.c */
int64_t pl_claim_max(const struct pl *q, uint32_t max);
/* held -> ready, or closed when every item is done; queued. chunk.c */
int pl_chunk_free(struct pl *q, int64_t chunk_id);
/* The instance is on no run any more, loads none, has no lanes, and probes nothing. What it was to
 * do at the end of a run nobody begins before `not_before_ms`. Queued. instance.c */
int pl_instance_leave(struct pl *q, int64_t inc, int64_t not_before_ms);
/* R without looking whether it is dead. reap.c */
struct pl_burial {
	int64_t dead;
	int64_t quarantine_us;
};
int pl_reap_now(struct pl *q, struct ledger_txn *txn, const struct pl_burial *burial,
		int64_t *ret_doubtful);
/* Requests that nobody is there to obey any more: of a run (0: of none), for an instance (0: none).
 * Queued. request.c */
int pl_requests_lapse(struct pl *q, int64_t run_id, int64_t inc, int64_t now_ms);
/* Requests for items that nobody holds any more are obeyed at once. request.c */
int pl_requests_settle(struct pl *q, struct ledger_txn *txn);
/* unique: job and within: that key of a step is done. Queued. keys.c */
struct pl_seen {
	int64_t run_id;
	int32_t step;
	const char *key;
};
int pl_seen_put(struct pl *q, const struct pl_seen *seen, int64_t now_ms);
/* Nobody loads any step of the run. Queued. run.c */
int pl_run_unloaded(struct pl *q, int64_t run_id);

/* ---- operations: 0, LEDGER_LOST or PL_FAILED. README says whose they are and what they look at.
 */

typedef int (*pl_op_fn)(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);

int pl_instance_begin(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_instance_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_instance_quarantine(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_instance_stopping(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_instance_end(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_lane_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_lane_drop(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_reap(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_create(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_join(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_company(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_leave(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_end(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_finish(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_counts(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_load_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_load_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_load_open(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_keys_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_content_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_chunk_claim(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_chunk_progress(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_give_back(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_loose_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_loose_claim(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_loose_settle(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_doubt_resolve(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_attempt_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_rollup_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_latency_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_failure_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_stats(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_run_note(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_request_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_request_obey(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_untold_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_told_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_ended_list(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_ended_told(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
/* What the instance has taken of ends is anybody's again, from then on; run_id 0: of all runs. */
int pl_endings_free(struct pl *q, int64_t run_id, int64_t inc, int64_t not_before_ms);
/* After a person has changed items of the step: its end, and the run's, are done again. */
int pl_endings_reopen(struct pl *q, int64_t run_id, int32_t step);
/* Takes those that are done from `endings`. */
int pl_endings_missing(struct pl *q, int64_t run_id, int32_t step, uint32_t *endings);
int pl_ending_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_ending_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_cursor_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_step_items(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_inbox_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_inbox_begin(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_inbox_read(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
/* What of an inbox was taken into a run leaves it. Queued. inbox.c */
int pl_inbox_take(struct pl *q, const struct ledger_inbox_taken *taken);
/* A table of it that was moved as a whole is emptied. Queued. */
int pl_inbox_clear(struct pl *q, int64_t run_id, int32_t step);
int pl_rate_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_quota_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_pools_take(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_person(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_breaker_get(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_breaker_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);
int pl_endpoint_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op);

/* ---- the rest of the backend ---- */

void pl_apply(struct ledger *ledger, struct ledger_txn *txn);
int pl_select(struct ledger *ledger, const char *sql, const struct ledger_param *params, size_t n,
	      ledger_row_fn fn, void *arg, struct err *err);
int pl_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err);
int pl_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		     struct err *err);
int pl_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err);
int pl_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err);

/* For everything that asks outside of pl_apply: a transaction in a pipeline; reading ones see one
 * moment. Ended by pl_end (COMMIT, or ROLLBACK after a failure, which goes to err). apply.c */
ST_MUST_CHECK int pl_begin(struct pl *q, bool writes, struct err *err);
ST_MUST_CHECK int pl_end(struct pl *q, int rc, struct err *err);

#endif
