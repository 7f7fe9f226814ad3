/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

static void a_run_is_what_it_was_created_as(void **state)
{
	struct bench *b = *state;
	struct ledger_op *op = begin(b, b->a, LOP_RUN_CREATE);

	op->u.run_create.row = (struct ledger_run_row){
		.job = "mail",
		.due_key = "2026-11-23/eu/2",
		.name = "mail@2026-11-23,region=eu#2",
		.slot = "2026-11-23",
		.date = "2026-11-22",
		.params = "{\"region\": \"eu\"}",
		.n = 2,
		.job_text = "{\"job\": \"mail\"}",
		.job_path = "/jobs/mail.yaml",
		.effect = EFFECT_KEYED,
		.doubt = DOUBT_RETRY,
		.key_valid_us = 24 * US_PER_HOUR,
		.first_n = 10,
		.source_path = "/in/mended.csv",
	};
	commit(b);
	int64_t id = op->u.run_create.ret_id;
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = id;
	commit(b);
	const struct ledger_run_row *row = &op->u.run_join.ret_row;
	assert_int_equal(row->id, id);
	assert_string_equal(row->job, "mail");
	assert_string_equal(row->due_key, "2026-11-23/eu/2");
	assert_string_equal(row->name, "mail@2026-11-23,region=eu#2");
	assert_string_equal(row->slot, "2026-11-23");
	assert_string_equal(row->date, "2026-11-22");
	assert_string_equal(row->params, "{\"region\": \"eu\"}");
	assert_string_equal(row->job_text, "{\"job\": \"mail\"}");
	assert_string_equal(row->job_path, "/jobs/mail.yaml");
	assert_string_equal(row->source_path, "/in/mended.csv");
	assert_string_equal(row->reason, "");
	assert_int_equal(row->n, 2);
	assert_int_equal(row->effect, EFFECT_KEYED);
	assert_int_equal(row->doubt, DOUBT_RETRY);
	assert_int_equal(row->key_valid_us, 24 * US_PER_HOUR);
	assert_int_equal(row->first_n, 10);
	assert_int_equal(row->state, RUN_LOADING);
	assert_int_equal(row->started_at, b->now);
	assert_int_equal(row->ended_at, 0);
	assert_false(row->was_open);
}

static void one_due_key_makes_one_run(void **state)
{
	struct bench *b = *state;
	int64_t first = run_create(b, b->a, &(struct plan){.due = "2026-11-23/1"});
	struct ledger_op *op = begin(b, b->a, LOP_RUN_CREATE);

	op->u.run_create.row = (struct ledger_run_row){.job = "job",
						       .due_key = "2026-11-23/1",
						       .name = "another",
						       .effect = EFFECT_PURE,
						       .doubt = DOUBT_RETRY};
	commit(b);
	assert_true(op->u.run_create.ret_exists);
	assert_int_equal(op->u.run_create.ret_id, first);
	/* the same key of another job is another run */
	assert_int_not_equal(run_create(b, b->a, &(struct plan){.job = "other"}), first);
}

static void the_list_has_what_is_not_over_oldest_first(void **state)
{
	struct bench *b = *state;
	int64_t open = run_ready(b, b->a, &(struct plan){.due = "1/1", .n_chunks = 1, .n = 1});
	int64_t done = run_ready(b, b->a, &(struct plan){.due = "2/1"});
	int64_t loading = run_create(b, b->a, &(struct plan){.due = "3/1"});
	int64_t failed = run_create(b, b->a, &(struct plan){.due = "4/1"});
	int64_t given_up = run_create(b, b->a, &(struct plan){.due = "5/1"});

	(void)run_create(b, b->a, &(struct plan){.job = "other"});
	assert_true(finish(b, b->a, done));
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){failed, RUN_FAILED, "too many rejects", false};
	struct ledger_op *second = also(b, LOP_RUN_END);
	second->u.run_end = (struct lop_run_end){given_up, RUN_ABANDONED, "enough", false};
	commit(b);
	assert_true(op->u.run_end.ret_done);
	assert_true(second->u.run_end.ret_done);

	op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	op->u.run_list.due_key = "2/1";
	commit(b);
	const struct lop_run_list *l = &op->u.run_list;
	assert_int_equal(l->ret_n, 3);
	assert_int_equal(l->ret_rows[0].id, open);
	assert_int_equal(l->ret_rows[1].id, loading);
	assert_int_equal(l->ret_rows[2].id, failed);
	assert_string_equal(l->ret_rows[2].reason, "too many rejects");
	assert_int_equal(l->ret_rows[2].ended_at, b->now);
	assert_non_null(l->ret_due);
	assert_int_equal(l->ret_due->id, done);
	assert_int_equal(l->ret_due->state, RUN_FINISHED);
	assert_int_equal(l->ret_n_history, 1);
	assert_int_equal(l->ret_history[0], 0);
}

