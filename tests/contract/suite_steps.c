/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: a run is at one of them, goes on when it is finished, and goes back when a person asks. */
#include "contract/bench.h"
#include "contract/suites.h"

static const struct ledger_step_row two_steps[] = {
	{.name = "load", .effect = EFFECT_PURE, .doubt = DOUBT_RETRY},
	{.name = "send", .effect = EFFECT_UNSAFE, .doubt = DOUBT_ASK, .key_valid_us = US_PER_HOUR}};

/* A run of two steps, the first loaded: `n` items in one chunk, and open. */
static int64_t two_step_run(struct bench *b, uint32_t n)
{
	struct ledger_op *op = begin(b, b->a, LOP_RUN_CREATE);

	op->u.run_create.row = (struct ledger_run_row){.job = "job",
						       .due_key = "2026-11-23/1",
						       .name = "job@2026-11-23",
						       .slot = "2026-11-23",
						       .date = "2026-11-23",
						       .params = "{}",
						       .n = 1,
						       .job_text = "{}",
						       .job_path = "/jobs/job.yaml",
						       .steps = two_steps,
						       .n_steps = 2};
	commit(b);
	int64_t run = op->u.run_create.ret_id;
	run_join(b, b->a, run);
	const struct plan plan = {.n_chunks = 1, .n = n, .has_keys = true};
	run_open(b, b->a, run, run_load(b, b->a, run, &plan));
	return run;
}

static struct ledger_op *step_finish(struct bench *b, struct actor *by, int64_t run, int32_t step,
				     bool needs_done)
{
	struct ledger_op *op = begin(b, by, LOP_RUN_FINISH);

	op->u.run_finish.run_id = run;
	op->u.run_finish.step = step;
	op->u.run_finish.needs_done = needs_done;
	commit(b);
	return op;
}

/* Loads the second step: one chunk of `n` items. Gives the operation that took the load. */
static int32_t second_load(struct bench *b, int64_t run, uint32_t n)
{
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);

	op->u.load_take.run_id = run;
	op->u.load_take.step = 2;
	commit(b);
	assert_true(op->u.load_take.ret_taken);
	assert_null(op->u.load_take.ret_cursor);
	int32_t epoch = op->u.load_take.ret_epoch;
	op = begin(b, b->a, LOP_LOAD_PUT);
	struct ledger_new_chunk *chunk = arena_new(&b->txn->arena, struct ledger_new_chunk);
	*chunk = (struct ledger_new_chunk){.n = n, .body = "second", .body_len = 6};
	op->u.load_put = (struct lop_load_put){.run_id = run,
					       .step = 2,
					       .epoch = epoch,
					       .chunks = chunk,
					       .n_chunks = 1,
					       .cursor = "far",
					       .cursor_len = 3,
					       .add_read = n};
	commit(b);
	return epoch;
}

static void second_open(struct bench *b, int64_t run, int32_t epoch)
{
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_OPEN);

	op->u.load_open = (struct lop_load_open){run, 2, epoch};
	commit(b);
}

static struct ledger_op *second_claim(struct bench *b, int64_t run)
{
	struct ledger_op *op = begin(b, b->a, LOP_CHUNK_CLAIM);

	op->u.chunk_claim = (struct lop_chunk_claim){.run_id = run, .step = 2, .max = 4};
	b->txn->claims = true;
	commit(b);
	return op;
}

static struct held second_hold(struct bench *b, int64_t run)
{
	const struct ledger_chunk_row row = second_claim(b, run)->u.chunk_claim.ret_rows[0];

	return (struct held){.run_id = run,
			     .id = row.id,
			     .first_item = row.first_item,
			     .n = row.n,
			     .epoch = row.epoch};
}

static void close_chunk(struct bench *b, int64_t run, const struct ledger_chunk_row *row)
{
	struct held held = {.run_id = run,
			    .id = row->id,
			    .first_item = row->first_item,
			    .n = row->n,
			    .epoch = row->epoch};

	bits_fill(held.done, 0, held.n);
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	chunk_progress(b, &held, true);
	commit(b);
}

