/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger was told of attempts in sums, and what it says of them. */
#ifndef STINT_TESTS_SIM_SUMS_H
#define STINT_TESTS_SIM_SUMS_H

#include <stdint.h>

#include "ledger/txn.h"

struct machine;
struct run_view;

struct sums {
	struct ledger_effort effort;
	int64_t by_class;    /* failed attempts */
	int64_t by_class_us; /* and how long these took */
	uint64_t measured;   /* attempts with a duration */
	uint64_t measured_us;
};

/* LOP_ROLLUP_ADD, LOP_LATENCY_ADD, LOP_FAILURE_ADD. */
void sums_follow(struct machine *m, const struct ledger_op *op);
/* At the night's end: the ledger has exactly that. */
void sums_check(struct machine *m, const struct run_view *run);

#endif
