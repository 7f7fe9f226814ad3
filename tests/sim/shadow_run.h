/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shadow's runs: made, joined, loaded, from step to step, and ended.
 */
#ifndef STINT_TESTS_SIM_SHADOW_RUN_H
#define STINT_TESTS_SIM_SHADOW_RUN_H

#include <stdbool.h>

struct instance;
struct ledger_op;
struct shadow_walk;

/* As shadow_follow. */
bool shadow_run_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op);

#endif
