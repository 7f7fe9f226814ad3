/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

/* A run of one chunk of `n` items, all of which leave it in `state`, one second after the other. */
static int64_t run_of_loose(struct bench *b, uint32_t n, enum loose_state state)
{
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = n});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	for (uint32_t i = 0; i < n; i++) {
		struct ledger_op *op = loose_put(b, &held, i, state);
		op->u.loose_put.row.not_before = b->now + (n - i) * US_PER_S;
	}
	chunk_progress(b, &held, true);
	commit(b);
	return run;
}

static struct ledger_op *loose_claim(struct bench *b, struct actor *by, int64_t run, uint32_t max)
{
	struct ledger_op *op = begin(b, by, LOP_LOOSE_CLAIM);

	op->u.loose_claim.run_id = run;
	op->u.loose_claim.now = b->now;
	op->u.loose_claim.max = max;
	commit(b);
	return op;
}

static void an_item_leaves_with_its_done_bit(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 4});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	struct ledger_op *op = loose_put(b, &held, 1, LOOSE_RETRY);
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, op);
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 1, LOOSE_RETRY);
	chunk_progress(b, &held, false); /* the bit may come after it */
	commit(b);
	assert_int_equal(counts_of(b, run).retry, 1);
	(void)begin(b, b->a, LOP_INSTANCE_LIST); /* twice it cannot leave */
	(void)loose_put(b, &held, 1, LOOSE_RETRY);
	refused(b, LEDGER_LOST);
	(void)begin(b, b->a, LOP_INSTANCE_LIST); /* nor from another chunk */
	op = loose_put(b, &held, 2, LOOSE_RETRY);
	op->u.loose_put.row.item = 5;
	refused(b, LEDGER_LOST);
	(void)begin(b, b->a, LOP_INSTANCE_LIST); /* nor be held by nobody */
	(void)loose_put(b, &held, 3, LOOSE_HELD);
	refused(b, LEDGER_LOST);
}

static void due_items_are_claimed_oldest_first(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 5, LOOSE_RETRY);
	struct ledger_op *op = loose_claim(b, b->a, run, 10);

	assert_int_equal(op->u.loose_claim.ret_n, 0);
	b->now += 3 * US_PER_S;
	op = loose_claim(b, b->a, run, 2);
	assert_int_equal(op->u.loose_claim.ret_n, 2);
	const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[0];
	assert_int_equal(row->item, 4);
	assert_int_equal(op->u.loose_claim.ret_rows[1].item, 3);
	assert_int_equal(row->run_id, run);
	assert_int_equal(row->first_item, 0);
	assert_int_equal(row->chunk_n, 5);
	assert_string_equal(row->key, "KEY-4");
	assert_int_equal(row->state, LOOSE_HELD);
	assert_int_equal(row->attempt, 1);
	assert_int_equal(row->epoch, 1);
	assert_int_equal(row->owner, b->a->inc);
	assert_int_equal(row->first_started, b->now - 3 * US_PER_S);
	assert_string_equal(row->err_class, "permanent");
	assert_string_equal(row->err, "it said no");
	assert_string_equal(row->fingerprint, "0123abcd");
	assert_int_equal(row->body_len, 6);
	assert_memory_equal(row->body, "body 0", 6);
	op = loose_claim(b, b->a, run, 10);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	assert_int_equal(op->u.loose_claim.ret_rows[0].item, 2);
	assert_int_equal(counts_of(b, run).running, 3);
	assert_int_equal(counts_of(b, run).retry, 2);
}

static void nothing_is_due_a_millisecond_early(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	struct ledger_op *op = loose_put(b, &held, 0, LOOSE_RETRY);
	op->u.loose_put.row.not_before = b->now + 1500; /* microseconds */
	chunk_progress(b, &held, true);
	commit(b);
	assert_int_equal(counts_of(b, run).next_due, b->now + 2000);
	b->now += 1999;
	assert_int_equal(loose_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 0);
	b->now += 1;
	assert_int_equal(loose_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 1);
}

