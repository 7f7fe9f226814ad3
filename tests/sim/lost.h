/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that takes over and has not the last commits: what was acknowledged is gone, from the
 * ledger and from the shadow, and each engine writes again what it knows (ledger/journal.h).
 *
 * Promise: what is lost are whole transactions, the last ones of all together; only such as change
 *          claims, marks, outcomes and loose items, or a person's decisions about items of a run
 *          that is open. Before any other, and where an item goes from hand to hand, the standby
 *          has caught up.
 */
#ifndef STINT_TESTS_SIM_LOST_H
#define STINT_TESTS_SIM_LOST_H

#include <stdbool.h>

#include "ledger/txn.h"
#include "sim/instance.h"

/* Before and after the ledger applies a transaction of an instance. */
void lost_before(struct instance *inst, const struct ledger_txn *txn);
void lost_after(struct instance *inst, struct ledger_txn *txn);
/* The same for what a person decides: if it is lost, nobody writes it again. */
void lost_before_person(struct machine *m, const struct run_view *run, enum person_verb verb);
void lost_after_person(struct machine *m, const struct run_view *run);
/* What the instance knew is there again, before anything else is: all that it had written last. */
void lost_check_redone(const struct instance *inst);
/* Since the failover a person or a rule has decided anew about the item, or somebody who took the
 * instance for dead has claimed it. */
void lost_not_compared(const struct machine *m, const struct run_view *run, uint32_t item);
/* The instance writes its claim of it again. */
void lost_retaken(const struct machine *m, const struct run_view *run, uint32_t item, int64_t inc);
/* It lives no more, or is taken for dead. */
void lost_death(struct instance *inst);
/* The standby has all that there is: nothing of it can be lost any more. */
void lost_catch_up(struct machine *m);
/* Something that it had acknowledged is not in the ledger now. */
bool lost_is_behind(const struct instance *inst);
/* A journal writes again. */
void lost_on_redo(void *arg, struct ledger_txn *txn);
void lost_free(struct machine *m);

#endif
