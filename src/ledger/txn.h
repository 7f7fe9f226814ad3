/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger transaction as data: an ordered list of operations that are committed together or not at
 * all, with their results. The engine builds it, the writer thread (or the simulation) has a
 * backend apply it, and it comes back with `status` and each operation's `ret_` members filled.
 *
 * Promise: every write of an instance starts with the fence (instance alive, nonce equal), and a
 *          numbered batch is applied at most once. Guards raise: a chunk or loose row that is not
 *          held as the operation says undoes the whole transaction (LEDGER_LOST).
 * Owner:   whoever holds the pointer; all memory (inputs and results) is in its arena and dies with
 *          ledger_txn_free.
 * Pure:    no I/O here; part of the simulation's seam.
 *
 * To change an operation: both backends (sqlite/, memory/), the contract suite, and what
 * docs/ledger.md says. To change what is stored: a new schema version in sqlite/schema.c.
 */
#ifndef STINT_LEDGER_TXN_H
#define STINT_LEDGER_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "core/outcome.h"
#include "ledger/row.h"
#include "ledger/stats.h"
#include "ledger/txn_share.h"

/* ---- operations; where one names a step, 0 stands for the first ---- */

/* kind, member of the union */
#define LEDGER_OPS(X)                                                                              \
	X(LOP_INSTANCE_BEGIN, instance_begin)                                                      \
	X(LOP_INSTANCE_LIST, instance_list)                                                        \
	X(LOP_INSTANCE_QUARANTINE, instance_quarantine)                                            \
	X(LOP_INSTANCE_STOPPING, instance_stopping)                                                \
	X(LOP_INSTANCE_END, instance_end)                                                          \
	X(LOP_LANE_PUT, lane_put)                                                                  \
	X(LOP_LANE_DROP, lane_drop)                                                                \
	X(LOP_REAP, reap)                                                                          \
	X(LOP_RUN_LIST, run_list)                                                                  \
	X(LOP_RUN_CREATE, run_create)                                                              \
	X(LOP_RUN_JOIN, run_join)                                                                  \
	X(LOP_RUN_COMPANY, run_company)                                                            \
	X(LOP_RUN_LEAVE, run_leave)                                                                \
	X(LOP_RUN_END, run_end)                                                                    \
	X(LOP_RUN_FINISH, run_finish)                                                              \
	X(LOP_RUN_COUNTS, run_counts)                                                              \
	X(LOP_LOAD_TAKE, load_take)                                                                \
	X(LOP_LOAD_PUT, load_put)                                                                  \
	X(LOP_LOAD_OPEN, load_open)                                                                \
	X(LOP_KEYS_FIND, keys_find)                                                                \
	X(LOP_CONTENT_FIND, content_find)                                                          \
	X(LOP_CHUNK_CLAIM, chunk_claim)                                                            \
	X(LOP_CHUNK_PROGRESS, chunk_progress)                                                      \
	X(LOP_GIVE_BACK, give_back)                                                                \
	X(LOP_LOOSE_PUT, loose_put)                                                                \
	X(LOP_LOOSE_CLAIM, loose_claim)                                                            \
	X(LOP_LOOSE_SETTLE, loose_settle)                                                          \
	X(LOP_DOUBT_RESOLVE, doubt_resolve)                                                        \
	X(LOP_ATTEMPT_PUT, attempt_put)                                                            \
	X(LOP_ROLLUP_ADD, rollup_add)                                                              \
	X(LOP_LATENCY_ADD, latency_add)                                                            \
	X(LOP_FAILURE_ADD, failure_add)                                                            \
	X(LOP_RUN_STATS, run_stats)                                                                \
	X(LOP_RUN_NOTE, run_note)                                                                  \
	X(LOP_REQUEST_LIST, request_list)                                                          \
	X(LOP_REQUEST_OBEY, request_obey)                                                          \
	X(LOP_UNTOLD_LIST, untold_list)                                                            \
	X(LOP_TOLD_PUT, told_put)                                                                  \
	X(LOP_ENDED_LIST, ended_list)                                                              \
	X(LOP_ENDED_TOLD, ended_told)                                                              \
	X(LOP_ENDING_TAKE, ending_take)                                                            \
	X(LOP_ENDING_PUT, ending_put)                                                              \
	X(LOP_CURSOR_FIND, cursor_find)                                                            \
	X(LOP_STEP_ITEMS, step_items)                                                              \
	X(LOP_INBOX_ADD, inbox_add)                                                                \
	X(LOP_INBOX_BEGIN, inbox_begin)                                                            \
	X(LOP_INBOX_READ, inbox_read)                                                              \
	X(LOP_RATE_TAKE, rate_take)                                                                \
	X(LOP_QUOTA_TAKE, quota_take)                                                              \
	X(LOP_POOLS_TAKE, pools_take)                                                              \
	X(LOP_PERSON, person)                                                                      \
	X(LOP_BREAKER_GET, breaker_get)                                                            \
	X(LOP_BREAKER_PUT, breaker_put)                                                            \
	X(LOP_ENDPOINT_PUT, endpoint_put)

