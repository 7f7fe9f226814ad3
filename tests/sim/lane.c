/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/lane.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "sim/beats.h"
#include "sim/body.h"
#include "sim/breaker_check.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/shadow.h"
#include "sim/share.h"
#include "sim/step_check.h"
#include "sim/window_check.h"
#include "sim/witness.h"

#define SIGNAL_SEGV 11
#define TERM_US (500 * US_PER_MS) /* until an attempt ends that is told to */
#define TERM_SLOW_US (20 * US_PER_S)
#define LETTER_LATE_US (10 * US_PER_S)
#define STRANGER_TICKET UINT32_C(0xfff00000) /* no engine comes so far in a night */
enum { FRAME_MAX = 64 * 1024 };

struct handle_sim {
	struct handle_sim *next;
	uint32_t handle;
	int64_t first_item;
	uint32_t n;
	uint32_t *records;
};

/* A chunk that is worked as one unit. */
struct bulk_sim {
	uint32_t ticket;
	uint32_t n;
	uint8_t *done;
	uint32_t open; /* items that have not ended */
	struct frame_bulk_failure failures[FRAME_FAILURES_MAX];
	uint32_t n_failures;
	struct attempt *dead; /* that the answer tells of */
	int64_t began_us;
};

struct lane_sim {
	struct handle_sim *handles;
	struct attempt *attempts; /* not answered, newest first */
	uint32_t slots;		  /* of these, so many may run at once */
};

static struct lane_sim *lane_of(struct proc *p)
{
	if (p->worker == NULL)
		p->worker = arena_new(&p->m->arena, struct lane_sim);
	return p->worker;
}

struct attempt *lane_attempts(struct proc *p)
{
	return p->worker == NULL ? NULL : p->worker->attempts;
}

static void attempt_unlink(struct attempt *a)
{
	for (struct attempt **x = &a->proc->worker->attempts; *x != NULL; x = &(*x)->next) {
		if (*x == a) {
			*x = a->next;
			return;
		}
	}
}

/* How many the engine's lanes have that do not wait for one of their slots. */
static int instance_running(const struct instance *inst, const struct proc *lane)
{
	int n = 0;

	for (struct proc *p = inst->procs; p != NULL; p = p->inst_next)
		for (struct attempt *a = lane_attempts(p); a != NULL && p->is_alive; a = a->next)
			n += (lane == NULL || lane == p) && !a->is_waiting;
	return n;
}

/* No more run than were allowed when the most generous of them was given out. */
static void check_running(const struct attempt *a)
{
	const struct instance *inst = a->proc->inst;
	int running = instance_running(inst, NULL);
	int allowed = 0;

	for (struct proc *p = inst->procs; p != NULL; p = p->inst_next)
		for (struct attempt *x = lane_attempts(p); x != NULL; x = x->next)
			if (p->is_alive && !x->is_waiting && x->allowed > allowed)
				allowed = x->allowed;
	if (running > allowed && !inst->m->opt->is_noop)
		machine_fail(inst->m, "concurrency",
			     "instance %d lets %d items run, %d are allowed", inst->number, running,
			     allowed);
}

static void attempt_on_begin(struct machine *m, void *object, int64_t n);
static void attempt_answer(struct attempt *a, enum outcome outcome, const char *err_class);

static struct attempt *lane_oldest_waiting(struct proc *p)
{
	struct attempt *oldest = NULL;

	for (struct attempt *a = p->worker->attempts; a != NULL; a = a->next)
		if (a->is_waiting)
			oldest = a;
	return oldest;
}

static void lane_on_gate(struct machine *m, void *object, int64_t n);

