/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite ledger: what its files share.
 *
 * Promise: every write transaction is made under the gate (byte 0 of LEDGER.lock) and is durable
 * when it
 *          is called applied; no checkpoint ever runs beside a commit (SQLite before 3.51.3 has a
 *          bug there). A ledger whose storage failed once answers LEDGER_BROKEN for ever.
 * Owner:   one thread; one connection for a handle.
 * Units:   times in the tables are milliseconds since 1970 UTC.
 */
#ifndef STINT_LEDGER_SQLITE_SQLITE_H
#define STINT_LEDGER_SQLITE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

#include "base/bits.h"
#include "base/err.h"
#include "ledger/backend.h"
#include "ledger/rules.h"

enum { SQ_MAGIC = 0x5ce1d6e7 };

/* LEDGER.lock by three descriptions: a description does not see its own locks. */
struct sq_locks {
	char *path;
	int live_fd;	 /* byte 1 + inc, for as long as the incarnation lives */
	int gate_fd;	 /* byte 0, around every write transaction */
	int probe_fd;	 /* looking at others; byte 1 + inc of the dead while they are reaped */
	bool is_missing; /* readers: there is no such file, so nobody is alive */
	dev_t dev;
	ino_t ino;
};

enum { SQ_CACHE_SLOTS = 512 }; /* several times the number of statements */

struct sq_cached {
	const char *sql; /* its address is its identity */
	sqlite3_stmt *st;
};

struct sq_file_id {
	dev_t dev;
	ino_t ino;
};

struct sq_files {
	char *wal_path;	 /* LEDGER-wal */
	char *mark_path; /* LEDGER.unsynced */
	struct sq_file_id db;
	struct sq_file_id wal;
};

struct sq_space {
	char *path; /* LEDGER.ballast */
	bool is_held;
	bool is_low;
};

struct sq {
	struct ledger base;
	uint32_t magic;
	sqlite3 *db;
	char *path;
	char *directory;
	struct sq_locks locks;
	struct sq_space space;
	struct sq_files files;
	struct sq_cached cache[SQ_CACHE_SLOTS];
	int rc;		 /* of the last call of SQLite that failed */
	int os_errno;	 /* and what the system said then */
	char text[160];	 /* and the words */
	bool is_broken;	 /* storage failed once: nothing is trusted any more */
	bool is_replay;	 /* the batch was applied before: only results are asked for */
	int64_t new_inc; /* instance that the transaction under way begins, 0 none */
	/* of the transaction under way, what was added with its number; NULL none */
	const struct ledger_op *rollup_added;
	int wal_pages;	   /* after the last commit */
	int checkpoint_at; /* pages in the WAL above which the next checkpoint is tried */
	int64_t checkpointed_us;
	bool is_wal_stuck; /* a reader keeps the WAL from being used again: no claims */
};

/* ---- statements (statement.c) ---- */

enum sq_type { SQ_TYPE_NULL, SQ_TYPE_INT, SQ_TYPE_TEXT, SQ_TYPE_BLOB };

struct sq_value {
	enum sq_type type;
	int64_t number;
	const void *data;
	size_t len;
};

#define SQ_INT(x) ((struct sq_value){.type = SQ_TYPE_INT, .number = (x)})
#define SQ_TEXT(s) sq_text_value(s)
#define SQ_BLOB(p, n) ((struct sq_value){.type = SQ_TYPE_BLOB, .data = (p), .len = (n)})
/* 0 stands for NULL: owners, times that did not come yet. */
#define SQ_INT_OR_NULL(x) sq_int_value(x)

#define SQ_ARGS(...)                                                                               \
	(const struct sq_value[]){__VA_ARGS__},                                                    \
		sizeof((const struct sq_value[]){__VA_ARGS__}) / sizeof(struct sq_value)
#define SQ_NO_ARGS NULL, 0

/* NULL becomes null. */
struct sq_value sq_text_value(const char *s);
struct sq_value sq_int_value(int64_t x);

/* The sums of every minute: the newest one of each instance stands with the number of its batch. */
#define SQ_ROLLUP_COLUMNS                                                                          \
	"run_id, minute, inc, done, failed, us, failed_us, again, again_us, over_quota,"           \
	" worked_us, items, tries, tries_squares, tries_us"
#define SQ_ROLLUP                                                                                  \
	"(SELECT " SQ_ROLLUP_COLUMNS " FROM rollup UNION ALL SELECT " SQ_ROLLUP_COLUMNS            \
	" FROM instance_batch WHERE run_id IS NOT NULL)"

/* What every function of a transaction answers, beside 0 and LEDGER_LOST: SQLite failed; rc,
 * os_errno and text say how. */
enum { SQ_FAILED = -1 };

/* The statement with these values bound, from the cache; NULL on failure. `sql` is a static text.
 * Ended by sq_next() when that does not answer 1, else by sq_end(). */
