/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done once at the end of a run (work.file, on_finish): one at a time does it, who the
 * ledger says; a file is made of what is done, and on_finish comes last; and the run is finished
 * when it was made, of that, and not before.
 */
#ifndef STINT_TESTS_SIM_ENDING_CHECK_H
#define STINT_TESTS_SIM_ENDING_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct frame_then;
struct frame_then_done;
struct instance;
struct ledger_op;
struct machine;
struct proc;
struct run_view;

enum { END_VIEWS = 3 }; /* by enum ledger_ending */
struct end_view {
	int64_t owner; /* by the ledger: inc, 0 nobody */
	int32_t epoch;
	bool is_done;
	int32_t made_epoch;		     /* the last that was made … */
	uint32_t made_of;		     /* … of so many items */
	const struct instance *hopeless_for; /* heard that it can never be made as things are */
};

/* A finisher gets a part of it. */
void ending_take_part(struct proc *p, const struct frame_then *then);
/* It has made it. */
void ending_make(struct proc *p, int kind);
/* Its engine hears what came of it. */
void ending_heard(struct proc *p, const struct frame_then_done *done);

void ending_follow(struct instance *inst, const struct ledger_op *op);
/* Whoever that was has it no more; run_id 0: of all runs. */
void ending_follow_leave(struct machine *m, int64_t run_id, int64_t inc);
/* A person has changed items of the run. */
void ending_follow_person(struct machine *m, int64_t run_id);
void ending_check_finish(struct machine *m, const struct run_view *run);
/* An instance has made the run fail: if for its end, it was told that this is hopeless. */
void ending_check_failed(const struct instance *inst, const struct run_view *run);

#endif
