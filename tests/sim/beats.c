/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/beats.h"

#include <string.h>

#include "base/err.h"
#include "core/watch.h"
#include "ledger/ledger.h"
#include "sim/lost.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/witness.h"

#define CUT_MAX_US (3 * US_PER_MIN)
#define SLOW_BEAT_US (12 * US_PER_S)
#define GIVE_UP_US (10 * US_PER_MIN)

bool beats_is_cut(const struct instance *inst)
{
	const struct machine *m = inst->m;

	return !m->healed && (m->boot_us < inst->cut_until || m->boot_us < m->away_until);
}

void beats_cut(struct instance *inst)
{
	struct machine *m = inst->m;

	if (!m->opt->has_beats || beats_is_cut(inst))
		return;
	/* Often he comes back at the very time at which others take him for dead. */
	bool is_close = rng_below(&m->rng, 3) == 0;

	inst->cut_until = m->boot_us +
			  (is_close ? WATCH_GONE_US + rng_range(&m->rng, 0, 5 * US_PER_S)
				    : rng_spread(&m->rng, US_PER_S, CUT_MAX_US));
	TRACE(m, TRACE_CUT, inst->number, (inst->cut_until - m->boot_us) / US_PER_MS, 0, 0);
	if (inst->inc != 0 && (is_close || rng_below(&m->rng, 2) == 0))
		ledger_memory_kill(m->ledger, inst->inc);
}

/* The server was started again, or another took its place: nobody holds a lock. */
static void beats_free_locks(struct machine *m)
{
	for (struct instance *i = m->instances; i != NULL; i = i->next)
		if (i->inc != 0)
			ledger_memory_kill(m->ledger, i->inc);
}

void beats_take_away(struct machine *m)
{
	if (!m->opt->has_beats || m->boot_us < m->away_until)
		return;
	m->away_us = rng_spread(&m->rng, US_PER_S, CUT_MAX_US);
	m->away_until = m->boot_us + m->away_us;
	TRACE(m, TRACE_CUT, 0, m->away_us / US_PER_MS, 0, 0);
	beats_free_locks(m);
}

void beats_fail_over(struct machine *m)
{
	if (rng_below(&m->rng, 2) == 0)
		beats_take_away(m);
	else
		beats_free_locks(m);
	/* Some find their way to it later than others, and are not dead. */
	for (struct instance *i = m->instances; i != NULL; i = i->next)
		if (i->inc != 0 && !beats_is_cut(i) && rng_below(&m->rng, 3) == 0)
			i->cut_until = m->boot_us + rng_range(&m->rng, 0, WATCH_GONE_US / 2);
}

static void beats_answer(struct machine *m, void *object, int64_t status)
{
	(void)m;
	instance_post(object, &(struct message){.kind = MESSAGE_BEAT, .n = status});
}

static void beats_on_ledger(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;
	struct err err = ERR_INIT;

	if (inst->fate != INSTANCE_RUNS)
		return;
	if (inst->is_paused) { /* threads stop with their process */
		machine_after(m, 100 * US_PER_MS, beats_on_ledger, inst, n);
		return;
	}
	if (machine_fault(m, F_LOCKS))
		beats_free_locks(m);
	enum ledger_status status = LEDGER_UNKNOWN;
	/* No sign of life before what it had is there again. */
	if (!beats_is_cut(inst) && !inst->is_failed_over) {
		status = ledger_pulse_beat(inst->pulse, inst->inc, inst->nonce, &err);
		if (status == LEDGER_APPLIED)
			inst->beat_us = m->boot_us;
		if (status == LEDGER_APPLIED && m->shadow.inc_state[inst->inc] == INSTANCE_REAPED)
			machine_fail(m, "beat-reaped",
				     "inc %lld was reaped, and is told that it lives",
				     (long long)inst->inc);
		/* The server still holds the lock for a session of its own that is dead. */
		if (m->opt->fault[F_LOCKS] && !m->healed && rng_below(&m->rng, 2) == 0)
			ledger_memory_kill(m->ledger, inst->inc);
		if (machine_fault(m, F_BEAT))
			status = LEDGER_UNKNOWN;
	}
	int64_t delay = machine_delay(m, m->opt->commit_us / 4);
	if (machine_fault(m, F_BEAT_SLOW))
		delay += rng_range(&m->rng, 0, SLOW_BEAT_US);
	machine_after(m, delay, beats_answer, inst, status);
}