enum ledger_op_kind {
#define X(id, member) id,
	LEDGER_OPS(X)
#undef X
		LEDGER_OP_COUNT_
};

/* Takes a number and a row for a new incarnation. On SQLite the backend first takes byte 1+inc of
 * the lock file. Alone in its transaction, which has no fence; the transaction's `inc` is set by
 * it. */
struct lop_instance_begin {
	uint8_t nonce[LEDGER_NONCE_BYTES];
	const char *name, *host, *boot_id;
	int64_t pid;
	int64_t quarantine_us; /* as in lop_instance_quarantine */
	int64_t ret_inc;
};

/* All instances in state live or stopping but the caller's. Read only. */
struct lop_instance_list {
	const struct ledger_instance_row *ret_rows;
	size_t ret_n;
};

/* For so long may act what the caller starts from now on: kept unless more was said before. Who
 * buries it keeps to that, since he may be at another job. */
struct lop_instance_quarantine {
	int64_t quarantine_us;
};

/* State live -> stopping: claims nothing any more. Ending: -> ended; must hold nothing, and be the
 * last that writes in its transaction. */
struct lop_instance_stopping {
	int64_t unused;
};
struct lop_instance_end {
	int64_t unused;
};

struct lop_lane_put {
	int64_t pid, start_time;
};
struct lop_lane_drop {
	int64_t pid, start_time;
};

/* R: the incarnation `dead` is gone and its lanes are too (or `quarantine_us` bridges that; then,
 * where nothing is marked as started, all that is open in its chunks goes into doubt). Started and
 * not done -> doubt, loose held -> doubt, probing -> doubt as it was, chunks freed, loader freed,
 * run_instance rows left, state reaped. Nothing happens (ret_done false) when it is neither live
 * nor stopping, or is not gone: where the kernel's locks tell, when its lock is held; where there
 * are beats, when it has beaten since it was watched, or when its lock is held and it `is_hung`
 * not: then whatever it has open at the server is ended first. */
struct lop_reap {
	int64_t dead;
	int64_t quarantine_us;
	int64_t beat; /* as it was watched standing still; not looked at where there are no beats */
	bool is_hung; /* it holds its lock, and does nothing */
	bool ret_done;
	int64_t ret_doubtful;
};

/* The job's runs that are not over (loading, open, paused, failed), oldest first, and, when
 * `due_key` is not NULL, the run with that key whatever its state (ret_due, NULL when there is
 * none). `live_elsewhere[i]`: another live instance has joined run i. `n_items` of the last 20
 * finished runs for the surge guard. `last_n`: highest n of the same slot and parameters (for
 * --again). Read only. */
struct lop_run_list {
	const char *job;
	const char *due_key;  /* NULL: none */
	const char *due_base; /* due_key without the final /n, for last_n */
	const struct ledger_run_row *ret_rows;
	const bool *ret_live_elsewhere;
	size_t ret_n;
	const struct ledger_run_row *ret_due;
	bool ret_due_live_elsewhere;
	int64_t ret_last_n;
	int64_t ret_history[20];
	size_t ret_n_history;
	int64_t ret_past_id;	   /* the newest of these that had items, 0 none … */
	utime ret_past_started_at; /* … and when it began */
};

/* Makes a run in state loading, at its first step; ret_exists when (job, due_key) is there already
 * (I12), then nothing is changed. From `row` everything but id, state, counts, times and loader is
 * taken; of its steps name, effect, doubt and key_valid. With `n_steps` 0 it has one, by the row's
 * effect, doubt and key_valid. */
struct lop_run_create {
	struct ledger_run_row row;
	bool ret_exists;
	int64_t ret_id;
};

