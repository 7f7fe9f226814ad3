/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt is going to end: by the traits of its record, or by a fault. */
#include "sim/lane.h"

#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/witness.h"

enum { FLAKY_MAX = 3 };

static bool plan_by_trait(const struct attempt *a, enum lane_plan *ret_plan)
{
	const struct machine *m = a->proc->m;

	if (machine_trait(m, F_POISON, a->record)) {
		/* Some kill their lane before they do anything, some right after. */
		*ret_plan = a->record % 4 == 0 ? PLAN_DIE_EFFECT : PLAN_DIE_BEGUN;
		return true;
	}
	if (machine_trait(m, F_DEAD, a->record)) {
		*ret_plan = PLAN_DEAD;
		return true;
	}
	if (a->bulk != NULL) /* of a unit, items are done, dead, or as they were */
		return false;
	if (machine_trait(m, F_NEVER, a->record)) {
		*ret_plan = PLAN_RETRY;
		return true;
	}
	if (machine_trait(m, F_FLAKY, a->record) &&
	    a->witness->begun < 1 + (int)(a->record % FLAKY_MAX)) {
		*ret_plan = PLAN_RETRY;
		return true;
	}
	return false;
}

struct plan_row {
	enum fault_kind fault;
	enum lane_plan plan, or_else; /* one or the other */
	bool in_bulk;
};

static const struct plan_row plan_rows[] = {
	{F_DIE_BEFORE, PLAN_DIE_BEFORE, PLAN_DIE_BEFORE, true},
	{F_DIE_BEGUN, PLAN_DIE_BEGUN, PLAN_DIE_BEGUN, true},
	{F_DIE_EFFECT, PLAN_DIE_EFFECT, PLAN_DIE_EFFECT, true},
	{F_HANG, PLAN_HANG_BEFORE, PLAN_HANG_AFTER, true},
	{F_NOT_BEGUN, PLAN_NOT_BEGUN, PLAN_NOT_BEGUN, true},
	{F_RETRY, PLAN_RETRY, PLAN_RETRY, false},
	{F_UNKNOWN_OUTCOME, PLAN_UNKNOWN_DONE, PLAN_UNKNOWN_NOT, false},
	{F_LATE, PLAN_LATE, PLAN_LATE, false},
};

/* How asking goes: the answer itself is the witness's. */
static enum lane_plan plan_of_probe(struct machine *m)
{
	static const struct {
		enum fault_kind fault;
		enum lane_plan plan;
	} rows[] = {
		{F_VERIFY, PLAN_UNKNOWN_NOT},  {F_DIE_BEFORE, PLAN_DIE_BEFORE},
		{F_DIE_BEGUN, PLAN_DIE_BEGUN}, {F_HANG, PLAN_HANG_BEFORE},
		{F_NOT_BEGUN, PLAN_NOT_BEGUN}, {F_LATE, PLAN_LATE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (machine_fault(m, rows[i].fault))
			return rows[i].plan;
	return PLAN_DONE;
}

enum lane_plan lane_plan(struct attempt *a)
{
	struct machine *m = a->proc->m;
	int step = options_step_of(m->opt, a->record);
	enum lane_plan plan = PLAN_DONE;

	if (a->is_verify)
		return plan_of_probe(m);

	if (plan_by_trait(a, &plan))
		return plan;
	if (machine_fault(m, F_ALIKE)) {
		m->alike_until[step] = m->boot_us +
				       rng_spread(&m->rng, 100 * US_PER_MS, 5 * US_PER_MIN);
		TRACE(m, TRACE_ALIKE, (m->alike_until[step] - m->began_us) / US_PER_MS, step, 0, 0);
	}
	if (!m->healed && m->boot_us < m->alike_until[step] && a->bulk == NULL)
		return PLAN_ALIKE;
	if (machine_fault(m, F_DOWN)) {
		m->down_until[step] = m->boot_us + rng_spread(&m->rng, US_PER_S, 30 * US_PER_MIN);
		TRACE(m, TRACE_ALIKE, (m->down_until[step] - m->began_us) / US_PER_MS, step, 0, 0);
	}
	if (!m->healed && m->boot_us < m->down_until[step] && a->bulk == NULL)
		return PLAN_DOWN;
	for (size_t i = 0; i < ARRAY_LEN(plan_rows); i++) {
		const struct plan_row *row = &plan_rows[i];
		if ((a->bulk == NULL || row->in_bulk) && machine_fault(m, row->fault))
			return rng_below(&m->rng, 2) == 0 ? row->plan : row->or_else;
	}
	return PLAN_DONE;
}
