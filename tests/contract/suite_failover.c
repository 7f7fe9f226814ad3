/* SPDX-License-Identifier: Apache-2.0 */
/* What a failover has lost: it is found out, and written again (ledger/journal.h). */
#include "contract/bench.h"
#include "contract/suites.h"
#include "ledger/journal.h"

static struct ledger_op *retake_chunk(struct bench *b, struct actor *by, const struct held *held,
				      int32_t epoch)
{
	struct ledger_op *op = begin(b, by, LOP_CHUNK_CLAIM);

	op->u.chunk_claim = (struct lop_chunk_claim){.run_id = held->run_id,
						     .again = {.id = held->id, .epoch = epoch}};
	return op;
}

static void a_chunk_is_taken_again_in_its_epoch_only(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 3});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_GIVE_BACK)->u.give_back.run_id = run;
	commit(b);
	for (int32_t epoch = held.epoch; epoch <= held.epoch + 2; epoch += 2) {
		struct ledger_op *op = retake_chunk(b, b->a, &held, epoch);
		refused(b, LEDGER_LOST);
		assert_ptr_equal(b->txn->lost, op);
	}
	(void)retake_chunk(b, b->a, &held, held.epoch + 1);
	commit(b);
	held.epoch++;
	held.rev = 0;
	actor_begin(b, b->b);
	(void)retake_chunk(b, b->b, &held, held.epoch + 1); /* somebody has it */
	refused(b, LEDGER_LOST);
	chunk_done(b, b->a, &held, 0, 3);
	assert_int_equal(counts_of(b, run).done, 3);
}

static void an_item_is_taken_again_in_its_epoch_only(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	bits_set(held.done, 1);
	chunk_progress(b, &held, false);
	(void)loose_put(b, &held, 1, LOOSE_RETRY);
	commit(b);
	for (int32_t epoch = 0; epoch <= 2; epoch += 2) {
		begin(b, b->a, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
			.run_id = run,
			.again = {.id = held.first_item + 1, .epoch = epoch == 0 ? -1 : epoch}};
		refused(b, LEDGER_LOST);
	}
	begin(b, b->a, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
		.run_id = run, .again = {.id = held.first_item + 1, .epoch = 1}};
	commit(b);
	assert_int_equal(counts_of(b, run).running, 1);
	begin(b, b->a, LOP_LOOSE_SETTLE)->u.loose_settle.row = (struct ledger_loose_row){
		.run_id = run,
		.item = held.first_item + 1,
		.epoch = 1,
		.attempt = 2,
		.state = LOOSE_DONE};
	commit(b);
	assert_int_equal(counts_of(b, run).done, 1);
}

/* Only a server can be another one than before. */
static void batches_that_were_lost_are_told_and_may_be_skipped(void **state)
{
	struct bench *b = *state;

	if (!b->has_beats)
		return;
	begin(b, b->a, LOP_LANE_PUT)->u.lane_put.pid = 1;
	commit(b);
	int64_t there = b->a->batch;
	b->a->batch += 3;
	begin(b, b->a, LOP_LANE_PUT)->u.lane_put.pid = 2;
	b->txn->acked = b->a->batch;
	refused(b, LEDGER_BEHIND);
	assert_int_equal(b->txn->ret_batch, there);
	b->txn->is_redo = true;
	commit(b);
	resend(b);
	begin(b, b->a, LOP_LANE_PUT)->u.lane_put.pid = 3;
	b->txn->acked = b->a->batch;
	commit(b);
}

/* Applies what `begin` made as the writer of an instance that keeps a journal. */
static enum ledger_status apply_by(struct bench *b, struct journal *journal)
{
	if (!ledger_txn_is_read_only(b->txn))
		b->txn->batch = b->by->batch + 1;
	journal_apply(journal, b->ledger, b->txn);
	if (b->txn->status == LEDGER_APPLIED && b->txn->batch != 0)
		b->by->batch = b->txn->batch;
	return b->txn->status;
}

/* What becomes of the instance when a server takes over without what `kind` did. */
static enum ledger_status lose(struct bench *b, enum ledger_op_kind kind, int64_t run)
{
	struct journal *journal = journal_new();

