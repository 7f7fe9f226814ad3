/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger under test and a few instances on it. Every case gets a new ledger of the backend that
 * the program was started for, and after it ledger_verify must find nothing.
 *
 * A case builds one transaction at a time: begin(), also(), then commit() or refused(). The results
 * of the last transaction are good until the next begin().
 */
#ifndef STINT_TESTS_CONTRACT_BENCH_H
#define STINT_TESTS_CONTRACT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bits.h"
#include "ledger/ledger.h"

/* An actor of a ledger with beats has beaten so often when it has begun. */
enum { BENCH_ACTORS = 3, BENCH_BEAT = 1 };

struct actor {
	struct ledger *ledger; /* its own: closing it is its death */
	int64_t inc;	       /* 0: not begun */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int64_t batch;		    /* last applied */
	struct ledger_pulse *pulse; /* where there are beats */
};

struct bench {
	struct ledger *ledger; /* for people and readers */
	struct actor actors[BENCH_ACTORS];
	struct actor *a, *b, *c; /* the same; a has begun */
	utime now;
	struct ledger_txn *txn; /* under way, or applied last */
	struct actor *by;	/* whose; NULL: a person's */
	bool is_sqlite;
	bool has_handles; /* every actor has a ledger of its own: closing it is its death */
	bool has_beats;
	bool is_broken_on_purpose; /* verify is not asked afterwards */
	/* Called after each commit(); NULL: nobody is. */
	void (*acknowledged)(struct bench *b);
	char directory[64];
	char url[320];
};

/* The backend: "sqlite", "memory", or "beats", which is the memory ledger with beats. */
extern const char *bench_backend;

int bench_setup(void **state);
int bench_teardown(void **state);
/* Findings of verify, printed. */
int64_t bench_verify(struct bench *b);

/* A new transaction of that instance (NULL: a person's) with one operation. */
struct ledger_op *begin(struct bench *b, struct actor *by, enum ledger_op_kind kind);
struct ledger_op *also(struct bench *b, enum ledger_op_kind kind);
/* Applies it; it must be applied. */
void commit(struct bench *b);
/* Applies it; it must end so. Nothing may have changed then. */
void refused(struct bench *b, enum ledger_status status);
/* Applies the last transaction again, as after an answer that was lost. */
void resend(struct bench *b);

void actor_begin(struct bench *b, struct actor *actor);
enum ledger_status actor_beat(struct actor *actor);
/* Its process is gone, without a word. */
void actor_kill(struct bench *b, struct actor *actor);
/* The same, and where that is not seen at once, `by` reaps it. */
void actor_bury(struct bench *b, struct actor *by, struct actor *actor);

/* A run of `n_chunks` chunks of `n` items, made, joined, loaded and opened by `by`. Items of staged
 * chunks have the keys "KEY-0", "KEY-1", … */
struct plan {
	const char *job; /* default "job" */
	const char *due; /* default "2026-11-23/1" */
	enum effect_class effect;
	size_t n_chunks;
	uint32_t n;
	bool has_keys;
	bool tell;
};
int64_t run_create(struct bench *b, struct actor *by, const struct plan *plan);
void run_join(struct bench *b, struct actor *by, int64_t run_id);
/* Takes the load, puts the chunks; the epoch. */
int32_t run_load(struct bench *b, struct actor *by, int64_t run_id, const struct plan *plan);
void run_open(struct bench *b, struct actor *by, int64_t run_id, int32_t epoch);
int64_t run_ready(struct bench *b, struct actor *by, const struct plan *plan);

/* One chunk, claimed. */
struct held {
	int64_t run_id;
	int64_t id;
	int64_t first_item;
	uint32_t n;
	int32_t epoch;
	int32_t rev;
	uint8_t started[BITS_BYTES(CHUNK_ITEMS_MAX)];
	uint8_t done[BITS_BYTES(CHUNK_ITEMS_MAX)];
};
/* False when there was none. */
bool chunk_claim(struct bench *b, struct actor *by, int64_t run_id, struct held *ret_held);
/* Adds what `held` says to the transaction under way, or begins one. */
void chunk_progress(struct bench *b, struct held *held, bool close);
/* A whole transaction of it. */
void chunk_start(struct bench *b, struct actor *by, struct held *held, uint32_t from, uint32_t to);
void chunk_done(struct bench *b, struct actor *by, struct held *held, uint32_t from, uint32_t to);
/* Item `place` leaves for `state`, in the transaction under way. Gives the operation. */
struct ledger_op *loose_put(struct bench *b, struct held *held, uint32_t place,
			    enum loose_state state);
/* Claims one chunk and leaves `n` items of it dead, the rest done; closes it. */
void chunk_work(struct bench *b, struct actor *by, int64_t run_id, uint32_t n_dead);

struct ledger_counts counts_of(struct bench *b, int64_t run_id);
enum run_state state_of(struct bench *b, int64_t run_id);
bool finish(struct bench *b, struct actor *by, int64_t run_id);
/* What a person does to items; gives the operation with its results. */
struct ledger_op *person(struct bench *b, enum person_verb verb, int64_t run_id,
			 const int64_t *items, size_t n);

/* The whole ledger as text, for comparing. malloc'd. */
char *ledger_dump(struct ledger *ledger);

#endif
