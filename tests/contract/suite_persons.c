/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

/* A run of one chunk of ten items: 0 dead, 1 in doubt, 2 asked, 3 retry, 4 done (loose), 5 skipped,
 * 6 held by a, 7 done in the chunk, 8 and 9 waiting in the chunk, which a holds; and a second,
 * ready chunk. */
static int64_t run_of_all_states(struct bench *b, struct held *ret_held)
{
	static const enum loose_state states[] = {LOOSE_DEAD,  LOOSE_DOUBT, LOOSE_ASKED,
						  LOOSE_RETRY, LOOSE_DONE,  LOOSE_WAIVED};
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 10, .has_keys = true});

	assert_true(chunk_claim(b, b->a, run, ret_held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < ARRAY_LEN(states); i++) {
		struct ledger_op *op = loose_put(b, ret_held, i, states[i]);
		op->u.loose_put.row.attempt = 5;
		op->u.loose_put.row.crashes = 2;
	}
	struct ledger_op *op = loose_put(b, ret_held, 6, LOOSE_HELD);
	op->u.loose_put.row.owner = b->a->inc;
	bits_set(ret_held->done, 7);
	chunk_progress(b, ret_held, false);
	commit(b);
	return run;
}

/* `wanted` says for items 0 to 10 (10: in the ready chunk): r refused, c changed, q requested. */
static void verb_does(void **state, enum person_verb verb, const char *wanted)
{
	struct bench *b = *state;
	struct held held;
	int64_t run = run_of_all_states(b, &held);

	for (int64_t item = 0; item <= 10; item++) {
		struct ledger_op *op = begin(b, NULL, LOP_PERSON);
		op->u.person = (struct lop_person){.verb = verb,
						   .run_id = run,
						   .items = &item,
						   .n = 1,
						   .who = "anna",
						   .why = "because",
						   .now = b->now,
						   .dry_run = true};
		assert_true(ledger_txn_is_read_only(b->txn));
		commit(b);
		const struct lop_person dry = op->u.person;
		const struct lop_person *p = &person(b, verb, run, &item, 1)->u.person;
		char got = p->ret_changed == 1 ? 'c' : p->ret_requested == 1 ? 'q' : 'r';
		if (got != wanted[item])
			fail_msg("item %d: %c instead of %c", (int)item, got, wanted[item]);
		assert_int_equal(p->ret_changed + p->ret_requested + p->ret_refused, 1);
		assert_int_equal(dry.ret_changed, p->ret_changed);
		assert_int_equal(dry.ret_requested, p->ret_requested);
		assert_int_equal(dry.ret_refused, p->ret_refused);
	}
}

static void retry_is_for_the_dead(void **state)
{
	verb_does(state, PERSON_RETRY, "crrrrrrrrrr");
}

static void resolving_is_for_what_is_in_doubt(void **state)
{
	verb_does(state, PERSON_RESOLVE_DONE, "rccrrrrrrrr");
}

static void a_doubt_can_be_retried(void **state)
{
	verb_does(state, PERSON_RESOLVE_RETRY, "rccrrrrrrrr");
}

static void a_doubt_can_be_skipped(void **state)
{
	verb_does(state, PERSON_RESOLVE_SKIP, "rccrrrrrrrr");
}

static void everything_that_is_not_over_can_be_skipped(void **state)
{
	verb_does(state, PERSON_SKIP, "ccccrrqrqqc");
}

static void what_is_not_there_is_refused(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	static const int64_t items[] = {2, -1, 1000000};

	assert_int_equal(person(b, PERSON_SKIP, run, items, 3)->u.person.ret_refused, 3);
	assert_int_equal(person(b, PERSON_SKIP, 999, items, 3)->u.person.ret_refused, 3);
	assert_int_equal(person(b, PERSON_STOP, 999, NULL, 0)->u.person.ret_refused, 1);
}

static void a_retried_item_gets_all_its_attempts_and_keeps_its_key(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	const int64_t item = 0;

	chunk_work(b, b->a, run, 1);
	assert_true(finish(b, b->a, run));
	b->now += US_PER_HOUR;
	assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_OPEN);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = b->now, .max = 1};
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[0];
	assert_int_equal(row->attempt, 0);
	assert_int_equal(row->crashes, 0);
	assert_int_equal(row->redo, 0);
	assert_int_equal(row->not_before, b->now);
	assert_string_equal(row->err, "it said no"); /* what is known of it stays */
	assert_false(finish(b, b->a, run));
}

