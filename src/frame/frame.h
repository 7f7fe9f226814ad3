/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between the engine and its lanes and readers: what each means, and how it is written
 * and read. Pure: bytes in, structs out; part of the simulation's seam.
 *
 * Wire: u32 length of what follows (little-endian), u8 type, payload (base/buf.h integers). A
 * stream socket keeps the order. Both sides are the same program, so there is one FRAME_VERSION,
 * checked in HELLO: change a frame and raise it.
 * Promise: decoding never reads past the frame, and a frame that is not exactly right is refused
 *          (ERR_BUG for the engine's, a dead lane for a lane's): lanes parse foreign data, may lie.
 * Owner:   decoded structs lend from the frame's bytes; arrays come from the caller's arena.
 */
#ifndef STINT_FRAME_FRAME_H
#define STINT_FRAME_FRAME_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

struct err;

enum {
	FRAME_VERSION = 9,
	FRAME_HEAD_BYTES = 5,
	FRAME_BYTES_MAX = 48 * 1024 * 1024,
	FRAME_TICKETS_MAX = 4096, /* slots of the shared memory, see below */
	/* What a reader's cursor begins with that is another run's: it begins behind that. */
	FRAME_CURSOR_BEHIND = 255,
	FRAME_ITEMS_MAX = 4096,	  /* items of a chunk */
	FRAME_FAILURES_MAX = 256, /* of a unit, in one answer */
	FRAME_OUTCOME_MAX = 6,	  /* enum outcome of core/, which is not known here */
	FRAME_TIMINGS = 8	  /* enum timing of core/ */
};

/* A ticket's number is its slot plus FRAME_TICKETS_MAX times a generation, so that an answer that
 * comes twice is never taken for the answer to the next item in that slot. */
#define FRAME_TICKET_SLOT(ticket) ((ticket) % FRAME_TICKETS_MAX)

/* To the lane (or reader), then from it. */
#define FRAMES(X)                                                                                  \
	X(FRAME_HELLO, 1)                                                                          \
	X(FRAME_CHUNK, 2)                                                                          \
	X(FRAME_DROP, 3)                                                                           \
	X(FRAME_WORK, 4)                                                                           \
	X(FRAME_BULK, 5)                                                                           \
	X(FRAME_CANCEL, 6)                                                                         \
	X(FRAME_STOP, 7)                                                                           \
	X(FRAME_CREDIT, 8)                                                                         \
	X(FRAME_KEYS_ANSWER, 9)                                                                    \
	X(FRAME_CONTENT_ANSWER, 10)                                                                \
	X(FRAME_THEN, 11)                                                                          \
	X(FRAME_ASK_KEYS, 12)                                                                      \
	X(FRAME_RECALL, 13)                                                                        \
	X(FRAME_CUTOFF, 14)                                                                        \
	X(FRAME_STEP_ITEMS, 15)                                                                    \
	X(FRAME_INBOX_ANSWER, 16)                                                                  \
	X(FRAME_READY, 64)                                                                         \
	X(FRAME_OUTCOME, 65)                                                                       \
	X(FRAME_BULK_OUTCOME, 66)                                                                  \
	X(FRAME_SOURCE_CHANGED, 67)                                                                \
	X(FRAME_KEYS, 68)                                                                          \
	X(FRAME_CONTENT, 69)                                                                       \
	X(FRAME_LOADED, 70)                                                                        \
	X(FRAME_LOAD_END, 71)                                                                      \
	X(FRAME_WAITS, 72)                                                                         \
	X(FRAME_THEN_DONE, 73)                                                                     \
	X(FRAME_ASK_ITEMS, 74)                                                                     \
	X(FRAME_INBOX, 75)

enum frame_type {
#define X(id, value) id = value,
	FRAMES(X)
#undef X
};

enum lane_role { LANE_WORKER = 1, LANE_READER, LANE_FINISHER };

/* Shared memory (a memfd at descriptor LANE_SHARED_FD), one slot for each ticket: the lane sets
 * `begun` to 1 directly before the point of no return, and `pid` once a child runs; `begun` back to
 * 0 when it is certain that nothing was begun after all. When a lane is dead, a ticket whose slot
 * says 0 was certainly not begun. The engine clears the slot when it gives the ticket out. */
struct lane_slot {
	_Atomic uint32_t begun;
	_Atomic int32_t pid;
};
static_assert(sizeof(struct lane_slot) == 8, "the slots are shared between processes");

/* All of that memory. From `until` (boot clock) on nothing passes the point of no return: the
 * engine, which may be stopped then, moves it on for as long as others see that it lives. 0: no
 * end.
 */
