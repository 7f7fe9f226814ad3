/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/txn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { OP_READS = 1, OP_WRITES = 2 };

/* A member of an operation's struct and all that follow it are results. */
struct op_shape {
	const char *name;
	int access;
	size_t results; /* offset within the struct; its size when there are none */
	size_t size;
};

#define SHAPE(kind, member, access_, first_result)                                                 \
	[kind] = {#member, access_, offsetof(struct lop_##member, first_result),                   \
		  sizeof(struct lop_##member)}
#define SHAPE_WITHOUT_RESULTS(kind, member)                                                        \
	[kind] = {#member, OP_WRITES, sizeof(struct lop_##member), sizeof(struct lop_##member)}

static const struct op_shape shapes[LEDGER_OP_COUNT_] = {
	SHAPE(LOP_INSTANCE_BEGIN, instance_begin, OP_WRITES, ret_inc),
	SHAPE(LOP_INSTANCE_LIST, instance_list, OP_READS, ret_rows),
	SHAPE_WITHOUT_RESULTS(LOP_INSTANCE_QUARANTINE, instance_quarantine),
	SHAPE_WITHOUT_RESULTS(LOP_INSTANCE_STOPPING, instance_stopping),
	SHAPE_WITHOUT_RESULTS(LOP_INSTANCE_END, instance_end),
	SHAPE_WITHOUT_RESULTS(LOP_LANE_PUT, lane_put),
	SHAPE_WITHOUT_RESULTS(LOP_LANE_DROP, lane_drop),
	SHAPE(LOP_REAP, reap, OP_WRITES, ret_done),
	SHAPE(LOP_RUN_LIST, run_list, OP_READS, ret_rows),
	SHAPE(LOP_RUN_CREATE, run_create, OP_WRITES, ret_exists),
	SHAPE(LOP_RUN_JOIN, run_join, OP_WRITES, ret_over),
	SHAPE(LOP_RUN_COMPANY, run_company, OP_READS, ret_others),
	SHAPE_WITHOUT_RESULTS(LOP_RUN_LEAVE, run_leave),
	SHAPE(LOP_RUN_END, run_end, OP_WRITES, ret_done),
	SHAPE(LOP_RUN_FINISH, run_finish, OP_WRITES, ret_finished),
	SHAPE(LOP_RUN_COUNTS, run_counts, OP_READS, ret_counts),
	SHAPE(LOP_LOAD_TAKE, load_take, OP_WRITES, ret_taken),
	SHAPE_WITHOUT_RESULTS(LOP_LOAD_PUT, load_put),
	SHAPE_WITHOUT_RESULTS(LOP_LOAD_OPEN, load_open),
	SHAPE(LOP_KEYS_FIND, keys_find, OP_READS, ret_open),
	SHAPE(LOP_CONTENT_FIND, content_find, OP_WRITES, ret_run),
	SHAPE(LOP_CHUNK_CLAIM, chunk_claim, OP_WRITES, ret_rows),
	SHAPE_WITHOUT_RESULTS(LOP_CHUNK_PROGRESS, chunk_progress),
	SHAPE(LOP_GIVE_BACK, give_back, OP_WRITES, ret_chunks),
	SHAPE_WITHOUT_RESULTS(LOP_LOOSE_PUT, loose_put),
	SHAPE(LOP_LOOSE_CLAIM, loose_claim, OP_WRITES, ret_rows),
	SHAPE(LOP_LOOSE_SETTLE, loose_settle, OP_WRITES, ret_late),
	SHAPE(LOP_DOUBT_RESOLVE, doubt_resolve, OP_WRITES, ret_retried),
	SHAPE_WITHOUT_RESULTS(LOP_ATTEMPT_PUT, attempt_put),
	SHAPE_WITHOUT_RESULTS(LOP_ROLLUP_ADD, rollup_add),
	SHAPE_WITHOUT_RESULTS(LOP_LATENCY_ADD, latency_add),
	SHAPE_WITHOUT_RESULTS(LOP_FAILURE_ADD, failure_add),
	SHAPE(LOP_RUN_STATS, run_stats, OP_READS, ret_stats),
	SHAPE_WITHOUT_RESULTS(LOP_RUN_NOTE, run_note),
	SHAPE(LOP_REQUEST_LIST, request_list, OP_READS, ret_rows),
	SHAPE_WITHOUT_RESULTS(LOP_REQUEST_OBEY, request_obey),
	SHAPE(LOP_UNTOLD_LIST, untold_list, OP_READS, ret_rows),
	SHAPE_WITHOUT_RESULTS(LOP_TOLD_PUT, told_put),
	SHAPE(LOP_ENDED_LIST, ended_list, OP_READS, ret_rows),
	SHAPE_WITHOUT_RESULTS(LOP_ENDED_TOLD, ended_told),
	SHAPE(LOP_ENDING_TAKE, ending_take, OP_WRITES, ret_taken),
	SHAPE(LOP_ENDING_PUT, ending_put, OP_WRITES, ret_late),
	SHAPE(LOP_CURSOR_FIND, cursor_find, OP_READS, ret_cursor),
	SHAPE(LOP_STEP_ITEMS, step_items, OP_READS, ret_n),
	SHAPE_WITHOUT_RESULTS(LOP_INBOX_ADD, inbox_add),
	SHAPE(LOP_INBOX_BEGIN, inbox_begin, OP_WRITES, ret_other),
	SHAPE(LOP_INBOX_READ, inbox_read, OP_READS, ret_rows),
	SHAPE(LOP_RATE_TAKE, rate_take, OP_WRITES, ret_first_ns),
	SHAPE(LOP_QUOTA_TAKE, quota_take, OP_WRITES, ret_n),
	SHAPE(LOP_POOLS_TAKE, pools_take, OP_WRITES, ret_taken),
	SHAPE(LOP_PERSON, person, OP_WRITES, ret_changed),
	SHAPE(LOP_BREAKER_GET, breaker_get, OP_READS, ret_row),
	SHAPE(LOP_BREAKER_PUT, breaker_put, OP_WRITES, ret_row),
	SHAPE_WITHOUT_RESULTS(LOP_ENDPOINT_PUT, endpoint_put),
};

struct ledger_txn *ledger_txn_new(void)
{
	struct ledger_txn *txn = xnew(struct ledger_txn);

	txn->magic = LEDGER_TXN_MAGIC;
	return txn;
}

void ledger_txn_free(struct ledger_txn *txn)
{
	if (txn == NULL)
		return;
	assert(txn->magic == LEDGER_TXN_MAGIC);
	txn->magic = 0;
	arena_done(&txn->arena);
	free(txn);
}

struct ledger_op *ledger_txn_add(struct ledger_txn *txn, enum ledger_op_kind kind)
{
	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	assert(kind < LEDGER_OP_COUNT_);
	struct ledger_op *op = arena_new(&txn->arena, struct ledger_op);
	op->kind = kind;
	if (txn->last == NULL)
		txn->first = op;
	else
		txn->last->next = op;
	txn->last = op;
	txn->n_ops++;
	return op;
}

void ledger_txn_move_first(struct ledger_txn *txn, struct ledger_op *op)
{
	struct ledger_op *before = txn->first;

	assert(txn->last == op);
	if (before == op)
		return;
	while (before->next != op)
		before = before->next;
	before->next = NULL;
	txn->last = before;
	op->next = txn->first;
	txn->first = op;
}

bool ledger_op_writes(const struct ledger_op *op)
{
	if (op->kind == LOP_PERSON)
		return !op->u.person.dry_run;
	return shapes[op->kind].access == OP_WRITES;
}

bool ledger_txn_is_read_only(const struct ledger_txn *txn)
{
	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	if (txn->is_redo) /* its number, at least */
		return false;
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next)
		if (ledger_op_writes(op))
			return false;
	return true;
}

struct ledger_op *ledger_txn_find_late(const struct ledger_txn *txn)
{
	bool has_ended = false;

	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (has_ended && ledger_op_writes(op))
			return op;
		has_ended = has_ended || op->kind == LOP_INSTANCE_END;
	}
	return NULL;
}

void ledger_txn_rewind(struct ledger_txn *txn)
{
	assert(txn != NULL && txn->magic == LEDGER_TXN_MAGIC);
	for (struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		const struct op_shape *shape = &shapes[op->kind];
		memset((char *)&op->u + shape->results, 0, shape->size - shape->results);
	}
	/* Its instance's number was a result, too. */
	if (txn->first != NULL && txn->first->kind == LOP_INSTANCE_BEGIN)
		txn->inc = 0;
	txn->status = LEDGER_PENDING;
	txn->err = ERR_INIT;
	txn->lost = NULL;
	txn->space_is_low = false;
	txn->log_is_held = false;
	txn->ret_batch = 0;
	txn->ret_is_failed_over = false;
	txn->ret_redone = 0;
	txn->ret_warning = NULL;
}

const char *ledger_op_name(enum ledger_op_kind kind)
{
	assert(kind < LEDGER_OP_COUNT_);
	return shapes[kind].name;
}

#define NAME_CASE(id, value, text)                                                                 \
	case id:                                                                                   \
		return text;

const char *run_state_name(enum run_state state)
{
	switch (state) {
		RUN_STATES(NAME_CASE)
	}
	return "unknown";
}

const char *ledger_ending_name(enum ledger_ending ending)
{
	switch (ending) {
		LEDGER_ENDINGS(NAME_CASE)
	}
	return "unknown";
}

const char *loose_state_name(enum loose_state state)
{
	switch (state) {
		LOOSE_STATES(NAME_CASE)
	}
	return "unknown";
}

const char *instance_state_name(enum instance_state state)
{
	switch (state) {
		INSTANCE_STATES(NAME_CASE)
	}
	return "unknown";
}
