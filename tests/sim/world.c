/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "sim/beats.h"
#include "sim/instance.h"
#include "sim/machine.h"
#include "sim/proc.h"

static struct instance *instance_of(void *world)
{
	struct instance *inst = world;

	assert(inst != NULL);
	inst->idle_timers = 0;
	if (inst->is_ending)
		machine_fail(inst->m, "after-end", "instance %d asks for more after end()",
			     inst->number);
	return inst;
}

static utime world_now(void *world)
{
	return machine_now(((struct instance *)world)->m);
}

static int world_zone_offset_s(void *world, utime at)
{
	(void)world, (void)at;
	return ZONE_OFFSET_S;
}

static utime world_day_time(void *world, const char *date, int minute)
{
	return window_day_time(((struct instance *)world)->m, date, minute);
}

static int64_t world_boot_us(void *world)
{
	return ((struct instance *)world)->m->boot_us;
}

static uint64_t world_random(void *world)
{
	return rng_next(&((struct instance *)world)->rng);
}

static void world_on_timer(struct machine *m, void *object, int64_t n)
{
	struct instance *inst = object;

	(void)m;
	/* Posted with the number of its wish: one that was replaced while it waited is not told. */
	if (n == inst->timer_number)
		instance_post(inst, &(struct message){.kind = MESSAGE_TIMER, .n = n});
}

static void world_timer(void *world, int64_t at_boot_us)
{
	struct instance *inst = world;
	struct machine *m = inst->m;

	inst->timer_number++;
	if (inst->is_crashing || at_boot_us == INT64_MAX)
		return;
	int64_t delay = at_boot_us > m->boot_us ? at_boot_us - m->boot_us : 0;
	machine_after(m, delay + rng_range(&m->rng, 0, US_PER_MS), world_on_timer, inst,
		      inst->timer_number);
}

static void world_ledger(void *world, struct ledger_txn *txn)
{
	struct instance *inst = instance_of(world);

	if (inst->is_crashing) {
		ledger_txn_free(txn);
		return;
	}
	window_check_txn(inst, txn);
	writer_take(inst, txn);
}

static void world_beat(void *world, int64_t inc, const uint8_t nonce[16])
{
	struct instance *inst = instance_of(world);

	if (inst->is_crashing)
		return;
	if (inc != inst->inc || memcmp(nonce, inst->nonce, sizeof(inst->nonce)) != 0)
		machine_fail(inst->m, "beat-who", "instance %d beats for inc %lld", inst->number,
			     (long long)inc);
	beats_send(inst);
}

static void world_lease(void *world, int64_t until_boot_us)
{
	instance_of(world)->leased_to = until_boot_us;
}

/* Nobody waits for a reader longer than for an item to be settled, in each of the runs of a call.
 */
static void world_check_patience(struct instance *inst, enum lane_role role)
{
	struct machine *m = inst->m;

	if (inst->is_crashing || role != LANE_READER)
		return;
	if (inst->no_reader_since == 0)
		inst->no_reader_since = m->boot_us;
	if (m->boot_us - inst->no_reader_since >
	    OPTIONS_SLOTS_MAX * OPTIONS_REGIONS_MAX * (m->opt->stalled_after_us + US_PER_MIN))
		machine_fail(m, "no-reader", "instance %d has waited for a reader for %lld s",
			     inst->number,
			     (long long)((m->boot_us - inst->no_reader_since) / US_PER_S));
}

static int world_lane_start(void *world, enum lane_role role, uint32_t lane,
			    struct world_lane *ret_lane, struct err *err)
{
	struct instance *inst = instance_of(world);
	struct machine *m = inst->m;

	if (!inst->is_crashing && machine_fault(m, F_FAMINE))
		m->famine_until = m->boot_us + rng_spread(&m->rng, US_PER_MIN, 12 * US_PER_HOUR);
	if (inst->is_crashing || machine_fault(m, F_LANE_REFUSED) ||
	    (!m->healed && m->boot_us < m->famine_until)) {
		TRACE(m, TRACE_LANE_REFUSED, inst->number, role, 0, 0);
		world_check_patience(inst, role);
		return ERR(err, ERR_TEMP, "the simulation has no process now");
	}
	if (proc_find(inst, lane) != NULL)
		machine_fail(m, "lane-number", "instance %d uses lane %u again", inst->number,
			     lane);
	struct proc *p = proc_start(inst, role, lane);
	if (role == LANE_READER)
		inst->no_reader_since = 0;
	TRACE(m, TRACE_LANE, inst->number, lane, role, p->pid);
	*ret_lane = (struct world_lane){.pid = p->pid, .start_time = p->start_time};
	return 0;
}

static void world_lane_send(void *world, uint32_t lane, struct buf *frames)
{
	struct instance *inst = instance_of(world);
	struct machine *m = inst->m;
	struct proc *p = proc_find(inst, lane);

	if (frames->failed)
		machine_fail(m, "frame-size", "frames to lane %u did not fit", lane);
	if (p == NULL)
		machine_fail(m, "lane-unknown", "instance %d sends to lane %u", inst->number, lane);
	if (!inst->is_crashing && machine_fault(m, F_CRASH_SEND)) {
		bool is_after = rng_below(&m->rng, 2) != 0;
		if (is_after && p != NULL)
			proc_take_frames(p, frames->data, frames->len);
		instance_crash_soon(inst, is_after ? CRASH_AFTER_SEND : CRASH_BEFORE_SEND);
	} else if (!inst->is_crashing && p != NULL) {
		proc_take_frames(p, frames->data, frames->len);
	}
	buf_reset(frames);
}