static void a_held_item_is_settled_once(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 1, LOOSE_RETRY);

	b->now += 10 * US_PER_S;
	struct ledger_op *op = loose_claim(b, b->a, run, 1);
	int32_t epoch = op->u.loose_claim.ret_rows[0].epoch;
	const struct ledger_loose_row row = {.run_id = run,
					     .item = 0,
					     .state = LOOSE_RETRY,
					     .attempt = 2,
					     .crashes = 1,
					     .epoch = epoch,
					     .not_before = b->now + US_PER_MIN,
					     .person = "anna@example.com",
					     .err_class = "transient",
					     .err = "busy"};
	actor_begin(b, b->b);
	op = begin(b, b->b, LOP_LOOSE_SETTLE); /* not his */
	op->u.loose_settle.row = row;
	refused(b, LEDGER_LOST);
	op = begin(b, b->a, LOP_LOOSE_SETTLE); /* not of this holding */
	op->u.loose_settle.row = row;
	op->u.loose_settle.row.epoch++;
	refused(b, LEDGER_LOST);
	op = begin(b, b->a, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = row;
	commit(b);
	op = begin(b, b->a, LOP_LOOSE_SETTLE); /* settled already */
	op->u.loose_settle.row = row;
	refused(b, LEDGER_LOST);
	assert_int_equal(counts_of(b, run).retry, 1);
	assert_int_equal(counts_of(b, run).next_due, b->now + US_PER_MIN);
	b->now += US_PER_MIN;
	op = loose_claim(b, b->a, run, 1);
	const struct ledger_loose_row *again = &op->u.loose_claim.ret_rows[0];
	assert_int_equal(again->attempt, 2);
	assert_int_equal(again->crashes, 1);
	assert_int_equal(again->epoch, epoch + 1);
	assert_string_equal(again->key, "KEY-0"); /* kept, for none was given */
	assert_string_equal(again->person, "anna@example.com");
	assert_string_equal(again->err, "busy");
	assert_string_equal(again->fingerprint, "");
	op = begin(b, b->a, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run, .state = LOOSE_DONE, .attempt = 3, .epoch = epoch + 1};
	op->u.loose_settle.remember_key = true;
	commit(b);
	assert_int_equal(counts_of(b, run).done, 1);
	static const char *const keys[] = {"KEY-0"};
	op = begin(b, b->a, LOP_KEYS_FIND);
	op->u.keys_find = (struct lop_keys_find){
		.job = "job", .run_id = run, .keys = keys, .n = 1, .seen = true};
	commit(b);
	assert_true(bits_get(op->u.keys_find.ret_seen, 0));
}

static struct ledger_op *resolve(struct bench *b, int64_t run, enum doubt_policy policy,
				 int64_t key_valid_us)
{
	struct ledger_op *op = begin(b, b->a, LOP_DOUBT_RESOLVE);

	op->u.doubt_resolve = (struct lop_doubt_resolve){
		.run_id = run, .policy = policy, .key_valid_us = key_valid_us, .now = b->now};
	commit(b);
	return op;
}

static bool was_begun(struct bench *b, int64_t run)
{
	struct ledger_op *op = loose_claim(b, b->a, run, 1);

	assert_int_equal(op->u.loose_claim.ret_n, 1);
	bool was = op->u.loose_claim.ret_rows[0].was_begun;
	resend(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	assert_int_equal(op->u.loose_claim.ret_rows[0].was_begun, was);
	return was;
}

static void settle_as_retry(struct bench *b, int64_t run, int32_t epoch, utime first_started)
{
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_SETTLE);

	op->u.loose_settle.row = (struct ledger_loose_row){.run_id = run,
							   .state = LOOSE_RETRY,
							   .attempt = 1,
							   .epoch = epoch,
							   .first_started = first_started,
							   .not_before = b->now};
	commit(b);
}

/* A run of one item, which is to be tried and never was; gives the run. */
static int64_t retry_never_begun(struct bench *b)
{
	struct held held;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	loose_put(b, &held, 0, LOOSE_RETRY)->u.loose_put.row.first_started = 0;
	chunk_progress(b, &held, true);
	commit(b);
	return run;
}

