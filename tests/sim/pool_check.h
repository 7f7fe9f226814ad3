/* SPDX-License-Identifier: Apache-2.0 */
/* The pool that the runs of a night share: who has it, by the transactions, and who may work. */
#ifndef STINT_TESTS_SIM_POOL_CHECK_H
#define STINT_TESTS_SIM_POOL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "ledger/txn.h"
#include "sim/machine.h"

#define POOL_NAME "warehouse"

struct instance;

/* Of a run. */
struct pool_view {
	uint8_t on[BITS_BYTES(SHADOW_INCS_MAX)]; /* instances that have joined */
	bool is_held;				 /* perhaps since before its last one left */
	bool is_given;				 /* since somebody is on it again */
};

/* Any operation that was applied. */
void pool_follow(struct instance *inst, const struct ledger_op *op);
/* Whoever was given nothing asks again, or leaves. */
void pool_check_waiting(struct instance *inst);

#endif
