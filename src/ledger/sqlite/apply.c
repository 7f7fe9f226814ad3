/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transaction: gate, BEGIN IMMEDIATE, fence, batch number, operations, COMMIT, checkpoint,
 * gate.
 *
 * Whatever a guard does not find undoes all of it. A batch that was applied before is not applied
 * again: its results are read once more.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger/sqlite/sqlite.h"
#include "sys/clock.h"
#include "sys/fault.h"

enum {
	CHECKPOINT_PAGES = 1024,  /* 4 MiB */
	STUCK_PAGES = 65536,	  /* 256 MiB: a reader does not let go */
	STUCK_PAGES_SHORT = 1024, /* of a test that will not write so much */
	STUCK_WAIT_US = US_PER_S  /* before it is tried again */
};

static const char begin_write[] = "BEGIN IMMEDIATE";
static const char begin_read[] = "BEGIN";
static const char commit[] = "COMMIT";

struct sq_op {
	sq_op_fn fn;
	bool replays; /* has results that a re-sent batch needs again */
};

static const struct sq_op ops[LEDGER_OP_COUNT_] = {
	[LOP_INSTANCE_BEGIN] = {sq_instance_begin, true},
	[LOP_INSTANCE_LIST] = {sq_instance_list, true},
	[LOP_INSTANCE_QUARANTINE] = {sq_instance_quarantine, false},
	[LOP_INSTANCE_STOPPING] = {sq_instance_stopping, false},
	[LOP_INSTANCE_END] = {sq_instance_end, false},
	[LOP_LANE_PUT] = {sq_lane_put, false},
	[LOP_LANE_DROP] = {sq_lane_drop, false},
	[LOP_REAP] = {sq_reap, true},
	[LOP_RUN_LIST] = {sq_run_list, true},
	[LOP_RUN_CREATE] = {sq_run_create, true},
	[LOP_RUN_JOIN] = {sq_run_join, true},
	[LOP_RUN_COMPANY] = {sq_run_company, true},
	[LOP_RUN_LEAVE] = {sq_run_leave, false},
	[LOP_RUN_END] = {sq_run_end, true},
	[LOP_RUN_FINISH] = {sq_run_finish, true},
	[LOP_RUN_COUNTS] = {sq_run_counts, true},
	[LOP_LOAD_TAKE] = {sq_load_take, true},
	[LOP_LOAD_PUT] = {sq_load_put, false},
	[LOP_LOAD_OPEN] = {sq_load_open, false},
	[LOP_KEYS_FIND] = {sq_keys_find, true},
	[LOP_CONTENT_FIND] = {sq_content_find, true},
	[LOP_CHUNK_CLAIM] = {sq_chunk_claim, true},
	[LOP_CHUNK_PROGRESS] = {sq_chunk_progress, false},
	[LOP_GIVE_BACK] = {sq_give_back, false},
	[LOP_LOOSE_PUT] = {sq_loose_put, false},
	[LOP_LOOSE_CLAIM] = {sq_loose_claim, true},
	[LOP_LOOSE_SETTLE] = {sq_loose_settle, false},
	[LOP_DOUBT_RESOLVE] = {sq_doubt_resolve, false},
	[LOP_ATTEMPT_PUT] = {sq_attempt_put, false},
	[LOP_ROLLUP_ADD] = {sq_rollup_add, false},
	[LOP_LATENCY_ADD] = {sq_latency_add, false},
	[LOP_FAILURE_ADD] = {sq_failure_add, false},
	[LOP_RUN_STATS] = {sq_run_stats, true},
	[LOP_RUN_NOTE] = {sq_run_note, false},
	[LOP_REQUEST_LIST] = {sq_request_list, true},
	[LOP_REQUEST_OBEY] = {sq_request_obey, false},
	[LOP_UNTOLD_LIST] = {sq_untold_list, true},
	[LOP_TOLD_PUT] = {sq_told_put, false},
	[LOP_ENDED_LIST] = {sq_ended_list, true},
	[LOP_ENDED_TOLD] = {sq_ended_told, false},
	[LOP_ENDING_TAKE] = {sq_ending_take, true},
	[LOP_ENDING_PUT] = {sq_ending_put, true},
	[LOP_CURSOR_FIND] = {sq_cursor_find, true},
	[LOP_STEP_ITEMS] = {sq_step_items, true},
	[LOP_INBOX_ADD] = {sq_inbox_add, false},
	[LOP_INBOX_BEGIN] = {sq_inbox_begin, true},
	[LOP_INBOX_READ] = {sq_inbox_read, true},
	[LOP_RATE_TAKE] = {sq_rate_take, true},
	[LOP_QUOTA_TAKE] = {sq_quota_take, true},
	[LOP_POOLS_TAKE] = {sq_pools_take, true},
	[LOP_PERSON] = {sq_person, false},
	[LOP_BREAKER_GET] = {sq_breaker_get, true},
	[LOP_BREAKER_PUT] = {sq_breaker_put, true},
	[LOP_ENDPOINT_PUT] = {sq_endpoint_put, false},
};

