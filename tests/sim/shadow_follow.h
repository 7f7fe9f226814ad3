/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each operation does to the shadow: who follows it. Runs and loads are in shadow_run.c, what
 * instances hold is in shadow_hold.c.
 */
#ifndef STINT_TESTS_SIM_SHADOW_FOLLOW_H
#define STINT_TESTS_SIM_SHADOW_FOLLOW_H

#include <stdbool.h>

struct instance;
struct ledger_op;
struct ledger_txn;
struct machine;
struct shadow_walk;

/* Follows an operation; true when only a walk through the ledger can tell all that it did. */
bool shadow_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op);
/* A transaction that was applied before is answered anew, by how things are now. */
void shadow_follow_again(struct instance *inst, const struct ledger_txn *txn);
void shadow_trace(struct machine *m, const struct ledger_op *op);

#endif