static void a_run_is_at_its_first_step_first(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_JOIN);

	op->u.run_join.run_id = run;
	commit(b);
	const struct ledger_run_row *row = &op->u.run_join.ret_row;
	assert_int_equal(row->step, 1);
	assert_int_equal(row->effect, EFFECT_PURE);
	assert_int_equal(row->n_steps, 2);
	assert_string_equal(row->steps[1].name, "send");
	assert_int_equal(row->steps[1].effect, EFFECT_UNSAFE);
	assert_int_equal(row->steps[1].key_valid_us, US_PER_HOUR);
	assert_int_equal(row->steps[1].state, RUN_LOADING);
	assert_int_equal(row->steps[0].n_items, 3);
}

static void a_later_step_cannot_be_loaded_or_claimed(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);

	op->u.load_take.run_id = run;
	op->u.load_take.step = 2;
	commit(b);
	assert_false(op->u.load_take.ret_taken);
	assert_int_equal(second_claim(b, run)->u.chunk_claim.ret_n, 0);
}

static void a_step_with_work_left_is_not_finished(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);
	struct ledger_op *op = step_finish(b, b->a, run, 1, false);

	assert_false(op->u.run_finish.ret_finished);
	assert_int_equal(op->u.run_finish.ret_step, 1);
	assert_int_equal(state_of(b, run), RUN_OPEN);
}

static void the_next_step_begins_when_this_one_is_finished(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 0);
	struct ledger_op *op = step_finish(b, b->a, run, 1, true);
	assert_false(op->u.run_finish.ret_finished);
	assert_false(op->u.run_finish.ret_blocked);
	assert_int_equal(op->u.run_finish.ret_step, 2);
	assert_int_equal(state_of(b, run), RUN_LOADING);
	second_open(b, run, second_load(b, run, 2));
	assert_int_equal(state_of(b, run), RUN_OPEN);
	op = second_claim(b, run);
	assert_int_equal(op->u.chunk_claim.ret_n, 1);
	const struct ledger_chunk_row row = op->u.chunk_claim.ret_rows[0];
	assert_int_equal(row.first_item, 3); /* items are numbered through the steps */
	assert_int_equal(row.step, 2);
	close_chunk(b, run, &row);
	op = step_finish(b, b->a, run, 2, true);
	assert_true(op->u.run_finish.ret_finished);
	assert_int_equal(op->u.run_finish.ret_counts.done, 2); /* of this step */
	assert_int_equal(counts_of(b, run).done, 5);
	assert_int_equal(state_of(b, run), RUN_FINISHED);
}

static void who_is_late_finishes_nothing(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 0);
	(void)step_finish(b, b->a, run, 1, true);
	struct ledger_op *op = step_finish(b, b->a, run, 1, true);
	assert_int_equal(op->u.run_finish.ret_step, 2);
	assert_int_equal(op->u.run_finish.ret_counts.done, 3);
	assert_int_equal(state_of(b, run), RUN_LOADING);
}

static void a_finish_that_is_sent_again_answers_the_same(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 0);
	struct ledger_op *op = step_finish(b, b->a, run, 1, true);
	resend(b);
	assert_int_equal(op->u.run_finish.ret_step, 2);
	assert_false(op->u.run_finish.ret_finished);
	assert_int_equal(state_of(b, run), RUN_LOADING);
}

static void a_dead_item_blocks_what_needs_done(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 1);
	struct ledger_op *op = step_finish(b, b->a, run, 1, true);
	assert_true(op->u.run_finish.ret_blocked);
	assert_int_equal(op->u.run_finish.ret_step, 1);
	resend(b);
	assert_true(op->u.run_finish.ret_blocked);
	assert_int_equal(state_of(b, run), RUN_OPEN);
	op = step_finish(b, b->a, run, 1, false);
	assert_false(op->u.run_finish.ret_blocked);
	assert_int_equal(op->u.run_finish.ret_step, 2);
}

static void what_a_person_leaves_out_blocks_nothing(void **state)
{
	struct bench *b = *state;
	const int64_t item = 0;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 1);
	assert_int_equal(person(b, PERSON_SKIP, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(step_finish(b, b->a, run, 1, true)->u.run_finish.ret_step, 2);
}

static void a_retry_takes_the_run_back_to_its_step(void **state)
{
	struct bench *b = *state;
	const int64_t item = 0;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 1);
	(void)step_finish(b, b->a, run, 1, false);
	int32_t epoch = second_load(b, run, 2);
	assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_OPEN);
	second_open(b, run, epoch); /* who loads the later step goes on with it */
	assert_int_equal(second_claim(b, run)->u.chunk_claim.ret_n, 0);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .max = 9, .now = b->now};
	b->txn->claims = true;
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	const struct ledger_loose_row row = op->u.loose_claim.ret_rows[0];
	assert_int_equal(row.step, 1);
	op = begin(b, b->a, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run, .item = 0, .epoch = row.epoch, .state = LOOSE_DONE, .attempt = 1};
	commit(b);
	op = step_finish(b, b->a, run, 1, true);
	assert_int_equal(op->u.run_finish.ret_step, 2);
	assert_int_equal(state_of(b, run), RUN_OPEN); /* it was loaded meanwhile */
	assert_int_equal(second_claim(b, run)->u.chunk_claim.ret_n, 1);
}

