/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold when an engine has ended, and when the night has. */
#include <string.h>

#include "core/decide.h"
#include "job/job.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/night.h"
#include "sim/shadow.h"
#include "sim/share.h"

#define STOP_TAKES_US (25 * US_PER_S)
enum { MAX_DEAD_FREE = 20 }; /* max_dead's default: 10 % and at least so many */

/* Of some item it was not known whether it took effect. */
static bool was_doubted(const struct run_view *run)
{
	for (uint32_t i = 0; i < run->n_items; i++) {
		const struct witness *w = &run->witnesses[run->items[i].record];
		if (w->deaths > 0 || w->unclear > 0 || w->told[OUTCOME_UNKNOWN] > 0)
			return true;
	}
	return false;
}

bool check_may_fail(struct machine *m, const struct run_view *run)
{
	const struct options *o = m->opt;
	int64_t n[ITEM_STATE_COUNT_];

	shadow_count(run, n);
	if (run->n_items == 0 && o->when_empty_fail)
		return true;
	if (o->max_rejects_pct == 0 && run->n_rejected > 10)
		return true;
	if (o->canary > 0 &&
	    (n[ITEM_DEAD] > 0 || was_doubted(run) || o->fault[F_FLAKY] || o->fault[F_NEVER]))
		return true;
	/* Where only those are left that fail again and again, nothing says that it works. */
	if (strstr(run->reason, "give_up_after") != NULL &&
	    (o->fault[F_FLAKY] || o->fault[F_NEVER]))
		return true;
	if (o->max_dead_pct == 0)
		return n[ITEM_DEAD] >= MAX_DEAD_FREE;
	return o->max_dead_pct < 100 && n[ITEM_DEAD] > 0;
}

/* ---- an engine's end ---- */

/* A further run of the slot that a later one has given up (carry_over: abandon) is not asked for
 * again: the call is about the one before. */
static const struct run_view *run_asked_for(const struct machine *m, const struct instance *inst)
{
	const struct run_view *found = NULL;

	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		const struct run_view *run = m->shadow.runs[i];
		if (run->slot == inst->slot && run->region == inst->region &&
		    (run->n == 1 || run->state != RUN_ABANDONED) &&
		    (found == NULL || run->n >= found->n))
			found = run;
	}
	return found;
}

static void check_exit_finished(struct machine *m, const struct instance *inst)
{
	const struct run_view *run = run_asked_for(m, inst);
	int64_t n[ITEM_STATE_COUNT_];
	bool needs_person = false;

	if (inst->exit_status == 3 && run != NULL && night_waits_for_person(m, run))
		return;
	if (run == NULL || run->state != RUN_FINISHED) {
		machine_fail(m, "exit", "instance %d ends with %d and its run has not finished",
			     inst->number, inst->exit_status);
		return;
	}
	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		shadow_count(m->shadow.runs[i], n);
		needs_person |= n[ITEM_DEAD] + n[ITEM_IN_DOUBT] + m->shadow.runs[i]->n_rejected > 0;
	}
	if (inst->exit_status == 3 && !needs_person)
		machine_fail(m, "exit", "instance %d ends with 3 and nothing needs a person",
			     inst->number);
	shadow_count(run, n);
	/* The further runs of a slot that are over are not looked at again. */
	if (inst->exit_status == 0 && run->n == 1 &&
	    n[ITEM_DEAD] + n[ITEM_IN_DOUBT] + run->n_rejected > 0)
		machine_fail(m, "exit", "instance %d ends with 0 and something needs a person",
			     inst->number);
}

static bool something_failed(const struct machine *m)
{
	for (size_t i = 0; i < m->shadow.n_runs; i++)
		if (m->shadow.runs[i]->state == RUN_FAILED ||
		    m->shadow.runs[i]->state == RUN_ABANDONED)
			return true;
	return false;
}

static bool something_is_left(const struct machine *m)
{
	for (size_t i = 0; i < m->shadow.n_runs; i++)
		if (m->shadow.runs[i]->state != RUN_FINISHED &&
		    m->shadow.runs[i]->state != RUN_ABANDONED)
			return true;
	return m->shadow.n_runs == 0;
}

/* A stop takes the grace, what ending attempts and processes takes, and a few commits. */
static void check_stop_was_quick(struct machine *m, const struct instance *inst)
{
	static const enum fault_kind slow[] = {F_STALL,	   F_ZOMBIE, F_UNKNOWN, F_BUSY, F_SLOW,
					       F_NO_SPACE, F_RELOAD, F_CUT,	F_AWAY, F_FAILOVER};
	int64_t most = m->opt->grace_us + STOP_TAKES_US + 200 * m->opt->commit_us;

	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		if (m->opt->fault[slow[i]])
			return;
	if (inst->stopped_us != 0 && m->boot_us - inst->stopped_us > most)
		machine_fail(m, "stop-slow", "instance %d needed %lld ms to stop, grace is %lld",
			     inst->number, (long long)((m->boot_us - inst->stopped_us) / US_PER_MS),
			     (long long)(m->opt->grace_us / US_PER_MS));
}