static void a_resolved_retry_keeps_its_attempts(void **state)
{
	struct bench *b = *state;
	struct held held;
	int64_t run = run_of_all_states(b, &held);
	const int64_t item = 2;

	b->now += US_PER_S;
	assert_int_equal(person(b, PERSON_RESOLVE_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = b->now, .max = 9};
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 2);
	assert_int_equal(op->u.loose_claim.ret_rows[1].item, 2);
	assert_int_equal(op->u.loose_claim.ret_rows[1].attempt, 5);
	assert_int_equal(op->u.loose_claim.ret_rows[1].redo, 0);
}

/* The key of an item that may have happened is good for a while only; whoever has looked and says
 * "again" begins that time anew. */
static void a_resolved_retry_is_unclear_no_more(void **state)
{
	struct bench *b = *state;
	struct held held;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	const int64_t item = 0;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	loose_put(b, &held, 0, LOOSE_ASKED)->u.loose_put.row.first_started = b->now;
	chunk_progress(b, &held, true);
	commit(b);
	b->now += US_PER_HOUR;
	assert_int_equal(person(b, PERSON_RESOLVE_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
	op->u.loose_claim = (struct lop_loose_claim){.run_id = run, .now = b->now, .max = 1};
	commit(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	assert_int_equal(op->u.loose_claim.ret_rows[0].first_started, b->now);
	assert_false(op->u.loose_claim.ret_rows[0].was_begun);
}

static void a_run_that_failed_is_open_again_after_a_retry(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 2});
	static const int64_t item = 0;

	chunk_work(b, b->a, run, 1);
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "too many dead", false};
	commit(b);
	assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_changed, 1);
	assert_int_equal(state_of(b, run), RUN_OPEN);
}

static void an_abandoned_run_is_left_alone(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 2});
	static const int64_t item = 0;

	chunk_work(b, b->a, run, 1);
	struct ledger_op *op = person(b, PERSON_ABANDON, run, NULL, 0);
	assert_int_equal(op->u.person.ret_changed, 1);
	assert_int_equal(op->u.person.ret_requested, 1); /* a is on it */
	assert_int_equal(state_of(b, run), RUN_ABANDONED);
	assert_int_equal(person(b, PERSON_RETRY, run, &item, 1)->u.person.ret_refused, 1);
	assert_int_equal(person(b, PERSON_ABANDON, run, NULL, 0)->u.person.ret_refused, 1);
	assert_int_equal(person(b, PERSON_STOP, run, NULL, 0)->u.person.ret_refused, 1);
	op = begin(b, b->a, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 1);
	assert_int_equal(op->u.request_list.ret_rows[0].verb, REQUEST_STOP_NOW);
}

static void skipping_the_last_waiting_item_closes_the_chunk(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2, .has_keys = true});
	static const int64_t items[] = {0, 1};

	assert_int_equal(person(b, PERSON_SKIP, run, items, 2)->u.person.ret_changed, 2);
	assert_int_equal(counts_of(b, run).skipped, 2);
	assert_int_equal(counts_of(b, run).ready_chunks, 0);
	assert_true(finish(b, b->a, run));
}

static void everybody_on_a_run_is_asked_to_stop(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	run_join(b, b->b, run);
	for (int i = 0; i < 2; i++) /* asked twice is asked once */
		assert_int_equal(person(b, PERSON_STOP, run, NULL, 0)->u.person.ret_requested, 2);
	struct ledger_op *op = begin(b, b->b, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 1);
	const struct ledger_request_row *row = &op->u.request_list.ret_rows[0];
	assert_int_equal(row->verb, REQUEST_STOP);
	assert_int_equal(row->run_id, run);
	assert_int_equal(row->item, -1);
	assert_string_equal(row->who, "anna");
	assert_string_equal(row->why, "because");
	int64_t id = row->id;
	op = begin(b, b->b, LOP_REQUEST_OBEY);
	op->u.request_obey.id = id;
	commit(b);
	op = begin(b, b->b, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 0);
	op = begin(b, b->a, LOP_REQUEST_LIST); /* the other's is his own */
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 1);
	op = begin(b, b->c, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 0);
	op = begin(b, b->c, LOP_REQUEST_OBEY);
	op->u.request_obey.id = 999; /* a failover has lost it */
	commit(b);
}