/* F. 0, LEDGER_FENCED, LEDGER_LOST or SQ_FAILED. */
static int sq_fence(struct sq *q, struct ledger_txn *txn)
{
	static const char alive[] = "SELECT i.state, b.batch FROM instance_ AS i"
				    " JOIN instance_batch AS b ON b.inc = i.inc"
				    " WHERE i.inc = ?1 AND i.nonce = ?2 AND i.state IN (1, 2, 3)";
	sqlite3_stmt *st = sq_query(
		q, alive, SQ_ARGS(SQ_INT(txn->inc), SQ_BLOB(txn->nonce, sizeof(txn->nonce))));
	int rc = sq_next(q, st);

	if (rc < 0)
		return rc;
	enum instance_state state = rc == 1 ? (enum instance_state)sqlite3_column_int(st, 0)
					    : INSTANCE_REAPED;
	int64_t batch = rc == 1 ? sqlite3_column_int64(st, 1) : 0;
	bool is_replay = txn->batch > 0 && batch >= txn->batch;
	sq_end(st);
	/* Safety: ended, but a replay: the answer to its own end was lost. A reaped one is told
	 * nothing good any more: it would act on what was taken from it. */
	if (state == INSTANCE_REAPED || (state == INSTANCE_ENDED && !is_replay)) {
		err_set(&txn->err, ERR_TEMP, 0, "instance %lld is not alive in the ledger",
			(long long)txn->inc);
		return LEDGER_FENCED;
	}
	if (is_replay) {
		q->is_replay = true;
		return 0;
	}
	if (txn->claims && state != INSTANCE_LIVE)
		return sq_lost(txn, "instance %lld is stopping and claims nothing",
			       (long long)txn->inc);
	if (txn->batch == 0)
		return 0;
	rc = sq_batch_number(q, txn);
	if (rc == 0)
		return sq_lost(txn, "batch %lld cannot follow batch %lld", (long long)txn->batch,
			       (long long)batch);
	return rc < 0 ? rc : 0;
}

/* Each item that left its chunk must have its done bit there by now (I1). */
static int sq_check_loose(struct sq *q, struct ledger_txn *txn)
{
	static const char sql[] = "SELECT done, first_item FROM chunk WHERE id = ?1";

	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind != LOP_LOOSE_PUT)
			continue;
		const struct ledger_loose_row *row = &op->u.loose_put.row;
		sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(row->chunk_id)));
		int rc = sq_next(q, st);
		if (rc < 0)
			return rc;
		const uint8_t *done = rc == 1 ? sqlite3_column_blob(st, 0) : NULL;
		int64_t place = rc == 1 ? row->item - sqlite3_column_int64(st, 1) : -1;
		bool has_bit = done != NULL && place >= 0 &&
			       place < 8 * (int64_t)sqlite3_column_bytes(st, 0) &&
			       bits_get(done, (size_t)place);
		sq_end(st);
		if (has_bit)
			continue;
		txn->lost = op;
		return sq_lost(txn, "item %lld of run %lld left its chunk without a bit",
			       (long long)row->item, (long long)row->run_id);
	}
	return 0;
}

