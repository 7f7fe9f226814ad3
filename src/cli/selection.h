/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELECTION: the items that a person's verb is about, named one by one or picked by run, state,
 * person and error, walked in batches of one run each.
 *
 * Promise: memory is bounded: a batch holds SELECTION_BATCH numbers, whatever is selected. An item
 *          comes once, also when items change between the batches.
 * Reads:   the tables chunk and loose, not the view `item`: for waiting items that one unfolds
 *          every open chunk from the first on, again for each batch. Whoever changes these tables
 *          changes this file.
 * Owner:   selection_init fills, selection_done frees. Lends command line and ledger.
 */
#ifndef STINT_CLI_SELECTION_H
#define STINT_CLI_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/find.h"
#include "ledger/txn.h"

struct cli;
struct err;
struct ledger;

enum { SELECTION_BATCH = CHUNK_ITEMS_MAX };

/* States of an item, as a set: those that --state names. */
enum selection_states {
	SELECT_WAITING = 1 << 0,
	SELECT_RUNNING = 1 << 1,
	SELECT_RETRY = 1 << 2,
	SELECT_IN_DOUBT = 1 << 3,
	SELECT_DEAD = 1 << 4,
};

/* What a verb can do something about. */
struct selection_wish {
	unsigned by_itself; /* selection_states without --state */
	unsigned allowed;   /* what --state may name */
};

enum selection_phase { SELECTION_LOOSE, SELECTION_CHUNKS };

struct selection {
	struct find_item *named; /* by run and number, each once */
	size_t n_named;
	bool is_named;
	unsigned states;
	int64_t only_run;   /* 0: every run */
	const char *person; /* NULL: any */
	const char *error;
	/* where the walk is */
	size_t next_named;
	int64_t run_id;
	enum selection_phase phase;
	int64_t after; /* the last item of `run_id` that was looked at */
	int64_t items[SELECTION_BATCH];
	size_t n;
};

/* ERR_USAGE unless the command line has a selection that is one. Touches no
 * ledger. */
ST_MUST_CHECK int selection_check(const struct cli *cli, const struct selection_wish *wish,
				  struct err *err);
/* After selection_check. ERR_DATA when there is no such run or item. */
ST_MUST_CHECK int selection_init(struct selection *s, const struct cli *cli, struct ledger *ledger,
				 const struct selection_wish *wish, struct err *err);
void selection_done(struct selection *s);
/* The walk begins anew. */
void selection_rewind(struct selection *s);

/* Items of one run; lent until the next call. */
struct selection_batch {
	int64_t run_id;
	const int64_t *items;
	size_t n;
};
/* The next batch, never an empty one; SELECTION_END. */
enum selection_condition { SELECTION_END = 1 };
ST_MUST_CHECK int selection_next(struct selection *s, struct ledger *ledger,
				 struct selection_batch *ret_batch, struct err *err);

/* What an item is at, and whether somebody has it in hand. */
struct selection_item {
	const char *state; /* as users see it */
	bool is_held;	   /* or something that could not be proved dead may have it */
};
/* ERR_DATA when the run has no such item. */
ST_MUST_CHECK int selection_item(struct ledger *ledger, const struct find_item *item,
				 struct selection_item *ret_item, struct err *err);

#endif