/* Whatever the clock has done meanwhile: times do not say it. */
static void a_claim_says_whether_an_earlier_attempt_was_begun(void **state)
{
	struct bench *b = *state;
	int64_t run = retry_never_begun(b);

	assert_false(was_begun(b, run));
	settle_as_retry(b, run, 1, 0); /* it certainly did not happen */
	assert_false(was_begun(b, run));
	settle_as_retry(b, run, 2, b->now);
	assert_true(was_begun(b, run));
	settle_as_retry(b, run, 3, b->now + US_PER_HOUR); /* the clock was set back */
	assert_true(was_begun(b, run));
	settle_as_retry(b, run, 4, 0);
	assert_false(was_begun(b, run));
}

static void what_a_dead_instance_had_claimed_was_begun(void **state)
{
	struct bench *b = *state;
	int64_t run = retry_never_begun(b);

	actor_begin(b, b->b);
	assert_int_equal(loose_claim(b, b->b, run, 1)->u.loose_claim.ret_n, 1);
	actor_kill(b, b->b);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = b->b->inc;
	op->u.reap.beat = BENCH_BEAT;
	commit(b);
	assert_true(op->u.reap.ret_done);
	assert_int_equal(resolve(b, run, DOUBT_RETRY, 0)->u.doubt_resolve.ret_retried, 1);
	assert_true(was_begun(b, run));
}

static void an_item_may_leave_in_its_owners_hand(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	struct ledger_op *op = loose_put(b, &held, 0, LOOSE_HELD);
	op->u.loose_put.row.owner = b->a->inc;
	op->u.loose_put.row.epoch = 4;
	bits_set(held.done, 1);
	chunk_progress(b, &held, true);
	commit(b);
	assert_int_equal(counts_of(b, run).running, 1);
	op = begin(b, b->a, LOP_LOOSE_SETTLE);
	op->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run, .item = 0, .state = LOOSE_DEAD, .attempt = 3, .epoch = 4};
	commit(b);
	assert_int_equal(counts_of(b, run).dead, 1);
}

static void a_run_that_is_not_open_gives_no_loose_items(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 2, LOOSE_RETRY);

	b->now += US_PER_MIN;
	struct ledger_op *op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){run, RUN_FAILED, "x", false};
	commit(b);
	assert_int_equal(loose_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 0);
	assert_int_equal(loose_claim(b, b->a, 999, 1)->u.loose_claim.ret_n, 0);
	run_join(b, b->a, run);
	(void)begin(b, b->a, LOP_INSTANCE_STOPPING);
	commit(b);
	assert_int_equal(loose_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 0);
}

static void doubt_is_resolved_after_its_quarantine(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 4, LOOSE_DOUBT);

	assert_int_equal(resolve(b, run, DOUBT_ASK, 0)->u.doubt_resolve.ret_asked, 0);
	b->now += US_PER_S;
	assert_int_equal(resolve(b, run, DOUBT_ASK, 0)->u.doubt_resolve.ret_asked, 1);
	b->now += US_PER_S;
	assert_int_equal(resolve(b, run, DOUBT_SKIP, 0)->u.doubt_resolve.ret_skipped, 1);
	b->now += US_PER_S;
	assert_int_equal(resolve(b, run, DOUBT_RETRY, 0)->u.doubt_resolve.ret_retried, 1);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.asked, 1);
	assert_int_equal(c.skipped, 1);
	assert_int_equal(c.retry, 1);
	assert_int_equal(c.in_doubt, 2);
	/* what is asked stays asked, whatever the policy is by now */
	b->now += US_PER_MIN;
	assert_int_equal(resolve(b, run, DOUBT_RETRY, 0)->u.doubt_resolve.ret_retried, 1);
	assert_int_equal(counts_of(b, run).asked, 1);
	assert_int_equal(loose_claim(b, b->a, run, 10)->u.loose_claim.ret_n, 2);
}