struct lane_shared {
	struct lane_slot slots[FRAME_TICKETS_MAX];
	_Atomic int64_t until;
};
static inline bool lane_is_lapsed(const _Atomic int64_t *until, int64_t boot_us)
{
	return *until != 0 && boot_us >= *until;
}

enum { LANE_SOCKET_FD = 3, LANE_SHARED_FD = 4 };

enum { FRAME_NICE_LEAST = -20, FRAME_NICE_MOST = 19 };
enum frame_io { FRAME_IO_AS_IS, FRAME_IO_IDLE, FRAME_IO_BEST_EFFORT, FRAME_IO_COUNT_ };

/* First frame to every process. Texts are lent; "" where there is none. */
struct frame_hello {
	uint16_t version;
	enum lane_role role;
	const char *job_text;	/* normalised job, that the run began with */
	const char *today_text; /* … and today's, of which windows, waits and the like are taken;
				 * "": the same */
	const char *job_path;
	const char *job_directory;
	uint8_t ledger_uuid[16];
	int64_t run_id;
	uint32_t step; /* of the job, from 1 */
	const char *run_name;
	const char *slot;
	const char *date;
	const char *params; /* JSON object of text values */
	const char *nonce;  /* hex; STINT_NONCE of everything that the lane starts */
	/* readers only */
	const char *source_path; /* --source */
	int64_t first_n;	 /* --first, 0 none */
	const void *cursor;	 /* where to go on, from FRAME_LOADED; empty: from the start */
	size_t cursor_len;
	bool ask_keys; /* send FRAME_KEYS for each chunk before FRAME_LOADED, wait for the answer */
	/* lanes only */
	uint32_t workers; /* of `mode: stream`: how many of them are this lane's */
	/* all */
	bool sets_nice;
	int32_t nice;	      /* FRAME_NICE_LEAST … FRAME_NICE_MOST */
	uint8_t io;	      /* enum frame_io */
	int64_t begin_before; /* wall clock: no item is begun from then on; 0: whenever */
};

/* Gives a chunk's body to a lane, under a handle, before work on it. */
struct frame_chunk {
	uint32_t handle;
	int64_t first_item;
	uint32_t n;
	const void *body;
	size_t body_len;
};
/* FRAME_CUTOFF carries one i64: another `begin_before`.
 * FRAME_DROP and FRAME_CANCEL carry one u32: a handle; a ticket (UINT32_MAX: all). Cancel ends the
 * attempt: TERM, then KILL; the outcome comes as always, with `cancelled`. FRAME_STOP,
 * FRAME_RECALL and FRAME_READY are empty. STOP: exit 0 when nothing is left to do. RECALL: what was
 * given and not begun comes back as "not begun", with `cancelled`. */

struct frame_work_item {
	uint32_t ticket;
	uint32_t handle;
	uint32_t index;
	int32_t attempt; /* from 1 */
	int32_t redo;
	uint64_t request; /* what frame_outcome.request said first; 0: nothing was sent yet */
	/* Not the item's work, but the question whether that attempt took effect. The outcome is
	 * done, retry (it did not), or anything else: nobody can tell. */
	bool is_probe;
	/* Boot clock: it may begin from `opens_at` on, and comes back as "not begun", with
	 * `cancelled`, after `closes_at`. Both 0: whenever. */
	int64_t opens_at;
	int64_t closes_at;
};
/* The lane begins them in this order, at most `slots` at a time with those it has; the others wait
 * in the lane, so that a program that ends is followed by the next without asking the engine. */
struct frame_work {
	uint32_t slots; /* at least 1; holds from now on */
	uint32_t n;
	const struct frame_work_item *items;
};

/* A chunk as one unit: does the items whose bit is set. */
struct frame_bulk {
	uint32_t ticket;
	uint32_t handle;
	uint32_t n;
	const uint8_t *bits;
};

/* An item that was with a stream worker when that one ended, and has no outcome of its own. */
enum frame_lost {
	LOST_NOT,
	LOST_BY_OTHER, /* another item, or a person, ended the worker: this one is above suspicion
			*/
	LOST_AMONG,    /* one of several that may have ended it */
	LOST_ALONE,    /* the only one that can have */
	LOST_COUNT_
};