static void world_lane_kill(void *world, uint32_t lane)
{
	struct instance *inst = instance_of(world);
	struct proc *p = proc_find(inst, lane);

	if (inst->is_crashing || p == NULL)
		return;
	TRACE(inst->m, TRACE_KILL, inst->number, lane, 0, 0);
	proc_kill(p, false);
}

static bool world_lane_begun(void *world, uint32_t lane, uint32_t ticket)
{
	struct proc *p = proc_find(instance_of(world), lane);

	assert(p != NULL);
	return bits_get(p->begun, FRAME_TICKET_SLOT(ticket));
}

static void world_lane_clear(void *world, uint32_t lane, uint32_t ticket)
{
	struct proc *p = proc_find(instance_of(world), lane);

	assert(p != NULL);
	bits_clear(p->begun, FRAME_TICKET_SLOT(ticket));
}

static void world_nice(void *world, int nice)
{
	struct instance *inst = instance_of(world);

	inst->nice = nice;
}

/* ---- burying ---- */

struct burial {
	struct instance *by;
	struct instance *dead;
	bool is_proven;
	int64_t began_us; /* boot clock */
};

static void burial_on_end(struct machine *m, void *object, int64_t inc)
{
	struct burial *b = object;

	/* Once another has reaped it, it may wake up and start processes, which get no work; where
	 * instances beat it may do so before (and then crash), and they get none until it has
	 * beaten, which undoes the reaping. */
	bool is_reaped = m->shadow.inc_state[inc] == INSTANCE_REAPED ||
			 (m->opt->has_beats && b->dead->fate == INSTANCE_RUNS);

	for (struct proc *p = b->dead->procs; p != NULL && b->is_proven && !is_reaped;
	     p = p->inst_next)
		if (!p->is_gone && !(m->opt->has_beats && p->started_us > b->began_us))
			machine_fail(m, "burial", "pid %lld outlived its burial",
				     (long long)p->pid);
	instance_post(b->by,
		      &(struct message){.kind = MESSAGE_BURIED, .n = inc, .proven = b->is_proven});
}

static void burial_check_rows(struct instance *dead, const struct ledger_lane_row *lanes, size_t n)
{
	/* Who has done anything for the dead one must be known by its row. */
	for (struct proc *p = dead->procs; p != NULL; p = p->inst_next) {
		bool is_listed = false;
		for (size_t i = 0; i < n; i++)
			is_listed |= lanes[i].pid == p->pid && lanes[i].start_time == p->start_time;
		if (!is_listed && p->had_hello && !p->is_gone && !p->is_at_large)
			machine_fail(dead->m, "burial-rows", "pid %lld of inc %lld has no row",
				     (long long)p->pid, (long long)dead->inc);
	}
}

static void world_bury(void *world, int64_t inc, const uint8_t nonce[16],
		       const struct ledger_lane_row *lanes, size_t n)
{
	struct instance *inst = instance_of(world);
	struct machine *m = inst->m;
	struct burial *b = arena_new(&m->arena, struct burial);

	if (inst->is_crashing)
		return;
	TRACE(m, TRACE_BURY, inst->number, inc, 0, 0);
	*b = (struct burial){.by = inst, .dead = instance_find_inc(m, inc), .began_us = m->boot_us};
	if (b->dead == NULL || memcmp(b->dead->nonce, nonce, LEDGER_NONCE_BYTES) != 0) {
		machine_fail(m, "burial-who", "inc %lld and its nonce do not belong together",
			     (long long)inc);
		return;
	}
	if (strcmp(b->dead->host, inst->host) != 0 && m->opt->has_beats)
		machine_fail(m, "burial-host", "inc %lld is not of this host", (long long)inc);
	if (b->dead->fate == INSTANCE_RUNS && !b->dead->is_zombie && !m->opt->has_beats)
		machine_fail(m, "burial-alive", "inc %lld is buried alive", (long long)inc);
	burial_check_rows(b->dead, lanes, n);
	b->is_proven = !machine_fault(m, F_UNPROVEN);
	for (struct proc *p = b->dead->procs; p != NULL; p = p->inst_next) {
		if (b->is_proven || rng_below(&m->rng, 2) == 0) {
			proc_kill(p, true);
		} else {
			p->is_at_large = true;
			p->m->somebody_at_large = true;
			p->at_large_us = m->boot_us;
		}
	}
	/* Longer than any kill takes. */
	machine_after(m, rng_range(&m->rng, 20 * US_PER_MS, 5 * US_PER_S), burial_on_end, b, inc);
}

static void world_say(void *world, enum say_level level, const char *text)
{
	struct instance *inst = world;

	machine_trace(inst->m, TRACE_SAY, (const int64_t[4]){inst->number, level}, text);
}

static void world_end(void *world, int exit_status)
{
	struct instance *inst = world;

	if (!inst->is_crashing)
		instance_end(inst, exit_status);
}

const struct world_ops sim_world_ops = {
	.now = world_now,
	.zone_offset_s = world_zone_offset_s,
	.day_time = world_day_time,
	.boot_us = world_boot_us,
	.random = world_random,
	.timer = world_timer,
	.ledger = world_ledger,
	.beat = world_beat,
	.lease = world_lease,
	.lane_start = world_lane_start,
	.lane_send = world_lane_send,
	.lane_kill = world_lane_kill,
	.lane_begun = world_lane_begun,
	.lane_clear = world_lane_clear,
	.nice = world_nice,
	.bury = world_bury,
	.say = world_say,
	.end = world_end,
};