static void a_retry_of_a_finished_run_opens_its_step_alone(void **state)
{
	struct bench *b = *state;
	const int64_t item = 0;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 1);
	(void)step_finish(b, b->a, run, 1, false);
	second_open(b, run, second_load(b, run, 2));
	struct ledger_op *op = second_claim(b, run);
	const struct ledger_chunk_row chunk = op->u.chunk_claim.ret_rows[0];
	close_chunk(b, run, &chunk);
	assert_true(step_finish(b, b->a, run, 2, true)->u.run_finish.ret_finished);
	(void)person(b, PERSON_RETRY, run, &item, 1);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_false(op->u.run_join.ret_over);
	assert_int_equal(op->u.run_join.ret_row.step, 1);
	assert_int_equal(op->u.run_join.ret_counts.retry, 1);
	(void)person(b, PERSON_SKIP, run, &item, 1);
	assert_true(step_finish(b, b->a, run, 1, true)->u.run_finish.ret_finished);
}

static void a_failed_load_of_a_later_step_leaves_the_earlier(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 0);
	(void)step_finish(b, b->a, run, 1, true);
	(void)second_load(b, run, 2);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "too many", false};
	commit(b);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	const struct ledger_run_row *row = &op->u.run_join.ret_row;
	assert_int_equal(row->state, RUN_LOADING);
	assert_int_equal(row->step, 2);
	assert_int_equal(row->n_items, 3);
	assert_int_equal(row->steps[1].n_items, 0);
	second_open(b, run, second_load(b, run, 2));
	assert_int_equal(counts_of(b, run).waiting, 2);
}

static void doubt_is_resolved_in_its_own_step_only(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);

	chunk_work(b, b->a, run, 0);
	(void)step_finish(b, b->a, run, 1, true);
	second_open(b, run, second_load(b, run, 2));
	struct held held = second_hold(b, run);
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	(void)loose_put(b, &held, 0, LOOSE_DOUBT);
	bits_set(held.done, 0);
	chunk_progress(b, &held, false);
	commit(b);
	for (int32_t step = 1; step <= 2; step++) {
		struct ledger_op *op = begin(b, b->a, LOP_DOUBT_RESOLVE);
		op->u.doubt_resolve = (struct lop_doubt_resolve){.run_id = run,
								 .step = step,
								 .policy = DOUBT_SKIP,
								 .now = b->now + US_PER_MIN};
		ledger_txn_rewind(b->txn); /* what was asked stays */
		commit(b);
		assert_int_equal(op->u.doubt_resolve.ret_skipped, step == 2 ? 1 : 0);
	}
}

static void a_key_is_open_in_its_own_step_only(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 3);
	const char *const keys[] = {"KEY-0"};

	struct held held;
	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	loose_put(b, &held, 0, LOOSE_RETRY)->u.loose_put.row.key = "KEY-0";
	bits_set(held.done, 0);
	chunk_progress(b, &held, false);
	commit(b);
	for (int32_t step = 1; step <= 2; step++) {
		struct ledger_op *op = begin(b, b->a, LOP_KEYS_FIND);
		op->u.keys_find = (struct lop_keys_find){
			.job = "job", .run_id = run + 1, .step = step, .keys = keys, .n = 1};
		commit(b);
		assert_int_equal(bits_get(op->u.keys_find.ret_open, 0), step == 1);
	}
}