sqlite3_stmt *sq_query(struct sq *q, const char *sql, const struct sq_value *values, size_t n);
/* 1: a row; 0: no more; SQ_FAILED. */
int sq_next(struct sq *q, sqlite3_stmt *st);
void sq_end(sqlite3_stmt *st);
/* Runs a statement that changes; how many rows it changed, or SQ_FAILED. */
int sq_change(struct sq *q, const char *sql, const struct sq_value *values, size_t n);
/* Runs a statement without values and results. */
int sq_exec(struct sq *q, const char *sql);
/* The first column of the only row; 1 found, 0 not, SQ_FAILED. */
int sq_number(struct sq *q, const char *sql, const struct sq_value *values, size_t n,
	      int64_t *ret_number);
void sq_cache_done(struct sq *q);

/* Remembers a failure of the connection; answers SQ_FAILED. errno was 0 before the call that
 * failed. */
int sq_fail(struct sq *q, int rc);
/* What that failure means for a transaction. */
enum ledger_status sq_status(const struct sq *q);
/* Fills err from the last failure, code ERR_LEDGER, ERR_IO, ERR_PERM, ERR_FULL or ERR_TEMP. */
int sq_err(const struct sq *q, struct err *err);

/* Columns, copied into the arena. Null texts become "" or NULL. */
const char *sq_column_text(struct arena *a, sqlite3_stmt *st, int column);
const char *sq_column_text_or_null(struct arena *a, sqlite3_stmt *st, int column);
const void *sq_column_blob(struct arena *a, sqlite3_stmt *st, int column, size_t *ret_len);
/* Copies exactly `n` bits; zeros when the column has another length. */
uint8_t *sq_column_bits(struct arena *a, sqlite3_stmt *st, int column, size_t n);
utime sq_column_time(sqlite3_stmt *st, int column); /* null: 0 */

/* Fills txn->err and answers LEDGER_LOST. */
int sq_lost(struct ledger_txn *txn, const char *fmt, ...) ST_PRINTF(2, 3);

/* Rows of unknown number, in an arena. */
struct sq_rows {
	struct arena *arena;
	char *at;
	size_t n;
	size_t cap;
	size_t size; /* of one */
};
void *sq_rows_add(struct sq_rows *rows);

/* ---- the connection ---- */

struct sq *sq_of(struct ledger *ledger);
/* stint_or, stint_popcount and the like. functions.c */
int sq_functions_add(sqlite3 *db);

/* locks.c: LEDGER.lock */
ST_MUST_CHECK int sq_locks_open(struct sq_locks *locks, const char *ledger_path, bool read_only,
				struct err *err);
void sq_locks_close(struct sq_locks *locks);
/* Waits for the gate. 0, or -1: the file was replaced or cannot be locked. */
int sq_gate_take(struct sq_locks *locks, struct err *err);
void sq_gate_give(struct sq_locks *locks);
/* 0 got it, 1 somebody has it, -1 errno. */
int sq_life_take(struct sq_locks *locks, int64_t inc);
void sq_life_give(struct sq_locks *locks, int64_t inc);
/* Whether the kernel let go of its byte. */
bool sq_is_gone(const struct sq_locks *locks, int64_t inc);
/* Holds the byte of a dead incarnation while it is reaped: true when nobody else has it. */
bool sq_dead_take(struct sq_locks *locks, int64_t inc);
void sq_dead_give(struct sq_locks *locks, int64_t inc);

/* files.c: what others do to the files; under the gate, writers only */
ST_MUST_CHECK int sq_files_open(struct sq *q, struct err *err);
void sq_files_close(struct sq *q);
/* ERR_IO: the ledger or its log is not the file any more that is open. */
ST_MUST_CHECK int sq_files_check(struct sq *q, struct err *err);
/* After a failed fsync; whoever opens the ledger next mends it. */
void sq_files_mark_unsynced(struct sq *q);
ST_MUST_CHECK int sq_files_mend(struct sq *q, struct err *err);

/* space.c: the ballast and the free space */
void sq_space_open(struct sq *q);
void sq_space_close(struct sq *q);
/* True when there was ballast to let go of. */
bool sq_space_release(struct sq *q);
void sq_space_look(struct sq *q);

/* schema.c */
struct sq_step {
	int version;		/* what the ledger is afterwards */
	const char *const *sql; /* statements, NULL at the end */
};
struct sq_schema {
	const struct sq_step *steps; /* by version, from 1 on */
	size_t n;
	const char *const *views; /* made anew after any step; NULL at the end */
	const char *const *whole; /* what all steps come to, for a new ledger; NULL: not known */
};
extern const struct sq_schema sq_schema;
enum { SQ_APPLICATION_ID = 0x73746e74 }; /* "stnt" */