static int sq_run_ops(struct sq *q, struct ledger_txn *txn)
{
	int rc = 0;

	for (struct ledger_op *op = txn->first; op != NULL && rc == 0; op = op->next) {
		if (q->is_replay && !ops[op->kind].replays)
			continue;
		rc = ops[op->kind].fn(q, txn, op);
		assert(rc <= 0 || rc == LEDGER_LOST);
		if (rc == LEDGER_LOST)
			txn->lost = op;
	}
	return rc;
}

/* What SQLite's failure means for the transaction, with words. */
static int sq_txn_failed(struct sq *q, struct ledger_txn *txn)
{
	enum ledger_status status = sq_status(q);

	(void)sq_err(q, &txn->err); /* the status says it */
	if (status == LEDGER_BROKEN)
		q->is_broken = true;
	if (q->rc == SQLITE_IOERR_FSYNC)
		sq_files_mark_unsynced(q);
	return (int)status;
}

void sq_rollback(struct sq *q)
{
	/* Some failures have undone the transaction already. */
	if (sqlite3_get_autocommit(q->db) == 0)
		(void)sq_exec(q, "ROLLBACK"); /* the file is as it was in any case */
}

/* Fault points ledger.OPERATION.before and .after (the COMMIT), for each operation in it. True when
 * one of them is to fail. */
static bool sq_fault(const struct ledger_txn *txn, const char *when)
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

static int sq_commit_txn(struct sq *q, const struct ledger_txn *txn)
{
	if (!sq_fault(txn, "before"))
		return sq_change(q, commit, SQ_NO_ARGS) < 0 ? SQ_FAILED : 0;
	q->rc = SQLITE_IOERR_FSYNC;
	q->os_errno = EIO;
	(void)snprintf(q->text, sizeof(q->text), "a fault point failed"); /* fits */
	return SQ_FAILED;
}

/* Safety: under the gate, so that no other process commits meanwhile. */
static void sq_checkpoint(struct sq *q)
{
	int in_wal = 0;
	int moved = 0;

	/* While nothing is claimed there are few commits, and the log hardly grows any more. */
	bool is_time = q->is_wal_stuck && clock_monotonic_us() - q->checkpointed_us > STUCK_WAIT_US;
	if (q->wal_pages < q->checkpoint_at && !is_time)
		return;
	q->checkpointed_us = clock_monotonic_us();
	(void)FAULT("ledger.checkpoint.before");
	errno = 0;
	int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) {
		/* Safety: a failed fsync of the database is never repeated: the kernel may have
		 * dropped the pages, and a later checkpoint would forget the WAL that has them. */
		(void)sq_fail(
			q, rc); /* the next transaction says so; this one is durable in the WAL */
		q->is_broken = sq_status(q) == LEDGER_BROKEN;
		if (rc == SQLITE_IOERR_FSYNC)
			sq_files_mark_unsynced(q);
	}
	(void)FAULT("ledger.checkpoint.after");
	/* When all was moved the next commit begins the WAL anew; else a reader holds some of it,
	 * and trying again is worth while only after as much again. */
	q->checkpoint_at = moved < in_wal ? in_wal + CHECKPOINT_PAGES : CHECKPOINT_PAGES;
	q->is_wal_stuck = moved < in_wal &&
			  in_wal > (FAULT("ledger.stuck") ? STUCK_PAGES_SHORT : STUCK_PAGES);
}

static int sq_write_locked(struct sq *q, struct ledger_txn *txn)
{
	if (sq_change(q, begin_write, SQ_NO_ARGS) < 0)
		return sq_txn_failed(q, txn);
	int rc = txn->inc != 0 ? sq_fence(q, txn) : 0;
	if (rc == 0)
		rc = sq_run_ops(q, txn);
	if (rc == 0 && !q->is_replay)
		rc = sq_check_loose(q, txn);
	if (rc == 0)
		rc = sq_commit_txn(q, txn);
	if (rc < 0)
		rc = sq_txn_failed(q, txn);
	if (rc != 0) {
		sq_rollback(q);
		return rc;
	}
	sq_checkpoint(q);
	return sq_fault(txn, "after") ? LEDGER_BUSY : 0; /* as if the answer had been lost */
}

