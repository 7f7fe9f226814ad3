/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger holds, as structs: states and rows of instances, runs, steps, chunks and loose
 * items.
 *
 * Owner:   whoever filled them; a transaction's rows live in its arena.
 * Pure:    no I/O here; part of the simulation's seam.
 */
#ifndef STINT_LEDGER_ROW_H
#define STINT_LEDGER_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* ---- states as they are stored; the numbers stay ---- */

#define INSTANCE_STATES(X)                                                                         \
	X(INSTANCE_LIVE, 1, "live")                                                                \
	X(INSTANCE_STOPPING, 2, "stopping")                                                        \
	X(INSTANCE_ENDED, 3, "ended")                                                              \
	X(INSTANCE_REAPED, 4, "reaped")

#define RUN_STATES(X)                                                                              \
	X(RUN_LOADING, 1, "loading")                                                               \
	X(RUN_OPEN, 2, "open")                                                                     \
	X(RUN_PAUSED, 3, "paused")                                                                 \
	X(RUN_FINISHED, 4, "finished")                                                             \
	X(RUN_ABANDONED, 5, "abandoned")                                                           \
	X(RUN_FAILED, 6, "failed")                                                                 \
	X(RUN_MISSED, 7, "missed")

#define CHUNK_STATES(X)                                                                            \
	X(CHUNK_READY, 0, "ready")                                                                 \
	X(CHUNK_HELD, 1, "held")                                                                   \
	X(CHUNK_CLOSED, 2, "closed")

/* number, name in the ledger, state as users see it */
#define LOOSE_STATES(X)                                                                            \
	X(LOOSE_RETRY, 1, "retry")                                                                 \
	X(LOOSE_HELD, 2, "running")                                                                \
	X(LOOSE_DOUBT, 3, "in_doubt")                                                              \
	X(LOOSE_DEAD, 4, "dead")                                                                   \
	X(LOOSE_DONE, 5, "done")                                                                   \
	X(LOOSE_WAIVED, 6, "skipped")                                                              \
	X(LOOSE_PROBING, 7, "in_doubt")                                                            \
	X(LOOSE_ASKED, 8, "in_doubt")

/* What is done once when a step, or the run, has nothing open any more, by one instance. WORK: of a
 * step's work, such as the name of a file that was written; RUN: of the run. */
#define LEDGER_ENDINGS(X)                                                                          \
	X(ENDING_WORK, 1, "work")                                                                  \
	X(ENDING_RUN, 2, "run")

enum instance_state {
#define X(id, value, text) id = value,
	INSTANCE_STATES(X)
#undef X
};
enum run_state {
#define X(id, value, text) id = value,
	RUN_STATES(X)
#undef X
};
enum chunk_state {
#define X(id, value, text) id = value,
	CHUNK_STATES(X)
#undef X
};
enum loose_state {
#define X(id, value, text) id = value,
	LOOSE_STATES(X)
#undef X
};
enum ledger_ending {
#define X(id, value, text) id = value,
	LEDGER_ENDINGS(X)
#undef X
};
/* Several of them together. */
#define ENDING_BIT(ending) (1U << (unsigned)(ending))

/* idempotent; with key_valid; transactional; once; transactional by a file */
enum effect_class { EFFECT_PURE = 1, EFFECT_KEYED, EFFECT_MARKER, EFFECT_UNSAFE, EFFECT_SEGMENT };
enum doubt_policy { DOUBT_RETRY = 1, DOUBT_ASK, DOUBT_SKIP };

enum {
	LEDGER_NONCE_BYTES = 16,
	LEDGER_UUID_BYTES = 16,
	CHUNK_ITEMS_MAX = 4096,
	LEDGER_STEPS_MAX = 64 /* of one run */
};

/* ---- rows ---- */

struct ledger_lane_row { /* a process that acts for an instance */
	int64_t inc;
	int64_t pid;
	int64_t start_time; /* field 22 of /proc/PID/stat */
};

struct ledger_instance_row {
	int64_t inc;
	uint8_t nonce[LEDGER_NONCE_BYTES];
	const char *name;
	const char *host;
	const char *boot_id;
	int64_t pid;
	enum instance_state state;
	utime started_at;
	int64_t quarantine_us; /* the longest that anything it started may act after its death */
	bool is_gone; /* its process is provably no more (the kernel let go of its lock); never on
			 a ledger that has beats */
	int64_t beat; /* how often it has shown that it lives; 0 where there are no beats */
	bool is_lock_free; /* with beats: nobody holds its lock. A hint: after a failover or a
			      restart of the server all are free while all live */
	int64_t quiet_us;  /* with beats: how long ago the last one was, by the ledger's clock. For
			      people: nobody may take it for dead by that */
	const struct ledger_lane_row *lanes;
	size_t n_lanes;
};

/* One step of a run. A job without steps is a job of one, whose name is "". Steps are worked one
 * after another; the run is at the first that is not finished. */
struct ledger_step_row {
	int32_t step; /* from 1 */
	const char *name;
	enum effect_class effect;
	enum doubt_policy doubt;
	int64_t key_valid_us; /* 0: for ever */
	enum run_state state; /* loading (or not begun), open, finished */
	int64_t first_item;   /* items are numbered through the steps of a run */
	int64_t n_items, n_read, n_filtered, n_rejected, n_held_back;
};