struct frame_outcome {
	uint32_t ticket;
	uint8_t outcome;  /* enum outcome of ledger/txn.h: 1 done … 6 not begun */
	uint8_t lost;	  /* enum frame_lost; with unknown only */
	bool cancelled;	  /* ended because the engine said so: charges nothing */
	int64_t began_at; /* wall clock, us; 0 when it never began */
	int64_t took_us;
	const char *err_class; /* short and stable: exit-1, signal-9, timeout, …; "" when done */
	const char *err;       /* one line for people */
	const void *output;    /* the tail of stdout and stderr */
	size_t output_len;
	bool output_cut;
	const char *key;    /* the item's key, always */
	const char *person; /* report.person's field, "" */
	int64_t wait_us;    /* the other side asks to wait at least so long; 0: it does not */
	const char *keep;   /* a JSON object of what is kept of the answer, "" none */
	uint64_t request;   /* names what was sent, byte for byte; 0: nothing that is compared */
	int64_t timings_us[FRAME_TIMINGS]; /* by enum timing of core/; 0: there was none */
	bool has_quota_left; /* the other side said how much of its quota is left … */
	int64_t quota_left;  /* … after this attempt */
};

/* An item of a unit with an end of its own; its bit in `done` is not set. */
struct frame_bulk_failure {
	uint32_t index;
	uint8_t outcome; /* enum outcome: dead, or again */
	const char *err_class;
	const char *err;
	const char *key;
	const char *person;
};

/* Why items of a unit are neither done nor have an end of their own. */
enum frame_rest {
	REST_LEFT = 1,	/* nobody's fault */
	REST_UNREACHED, /* the other side is not there */
	REST_FAILED,	/* something failed, and any of them may be to blame */
	REST_ALIKE,	/* no item can be done: the breaker */
	REST_COUNT_
};

/* Which items of the unit were done, and which have an end of their own. Of the others nothing took
 * effect: they go back uncharged, with `err` said once, and the lane is asked again. */
struct frame_bulk_outcome {
	uint32_t ticket;
	uint32_t n;
	const uint8_t *done;
	int64_t began_at;
	int64_t took_us;
	uint8_t rest; /* enum frame_rest */
	const char *err_class;
	const char *err;
	const struct frame_bulk_failure *failures;
	uint32_t n_failures; /* at most FRAME_FAILURES_MAX */
};

/* The file behind a chunk is not what was loaded: the run stops. Elsewhere: another machine loaded
 * it, and only this one cannot work it. */
struct frame_source_changed {
	uint32_t handle;
	bool is_elsewhere;
	const char *text;
};

struct frame_keys {
	uint32_t n;
	const char *const *keys;
};
struct frame_keys_answer { /* bits; items with either bit set are held back */
	uint32_t n;
	const uint8_t *open;
	const uint8_t *seen;
};
struct frame_content {
	const char *path;
	uint8_t digest[32];
};
struct frame_content_answer {
	const char *run; /* the other run that had it, "" none */
};

/* FRAME_ASK_ITEMS carries one i64: a number, from which on a reader asks for the items of the step
 * that its job takes them from. The answer is a chunk: which of its items are wanted, and what
 * those from that number to `end` kept. n 0: there is none any more. */
struct frame_kept {
	uint32_t index;
	const char *keep; /* a JSON object */
};
struct frame_step_items {
	int64_t first_item;
	uint32_t n;
	const uint8_t *wanted;
	uint32_t end; /* an index: ask for what comes from there on next */
	const void *body;
	size_t body_len;
	const struct frame_kept *kept; /* by index, rising */
	uint32_t n_kept;
};

/* The next page of the job's inbox, behind `after` and up to `upto`; with `begins`, before any
 * other, `upto` 0 stands for what is there now. */
struct frame_inbox {
	bool begins;
	int64_t after;
	int64_t upto;
	uint32_t max;	   /* rows, FRAME_ITEMS_MAX at most */
	int64_t max_bytes; /* the last row may go beyond */
};
struct frame_inbox_row {
	int64_t id;
	int64_t added_at;   /* wall clock, us */
	const char *key;    /* "" none */
	const char *fields; /* a JSON object; the beginning of one, where `size` is more */
	size_t len;
	int64_t size;
};
/* No row: there is nothing more. Those up to `whole_to` lie in a table that goes as a whole, of
 * which all up to `from` was moved before. */
struct frame_inbox_answer {
	const char *other; /* the run that reads it now: nothing else is said, ask again; "" none */
	int64_t upto;
	int64_t from;
	int64_t whole_to;
	uint32_t n;
	const struct frame_inbox_row *rows;
};

/* What of the inbox a batch has dealt with: all between `from` and `to` (both 0: nothing), of which
 * `left` go back, and the single rows `ids`. */