static void a_retry_in_doubt_asks_when_the_key_may_be_forgotten(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 2, LOOSE_DOUBT);
	const int64_t valid = 100 * US_PER_S;

	b->now += 90 * US_PER_S; /* 90 % of it */
	struct ledger_op *op = resolve(b, run, DOUBT_RETRY, valid);
	assert_int_equal(op->u.doubt_resolve.ret_retried, 2);
	run = run_ready(b, b->a, &(struct plan){.due = "x/1", .n_chunks = 1, .n = 2});
	struct held held;
	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 0, LOOSE_DOUBT);
	loose_put(b, &held, 1, LOOSE_DOUBT)->u.loose_put.row.first_started = 0; /* nobody knows */
	chunk_progress(b, &held, true);
	commit(b);
	b->now += 90 * US_PER_S + US_PER_MS;
	op = resolve(b, run, DOUBT_RETRY, valid);
	assert_int_equal(op->u.doubt_resolve.ret_retried, 0);
	assert_int_equal(op->u.doubt_resolve.ret_asked, 2);
}

/* ---- what is in doubt is verified ---- */

static struct ledger_op *probe_claim(struct bench *b, struct actor *by, int64_t run, uint32_t max)
{
	struct ledger_op *op = begin(b, by, LOP_LOOSE_CLAIM);

	op->u.loose_claim = (struct lop_loose_claim){
		.run_id = run, .now = b->now, .max = max, .to_probe = true};
	commit(b);
	return op;
}

static struct ledger_op *probe_settle(struct bench *b, int64_t run, int32_t epoch,
				      enum loose_state state)
{
	struct ledger_op *op = begin(b, b->a, LOP_LOOSE_SETTLE);

	op->u.loose_settle = (struct lop_loose_settle){.row = {.run_id = run,
							       .state = state,
							       .attempt = 1,
							       .epoch = epoch,
							       .not_before = b->now + US_PER_S,
							       .quiet_until = b->now,
							       .nos = 1,
							       .unclear = 2,
							       .request = UINT64_MAX},
						       .is_probe = true};
	commit(b);
	return op;
}

static void what_is_in_doubt_is_probed_when_it_is_due(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 2, LOOSE_DOUBT);

	assert_int_equal(probe_claim(b, b->a, run, 9)->u.loose_claim.ret_n, 0);
	b->now += US_PER_S;
	assert_int_equal(loose_claim(b, b->a, run, 9)->u.loose_claim.ret_n, 0);
	struct ledger_op *op = probe_claim(b, b->a, run, 9);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[0];
	assert_int_equal(row->item, 1);
	assert_int_equal(row->state, LOOSE_PROBING);
	assert_int_equal(row->owner, b->a->inc);
	assert_int_equal(row->epoch, 1);
	assert_int_equal(row->body_len, 6);
	resend(b);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	struct ledger_counts c = counts_of(b, run);
	assert_int_equal(c.in_doubt, 2);
	assert_int_equal(c.asked, 0);
	assert_int_equal(c.running, 0);
	/* it is somebody's: nothing else may happen to it */
	b->now += US_PER_MIN;
	assert_int_equal(resolve(b, run, DOUBT_ASK, 0)->u.doubt_resolve.ret_asked, 1);
	assert_int_equal(probe_claim(b, b->a, run, 9)->u.loose_claim.ret_n, 0);
	assert_false(finish(b, b->a, run));
	op = begin(b, b->a, LOP_INSTANCE_END);
	refused(b, LEDGER_LOST);
	(void)op;
}

