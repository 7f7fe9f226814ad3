/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: the only authority on what was claimed, started and done.
 *
 * Promise: I1 to I16 of docs/engine.md; `ledger_verify` checks them. Several processes may have
 *          the same ledger open; a write transaction is exclusive and durable when ledger_apply
 *          says LEDGER_APPLIED.
 * Owner:   ledger_open gives, ledger_close frees. One thread at a time; the engine's writer thread
 *          has its own handle, readers have theirs.
 * Failure: opening fails with ERR_LEDGER (cannot be opened or created, newer than this program,
 *          refused file system), ERR_PERM or ERR_IO, in words that name the file and what to do;
 *          with ERR_NOINPUT when there is no ledger at a server and none is to be made.
 */
#ifndef STINT_LEDGER_LEDGER_H
#define STINT_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "ledger/txn.h"

struct buf;
struct err;
struct ledger;

enum ledger_flags {
	LEDGER_CREATE = 1 << 0,	    /* make it (and its directory) when it is not there */
	LEDGER_READ_ONLY = 1 << 1,  /* a reader: never writes, never checkpoints */
	LEDGER_VOLATILE = 1 << 2,   /* tmpfs is allowed */
	LEDGER_ANY_VERSION = 1 << 3 /* for `ledger upgrade` and `ledger info`: an older schema is
					opened as it is */
};

/* `url` is sqlite:PATH, a plain path, postgres://… (any URI of libpq), or memory: (tests). An older
 * schema is upgraded on opening for writing, refused (ERR_LEDGER, "run stint ledger upgrade") on
 * reading only. */
ST_MUST_CHECK int ledger_open(const char *url, unsigned flags, struct ledger **ret_ledger,
			      struct err *err);
void ledger_close(struct ledger *ledger);
void ledger_auto(struct ledger **ledger);

/* The path of the file that a URL names; NULL: it is on a server. Lends. */
const char *ledger_url_file(const char *url);

/* The URL as a person would write it, without secrets. */
const char *ledger_url(const struct ledger *ledger);
void ledger_uuid(const struct ledger *ledger, uint8_t out[LEDGER_UUID_BYTES]);
int ledger_schema_version(const struct ledger *ledger);

/* Applies the transaction and fills its status, err and results. Blocks for as long as it takes. */
void ledger_apply(struct ledger *ledger, struct ledger_txn *txn);

/* ---- beats: how an instance is seen to live where no kernel's lock can tell ---- */

/* Whether instances of this ledger have to beat. */
bool ledger_has_beats(const struct ledger *ledger);
/* Whether the last commits are lost when the server is replaced by a standby: it has some, and
 * waits for none of them. As it was when the ledger was opened. */
bool ledger_may_lose_commits(const struct ledger *ledger);

/* The pulse of an instance: a connection of its own beside the ledger's, so that no slow
 * transaction holds beats up. Another thread than the ledger's may use it; the ledger must outlive
 * it. Only where ledger_has_beats. */
struct ledger_pulse;
/* Connects to nothing yet. */
struct ledger_pulse *ledger_pulse_new(struct ledger *ledger);
void ledger_pulse_free(struct ledger_pulse *pulse);
/* One beat; connects, and takes the lock that says that somebody is there, where that has to be
 * done. Blocks for a few seconds at most. LEDGER_APPLIED: acknowledged; LEDGER_FENCED: the
 * incarnation was reaped or never was; LEDGER_UNKNOWN: it may have been made or not, beat again. */
ST_MUST_CHECK enum ledger_status ledger_pulse_beat(struct ledger_pulse *pulse, int64_t inc,
						   const uint8_t nonce[LEDGER_NONCE_BYTES],
						   struct err *err);

/* ---- reading for people: plain SQL over the views item, attempt, run, reject, instance, … ---- */

enum ledger_param_type { LEDGER_INT, LEDGER_TEXT };
struct ledger_param {
	enum ledger_param_type type;
	int64_t number;
	const char *text; /* NULL: null */
};

/* A row of a result; lent for the call. Columns from 0. */
struct ledger_row;
const char *ledger_row_text(const struct ledger_row *row, int column,
			    size_t *ret_len); /* NULL: null */
/* Kept, in the arena: NULL, or "", for null. */
const char *ledger_row_str_or_null(const struct ledger_row *row, int column, struct arena *a);
const char *ledger_row_str(const struct ledger_row *row, int column, struct arena *a);
int64_t ledger_row_int(const struct ledger_row *row, int column);
double ledger_row_real(const struct ledger_row *row, int column);
bool ledger_row_is_null(const struct ledger_row *row, int column);
int ledger_row_columns(const struct ledger_row *row);
const char *ledger_row_name(const struct ledger_row *row, int column);

/* Called for each row; anything but 0 ends the query and is returned by ledger_select. */
typedef int (*ledger_row_fn)(void *arg, const struct ledger_row *row);
/* Parameters are bound to ?1, ?2, … */
ST_MUST_CHECK int ledger_select(struct ledger *ledger, const char *sql,
				const struct ledger_param *params, size_t n, ledger_row_fn fn,
				void *arg, struct err *err);

/* ---- walking and verifying: the same on every backend ---- */

struct ledger_visitor {
	void *arg;
	void (*instance)(void *arg, const struct ledger_instance_row *row);
	/* Each run, then its chunks by first_item (without bodies), then its loose rows by item. */
	void (*run)(void *arg, const struct ledger_run_row *row);
	void (*chunk)(void *arg, const struct ledger_chunk_row *row);
	void (*loose)(void *arg, const struct ledger_loose_row *row);
};
ST_MUST_CHECK int ledger_walk(struct ledger *ledger, const struct ledger_visitor *visitor,
			      struct err *err);

/* Called for each finding: which invariant ("I7"), where, what. */
typedef void (*ledger_finding_fn)(void *arg, const char *invariant, const char *where,
				  const char *what);
/* Checks every invariant that can be seen at rest, conservation, body hashes, and the backend's own
 * integrity check. `*ret_findings` counts. */
ST_MUST_CHECK int ledger_verify(struct ledger *ledger, ledger_finding_fn fn, void *arg,
				int64_t *ret_findings, struct err *err);
/* Why the last ledger_verify could not ask whether the storage's own files are whole; "": it did.
 */
const char *ledger_not_checked(const struct ledger *ledger);

/* `stint ledger upgrade`: brings an older schema up to date; ret_from and ret_to are versions. */
ST_MUST_CHECK int ledger_upgrade(struct ledger *ledger, int *ret_from, int *ret_to,
				 struct err *err);
/* `stint ledger restored`: after a restore from backup: raises the generation, reaps everybody and
 * puts what open `once` chunks may have done since into doubt. */
ST_MUST_CHECK int ledger_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful,
				  struct err *err);

/* ---- the memory backend, for tests and the simulation ---- */

/* Marks an incarnation's process as gone (a crash), as the kernel's lock would show. */
void ledger_memory_kill(struct ledger *ledger, int64_t inc);
/* From now on it is a ledger with beats, as a database server's: a kill only frees the lock. */
void ledger_memory_use_beats(struct ledger *ledger);
/* A failover that loses commits: remembers how it is now, until one of the other two; goes back to
 * that; or forgets it, since all is safe. */
void ledger_memory_remember(struct ledger *ledger);
void ledger_memory_go_back(struct ledger *ledger);
void ledger_memory_forget(struct ledger *ledger);
/* Tells of what a journal writes again (ledger/journal.h), once it is applied. */
void ledger_memory_watch(struct ledger *ledger, void (*on_redo)(void *arg, struct ledger_txn *txn),
			 void *arg);

#endif
