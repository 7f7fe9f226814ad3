/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/finisher.h"

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/shadow.h"

#define FINISH_US (5 * US_PER_MS)
#define SIGNAL_BUS 7
enum { FINISHER_FRAME_MAX = 1024 };

/* Nothing may be told before all is settled, and only what ended well may be called so (I11). */
static void finisher_check(struct proc *p, const struct frame_then *f)
{
	struct machine *m = p->m;
	struct run_view *run = shadow_run(m, p->run_id);

	const struct chunk_view *c = (size_t)f->chunk_id < m->shadow.cap_chunks
					     ? m->shadow.chunks[f->chunk_id]
					     : NULL;
	if (run == NULL || c == NULL) /* a chunk that nobody ever had to claim */
		return;
	if (c->n != f->n) {
		machine_fail(m, "then", "chunk %lld of %u items", (long long)f->chunk_id, f->n);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		enum item_state state = shadow_state(run, (uint32_t)c->first_item + i);
		bool is_good = state == ITEM_DONE || state == ITEM_SKIPPED;
		if (bits_get(f->good, i) != is_good && m->person_acts == 0)
			machine_fail(m, "then", "item %lld is told as %s",
				     (long long)c->first_item + i, is_good ? "bad" : "good");
	}
}

/* What is said must be so, durably; remembered as said. */
static void finisher_say(struct proc *p, const struct frame_then *f)
{
	struct machine *m = p->m;
	struct run_view *run = shadow_run(m, p->run_id);
	const struct chunk_view *c = (size_t)f->chunk_id < m->shadow.cap_chunks
					     ? m->shadow.chunks[f->chunk_id]
					     : NULL;

	if (run == NULL || c == NULL || c->n != f->n) {
		machine_fail(m, "said", "of chunk %lld, which is none", (long long)f->chunk_id);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t item = (uint32_t)c->first_item + i;
		enum item_state state = shadow_state(run, item);
		bool is_done = f->good != NULL && bits_get(f->good, i);
		bool is_dead = f->dead != NULL && bits_get(f->dead, i);
		if (((is_done && state != ITEM_DONE) || (is_dead && state != ITEM_DEAD)) &&
		    m->person_acts == 0)
			machine_fail(m, "said", "item %u is said to be %s, and is in state %d",
				     item, is_done ? "done" : "dead", state);
		unsigned says = (is_done ? SAYS_DONE : 0) | (is_dead ? SAYS_DEAD : 0);
		if (run->items[item].heard_by == p->inst && (run->items[item].heard & says) != 0 &&
		    m->person_acts == 0)
			machine_fail(m, "said-twice", "item %u, though instance %d knew of it",
				     item, p->inst->number);
		run->items[item].said |= says;
		if (says != 0)
			run->items[item].said_by = p;
	}
}

static void finisher_was_heard(struct proc *p, struct run_view *run, const struct chunk_view *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct item_view *item = &run->items[c->first_item + i];
		if (item->said_by != p)
			continue;
		item->heard_by = p->inst;
		item->heard = item->said;
	}
}

void finisher_heard(struct proc *p, const struct frame *frame)
{
	struct machine *m = p->m;
	struct run_view *run = shadow_run(m, p->run_id);
	struct arena a = {0};
	struct frame_then_done done;
	struct err err = ERR_INIT;

	if (run != NULL && frame->type == FRAME_THEN_DONE &&
	    frame_get_then_done(frame, &a, &done, &err) == 0) {
		if (done.ending != 0)
			ending_heard(p, &done);
		else if (m->opt->says != 0 && done.err[0] == '\0')
			finisher_was_heard(p, run, m->shadow.chunks[done.chunk_id]);
	}
	arena_done(&a);
}

static void finisher_on_said(struct machine *m ST_UNUSED, void *object, int64_t answer)
{
	struct proc *p = object;
	struct buf out = BUF_INIT(FINISHER_FRAME_MAX);

	if (p->is_alive) {
		frame_put_then_done(
			&out, &(struct frame_then_done){.chunk_id = answer >> 1,
							.err = (answer & 1) != 0
								       ? "the simulated database "
									 "does not take it"
								       : ""});
		proc_send(p, &out, NULL);
	}
	buf_done(&out);
}

