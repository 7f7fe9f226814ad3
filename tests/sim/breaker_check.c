/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/breaker_check.h"

#include <string.h>

#include "sim/adapt_check.h"
#include "sim/instance.h"
#include "sim/lane.h"
#include "sim/proc.h"
#include "sim/witness.h"

#define LOOKS_EVERY_US (5 * US_PER_S)
enum { COMMITS_SLACK = 200 };

static bool has_any(const struct machine *m, const enum fault_kind *kinds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m->opt->fault[kinds[i]])
			return true;
	return false;
}

/* The step whose endpoint that is; 0: nobody's. */
static int step_of(const struct machine *m, const char *endpoint)
{
	static const char mark[] = ", step s";
	const char *at = endpoint == NULL ? NULL : strstr(endpoint, mark);
	int step = at == NULL ? 1 : at[strlen(mark)] - '0';
	int n = m->opt->steps == 0 ? 1 : m->opt->steps;

	return (at != NULL) != (m->opt->steps > 0) || step < 1 || step > n ? 0 : step;
}

/* The endpoint that an operation is about; NULL: it is no breaker's. */
static const char *endpoint_of(const struct ledger_op *op)
{
	return op->kind == LOP_BREAKER_GET   ? op->u.breaker_get.endpoint
	       : op->kind == LOP_BREAKER_PUT ? op->u.breaker_put.endpoint
					     : NULL;
}

/* ---- what an instance knows ---- */

void breaker_on_answer(struct instance *inst, const struct ledger_txn *txn)
{
	if (txn->status != LEDGER_APPLIED)
		return;
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		if (endpoint_of(op) == NULL)
			continue;
		const struct breaker_row *row = op->kind == LOP_BREAKER_GET
							? &op->u.breaker_get.ret_row
							: &op->u.breaker_put.ret_row;
		struct breaker_judge *judge = &inst->breakers[step_of(inst->m, endpoint_of(op))];
		if (judge->is_told_open || judge->has_tripped)
			adapt_begin(inst);
		judge->is_told_open = row->is_open && row->probe != inst->inc;
		judge->has_tripped = false;
		judge->looked_us = inst->m->boot_us;
	}
}

void breaker_on_outcome(struct instance *inst, struct attempt *a)
{
	int step = options_step_of(inst->m->opt, a->record);
	struct breaker_judge *judge = &inst->breakers[step];
	const struct breaker_row *row = &inst->m->shadow.breakers[step];

	if (a->outcome_cancelled)
		return;
	if (a->outcome == OUTCOME_ALL)
		judge->has_tripped = true;
	if (!a->is_probe || row->probe != inst->inc)
		return;
	judge->probe_works = a->outcome == OUTCOME_DONE || a->outcome == OUTCOME_DEAD;
	/* Within give_up_after of the first opening a probe costs its item nothing. */
	if (a->outcome == OUTCOME_RETRY && !inst->m->opt->fault[F_RELOAD] &&
	    !inst->m->opt->fault[F_CLOCK] &&
	    machine_now(inst->m) - row->first_open < inst->m->opt->give_up_after_us)
		a->witness->excused++;
}

/* ---- beginning ---- */

static void check_one_probe(const struct proc *p)
{
	static const enum fault_kind apart[] = {F_CLOCK,  F_STALL, F_ZOMBIE, F_SLOW,	F_UNPROVEN,
						F_RELOAD, F_CUT,   F_AWAY,   F_FAILOVER};
	struct machine *m = p->m;

	if (has_any(m, apart, ARRAY_LEN(apart)))
		return;
	for (struct proc *q = m->procs; q != NULL; q = q->next)
		for (struct attempt *a = lane_attempts(q); a != NULL && q->is_alive; a = a->next)
			if (a->is_probe && options_step_of(m->opt, a->record) == p->sent_step &&
			    a->opening == m->shadow.breakers[p->sent_step].n_opened)
				machine_fail(m, "probes",
					     "instance %d sends a probe, instance %d has one out",
					     p->inst->number, q->inst->number);
}

void breaker_check_begin(const struct proc *p)
{
	static const enum fault_kind slow[] = {F_STALL, F_ZOMBIE, F_UNKNOWN,  F_BUSY,
					       F_SLOW,	F_BROKEN, F_NO_SPACE, F_SPACE_LOW,
					       F_CUT,	F_AWAY,	  F_FAILOVER};
	struct machine *m = p->m;
	const struct instance *inst = p->inst;
	const struct breaker_judge *judge = &inst->breakers[p->sent_step];
	const struct breaker_row *row = &m->shadow.breakers[p->sent_step];

	if (judge->has_tripped)
		machine_fail(m, "breaker", "instance %d begins an item while all fail alike",
			     inst->number);
	if (judge->is_told_open)
		machine_fail(m, "breaker", "instance %d begins an item and knows that it may not",
			     inst->number);
	if (!has_any(m, slow, ARRAY_LEN(slow)) &&
	    m->boot_us - judge->looked_us > LOOKS_EVERY_US + COMMITS_SLACK * m->opt->commit_us)
		machine_fail(m, "breaker", "instance %d has not looked at it for %lld ms",
			     inst->number,
			     (long long)((m->boot_us - judge->looked_us) / US_PER_MS));
	if (row->is_open && row->probe == inst->inc)
		check_one_probe(p);
}