/* Puts the instance down as one that works on the run, and reads it. A run in state failed becomes
 * open again when it was open before, else loading with what it had loaded removed. `refresh_doubt`
 * etc. are not stored anew. ret_over: it is finished, abandoned or missed, nothing was changed. */
struct lop_run_join {
	int64_t run_id;
	bool ret_over;
	struct ledger_run_row ret_row;
	struct ledger_counts ret_counts;	      /* of its step; of all when it is over */
	const struct ledger_instance_row *ret_others; /* other live instances that have joined */
	size_t ret_n_others;
};

/* Who else is in the run, without lanes; also who is gone and was not reaped yet. `ret_states`:
 * what has become of each that was known, 0 where nobody knows. Read only. */
struct lop_run_company {
	int64_t run_id;
	const int64_t *known;
	size_t n_known;
	const struct ledger_instance_row *ret_others;
	size_t ret_n_others;
	const enum instance_state *ret_states;
};

/* Takes the instance off the run's list; `reason` (stop's reason, may be "") is kept with the
 * run. */
struct lop_run_leave {
	int64_t run_id;
	const char *reason;
};

/* Ends a run by decision: loading or open -> failed or abandoned, with the reason. ret_done false
 * when it was over already. Chunks that others hold stay theirs until they settle. */
struct lop_run_end {
	int64_t run_id;
	enum run_state state;
	const char *reason;
	bool ret_done;
};

/* E. Finishes the step that the run is at, when that is `step`, nothing of it is open, all was
 * told, and each of `endings` is done (else, with nothing open, `ret_missing` has those that are
 * not; the run's end is asked for with the last step only). The run goes to the next step that is
 * not finished, or is finished with the last. `needs_done`: a step with dead, asked or rejected
 * items is finished only when it is the last (ret_blocked). ret_finished: this or another call
 * finished the run. Always fills counts, those of `step`. */
struct lop_run_finish {
	int64_t run_id;
	int32_t step;
	uint32_t endings; /* ENDING_BIT of each that has to be done first */
	bool needs_done;
	bool ret_finished;
	bool ret_blocked;
	uint32_t ret_missing;
	int32_t ret_step; /* that the run is at now */
	struct ledger_counts ret_counts;
};

/* `step` 0: all of them together. */
struct lop_run_counts {
	int64_t run_id;
	int32_t step;
	struct ledger_counts ret_counts;
	enum run_state ret_state;
	int32_t ret_step; /* that the run is at */
};

/* Becomes the step's loader when nobody is and the run is at that step; ret_taken false:
 * `ret_loader` loads. Gives the cursor (NULL and 0 at the start). */
struct lop_load_take {
	int64_t run_id;
	int32_t step;
	bool ret_taken;
	int64_t ret_loader;
	int32_t ret_epoch;
	const void *ret_cursor;
	size_t ret_cursor_len;
};

struct ledger_new_chunk {
	uint32_t n;
	const void *body;
	size_t body_len;
	const char
		*keys; /* JSON array of the items' keys, NULL where only their place names them */
	bool tell;     /* somebody must be told afterwards (then:), else told is set at once */
	const char *sums; /* totals: JSON, for each item an array of its amounts; NULL: none */
};

struct ledger_reject {
	const char *path;
	int64_t line, column, offset; /* from 1, 1 and 0 */
	const char *reason;
	const void *raw; /* the record as it stood, cut to a limit */
	size_t raw_len;
	bool is_cut;
	const char *key; /* duplicates: the key, else NULL */
};

/* Adds what the reader found and moves the cursor; guarded by loader and epoch. */
struct lop_load_put {
	int64_t run_id;
	int32_t step;
	int32_t epoch;
	const struct ledger_new_chunk *chunks;
	size_t n_chunks;
	const struct ledger_reject *rejects;
	size_t n_rejects;
	const void *cursor;
	size_t cursor_len;
	int64_t add_read, add_filtered,
		add_held_back; /* rejected and items are counted from the above */
	const char *sums;      /* totals of the load so far, JSON, in place of those before; NULL:
				* none are declared */
	struct ledger_inbox_taken inbox;
};

/* Loading is complete: loading -> open, loader freed; guarded by loader and epoch. The run is open
 * with it, unless a person sent it back to an earlier step meanwhile. */
struct lop_load_open {
	int64_t run_id;
	int32_t step;
	int32_t epoch;
};