/* The database has it, or not; and the answer comes, or not. */
static void finisher_write_back(struct proc *p, const struct frame_then *f)
{
	struct machine *m = p->m;
	bool fails = machine_fault(m, F_THEN_FAILS);

	if (!fails || rng_below(&m->rng, 4) == 0)
		finisher_say(p, f);
	if (machine_fault(m, F_THEN_FAILS)) {
		if (rng_below(&m->rng, 2) == 0)
			proc_die(p, SIGNAL_BUS);
		return; /* or it hangs */
	}
	machine_after(m, machine_delay(m, FINISH_US), finisher_on_said, p,
		      f->chunk_id * 2 + (fails ? 1 : 0));
}

/* A part of what is done once, or, with chunk 0, all of it. */
static void finisher_on_part(struct machine *m, void *object, int64_t n)
{
	struct proc *p = object;
	int kind = (int)(n % END_VIEWS);
	int64_t chunk_id = n / END_VIEWS;
	struct buf out = BUF_INIT(FINISHER_FRAME_MAX);
	bool fails = machine_fault(m, F_THEN_FAILS);
	/* What failed first is why the whole does. */
	bool is_lasting = fails && !p->has_failed && rng_below(&m->rng, 4) == 0;

	if (p->is_alive) {
		p->has_failed |= fails;
		if (chunk_id == 0 && !p->has_failed)
			ending_make(p, kind);
		/* It may die, or fail, after it was made, too. */
		if (machine_fault(m, F_THEN_FAILS)) {
			proc_die(p, SIGNAL_BUS);
			return;
		}
		frame_put_then_done(&out, &(struct frame_then_done){
						  .ending = (uint8_t)kind,
						  .chunk_id = chunk_id,
						  .err = fails ? "so says the simulation" : "",
						  .is_lasting = is_lasting});
		proc_send(p, &out, NULL);
	}
	buf_done(&out);
}

static void finisher_on_done(struct machine *m, void *object, int64_t chunk_id)
{
	struct proc *p = object;
	struct buf out = BUF_INIT(FINISHER_FRAME_MAX);
	bool fails = machine_fault(m, F_THEN_FAILS);

	if (p->is_alive) {
		struct run_view *run = shadow_run(m, p->run_id);
		p->has_failed |= fails;
		if (run != NULL && chunk_id == 0 && !p->has_failed)
			run->was_told = true;
		frame_put_then_done(&out, &(struct frame_then_done){
						  .chunk_id = chunk_id,
						  .err = fails ? "so says the simulation" : ""});
		proc_send(p, &out, NULL);
	}
	buf_done(&out);
}

/* Its engine dies in the midst. */
static void finisher_on_crash(struct machine *m, void *object, int64_t n ST_UNUSED)
{
	const struct proc *p = object;

	if (!m->healed)
		instance_crash(p->inst, CRASH_SOMETIME);
}

void finisher_on_frame(struct proc *p, const struct frame *frame)
{
	struct machine *m = p->m;
	struct frame_then then;
	struct err err = ERR_INIT;

	if (frame->type == FRAME_STOP) {
		proc_die(p, 0);
		return;
	}
	if (frame->type != FRAME_THEN || frame_get_then(frame, &then, &err) < 0) {
		machine_fail(m, "frames", "a finisher gets frame %d: %s", frame->type, err.text);
		return;
	}
	if (m->opt->says != 0 && then.ending == 0) {
		finisher_write_back(p, &then);
		return;
	}
	if (then.ending != 0)
		ending_take_part(p, &then);
	else if (then.n > 0)
		finisher_check(p, &then);
	if (machine_fault(m, F_THEN_FAILS)) {
		if (rng_below(&m->rng, 2) == 0)
			proc_die(p, SIGNAL_BUS);
		return; /* or it hangs */
	}
	int64_t after_us = machine_delay(m, FINISH_US);
	if (then.ending != 0 && then.chunk_id == 0 && m->opt->end_takes_us > 0) {
		after_us = rng_range(&m->rng, 0, m->opt->end_takes_us);
		if (machine_fault(m, F_CRASH_ANY))
			machine_after(m, rng_range(&m->rng, 0, after_us), finisher_on_crash, p, 0);
	}
	if (then.ending != 0)
		machine_after(m, after_us, finisher_on_part, p,
			      then.chunk_id * END_VIEWS + then.ending);
	else
		machine_after(m, after_us, finisher_on_done, p, then.chunk_id);
}