void breaker_on_take(struct attempt *a)
{
	const struct machine *m = a->proc->m;
	const struct breaker_row *row = &m->shadow.breakers[options_step_of(m->opt, a->record)];

	a->is_probe = row->is_open && row->probe == a->proc->inst->inc;
	a->opening = row->n_opened;
}

/* ---- what is written ---- */

static void check_opening(struct instance *inst, const struct breaker_row *was,
			  const struct breaker_row *is)
{
	struct machine *m = inst->m;
	const struct options *o = m->opt;
	int64_t first = o->open_for_us;
	int64_t most = OPTIONS_OPEN_MAX * first;
	int64_t due = 2 * was->open_for_us < most ? 2 * was->open_for_us : most;

	if (was->is_open && was->probe != inst->inc)
		machine_fail(m, "breaker-opened", "instance %d prolongs it without a probe",
			     inst->number);
	if (!o->fault[F_RELOAD] && is->open_for_us != (was->is_open ? due : first))
		machine_fail(m, "breaker-opened", "it is open for %lld ms after %lld ms",
			     (long long)(is->open_for_us / US_PER_MS),
			     (long long)(was->open_for_us / US_PER_MS));
	if (!o->fault[F_CLOCK] && is->until > machine_now(m) + is->open_for_us + US_PER_MS)
		machine_fail(m, "breaker-opened", "it is open for longer than it says");
}

static void check_probing(struct instance *inst, const struct breaker_row *was,
			  const struct breaker_row *is)
{
	struct machine *m = inst->m;

	if (is->probe != inst->inc)
		machine_fail(m, "probes", "instance %d lets %lld probe", inst->number,
			     (long long)is->probe);
	if (m->opt->fault[F_CLOCK])
		return;
	if (was->probe == 0 && machine_now(m) + US_PER_MS < was->until)
		machine_fail(m, "probes", "instance %d probes %lld ms too early", inst->number,
			     (long long)((was->until - machine_now(m)) / US_PER_MS));
	if (was->probe != 0 && machine_now(m) < was->probe_until)
		machine_fail(m, "probes", "instance %d takes the probe from %lld", inst->number,
			     (long long)was->probe);
}

static void check_put(struct instance *inst, struct breaker_judge *judge,
		      const struct breaker_row *was, const struct breaker_row *is)
{
	if (!is->is_open) {
		if (!inst->m->opt->is_noop && (was->probe != inst->inc || !judge->probe_works))
			machine_fail(inst->m, "breaker-closed",
				     "instance %d closes it without a good probe", inst->number);
	} else if (!was->is_open || is->until != was->until) {
		check_opening(inst, was, is);
	} else if (is->probe != 0) {
		check_probing(inst, was, is);
		judge->probe_works = false;
	}
}

static void follow_get(struct machine *m, int step, const struct breaker_row *said)
{
	const struct breaker_row *is = &m->shadow.breakers[step];

	if (said->version != is->version || said->is_open != is->is_open ||
	    said->until != is->until || said->probe != is->probe ||
	    said->open_for_us != is->open_for_us || said->first_open != is->first_open)
		machine_fail(m, "breaker-row", "the breaker's version %lld is given as %lld",
			     (long long)is->version, (long long)said->version);
}

static void follow_put(struct instance *inst, int step, const struct lop_breaker_put *op)
{
	struct machine *m = inst->m;
	struct breaker_row *row = &m->shadow.breakers[step];

	if (op->row.version == row->version + 1) {
		struct breaker_row is = op->row;
		/* The ledger keeps milliseconds; what may not be too early is rounded up. */
		is.first_open -= is.first_open % US_PER_MS;
		is.until += (US_PER_MS - is.until % US_PER_MS) % US_PER_MS;
		is.reason = NULL;
		check_put(inst, &inst->breakers[step], row, &is);
		*row = is;
	}
	follow_get(m, step, &op->ret_row);
}

void breaker_follow(struct instance *inst, const struct ledger_op *op)
{
	struct machine *m = inst->m;
	int step = step_of(m, endpoint_of(op));

	if (step == 0 || step != inst->at_step) {
		machine_fail(m, "breaker-step", "instance %d is at step %d, and goes by %s",
			     inst->number, inst->at_step, endpoint_of(op));
		return;
	}
	if (op->kind == LOP_BREAKER_GET)
		follow_get(m, step, &op->u.breaker_get.ret_row);
	else
		follow_put(inst, step, &op->u.breaker_put);
}

void breaker_follow_end(struct machine *m, long long inc)
{
	for (int step = 1; step <= OPTIONS_STEPS_MAX; step++) {
		struct breaker_row *row = &m->shadow.breakers[step];
		if (row->probe != inc || inc == 0)
			continue;
		row->version++;
		row->probe = row->probe_until = row->probe_for_us = 0;
	}
}
