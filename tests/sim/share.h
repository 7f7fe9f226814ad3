/* SPDX-License-Identifier: Apache-2.0 */
/* What instances share out among themselves, as the ledger gave it: slots of the rate, the quota.
 */
#ifndef STINT_TESTS_SIM_SHARE_H
#define STINT_TESTS_SIM_SHARE_H

#include "ledger/txn.h"

struct machine;

/* LOP_RATE_TAKE, LOP_QUOTA_TAKE. */
void share_follow(struct machine *m, const struct ledger_op *op);

#endif
