/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/witness.h"

#include <assert.h>

#include "job/job.h"
#include "sim/adapt_check.h"
#include "sim/breaker_check.h"
#include "sim/instance.h"
#include "sim/lane.h"
#include "sim/proc.h"
#include "sim/shadow.h"

enum { DEATHS_FREE = 12, DEATHS_PER_START = 3 };

struct witness *witness_find(struct machine *m, int64_t run_id, uint32_t record)
{
	struct run_view *run = shadow_run(m, run_id);

	if (run == NULL || record >= m->opt->n_records) {
		machine_fail(m, "witness",
			     "a lane works on run %lld, record %u, which is not there",
			     (long long)run_id, record);
		return NULL;
	}
	return &run->witnesses[record];
}

/* What may have been done is done again only while the other side still knows the key (I8). */
static void witness_check_key(struct machine *m, const struct attempt *a)
{
	const struct witness *w = a->witness;
	int64_t valid = m->opt->key_valid_us;

	/* Only the wall clock is kept with the item, and it has jumped; or that it was begun is
	 * lost, and with it the life of who knew. */
	if (valid == 0 || w->effects == 0 || w->repeats_allowed > 0 || m->opt->fault[F_CLOCK] ||
	    m->somebody_lost)
		return;
	if (m->boot_us - w->first_effect_us > valid)
		machine_fail(m, "key-expired", "record %u of run %lld is sent again after %lld s",
			     a->record, (long long)a->run->id,
			     (long long)((m->boot_us - w->first_effect_us) / US_PER_S));
}

/* What could not be proved dead may act for as long as an attempt may take; after that nobody need
 * wait for it any more. */
static bool witness_waited_for(const struct machine *m, const struct proc *p)
{
	int64_t waited = m->boot_us - p->at_large_us;

	/* Waiting is by the wall clock, and by today's limit; a unit has no effect to do twice. */
	return p->is_at_large && (m->opt->fault[F_CLOCK] || m->opt->fault[F_RELOAD] ||
				  m->opt->is_noop || waited >= m->opt->timeout_us);
}

bool witness_shows(const struct machine *m, const struct witness *w)
{
	return w->effects > 0 && m->boot_us - w->first_effect_us >= m->opt->shows_after_us;
}

void witness_take(struct machine *m, struct attempt *a)
{
	struct witness *w = a->witness;

	if (a->is_verify)
		return;
	witness_check_key(m, a);
	/* A person may send a run back to an earlier step while items of a later one are out. */
	if (m->person_acts == 0 && options_step_of(m->opt, a->record) > a->run->step)
		machine_fail(m, "step-early", "record %u of run %lld is begun in step %d",
			     a->record, (long long)a->run->id, a->run->step);
	/* The wall clock decides, and the engine's death forgets. */
	if (m->boot_us < w->retry_at && !m->opt->fault[F_CLOCK] && !m->somebody_forgot)
		machine_fail(m, "early", "record %u of run %lld is tried again %lld ms too early",
			     a->record, (long long)a->run->id,
			     (long long)((w->retry_at - m->boot_us) / US_PER_MS));
	/* Two lanes with one item: only where the engine could not know that the first had ended.
	 */
	/* What needs no started mark is sent without asking the ledger, also by one that was
	 * declared dead while it was stopped. */
	bool needs_no_mark = !m->opt->is_once && m->opt->key_valid_us == 0;
	bool is_of_dead = needs_no_mark && a->proc->inst != NULL && a->proc->inst->is_zombie &&
			  !m->opt->has_beats;
	if (w->hand != NULL && !w->hand->proc->is_gone && !m->somebody_lost &&
	    !witness_waited_for(m, w->hand->proc) && !is_of_dead)
		machine_fail(m, "two-hands", "record %u of run %lld is with pid %lld and pid %lld",
			     a->record, (long long)a->run->id, (long long)w->hand->proc->pid,
			     (long long)a->proc->pid);
	w->hand = a;
}

void witness_begun(struct machine *m, struct attempt *a)
{
	a->is_begun = true;
	a->begun_us = m->boot_us;
	a->witness->begun += !a->is_verify;
}

static void witness_check_once(struct machine *m, const struct attempt *a)
{
	const struct witness *w = a->witness;
	bool at_least_once = m->opt->doubt == JOB_DOUBT_RETRY;

	/* How long what cannot be proved dead may still act is waited for by the wall clock, and by
	 * today's limit. */
	if (m->opt->verifies && (m->opt->fault[F_CLOCK] || m->opt->fault[F_RELOAD]) &&
	    m->somebody_at_large)
		return;
	if (m->opt->is_once && !at_least_once && !m->somebody_lost &&
	    w->effects > 1 + w->repeats_allowed)
		machine_fail(m, "twice", "record %u of run %lld took effect %d times", a->record,
			     (long long)a->run->id, w->effects);
}