/* For each key: is it open (retry, held, in doubt) in this step of an earlier run of the job; was
 * it ever done there (unique: job; `seen_since` 0) or done since then (within). Read only. */
struct lop_keys_find {
	const char *job;
	int64_t run_id;
	int32_t step;
	const char *const *keys;
	size_t n;
	bool seen;
	utime seen_since;
	const uint8_t *ret_open; /* bits */
	const uint8_t *ret_seen;
	/* No key whatever is open in an earlier run of the job. False also where so many are open
	 * in the ledger (LEDGER_FEW_OPEN) that this could not be told quickly. */
	bool ret_none_open;
};
enum { LEDGER_FEW_OPEN = 256 };

/* same_content: refuse. Remembers that the run read this content; ret_run is the name of another
 * run of the job that had it and was neither failed before it opened nor abandoned, NULL when
 * none. */
struct lop_content_find {
	const char *job;
	int64_t run_id;
	const char *path;
	const uint8_t *digest;
	size_t digest_len;
	const char *ret_run;
};

/* What was claimed before a failover lost it: a chunk or an item, and the epoch of then. */
struct ledger_retake {
	int64_t id;
	int32_t epoch;	/* 0: none is named */
	bool was_begun; /* an item, before that: for who writes it again */
	int32_t n_done; /* a chunk: so many of its items at most may be done; -1: any number */
};

/* C. Up to `max` ready chunks of an open run that is at this step, in order, with bodies. Nothing
 * for an instance that is not live. With `again`, just that chunk, which nobody may have claimed
 * since, and of which nobody may have skipped anything; nothing comes back. */
struct lop_chunk_claim {
	int64_t run_id;
	int32_t step;
	uint32_t max;
	struct ledger_retake again;
	const struct ledger_chunk_row *ret_rows;
	size_t ret_n;
};

/* P, and X when `close`. `started` and `done` are or-ed in; either may be NULL. add_crashes when a
 * lane died with it. `done_keys`: keys that are now done and are to be remembered (unique: job,
 * within). */
struct lop_chunk_progress {
	int64_t run_id;
	int64_t chunk_id;
	int32_t epoch;
	int32_t rev;
	uint32_t n;
	const uint8_t *started;
	const uint8_t *done;
	bool close;
	int32_t add_crashes;
	const char *const *done_keys;
	size_t n_done_keys;
	int32_t step; /* whose keys these are */
};

/* G: frees this instance's chunks of the run (0: of all runs) in which nothing is started and not
 * done, and is counted; the others stay held. */
struct lop_give_back {
	int64_t run_id;
	int64_t ret_chunks;
};

/* An item leaves its chunk: same transaction as its done bit. `row.owner` non-zero (with state
 * held) keeps it in this instance's hand. */
struct lop_loose_put {
	struct ledger_loose_row row;
	bool remember_key; /* unique: job or within, and the state is done */
};

/* L. Up to `max` due retry rows of an open run that is at this step, oldest first, with their
 * chunks' bodies. `to_probe`: due rows in doubt instead, which become probing. With `again`, just
 * that item, as LOP_CHUNK_CLAIM. */
struct lop_loose_claim {
	int64_t run_id;
	int32_t step;
	utime now;
	uint32_t max;
	bool to_probe;
	struct ledger_retake again;
	const struct ledger_loose_row *ret_rows;
	size_t ret_n;
};

/* LS. `row` gives run, item, epoch (guards, with this owner) and what it becomes: state, attempt
 * (absolute), crashes, not_before, quiet_until, nos, unclear, request, key, person, err_class, err,
 * fingerprint. `is_probe`: of a probing row, which a person may have decided meanwhile; then
 * nothing is changed, nor is the rest undone, and ret_late says so (a batch that is sent again does
 * not). */
struct lop_loose_settle {
	struct ledger_loose_row row;
	bool remember_key;
	bool is_probe;
	bool ret_late;
};

/* What is in doubt and past its quarantine: 3 -> 8 (ask), 1 (retry), 6 (skip). Retry asks after all
 * where now > first_started + 0.9 key_valid (key_valid 0: for ever). `only_retries`: whatever else
 * would become of it, it stays in doubt, to be verified. */
struct lop_doubt_resolve {
	int64_t run_id;
	enum doubt_policy policy;
	int64_t key_valid_us;
	utime now;
	bool only_retries;
	int32_t step;
	int64_t ret_retried, ret_asked, ret_skipped;
};