static void the_list_says_which_runs_live_elsewhere(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});

	run_join(b, b->a, run);
	actor_begin(b, b->b);
	actor_begin(b, b->c);
	run_join(b, b->b, run);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	op->u.run_list.due_key = "2026-11-23/1";
	commit(b);
	assert_true(op->u.run_list.ret_live_elsewhere[0]);
	assert_true(op->u.run_list.ret_due_live_elsewhere);
	actor_bury(b, b->a, b->b);
	op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	op->u.run_list.due_key = "2026-11-23/1";
	commit(b);
	assert_false(op->u.run_list.ret_live_elsewhere[0]);
	assert_false(op->u.run_list.ret_due_live_elsewhere);
	/* for the third, a lives elsewhere */
	op = begin(b, b->c, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	commit(b);
	assert_true(op->u.run_list.ret_live_elsewhere[0]);
	assert_null(op->u.run_list.ret_due);
}

static void the_highest_number_is_of_the_same_slot_and_parameters(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *due;
		int64_t n;
	} runs[] = {{"2026-11-23/1", 1},
		    {"2026-11-23/2", 2},
		    {"2026-11-23/eu/7", 7},
		    {"2026-11-234/9", 9},
		    {"2026-11-23/3", 3}};

	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		struct ledger_op *op = begin(b, b->a, LOP_RUN_CREATE);
		op->u.run_create.row = (struct ledger_run_row){.job = "job",
							       .due_key = runs[i].due,
							       .n = runs[i].n,
							       .effect = EFFECT_PURE,
							       .doubt = DOUBT_RETRY};
		commit(b);
	}
	struct ledger_op *op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	op->u.run_list.due_base = "2026-11-23";
	commit(b);
	assert_int_equal(op->u.run_list.ret_last_n, 3);
	op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	op->u.run_list.due_base = "2026-11-24";
	commit(b);
	assert_int_equal(op->u.run_list.ret_last_n, 0);
}

static void the_history_has_the_last_twenty_finished_newest_first(void **state)
{
	struct bench *b = *state;

	int64_t run = 0;
	for (uint32_t i = 0; i < 23; i++) {
		char due[32];
		(void)snprintf(due, sizeof(due), "slot-%u/1", i);
		run = run_ready(b, b->a, &(struct plan){.due = due, .n_chunks = 1, .n = i + 1});
		chunk_work(b, b->a, run, 0);
		assert_true(finish(b, b->a, run));
	}
	struct ledger_op *op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	commit(b);
	assert_int_equal(op->u.run_list.ret_n, 0);
	assert_int_equal(op->u.run_list.ret_n_history, 20);
	assert_int_equal(op->u.run_list.ret_history[0], 23);
	assert_int_equal(op->u.run_list.ret_history[19], 4);
	assert_int_equal(op->u.run_list.ret_past_id, run);
	assert_true(op->u.run_list.ret_past_started_at > 0);
}

