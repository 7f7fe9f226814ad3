/* SPDX-License-Identifier: Apache-2.0 */
/* What is still to be written: README says by whom. Each goes into a file of its own. */
#include "ledger/postgres/postgres.h"

#define STUB(name)                                                                                 \
	int pl_##name(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)                  \
	{                                                                                          \
		(void)txn, (void)op;                                                               \
		return pl_fail_text(q, "0A000", #name " is not there yet");                        \
	}

STUB(keys_find)
STUB(content_find)
STUB(attempt_put)
STUB(rollup_add)
STUB(latency_add)
STUB(failure_add)
STUB(run_stats)
STUB(run_note)
STUB(request_list)
STUB(request_obey)
STUB(untold_list)
STUB(told_put)
STUB(rate_take)
STUB(quota_take)
STUB(person)
STUB(breaker_get)
STUB(breaker_put)
STUB(endpoint_put)

int pl_requests_lapse(struct pl *q, int64_t run_id, int64_t inc, int64_t now_ms)
{
	(void)q, (void)run_id, (void)inc, (void)now_ms;
	return 0;
}

int pl_requests_settle(struct pl *q, struct ledger_txn *txn)
{
	(void)q, (void)txn;
	return 0;
}

int pl_seen_put(struct pl *q, int64_t run_id, const char *key, int64_t now_ms)
{
	(void)q, (void)run_id, (void)key, (void)now_ms;
	return 0;
}

const char *const pl_views[] = {NULL};

/* lint: allow parameters: the face has them */
int pl_select(struct ledger *ledger, const char *sql, const struct ledger_param *params, size_t n,
	      ledger_row_fn fn, void *arg, struct err *err)
{
	(void)ledger, (void)sql, (void)params, (void)n, (void)fn, (void)arg;
	return ERR(err, ERR_LEDGER, "select is not there yet");
}

int pl_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err)
{
	(void)ledger, (void)visitor;
	return ERR(err, ERR_LEDGER, "walk is not there yet");
}

int pl_check_storage(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		     struct err *err)
{
	(void)ledger, (void)fn, (void)arg, (void)ret_findings;
	return ERR(err, ERR_LEDGER, "check is not there yet");
}

int pl_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	(void)ledger, (void)now, (void)ret_doubtful;
	return ERR(err, ERR_LEDGER, "restored is not there yet");
}
