/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one step of a run to the next. A struct run works one step: when that is finished it is
 * left, and the session joins the same run anew, at the step where the ledger has it then.
 */
#include "engine/run.h"

#include "base/err.h"

/* What items kept, in one answer to the reader. */
enum { KEPT_BYTES = 512 * 1024 };

void run_ask_finish(struct run *r, commit_fn fn)
{
	struct ledger_op *op = commit_add(r->commit, LOP_RUN_FINISH, fn, r);
	const struct job *next = r->job == NULL ? NULL : job_step(r->job, r->step + 1);

	op->u.run_finish = (struct lop_run_finish){
		.run_id = r->id,
		.step = r->step,
		.endings = endings_of(r->job),
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

/* ---- source: {step: NAME} ---- */

static enum loose_state step_taken_state(const struct run *r)
{
	switch (r->job->source.take) {
	case JOB_TAKE_DONE:
		return LOOSE_DONE;
	case JOB_TAKE_DEAD:
		return LOOSE_DEAD;
	case JOB_TAKE_SKIPPED:
		return LOOSE_WAIVED;
	case JOB_TAKE_COUNT_:
		break;
	}
	unreachable("a state of the table");
}

static void step_on_items(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	const struct lop_step_items *s = &op->u.step_items;
	struct lane *reader = load_asker(r);
	struct frame_step_items f = {0};
	struct arena a = {0};

	if (reader == NULL)
		return;
	struct frame_kept *kept = arena_alloc(&a, (s->ret_n_kept + 1) * sizeof(*kept));
	if (s->ret_n > 0)
		f = (struct frame_step_items){.first_item = s->ret_first_item,
					      .n = s->ret_n,
					      .wanted = s->ret_ended,
					      .end = s->ret_end,
					      .body = s->ret_body,
					      .body_len = s->ret_body_len,
					      .kept = kept,
					      .n_kept = s->ret_n_kept};
	for (uint32_t i = 0; i < f.n_kept; i++)
		kept[i] = (struct frame_kept){s->ret_kept[i].index, s->ret_kept[i].keep};
	frame_put_step_items(&reader->out, &f);
	arena_done(&a);
}

int step_take_question(struct run *r, const struct frame *frame, struct err *err)
{
	int64_t from = 0;
	int rc = frame_get_ask_items(frame, &from, err);

	if (rc != 0)
		return rc;
	if (r->job->source.kind != SOURCE_STEP)
		return ERR(err, ERR_BUG, "%s is not for this job", frame_name(frame->type));
	struct lop_step_items *s =
		&commit_add(r->commit, LOP_STEP_ITEMS, step_on_items, r)->u.step_items;
	*s = (struct lop_step_items){.run_id = r->id,
				     .step = r->job->source.of_step,
				     .from = from,
				     .state = step_taken_state(r),
				     .max_bytes = KEPT_BYTES};
	return 0;
}
