/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transaction: BEGIN, fence, batch number, operations, COMMIT in one pipeline.
 *
 * What an operation only writes is queued and goes out with the rest; what it must look at is
 * waited for. Whatever a guard does not find undoes all of it; then it is looked at why. A batch
 * that was applied before is not applied again: its results are read once more.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "ledger/postgres/postgres.h"
#include "sys/fault.h"

static const char begin_write[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
static const char begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
static const char commit[] = "COMMIT";
static const char rollback[] = "ROLLBACK";
static const char division_by_zero[] = "22012";

struct pl_op {
	pl_op_fn fn;
	bool replays; /* has results that a re-sent batch needs again */
};

static const struct pl_op ops[LEDGER_OP_COUNT_] = {
	[LOP_INSTANCE_BEGIN] = {pl_instance_begin, true},
	[LOP_INSTANCE_LIST] = {pl_instance_list, true},
	[LOP_INSTANCE_QUARANTINE] = {pl_instance_quarantine, false},
	[LOP_INSTANCE_STOPPING] = {pl_instance_stopping, false},
	[LOP_INSTANCE_END] = {pl_instance_end, false},
	[LOP_LANE_PUT] = {pl_lane_put, false},
	[LOP_LANE_DROP] = {pl_lane_drop, false},
	[LOP_REAP] = {pl_reap, true},
	[LOP_RUN_LIST] = {pl_run_list, true},
	[LOP_RUN_CREATE] = {pl_run_create, true},
	[LOP_RUN_JOIN] = {pl_run_join, true},
	[LOP_RUN_COMPANY] = {pl_run_company, true},
	[LOP_RUN_LEAVE] = {pl_run_leave, false},
	[LOP_RUN_END] = {pl_run_end, true},
	[LOP_RUN_FINISH] = {pl_run_finish, true},
	[LOP_RUN_COUNTS] = {pl_run_counts, true},
	[LOP_LOAD_TAKE] = {pl_load_take, true},
	[LOP_LOAD_PUT] = {pl_load_put, false},
	[LOP_LOAD_OPEN] = {pl_load_open, false},
	[LOP_KEYS_FIND] = {pl_keys_find, true},
	[LOP_CONTENT_FIND] = {pl_content_find, true},
	[LOP_CHUNK_CLAIM] = {pl_chunk_claim, true},
	[LOP_CHUNK_PROGRESS] = {pl_chunk_progress, false},
	[LOP_GIVE_BACK] = {pl_give_back, false},
	[LOP_LOOSE_PUT] = {pl_loose_put, false},
	[LOP_LOOSE_CLAIM] = {pl_loose_claim, true},
	[LOP_LOOSE_SETTLE] = {pl_loose_settle, false},
	[LOP_DOUBT_RESOLVE] = {pl_doubt_resolve, false},
	[LOP_ATTEMPT_PUT] = {pl_attempt_put, false},
	[LOP_ROLLUP_ADD] = {pl_rollup_add, false},
	[LOP_LATENCY_ADD] = {pl_latency_add, false},
	[LOP_FAILURE_ADD] = {pl_failure_add, false},
	[LOP_RUN_STATS] = {pl_run_stats, true},
	[LOP_RUN_NOTE] = {pl_run_note, false},
	[LOP_REQUEST_LIST] = {pl_request_list, true},
	[LOP_REQUEST_OBEY] = {pl_request_obey, false},
	[LOP_UNTOLD_LIST] = {pl_untold_list, true},
	[LOP_TOLD_PUT] = {pl_told_put, false},
	[LOP_ENDED_LIST] = {pl_ended_list, true},
	[LOP_ENDED_TOLD] = {pl_ended_told, false},
	[LOP_ENDING_TAKE] = {pl_ending_take, true},
	[LOP_ENDING_PUT] = {pl_ending_put, true},
	[LOP_CURSOR_FIND] = {pl_cursor_find, true},
	[LOP_STEP_ITEMS] = {pl_step_items, true},
	[LOP_INBOX_ADD] = {pl_inbox_add, false},
	[LOP_INBOX_BEGIN] = {pl_inbox_begin, true},
	[LOP_INBOX_READ] = {pl_inbox_read, true},
	[LOP_RATE_TAKE] = {pl_rate_take, true},
	[LOP_QUOTA_TAKE] = {pl_quota_take, true},
	[LOP_POOLS_TAKE] = {pl_pools_take, true},
	[LOP_PERSON] = {pl_person, false},
	[LOP_BREAKER_GET] = {pl_breaker_get, true},
	[LOP_BREAKER_PUT] = {pl_breaker_put, true},
	[LOP_ENDPOINT_PUT] = {pl_endpoint_put, false},
};

/* F and B. They raise when this incarnation was reaped, or the batch is not the next. */
static int pl_fence(struct pl *q, const struct ledger_txn *txn)
{
	static const char fence[] =
		"WITH f AS MATERIALIZED (SELECT 1 FROM instance_ WHERE inc = $1 AND nonce = $2"
		" AND state IN (1, $3) FOR KEY SHARE) SELECT 1 / count(*) FROM f";
	static const char number[] =
		"WITH b AS (UPDATE instance_batch SET batch = $2 WHERE inc = $1 AND batch = $2 - 1"
		" RETURNING 1) SELECT 1 / count(*) FROM b";
	static const char redo[] =
		"WITH b AS (UPDATE instance_batch SET batch = $2 WHERE inc = $1 AND batch < $2"
		" RETURNING 1) SELECT 1 / count(*) FROM b";

	q->stage = PL_STAGE_FENCE;
	if (pl_send(q, fence,
		    PL_ARGS(PL_INT(txn->inc), PL_BLOB(txn->nonce, sizeof(txn->nonce)),
			    PL_INT(txn->claims ? INSTANCE_LIVE : INSTANCE_STOPPING))) < 0)
		return PL_FAILED;
	q->stage = PL_STAGE_BATCH;
	if (txn->batch == 0 || FAULT("ledger.batch"))
		return 0;
	return pl_send(q, txn->is_redo ? redo : number,
		       PL_ARGS(PL_INT(txn->inc), PL_INT(txn->batch)));
}

/* Each item that left its chunk must have its done bit there by now (I1). */
static int pl_check_loose(struct pl *q, struct ledger_txn *txn)
{
	static const char sql[] =
		"SELECT 1 / count(*) FROM chunk WHERE id = $1 AND run_id = $2 AND $3 >= first_item"
		" AND $3 < first_item + n AND get_bit(done, ($3 - first_item)::int) = 1";

	q->stage = PL_STAGE_BIT;
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		const struct ledger_loose_row *row = &op->u.loose_put.row;
		if (op->kind != LOP_LOOSE_PUT)
			continue;
		q->op = op;
		if (pl_send(q, sql,
			    PL_ARGS(PL_INT(row->chunk_id), PL_INT(row->run_id),
				    PL_INT(row->item))) < 0)
			return PL_FAILED;
	}
	return 0;
}