/* What the locks have to follow: lives that began or ended, dead that were held. */
static void sq_locks_follow(struct sq *q, struct ledger_txn *txn, bool is_applied)
{
	if (q->new_inc != 0 && !is_applied) {
		sq_life_give(&q->locks, q->new_inc);
		txn->inc = 0; /* tried again, it is to begin, not to be fenced */
	}
	q->new_inc = 0;
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (op->kind == LOP_REAP)
			sq_dead_give(&q->locks, op->u.reap.dead);
		if (op->kind == LOP_INSTANCE_END && is_applied && !q->is_replay)
			sq_life_give(&q->locks, txn->inc);
	}
}

/* The files are not those that were opened: nothing is trusted any more. */
static int sq_files_failed(struct sq *q, const struct ledger_txn *txn)
{
	(void)snprintf(q->text, sizeof(q->text), "%.*s", (int)sizeof(q->text) - 1, txn->err.text);
	q->is_broken = true;
	return LEDGER_BROKEN;
}

static int sq_write(struct sq *q, struct ledger_txn *txn)
{
	q->is_replay = false;
	q->new_inc = 0;
	q->rollup_added = NULL;
	if (sq_gate_take(&q->locks, &txn->err) < 0)
		return sq_files_failed(q, txn);
	if (sq_files_check(q, &txn->err) < 0) {
		sq_gate_give(&q->locks);
		return sq_files_failed(q, txn);
	}
	int rc = sq_write_locked(q, txn);
	sq_locks_follow(q, txn, rc == 0);
	sq_gate_give(&q->locks);
	return rc;
}

static int sq_read(struct sq *q, struct ledger_txn *txn)
{
	q->is_replay = false;
	int rc = sq_change(q, begin_read, SQ_NO_ARGS) < 0 ? SQ_FAILED : sq_run_ops(q, txn);
	if (rc == 0 && sq_change(q, commit, SQ_NO_ARGS) < 0)
		rc = SQ_FAILED;
	if (rc < 0)
		rc = sq_txn_failed(q, txn);
	if (rc != 0)
		sq_rollback(q);
	return rc;
}

void sq_apply(struct ledger *ledger, struct ledger_txn *txn)
{
	struct sq *q = sq_of(ledger);

	if (q->is_broken) {
		err_set(&txn->err, ERR_IO, 0, "ledger %s: its storage failed earlier: %s", q->path,
			q->text);
		txn->status = LEDGER_BROKEN;
		return;
	}
	int rc = 0;
	if (ledger_txn_is_read_only(txn)) {
		rc = sq_read(q, txn);
	} else {
		rc = sq_write(q, txn);
		if (rc == LEDGER_NO_SPACE && sq_space_release(q)) {
			ledger_txn_rewind(txn);
			rc = sq_write(q, txn);
		} else {
			sq_space_look(q);
		}
		txn->space_is_low = q->space.is_low || rc == LEDGER_NO_SPACE;
		txn->log_is_held = q->is_wal_stuck;
	}
	txn->status = rc == 0 ? LEDGER_APPLIED : (enum ledger_status)rc;
}

int sq_begin(struct sq *q, struct err *err)
{
	int rc = sq_gate_take(&q->locks, err);

	if (rc < 0)
		return rc;
	q->is_replay = false;
	rc = sq_files_check(q, err);
	if (rc == 0 && sq_exec(q, "BEGIN IMMEDIATE") == 0)
		return 0;
	sq_gate_give(&q->locks);
	return rc < 0 ? rc : sq_err(q, err);
}

int sq_commit(struct sq *q, struct err *err)
{
	int rc = 0;

	if (sq_exec(q, "COMMIT") < 0) {
		rc = sq_err(q, err);
		sq_rollback(q);
	}
	sq_gate_give(&q->locks);
	return rc;
}
