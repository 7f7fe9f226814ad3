/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept for people: attempts that failed, or said something. */
#include "ledger/sqlite/sqlite.h"

static const char *text_or_empty(const char *s)
{
	return s == NULL ? "" : s;
}

int sq_attempt_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"INSERT INTO attempt_(at, run_id, item, attempt, inc, outcome, ms, err_class, err,"
		" fingerprint, output_cut, output, is_probe, keep)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" nullif(?14, ''))";
	const struct lop_attempt_put *p = &op->u.attempt_put;
	struct sq_value output = SQ_BLOB(p->output, p->output_len);

	if (p->output_len == 0)
		output.type = SQ_TYPE_NULL;
	int rc = sq_change(
		q, sql,
		SQ_ARGS(SQ_INT(rule_ms(p->at)), SQ_INT(p->run_id), SQ_INT(p->item),
			SQ_INT(p->attempt), SQ_INT(txn->inc), SQ_INT(p->outcome),
			SQ_INT(rule_ms(p->took_us)), SQ_TEXT(text_or_empty(p->err_class)),
			SQ_TEXT(text_or_empty(p->err)), SQ_TEXT(text_or_empty(p->fingerprint)),
			SQ_INT(p->output_cut ? 1 : 0), output, SQ_INT(p->is_probe ? 1 : 0),
			SQ_TEXT(text_or_empty(p->keep))));
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_run_note(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "INSERT INTO note_(at, run_id, inc, kind, text, until)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	const struct lop_run_note *n = &op->u.run_note;
	struct sq_value until = SQ_INT(rule_ms(n->until));

	if (n->until == 0)
		until.type = SQ_TYPE_NULL;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(rule_ms(n->at)), SQ_INT(n->run_id), SQ_INT(txn->inc),
				   SQ_TEXT(text_or_empty(n->kind)), SQ_TEXT(text_or_empty(n->text)),
				   until));
	return rc < 0 ? SQ_FAILED : 0;
}