/* The version of the ledger in the file, 0: an empty file. ERR_LEDGER when it is no ledger. */
ST_MUST_CHECK int sq_schema_find(struct sq *q, int *ret_version, struct err *err);
/* Brings it up to date; the gate is held. */
ST_MUST_CHECK int sq_schema_upgrade(struct sq *q, const struct sq_schema *schema, struct err *err);
int sq_schema_newest(const struct sq_schema *schema);
/* whole.c */
extern const char *const sq_schema_whole[];
/* views.c */
extern const char *const sq_views[];
int sq_views_make(struct sq *q, const char *const *views);

/* ---- rows (rows.c) ---- */

/* Instances, runs and chunks are read in one order of columns: SQ_RUN_COLUMNS and so on. */
#define SQ_INSTANCE_COLUMNS                                                                        \
	"i.inc, i.nonce, i.name, i.host, i.boot_id, i.pid, i.state, i.started_at, "                \
	"i.quarantine_ms"
#define SQ_RUN_COLUMNS                                                                             \
	"r.id, r.job, r.due_key, r.name, r.slot, r.date, r.params, r.n, t.job_text, t.job_path, "  \
	"r.state, r.reason, r.started_at, r.ended_at, r.was_open, s.effect, s.doubt, "             \
	"s.key_valid, r.n_items, r.n_read, r.n_filtered, r.n_rejected, r.n_held_back, s.loader, "  \
	"s.loader_epoch, r.first_n, t.source_path, r.step"
/* What these are read from. */
#define SQ_RUN_TABLES                                                                              \
	"run_ AS r JOIN run_text AS t ON t.run_id = r.id"                                          \
	" JOIN run_step AS s ON s.run_id = r.id AND s.step = r.step"
#define SQ_CHUNK_COLUMNS                                                                           \
	"c.id, c.run_id, c.first_item, c.n, c.state, c.owner, c.epoch, c.crashes, c.rev, "         \
	"c.started, c.done, c.told, c.step"
#define SQ_LOOSE_COLUMNS                                                                           \
	"l.run_id, l.item, l.chunk_id, c.first_item, c.n, l.key, l.person, l.state, l.attempt, "   \
	"l.crashes, l.redo, l.epoch, l.owner, l.first_started, l.not_before, l.err_class, l.err, " \
	"l.fingerprint, l.quiet_until, l.nos, l.unclear, l.tries, l.spent_us, "                    \
	"l.request, l.step, l.was_begun"
enum { SQ_RUN_COLUMN_COUNT = 28, SQ_CHUNK_COLUMN_COUNT = 13, SQ_LOOSE_COLUMN_COUNT = 26 };

void sq_get_instance(struct sq *q, struct arena *a, sqlite3_stmt *st,
		     struct ledger_instance_row *ret_row);
void sq_get_run(struct arena *a, sqlite3_stmt *st, struct ledger_run_row *ret_row);
void sq_get_chunk(struct arena *a, sqlite3_stmt *st, struct ledger_chunk_row *ret_row);
void sq_get_loose(struct arena *a, sqlite3_stmt *st, struct ledger_loose_row *ret_row);
/* Fills in the steps of a run. */
int sq_get_steps(struct sq *q, struct arena *a, struct ledger_run_row *row);
/* Fills in the lanes of instances. */
int sq_get_lanes(struct sq *q, struct arena *a, struct ledger_instance_row *rows, size_t n);
/* Items of the chunk that have left it: item, state. loose.c */
sqlite3_stmt *sq_chunk_loose(struct sq *q, const struct ledger_chunk_row *row);
/* The body of a chunk, checked against its hash. */
int sq_get_body(struct sq *q, struct arena *a, int64_t chunk_id, const void **ret_body,
		size_t *ret_len);
/* Its keys as JSON, NULL when there are none. */
int sq_get_keys(struct sq *q, struct arena *a, int64_t chunk_id, const char **ret_keys);
/* Whether the instance is live (not stopping). 1, 0 or SQ_FAILED. */
int sq_is_live(struct sq *q, int64_t inc);
/* The state of a run; 1 found, 0 not, SQ_FAILED. */
int sq_run_state(struct sq *q, int64_t run_id, enum run_state *ret_state);
/* The same, and the step that it is at. */
int sq_run_at(struct sq *q, int64_t run_id, enum run_state *ret_state, int32_t *ret_step);
/* `step` 0: of all steps. */
int sq_count(struct sq *q, int64_t run_id, int32_t step, int64_t inc,
	     struct ledger_counts *ret_counts);
/* 1 when nothing happens to any item of the step any more, 0 when it does. */
int sq_step_is_empty(struct sq *q, int64_t run_id, int32_t step);

/* ---- shared between the operations ---- */

