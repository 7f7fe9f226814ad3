/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/instance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/session.h"
#include "job/job.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "sim/adapt_check.h"
#include "sim/beats.h"
#include "sim/breaker_check.h"
#include "sim/finisher.h"
#include "sim/lost.h"
#include "sim/night.h"
#include "sim/pool_check.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/witness.h"
#include "sim/world.h"

enum { EXIT_OF_STORAGE = 74, STATUS_EVERY = 16, IDLE_TIMERS_MAX = 100, LOOKS_MAX = 60 };
#define LOOKS_US (5 * US_PER_S)

/* ---- mailboxes ---- */

void mailbox_put(struct machine *m, struct mailbox *box, const struct message *message)
{
	struct message *copy = arena_new(&m->arena, struct message);

	*copy = *message;
	copy->next = NULL;
	if (box->last == NULL)
		box->first = copy;
	else
		box->last->next = copy;
	box->last = copy;
}

struct message *mailbox_take(struct mailbox *box)
{
	struct message *first = box->first;

	if (first == NULL)
		return NULL;
	box->first = first->next;
	if (box->first == NULL)
		box->last = NULL;
	return first;
}

static void message_drop(struct message *message)
{
	ledger_txn_free(message->txn);
	message->txn = NULL;
}

void mailbox_empty(struct mailbox *box)
{
	for (struct message *x = mailbox_take(box); x != NULL; x = mailbox_take(box))
		message_drop(x);
}

/* ---- its end ---- */

static void instance_clear(struct instance *inst)
{
	if (instance_lost_its_memory(inst)) {
		inst->m->somebody_forgot = true;
		inst->m->forgot_us = inst->m->boot_us;
	}
	session_free(inst->session);
	inst->session = NULL;
	mailbox_empty(&inst->inbox);
	mailbox_empty(&inst->writing);
	mailbox_empty(&inst->answering);
	inst->m->n_alive--;
	/* The kernel lets go of its lock, however it ended. */
	if (inst->inc != 0)
		ledger_memory_kill(inst->m->ledger, inst->inc);
}

void instance_crash(struct instance *inst, enum crash_cause cause)
{
	struct machine *m = inst->m;

	if (inst->fate != INSTANCE_RUNS)
		return;
	TRACE(m, TRACE_CRASH, inst->number, inst->inc, cause, 0);
	lost_death(inst);
	inst->fate = INSTANCE_CRASHED;
	instance_clear(inst);
	for (struct proc *p = inst->procs; p != NULL; p = p->inst_next)
		proc_orphan(p);
	night_on_over(m, inst);
}

void instance_crash_soon(struct instance *inst, enum crash_cause cause)
{
	inst->is_crashing = true;
	inst->crash_cause = cause;
}

static void instance_finish(struct instance *inst)
{
	struct machine *m = inst->m;

	TRACE(m, TRACE_END, inst->number, inst->exit_status, 0, 0);
	if (beats_gave_up(inst))
		inst->saw_fenced = true;
	lost_death(inst);
	inst->fate = INSTANCE_OVER;
	instance_clear(inst);
	for (struct proc *p = inst->procs; p != NULL; p = p->inst_next) {
		if (p->is_alive && !instance_lost_its_memory(inst))
			machine_fail(m, "left-lane", "instance %d ended while lane %u still ran",
				     inst->number, p->lane);
		proc_orphan(p);
	}
	night_on_over(m, inst);
}

void instance_end(struct instance *inst, int exit_status)
{
	if (inst->is_ending)
		machine_fail(inst->m, "end-twice", "instance %d ended twice", inst->number);
	inst->is_ending = true;
	inst->exit_status = exit_status;
}

bool instance_lost_its_memory(const struct instance *inst)
{
	return inst->fate == INSTANCE_CRASHED || inst->saw_broken || inst->saw_fenced ||
	       inst->is_zombie || inst->exit_status == EXIT_OF_STORAGE;
}

/* ---- calls into the engine ---- */

static void instance_deliver_frame(struct instance *inst, struct message *x)
{
	struct frame frame;
	struct err err = ERR_INIT;
	size_t used = 0;

	/* The transport hands over whole frames only and kills a lane that sends none. A copy of
	 * just that length lets a sanitizer see who reads too far. */
	AUTO(str) char *bytes = xmemdup(x->bytes, x->len);
	if (frame_split(bytes, x->len, &frame, &used, &err) != 0 || used != x->len) {
		proc_kill(x->proc, false);
		return;
	}
	TRACE(inst->m, TRACE_FROM_LANE, inst->number, frame.type, x->proc->lane, (int64_t)x->len);
	for (struct attempt *a = x->attempt; a != NULL; a = a->also)
		witness_told(inst, a);
	window_told(inst, x->attempt, &frame);
	finisher_heard(x->proc, &frame);
	session_on_frame(inst->session, x->proc->lane, &frame);
	session_on_frames_end(inst->session);
}

