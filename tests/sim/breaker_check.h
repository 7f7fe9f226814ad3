/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of the endpoint's breaker: nothing is begun by who was told that it is open, one
 * probe at a time of all instances, never too early, pauses that double, closed by a good probe
 * only, and no attempt of an item used up by a bad one.
 */
#ifndef STINT_TESTS_SIM_BREAKER_CHECK_H
#define STINT_TESTS_SIM_BREAKER_CHECK_H

struct attempt;
struct instance;
struct ledger_op;
struct ledger_txn;
struct machine;
struct proc;

/* The ledger's answers reach the engine. */
void breaker_on_answer(struct instance *inst, const struct ledger_txn *txn);
/* An engine hears how an attempt ended. */
void breaker_on_outcome(struct instance *inst, struct attempt *a);
/* A lane is given an item. */
void breaker_check_begin(const struct proc *p);
void breaker_on_take(struct attempt *a);

/* The shadow's side. */
void breaker_follow(struct instance *inst, const struct ledger_op *op);
/* The instance has ended or was reaped. */
void breaker_follow_end(struct machine *m, long long inc);

#endif