void beats_send(struct instance *inst)
{
	struct machine *m = inst->m;
	int64_t delay = machine_delay(m, m->opt->commit_us / 4);

	if (inst->pulse == NULL)
		inst->pulse = ledger_pulse_new(m->ledger);
	inst->beat_sent_us = m->boot_us;
	machine_after(m, delay, beats_on_ledger, inst, 0);
}

void beats_told(struct instance *inst, enum ledger_status status)
{
	if (status == LEDGER_APPLIED)
		inst->beat_known_us = inst->beat_sent_us;
	if (status == LEDGER_FENCED)
		inst->saw_fenced = true;
}

bool beats_is_lapsed(const struct instance *inst)
{
	return inst->m->opt->has_beats && inst->m->boot_us >= inst->leased_to;
}

bool beats_gave_up(const struct instance *inst)
{
	return inst->m->opt->has_beats && inst->m->boot_us - inst->beat_known_us >= GIVE_UP_US;
}

void beats_check_begun(const struct attempt *a)
{
	const struct instance *inst = a->proc->inst;
	struct machine *m = inst->m;

	if (!m->opt->has_beats || m->opt->is_noop)
		return;
	if (m->shadow.inc_state[inst->inc] == INSTANCE_REAPED)
		machine_fail(m, "begun-reaped", "record %u of run %lld is begun for inc %lld",
			     a->record, (long long)a->run->id, (long long)inst->inc);
	if (m->boot_us - inst->beat_known_us >= BEAT_LEASE_US)
		machine_fail(m, "lapsed",
			     "record %u of run %lld is begun %lld ms after the last known beat",
			     a->record, (long long)a->run->id,
			     (long long)((m->boot_us - inst->beat_known_us) / US_PER_MS));
}

/* What its lanes have begun may go on where nobody can see them. */
static void beats_let_go(struct instance *dead)
{
	struct machine *m = dead->m;

	for (struct proc *p = dead->procs; p != NULL; p = p->inst_next) {
		if (p->is_gone || p->is_at_large)
			continue;
		p->is_at_large = m->somebody_at_large = true;
		p->at_large_us = m->boot_us;
	}
}

void beats_check_reaped(const struct instance *inst, const struct lop_reap *op)
{
	struct machine *m = inst->m;
	struct instance *dead = instance_find_inc(m, op->dead);

	if (!m->opt->has_beats)
		return;
	int64_t since = dead->beat_us != 0 ? dead->beat_us : dead->inc_us;
	/* Nobody is to blame for what nobody could do. */
	int64_t back_us = m->healed && m->healed_at < m->away_until ? m->healed_at : m->away_until;
	int64_t away_at = m->away_until - m->away_us;
	int64_t limit_us = op->is_hung ? WATCH_HUNG_US : WATCH_GONE_US;
	/* Who had been silent for long enough before may have been found dead then: the reaping is
	 * sent again until the ledger answers. */
	if (m->away_us > 2 * WATCH_GAP_US && back_us - away_at > 2 * WATCH_GAP_US &&
	    back_us > since && away_at - since < limit_us)
		since = back_us;
	int64_t still_us = m->boot_us - since;
	if (still_us < limit_us)
		machine_fail(m, "reaped-alive", "inc %lld is reaped %lld ms after its last beat",
			     (long long)op->dead, (long long)(still_us / US_PER_MS));
	if (op->quarantine_us == 0 && strcmp(dead->host, inst->host) != 0)
		machine_fail(m, "reaped-unseen",
			     "inc %lld, of another host than instance %d, is reaped as if it were "
			     "proved that nothing acts for it",
			     (long long)op->dead, inst->number);
	lost_death(dead);
	if (dead->fate == INSTANCE_RUNS) {
		dead->is_zombie = true;
		m->somebody_forgot = true;
		m->forgot_us = m->boot_us;
	}
	if (op->quarantine_us > 0)
		beats_let_go(dead);
}
