/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that takes over and has not the last commits: what was acknowledged is gone, from the
 * ledger and from the shadow, and each engine writes again what it knows (ledger/journal.h).
 *
 * Promise: what is lost are whole transactions, the last ones of all instances together; only such
 *          as change claims, marks, outcomes and loose items. Before any other, and where an item
 *          goes from hand to hand, the standby has caught up.
 */
#ifndef STINT_TESTS_SIM_LOST_H
#define STINT_TESTS_SIM_LOST_H

#include <stdbool.h>

#include "ledger/txn.h"
#include "sim/instance.h"

/* Before and after the ledger applies a transaction of an instance. */
void lost_before(struct instance *inst, const struct ledger_txn *txn);
void lost_after(struct instance *inst, struct ledger_txn *txn);
/* It lives no more, or is taken for dead. */
void lost_death(struct instance *inst);
/* The standby has all that there is: nothing of it can be lost any more. What a person decides is
 * not written again, for example. */
void lost_catch_up(struct machine *m);
/* Something that it had acknowledged is not in the ledger now. */
bool lost_is_behind(const struct instance *inst);
/* A journal writes again. */
void lost_on_redo(void *arg, struct ledger_txn *txn);
void lost_free(struct machine *m);

#endif
