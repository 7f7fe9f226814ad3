/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk through the whole ledger: what it holds against what the shadow expects. Differences must
 * be ones that the operations named before may make; they are then taken over.
 */
#ifndef STINT_TESTS_SIM_SHADOW_WALK_H
#define STINT_TESTS_SIM_SHADOW_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine.h"

struct ledger_op;
struct run_view;

struct shadow_walk {
	struct machine *m;
	utime now; /* of the transaction */
	bool is_wanted;
	bool resolves, gives_back, is_personal;
	int verb;		   /* enum person_verb */
	struct run_view *run;	   /* during the walk */
	struct run_view *finished; /* by this transaction */
	struct run_view *stepped;  /* its step was left by it, for the next */
	int left, next;
};

void shadow_walk_expect(struct shadow_walk *walk, const struct ledger_op *op);
void shadow_walk_run(struct shadow_walk *walk);

#endif