static void joining_tells_who_else_is_there(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});

	run_join(b, b->a, run);
	run_join(b, b->a, run); /* twice is once */
	actor_begin(b, b->b);
	actor_begin(b, b->c);
	run_join(b, b->c, run);
	actor_bury(b, b->a, b->c);
	struct ledger_op *op = begin(b, b->b, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_join.ret_n_others, 1);
	assert_int_equal(op->u.run_join.ret_others[0].inc, b->a->inc);
}

static void the_company_in_a_run_is_known_until_it_is_gone(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	run_join(b, b->a, run);
	run_join(b, b->b, run);
	run_join(b, b->c, run);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_COMPANY);
	op->u.run_company.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_company.ret_n_others, 2);
	int64_t known[] = {op->u.run_company.ret_others[0].inc, op->u.run_company.ret_others[1].inc,
			   4711};
	assert_int_equal(known[0] + known[1], b->b->inc + b->c->inc);
	actor_kill(b, b->c);
	op = begin(b, b->a, LOP_REAP);
	op->u.reap = (struct lop_reap){.dead = b->c->inc, .beat = b->has_beats ? BENCH_BEAT : 0};
	commit(b);
	op = begin(b, b->b, LOP_RUN_LEAVE);
	op->u.run_leave = (struct lop_run_leave){.run_id = run, .reason = ""};
	commit(b);
	op = begin(b, b->a, LOP_RUN_COMPANY);
	op->u.run_company = (struct lop_run_company){
		.run_id = run, .known = known, .n_known = ARRAY_LEN(known)};
	commit(b);
	assert_int_equal(op->u.run_company.ret_n_others, 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(op->u.run_company.ret_states[i],
				 known[i] == b->b->inc ? INSTANCE_LIVE : INSTANCE_REAPED);
	assert_int_equal(op->u.run_company.ret_states[2], 0);
}

static void joining_a_run_that_is_over_changes_nothing(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){0});

	assert_true(finish(b, b->a, run));
	actor_begin(b, b->b);
	struct ledger_op *op = begin(b, b->b, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_true(op->u.run_join.ret_over);
	assert_int_equal(op->u.run_join.ret_row.state, RUN_FINISHED);
	op = begin(b, b->b, LOP_RUN_JOIN);
	op->u.run_join.run_id = 999;
	refused(b, LEDGER_LOST);
}

static void leaving_keeps_the_reason_until_somebody_joins(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	struct ledger_op *op = begin(b, b->a, LOP_RUN_LEAVE);

	op->u.run_leave.run_id = run;
	op->u.run_leave.reason = "window over";
	commit(b);
	op = begin(b, b->a, LOP_RUN_LIST);
	op->u.run_list.job = "job";
	commit(b);
	assert_string_equal(op->u.run_list.ret_rows[0].reason, "window over");
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_string_equal(op->u.run_join.ret_row.reason, "");
	op = begin(b, b->a, LOP_RUN_LEAVE);
	op->u.run_leave.run_id = 999;
	op->u.run_leave.reason = "";
	refused(b, LEDGER_LOST);
}

static void a_run_that_failed_when_it_was_open_is_open_again(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 4});

	chunk_work(b, b->a, run, 1);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "breaker gave up", false};
	commit(b);
	assert_int_equal(state_of(b, run), RUN_FAILED);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	assert_int_equal(op->u.run_join.ret_row.state, RUN_OPEN);
	assert_int_equal(op->u.run_join.ret_row.ended_at, 0);
	assert_string_equal(op->u.run_join.ret_row.reason, "");
	assert_int_equal(op->u.run_join.ret_counts.done, 3);
	assert_int_equal(op->u.run_join.ret_counts.dead, 1);
	assert_int_equal(op->u.run_join.ret_counts.waiting, 4);
}

