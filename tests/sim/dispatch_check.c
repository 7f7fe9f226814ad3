/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/dispatch_check.h"

#include "base/arena.h"
#include "base/bits.h"
#include "base/err.h"
#include "frame/frame.h"
#include "job/job.h"
#include "sim/adapt_check.h"
#include "sim/beats.h"
#include "sim/body.h"
#include "sim/breaker_check.h"
#include "sim/lost.h"
#include "sim/proc.h"
#include "sim/shadow.h"

static struct handle_view *handle_find(struct proc *p, uint32_t handle)
{
	for (struct handle_view *h = p->sent; h != NULL; h = h->next)
		if (h->handle == handle)
			return h;
	return NULL;
}

static void check_chunk(struct proc *p, struct run_view *run, const struct frame_chunk *f)
{
	struct machine *m = p->m;
	uint32_t *records = body_records(&m->arena, f->body, f->body_len, f->n);

	if (handle_find(p, f->handle) != NULL)
		machine_fail(m, "handle", "lane %u has handle %u already", p->lane, f->handle);
	if (records == NULL || f->first_item < 0 || f->first_item + f->n > run->n_items) {
		machine_fail(m, "body", "handle %u is no body of run %lld", f->handle,
			     (long long)run->id);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++)
		if (records[i] != run->items[f->first_item + i].record)
			machine_fail(m, "I10", "item %lld of run %lld has become another",
				     (long long)f->first_item + i, (long long)run->id);
	struct handle_view *h = arena_new(&m->arena, struct handle_view);
	*h = (struct handle_view){.next = p->sent,
				  .handle = f->handle,
				  .first_item = f->first_item,
				  .n = f->n,
				  .records = records};
	p->sent = h;
}

static void check_drop(struct proc *p, uint32_t handle)
{
	for (struct handle_view **h = &p->sent; *h != NULL; h = &(*h)->next) {
		if ((*h)->handle != handle)
			continue;
		*h = (*h)->next;
		return;
	}
	machine_fail(p->m, "handle", "lane %u is to drop handle %u, which it has not", p->lane,
		     handle);
}

/* A zombie may send what it had been given before it was declared dead; its lanes are dead by then.
 * And who does not know yet what another server has lost sends what he had marked. */
static bool sender_is_dead(const struct proc *p)
{
	return p->m->shadow.inc_state[p->inst->inc] == INSTANCE_REAPED || p->inst->is_zombie ||
	       lost_is_behind(p->inst);
}

static void check_owned(struct proc *p, struct run_view *run, int64_t item, bool is_probe)
{
	struct machine *m = p->m;
	const struct item_place *place = &run->items[item].is;
	const struct chunk_view *c = shadow_chunk_of(run, item);
	bool marks = m->opt->is_once || m->opt->key_valid_us > 0;

	if (sender_is_dead(p))
		return;
	if (is_probe) {
		/* Safety: what may still act would not show yet. */
		if (machine_now(m) + US_PER_MS < place->quiet_until && !m->opt->fault[F_CLOCK])
			machine_fail(
				m, "quarantine",
				"item %lld of run %lld is verified %lld ms too early",
				(long long)item, (long long)run->id,
				(long long)((place->quiet_until - machine_now(m)) / US_PER_MS));
		/* A person may have decided it since it was claimed; then it may be anybody's. */
		if (m->person_acts == 0 && place->owner != 0 &&
		    (place->loose != LOOSE_PROBING || place->owner != p->inst->inc))
			machine_fail(m, "I2", "item %lld of run %lld is verified and %s",
				     (long long)item, (long long)run->id,
				     loose_state_name(place->loose));
		return;
	}
	if (place->loose != 0) {
		if (place->loose != LOOSE_HELD || place->owner != p->inst->inc)
			machine_fail(m, "I2", "item %lld of run %lld is sent and %s",
				     (long long)item, (long long)run->id,
				     loose_state_name(place->loose));
		return;
	}
	if (c->state != CHUNK_HELD || c->owner != p->inst->inc)
		machine_fail(m, "I2", "item %lld of run %lld is sent from a chunk of %lld",
			     (long long)item, (long long)run->id, (long long)c->owner);
	if (place->done)
		machine_fail(m, "I9", "item %lld of run %lld is done and sent", (long long)item,
			     (long long)run->id);
	if (marks && !place->started)
		machine_fail(m, "I3", "item %lld of run %lld is sent without a mark",
			     (long long)item, (long long)run->id);
}