struct lop_attempt_put {
	utime at; /* when it began */
	int64_t run_id, item;
	int32_t attempt;
	enum outcome outcome;
	int64_t took_us;
	const char *err_class, *err, *fingerprint;
	const void *output; /* the tail of what it said; may be empty */
	size_t output_len;
	bool output_cut;
	bool is_probe;	  /* not of the item, but of whether that attempt took effect */
	const char *keep; /* a JSON object of what is kept of the answer, "" none */
};

/* Per minute and instance: attempts, successes too, and the time that went into them. */
struct lop_rollup_add {
	int64_t run_id;
	utime minute;
	int64_t done, failed, took_us; /* of all of them … */
	int64_t failed_us;	       /* … of those that failed */
	int64_t again, again_us;       /* of these, attempts at what had been tried before */
	int64_t over_quota;	       /* of these, beyond a quota */
	int64_t items;		       /* items that ended with one of these, well or not, … */
	int64_t tries, tries_squares;  /* … all attempts at them, and these squared, … */
	int64_t tries_us;	       /* … and times what they took */
	int64_t worked_us;	       /* by how much longer the instance was at it */
};

/* Adds durations to those that this instance has written for an endpoint and phase: histogram_put's
 * bytes. */
struct lop_latency_add {
	int64_t run_id;
	const char *endpoint, *phase;
	const void *histogram;
	size_t len;
};

/* Failed attempts of one class, this instance's. An instance writes at most LEDGER_CLASSES_MAX
 * classes, and LEDGER_CLASS_OTHER. */
struct lop_failure_add {
	int64_t run_id;
	const char *endpoint, *err_class;
	const char *sample; /* the words of one; those of the first stay */
	int64_t n, took_us;
};

/* All of that for a run, of all instances together. Read only. */
struct lop_run_stats {
	int64_t run_id;
	struct ledger_stats ret_stats;
};

/* What a person should know of a run while it is on: it will take longer than expected, it goes on
 * gently. A handful in each call. */
struct lop_run_note {
	int64_t run_id;
	utime at;
	const char *kind; /* the key of the job file: window.expect */
	const char *text;
	utime until; /* the end of the run by its forecast; 0: not told */
};

enum request_verb {
	REQUEST_STOP = 1,
	REQUEST_STOP_NOW,
	REQUEST_SKIP,
	REQUEST_RETRY,
	REQUEST_RESOLVE
};

struct ledger_request_row {
	int64_t id;
	enum request_verb verb;
	int64_t run_id;
	int64_t item; /* -1: the run */
	const char *who, *why;
};

/* Requests that nobody has obeyed for runs that this instance has joined, and for items that it
 * holds. Read only. */
struct lop_request_list {
	const struct ledger_request_row *ret_rows;
	size_t ret_n;
};
/* Nothing where there is none: a failover has lost it after we had read it. */
struct lop_request_obey {
	int64_t id;
};

/* then: closed chunks whose told bits are not all set, with ids above `after`, with bodies
 * and, in `ret_rows[i].started`, instead of started bits, which items ended as done or skipped.
 * Nothing while items of the step are open (waiting, running, retry, in doubt but not asked). */
struct lop_untold_list {
	int64_t run_id;
	int32_t step;
	int64_t after;
	uint32_t max;
	bool is_whole; /* all chunks, told or not; what a person skipped has not ended well */
	const struct ledger_chunk_row *ret_rows;
	size_t ret_n;
	bool ret_is_settled; /* nothing of the step is open, nor is the run over */
};
/* Sets all told bits of these chunks; chunk_id 0: of all chunks of the step. */
struct lop_told_put {
	int64_t run_id;
	int32_t step;
	int64_t chunk_id;
};

/* on_done, on_dead: how items ended that nobody was told of yet, of `max` chunks at most with ids
 * above `after` that no other instance holds. `ret_last` is the last chunk that was looked at, and
 * `ret_more` says that there may be others behind it: not each has something to tell. */
struct ledger_ended {
	int64_t chunk_id;
	uint32_t n;
	const uint8_t *done, *dead; /* BITS_BYTES(n) */
	const uint8_t *quiet;	    /* ended so that there is nothing to tell: skipped, asked */
	const void *body;
	size_t body_len;
};
struct lop_ended_list {
	int64_t run_id;
	int32_t step;
	int64_t after;
	uint32_t max;
	const struct ledger_ended *ret_rows;
	size_t ret_n;
	int64_t ret_last;
	bool ret_more;
};
/* Sets told bits, of the items that are still what they are told as: a person may have decided
 * otherwise meanwhile. */
