/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/night.h"

#include <assert.h>
#include <string.h>

#include "job/job.h"
#include "sim/check.h"
#include "sim/instance.h"
#include "sim/shadow.h"

#define LATER_US (10 * US_PER_MIN) /* what a start brings with it happens within so long */
#define HEALED_MAX_US (100 * US_PER_DAY)
enum { HEALED_STARTS_MAX = 10000, EVENTS_MAX = 20000000, TIDY_MAX = 2, FAILED_MAX = 3 };

/* ---- what happens to whoever is started ---- */

static void night_on_stop(struct machine *m, void *object, int64_t n)
{
	(void)m, (void)n;
	instance_stop(object);
}

static void night_on_reload(struct machine *m, void *object, int64_t n)
{
	(void)m, (void)n;
	instance_reload(object);
}

static void night_on_clock(struct machine *m, void *object, int64_t n)
{
	(void)object;
	TRACE(m, TRACE_CLOCK, n / US_PER_S, 0, 0, 0);
	m->wall_ahead_us += n;
}

static void night_on_person(struct machine *m, void *object, int64_t n)
{
	(void)object, (void)n;
	if (!m->healed)
		person_act(m);
}

static int64_t night_soon(struct machine *m, int64_t most)
{
	return rng_spread(&m->rng, US_PER_MS, most);
}

static void night_disturb(struct machine *m, struct instance *inst)
{
	if (machine_fault(m, F_STOP)) {
		int64_t at = night_soon(m, LATER_US);
		machine_after(m, at, night_on_stop, inst, 0);
		if (machine_fault(m, F_STOP_TWICE))
			machine_after(m, at + night_soon(m, US_PER_MIN), night_on_stop, inst, 0);
	}
	if (machine_fault(m, F_RELOAD))
		machine_after(m, night_soon(m, LATER_US), night_on_reload, inst, 0);
	if (machine_fault(m, F_CLOCK)) {
		/* Far forward happens (a new battery); far backward would only be a long wait. */
		int64_t by = rng_below(&m->rng, 2) == 0 ? night_soon(m, US_PER_DAY)
							: -night_soon(m, LATER_US);
		machine_after(m, night_soon(m, LATER_US), night_on_clock, NULL, by);
	}
	for (int i = 0; i < 4; i++)
		if (machine_fault(m, F_PERSON))
			machine_after(m, night_soon(m, LATER_US), night_on_person, NULL, 0);
}

/* ---- cron ---- */

bool night_waits_for_person(struct machine *m, const struct run_view *run)
{
	uint32_t n_dead = 0;

	if (check_is_step_blocked(m, run))
		return true;
	if (m->opt->ends != ENDS_ALL_OR_NONE || run->state != RUN_OPEN)
		return false;
	for (uint32_t i = 0; i < run->n_items; i++) {
		enum item_state state = shadow_state(run, i);
		bool is_settled = state == ITEM_DONE || state == ITEM_SKIPPED || state == ITEM_DEAD;
		if (!is_settled)
			return false;
		n_dead += state == ITEM_DEAD;
	}
	return n_dead > 0;
}

static bool run_is_over(struct machine *m, const struct run_view *run)
{
	if (night_waits_for_person(m, run))
		return true;
	if (run->state == RUN_FINISHED || run->state == RUN_ABANDONED)
		return true;
	if (run->state == RUN_FAILED && run->failed_healthy >= FAILED_MAX)
		return true;
	/* Nobody comes back to what is left. */
	return m->opt->carry_over == JOB_LEAVE && run->slot < m->slot;
}

static bool night_is_done(struct machine *m)
{
	if (m->slot < m->opt->slots - 1 || m->n_alive > 0 || m->shadow.n_runs == 0)
		return false;
	/* Each start takes what is there: the last one, too. */
	if (m->opt->has_inbox && m->opt->per_start && !inbox_is_read(m))
		return false;
	for (int region = 0; region < m->opt->regions; region++)
		if (shadow_run_of(m, m->slot, region) == NULL)
			return false;
	for (size_t i = 0; i < m->shadow.n_runs; i++)
		if (!run_is_over(m, m->shadow.runs[i]))
			return false;
	return true;
}

static void night_next_slot(struct machine *m)
{
	const struct run_view *run = shadow_run_of(m, m->slot, 0);
	int per_slot = m->opt->fault_starts / m->opt->slots + 1;

	if (m->slot + 1 >= m->opt->slots)
		return;
	if ((run != NULL && run_is_over(m, run)) || m->n_starts >= (m->slot + 1) * per_slot) {
		m->slot++;
	}
}