static void check_work_item(struct proc *p, struct run_view *run, const struct frame_work_item *f)
{
	struct machine *m = p->m;
	const struct handle_view *h = handle_find(p, f->handle);

	if (h == NULL || f->index >= h->n) {
		machine_fail(m, "work", "lane %u is given ticket %u, handle %u, index %u", p->lane,
			     f->ticket, f->handle, f->index);
		return;
	}
	int64_t item = h->first_item + f->index;
	const struct item_place *place = &run->items[item].is;
	if (bits_get(p->begun, FRAME_TICKET_SLOT(f->ticket)))
		machine_fail(m, "slot", "the slot of ticket %u was not cleared", f->ticket);
	/* A person may say "again" where no attempts are left. */
	int most = m->opt->attempts + run->witnesses[h->records[f->index]].repeats_allowed;
	if (!f->is_probe && (f->attempt < 1 || f->attempt > most ||
			     (!sender_is_dead(p) && f->attempt != place->attempt + 1)))
		machine_fail(m, "I14", "item %lld of run %lld is sent as attempt %d after %d of %d",
			     (long long)item, (long long)run->id, f->attempt, place->attempt,
			     m->opt->attempts);
	/* A person may have decided while it is verified. */
	if (!f->is_probe && f->request != place->request && !sender_is_dead(p))
		machine_fail(m, "I10", "item %lld of run %lld is sent without what was sent first",
			     (long long)item, (long long)run->id);
	check_owned(p, run, item, f->is_probe);
	p->in_hand++;
	TRACE(m, TRACE_WORK, p->pid, item, f->ticket, f->attempt);
}

/* Nothing new is begun after a stop, behind a window, or while the breaker is open. */
static void check_may_begin(struct proc *p, const struct run_view *run)
{
	struct machine *m = p->m;
	const struct instance *inst = p->inst;
	int64_t window = m->opt->window_max_us;

	if (inst->stopped_us != 0)
		machine_fail(m, "stop", "instance %d begins an item after it was told to stop",
			     inst->number);
	bool stops = m->opt->when_over == JOB_OVER_STOP && !inst->ignores_window;
	if (stops && machine_now(m) >= inst->stop_by)
		machine_fail(m, "stop-by", "instance %d begins an item after its time",
			     inst->number);
	if (stops && window > 0 && inst->today == NULL && m->boot_us > inst->began_us + window)
		machine_fail(m, "window", "instance %d begins an item behind its window",
			     inst->number);
	window_check_begin(p->inst);
	window_check_cutoff(p->inst, run);
	breaker_check_begin(p);
}

static void check_canary(struct proc *p, const struct run_view *run, int in_hand)
{
	struct machine *m = p->m;
	int64_t canary = m->opt->canary;

	if (m->opt->instances == 1 && m->person_acts == 0 && !m->somebody_forgot &&
	    run->n_told_done < canary && in_hand + run->n_told_done > canary)
		machine_fail(m, "canary", "%d items are out and %lld of %lld are done", in_hand,
			     (long long)run->n_told_done, (long long)canary);
}

static void check_work(struct proc *p, struct run_view *run, const struct frame_work *f)
{
	int in_hand = 0;

	check_may_begin(p, run);

	for (uint32_t i = 0; i < f->n; i++)
		check_work_item(p, run, &f->items[i]);
	for (const struct proc *q = p->inst->procs; q != NULL; q = q->inst_next)
		in_hand += q->in_hand;
	check_canary(p, run, in_hand);
	adapt_check(p->inst, in_hand);
}

