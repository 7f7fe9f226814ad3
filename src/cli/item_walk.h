/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking items to show them: those that the command line names one by one, or selects by --run,
 * --state, --person and --error.
 *
 * Promise: one run at a time, page by page; keys are filled in from the source where the ledger
 *          does not have them.
 * Owner:   item_walk_read fills, item_walk_done frees. Lends the ledger until then.
 */
#ifndef STINT_CLI_ITEM_WALK_H
#define STINT_CLI_ITEM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "cli/find.h"
#include "cli/source_keys.h"
#include "report/item.h"
#include "report/mask.h"
#include "report/run.h"

struct cli;
struct err;
struct ledger;

struct item_walk {
	const struct cli *cli;
	struct ledger *ledger;
	struct arena arena;
	struct find_item *items; /* named one by one */
	size_t n_items;
	bool is_named; /* by items */
	bool has_run;  /* --run, or the latest */
	struct report_run run;
	struct report_item_filter filter; /* state, person, error; run_id is set while walking */
	struct source_keys keys;
	int64_t n_keys_missing; /* that could not be looked up */
};

/* Reads what the command line says; without any selection the latest run is meant. */
ST_MUST_CHECK int item_walk_read(const struct cli *cli, struct ledger *ledger,
				 struct item_walk *ret_walk, struct err *err);
/* Items of one run in these states (a set of 1 << enum item_state; 0: all). */
void item_walk_run(const struct cli *cli, struct ledger *ledger, const struct report_run *run,
		   unsigned states, struct item_walk *ret_walk);
void item_walk_done(struct item_walk *walk);
void item_walk_auto(struct item_walk *walk);

/* An item of a run; lent for the call. Key and person are as they may be shown. */
typedef int (*item_walk_fn)(void *arg, const struct report_run *run,
			    const struct report_item *item);
/* Anything but 0 from `fn` ends it and is returned. */
ST_MUST_CHECK int item_walk_each(struct item_walk *walk, item_walk_fn fn, void *arg,
				 struct err *err);

#endif
