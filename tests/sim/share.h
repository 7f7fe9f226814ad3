/* SPDX-License-Identifier: Apache-2.0 */
/* What instances share out among themselves, as the ledger gave it: slots of the rate, the quota.
 */
#ifndef STINT_TESTS_SIM_SHARE_H
#define STINT_TESTS_SIM_SHARE_H

#include "ledger/txn.h"

struct attempt;
struct machine;

/* LOP_RATE_TAKE, LOP_QUOTA_TAKE. */
void share_follow(struct machine *m, const struct ledger_op *op);
/* An attempt begins: is that one too many in any window that ends now, or in this period? */
void share_begin(struct machine *m);
/* At the end of a night in which nothing but the rate held items back: were there enough? */
void share_check_night(struct machine *m);

#endif