static void night_heal(struct machine *m)
{
	if (m->healed)
		return;
	TRACE(m, TRACE_HEAL, 0, 0, 0, 0);
	m->healed = true;
	m->healed_at = m->boot_us;
}

static void night_on_heal(struct machine *m, void *object, int64_t n)
{
	(void)object, (void)n;
	night_heal(m);
}

static void night_on_cron(struct machine *m, void *object, int64_t n)
{
	(void)object, (void)n;
	if (m->over || m->n_alive >= (m->healed ? 1 : m->opt->instances))
		return;
	if (m->n_starts >= m->opt->fault_starts)
		night_heal(m);
	night_next_slot(m);
	if (night_is_done(m)) {
		if (!m->opt->tidy || m->tidied++ >= TIDY_MAX) {
			/* Whoever died last was buried by nobody yet. */
			m->over = m->healed_starts > 0 && m->instances->began_us > m->forgot_us;
			night_heal(m);
		} else {
			night_heal(m);
			for (size_t i = 0; i < m->shadow.n_runs; i++)
				m->shadow.runs[i]->failed_healthy = 0;
			person_tidy(m);
		}
	}
	if (m->over || m->failure.happened)
		return;
	m->healed_starts += m->healed;
	if (m->healed_starts > HEALED_STARTS_MAX)
		machine_fail(m, "liveness", "%d starts without faults were not enough",
			     m->healed_starts);
	/* Who was called before midnight may come to it after whoever was called then. */
	bool is_late = m->slot > 0 && !m->healed && rng_below(&m->rng, 16) == 0;
	/* Each has its turn. */
	struct instance *inst = instance_start(m, is_late ? m->slot - 1 : m->slot,
					       m->n_starts % m->opt->regions);
	night_disturb(m, inst);
}

static int64_t night_gap(struct machine *m)
{
	int64_t gap = 1 + machine_delay(m, m->opt->start_gap_us);

	/* What has to wait for its next attempt shall be due before too many starts. */
	if (m->healed && m->opt->fault[F_CLOCK] && gap < US_PER_MIN)
		gap = US_PER_MIN;
	/* And what has to wait for the next hour, until it comes. */
	if (m->opt->quota_limit > 0 && gap < 10 * US_PER_MIN)
		gap = 10 * US_PER_MIN;
	return m->healed && gap < m->opt->max_us ? m->opt->max_us : gap;
}

void night_on_over(struct machine *m, struct instance *inst)
{
	if (inst->fate == INSTANCE_OVER && !m->failure.happened)
		check_exit(m, inst);
	machine_after(m, night_gap(m), night_on_cron, NULL, 0);
}

/* ---- the whole ---- */

static void night_loop(struct machine *m)
{
	int64_t at = 0;

	inbox_begin(m);
	for (int i = 0; i < m->opt->instances; i++) {
		machine_after(m, at, night_on_cron, NULL, 0);
		at += 1 + machine_delay(m, m->opt->start_gap_us);
	}
	machine_after(m, m->opt->heal_after_us, night_on_heal, NULL, 0);
	while (!m->over && !m->failure.happened) {
		if (!machine_step(m))
			machine_fail(m, "stuck", "nothing will ever happen any more (%d alive)",
				     m->n_alive);
		if (m->trace.events > EVENTS_MAX)
			machine_fail(m, "busy", "too much happens");
		if (m->healed && m->boot_us - m->healed_at > HEALED_MAX_US)
			machine_fail(m, "liveness", "days without faults were not enough");
	}
}

void night_run(const struct options *o, unsigned flags, struct night_result *ret_result)
{
	struct machine *m = machine_new();

	m->trace.keep = (flags & NIGHT_KEEP) != 0;
	m->trace.print = (flags & NIGHT_PRINT) != 0;
	machine_begin(m, o);
	if (!m->failure.happened)
		night_loop(m);
	if (!m->failure.happened)
		check_night(m);
	if (m->failure.happened && (flags & NIGHT_KEEP) != 0 && (flags & NIGHT_PRINT) == 0)
		trace_print(&m->trace);
	*ret_result = (struct night_result){.failure = m->failure,
					    .hash = m->trace.hash,
					    .events = m->trace.events,
					    .starts = m->n_starts,
					    .commits = m->shadow.commits,
					    .virtual_us = m->boot_us - m->began_us};
	machine_free(m);
}