/* False: its slot is not open yet, or was missed, and then it has gone back. */
static bool attempt_passes(struct attempt *a)
{
	struct machine *m = a->proc->m;
	utime before = a->proc->begin_before;
	bool is_cut_off = before != 0 && machine_now(m) >= before;

	bool is_lapsed = beats_is_lapsed(a->proc->inst);

	if (a->closes_at == 0 && !is_cut_off && !is_lapsed)
		return true;
	if (is_lapsed || is_cut_off || m->boot_us > a->closes_at) {
		a->is_cancelled = true;
		attempt_answer(a, OUTCOME_NOT_BEGUN, "");
		return false;
	}
	if (m->boot_us < a->opens_at)
		machine_after(m, a->opens_at - m->boot_us + rng_range(&m->rng, 0, US_PER_MS),
			      lane_on_gate, a->proc, 0);
	return m->boot_us >= a->opens_at;
}

/* Lets those begin that have waited longest, as far as there are slots. */
static void lane_begin_waiting(struct proc *p)
{
	struct machine *m = p->m;

	while (p->is_alive && instance_running(p->inst, p) < (int)p->worker->slots) {
		struct attempt *oldest = lane_oldest_waiting(p);
		if (oldest == NULL || !attempt_passes(oldest))
			return;
		oldest->is_waiting = false;
		/* A slot is used at once or never. */
		int64_t delay = oldest->closes_at != 0 ? US_PER_MS / 4 : m->opt->item_us / 8;
		machine_after(m, machine_delay(m, delay), attempt_on_begin, oldest, 0);
		check_running(oldest);
	}
}

static void lane_on_gate(struct machine *m, void *object, int64_t n)
{
	(void)m, (void)n;
	lane_begin_waiting(object);
}

static void lane_maybe_exit(struct proc *p)
{
	if (p->is_stopping && p->is_alive && lane_attempts(p) == NULL)
		proc_die(p, 0);
}

void lane_on_gone(struct proc *p)
{
	for (struct attempt *a = lane_attempts(p); a != NULL; a = a->next)
		witness_lost(a);
}

/* ---- answering ---- */

static const char *const plan_classes[] = {
	[PLAN_DONE] = "",
	[PLAN_RETRY] = "exit-1",
	[PLAN_DEAD] = "exit-65",
	[PLAN_ALIKE] = "exit-69",
	[PLAN_UNKNOWN_DONE] = "signal-6",
	[PLAN_UNKNOWN_NOT] = "signal-6",
	[PLAN_NOT_BEGUN] = "no-process",
	[PLAN_HANG_BEFORE] = "signal-15",
	[PLAN_HANG_AFTER] = "signal-15",
	[PLAN_LATE] = "timeout",
	[PLAN_DIE_BEFORE] = "",
	[PLAN_DIE_BEGUN] = "",
	[PLAN_DIE_EFFECT] = "",
	[PLAN_DOWN] = "refused",
};

static void lane_send_stranger(struct proc *p, struct frame_outcome *f)
{
	struct buf out = BUF_INIT(FRAME_MAX);

	f->ticket = STRANGER_TICKET + (uint32_t)rng_below(&p->m->rng, 1000);
	f->outcome = (uint8_t)rng_range(&p->m->rng, OUTCOME_DONE, OUTCOME_NOT_BEGUN);
	frame_put_outcome(&out, f);
	proc_send(p, &out, NULL);
	buf_done(&out);
}

static void lane_send_rubbish(struct proc *p)
{
	static const uint8_t types[] = {FRAME_OUTCOME, FRAME_BULK_OUTCOME, FRAME_SOURCE_CHANGED,
					FRAME_LOADED,  FRAME_LOAD_END,	   FRAME_KEYS,
					FRAME_WORK,    FRAME_READY,	   200};
	struct machine *m = p->m;
	struct buf out = BUF_INIT(FRAME_MAX);
	uint32_t len = (uint32_t)rng_below(&m->rng, 40);

	buf_put_u32(&out, len + 1);
	buf_put_u8(&out, types[rng_below(&m->rng, sizeof(types))]);
	for (uint32_t i = 0; i < len; i++)
		buf_put_u8(&out, (uint8_t)rng_next(&m->rng));
	proc_send(p, &out, NULL);
	buf_done(&out);
}

