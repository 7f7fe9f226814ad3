/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/adapt_check.h"

#include "job/job.h"
#include "sim/instance.h"
#include "sim/window_check.h"
#include "sim/witness.h"

static int at_most(const struct instance *inst, int n)
{
	return n < inst->concurrency ? n : inst->concurrency;
}

void adapt_begin(struct instance *inst)
{
	int start = inst->rules->work.concurrency_start;

	if (start == 0)
		start = inst->concurrency;
	if (inst->at_once < start)
		inst->at_once = start;
	inst->at_once = at_most(inst, inst->at_once);
	inst->fails_in_a_row = 0;
}

void adapt_on_outcome(struct instance *inst, const struct attempt *a)
{
	if (inst->rules->work.concurrency_start == 0 || a->outcome_cancelled)
		return;
	if (a->outcome == OUTCOME_DONE || a->outcome == OUTCOME_DEAD) {
		inst->at_once = at_most(inst, inst->at_once + 1);
		inst->fails_in_a_row = 0;
	} else if (a->outcome == OUTCOME_RETRY && a->is_fresh && ++inst->fails_in_a_row == 2) {
		inst->at_once = inst->at_once > 1 ? inst->at_once - 1 : 1;
		inst->fails_in_a_row = 0;
	}
}

void adapt_check(const struct instance *inst, int in_hand)
{
	/* Where it is fixed, or has reached its most, some wait in the lanes. */
	int most = window_concurrency(inst);
	int allowed = inst->at_once < most ? inst->at_once : most + WAITING_MAX;

	if (in_hand > allowed && !inst->m->opt->is_noop)
		machine_fail(inst->m, "concurrency", "instance %d has %d items out, %d are allowed",
			     inst->number, in_hand, allowed);
}
