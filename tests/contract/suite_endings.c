/* SPDX-License-Identifier: Apache-2.0 */
/* What is done once at the end: one instance has it at a time, and a run waits for it. */
#include "contract/bench.h"
#include "contract/suites.h"

static const struct lop_ending_take *take_kind(struct bench *b, struct actor *by, int64_t run,
					       enum ledger_ending kind)
{
	struct ledger_op *op = begin(b, by, LOP_ENDING_TAKE);

	op->u.ending_take.run_id = run;
	op->u.ending_take.kind = kind;
	commit(b);
	return &op->u.ending_take;
}

static const struct lop_ending_take *take(struct bench *b, struct actor *by, int64_t run)
{
	return take_kind(b, by, run, ENDING_WORK);
}

/* False when it came too late. */
static bool put(struct bench *b, struct actor *by, int64_t run, const struct lop_ending_put *what)
{
	struct ledger_op *op = begin(b, by, LOP_ENDING_PUT);

	op->u.ending_put = *what;
	op->u.ending_put.run_id = run;
	if (op->u.ending_put.kind == 0)
		op->u.ending_put.kind = ENDING_WORK;
	commit(b);
	return !op->u.ending_put.ret_late;
}

static bool make(struct bench *b, struct actor *by, int64_t run, int32_t epoch)
{
	return put(b, by, run,
		   &(struct lop_ending_put){.epoch = epoch, .is_done = true, .result = "{}"});
}

static const struct lop_run_finish *finish_with(struct bench *b, struct actor *by, int64_t run,
						int32_t step, uint32_t endings)
{
	struct ledger_op *op = begin(b, by, LOP_RUN_FINISH);

	op->u.run_finish.run_id = run;
	op->u.run_finish.step = step;
	op->u.run_finish.endings = endings;
	commit(b);
	return &op->u.run_finish;
}

/* A run of one chunk of four items, all of them settled. */
static int64_t settled_run(struct bench *b, uint32_t n_dead)
{
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});

	chunk_work(b, b->a, run, n_dead);
	return run;
}

static void a_run_is_finished_when_its_end_is_made(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});

	const struct lop_ending_take *t = take(b, b->a, run);
	assert_false(t->ret_taken);
	assert_false(t->ret_is_settled);
	/* what is open comes first */
	assert_int_equal(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_missing, 0);
	chunk_work(b, b->a, run, 1);
	const struct lop_run_finish *f = finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK));
	assert_false(f->ret_finished);
	assert_int_equal(f->ret_missing, ENDING_BIT(ENDING_WORK));
	t = take(b, b->a, run);
	assert_true(t->ret_taken);
	assert_true(t->ret_is_settled);
	assert_int_equal(t->ret_row.owner, b->a->inc);
	assert_int_equal(t->ret_row.epoch, 1);
	assert_int_equal(t->ret_row.tries, 0);
	assert_false(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_finished);
	assert_true(make(b, b->a, run, 1));
	t = take(b, b->a, run);
	assert_false(t->ret_taken);
	assert_true(t->ret_row.is_done);
	assert_string_equal(t->ret_row.result, "{}");
	assert_true(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_finished);
}

static void of_two_who_want_to_make_it_one_may(void **state)
{
	struct bench *b = *state;
	int64_t run = settled_run(b, 0);

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(take(b, b->a, run)->ret_taken);
	const struct lop_ending_take *t = take(b, b->b, run);
	assert_false(t->ret_taken);
	assert_int_equal(t->ret_row.owner, b->a->inc);
	assert_false(make(b, b->b, run, 1));
	assert_true(make(b, b->a, run, 1));
	assert_false(make(b, b->a, run, 1)); /* once */
	assert_true(take(b, b->b, run)->ret_row.is_done);
}