static void nobody_to_stop_is_told(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){0});
	struct ledger_op *op = person(b, PERSON_STOP_NOW, run, NULL, 0);

	assert_int_equal(op->u.person.ret_requested, 0);
	assert_int_equal(op->u.person.ret_refused, 1);
}

static void a_request_is_for_whoever_holds_the_item(void **state)
{
	struct bench *b = *state;
	struct held held;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});
	static const int64_t items[] = {1, 2};

	actor_begin(b, b->b);
	run_join(b, b->b, run);
	assert_true(chunk_claim(b, b->a, run, &held));
	assert_int_equal(person(b, PERSON_SKIP, run, items, 2)->u.person.ret_requested, 2);
	assert_int_equal(person(b, PERSON_SKIP, run, items, 2)->u.person.ret_requested, 2);
	struct ledger_op *op = begin(b, b->b, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 0);
	op = begin(b, b->a, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 2);
	assert_int_equal(op->u.request_list.ret_rows[1].verb, REQUEST_SKIP);
	assert_int_equal(op->u.request_list.ret_rows[1].item, 2);
	int64_t id = op->u.request_list.ret_rows[0].id;
	op = begin(b, b->a, LOP_REQUEST_OBEY);
	op->u.request_obey.id = id;
	(void)loose_put(b, &held, 1, LOOSE_WAIVED);
	chunk_progress(b, &held, false);
	commit(b);
	op = begin(b, b->a, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 1);
}

static void a_request_is_obeyed_when_its_item_is_given_back(void **state)
{
	struct bench *b = *state;
	struct held held;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 4});
	static const int64_t item = 2;

	assert_true(chunk_claim(b, b->a, run, &held));
	assert_int_equal(person(b, PERSON_SKIP, run, &item, 1)->u.person.ret_requested, 1);
	(void)begin(b, b->a, LOP_GIVE_BACK);
	commit(b);
	assert_int_equal(counts_of(b, run).skipped, 1);
	assert_int_equal(counts_of(b, run).waiting, 3);
	assert_true(chunk_claim(b, b->a, run, &held));
	struct ledger_op *op = begin(b, b->a, LOP_REQUEST_LIST);
	commit(b);
	assert_int_equal(op->u.request_list.ret_n, 0);
}

static void a_request_is_obeyed_when_its_item_is_reaped(void **state)
{
	struct bench *b = *state;
	struct held held;
	static const int64_t items[] = {0, 1, 3};

	actor_begin(b, b->b);
	int64_t run = run_ready(b, b->b, &(struct plan){.n_chunks = 1, .n = 4});
	assert_true(chunk_claim(b, b->b, run, &held));
	chunk_start(b, b->b, &held, 0, 2);
	assert_int_equal(person(b, PERSON_SKIP, run, items, 3)->u.person.ret_requested, 3);
	assert_int_equal(person(b, PERSON_STOP, run, NULL, 0)->u.person.ret_requested, 1);
	actor_kill(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = b->b->inc;
	op->u.reap.beat = BENCH_BEAT;
	commit(b);
	assert_int_equal(op->u.reap.ret_doubtful, 2);
	assert_int_equal(counts_of(b, run).skipped, 3);
	assert_int_equal(counts_of(b, run).waiting, 1);
}

static const struct CMUnitTest cases[] = {
	CASE(retry_is_for_the_dead),
	CASE(resolving_is_for_what_is_in_doubt),
	CASE(a_doubt_can_be_retried),
	CASE(a_doubt_can_be_skipped),
	CASE(everything_that_is_not_over_can_be_skipped),
	CASE(what_is_not_there_is_refused),
	CASE(a_retried_item_gets_all_its_attempts_and_keeps_its_key),
	CASE(a_resolved_retry_keeps_its_attempts),
	CASE(a_resolved_retry_is_unclear_no_more),
	CASE(a_run_that_failed_is_open_again_after_a_retry),
	CASE(an_abandoned_run_is_left_alone),
	CASE(skipping_the_last_waiting_item_closes_the_chunk),
	CASE(everybody_on_a_run_is_asked_to_stop),
	CASE(nobody_to_stop_is_told),
	CASE(a_request_is_for_whoever_holds_the_item),
	CASE(a_request_is_obeyed_when_its_item_is_given_back),
	CASE(a_request_is_obeyed_when_its_item_is_reaped),
};

const struct suite suite_persons = SUITE("persons", cases);