void check_exit(struct machine *m, const struct instance *inst)
{
	check_stop_was_quick(m, inst);
	/* What others do at the same time may change the picture before it is looked at; where each
	 * start is a slot, it may have been for another's run. */
	bool is_alone = m->opt->instances == 1 && m->person_acts == 0 && !m->opt->per_start;
	bool is_plausible = false;

	switch (inst->exit_status) {
	case 0:
	case 3:
		is_plausible = true;
		if (is_alone)
			check_exit_finished(m, inst);
		break;
	case 1:
		is_plausible = !is_alone || something_failed(m);
		break;
	case 66:
		is_plausible = inst->saw_missing;
		break;
	case 69:
		is_plausible = m->opt->instances > 1 || m->opt->pool_units > 0;
		break;
	case 74:
		is_plausible = inst->saw_broken || inst->saw_trouble;
		break;
	case 75:
		is_plausible = !is_alone || inst->stops > 0 || inst->saw_fenced ||
			       something_is_left(m);
		break;
	default:
		break;
	}
	if (!is_plausible)
		machine_fail(m, "exit", "instance %d ends with %d, which nothing explains",
			     inst->number, inst->exit_status);
}

/* ---- the night's end ---- */

static void check_item_at_end(struct machine *m, const struct run_view *run, uint32_t index)
{
	const struct item_view *item = &run->items[index];
	const struct witness *w = &run->witnesses[item->record];
	enum item_state state = shadow_state(run, index);

	if (state == ITEM_DONE && w->effects == 0 && !w->person_done)
		machine_fail(m, "I5", "record %u of run %lld is done and never took effect",
			     item->record, (long long)run->id);
	if (state != ITEM_DONE && w->done_told_to != NULL &&
	    !instance_lost_its_memory(w->done_told_to) && w->unclear == 0)
		machine_fail(m, "forgotten",
			     "record %u of run %lld is %d, instance %d knew it done", item->record,
			     (long long)run->id, state, w->done_told_to->number);
	int told = w->told[OUTCOME_RETRY] + w->told[OUTCOME_DEAD] + w->told[OUTCOME_ALL] +
		   w->told[OUTCOME_UNKNOWN];
	if (!m->somebody_forgot && w->rows < told)
		machine_fail(m, "rows",
			     "record %u of run %lld: %d attempts failed, %d are recorded",
			     item->record, (long long)run->id, told, w->rows);
	if (w->rows > told + w->told_cancelled + w->deaths)
		machine_fail(m, "rows",
			     "record %u of run %lld: %d attempts failed, %d are recorded",
			     item->record, (long long)run->id, told + w->deaths, w->rows);
	bool is_settled = state == ITEM_DONE || state == ITEM_SKIPPED || state == ITEM_DEAD ||
			  item->is.loose == LOOSE_ASKED;
	if (run->state == RUN_FINISHED && !is_settled)
		machine_fail(m, "I15", "record %u of run %lld is in state %d at the end",
			     item->record, (long long)run->id, state);
	unsigned owed = state == ITEM_DONE ? SAYS_DONE : state == ITEM_DEAD ? SAYS_DEAD : 0;
	if (run->state == RUN_FINISHED && (owed & m->opt->says & ~item->said) != 0)
		machine_fail(m, "I11", "record %u of run %lld: the database was not told",
			     item->record, (long long)run->id);
	if (item->is.loose == LOOSE_ASKED && !m->opt->is_once && m->opt->key_valid_us == 0)
		machine_fail(m, "needless-doubt", "record %u of run %lld could be repeated",
			     item->record, (long long)run->id);
}

static void check_run_at_end(struct machine *m, const struct run_view *run)
{
	const struct options *o = m->opt;
	bool is_left = o->carry_over == JOB_LEAVE && run->slot < o->slots - 1;

	for (uint32_t i = 0; i < run->n_items && !m->failure.happened; i++)
		check_item_at_end(m, run, i);
	sums_check(m, run);
	switch (run->state) {
	case RUN_FINISHED:
		check_finish(m, run);
		if (o->then != JOB_THEN_KEEP && run->n_items > 0 && !run->was_told)
			machine_fail(m, "I11", "run %lld has finished, its source was not told",
				     (long long)run->id);
		return;
	case RUN_ABANDONED:
		if (o->carry_over != JOB_ABANDON && m->person_acts == 0)
			machine_fail(m, "abandoned", "run %lld is, and nobody said so",
				     (long long)run->id);
		return;
	case RUN_FAILED:
		if (!is_left && !check_may_fail(m, run))
			machine_fail(m, "failed", "run %lld has failed: %s", (long long)run->id,
				     run->reason);
		return;
	case RUN_LOADING:
	case RUN_OPEN:
	case RUN_PAUSED:
	case RUN_MISSED:
		break;
	}
	if (!is_left && !night_waits_for_person(m, run))
		machine_fail(m, "unfinished", "run %lld is %s at the end", (long long)run->id,
			     run_state_name(run->state));
}

static void check_incs_at_end(struct machine *m)
{
	for (const struct instance *inst = m->instances; inst != NULL; inst = inst->next) {
		int state = inst->inc == 0 ? INSTANCE_ENDED : m->shadow.inc_state[inst->inc];
		if (state != INSTANCE_ENDED && state != INSTANCE_REAPED)
			machine_fail(m, "unburied", "inc %lld is %s at the end",
				     (long long)inst->inc,
				     instance_state_name((enum instance_state)state));
	}
}

void check_night(struct machine *m)
{
	check_ledger(m);
	for (size_t i = 0; i < m->shadow.n_runs && !m->failure.happened; i++)
		check_run_at_end(m, m->shadow.runs[i]);
	check_incs_at_end(m);
	share_check_night(m);
}