struct letter { /* that comes late */
	struct proc *from;
	size_t len;
	char bytes[];
};

static void letter_on_time(struct machine *m, void *object, int64_t n)
{
	const struct letter *letter = object;
	struct buf out = BUF_INIT(FRAME_MAX);

	(void)m, (void)n;
	buf_put(&out, letter->bytes, letter->len);
	proc_send(letter->from, &out, NULL);
	buf_done(&out);
}

static void lane_send_later(struct proc *p, const struct buf *frame)
{
	struct machine *m = p->m;
	struct letter *letter = arena_alloc(&m->arena, sizeof(*letter) + frame->len);

	letter->from = p;
	letter->len = frame->len;
	memcpy(letter->bytes, frame->data, frame->len);
	machine_after(m, rng_spread(&m->rng, US_PER_MS, LETTER_LATE_US), letter_on_time, letter, 0);
}

/* What it sends is the same each time, and says whose it is. */
static uint64_t attempt_request(const struct attempt *a)
{
	return UINT64_MAX - a->record;
}

static void attempt_answer(struct attempt *a, enum outcome outcome, const char *err_class)
{
	struct proc *p = a->proc;
	struct machine *m = p->m;
	struct buf out = BUF_INIT(FRAME_MAX);
	char key[16];
	char keep[STEP_KEEP_BYTES];

	if (a->is_over || !p->is_alive)
		return;
	(void)snprintf(key, sizeof(key), "%u", a->record);
	a->outcome = outcome;
	a->outcome_cancelled = a->is_cancelled && outcome != OUTCOME_DONE;
	/* Retry-After. No longer than check_wait takes for right. */
	if (outcome == OUTCOME_RETRY && rng_below(&m->rng, 8) == 0)
		a->wait_us = rng_range(&m->rng, 0, US_PER_S);
	TRACE(m, TRACE_OUTCOME, p->pid, a->ticket, a->record, outcome);
	struct frame_outcome f = {.ticket = a->ticket,
				  .outcome = (uint8_t)outcome,
				  .cancelled = a->outcome_cancelled,
				  .began_at = a->is_begun ? machine_now(m) : 0,
				  .took_us = a->is_begun ? m->boot_us - a->begun_us : 0,
				  .err_class = err_class,
				  .err = outcome == OUTCOME_DONE ? "" : "so says the simulation",
				  .output = rng_below(&m->rng, 8) == 0 ? "words" : NULL,
				  .key = key,
				  .keep = outcome == OUTCOME_DONE && !a->is_verify
						  ? step_keep(m->opt, a->record, keep)
						  : NULL,
				  .lost = a->lost,
				  .person = "",
				  .wait_us = a->wait_us,
				  .request = a->is_begun ? attempt_request(a) : 0};
	f.output_len = f.output == NULL ? 0 : 5;
	witness_let_go(a);
	attempt_unlink(a);
	frame_put_outcome(&out, &f);
	proc_send(p, &out, a);
	if (machine_fault(m, F_TWICE)) {
		frame_put_outcome(&out, &f);
		if (rng_below(&m->rng, 2) == 0)
			proc_send(p, &out, NULL);
		else
			lane_send_later(p, &out);
	}
	buf_done(&out);
	if (machine_fault(m, F_STRANGER))
		lane_send_stranger(p, &f);
	if (machine_fault(m, F_RUBBISH))
		lane_send_rubbish(p);
	lane_begin_waiting(p);
	lane_maybe_exit(p);
}

