/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: what the engine wants written is gathered in one open transaction while another is
 * under way, so that everything that came in meanwhile becomes one commit.
 *
 * Promise: transactions go out one at a time and in order; one that was certainly not committed,
 *          or of unknown fate, is sent again as it is (its batch number keeps it from being applied
 * twice); a waiter is called only after its transaction is durable, in the order of asking.
 * Owner:   the session. Waiters' arguments must live until the commit is idle.
 * Failure: fenced, lost or broken storage freezes it; `on_trouble` is told once and nothing is
 *          written any more.
 */
#ifndef STINT_ENGINE_COMMIT_H
#define STINT_ENGINE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "engine/world.h"
#include "ledger/txn.h"

/* `op` is the operation that was asked for, with its results; NULL where none was named. */
typedef void (*commit_fn)(void *arg, struct ledger_op *op);
typedef void (*commit_trouble_fn)(void *arg, enum ledger_status status, const char *text);
/* A loader that was taken the run away from: the operation was left out, all else was sent again.
 */
typedef void (*commit_unloaded_fn)(void *arg, const char *text);
/* What was applied, and is to be told all the same. */
typedef void (*commit_warning_fn)(void *arg, const char *text);

struct commit {
	const struct world_ops *ops;
	void *world;
	commit_trouble_fn on_trouble;
	commit_unloaded_fn on_unloaded;
	commit_warning_fn on_warning;
	void *trouble_arg; /* of all three */
	int64_t inc;	   /* 0 until the instance has begun */
	uint8_t nonce[LEDGER_NONCE_BYTES];
	int64_t batch;
	struct ledger_txn *open; /* being gathered, NULL: nothing */
	uint64_t opened;   /* how many were opened: names the open one; addresses come again */
	int64_t opened_at; /* boot clock */
	bool is_urgent;	   /* somebody waits for what is in it */
	int64_t sent_at;   /* boot clock: when the flying one went */
	int64_t took_us;   /* smoothed: from sending one to its answer … */
	int64_t last_us;   /* … and of the last */
	struct ledger_txn *flying; /* under way or waiting to be sent again */
	int64_t resend_at;	   /* boot clock; 0: under way */
	int64_t trouble_since;	   /* boot clock of the first failed sending, 0 none */
	int tries;
	bool no_space;	     /* the last sending found the disk full */
	bool space_is_low;   /* a backend had to let go of its ballast */
	bool log_is_held;    /* a reader keeps the ledger's log from being moved in */
	bool is_failed_over; /* another server has taken over; whoever looks takes it back */
	int64_t redone;	     /* batches that were lost by that and written again */
	bool frozen;
};

void commit_init(struct commit *c, const struct world_ops *ops, void *world);
/* Forgets everything, told or not. */
void commit_done(struct commit *c);

/* Adds an operation to the open transaction; lends it for filling. `fn` (may be NULL) is called
 * with it when it is durable. */
struct ledger_op *commit_add(struct commit *c, enum ledger_op_kind kind, commit_fn fn, void *arg);
/* The same before all that is in it already: it sees only what was committed before. (What is in it
 * may be half of something, such as the done bit of an item whose loose row comes behind.) */
struct ledger_op *commit_add_first(struct commit *c, enum ledger_op_kind kind, commit_fn fn,
				   void *arg);
/* Calls `fn` with `op` (of the open transaction, or NULL) when everything asked for so far is
 * durable. */
void commit_wait(struct commit *c, struct ledger_op *op, commit_fn fn, void *arg);
/* Names the open transaction (opening one if need be), for as long as it is open. */
uint64_t commit_number(struct commit *c);
/* Is the transaction of this number still open? */
bool commit_is_open(const struct commit *c, uint64_t number);
/* Claims of the open transaction find nothing. */
void commit_claim_nothing(struct commit *c);
/* The arena of the open transaction, for texts and bits of its operations. */
struct arena *commit_arena(struct commit *c);
/* Somebody waits for the open transaction: it is not kept for more to come in. */
void commit_hurry(struct commit *c);
/* Is a transaction on its way to the ledger, or waiting to be sent again? */
bool commit_is_flying(const struct commit *c);
/* Sends the open transaction when none is under way and it is urgent or old enough. What only
 * records (progress, attempts, loose items, roll-ups) is not urgent by itself. */
void commit_flush(struct commit *c);
/* Takes a transaction back from the world. */
void commit_on_ledger(struct commit *c, struct ledger_txn *txn);
/* Sends again what waits for it, when it is time. */
void commit_on_timer(struct commit *c);
/* Nothing is open, under way or waiting. */
bool commit_is_idle(const struct commit *c);
/* When commit_on_timer or commit_flush has something to do; INT64_MAX never. */
int64_t commit_deadline(const struct commit *c);

#endif
