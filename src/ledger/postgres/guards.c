/* SPDX-License-Identifier: Apache-2.0 */
/* What a guard that found nothing means: words for the operation that queued it. */
#include "ledger/postgres/postgres.h"

static int pl_guard_run(struct ledger_txn *txn, int64_t run_id, const char *what)
{
	return pl_lost(txn, "run %lld is not loaded by instance %lld any more, or is not there%s",
		       (long long)run_id, (long long)txn->inc, what);
}

int pl_guard_words(struct ledger_txn *txn, const struct ledger_op *op)
{
	const struct lop_chunk_progress *p = &op->u.chunk_progress;
	const struct ledger_loose_row *row = NULL;

	switch ((int)op->kind) { /* the other operations have no guard that raises */
	case LOP_CHUNK_PROGRESS:
		return pl_lost(txn, "chunk %lld is not held in epoch %d before revision %d%s",
			       (long long)p->chunk_id, p->epoch, p->rev,
			       p->close ? ", or not every item of it is done" : "");
	case LOP_CHUNK_CLAIM:
		return pl_lost(txn, "chunk %lld was claimed or changed by others since",
			       (long long)op->u.chunk_claim.again.id);
	case LOP_LOOSE_CLAIM:
		return pl_lost(txn, "item %lld was claimed by others since",
			       (long long)op->u.loose_claim.again.id);
	case LOP_LOOSE_PUT:
		row = &op->u.loose_put.row;
		return pl_lost(txn, "item %lld of run %lld is not in chunk %lld any more",
			       (long long)row->item, (long long)row->run_id,
			       (long long)row->chunk_id);
	case LOP_LOOSE_SETTLE:
		row = &op->u.loose_settle.row;
		return pl_lost(txn, "item %lld of run %lld is not held in epoch %d",
			       (long long)row->item, (long long)row->run_id, row->epoch);
	case LOP_LOAD_PUT:
		return pl_guard_run(txn, op->u.load_put.run_id, "");
	case LOP_LOAD_OPEN:
		return pl_guard_run(txn, op->u.load_open.run_id, "");
	case LOP_RUN_LEAVE:
		return pl_lost(txn, "there is no run %lld to leave",
			       (long long)op->u.run_leave.run_id);
	case LOP_INSTANCE_END:
		return pl_lost(txn, "instance %lld still holds work", (long long)txn->inc);
	}
	return pl_lost(txn, "what %s needs is not there any more", ledger_op_name(op->kind));
}