static int pl_run_ops(struct pl *q, struct ledger_txn *txn)
{
	int rc = 0;

	q->stage = PL_STAGE_OP;
	for (struct ledger_op *op = txn->first; op != NULL && rc == 0; op = op->next) {
		if (q->is_replay && !ops[op->kind].replays)
			continue;
		q->op = op;
		rc = ops[op->kind].fn(q, txn, op);
		assert(rc <= 0 || rc == LEDGER_LOST);
		if (rc == LEDGER_LOST)
			txn->lost = op;
	}
	q->op = NULL;
	return rc;
}

/* Fault points ledger.OPERATION.before and .after (the COMMIT), for each operation in it. True when
 * one of them is to fail. */
static bool pl_fault(const struct ledger_txn *txn, const char *when)
{
	char name[64];
	bool fails = false;

	for (const struct ledger_op *op = txn->first; STINT_FAULTS && op != NULL; op = op->next) {
		(void)snprintf(name, sizeof(name), "ledger.%s.%s", ledger_op_name(op->kind),
			       when); /* fits */
		fails = FAULT(name) || fails;
	}
	return fails;
}

/* The transaction's end: everything that was queued is undone and the connection as it was. */
static void pl_undo(struct pl *q)
{
	if (q->conn == NULL)
		return;
	(void)pl_sync(q); /* what failed is known */
	if (PQstatus(q->conn) == CONNECTION_BAD) {
		pl_disconnect(q);
		return;
	}
	if (PQtransactionStatus(q->conn) == PQTRANS_IDLE)
		return;
	/* Without a statement of its own: the one that failed is to be told. */
	bool is_sent = PQsendQueryParams(q->conn, rollback, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
		       PQpipelineSync(q->conn) == 1;
	PGresult *rows = NULL;
	while (is_sent && (rows = PQgetResult(q->conn)) != NULL)
		PQclear(rows);
	rows = is_sent ? PQgetResult(q->conn) : NULL;
	if (PQresultStatus(rows) != PGRES_PIPELINE_SYNC)
		pl_disconnect(q);
	PQclear(rows);
}

static int pl_commit_txn(struct pl *q, const struct ledger_txn *txn)
{
	q->stage = PL_STAGE_COMMIT;
	if (pl_fault(txn, "before"))
		return pl_fail_text(q, "58030", "a fault point failed");
	if (pl_send(q, commit, PL_NO_ARGS) < 0)
		return PL_FAILED;
	q->is_commit_sent = true;
	return pl_sync(q);
}

static void pl_start(struct pl *q, struct ledger_txn *txn)
{
	pl_forget(q);
	q->txn = txn;
	q->op = NULL;
	q->guarded = NULL;
	q->stage = PL_STAGE_BEGIN;
	q->is_commit_sent = false;
}

/* Reads and replays: all of one moment. */
static int pl_read(struct pl *q, struct ledger_txn *txn)
{
	pl_start(q, txn);
	int rc = pl_send(q, begin_read, PL_NO_ARGS);
	if (rc == 0)
		rc = pl_run_ops(q, txn);
	if (rc == 0 && pl_send(q, commit, PL_NO_ARGS) < 0)
		rc = PL_FAILED;
	if (rc == 0)
		rc = pl_sync(q);
	if (rc != 0)
		pl_undo(q);
	return rc;
}

static int pl_behind(struct ledger_txn *txn, int64_t batch)
{
	err_set(&txn->err, ERR_TEMP, 0, "batch %lld of instance %lld was lost in a failover",
		(long long)txn->acked, (long long)txn->inc);
	txn->ret_batch = batch;
	return LEDGER_BEHIND;
}

/* The fence or the number did not let it pass. What does the ledger say of this instance? */
static int pl_fenced(struct pl *q, struct ledger_txn *txn)
{
	static const char alive[] = "SELECT i.state, b.batch FROM instance_ AS i"
				    " JOIN instance_batch AS b ON b.inc = i.inc"
				    " WHERE i.inc = $1 AND i.nonce = $2 AND i.state IN (1, 2, 3)";

	pl_start(q, txn);
	AUTO(pl_rows)
	PGresult *rows = pl_query(
		q, alive, PL_ARGS(PL_INT(txn->inc), PL_BLOB(txn->nonce, sizeof(txn->nonce))));
	if (rows == NULL || pl_sync(q) < 0)
		return PL_FAILED;
	enum instance_state state = PQntuples(rows) == 1 ? (enum instance_state)pl_int(rows, 0, 0)
							 : INSTANCE_REAPED;
	int64_t batch = PQntuples(rows) == 1 ? pl_int(rows, 0, 1) : 0;
	bool is_replay = txn->batch > 0 && batch >= txn->batch;
	/* Safety: ended, but a replay: the answer to its own end was lost. A reaped one is told
	 * nothing good any more: it would act on what was taken from it. */
	if (state == INSTANCE_REAPED || (state == INSTANCE_ENDED && !is_replay)) {
		err_set(&txn->err, ERR_TEMP, 0, "instance %lld is not alive in the ledger",
			(long long)txn->inc);
		return LEDGER_FENCED;
	}
	if (is_replay) {
		q->is_replay = true;
		return pl_read(q, txn);
	}
	if (batch < txn->acked)
		return pl_behind(txn, batch);
	if (txn->claims && state != INSTANCE_LIVE)
		return pl_lost(txn, "instance %lld is stopping and claims nothing",
			       (long long)txn->inc);
	return pl_lost(txn, "batch %lld cannot follow batch %lld", (long long)txn->batch,
		       (long long)batch);
}

/* Words for a guard that raised. */
static int pl_guard_lost(struct pl *q, struct ledger_txn *txn)
{
	const struct ledger_op *op = q->failed_op;

	txn->lost = q->failed_op;
	if (q->failed_stage == PL_STAGE_BIT)
		return pl_lost(txn, "item %lld of run %lld left its chunk without a bit",
			       (long long)op->u.loose_put.row.item,
			       (long long)op->u.loose_put.row.run_id);
	return pl_guard_words(txn, op);
}

/* A row was on its way to attempt_default when its day got a partition: sent again it goes there.
 */
static bool pl_is_rerouted(const struct pl *q)
{
	return pl_failed_with(q, PL_CHECK_VIOLATION) && q->failed_op != NULL &&
	       q->failed_op->kind == LOP_ATTEMPT_PUT;
}

/* What a failure means for the transaction, with words. */
static int pl_txn_failed(struct pl *q, struct ledger_txn *txn)
{
	enum ledger_status status = pl_status(q);
	bool is_guard = pl_failed_with(q, division_by_zero);

	pl_undo(q);
	if (is_guard && (q->failed_stage == PL_STAGE_FENCE || q->failed_stage == PL_STAGE_BATCH)) {
		int rc = pl_fenced(q, txn);
		if (rc != PL_FAILED)
			return rc;
		status = pl_status(q);
		is_guard = pl_failed_with(q, division_by_zero); /* of what was read again */
		pl_undo(q);
	}
	if (is_guard && q->failed_op != NULL)
		return pl_guard_lost(q, txn);
	(void)pl_err(q, &txn->err); /* the status says it */
	if (pl_is_rerouted(q))
		status = LEDGER_BUSY;
	if (status == LEDGER_BROKEN)
		q->broken = txn->err;
	return (int)status;
}

static bool pl_begins(const struct ledger_txn *txn)
{
	return txn->first != NULL && txn->first->kind == LOP_INSTANCE_BEGIN;
}

static int pl_write(struct pl *q, struct ledger_txn *txn)
{
	bool begins = pl_begins(txn);

	pl_start(q, txn);
	q->is_replay = false;
	int rc = pl_send(q, begin_write, PL_NO_ARGS);
	if (rc == 0 && txn->inc != 0 && !begins)
		rc = pl_fence(q, txn);
	if (rc == 0)
		rc = pl_run_ops(q, txn);
	if (rc == 0)
		rc = pl_check_loose(q, txn);
	if (rc == 0)
		rc = pl_commit_txn(q, txn);
	if (rc < 0)
		return pl_txn_failed(q, txn);
	if (rc == LEDGER_LOST) {
		pl_undo(q);
		return rc;
	}
	return pl_fault(txn, "after") ? LEDGER_BUSY : 0; /* as if the answer had been lost */
}

/* After a failover: does this server have all that the instance was told to be applied? Asked also
 * before what only reads: an instance that has nothing to write would never find out. */
static int pl_check_behind(struct pl *q, struct ledger_txn *txn)
{
	static const char sql[] = "SELECT b.batch FROM instance_ AS i"
				  " JOIN instance_batch AS b ON b.inc = i.inc"
				  " WHERE i.inc = $1 AND i.nonce = $2 AND i.state IN (1, 2)";
	int64_t batch = 0;

	pl_start(q, txn);
	int rc = pl_number(
		q, sql, PL_ARGS(PL_INT(txn->inc), PL_BLOB(txn->nonce, sizeof(txn->nonce))), &batch);
	if (rc == PL_FAILED || pl_sync(q) < 0) {
		pl_undo(q);
		(void)pl_err(q, &txn->err); /* the status says it */
		return (int)pl_status(q);
	}
	/* Who is not there any more is told so by the fence. */
	return rc == 1 && batch < txn->acked ? pl_behind(txn, batch) : 0;
}

static int pl_apply_ready(struct pl *q, struct ledger_txn *txn)
{
	bool reads = ledger_txn_is_read_only(txn);
	int rc = 0;

	q->is_replay = false;
	if (!reads) {
		if (txn->inc != 0)
			pl_partitions_make(q, txn->now);
		rc = pl_write(q, txn);
		if (rc != 0 && pl_begins(txn))
			txn->inc = 0; /* tried again, it is to begin, not to be fenced */
		return rc;
	}
	rc = pl_read(q, txn);
	if (rc >= 0)
		return rc;
	enum ledger_status status = pl_status(q);
	(void)pl_err(q, &txn->err); /* the status says it */
	return (int)status;
}

/* Nothing of this instance is missing on this server: its beats may go there. */
static void pl_settle(struct pl *q, struct ledger_txn *txn)
{
	atomic_store(&q->settled, q->timeline);
	txn->ret_is_failed_over = q->is_failed_over;
	q->is_failed_over = false;
	if (q->warning.code != 0)
		txn->ret_warning = arena_str(&txn->arena, q->warning.text);
	q->warning = ERR_INIT;
}

void pl_apply(struct ledger *ledger, struct ledger_txn *txn)
{
	struct pl *q = pl_of(ledger);

	if (q->broken.code != 0) {
		err_set(&txn->err, ERR_IO, 0, "it failed earlier: %s", q->broken.text);
		txn->status = LEDGER_BROKEN;
		return;
	}
	pl_start(q, txn);
	if (txn->first == NULL && !txn->is_redo) {
		txn->status = LEDGER_APPLIED;
		return;
	}
	int rc = 0;
	if (pl_ready(q) < 0) {
		(void)pl_err(q, &txn->err); /* the status says it */
		rc = (int)pl_status(q);
	} else {
		bool is_asked = q->is_failed_over && txn->acked > 0 && !txn->is_redo;
		rc = is_asked ? pl_check_behind(q, txn) : 0;
		rc = rc == 0 ? pl_apply_ready(q, txn) : rc;
	}
	if (rc == 0 && !txn->is_redo)
		pl_settle(q, txn);
	txn->space_is_low = rc == LEDGER_NO_SPACE;
	txn->status = rc == 0 ? LEDGER_APPLIED : (enum ledger_status)rc;
	q->txn = NULL;
}

int pl_begin(struct pl *q, bool writes, struct err *err)
{
	pl_start(q, NULL);
	q->is_replay = false;
	if (pl_ready(q) < 0 || pl_send(q, writes ? begin_write : begin_read, PL_NO_ARGS) < 0)
		return pl_err(q, err);
	return 0;
}

int pl_end(struct pl *q, int rc, struct err *err)
{
	q->stage = PL_STAGE_COMMIT;
	if (rc == 0 && (pl_send(q, commit, PL_NO_ARGS) < 0 || pl_sync(q) < 0))
		rc = PL_FAILED;
	if (rc == 0)
		return 0;
	if (q->has_failed)
		rc = pl_err(q, err);
	pl_undo(q);
	return rc;
}
