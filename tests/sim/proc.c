/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/proc.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "sim/dispatch_check.h"
#include "sim/finisher.h"
#include "sim/lane.h"
#include "sim/reader.h"
#include "sim/witness.h"

#define PIPE_US 100
#define REAP_US (2 * US_PER_MS)	 /* until a host has proved an end */
#define ORPHAN_US (3 * US_PER_S) /* until a process notices that its engine is gone */
#define ORPHAN_LASTS_US (60 * US_PER_S)
#define UNPROVEN_US (2 * US_PER_S) /* for so long something may act that nobody sees */
#define SIGNAL_KILL 9
#define SIGNAL_SEGV 11

struct proc *proc_start(struct instance *inst, enum lane_role role, uint32_t lane)
{
	struct machine *m = inst->m;
	struct proc *p = arena_new(&m->arena, struct proc);

	p->m = m;
	p->inst = inst;
	p->lane = lane;
	p->role = role;
	p->pid = m->next_pid++;
	p->start_time = m->boot_us / 10000;
	p->started_us = m->boot_us;
	for (size_t i = 0; i < inst->rules->n_steps; i++)
		if (inst->rules->steps[i]->work.timeout_us > p->timeout_us)
			p->timeout_us = inst->rules->steps[i]->work.timeout_us;
	p->is_alive = true;
	p->next = m->procs;
	m->procs = p;
	p->inst_next = inst->procs;
	inst->procs = p;
	return p;
}

struct proc *proc_find(struct instance *inst, uint32_t lane)
{
	for (struct proc *p = inst->procs; p != NULL; p = p->inst_next)
		if (p->lane == lane)
			return p;
	return NULL;
}

struct proc *proc_find_pid(struct machine *m, int64_t pid)
{
	for (struct proc *p = m->procs; p != NULL; p = p->next)
		if (p->pid == pid)
			return p;
	return NULL;
}

/* ---- the pipe ---- */

static void proc_on_hello(struct proc *p, const struct frame *frame)
{
	struct arena a = {0};
	struct err err = ERR_INIT;
	struct frame_hello hello = {0};

	if (frame_get_hello(frame, &a, &hello, &err) < 0 || hello.version != FRAME_VERSION ||
	    hello.role != p->role)
		machine_fail(p->m, "hello", "pid %lld: %s", (long long)p->pid, err.text);
	else if (p->had_hello)
		machine_fail(p->m, "hello", "pid %lld is greeted twice", (long long)p->pid);
	else
		p->run_id = hello.run_id;
	p->begin_before = hello.begin_before;
	p->had_hello = true;
	if (p->role == LANE_READER && !p->m->failure.happened)
		reader_on_hello(p, &hello);
	arena_done(&a);
	if (p->role == LANE_WORKER) {
		struct buf ready = BUF_INIT(FRAME_HEAD_BYTES);
		frame_put_empty(&ready, FRAME_READY);
		proc_send(p, &ready, NULL);
		buf_done(&ready);
	}
}

static void proc_on_frame(struct proc *p, const struct frame *frame)
{
	struct machine *m = p->m;

	if (frame->type == FRAME_HELLO) {
		proc_on_hello(p, frame);
		if (machine_fault(m, F_LANE_UNREADY))
			proc_die(p, SIGNAL_SEGV);
		p->is_deaf = p->role == LANE_WORKER && machine_fault(m, F_LANE_DEAF);
		return;
	}
	if (!p->had_hello) {
		machine_fail(m, "hello", "pid %lld gets frame %d first", (long long)p->pid,
			     frame->type);
		return;
	}
	if (p->is_deaf)
		return;
	if (frame->type == FRAME_STOP)
		p->is_stopping = !machine_fault(m, F_CANCEL_DEAF);
	switch (p->role) {
	case LANE_WORKER:
		lane_on_frame(p, frame);
		return;
	case LANE_READER:
		reader_on_frame(p, frame);
		return;
	case LANE_FINISHER:
		finisher_on_frame(p, frame);
		return;
	}
}

struct parcel { /* bytes on the way to a process */
	struct proc *to;
	int allowed; /* items at once, when it was sent */
	size_t len;
	char bytes[];
};

static void proc_on_parcel(struct machine *m, void *object, int64_t n)
{
	const struct parcel *parcel = object;
	struct proc *p = parcel->to;
	size_t at = 0;

	(void)n;
	p->sent_allowed = parcel->allowed;
	while (p->is_alive && at < parcel->len && !m->failure.happened) {
		struct frame frame;
		struct err err = ERR_INIT;
		size_t used = 0;
		if (frame_split(parcel->bytes + at, parcel->len - at, &frame, &used, &err) != 0) {
			machine_fail(m, "frames", "pid %lld gets no whole frames",
				     (long long)p->pid);
			return;
		}
		TRACE(m, TRACE_TO_LANE, p->pid, frame.type, (int64_t)frame.len, 0);
		proc_on_frame(p, &frame);
		at += used;
	}
}

