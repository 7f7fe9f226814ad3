/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one step of a run to the next. A struct run works one step: when that is finished it is
 * left, and the session joins the same run anew, at the step where the ledger has it then.
 */
#include "engine/run.h"

void run_ask_finish(struct run *r, commit_fn fn)
{
	struct ledger_op *op = commit_add(r->commit, LOP_RUN_FINISH, fn, r);
	const struct job *next = r->job == NULL ? NULL : job_step(r->job, r->step + 1);

	op->u.run_finish = (struct lop_run_finish){
		.run_id = r->id,
		.step = r->step,
		.only_looks = tell_is_missing(r),
		.needs_done = next != NULL && next->go_on_when == JOB_GO_ON_DONE};
}

void run_leave_step(struct run *r)
{
	r->is_step_over = true;
	run_stop(r, EXIT_LATER, false, "done");
}

void run_say_blocked(struct run *r)
{
	const struct job *next = job_step(r->job, r->step + 1);

	run_stop(
		r, EXIT_PERSON, false,
		"step %s has items that are dead, in doubt or rejected; %s begins when it has none "
		"(go_on_when: done)",
		r->job->step_name, next->step_name);
}