static void bulk_answer(struct proc *p, struct bulk_sim *bulk)
{
	struct machine *m = p->m;
	struct buf out = BUF_INIT(FRAME_MAX);

	if (!p->is_alive)
		return;
	frame_put_bulk_outcome(&out,
			       &(struct frame_bulk_outcome){
				       .ticket = bulk->ticket,
				       .n = bulk->n,
				       .done = bulk->done,
				       .began_at = machine_now(m),
				       .took_us = m->boot_us - bulk->began_us,
				       .rest = REST_LEFT,
				       .err_class = "",
				       .err = bits_count(bulk->done, bulk->n) == 0 ? "not now" : "",
				       .failures = bulk->failures,
				       .n_failures = bulk->n_failures});
	proc_send(p, &out, bulk->dead);
	if (machine_fault(m, F_RUBBISH))
		lane_send_rubbish(p);
	buf_done(&out);
}

/* An item of a unit has ended; with the last one the unit is answered. */
static void bulk_item_end(struct attempt *a, enum outcome outcome)
{
	struct bulk_sim *bulk = a->bulk;
	struct proc *p = a->proc;

	if (a->is_over || !p->is_alive)
		return;
	if (outcome == OUTCOME_DEAD && bulk->n_failures == FRAME_FAILURES_MAX)
		outcome = OUTCOME_NOT_BEGUN; /* the next time */
	if (outcome == OUTCOME_DONE)
		bits_set(bulk->done, a->ticket);
	if (outcome == OUTCOME_DEAD) {
		char key[16] = "";
		(void)snprintf(key, sizeof(key), "%u", a->record);
		bulk->failures[bulk->n_failures++] = (struct frame_bulk_failure){
			.outcome = OUTCOME_DEAD,
			.err_class = plan_classes[PLAN_DEAD],
			.index = a->ticket,
			.err = "so says the simulation",
			.key = arena_str(&p->m->arena, key),
			.person = ""};
		a->also = bulk->dead;
		bulk->dead = a;
	}
	a->outcome = outcome;
	witness_let_go(a);
	attempt_unlink(a);
	if (--bulk->open == 0)
		bulk_answer(p, bulk);
	lane_maybe_exit(p);
}

static void attempt_end(struct attempt *a)
{
	static const enum outcome outcomes[] = {
		[PLAN_DONE] = OUTCOME_DONE,
		[PLAN_RETRY] = OUTCOME_RETRY,
		[PLAN_DEAD] = OUTCOME_DEAD,
		[PLAN_ALIKE] = OUTCOME_ALL,
		[PLAN_UNKNOWN_DONE] = OUTCOME_UNKNOWN,
		[PLAN_UNKNOWN_NOT] = OUTCOME_UNKNOWN,
		[PLAN_NOT_BEGUN] = OUTCOME_NOT_BEGUN,
		[PLAN_HANG_BEFORE] = OUTCOME_UNKNOWN,
		[PLAN_HANG_AFTER] = OUTCOME_UNKNOWN,
		[PLAN_LATE] = OUTCOME_UNKNOWN,
		[PLAN_DIE_BEFORE] = OUTCOME_UNKNOWN,
		[PLAN_DIE_BEGUN] = OUTCOME_UNKNOWN,
		[PLAN_DIE_EFFECT] = OUTCOME_UNKNOWN,
		[PLAN_DOWN] = OUTCOME_RETRY,
	};
	enum outcome outcome = outcomes[a->plan];

	/* It died of our signal, not of itself, unless it had just ended. */
	if (a->is_cancelled && (a->plan != PLAN_DONE || !a->had_effect))
		outcome = OUTCOME_UNKNOWN;
	if (a->is_verify && outcome == OUTCOME_DONE && !a->is_yes) {
		attempt_answer(a, OUTCOME_RETRY, "exit-1");
		return;
	}
	if (a->bulk != NULL)
		bulk_item_end(a, a->plan == PLAN_DONE	? OUTCOME_DONE
				 : a->plan == PLAN_DEAD ? OUTCOME_DEAD
							: OUTCOME_NOT_BEGUN);
	else
		attempt_answer(a, outcome, plan_classes[a->plan]);
}

/* ---- an attempt's way ---- */

static void attempt_on_end(struct machine *m, void *object, int64_t n)
{
	(void)m, (void)n;
	attempt_end(object);
}

