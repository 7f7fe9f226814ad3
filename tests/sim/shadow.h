/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shadow: what the ledger must hold, computed from the transactions that it said it applied,
 * one item after the other, and held against what it really holds.
 *
 * It is written without a look at the backends. Simple operations are followed to the bit at once;
 * those that touch many items (reap, doubt, a person) are followed by a walk through the whole
 * ledger, in which each change must be one that the operation may make.
 */
#ifndef STINT_TESTS_SIM_SHADOW_H
#define STINT_TESTS_SIM_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/txn.h"
#include "sim/ending_check.h"
#include "sim/inbox.h"
#include "sim/machine.h"
#include "sim/pool_check.h"
#include "sim/sums.h"
#include "sim/witness.h"

/* As users see them. */
enum item_state {
	ITEM_WAITING,
	ITEM_RUNNING,
	ITEM_DONE,
	ITEM_SKIPPED,
	ITEM_RETRY,
	ITEM_IN_DOUBT,
	ITEM_DEAD,
	ITEM_STATE_COUNT_
};

struct item_place { /* what the ledger says of an item */
	bool started;
	bool done;
	uint8_t loose; /* enum loose_state, 0: still in its chunk */
	int32_t attempt;
	int32_t crashes;
	int32_t redo;
	int32_t epoch; /* loose */
	int64_t owner;
	utime not_before;
	utime quiet_until;
	uint64_t request; /* what was sent first */
	bool begun;	  /* loose: an attempt at it may have taken effect */
	int64_t since_us; /* boot clock: when it became so */
	int64_t by;	  /* the instance that wrote it last; 0: a person, or a rule */
};

struct item_view {
	uint32_t record;
	struct item_place is;		 /* by the transactions */
	struct item_place seen;		 /* by the last walk */
	unsigned said;			 /* to the source's database: SAYS_DONE, SAYS_DEAD */
	const struct proc *said_by;	 /* who said it last */
	const struct instance *heard_by; /* who got to hear that this was said: */
	unsigned heard;
};

struct chunk_view {
	struct run_view *run;
	int64_t id; /* 0: nobody claimed it yet */
	int64_t first_item;
	uint32_t n;
	enum chunk_state state;
	int64_t owner;
	int32_t epoch;
};

/* How much of a run there was. */
struct load_view {
	uint32_t n_items, n_chunks;
	uint32_t n_rejected, n_filtered, n_held_back, n_read;
	int64_t began_us; /* boot clock: when the step was come to first */
};

struct run_view {
	int64_t id;
	int step; /* that it is at */
	bool is_loaded[OPTIONS_STEPS_MAX + 1];
	struct load_view before[OPTIONS_STEPS_MAX + 1]; /* the step was loaded */
	struct inbox_load inbox;			/* by its first step */
	int slot;					/* 0 where each start is one */
	char slot_text[32];
	int region;
	int64_t n;	 /* of those with the same slot and region */
	int64_t first_n; /* has so many items at most, 0: all */
	enum run_state state;
	char reason[96];
	struct item_view *items;
	uint32_t n_items, cap_items;
	struct chunk_view *chunks; /* by first_item */
	uint32_t n_chunks, cap_chunks;
	uint32_t n_rejected, n_filtered, n_held_back, n_read;
	int64_t n_told_done; /* items of the step of which an engine heard that they are done */
	int failed_healthy;  /* how often it failed when there were no faults any more */
	bool was_told;	     /* then: the source was told everything, and that went well */
	struct end_view end[END_VIEWS];
	struct pool_view pool;
	struct sums sums;
	struct witness *witnesses; /* by record */
	uint32_t *item_of;	   /* by record: its item + 1, 0 none */
};

void shadow_on_commit(struct machine *m, struct instance *inst, struct ledger_txn *txn);
/* A person's transaction, after it was applied. */
void shadow_on_person(struct machine *m, const struct ledger_txn *txn);
/* The ledger must look exactly as the shadow does. */
void shadow_compare(struct machine *m);

struct run_view *shadow_run(struct machine *m, int64_t run_id);
/* The newest of that slot and region; NULL none. */
struct run_view *shadow_run_of(const struct machine *m, int slot, int region);
struct chunk_view *shadow_chunk_of(struct run_view *run, int64_t item);
enum item_state shadow_state(const struct run_view *run, uint32_t item);
void shadow_count(const struct run_view *run, int64_t count[ITEM_STATE_COUNT_]);

#endif
