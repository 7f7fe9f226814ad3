/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of an endpoint's breaker: nothing is begun by who was told that it is open, one
 * probe at a time of all instances, never too early, pauses that double, closed by a good probe
 * only, and no attempt of an item used up by a bad one. Each step has its endpoint, with a breaker
 * of its own: who works a step goes by that one.
 */
#ifndef STINT_TESTS_SIM_BREAKER_CHECK_H
#define STINT_TESTS_SIM_BREAKER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct attempt;
struct instance;
struct ledger_op;
struct ledger_txn;
struct machine;
struct proc;

/* What an instance knows of one. */
struct breaker_judge {
	bool is_told_open; /* and it has no right to probe */
	bool has_tripped;  /* it heard that all fail alike, and nothing of the breaker since */
	bool probe_works;
	int64_t looked_us; /* when it heard of it last */
};

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