static bool plan_has_effect(int plan)
{
	return plan == PLAN_DONE || plan == PLAN_UNKNOWN_DONE || plan == PLAN_HANG_AFTER ||
	       plan == PLAN_DIE_EFFECT;
}

static void attempt_die(struct attempt *a)
{
	if (!a->proc->is_alive)
		return;
	a->is_killer = true;
	proc_die(a->proc, SIGNAL_SEGV);
}

/* A worker dies with all that it had begun, and its lane says so: each may have taken effect. */
static void lane_lose_worker(struct proc *p)
{
	struct attempt *next = NULL;
	int n = 0;

	for (struct attempt *a = lane_attempts(p); a != NULL; a = a->next)
		n += a->is_begun && !a->is_over && !a->is_verify && a->bulk == NULL;
	for (struct attempt *a = lane_attempts(p); a != NULL && p->is_alive; a = next) {
		next = a->next;
		if (!a->is_begun || a->is_over || a->is_verify || a->bulk != NULL)
			continue;
		a->lost = n > 1 ? LOST_AMONG : LOST_ALONE;
		attempt_answer(a, OUTCOME_UNKNOWN, "worker");
	}
}

/* What it started acts, even when the lane itself has died meanwhile. */
static void attempt_on_effect(struct machine *m, void *object, int64_t n)
{
	struct attempt *a = object;

	(void)n;
	if (a->is_over || a->proc->is_gone)
		return;
	if (a->is_verify) {
		a->is_yes = witness_shows(m, a->witness);
		a->had_effect = true; /* the answer is there, whatever comes */
	} else if (plan_has_effect(a->plan) || (a->plan == PLAN_LATE && rng_below(&m->rng, 2) == 0))
		witness_effect(m, a);
	if (a->plan == PLAN_DIE_BEGUN || a->plan == PLAN_DIE_EFFECT) {
		attempt_die(a);
		return;
	}
	if (a->plan == PLAN_HANG_BEFORE || a->plan == PLAN_HANG_AFTER) {
		a->is_killer = true;
		return;
	}
	if (!a->is_verify && a->bulk == NULL && !m->opt->is_noop && a->proc->is_alive &&
	    machine_fault(m, F_LOST)) {
		lane_lose_worker(a->proc);
		return;
	}
	int64_t delay = machine_delay(m, m->opt->item_us / 8);
	if (a->plan == PLAN_LATE)
		delay = m->opt->timeout_us + machine_delay(m, TERM_US);
	machine_after(m, delay, attempt_on_end, a, 0);
}

static void attempt_on_begin(struct machine *m, void *object, int64_t n)
{
	struct attempt *a = object;
	struct proc *p = a->proc;

	(void)n;
	if (a->is_over || !p->is_alive || a->is_begun || a->is_cancelled || a->is_waiting)
		return;
	if (a->bulk == NULL && !attempt_passes(a))
		return;
	window_check_cutoff(p->inst, a->run);
	a->plan = (int)lane_plan(a);
	TRACE(m, TRACE_PLAN, p->pid, a->ticket, a->record, a->plan);
	if (a->plan == PLAN_DIE_BEFORE) {
		attempt_die(a);
		return;
	}
	if (a->plan == PLAN_NOT_BEGUN) {
		attempt_end(a);
		return;
	}
	if (a->bulk == NULL)
		share_begin(m);
	beats_check_begun(a);
	bits_set(p->begun, FRAME_TICKET_SLOT(a->bulk != NULL ? a->bulk->ticket : a->ticket));
	witness_begun(m, a);
	int64_t delay = machine_delay(m, m->opt->item_us);
	int64_t most = m->opt->timeout_us / 2;
	machine_after(m, delay < most ? delay : most, attempt_on_effect, a, 0);
}

/* ---- taking work ---- */