static void what_failed_is_tried_again_when_its_time_has_come(void **state)
{
	struct bench *b = *state;
	int64_t run = settled_run(b, 0);

	assert_true(take(b, b->a, run)->ret_taken);
	assert_true(put(b, b->a, run,
			&(struct lop_ending_put){.epoch = 1,
						 .not_before = b->now + US_PER_MIN,
						 .err = "the disk is full"}));
	const struct lop_ending_take *t = take(b, b->a, run);
	assert_false(t->ret_taken);
	assert_int_equal(t->ret_row.owner, 0);
	assert_int_equal(t->ret_row.tries, 1);
	assert_int_equal(t->ret_row.not_before, b->now + US_PER_MIN);
	assert_string_equal(t->ret_row.err, "the disk is full");
	assert_int_equal(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_missing,
			 ENDING_BIT(ENDING_WORK));
	b->now += US_PER_MIN;
	t = take(b, b->a, run);
	assert_true(t->ret_taken);
	assert_int_equal(t->ret_row.epoch, 2);
	assert_false(make(b, b->a, run, 1)); /* an earlier try; he has it no more */
	assert_false(make(b, b->a, run, 2));
	assert_int_equal(take(b, b->a, run)->ret_row.epoch, 3);
	assert_true(make(b, b->a, run, 3));
	t = take(b, b->a, run);
	assert_int_equal(t->ret_row.tries, 0);
	assert_string_equal(t->ret_row.err, "");
}

static void who_leaves_or_ends_leaves_it_to_others(void **state)
{
	struct bench *b = *state;
	int64_t run = settled_run(b, 0);

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(take(b, b->b, run)->ret_taken);
	begin(b, b->b, LOP_RUN_LEAVE)->u.run_leave = (struct lop_run_leave){run, ""};
	commit(b);
	assert_true(take(b, b->a, run)->ret_taken);
	(void)begin(b, b->a, LOP_INSTANCE_END);
	commit(b);
	assert_true(take(b, b->b, run)->ret_taken);
	assert_int_equal(take(b, b->b, run)->ret_row.epoch, 4);
}

static void of_one_that_was_reaped_it_is_taken_over_after_the_quarantine(void **state)
{
	struct bench *b = *state;
	int64_t run = settled_run(b, 0);

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(take(b, b->b, run)->ret_taken);
	int64_t dead = b->b->inc;
	actor_kill(b, b->b);
	assert_false(take(b, b->a, run)->ret_taken); /* it may live */
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = dead;
	op->u.reap.beat = BENCH_BEAT;
	op->u.reap.quarantine_us = US_PER_MIN;
	commit(b);
	assert_true(op->u.reap.ret_done);
	const struct lop_ending_take *t = take(b, b->a, run);
	assert_false(t->ret_taken);
	assert_int_equal(t->ret_row.owner, 0);
	assert_int_equal(t->ret_row.tries, 0);
	b->now += US_PER_MIN;
	assert_true(take(b, b->a, run)->ret_taken);
}

static void it_is_made_again_of_what_a_person_sent_back(void **state)
{
	static const int64_t first = 0;
	struct bench *b = *state;
	int64_t run = settled_run(b, 1);
	struct held held;

	assert_true(take(b, b->a, run)->ret_taken);
	assert_int_equal(person(b, PERSON_RETRY, run, &first, 1)->u.person.ret_changed, 1);
	assert_false(make(b, b->a, run, 1)); /* it was made without that item */
	assert_int_equal(take(b, b->a, run)->ret_row.owner, 0);
	assert_false(take(b, b->a, run)->ret_is_settled);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim.run_id = run;
	op->u.loose_claim.now = b->now;
	op->u.loose_claim.max = 1;
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	struct ledger_loose_row row = op->u.loose_claim.ret_rows[0];
	row.key = row.person = NULL;
	row.err = row.err_class = row.fingerprint = "";
	row.state = LOOSE_DONE;
	begin(b, b->a, LOP_LOOSE_SETTLE)->u.loose_settle.row = row;
	commit(b);
	assert_false(chunk_claim(b, b->a, run, &held));
	const struct lop_ending_take *t = take(b, b->a, run);
	assert_true(t->ret_taken);
	assert_true(make(b, b->a, run, t->ret_row.epoch));
	assert_true(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_finished);
}