/* An effect again needs an excuse: somebody who was told that it is done must have forgotten it. */
static void witness_check_repeat(struct machine *m, const struct attempt *a)
{
	const struct witness *w = a->witness;

	if (w->done_told_to == NULL || instance_lost_its_memory(w->done_told_to) ||
	    w->repeats_allowed > 0 || a->proc->is_at_large || m->somebody_lost)
		return;
	machine_fail(m, "again",
		     "record %u of run %lld was done, instance %d knew it, and it is done again",
		     a->record, (long long)a->run->id, w->done_told_to->number);
}

/* … and it takes effect within its time limit, while the other side still knows. */
static void witness_check_key_at_effect(struct machine *m, const struct attempt *a)
{
	if (m->boot_us - a->taken_us <= m->opt->timeout_us && !m->opt->fault[F_RELOAD])
		witness_check_key(m, a);
}

void witness_effect(struct machine *m, struct attempt *a)
{
	witness_check_key_at_effect(m, a);
	a->had_effect = true;
	if (a->witness->effects++ == 0)
		a->witness->first_effect_us = m->boot_us;
	TRACE(m, TRACE_EFFECT, a->record, a->run->id, a->proc->pid, a->witness->effects);
	witness_check_once(m, a);
	witness_check_repeat(m, a);
}

void witness_let_go(struct attempt *a)
{
	a->is_over = true;
	if (a->witness->hand == a)
		a->witness->hand = NULL;
}

/* The least that the job's `retry` lets pass after this attempt. */
static int64_t witness_wait(const struct options *o, int number)
{
	int64_t wait = o->first_us;

	for (int i = 1; i < number && wait < o->max_us; i++)
		wait *= o->factor;
	wait = wait < o->max_us ? wait : o->max_us;
	if (o->jitter == JOB_JITTER_FULL)
		return 0;
	return o->jitter == JOB_JITTER_EQUAL ? wait / 2 : wait;
}

/* The engine hears what verify said. */
static void witness_told_of(struct instance *inst, struct attempt *a)
{
	struct witness *w = a->witness;

	a->proc->in_hand--;
	if (a->outcome_cancelled || a->outcome == OUTCOME_NOT_BEGUN)
		return;
	w->nos = a->outcome == OUTCOME_RETRY ? w->nos + 1 : 0;
	if (a->outcome != OUTCOME_DONE)
		return;
	if (w->told[OUTCOME_DONE] == 0 && !w->verified)
		a->run->n_told_done++;
	w->verified = true;
	w->done_told_to = inst;
}

void witness_told(struct instance *inst, struct attempt *a)
{
	struct witness *w = a->witness;

	if (a->is_verify) {
		witness_told_of(inst, a);
		return;
	}
	if (a->outcome_cancelled)
		w->told_cancelled++;
	else
		w->told[a->outcome]++;
	if (a->outcome == OUTCOME_UNKNOWN)
		w->unclear++;
	if (a->lost == LOST_AMONG)
		inst->n_lost++; /* to be worked alone: it comes on top of what is under way */
	if (a->lost == LOST_ALONE) {
		w->deaths++;
		w->own_deaths++;
	}
	w->retry_at = 0;
	if (a->outcome == OUTCOME_RETRY) {
		int64_t wait = witness_wait(inst->m->opt, a->number);
		w->retry_at = inst->m->boot_us + (wait > a->wait_us ? wait : a->wait_us);
	}
	if (a->outcome == OUTCOME_DONE)
		w->done_told_to = inst;
	breaker_on_outcome(inst, a);
	adapt_on_outcome(inst, a);
	if (a->outcome == OUTCOME_DONE && w->told[OUTCOME_DONE] == 1 && !w->verified)
		a->run->n_told_done++;
	a->proc->in_hand--;
}

void witness_lost(struct attempt *a)
{
	a->is_over = true;
	if (a->witness->hand == a)
		a->witness->hand = NULL;
}

void witness_lane_end_told(struct proc *p)
{
	p->in_hand = 0;
	for (struct attempt *a = lane_attempts(p); a != NULL; a = a->next) {
		struct witness *w = a->witness;
		if (a->is_verify)
			continue;
		w->deaths++;
		p->inst->n_lost++;
		w->kills += p->is_killed;
		w->own_deaths += a->is_killer;
		/* A few deaths to find out who it is in each start, and three that count. */
		if (w->own_deaths > DEATHS_FREE + DEATHS_PER_START * p->m->n_starts)
			machine_fail(p->m, "poison", "record %u of run %lld has killed %d lanes",
				     a->record, (long long)a->run->id, w->own_deaths);
		if (a->is_begun || p->is_unproven)
			w->unclear++;
	}
}