struct ledger_run_row {
	int64_t id;
	const char *job;
	const char *due_key; /* slot / identifying parameters / n */
	const char *name;    /* JOB@SLOT[,NAME=VALUE…][#N] */
	const char *slot;
	const char *date;   /* 2026-11-23 */
	const char *params; /* canonical JSON object of all parameters */
	int64_t n;
	const char *job_text; /* the normalised job */
	const char *job_path; /* where the file was, for messages and relative paths */
	enum run_state state;
	const char *reason; /* why it failed, was stopped or abandoned; "" */
	utime started_at;
	utime ended_at; /* 0 while it is not over */
	bool was_open;	/* it once got past loading: a failed run then resumes instead of loading
			   again */
	int64_t n_items, n_read, n_filtered, n_rejected, n_held_back; /* of all steps together */
	int32_t step; /* that it is at, from 1; its … */
	enum effect_class effect;
	enum doubt_policy doubt;
	int64_t key_valid_us;
	int64_t loader; /* … inc that loads it, 0 none */
	int32_t loader_epoch;
	const struct ledger_step_row *steps; /* all of them, in order */
	size_t n_steps;
	int64_t first_n;	 /* --first N, 0 none */
	const char *source_path; /* --source PATH, "" none */
	const char *sums;	 /* in ledger_walk only; NULL: none */
};

/* Items of a run by state; their sum is n_items (I1). */
struct ledger_counts {
	int64_t waiting, running, done, skipped, retry, in_doubt, dead;
	int64_t asked;		/* of in_doubt: a person decides */
	int64_t ready_chunks;	/* nobody holds them */
	int64_t held_by_others; /* chunks and loose rows that other instances hold */
	utime next_due; /* earliest not_before of retry and doubt rows; UTIME_NEVER when none */
};

struct ledger_chunk_row {
	int64_t id;
	int64_t run_id;
	int32_t step;
	int64_t first_item;
	uint32_t n;
	enum chunk_state state;
	int64_t owner; /* inc, 0 none */
	int32_t epoch;
	int32_t crashes;
	int32_t rev;
	const uint8_t *started, *done, *told; /* BITS_BYTES(n), base/bits.h */
	const void *body;		      /* NULL where it was not asked for */
	size_t body_len;
	const char *sums; /* in ledger_walk only; NULL: none */
};

struct ledger_loose_row {
	int64_t run_id;
	int32_t step;
	int64_t item;
	int64_t chunk_id;
	int64_t first_item; /* of that chunk */
	uint32_t chunk_n;
	const char *key;    /* NULL: not known */
	const char *person; /* NULL: none */
	enum loose_state state;
	int32_t attempt; /* charged so far */
	int32_t crashes;
	int32_t redo;
	int32_t epoch;
	int64_t owner;
	utime first_started; /* of the first attempt that may have taken effect; 0: none */
	bool was_begun;	     /* first_started was there before this claim; only of what is held */
	utime not_before;
	utime quiet_until; /* until then something may still act on it: doubt, dead */
	int32_t nos;	   /* in doubt: how often in a row verify said that it did not happen … */
	int32_t unclear;   /* … and how often it could not tell */
	uint64_t request; /* names what was sent first (struct frame_outcome), and stays; 0: nothing
			   * was
			   */
	int32_t tries;	  /* attempts since it ended last, and how long these took; … */
	int64_t spent_us; /* … LOOSE_SETTLE adds them to what is there */
	const char *err_class; /* "" none */
	const char *err;
	const char *fingerprint; /* 8 hexadecimal digits of the error's shape, "" none */
	const void *body;	 /* of its chunk; only from LOOSE_CLAIM */
	size_t body_len;
	bool has_done_bit; /* in its chunk; only from ledger_walk */
};

/* What is done once at the end. Whoever does it owns the row; each time somebody takes it, or a
 * person sends the items back, it has another epoch. */
struct ledger_ending_row {
	enum ledger_ending kind;
	int32_t step; /* 0: of the run */
	bool is_done;
	int64_t owner; /* inc, 0 none */
	int32_t epoch;
	int32_t tries;	    /* that failed, since it was last done */
	utime not_before;   /* of the next */
	const char *err;    /* of the last, "" none */
	const char *result; /* what it made: a JSON object, "" nothing to tell */
};

const char *ledger_ending_name(enum ledger_ending ending);
const char *run_state_name(enum run_state state);
const char *loose_state_name(enum loose_state state);
const char *instance_state_name(enum instance_state state);

/* An item of an inbox. */
struct ledger_inbox_row {
	int64_t id;
	utime added_at;
	const char *key; /* NULL: none was given */
	/* A JSON object. Only its beginning where it is longer than LEDGER_INBOX_ITEM_MAX. */
	const char *fields;
	size_t len;
	int64_t size; /* all of it */
};
enum { LEDGER_INBOX_ITEM_MAX = 8 * 1024 * 1024, LEDGER_INBOX_SHOWN_MAX = 4096 };

/* What of a job's inbox is dealt with by a batch, and leaves it in the same transaction: those up
 * to `to` of a table that goes as a whole, when nobody has moved anything of it beyond `from`; and
 * the single rows `ids`, each of which must be there. `left` of the former go back to the inbox. */
struct ledger_inbox_taken {
	const char *job; /* NULL: it is not loaded from an inbox */
	int64_t from, to;
	const int64_t *ids;
	size_t n;
	const int64_t *left;
	size_t n_left;
};

#endif