static void an_answer_is_taken_once_and_by_its_owner(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 1, LOOSE_DOUBT);

	b->now += US_PER_MIN;
	int32_t epoch = probe_claim(b, b->a, run, 1)->u.loose_claim.ret_rows[0].epoch;
	assert_true(probe_settle(b, run, epoch + 1, LOOSE_DONE)->u.loose_settle.ret_late);
	assert_int_equal(counts_of(b, run).in_doubt, 1);
	assert_false(probe_settle(b, run, epoch, LOOSE_DOUBT)->u.loose_settle.ret_late);
	assert_true(probe_settle(b, run, epoch, LOOSE_DONE)->u.loose_settle.ret_late);
	assert_int_equal(counts_of(b, run).next_due, b->now + US_PER_S);
	b->now += US_PER_S;
	struct ledger_op *op = probe_claim(b, b->a, run, 1);
	const struct ledger_loose_row *row = &op->u.loose_claim.ret_rows[0];
	assert_int_equal(row->nos, 1);
	assert_int_equal(row->unclear, 2);
	assert_true(row->request == UINT64_MAX);
	assert_int_equal(row->quiet_until, b->now - US_PER_S);
	assert_false(probe_settle(b, run, row->epoch, LOOSE_DONE)->u.loose_settle.ret_late);
	assert_int_equal(counts_of(b, run).done, 1);
}

static void a_person_who_is_first_decides_and_the_answer_is_late(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 1, LOOSE_DOUBT);
	static const int64_t items[] = {0};

	b->now += US_PER_MIN;
	int32_t epoch = probe_claim(b, b->a, run, 1)->u.loose_claim.ret_rows[0].epoch;
	struct ledger_op *op = person(b, PERSON_RESOLVE_RETRY, run, items, 1);
	assert_int_equal(op->u.person.ret_changed, 1);
	assert_int_equal(counts_of(b, run).retry, 1);
	assert_int_equal(counts_of(b, run).next_due, b->now);
	/* what was claimed anew meanwhile is not touched by it either */
	assert_int_equal(loose_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 1);
	assert_true(probe_settle(b, run, epoch, LOOSE_DONE)->u.loose_settle.ret_late);
	assert_int_equal(counts_of(b, run).running, 1);
}

static void a_person_who_is_second_is_refused(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 1, LOOSE_DOUBT);
	static const int64_t items[] = {0};

	b->now += US_PER_MIN;
	int32_t epoch = probe_claim(b, b->a, run, 1)->u.loose_claim.ret_rows[0].epoch;
	(void)probe_settle(b, run, epoch, LOOSE_DONE);
	struct ledger_op *op = person(b, PERSON_RESOLVE_RETRY, run, items, 1);
	assert_int_equal(op->u.person.ret_refused, 1);
	assert_int_equal(counts_of(b, run).done, 1);
}

static void a_probe_of_a_dead_instance_is_in_doubt_as_it_was(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 1, LOOSE_DOUBT);

	b->now += US_PER_MIN;
	utime due = counts_of(b, run).next_due;
	assert_int_equal(probe_claim(b, b->a, run, 1)->u.loose_claim.ret_n, 1);
	actor_begin(b, b->b);
	actor_kill(b, b->a);
	struct ledger_op *op = begin(b, b->b, LOP_REAP);
	op->u.reap.dead = b->a->inc;
	op->u.reap.beat = BENCH_BEAT;
	op->u.reap.quarantine_us = US_PER_HOUR;
	commit(b);
	assert_true(op->u.reap.ret_done);
	assert_int_equal(op->u.reap.ret_doubtful, 0);
	assert_int_equal(counts_of(b, run).next_due, due);
	op = probe_claim(b, b->b, run, 1);
	assert_int_equal(op->u.loose_claim.ret_n, 1);
	assert_string_equal(op->u.loose_claim.ret_rows[0].err, "it said no");
}

static void what_is_to_be_verified_stays_in_doubt(void **state)
{
	struct bench *b = *state;
	int64_t run = run_of_loose(b, 2, LOOSE_DOUBT);
	const int64_t valid = 100 * US_PER_S;

	b->now += 91 * US_PER_S; /* more than 90 % of it */
	struct ledger_op *op = begin(b, b->a, LOP_DOUBT_RESOLVE);
	op->u.doubt_resolve = (struct lop_doubt_resolve){.run_id = run,
							 .policy = DOUBT_RETRY,
							 .key_valid_us = valid,
							 .now = b->now,
							 .only_retries = true};
	commit(b);
	assert_int_equal(op->u.doubt_resolve.ret_asked, 0);
	assert_int_equal(op->u.doubt_resolve.ret_retried, 0);
	assert_int_equal(probe_claim(b, b->a, run, 9)->u.loose_claim.ret_n, 2);
}

