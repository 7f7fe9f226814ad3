/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ledger/backend.h"

int ledger_verify(struct ledger *ledger, ledger_finding_fn fn, void *arg, int64_t *ret_findings,
		  struct err *err)
{
	assert(ledger != NULL && fn != NULL);
	return ledger->backend->check_storage(ledger, fn, arg, ret_findings, err);
}