/* Whoever has nothing to do before a breaker closes does not ask all the time what is left. While
 * the log is held, who takes the right to probe gets nothing to probe with, again and again. */
static void instance_check_looks(struct instance *inst, const struct ledger_txn *txn)
{
	struct machine *m = inst->m;

	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		const struct run_view *run = op->kind == LOP_RUN_FINISH
						     ? shadow_run(m, op->u.run_finish.run_id)
						     : NULL;
		if (run == NULL)
			continue;
		if (!inst->breakers[run->step].is_told_open || m->boot_us < m->held_until)
			inst->looks = 0;
		else if (inst->looks++ == 0)
			inst->looks_since = m->boot_us;
		if (inst->looks < LOOKS_MAX)
			continue;
		if (m->boot_us - inst->looks_since < LOOKS_US)
			machine_fail(m, "busy",
				     "instance %d looks for what is left %d times in %lld ms",
				     inst->number, inst->looks,
				     (long long)((m->boot_us - inst->looks_since) / US_PER_MS));
		inst->looks = 0;
	}
}

static void instance_deliver(struct instance *inst, struct message *x)
{
	struct machine *m = inst->m;

	switch (x->kind) {
	case MESSAGE_TIMER:
		if (x->n != inst->timer_number)
			return;
		TRACE(m, TRACE_TIMER, inst->number, 0, 0, 0);
		if (inst->idle_timers++ == 0)
			inst->idle_since = m->boot_us;
		if (inst->idle_timers > IDLE_TIMERS_MAX &&
		    m->boot_us - inst->idle_since < 2 * US_PER_S)
			machine_fail(m, "busy", "instance %d wakes up for nothing, again and again",
				     inst->number);
		session_on_timer(inst->session);
		return;
	case MESSAGE_LEDGER:
		instance_check_looks(inst, x->txn);
		TRACE(m, TRACE_ANSWER, inst->number, x->txn->batch, x->txn->status, 0);
		breaker_on_answer(inst, x->txn);
		window_on_answer(inst, x->txn);
		session_on_ledger(inst->session, TAKE(x->txn));
		return;
	case MESSAGE_FRAME:
		inst->looks = 0;
		instance_deliver_frame(inst, x);
		return;
	case MESSAGE_LANE_END:
		inst->looks = 0;
		TRACE(m, TRACE_LANE_END, inst->number, x->proc->lane, x->n, x->proven);
		witness_lane_end_told(x->proc);
		session_on_lane_end(inst->session, x->proc->lane, 0, (int)x->n, x->proven);
		return;
	case MESSAGE_BURIED:
		TRACE(m, TRACE_BURIED, inst->number, x->n, x->proven, 0);
		session_on_buried(inst->session, x->n, x->proven);
		return;
	case MESSAGE_BEAT:
		TRACE(m, TRACE_BEAT, inst->number, x->n, 0, 0);
		beats_told(inst, (enum ledger_status)x->n);
		session_on_beat(inst->session, (enum ledger_status)x->n);
		return;
	case MESSAGE_STOP:
		TRACE(m, TRACE_STOP, inst->number, inst->stops, 0, 0);
		if (inst->stopped_us == 0)
			inst->stopped_us = m->boot_us;
		session_stop(inst->session, "the simulation says so");
		return;
	case MESSAGE_RELOAD:
		TRACE(m, TRACE_RELOAD, inst->number, 0, 0, 0);
		window_reloads(inst);
		if (inst->today != NULL)
			inst->concurrency = inst->today->work.concurrency;
		inst->rules = inst->today != NULL ? inst->today : m->job;
		adapt_begin(inst);
		session_reload(inst->session, inst->rules);
		return;
	}
}

/* Somebody looks at the progress bar. */
static void instance_look_at_status(struct instance *inst)
{
	struct session_status st = {0};

	session_get_status(inst->session, &st);
	if (st.run == NULL || st.phase == NULL || st.waits == NULL || st.loaded < 0 ||
	    st.done < 0 || st.failed < 0 || st.in_doubt < 0 || st.skipped < 0 || st.in_flight < 0 ||
	    st.in_flight > FRAME_TICKETS_MAX)
		machine_fail(inst->m, "status",
			     "loaded %lld, done %lld, failed %lld, retry %lld, in flight %lld",
			     (long long)st.loaded, (long long)st.done, (long long)st.failed,
			     (long long)st.retry, (long long)st.in_flight);
}

