/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold: cheap checks at each commit, whole ones now and then and after the night. A check
 * that fails calls machine_fail() with the name of the promise (I1 to I16 of docs/engine.md
 * where it is one of them).
 */
#ifndef STINT_TESTS_SIM_CHECK_H
#define STINT_TESTS_SIM_CHECK_H

#include "sim/machine.h"

struct chunk_view;
struct item_view;
struct ledger_chunk_row;
struct ledger_counts;
struct ledger_loose_row;
struct lop_reap;
struct lop_told_put;
struct run_view;

/* What the ledger counts is what the shadow counts; all items are somewhere (I1). */
void check_counts(struct machine *m, const struct run_view *run, int step,
		  const struct ledger_counts *counts, const char *where);
/* Nothing is open in a run that finishes (I15). */
void check_finish(struct machine *m, const struct run_view *run);
/* A key that was open in an earlier run, or done where that counts, is not loaded again. */
void check_held_back(struct instance *inst, const struct run_view *run, uint32_t record);
/* All of the source is in the run, each record once. */
void check_loaded(struct machine *m, const struct run_view *run, int step);
/* The run goes from its step to another: nothing of it is open, and it ended as the job says. */
void check_step_over(struct machine *m, const struct run_view *run, int step, int next);
/* Whether it has ended, and as what the next one wants. */
bool check_is_step_blocked(struct machine *m, const struct run_view *run);
/* A chunk that was nobody's has nothing in doubt in it (I7). */
/* `is_exact`: nothing before it in the transaction has changed what only a walk can tell. */
void check_claimed_bits(struct machine *m, const struct run_view *run, const struct chunk_view *c,
			const struct ledger_chunk_row *row, bool is_exact);
/* An item becomes, or stays, loose: had it reason to? (I5, I13, I14) */
/* What an item becomes by what verify has said of it. */
void check_verified(struct instance *inst, const struct run_view *run, const struct item_view *item,
		    const struct ledger_loose_row *row);
void check_settled(struct instance *inst, const struct run_view *run, const struct item_view *item,
		   const struct ledger_loose_row *row);
/* An attempt that did not end well is recorded: there must have been one (and one row for it). */
void check_row(struct machine *m, const struct run_view *run, const struct item_view *item);
/* The death of an engine puts no more in doubt than it may have had out. */
void check_reaped(struct machine *m, const struct lop_reap *op);
/* The source counts as told: was it? (I11) */
void check_told(struct machine *m, const struct lop_told_put *op);
/* An item is done: did it take effect? (I5) */
void check_done(struct machine *m, const struct run_view *run, const struct item_view *item);
/* ledger_verify finds nothing, and the ledger is as its shadow. */
void check_ledger(struct machine *m);
/* An engine ended with this status: had it reason to? */
void check_exit(struct machine *m, const struct instance *inst);
/* All is over. */
void check_night(struct machine *m);
/* A run that may stay failed: its own items or records are the reason. */
bool check_may_fail(struct machine *m, const struct run_view *run);

#endif