static struct handle_sim *handle_find(struct proc *p, uint32_t handle)
{
	for (struct handle_sim *h = lane_of(p)->handles; h != NULL; h = h->next)
		if (h->handle == handle)
			return h;
	return NULL;
}

static void lane_take_chunk(struct proc *p, const struct frame_chunk *f)
{
	struct lane_sim *lane = lane_of(p);
	struct handle_sim *h = arena_new(&p->m->arena, struct handle_sim);

	*h = (struct handle_sim){.next = lane->handles,
				 .handle = f->handle,
				 .first_item = f->first_item,
				 .n = f->n,
				 .records = body_records(&p->m->arena, f->body, f->body_len, f->n)};
	lane->handles = h;
}

static void lane_drop(struct proc *p, uint32_t handle)
{
	for (struct attempt *a = lane_attempts(p); a != NULL; a = a->next)
		if (a->handle == handle)
			machine_fail(p->m, "handle", "handle %u is dropped while it is worked on",
				     handle);
	for (struct handle_sim **h = &lane_of(p)->handles; *h != NULL; h = &(*h)->next) {
		if ((*h)->handle == handle) {
			*h = (*h)->next;
			return;
		}
	}
}

static struct attempt *lane_take_item(struct proc *p, const struct handle_sim *h, uint32_t index,
				      bool is_verify)
{
	struct machine *m = p->m;
	struct attempt *a = arena_new(&m->arena, struct attempt);

	*a = (struct attempt){.next = lane_of(p)->attempts,
			      .proc = p,
			      .run = shadow_run(m, p->run_id),
			      .record = h->records[index],
			      .taken_us = m->boot_us,
			      .is_verify = is_verify,
			      .handle = h->handle};
	breaker_on_take(a);
	a->witness = witness_find(m, p->run_id, a->record);
	if (a->witness == NULL)
		return NULL;
	a->is_fresh = a->run->items[h->first_item + index].is.loose == 0;
	p->worker->attempts = a;
	witness_take(m, a);
	return a;
}

static void lane_say_changed(struct proc *p, uint32_t handle)
{
	struct buf out = BUF_INIT(FRAME_MAX);

	frame_put_source_changed(
		&out, &(struct frame_source_changed){.handle = handle, .text = "it has changed"});
	proc_send(p, &out, NULL);
	buf_done(&out);
}

static void lane_take_work(struct proc *p, const struct frame_work *f)
{
	lane_of(p)->slots = f->slots;
	for (uint32_t i = 0; i < f->n && !p->m->failure.happened; i++) {
		const struct frame_work_item *item = &f->items[i];
		const struct handle_sim *h = handle_find(p, item->handle);
		for (struct attempt *a = lane_attempts(p); a != NULL; a = a->next)
			if (a->ticket == item->ticket && a->bulk == NULL)
				machine_fail(p->m, "ticket", "ticket %u is given twice",
					     item->ticket);
		struct attempt *a = h == NULL ? NULL
					      : lane_take_item(p, h, item->index, item->is_probe);
		if (a == NULL)
			return;
		a->ticket = item->ticket;
		a->number = item->attempt;
		a->is_waiting = true;
		a->allowed = p->sent_allowed;
		a->opens_at = item->opens_at;
		a->closes_at = item->closes_at;
		if (machine_fault(p->m, F_CHANGED)) {
			lane_say_changed(p, item->handle);
			attempt_answer(a, OUTCOME_NOT_BEGUN, "source-changed");
		}
	}
	lane_begin_waiting(p);
}