static void check_bulk(struct proc *p, struct run_view *run, const struct frame_bulk *f)
{
	const struct handle_view *h = handle_find(p, f->handle);

	window_check_begin(p->inst);
	window_check_cutoff(p->inst, run);
	if (h == NULL || f->n != h->n || bits_count(f->bits, f->n) == 0) {
		machine_fail(p->m, "work", "lane %u is given bulk ticket %u, handle %u, %u items",
			     p->lane, f->ticket, f->handle, f->n);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++)
		if (bits_get(f->bits, i))
			check_owned(p, run, h->first_item + i, false);
	TRACE(p->m, TRACE_WORK, p->pid, h->first_item, f->ticket, 0);
}

/* What is done once, at the end, is begun by who is not to be taken for dead. */
static int check_then(struct proc *p, const struct frame *frame, struct err *err)
{
	struct frame_then then;
	int rc = frame_get_then(frame, &then, err);

	if (rc == 0 && then.ending != 0 && beats_is_lapsed(p->inst))
		machine_fail(p->m, "lapsed",
			     "lane %u is told to make the end of run %lld, and the last known beat "
			     "is too old",
			     p->lane, (long long)p->sent_run_id);
	return rc;
}

static int check_frame(struct proc *p, const struct frame *frame, struct arena *a, struct err *err)
{
	struct run_view *run = shadow_run(p->m, p->sent_run_id);
	struct frame_hello hello;
	struct frame_chunk chunk;
	struct frame_work work;
	struct frame_bulk bulk;
	uint32_t number = 0;
	int rc = 0;

	if (frame->type == FRAME_HELLO) {
		rc = frame_get_hello(frame, a, &hello, err);
		if (rc == 0) {
			p->sent_run_id = hello.run_id;
			p->sent_step = (int)hello.step;
		}
		adapt_begin(p->inst);
		return rc;
	}
	if (frame->type == FRAME_THEN)
		return check_then(p, frame, err);
	if (frame->type != FRAME_CHUNK && frame->type != FRAME_DROP && frame->type != FRAME_WORK &&
	    frame->type != FRAME_BULK)
		return 0;
	if (run == NULL || p->role != LANE_WORKER || (!p->has_row && !sender_is_dead(p))) {
		machine_fail(p->m, "lane-row", "lane %u is given frame %d too early", p->lane,
			     frame->type);
		return 0;
	}
	if (p->timeout_us > p->inst->longest_us)
		p->inst->longest_us = p->timeout_us;
	if (frame->type == FRAME_CHUNK) {
		rc = frame_get_chunk(frame, &chunk, err);
		if (rc == 0)
			check_chunk(p, run, &chunk);
	} else if (frame->type == FRAME_DROP) {
		rc = frame_get_u32(frame, &number, err);
		if (rc == 0)
			check_drop(p, number);
	} else if (frame->type == FRAME_WORK) {
		rc = frame_get_work(frame, a, &work, err);
		if (rc == 0)
			check_work(p, run, &work);
	} else {
		rc = frame_get_bulk(frame, &bulk, err);
		if (rc == 0)
			check_bulk(p, run, &bulk);
	}
	return rc;
}

void dispatch_check(struct proc *p, const char *bytes, size_t len)
{
	struct arena a = {0};
	size_t at = 0;

	while (at < len && !p->m->failure.happened) {
		struct frame frame;
		struct err err = ERR_INIT;
		size_t used = 0;
		if (frame_split(bytes + at, len - at, &frame, &used, &err) != 0 ||
		    check_frame(p, &frame, &a, &err) < 0)
			machine_fail(p->m, "frames", "lane %u is sent rubbish: %s", p->lane,
				     err.text);
		at += used;
		arena_reset(&a);
	}
	arena_done(&a);
}