/* Nobody loads any step of the run any more. run.c */
int sq_run_unloaded(struct sq *q, int64_t run_id);
/* A held chunk becomes ready, or closed when nothing is left to do in it. chunk.c */
int sq_chunk_free(struct sq *q, int64_t chunk_id);
/* An item leaves its chunk by other hands than its owner's. loose.c */
struct sq_leaver {
	int64_t run_id;
	int64_t item;
	int64_t chunk_id;
	const char *key;
	enum loose_state state;
	int64_t first_started_ms;
	int64_t not_before_ms;
	const char *err_class;
	const char *err;
	int64_t now_ms;
	int64_t audit_id;
};
int sq_loose_add(struct sq *q, const struct sq_leaver *leaver);
/* A key that is done in a step of the run's job. */
struct sq_seen {
	int64_t run_id;
	int32_t step;
	const char *key;
};
int sq_seen_put(struct sq *q, const struct sq_seen *seen, int64_t now_ms);
/* request.c */
int sq_requests_settle(struct sq *q, struct ledger_txn *txn);
int sq_requests_lapse(struct sq *q, int64_t run_id, int64_t inc, int64_t now_ms);
int sq_request_add(struct sq *q, const struct ledger_request_row *row, int64_t inc, int64_t now_ms);
/* reap.c: R without its guard. */
int sq_reap_now(struct sq *q, struct ledger_txn *txn, int64_t dead, int64_t quarantine_us,
		int64_t *ret_doubtful);
/* Every undone item (`only_started`: that was started) of a chunk goes into doubt. */
struct sq_doubt {
	int64_t chunk_id;
	bool only_started;
	int64_t not_before_ms;
	const char *err_class;
	const char *err;
	int64_t now_ms;
};
int sq_doubt_chunk(struct sq *q, struct arena *a, const struct sq_doubt *doubt,
		   int64_t *ret_doubtful);
/* person.c: one verb on one item; an enum rule_person_effect, or SQ_FAILED. */
struct sq_act {
	enum person_verb verb;
	int64_t run_id;
	int64_t item;
	const char *who;
	const char *why;
	int64_t now_ms;
	bool dry_run;
};
int sq_act(struct sq *q, struct arena *a, const struct sq_act *act);

/* ---- one function for each operation: 0, LEDGER_LOST or SQ_FAILED ---- */

typedef int (*sq_op_fn)(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);

int sq_instance_begin(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_instance_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_instance_quarantine(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_instance_stopping(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_instance_end(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_lane_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_lane_drop(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_reap(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_create(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_join(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_company(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_leave(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_end(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_finish(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_counts(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_load_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_load_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_load_open(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_keys_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_content_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_chunk_claim(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_chunk_progress(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_give_back(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_loose_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_loose_claim(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_loose_settle(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_doubt_resolve(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_attempt_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
/* The transaction's number, where it follows the one before (1, else 0), and in the same statement
 * its first LOP_ROLLUP_ADD where that is for the newest minute: it is in every commit of work. */
int sq_batch_number(struct sq *q, const struct ledger_txn *txn);
int sq_rollup_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_latency_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_failure_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_stats(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_run_note(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_request_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_request_obey(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_untold_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_told_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_ended_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_ended_told(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
/* What the instance has taken of ends is anybody's again, from then on; run_id 0: of all runs. */
int sq_endings_free(struct sq *q, int64_t run_id, int64_t inc, int64_t not_before_ms);
/* After a person has changed items of the step: its end, and the run's, are done again. */
int sq_endings_reopen(struct sq *q, int64_t run_id, int32_t step);
/* Takes those that are done from `endings`. */
int sq_endings_missing(struct sq *q, int64_t run_id, int32_t step, uint32_t *endings);
int sq_ending_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_ending_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_cursor_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_step_items(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_inbox_add(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_inbox_begin(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_inbox_read(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
/* What of an inbox was taken into a run leaves it. inbox.c */
int sq_inbox_take(struct sq *q, struct ledger_txn *txn, const struct ledger_inbox_taken *taken);
int sq_rate_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_quota_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_breaker_get(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_breaker_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_endpoint_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_pools_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);
int sq_person(struct sq *q, struct ledger_txn *txn, struct ledger_op *op);

/* ---- the rest of the backend ---- */

void sq_apply(struct ledger *ledger, struct ledger_txn *txn);
int sq_select(struct ledger *ledger, const char *sql, const struct ledger_param *params, size_t n,
	      ledger_row_fn fn, void *arg, struct err *err);
int sq_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err);
int sq_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		     struct err *err);
int sq_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err);
int sq_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err);

/* For everything that writes outside of sq_apply: the gate and BEGIN IMMEDIATE; then COMMIT or
 * ROLLBACK and the gate given back. */
ST_MUST_CHECK int sq_begin(struct sq *q, struct err *err);
ST_MUST_CHECK int sq_commit(struct sq *q, struct err *err);
void sq_rollback(struct sq *q);

#endif