	actor_begin(b, b->b);
	begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 1;
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	ledger_memory_remember(b->ledger);
	struct ledger_op *op = begin(b, b->b, kind);
	if (kind == LOP_ENDING_TAKE)
		op->u.ending_take = (struct lop_ending_take){.run_id = run, .kind = ENDING_WORK};
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	assert_true(kind != LOP_ENDING_TAKE || op->u.ending_take.ret_taken);
	ledger_memory_go_back(b->ledger);
	begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 2;
	enum ledger_status status = apply_by(b, journal);
	journal_free(journal);
	return status;
}

/* The end of a run that was taken is anybody's again then: whoever makes it must not go on. */
static void what_cannot_be_written_again_ends_the_instance(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 1});

	if (b->has_handles || !b->has_beats)
		return;
	chunk_work(b, b->a, run, 0);
	assert_int_equal(lose(b, LOP_LANE_PUT, run), LEDGER_APPLIED);
	assert_int_equal(lose(b, LOP_ENDING_TAKE, run), LEDGER_FENCED);
}

/* What a person had sent back was lost, but not that it was tried since. */
static void what_was_tried_since_it_was_sent_back_is_written_again(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct held held;

	assert_true(chunk_claim(b, b->a, run, &held));
	(void)begin(b, b->a, LOP_INSTANCE_LIST);
	(void)loose_put(b, &held, 0, LOOSE_ASKED);
	(void)loose_put(b, &held, 1, LOOSE_DEAD);
	(void)loose_put(b, &held, 2, LOOSE_WAIVED);
	chunk_progress(b, &held, true);
	commit(b);
	for (int64_t item = 0; item < 3; item++) {
		struct ledger_op *op = begin(b, b->a, LOP_PERSON);
		enum person_verb verb = item == 0 ? PERSON_RESOLVE_RETRY : PERSON_RETRY;
		op->u.person = (struct lop_person){.verb = verb,
						   .run_id = run,
						   .items = &item,
						   .n = 1,
						   .who = "stint",
						   .why = "lost",
						   .now = b->now};
		also(b, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
			.run_id = run, .again = {.id = item, .epoch = 1}};
		if (item == 2) { /* since then a person has decided otherwise */
			refused(b, LEDGER_LOST);
			break;
		}
		commit(b);
		resend(b);
		op = begin(b, b->a, LOP_LOOSE_SETTLE);
		op->u.loose_settle.row = (struct ledger_loose_row){
			.run_id = run, .item = item, .epoch = 1, .attempt = 2, .state = LOOSE_DONE};
		commit(b);
	}
	assert_int_equal(counts_of(b, run).done, 2);
	assert_int_equal(counts_of(b, run).skipped, 1);
}

static struct ledger_op *person_says(struct bench *b, int64_t run, enum person_verb verb,
				     const int64_t *item)
{
	struct ledger_op *op = begin(b, NULL, LOP_PERSON);

	op->u.person = (struct lop_person){.verb = verb,
					   .run_id = run,
					   .items = item,
					   .n = 1,
					   .who = "anna",
					   .why = "I looked",
					   .now = b->now};
	commit(b);
	assert_int_equal(op->u.person.ret_changed, 1);
	return op;
}

static void a_chunk_of_which_something_was_skipped_is_not_taken_again(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 3});
	struct held held;
	const int64_t item = 1;

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_GIVE_BACK)->u.give_back.run_id = run;
	commit(b);
	(void)person_says(b, run, PERSON_SKIP, &item);
	struct ledger_op *op = retake_chunk(b, b->a, &held, held.epoch + 1);
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, op);
	op = retake_chunk(b, b->a, &held, held.epoch + 1);
	op->u.chunk_claim.again.n_done = -1;
	commit(b);
	assert_int_equal(counts_of(b, run).ready_chunks, 0);
	assert_int_equal(counts_of(b, run).skipped, 1);
}