static void a_run_that_failed_before_it_was_open_loads_afresh(void **state)
{
	struct bench *b = *state;
	const struct plan plan = {.n_chunks = 2, .n = 4, .has_keys = true};
	int64_t run = run_create(b, b->a, &plan);

	run_join(b, b->a, run);
	(void)run_load(b, b->a, run, &plan);
	const struct ledger_reject reject = {.path = "f", .line = 3, .reason = "bad"};
	struct ledger_op *op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	int32_t epoch = op->u.load_take.ret_epoch;
	op = begin(b, b->a, LOP_LOAD_PUT);
	op->u.load_put = (struct lop_load_put){.run_id = run,
					       .epoch = epoch,
					       .rejects = &reject,
					       .n_rejects = 1,
					       .cursor = "later",
					       .cursor_len = 5,
					       .add_read = 4,
					       .add_filtered = 2,
					       .add_held_back = 1};
	struct ledger_op *content = also(b, LOP_CONTENT_FIND);
	content->u.content_find = (struct lop_content_find){.job = "job",
							    .run_id = run,
							    .path = "f",
							    .digest = (const uint8_t *)"12345678",
							    .digest_len = 8};
	commit(b);
	const int64_t item = 5;
	assert_int_equal(person(b, PERSON_SKIP, run, &item, 1)->u.person.ret_changed, 1);
	op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "totals differ", false};
	commit(b);
	op = begin(b, b->a, LOP_RUN_JOIN);
	op->u.run_join.run_id = run;
	commit(b);
	const struct ledger_run_row *row = &op->u.run_join.ret_row;
	assert_int_equal(row->state, RUN_LOADING);
	assert_int_equal(row->n_items, 0);
	assert_int_equal(row->n_read, 0);
	assert_int_equal(row->n_filtered, 0);
	assert_int_equal(row->n_rejected, 0);
	assert_int_equal(row->n_held_back, 0);
	assert_int_equal(op->u.run_join.ret_counts.waiting, 0);
	assert_int_equal(op->u.run_join.ret_counts.skipped, 0);
	op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	assert_true(op->u.load_take.ret_taken);
	assert_null(op->u.load_take.ret_cursor);
	assert_true(op->u.load_take.ret_epoch > epoch);
	run_open(b, b->a, run, run_load(b, b->a, run, &plan));
	assert_int_equal(counts_of(b, run).waiting, 8);
}

static void a_run_is_ended_once(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	static const struct {
		enum run_state to;
		bool done;
	} steps[] = {{RUN_FAILED, true},
		     {RUN_FAILED, false},
		     {RUN_ABANDONED, true},
		     {RUN_FAILED, false},
		     {RUN_ABANDONED, false}};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
		op->u.run_end = (struct lop_run_end){run, steps[i].to, "why", false};
		commit(b);
		assert_int_equal(op->u.run_end.ret_done, steps[i].done);
	}
}

static void what_others_hold_of_an_ended_run_is_theirs_to_settle(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 4});
	struct held held;

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(chunk_claim(b, b->b, run, &held));
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "why", false};
	commit(b);
	struct held other;
	assert_false(chunk_claim(b, b->a, run, &other));
	chunk_done(b, b->b, &held, 0, 4);
	assert_int_equal(counts_of(b, run).done, 4);
}

static void a_run_is_finished_when_nothing_is_left(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 3});

	assert_false(finish(b, b->a, run));
	chunk_work(b, b->a, run, 0);
	assert_false(finish(b, b->a, run));
	chunk_work(b, b->a, run, 2); /* dead ones are reported, not worked */
	struct ledger_op *op = begin(b, b->a, LOP_RUN_FINISH);
	op->u.run_finish.run_id = run;
	commit(b);
	assert_true(op->u.run_finish.ret_finished);
	assert_int_equal(op->u.run_finish.ret_counts.done, 4);
	assert_int_equal(op->u.run_finish.ret_counts.dead, 2);
	assert_true(finish(b, b->a, run)); /* this or another call */
	assert_int_equal(state_of(b, run), RUN_FINISHED);
}