static void lane_take_bulk(struct proc *p, const struct frame_bulk *f)
{
	struct machine *m = p->m;
	const struct handle_sim *h = handle_find(p, f->handle);
	struct bulk_sim *bulk = arena_new(&m->arena, struct bulk_sim);

	*bulk = (struct bulk_sim){.ticket = f->ticket,
				  .n = f->n,
				  .done = arena_alloc(&m->arena, BITS_BYTES(f->n)),
				  .began_us = m->boot_us};
	for (uint32_t i = 0; h != NULL && i < f->n; i++) {
		if (!bits_get(f->bits, i))
			continue;
		struct attempt *a = lane_take_item(p, h, i, false);
		if (a == NULL)
			return;
		a->ticket = i; /* its place in the unit */
		a->bulk = bulk;
		bulk->open++;
		machine_after(m, machine_delay(m, m->opt->item_us / 8), attempt_on_begin, a, 0);
	}
}

/* ---- being told to end ---- */

static void attempt_cancel(struct attempt *a)
{
	struct machine *m = a->proc->m;

	if (a->is_over || a->is_cancelled)
		return;
	a->is_cancelled = true;
	if (a->bulk != NULL) {
		bulk_item_end(a, a->had_effect ? OUTCOME_DONE : OUTCOME_NOT_BEGUN);
		return;
	}
	if (!a->is_begun) {
		attempt_answer(a, OUTCOME_NOT_BEGUN, "stopped");
		return;
	}
	if (machine_fault(m, F_CANCEL_DEAF))
		return;
	int64_t delay = machine_fault(m, F_CANCEL_SLOW) ? TERM_SLOW_US : TERM_US;
	machine_after(m, machine_delay(m, delay), attempt_on_end, a, 0);
}

static void lane_cancel(struct proc *p, uint32_t ticket)
{
	struct attempt *next = NULL;

	for (struct attempt *a = lane_attempts(p); a != NULL; a = next) {
		next = a->next;
		uint32_t its = a->bulk != NULL ? a->bulk->ticket : a->ticket;
		if (ticket == UINT32_MAX || ticket == its)
			attempt_cancel(a);
	}
}

/* Gives back what waits; what has a slot goes on. */
static void lane_recall(struct proc *p)
{
	struct attempt *next = NULL;

	for (struct attempt *a = lane_attempts(p); a != NULL; a = next) {
		next = a->next;
		if (!a->is_waiting)
			continue;
		a->is_cancelled = true;
		attempt_answer(a, OUTCOME_NOT_BEGUN, "");
	}
}

static int lane_read(struct proc *p, const struct frame *frame, struct arena *arena,
		     struct err *err)
{
	struct frame_chunk chunk;
	struct frame_work work;
	struct frame_bulk bulk;
	uint32_t number = 0;
	int rc = 0;

	if (frame->type == FRAME_CHUNK) {
		rc = frame_get_chunk(frame, &chunk, err);
		if (rc == 0)
			lane_take_chunk(p, &chunk);
	} else if (frame->type == FRAME_WORK) {
		rc = frame_get_work(frame, arena, &work, err);
		if (rc == 0)
			lane_take_work(p, &work);
	} else if (frame->type == FRAME_BULK) {
		rc = frame_get_bulk(frame, &bulk, err);
		if (rc == 0)
			lane_take_bulk(p, &bulk);
	} else if (frame->type == FRAME_DROP || frame->type == FRAME_CANCEL) {
		rc = frame_get_u32(frame, &number, err);
		if (rc == 0 && frame->type == FRAME_DROP)
			lane_drop(p, number);
		else if (rc == 0)
			lane_cancel(p, number);
	} else if (frame->type == FRAME_CUTOFF) {
		rc = frame_get_cutoff(frame, &p->begin_before, err);
	} else if (frame->type == FRAME_RECALL) {
		lane_recall(p);
	} else if (frame->type != FRAME_STOP) {
		machine_fail(p->m, "frames", "a worker gets frame %d", frame->type);
	}
	return rc;
}

void lane_on_frame(struct proc *p, const struct frame *frame)
{
	struct arena arena = {0};
	struct err err = ERR_INIT;

	if (lane_read(p, frame, &arena, &err) < 0)
		machine_fail(p->m, "frames", "a worker gets rubbish: %s", err.text);
	arena_done(&arena);
	lane_maybe_exit(p);
}