static void a_finished_run_that_is_opened_again_gets_its_end_again(void **state)
{
	static const int64_t first = 0;
	struct bench *b = *state;
	int64_t run = settled_run(b, 2);

	assert_true(take(b, b->a, run)->ret_taken);
	assert_true(make(b, b->a, run, 1));
	assert_true(finish_with(b, b->a, run, 1, ENDING_BIT(ENDING_WORK))->ret_finished);
	/* without anything to do again it stays as it is */
	assert_int_equal(person(b, PERSON_SKIP, run, &first, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_FINISHED);
	assert_true(take(b, b->a, run)->ret_row.is_done);
	const int64_t second = 1;
	assert_int_equal(person(b, PERSON_RETRY, run, &second, 1)->u.person.ret_changed, 1);
	assert_false(take(b, b->a, run)->ret_row.is_done);
}

static void an_answer_that_was_lost_is_given_again(void **state)
{
	struct bench *b = *state;
	int64_t run = settled_run(b, 0);

	const struct lop_ending_take *t = take(b, b->a, run);
	resend(b);
	assert_true(t->ret_taken);
	assert_int_equal(t->ret_row.epoch, 1);
	struct ledger_op *op = begin(b, b->a, LOP_ENDING_PUT);
	op->u.ending_put = (struct lop_ending_put){
		.run_id = run, .kind = ENDING_WORK, .epoch = 1, .is_done = true};
	commit(b);
	resend(b);
	assert_false(op->u.ending_put.ret_late);
}

static void the_end_of_the_run_is_asked_for_with_the_last_step(void **state)
{
	static const struct ledger_step_row steps[] = {
		{.name = "one", .effect = EFFECT_PURE, .doubt = DOUBT_RETRY},
		{.name = "two", .effect = EFFECT_PURE, .doubt = DOUBT_RETRY}};
	const uint32_t both = ENDING_BIT(ENDING_WORK) | ENDING_BIT(ENDING_RUN);
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_RUN_CREATE);

	op->u.run_create.row = (struct ledger_run_row){
		.job = "job", .due_key = "k/1", .n = 1, .steps = steps, .n_steps = 2};
	commit(b);
	int64_t run = op->u.run_create.ret_id;
	run_join(b, b->a, run);
	const struct plan plan = {.n_chunks = 1, .n = 2};
	run_open(b, b->a, run, run_load(b, b->a, run, &plan));
	chunk_work(b, b->a, run, 0);
	const struct lop_run_finish *f = finish_with(b, b->a, run, 1, both);
	assert_int_equal(f->ret_missing, ENDING_BIT(ENDING_WORK));
	assert_true(take(b, b->a, run)->ret_taken);
	assert_true(make(b, b->a, run, 1));
	assert_int_equal(finish_with(b, b->a, run, 1, both)->ret_step, 2);
	/* the second step, without an item */
	op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	op->u.load_take.step = 2;
	commit(b);
	int32_t epoch = op->u.load_take.ret_epoch;
	op = begin(b, b->a, LOP_LOAD_OPEN);
	op->u.load_open = (struct lop_load_open){.run_id = run, .step = 2, .epoch = epoch};
	commit(b);
	assert_int_equal(finish_with(b, b->a, run, 2, ENDING_BIT(ENDING_RUN))->ret_missing,
			 ENDING_BIT(ENDING_RUN));
	op = begin(b, b->a, LOP_ENDING_TAKE);
	op->u.ending_take = (struct lop_ending_take){.run_id = run, .step = 2, .kind = ENDING_RUN};
	commit(b);
	assert_true(op->u.ending_take.ret_taken);
	assert_int_equal(op->u.ending_take.ret_row.step, 0);
	assert_true(put(b, b->a, run,
			&(struct lop_ending_put){
				.step = 2, .kind = ENDING_RUN, .epoch = 1, .is_done = true}));
	assert_true(finish_with(b, b->a, run, 2, ENDING_BIT(ENDING_RUN))->ret_finished);
}

static void the_end_of_no_run_is_refused(void **state)
{
	struct bench *b = *state;

	begin(b, b->a, LOP_ENDING_TAKE)->u.ending_take = (struct lop_ending_take){
		.run_id = 999, .kind = ENDING_WORK};
	refused(b, LEDGER_LOST);
	begin(b, b->a, LOP_ENDING_PUT)->u.ending_put = (struct lop_ending_put){.run_id = 999,
									       .kind = ENDING_WORK};
	refused(b, LEDGER_LOST);
}

static const struct CMUnitTest cases[] = {
	CASE(a_run_is_finished_when_its_end_is_made),
	CASE(of_two_who_want_to_make_it_one_may),
	CASE(what_failed_is_tried_again_when_its_time_has_come),
	CASE(who_leaves_or_ends_leaves_it_to_others),
	CASE(of_one_that_was_reaped_it_is_taken_over_after_the_quarantine),
	CASE(it_is_made_again_of_what_a_person_sent_back),
	CASE(a_finished_run_that_is_opened_again_gets_its_end_again),
	CASE(an_answer_that_was_lost_is_given_again),
	CASE(the_end_of_the_run_is_asked_for_with_the_last_step),
	CASE(the_end_of_no_run_is_refused),
};

const struct suite suite_endings = SUITE("endings", cases);