static void a_retry_that_was_lost_is_known_to_who_has_claimed_it(void **state)
{
	struct bench *b = *state;
	const int64_t item = 0;

	if (b->has_handles || !b->has_beats)
		return;
	for (int ends = 0; ends < 2; ends++) {
		int64_t run = run_ready(
			b, b->a,
			&(struct plan){.due = ends == 0 ? "x/1" : "x/2", .n_chunks = 1, .n = 1});
		struct journal *journal = journal_new();
		struct held held;
		assert_true(chunk_claim(b, b->a, run, &held));
		(void)begin(b, b->a, LOP_INSTANCE_LIST);
		(void)loose_put(b, &held, 0, LOOSE_ASKED);
		chunk_progress(b, &held, true);
		commit(b);
		actor_begin(b, b->b);
		begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 1;
		assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
		ledger_memory_remember(b->ledger);
		(void)person_says(b, run, PERSON_RESOLVE_RETRY, &item);
		begin(b, b->b, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
			.run_id = run, .now = b->now, .max = 1};
		assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
		begin(b, b->b, LOP_LOOSE_SETTLE)->u.loose_settle.row = (struct ledger_loose_row){
			.run_id = run, .epoch = 1, .attempt = 2, .state = LOOSE_DONE};
		assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
		ledger_memory_go_back(b->ledger);
		if (ends == 1) /* a person who decides otherwise now is right */
			(void)person_says(b, run, PERSON_RESOLVE_SKIP, &item);
		begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 2;
		assert_int_equal(apply_by(b, journal), ends == 0 ? LEDGER_APPLIED : LEDGER_FENCED);
		assert_int_equal(counts_of(b, run).done, ends == 0 ? 1 : 0);
		assert_int_equal(counts_of(b, run).skipped, ends);
		journal_free(journal);
	}
}

/* Another item of the chunk was skipped, and nobody knows that any more: it is open, and no outcome
 * of the others is lost by that. `early`: the chunk was closed before the failover. */
static void lose_a_skip(struct bench *b, const char *due, bool early)
{
	const int64_t item = 1;
	int64_t run = run_ready(b, b->a, &(struct plan){.due = due, .n_chunks = 1, .n = 2});
	struct journal *journal = journal_new();
	struct held held;

	actor_begin(b, b->b);
	begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 1;
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	ledger_memory_remember(b->ledger);
	(void)person_says(b, run, PERSON_SKIP, &item);
	struct ledger_op *op = begin(b, b->b, LOP_CHUNK_CLAIM);
	op->u.chunk_claim = (struct lop_chunk_claim){.run_id = run, .max = 1};
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	held = (struct held){.run_id = run,
			     .id = op->u.chunk_claim.ret_rows[0].id,
			     .epoch = op->u.chunk_claim.ret_rows[0].epoch,
			     .n = 2};
	for (int turn = 0; turn < 2; turn++) {
		if (turn == (early ? 1 : 0))
			ledger_memory_go_back(b->ledger);
		begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 2 + turn;
		if (turn == 0) {
			bits_set(held.done, 0);
			chunk_progress(b, &held, true);
		}
		assert_int_equal(apply_by(b, journal),
				 turn == 0 && early ? LEDGER_APPLIED : LEDGER_FENCED);
		if (!early)
			break;
	}
	assert_int_equal(counts_of(b, run).done, 1);
	assert_int_equal(counts_of(b, run).skipped, 0);
	journal_free(journal);
}

static void outcomes_are_not_lost_with_a_skip(void **state)
{
	struct bench *b = *state;

	if (b->has_handles || !b->has_beats)
		return;
	lose_a_skip(b, "x/1", true);
	lose_a_skip(b, "x/2", false);
}

static const struct CMUnitTest cases[] = {
	CASE(a_chunk_is_taken_again_in_its_epoch_only),
	CASE(an_item_is_taken_again_in_its_epoch_only),
	CASE(a_chunk_of_which_something_was_skipped_is_not_taken_again),
	CASE(batches_that_were_lost_are_told_and_may_be_skipped),
	CASE(what_cannot_be_written_again_ends_the_instance),
	CASE(what_was_tried_since_it_was_sent_back_is_written_again),
	CASE(a_retry_that_was_lost_is_known_to_who_has_claimed_it),
	CASE(outcomes_are_not_lost_with_a_skip),
};

const struct suite suite_failover = SUITE("failover", cases);