static void a_run_with_a_retry_or_a_doubt_is_not_finished(void **state)
{
	static const struct {
		enum loose_state state;
		bool finished;
	} all[] = {{LOOSE_RETRY, false}, {LOOSE_DOUBT, false}, {LOOSE_DEAD, true},
		   {LOOSE_DONE, true},	 {LOOSE_WAIVED, true}, {LOOSE_ASKED, true}};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char due[16];
		struct held held;
		(void)snprintf(due, sizeof(due), "%zu/1", i);
		int64_t run = run_ready(b, b->a, &(struct plan){.due = due, .n_chunks = 1, .n = 2});
		assert_true(chunk_claim(b, b->a, run, &held));
		(void)begin(b, b->a, LOP_RUN_COUNTS);
		b->txn->first->u.run_counts.run_id = run;
		(void)loose_put(b, &held, 0, all[i].state);
		bits_set(held.done, 1);
		chunk_progress(b, &held, true);
		commit(b);
		assert_int_equal(finish(b, b->a, run), all[i].finished);
	}
}

static void counts_know_every_state(void **state)
{
	static const enum loose_state states[] = {LOOSE_RETRY, LOOSE_DOUBT, LOOSE_ASKED,
						  LOOSE_DEAD,  LOOSE_DONE,  LOOSE_WAIVED};
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 3, .n = 10});
	struct held held;

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(chunk_claim(b, b->b, run, &held));
	chunk_start(b, b->b, &held, 0, 3);
	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_RUN_COUNTS);
	b->txn->first->u.run_counts.run_id = run;
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++) {
		struct ledger_op *op = loose_put(b, &held, i, states[i]);
		op->u.loose_put.row.not_before = b->now + (10 - i) * US_PER_S;
	}
	struct ledger_op *op = loose_put(b, &held, 6, LOOSE_HELD);
	op->u.loose_put.row.owner = b->a->inc;
	bits_set(held.done, 7);
	bits_set(held.started, 8);
	chunk_progress(b, &held, false);
	commit(b);
	op = begin(b, b->a, LOP_RUN_COUNTS);
	op->u.run_counts.run_id = run;
	commit(b);
	const struct ledger_counts *c = &op->u.run_counts.ret_counts;
	assert_int_equal(c->waiting, 10 + 7 + 1);
	assert_int_equal(c->running, 3 + 1 + 1);
	assert_int_equal(c->done, 1 + 1);
	assert_int_equal(c->retry, 1);
	assert_int_equal(c->in_doubt, 2);
	assert_int_equal(c->asked, 1);
	assert_int_equal(c->dead, 1);
	assert_int_equal(c->skipped, 1);
	assert_int_equal(c->ready_chunks, 1);
	assert_int_equal(c->held_by_others, 1);
	assert_int_equal(c->next_due, b->now + 9 * US_PER_S);
	assert_int_equal(counts_of(b, run).held_by_others, 3);
}

static void a_run_without_due_items_is_due_never(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});

	assert_int_equal(counts_of(b, run).next_due, UTIME_NEVER);
}

static const struct CMUnitTest cases[] = {
	CASE(a_run_is_what_it_was_created_as),
	CASE(one_due_key_makes_one_run),
	CASE(the_list_has_what_is_not_over_oldest_first),
	CASE(the_list_says_which_runs_live_elsewhere),
	CASE(the_highest_number_is_of_the_same_slot_and_parameters),
	CASE(the_history_has_the_last_twenty_finished_newest_first),
	CASE(joining_tells_who_else_is_there),
	CASE(the_company_in_a_run_is_known_until_it_is_gone),
	CASE(joining_a_run_that_is_over_changes_nothing),
	CASE(leaving_keeps_the_reason_until_somebody_joins),
	CASE(a_run_that_failed_when_it_was_open_is_open_again),
	CASE(a_run_that_failed_before_it_was_open_loads_afresh),
	CASE(a_run_is_ended_once),
	CASE(what_others_hold_of_an_ended_run_is_theirs_to_settle),
	CASE(a_run_is_finished_when_nothing_is_left),
	CASE(a_run_with_a_retry_or_a_doubt_is_not_finished),
	CASE(counts_know_every_state),
	CASE(a_run_without_due_items_is_due_never),
};

const struct suite suite_runs = SUITE("runs", cases);