/* Retries of items of both steps open both, whichever is opened first. */
static void retries_of_two_steps_open_both(void **state)
{
	struct bench *b = *state;
	int64_t run = two_step_run(b, 1);
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	(void)loose_put(b, &held, 0, LOOSE_DEAD);
	bits_set(held.done, 0);
	chunk_progress(b, &held, true);
	commit(b);
	(void)step_finish(b, b->a, run, 1, false);
	second_open(b, run, second_load(b, run, 1));
	held = second_hold(b, run);
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	(void)loose_put(b, &held, 0, LOOSE_DEAD);
	bits_set(held.done, 0);
	chunk_progress(b, &held, true);
	commit(b);
	assert_true(step_finish(b, b->a, run, 2, false)->u.run_finish.ret_finished);
	for (int64_t item = 0; item < 2; item++)
		assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_join.ret_row.step, 1);
	assert_int_equal(op->u.run_join.ret_row.steps[0].state, RUN_OPEN);
	assert_int_equal(op->u.run_join.ret_row.steps[1].state, RUN_OPEN);
}

/* Three items: the first done and kept, the second dead and kept, the third done by its bit alone.
 */
static int64_t run_that_kept(struct bench *b)
{
	int64_t run = two_step_run(b, 3);
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	(void)loose_put(b, &held, 1, LOOSE_DEAD);
	static const char *const keeps[] = {"{\"id\":1}", "{\"id\":2}", "{\"id\":\"last\"}"};
	static const int64_t items[] = {0, 1, 0};
	for (size_t i = 0; i < ARRAY_LEN(keeps); i++)
		also(b, LOP_ATTEMPT_PUT)->u.attempt_put = (struct lop_attempt_put){
			.at = b->now,
			.run_id = run,
			.item = items[i],
			.outcome = OUTCOME_DONE,
			.attempt = 1,
			.keep = keeps[i]};
	bits_fill(held.done, 0, 3);
	chunk_progress(b, &held, true);
	commit(b);
	return run;
}

static const struct lop_step_items *step_items(struct bench *b, int64_t run, int64_t from,
					       enum loose_state state)
{
	struct ledger_op *op = begin(b, b->a, LOP_STEP_ITEMS);

	op->u.step_items = (struct lop_step_items){
		.run_id = run, .step = 1, .from = from, .state = state, .max_bytes = 1};
	commit(b);
	return &op->u.step_items;
}

static void a_later_step_takes_what_ended_so(void **state)
{
	struct bench *b = *state;
	int64_t run = run_that_kept(b);
	const struct lop_step_items *s = step_items(b, run, 0, LOOSE_DONE);

	assert_int_equal(s->ret_n, 3);
	assert_true(bits_get(s->ret_ended, 0));
	assert_false(bits_get(s->ret_ended, 1));
	assert_true(bits_get(s->ret_ended, 2));
	assert_int_equal(s->ret_n_kept, 1);
	assert_string_equal(s->ret_kept[0].keep, "{\"id\":\"last\"}"); /* of its last attempt */
	assert_int_equal(s->ret_end, 1);			       /* the page was full */
	s = step_items(b, run, 1, LOOSE_DONE);
	assert_int_equal(s->ret_n_kept, 0);
	assert_int_equal(s->ret_end, 3);
	assert_int_equal(step_items(b, run, 3, LOOSE_DONE)->ret_n, 0);
	s = step_items(b, run, 0, LOOSE_DEAD);
	assert_int_equal(bits_count(s->ret_ended, 3), 1);
	assert_int_equal(s->ret_kept[0].index, 1);
	assert_int_equal(bits_count(step_items(b, run, 0, LOOSE_WAIVED)->ret_ended, 3), 0);
}

static const struct CMUnitTest cases[] = {
	CASE(a_run_is_at_its_first_step_first),
	CASE(a_later_step_cannot_be_loaded_or_claimed),
	CASE(a_step_with_work_left_is_not_finished),
	CASE(the_next_step_begins_when_this_one_is_finished),
	CASE(who_is_late_finishes_nothing),
	CASE(a_finish_that_is_sent_again_answers_the_same),
	CASE(a_dead_item_blocks_what_needs_done),
	CASE(what_a_person_leaves_out_blocks_nothing),
	CASE(a_retry_takes_the_run_back_to_its_step),
	CASE(a_retry_of_a_finished_run_opens_its_step_alone),
	CASE(a_failed_load_of_a_later_step_leaves_the_earlier),
	CASE(doubt_is_resolved_in_its_own_step_only),
	CASE(a_key_is_open_in_its_own_step_only),
	CASE(retries_of_two_steps_open_both),
	CASE(a_later_step_takes_what_ended_so),
};

const struct suite suite_steps = SUITE("steps", cases);