struct frame_taken {
	int64_t from;
	int64_t to;
	uint32_t n;
	const int64_t *ids;
	uint32_t n_left;
	const int64_t *left;
};

struct frame_reject {
	const char *path;
	int64_t line, column, offset;
	const char *reason;
	const void *raw;
	size_t raw_len;
	bool is_cut;
	const char *key; /* "" none */
};

/* At most one chunk (n > 0), rejects, counts, and the cursor that stands behind all of it. The
 * reader sends at most READER_WINDOW of these ahead of FRAME_CREDIT (u32: how many were committed).
 */
struct frame_loaded {
	uint32_t n;
	const void *body;
	size_t body_len;
	const char *keys; /* JSON array, "" where items are named by their place only */
	bool tell;
	uint32_t n_rejects;
	const struct frame_reject *rejects;
	int64_t read, filtered, held_back;
	const void *cursor;
	size_t cursor_len;
	/* totals: JSON, "" where the job declares none */
	const char *sums;     /* of the chunk: for each item its amounts */
	const char *run_sums; /* of the load so far: what was loaded, left out, rejected */
	struct frame_taken taken;
};
enum { READER_WINDOW = 8 };

enum load_end {
	LOAD_OK = 1,
	LOAD_MISSING,
	LOAD_FAILED,
	LOAD_EMPTY_MISSING_OK,
	LOAD_BAD_CONFIG,
	LOAD_ELSEWHERE /* another machine began it, and this one cannot go on */
};
struct frame_load_end {
	uint8_t end;	  /* enum load_end */
	const char *text; /* why, for people; "" when ok */
};

/* What the reader waits for, to be shown: "invoices.csv to appear". "" when it waits no more. */
struct frame_waits {
	const char *text;
	int64_t until; /* utime, 0 unknown */
};

/* What is done once, at the end of a step or of a run; the numbers are the ledger's. */
enum frame_ending { FRAME_ENDING_WORK = 1, FRAME_ENDING_RUN = 2 };
/* To a finisher (source.then, work.file): a chunk that is settled, and which of its items ended
 * well; n == 0 ends the list, only then whole-file sources are moved or removed. Each is answered
 * by FRAME_THEN_DONE. With on_done or on_dead: the items that the one and the other is said for,
 * and no end of the list. With `ending`, not the source is told: it is what is done once at the
 * end, of which the chunks are what it is made of, all of them or none. */
struct frame_then {
	uint8_t ending; /* enum frame_ending; 0: the source */
	int64_t epoch;	/* of the ending: which try this is */
	int64_t chunk_id;
	int64_t first_item;
	uint32_t n;
	const uint8_t *good;
	const uint8_t *dead; /* NULL: none; not told to those who only ask who ended well */
	const void *body;
	size_t body_len;
};
struct frame_then_done {
	uint8_t ending;	    /* as in the THEN */
	int64_t chunk_id;   /* 0 for the end of the list */
	const char *err;    /* "" when it went well */
	bool is_lasting;    /* … and trying again does not help until somebody mends something */
	const char *says;   /* … and what there is to say, "" nothing … */
	const char *result; /* … and to keep: a JSON object, "" nothing */
};

/* Writing: appends one whole frame, or none and the buffer is `failed` when it does not fit. A text
 * that is NULL is written as "". */
void frame_put_hello(struct buf *b, const struct frame_hello *f);
void frame_put_chunk(struct buf *b, const struct frame_chunk *f);
void frame_put_u32(struct buf *b, enum frame_type type, uint32_t value);
void frame_put_cutoff(struct buf *b, int64_t begin_before);
void frame_put_empty(struct buf *b, enum frame_type type);
void frame_put_work(struct buf *b, const struct frame_work *f);
void frame_put_bulk(struct buf *b, const struct frame_bulk *f);
void frame_put_outcome(struct buf *b, const struct frame_outcome *f);
void frame_put_bulk_outcome(struct buf *b, const struct frame_bulk_outcome *f);
void frame_put_source_changed(struct buf *b, const struct frame_source_changed *f);
void frame_put_keys(struct buf *b, const struct frame_keys *f);
void frame_put_keys_answer(struct buf *b, const struct frame_keys_answer *f);
void frame_put_content(struct buf *b, const struct frame_content *f);
void frame_put_ask_items(struct buf *b, int64_t from);
void frame_put_step_items(struct buf *b, const struct frame_step_items *f);
void frame_put_content_answer(struct buf *b, const struct frame_content_answer *f);
void frame_put_inbox(struct buf *b, const struct frame_inbox *f);
void frame_put_inbox_answer(struct buf *b, const struct frame_inbox_answer *f);
void frame_put_loaded(struct buf *b, const struct frame_loaded *f);
void frame_put_load_end(struct buf *b, const struct frame_load_end *f);
void frame_put_waits(struct buf *b, const struct frame_waits *f);
void frame_put_then(struct buf *b, const struct frame_then *f);
void frame_put_then_done(struct buf *b, const struct frame_then_done *f);

