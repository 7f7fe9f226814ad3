/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who judges admission: nothing is begun that by the forecast would not end within the window, and
 * nothing idles that would. Keeps its own books of what attempts took, from what each engine was
 * told, and its own sums (not core/forecast).
 */
#ifndef STINT_TESTS_SIM_WINDOW_CHECK_H
#define STINT_TESTS_SIM_WINDOW_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct attempt;
struct frame;
struct instance;
struct ledger_txn;
struct machine;
struct run_view;

/* What one call has seen of attempts. */
struct window_judge {
	int64_t n;
	long double sum, squares;
	int64_t late_run;   /* of which it was said that it takes longer than expected … */
	int64_t late_batch; /* … in this batch, which may be sent again */
	int64_t idle_since; /* boot clock: it could begin an item, or leave; 0: not so */
	utime past_began;   /* the run that its call asks about */
	bool was_unfit;	    /* nothing fitted any more when the file was read again */
};

/* It gets this answer of the ledger: what an earlier run tells is what it begins with. */
void window_on_answer(struct instance *inst, const struct ledger_txn *txn);

/* The engine gets this frame; `attempt` when it is one's outcome. */
void window_told(struct instance *inst, const struct attempt *a, const struct frame *frame);
/* It is about to read its file again: what it leaves from now on it may have given up before. */
void window_reloads(struct instance *inst);
/* It sends an item to a lane. */
void window_check_begin(struct instance *inst);
/* It has done all that it can do now. */
void window_check_idle(struct instance *inst);
/* It hands this in: had it reason to leave because nothing more fits? Does it say only once that it
 * is late? */
void window_check_txn(struct instance *inst, const struct ledger_txn *txn);
/* It sends an item of that run to a lane, or a lane of its begins one. */
void window_check_cutoff(const struct instance *inst, const struct run_view *run);
/* When that time of that business date is, in a night. */
utime window_day_time(const struct machine *m, const char *date, int minute);
/* How many it may let run now. */
int window_concurrency(const struct instance *inst);

#endif