struct lop_ended_told {
	int64_t run_id;
	int64_t chunk_id;
	uint32_t n;
	const uint8_t *done, *dead, *quiet;
};

/* Takes what is done once at the end of a step that the run is at and of which nothing is open
 * (ret_is_settled), when it is not done, nobody else has it, and its next try is due. Whoever has
 * taken it does it, and says so by LOP_ENDING_PUT; leaving the run gives it back, and a reaping,
 * after its quarantine. When a person sends items back, what is being done counts no more: whoever
 * has it hears so from LOP_ENDING_PUT, and it is done again. `ret_row` is what is there. */
struct lop_ending_take {
	int64_t run_id;
	int32_t step; /* that is worked; the run's end has a row of its own */
	enum ledger_ending kind;
	bool ret_taken;
	bool ret_is_settled;
	struct ledger_ending_row ret_row;
};
/* Done, with what came of it; or failed (`err`), to be tried again from `not_before` on; it is
 * nobody's then. When it is not this instance's with that epoch nothing else happens (ret_late). */
struct lop_ending_put {
	int64_t run_id;
	int32_t step;
	enum ledger_ending kind;
	int32_t epoch;
	bool is_done;
	utime not_before;
	const char *err, *result;
	bool ret_late;
};

/* Where the job's latest finished run that read something, other than this one, had come to; of
 * runs with the same identifying parameters, which `due_part` is of their due key: "/DIGEST/". */
struct lop_cursor_find {
	const char *job;
	int64_t run_id;
	const char *due_part;
	const void *ret_cursor; /* NULL: there is none */
	size_t ret_cursor_len;
};

/* What an item kept: the last attempt that kept something. */
struct ledger_kept {
	uint32_t index; /* in its chunk */
	const char *keep;
};

/* The first chunk of a step with items behind number `from` - 1, for a later step that takes them:
 * which of its items ended as `state` (done, dead, waived), and what those from `from` to ret_end
 * kept, in order and no more of it than about `max_bytes`. ret_n 0: there is no such chunk. Read
 * only. */
struct lop_step_items {
	int64_t run_id;
	int32_t step;
	int64_t from;
	enum loose_state state;
	size_t max_bytes;
	uint32_t ret_n;
	int64_t ret_first_item;
	const uint8_t *ret_ended;
	const void *ret_body;
	size_t ret_body_len;
	const struct ledger_kept *ret_kept;
	uint32_t ret_n_kept;
	uint32_t ret_end; /* an index: items before it are complete */
};

/* Puts items into a job's inbox, in this order. */
struct lop_inbox_add {
	const char *job;
	const struct ledger_inbox_row *rows; /* key and fields */
	size_t n;
};

/* The step's loader begins to read the inbox of the run's job, alone: `ret_other` names the run
 * that reads it now, NULL when it may. `ret_upto`: the place behind which nothing is of this load.
 * Guarded by loader and epoch. */
struct lop_inbox_begin {
	int64_t run_id;
	int32_t step;
	int32_t epoch;
	const char *job;
	const char *ret_other;
	int64_t ret_upto;
};

/* Up to `max` rows behind `after`, in order, and no more than `max_bytes` but for the last. Those
 * up to `ret_whole_to` lie in a table that goes as a whole (0: there is none), and `ret_from` is
 * behind what was moved of it. Read only. */
struct lop_inbox_read {
	const char *job;
	int64_t after, upto;
	uint32_t max;
	int64_t max_bytes;
	const struct ledger_inbox_row *ret_rows;
	size_t ret_n;
	int64_t ret_from;
	int64_t ret_whole_to;
};

/* What a person's verb does at once to what nobody holds; what an instance holds gets a request
 * row. All with an audit row: who, why, when (I13). */
