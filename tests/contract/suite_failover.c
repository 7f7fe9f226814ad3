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
						     .again = {held->id, epoch}};
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
			.run_id = run, .again = {held.first_item + 1, epoch == 0 ? -1 : epoch}};
		refused(b, LEDGER_LOST);
	}
	begin(b, b->a, LOP_LOOSE_CLAIM)->u.loose_claim = (struct lop_loose_claim){
		.run_id = run, .again = {held.first_item + 1, 1}};
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

static const struct CMUnitTest cases[] = {
	CASE(a_chunk_is_taken_again_in_its_epoch_only),
	CASE(an_item_is_taken_again_in_its_epoch_only),
	CASE(batches_that_were_lost_are_told_and_may_be_skipped),
	CASE(what_cannot_be_written_again_ends_the_instance),
};

const struct suite suite_failover = SUITE("failover", cases);
