/* SPDX-License-Identifier: Apache-2.0 */
/* `ledger upgrade` and `ledger restored`. */
#include "ledger/sqlite/sqlite.h"

int sq_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err)
{
	struct sq *q = sq_of(ledger);
	int from = 0;
	int rc = sq_schema_find(q, &from, err);

	if (rc == 0)
		rc = sq_gate_take(&q->locks, err);
	if (rc < 0)
		return rc;
	rc = sq_schema_upgrade(q, &sq_schema, err);
	sq_gate_give(&q->locks);
	if (rc < 0)
		return rc;
	*ret_from = from;
	*ret_to = q->base.schema_version = sq_schema_newest(&sq_schema);
	return 0;
}

int sq_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	(void)ledger, (void)now, (void)ret_doubtful;
	return ERR(err, ERR_LEDGER, "not built yet");
}