/* One frame, whole, as the transport hands it over. */
struct frame {
	enum frame_type type;
	const char *payload;
	size_t len;
};

/* Splits the first frame off `data`: 0 and *ret_frame and *ret_used (bytes), 1 (FRAME_INCOMPLETE)
 * when more is needed, ERR_BUG when it is no frame of ours. */
enum frame_condition { FRAME_INCOMPLETE = 1 };
ST_MUST_CHECK int frame_split(const char *data, size_t len, struct frame *ret_frame,
			      size_t *ret_used, struct err *err);

/* Reading the payload of a frame, which must be of that type (asserted). Lends from it; arrays and
 * C strings from `arena`; memory that is empty is NULL, a text that is empty "". ERR_BUG when the
 * frame is not exactly right: too short, too long, a number out of its range, a NUL in a text. */
ST_MUST_CHECK int frame_get_hello(const struct frame *f, struct arena *a, struct frame_hello *ret,
				  struct err *err);
ST_MUST_CHECK int frame_get_chunk(const struct frame *f, struct frame_chunk *ret, struct err *err);
/* Of FRAME_DROP, FRAME_CANCEL, FRAME_CREDIT and FRAME_ASK_KEYS. */
ST_MUST_CHECK int frame_get_u32(const struct frame *f, uint32_t *ret, struct err *err);
ST_MUST_CHECK int frame_get_cutoff(const struct frame *f, int64_t *ret, struct err *err);
/* Of FRAME_STOP, FRAME_RECALL and FRAME_READY: nothing is in them. */
ST_MUST_CHECK int frame_get_empty(const struct frame *f, struct err *err);
ST_MUST_CHECK int frame_get_work(const struct frame *f, struct arena *a, struct frame_work *ret,
				 struct err *err);
ST_MUST_CHECK int frame_get_bulk(const struct frame *f, struct frame_bulk *ret, struct err *err);
ST_MUST_CHECK int frame_get_outcome(const struct frame *f, struct arena *a,
				    struct frame_outcome *ret, struct err *err);
ST_MUST_CHECK int frame_get_bulk_outcome(const struct frame *f, struct arena *a,
					 struct frame_bulk_outcome *ret, struct err *err);
ST_MUST_CHECK int frame_get_source_changed(const struct frame *f, struct arena *a,
					   struct frame_source_changed *ret, struct err *err);
ST_MUST_CHECK int frame_get_keys(const struct frame *f, struct arena *a, struct frame_keys *ret,
				 struct err *err);
ST_MUST_CHECK int frame_get_keys_answer(const struct frame *f, struct frame_keys_answer *ret,
					struct err *err);
ST_MUST_CHECK int frame_get_content(const struct frame *f, struct arena *a,
				    struct frame_content *ret, struct err *err);
ST_MUST_CHECK int frame_get_content_answer(const struct frame *f, struct arena *a,
					   struct frame_content_answer *ret, struct err *err);
ST_MUST_CHECK int frame_get_ask_items(const struct frame *f, int64_t *ret, struct err *err);
ST_MUST_CHECK int frame_get_step_items(const struct frame *f, struct arena *a,
				       struct frame_step_items *ret, struct err *err);
ST_MUST_CHECK int frame_get_inbox(const struct frame *f, struct frame_inbox *ret, struct err *err);
ST_MUST_CHECK int frame_get_inbox_answer(const struct frame *f, struct arena *a,
					 struct frame_inbox_answer *ret, struct err *err);
ST_MUST_CHECK int frame_get_loaded(const struct frame *f, struct arena *a, struct frame_loaded *ret,
				   struct err *err);
ST_MUST_CHECK int frame_get_load_end(const struct frame *f, struct arena *a,
				     struct frame_load_end *ret, struct err *err);
ST_MUST_CHECK int frame_get_waits(const struct frame *f, struct arena *a, struct frame_waits *ret,
				  struct err *err);
ST_MUST_CHECK int frame_get_then(const struct frame *f, struct frame_then *ret, struct err *err);
ST_MUST_CHECK int frame_get_then_done(const struct frame *f, struct arena *a,
				      struct frame_then_done *ret, struct err *err);

const char *frame_name(enum frame_type type);

#endif
