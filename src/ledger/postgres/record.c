/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept for people: attempts that failed, or said something; notes of a run. */
#include "ledger/postgres/postgres.h"

int pl_attempt_put(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO attempt_(at, run_id, item, attempt, inc, outcome, ms, err_class, err,"
		" fingerprint, output_cut, output, is_probe, keep)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
		" nullif($14, ''))";
	const struct lop_attempt_put *p = &op->u.attempt_put;
	struct pl_value output = PL_BLOB(p->output, p->output_len);

	output.is_null = p->output_len == 0;
	return pl_send(q, sql,
		       PL_ARGS(PL_INT(rule_ms(p->at)), PL_INT(p->run_id), PL_INT(p->item),
			       PL_INT(p->attempt), PL_INT(txn->inc), PL_INT(p->outcome),
			       PL_INT(rule_ms(p->took_us)), PL_TEXT(pl_or_empty(p->err_class)),
			       PL_TEXT(pl_or_empty(p->err)), PL_TEXT(pl_or_empty(p->fingerprint)),
			       PL_INT(p->output_cut ? 1 : 0), output, PL_INT(p->is_probe ? 1 : 0),
			       PL_TEXT(pl_or_empty(p->keep))));
}

int pl_run_note(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "INSERT INTO note_(at, run_id, inc, kind, text, until)"
				  " VALUES ($1, $2, $3, $4, $5, $6)";
	const struct lop_run_note *n = &op->u.run_note;

	return pl_send(q, sql,
		       PL_ARGS(PL_INT(rule_ms(n->at)), PL_INT(n->run_id), PL_INT(txn->inc),
			       PL_TEXT(pl_or_empty(n->kind)), PL_TEXT(pl_or_empty(n->text)),
			       PL_INT_OR_NULL(n->until == 0 ? 0 : rule_ms(n->until))));
}
