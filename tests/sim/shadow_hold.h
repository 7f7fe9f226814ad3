/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds what by the shadow: chunks and loose items, claimed, settled, and taken from the dead.
 */
#ifndef STINT_TESTS_SIM_SHADOW_HOLD_H
#define STINT_TESTS_SIM_SHADOW_HOLD_H

#include <stdbool.h>

struct instance;
struct ledger_op;
struct lop_chunk_progress;
struct machine;
struct shadow_walk;

/* As shadow_follow. */
bool shadow_hold_follow(struct shadow_walk *walk, struct instance *inst, struct ledger_op *op);
/* What is done in bulk must have been done (I5); asked at the end of the transaction. */
void shadow_check_done(struct machine *m, const struct lop_chunk_progress *op);

#endif