static void what_an_item_took_adds_up(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	struct held held = {0};

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_RUN_COUNTS)->u.run_counts.run_id = run;
	bits_set(held.done, 0);
	chunk_progress(b, &held, false);
	struct ledger_loose_row *put = &loose_put(b, &held, 0, LOOSE_RETRY)->u.loose_put.row;
	put->tries = 1;
	put->spent_us = 1500;
	commit(b);
	for (int i = 0; i < 2; i++) {
		struct ledger_op *op = begin(b, b->a, LOP_LOOSE_CLAIM);
		op->u.loose_claim = (struct lop_loose_claim){
			.run_id = run, .now = b->now, .max = 1};
		commit(b);
		assert_int_equal(op->u.loose_claim.ret_n, 1);
		struct ledger_loose_row row = op->u.loose_claim.ret_rows[0];
		assert_int_equal(row.tries, 1 + i);
		assert_int_equal(row.spent_us, 1500 + 300 * i);
		op = begin(b, b->a, LOP_LOOSE_SETTLE);
		op->u.loose_settle.row = (struct ledger_loose_row){.run_id = run,
								   .item = row.item,
								   .epoch = row.epoch,
								   .state = LOOSE_RETRY,
								   .not_before = b->now,
								   .tries = 1,
								   .spent_us = 300};
		commit(b);
	}
}

static void attempts_rollups_and_notes_are_taken(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	struct ledger_op *op = begin(b, b->a, LOP_ATTEMPT_PUT);

	op->u.attempt_put = (struct lop_attempt_put){.at = b->now,
						     .run_id = run,
						     .attempt = 1,
						     .outcome = OUTCOME_RETRY,
						     .took_us = 1234567,
						     .err_class = "transient",
						     .err = "no answer",
						     .fingerprint = "0123abcd",
						     .output = "said\0this",
						     .output_len = 9,
						     .output_cut = true};
	op = also(b, LOP_ATTEMPT_PUT);
	op->u.attempt_put = (struct lop_attempt_put){
		.at = b->now, .run_id = run, .item = 1, .attempt = 1, .outcome = OUTCOME_DONE};
	for (int i = 0; i < 3; i++) {
		op = also(b, LOP_ROLLUP_ADD);
		op->u.rollup_add = (struct lop_rollup_add){.run_id = run,
							   .minute = b->now,
							   .done = 10,
							   .failed = 1,
							   .took_us = US_PER_S};
	}
	op = also(b, LOP_RUN_NOTE);
	op->u.run_note = (struct lop_run_note){run, b->now, "window.expect", "it is late", 0};
	commit(b);
}

static const struct CMUnitTest cases[] = {
	CASE(an_item_leaves_with_its_done_bit),
	CASE(due_items_are_claimed_oldest_first),
	CASE(nothing_is_due_a_millisecond_early),
	CASE(a_held_item_is_settled_once),
	CASE(a_claim_says_whether_an_earlier_attempt_was_begun),
	CASE(what_a_dead_instance_had_claimed_was_begun),
	CASE(an_item_may_leave_in_its_owners_hand),
	CASE(a_run_that_is_not_open_gives_no_loose_items),
	CASE(doubt_is_resolved_after_its_quarantine),
	CASE(a_retry_in_doubt_asks_when_the_key_may_be_forgotten),
	CASE(what_is_in_doubt_is_probed_when_it_is_due),
	CASE(an_answer_is_taken_once_and_by_its_owner),
	CASE(a_person_who_is_first_decides_and_the_answer_is_late),
	CASE(a_person_who_is_second_is_refused),
	CASE(a_probe_of_a_dead_instance_is_in_doubt_as_it_was),
	CASE(what_is_to_be_verified_stays_in_doubt),
	CASE(what_an_item_took_adds_up),
	CASE(attempts_rollups_and_notes_are_taken),
};

const struct suite suite_loose = SUITE("loose items", cases);