/* After each call: what it asked for takes effect. False: it is no more. */
static bool instance_settle(struct instance *inst)
{
	if (inst->is_crashing)
		instance_crash(inst, inst->crash_cause);
	else if (inst->is_ending)
		instance_finish(inst);
	return inst->fate == INSTANCE_RUNS;
}

static void instance_drain(struct instance *inst)
{
	while (inst->fate == INSTANCE_RUNS && !inst->is_paused && !inst->m->failure.happened) {
		struct message *x = mailbox_take(&inst->inbox);
		if (x == NULL)
			return;
		instance_deliver(inst, x);
		message_drop(x);
		if (!instance_settle(inst))
			return;
		window_check_idle(inst);
		pool_check_waiting(inst);
		if (inst->m->trace.events % STATUS_EVERY == 0)
			instance_look_at_status(inst);
	}
}

void instance_post(struct instance *inst, const struct message *message)
{
	if (inst->fate != INSTANCE_RUNS) {
		struct message dead = *message;
		message_drop(&dead);
		return;
	}
	mailbox_put(inst->m, &inst->inbox, message);
	instance_drain(inst);
}

/* ---- signals ---- */

void instance_stop(struct instance *inst)
{
	if (inst->fate != INSTANCE_RUNS)
		return;
	inst->stops++;
	instance_post(inst, &(struct message){.kind = MESSAGE_STOP});
}

void instance_reload(struct instance *inst)
{
	struct machine *m = inst->m;
	struct options o = *m->opt;

	if (inst->fate != INSTANCE_RUNS || inst->today != NULL)
		return;
	/* What a run takes from today's file, as far as no check relies on it. */
	o.grace_us = rng_range(&m->rng, 0, US_PER_MIN);
	o.window_max_us = rng_below(&m->rng, 2) == 0 ? o.window_max_us : 10 * US_PER_MIN;
	o.within_run_us = rng_spread(&m->rng, US_PER_S, 20 * US_PER_MIN);
	o.concurrency = (int)rng_range(&m->rng, 1, o.concurrency);
	o.timeout_us = rng_spread(&m->rng, US_PER_S, US_PER_MIN);
	if (o.rate_n > 1 && rng_below(&m->rng, 2) == 0)
		o.rate_n /= 2;
	inst->today = machine_parse_job(m, &o);
	instance_post(inst, &(struct message){.kind = MESSAGE_RELOAD});
}

static void instance_on_resume(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;

	(void)m, (void)n;
	if (inst->fate != INSTANCE_RUNS || !inst->is_paused)
		return;
	inst->is_paused = false;
	instance_drain(inst);
}

/* A zombie sleeps until it has been reaped: on one host nobody is declared dead who still moves. */
static void instance_on_zombie(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;

	if (inst->fate != INSTANCE_RUNS)
		return;
	if (m->shadow.inc_state[inst->inc] == INSTANCE_REAPED) {
		instance_on_resume(m, inst, 0);
		return;
	}
	if (n == 0) {
		instance_crash(inst, CRASH_KEEPER);
		return;
	}
	machine_after(m, machine_delay(m, 10 * US_PER_S), instance_on_zombie, inst, n - 1);
}

void instance_pause(struct instance *inst, int64_t for_us, bool as_zombie)
{
	struct machine *m = inst->m;

	if (inst->fate != INSTANCE_RUNS || inst->is_paused || inst->inc == 0)
		return;
	TRACE(m, TRACE_PAUSE, inst->number, for_us / US_PER_MS, as_zombie, 0);
	inst->is_paused = true;
	if (!as_zombie) {
		machine_after(m, for_us, instance_on_resume, inst, 0);
		return;
	}
	/* Where instances beat, the server lets go of its lock or not; it goes on when it is
	 * continued, unless it was taken for dead. */
	if (m->opt->has_beats) {
		if (rng_below(&m->rng, 2) == 0)
			ledger_memory_kill(m->ledger, inst->inc);
		machine_after(m, 5 * for_us, instance_on_resume, inst, 0);
		return;
	}
	inst->is_zombie = true;
	m->somebody_forgot = true; /* what it is told from now on is never written */
	ledger_memory_kill(m->ledger, inst->inc);
	machine_after(m, for_us, instance_on_zombie, inst, 20);
}

static void instance_on_sometime(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;

	(void)n;
	if (inst->fate == INSTANCE_RUNS && !m->healed)
		instance_crash(inst, CRASH_SOMETIME);
}

/* ---- its beginning ---- */