void proc_take_frames(struct proc *p, const char *bytes, size_t len)
{
	struct machine *m = p->m;

	if (!p->is_alive || len == 0)
		return;
	dispatch_check(p, bytes, len);
	struct parcel *parcel = arena_alloc(&m->arena, sizeof(*parcel) + len);
	parcel->to = p;
	parcel->allowed = window_concurrency(p->inst);
	parcel->len = len;
	memcpy(parcel->bytes, bytes, len);
	int64_t at = m->boot_us + machine_delay(m, PIPE_US);
	if (at < p->in_at)
		at = p->in_at;
	p->in_at = at;
	machine_after(m, at - m->boot_us, proc_on_parcel, parcel, 0);
}

static void proc_on_arrival(struct machine *m, void *object, int64_t n)
{
	const struct message *message = object;

	(void)m, (void)n;
	instance_post(message->proc->inst, message);
}

void proc_send(struct proc *p, struct buf *frame, struct attempt *attempt)
{
	struct machine *m = p->m;

	assert(!frame->failed);
	if (p->is_alive && p->inst->fate == INSTANCE_RUNS) {
		struct message *message = arena_new(&m->arena, struct message);
		*message = (struct message){.kind = MESSAGE_FRAME,
					    .proc = p,
					    .attempt = attempt,
					    .bytes = arena_dup(&m->arena, frame->data, frame->len),
					    .len = frame->len};
		int64_t at = m->boot_us + machine_delay(m, PIPE_US);
		if (at < p->out_at)
			at = p->out_at;
		p->out_at = at;
		machine_after(m, at - m->boot_us, proc_on_arrival, message, 0);
	}
	buf_reset(frame);
}

/* ---- its end ---- */

static void proc_on_end_seen(struct machine *m, void *object, int64_t n)
{
	struct proc *p = object;

	(void)m;
	instance_post(p->inst, &(struct message){.kind = MESSAGE_LANE_END,
						 .proc = p,
						 .n = p->signal,
						 .proven = n != 0});
}

/* Tells the engine, behind everything that the process has sent. */
static void proc_tell_end(struct proc *p, bool proven)
{
	struct machine *m = p->m;
	int64_t at = m->boot_us + machine_delay(m, PIPE_US);

	if (at < p->out_at)
		at = p->out_at;
	p->out_at = at;
	machine_after(m, at - m->boot_us, proc_on_end_seen, p, proven);
}

static void proc_on_gone(struct machine *m, void *object, int64_t tell)
{
	struct proc *p = object;

	if (p->is_gone)
		return;
	p->is_gone = true;
	TRACE(m, TRACE_LANE_GONE, p->pid, p->signal, 0, 0);
	if (p->role == LANE_WORKER)
		lane_on_gone(p);
	if (tell != 0 && !p->is_unproven)
		proc_tell_end(p, true);
}

/* The process itself is no more; what it started lives on until it is gone. */
static void proc_fall(struct proc *p, int by_signal)
{
	p->is_alive = false;
	p->signal = by_signal;
}

static bool proc_is_lost(struct proc *p)
{
	struct machine *m = p->m;

	if (p->signal == 0 || p->is_orphan || !machine_fault(m, F_UNPROVEN))
		return false;
	p->is_unproven = p->is_at_large = true;
	p->m->somebody_at_large = true;
	p->at_large_us = m->boot_us;
	proc_tell_end(p, false);
	machine_after(m, machine_delay(m, UNPROVEN_US), proc_on_gone, p, 0);
	return true;
}

void proc_die(struct proc *p, int by_signal)
{
	struct machine *m = p->m;

	if (!p->is_alive)
		return;
	proc_fall(p, by_signal);
	if (proc_is_lost(p))
		return;
	/* What an orphan started may last; somebody has to bury it. */
	bool lasts = p->is_orphan && rng_below(&m->rng, 4) == 0;
	machine_after(m, machine_delay(m, lasts ? ORPHAN_LASTS_US : REAP_US), proc_on_gone, p, 1);
}

static void proc_on_kill(struct machine *m, void *object, int64_t surely)
{
	struct proc *p = object;

	if (p->is_alive) {
		p->is_killed = true;
		proc_fall(p, SIGNAL_KILL);
		if (surely == 0 && proc_is_lost(p))
			return;
	}
	if (surely != 0 || !p->is_unproven)
		proc_on_gone(m, p, 1);
}

void proc_kill(struct proc *p, bool surely)
{
	machine_after(p->m, rng_range(&p->m->rng, 0, 10 * US_PER_MS), proc_on_kill, p, surely);
}

static void proc_on_orphaned(struct machine *m, void *object, int64_t n)
{
	struct proc *p = object;

	(void)m, (void)n;
	proc_die(p, 0);
}

void proc_orphan(struct proc *p)
{
	/* Who makes the end of a run does not look up from it. */
	int64_t busy_us = p->end_epoch != 0 ? p->m->opt->end_takes_us : 0;

	p->is_orphan = true;
	if (p->is_alive)
		machine_after(p->m, busy_us + machine_delay(p->m, ORPHAN_US), proc_on_orphaned, p,
			      0);
}