enum person_verb {
	/* dead (or in doubt: no) -> retry now; a finished run is opened again, and a run that is at
	 * a later step goes back to that of the item */
	PERSON_RETRY,
	PERSON_RESOLVE_DONE,  /* in doubt -> done */
	PERSON_RESOLVE_RETRY, /* in doubt -> retry, with the same key: the other side may know it */
	PERSON_RESOLVE_SKIP,  /* in doubt -> skipped */
	PERSON_SKIP,	      /* waiting, retry, dead, in doubt -> skipped */
	PERSON_STOP,	      /* a request to every instance on the run */
	PERSON_STOP_NOW,
	PERSON_ABANDON, /* run not over -> abandoned; PERSON_STOP_NOW to those who are on it */
	PERSON_VERB_COUNT_
};
struct lop_person {
	enum person_verb verb;
	int64_t run_id;
	const int64_t *items; /* numbers; NULL for verbs on the run */
	size_t n;
	const char *who, *why;
	utime now;
	bool dry_run;	       /* count only */
	int64_t ret_changed;   /* done at once */
	int64_t ret_requested; /* an instance holds them: will be done by it */
	int64_t ret_refused;   /* not in a state for this verb */
};

struct ledger_op {
	struct ledger_op *next;
	enum ledger_op_kind kind;
	union {
#define X(id, member) struct lop_##member member;
		LEDGER_OPS(X)
#undef X
	} u;
};

/* ---- the transaction ---- */

enum ledger_status {
	LEDGER_PENDING,
	LEDGER_APPLIED,	 /* committed (or was committed before: the batch number says so) */
	LEDGER_FENCED,	 /* this incarnation was reaped or never was: write nothing more */
	LEDGER_LOST,	 /* a guard found nothing; nothing was committed */
	LEDGER_BUSY,	 /* certainly not committed, worth another try */
	LEDGER_UNKNOWN,	 /* may be committed or not: send the same transaction again */
	LEDGER_NO_SPACE, /* certainly not committed: the disk is full */
	LEDGER_BEHIND,	 /* a failover has lost acknowledged batches, those behind `ret_batch`;
			  * nothing was committed. ledger/journal.h writes them again */
	LEDGER_BROKEN	 /* storage failed: end with 74 and never retry the fsync */
};

enum { LEDGER_TXN_MAGIC = 0x7c1a0e51 };

struct ledger_txn {
	uint32_t magic;
	struct arena arena;
	struct ledger_op *first;
	struct ledger_op *last;
	size_t n_ops;
	int64_t inc; /* 0: a person's transaction, no fence, no batch number */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	/* This instance's running number; 0 in transactions that only read. A number is used up by
	 * LEDGER_APPLIED alone: what takes the place of a lost transaction has its number. */
	int64_t batch;
	int64_t acked; /* the last of them that was acknowledged; 0: not asked about */
	bool is_redo;  /* writes again what was lost: the number may follow on any lower one */
	bool claims;   /* the fence demands state live, not just live or stopping */
	utime now;     /* the time that rows get; the engine's clock */
	enum ledger_status status;
	struct err err; /* words for every status but applied */
	struct ledger_op
		*lost;	   /* with LEDGER_LOST: the operation whose guard found nothing, if one */
	bool space_is_low; /* the disk is nearly full, or was and the ballast is gone */
	/* Somebody has been reading for so long that the log cannot be used again: nothing is
	 * claimed until he ends. */
	bool log_is_held;
	int64_t ret_batch;	 /* with LEDGER_BEHIND: the last that the ledger has */
	bool ret_is_failed_over; /* another server has taken over since the last transaction */
	int64_t ret_redone;	 /* batches that it had lost and that were written again before */
	const char *ret_warning; /* applied, and a person is to know this; NULL: nothing */
	void *context;		 /* the caller's */
};

struct ledger_txn *ledger_txn_new(void);
void ledger_txn_free(struct ledger_txn *txn);
/* Appends a zeroed operation and lends it for filling. */
struct ledger_op *ledger_txn_add(struct ledger_txn *txn, enum ledger_op_kind kind);
/* Moves the operation that was added last before all others. */
void ledger_txn_move_first(struct ledger_txn *txn, struct ledger_op *op);
/* True when no operation writes. */
bool ledger_txn_is_read_only(const struct ledger_txn *txn);
bool ledger_op_writes(const struct ledger_op *op);
/* The first operation that writes for an instance after its end, or NULL. */
struct ledger_op *ledger_txn_find_late(const struct ledger_txn *txn);
/* Forgets results and status so that the same transaction can be sent again. */
void ledger_txn_rewind(struct ledger_txn *txn);

const char *ledger_op_name(enum ledger_op_kind kind);

#endif