static void instance_begin(struct instance *inst)
{
	struct machine *m = inst->m;
	char instance_name[24];

	(void)snprintf(inst->host, sizeof(inst->host), "night-%d", inst->number % m->opt->hosts);
	if (m->opt->regions > 1)
		(void)snprintf(inst->identity, sizeof(inst->identity), "region=%d", inst->region);
	(void)snprintf(instance_name, sizeof(instance_name), "night/%d", inst->number);
	struct session_spec spec = {.job = m->job,
				    .slot = inst->slot_text,
				    .date = inst->date,
				    .params = "{}",
				    .identity = inst->identity,
				    .source_path = "",
				    .stop_by = UTIME_NEVER,
				    .only_named = machine_fault(m, F_NAMED),
				    .again = machine_fault(m, F_AGAIN),
				    .lanes = m->opt->lanes,
				    .cpus = 2,
				    .instance_name = instance_name,
				    .host = inst->host,
				    .has_beats = m->opt->has_beats,
				    .boot_id = "00000000-0000-4000-8000-000000000000",
				    .pid = inst->number};
	if (m->opt->pool_units > 0) {
		struct session_pool *pool = arena_new(&m->arena, struct session_pool);
		*pool = (struct session_pool){arena_str(&m->arena, POOL_NAME),
					      m->opt->pool_capacity};
		spec.pools = pool;
		spec.n_pools = 1;
	}
	if (machine_fault(m, F_FIRST))
		spec.first_n = rng_range(&m->rng, 1, m->opt->n_records + 1);
	if (machine_fault(m, F_STOP_BY))
		spec.stop_by = machine_now(m) + rng_spread(&m->rng, US_PER_MS, 10 * US_PER_MIN);
	inst->stop_by = spec.stop_by;
	/* A person sees to it that what is held is not held for ever. */
	spec.ignores_window = m->healed && m->opt->cutoff_minute >= 0 &&
			      m->opt->cutoff_then != JOB_CUTOFF_GO_ON;
	inst->ignores_window = spec.ignores_window;
	memcpy(spec.nonce, inst->nonce, sizeof(spec.nonce));
	memcpy(spec.ledger_uuid, m->uuid, sizeof(spec.ledger_uuid));
	inst->session = session_new(&sim_world_ops, inst, &spec);
	session_start(inst->session);
	(void)instance_settle(inst);
}

/* A day, or the second at which it starts. */
static void instance_name_slot(struct instance *inst)
{
	utime now = machine_now(inst->m);
	int64_t second = now / US_PER_S % (US_PER_DAY / US_PER_S);
	struct date day = {2026, 11, 23 + inst->slot};

	if (inst->m->opt->per_start)
		(void)date_from_days(now / US_PER_DAY, &day);
	date_format_iso(&day, inst->date);
	(void)snprintf(inst->slot_text, sizeof(inst->slot_text), "%s", inst->date);
	if (inst->m->opt->per_start)
		(void)snprintf(inst->slot_text, sizeof(inst->slot_text), "%sT%02d:%02d:%02d",
			       inst->date, (int)(second / 3600), (int)(second / 60 % 60),
			       (int)(second % 60));
}

struct instance *instance_start(struct machine *m, int slot, int region)
{
	struct instance *inst = arena_new(&m->arena, struct instance);

	inst->m = m;
	inst->number = ++m->n_starts;
	inst->rules = m->job;
	inst->concurrency = m->opt->concurrency;
	inst->slot = slot;
	inst->region = region;
	inst->began_us = m->newest_began_us = m->boot_us;
	instance_name_slot(inst);
	rng_seed(&inst->rng, rng_next(&m->rng));
	for (size_t i = 0; i < sizeof(inst->nonce); i++)
		inst->nonce[i] = (uint8_t)rng_next(&inst->rng);
	inst->next = m->instances;
	m->instances = inst;
	m->n_alive++;
	TRACE(m, TRACE_START, inst->number, slot, m->n_starts, 0);
	if (machine_fault(m, F_CRASH_ANY))
		machine_after(m, rng_spread(&m->rng, 1, 10 * US_PER_MIN), instance_on_sometime,
			      inst, 0);
	instance_begin(inst);
	return inst;
}

struct instance *instance_find_inc(struct machine *m, int64_t inc)
{
	for (struct instance *i = m->instances; i != NULL; i = i->next)
		if (i->inc == inc)
			return i;
	return NULL;
}

void instance_free(struct instance *inst)
{
	if (inst->fate == INSTANCE_RUNS) {
		session_free(inst->session);
		mailbox_empty(&inst->inbox);
		mailbox_empty(&inst->writing);
		mailbox_empty(&inst->answering);
	}
	ledger_pulse_free(inst->pulse);
	inst->pulse = NULL;
	journal_free(inst->journal);
	inst->journal = NULL;
	job_free(inst->today);
	inst->today = NULL;
}
