/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/machine.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "sim/instance.h"
#include "sim/lost.h"

#define WALL_BEGIN_US INT64_C(1795400000000000) /* 2026-11-23 */
#define BOOT_BEGIN_US (1000 * US_PER_S)

struct job *machine_parse_job(struct machine *m, const struct options *o)
{
	struct buf text = BUF_INIT((size_t)64 * 1024);
	struct err err = ERR_INIT;
	struct job *job = NULL;

	options_put_job(o, &text);
	if (job_parse(buf_str(&text), text.len, "night.yaml", "/night", NULL, NULL, &job, &err) < 0)
		machine_fail(m, "job", "the job file is refused: %s", err.text);
	buf_done(&text);
	return job;
}

struct machine *machine_new(void)
{
	return xnew(struct machine);
}

void machine_begin(struct machine *m, const struct options *opt)
{
	struct err err = ERR_INIT;
	struct rng seeds;

	assert(m != NULL && opt != NULL);
	m->opt = opt;
	trace_init(&m->trace);
	m->boot_us = BOOT_BEGIN_US;
	m->began_us = m->boot_us;
	m->wall_ahead_us = WALL_BEGIN_US - m->boot_us;
	m->wall_began = WALL_BEGIN_US;
	m->next_pid = 1000;
	rng_seed(&seeds, opt->seed ^ UINT64_C(0x6e69676874));
	rng_seed(&m->rng, rng_next(&seeds));
	for (size_t i = 0; i < FAULT_COUNT_; i++)
		rng_seed(&m->fault_rng[i], rng_next(&seeds));
	m->job = machine_parse_job(m, opt);
	if (ledger_open("memory:", LEDGER_CREATE, &m->ledger, &err) < 0) {
		machine_fail(m, "ledger", "cannot be opened: %s", err.text);
		return;
	}
	if (opt->has_beats)
		ledger_memory_use_beats(m->ledger);
	ledger_memory_watch(m->ledger, lost_on_redo, m);
	ledger_uuid(m->ledger, m->uuid);
}

void machine_free(struct machine *m)
{
	for (struct instance *inst = m->instances; inst != NULL; inst = inst->next)
		instance_free(inst);
	lost_free(m);
	ledger_close(m->ledger);
	job_free(m->job);
	free(m->queue.heap);
	free(m->shadow.runs);
	free(m->shadow.chunks);
	free(m->shadow.inbox.rows);
	arena_done(&m->arena);
	free(m);
}

/* ---- the queue: a binary heap ---- */

static bool event_is_before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void queue_put(struct queue *q, const struct event *e)
{
	if (q->n == q->cap) {
		q->cap = q->cap == 0 ? 256 : 2 * q->cap;
		q->heap = xrealloc(q->heap, q->cap, sizeof(*q->heap));
	}
	size_t i = q->n++;
	while (i > 0 && event_is_before(e, &q->heap[(i - 1) / 2])) {
		q->heap[i] = q->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->heap[i] = *e;
}

static struct event queue_take(struct queue *q)
{
	struct event first = q->heap[0];
	struct event last = q->heap[--q->n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= q->n)
			break;
		if (child + 1 < q->n && event_is_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (event_is_before(&last, &q->heap[child]))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	return first;
}

void machine_after(struct machine *m, int64_t delay_us, event_fn fn, void *object, int64_t n)
{
	assert(delay_us >= 0);
	queue_put(&m->queue, &(struct event){.at = m->boot_us + delay_us,
					     .seq = m->seq++,
					     .fn = fn,
					     .object = object,
					     .n = n});
}

bool machine_step(struct machine *m)
{
	if (m->queue.n == 0)
		return false;
	struct event e = queue_take(&m->queue);
	assert(e.at >= m->boot_us);
	m->boot_us = e.at;
	e.fn(m, e.object, e.n);
	return true;
}

/* ---- */

utime machine_now(const struct machine *m)
{
	return m->boot_us + m->wall_ahead_us;
}

bool machine_fault(struct machine *m, enum fault_kind kind)
{
	if (m->healed || !m->opt->fault[kind])
		return false;
	return rng_chance(&m->fault_rng[kind], m->opt->ppm[kind]);
}

int64_t machine_delay(struct machine *m, int64_t us)
{
	int64_t most = rng_below(&m->rng, 32) == 0 ? 10 * us : 2 * us;

	return rng_range(&m->rng, 0, most);
}

bool machine_trait(const struct machine *m, enum fault_kind trait, uint32_t record)
{
	if (!m->opt->fault[trait])
		return false;
	/* Those that are taken from an earlier step passed there. */
	if ((trait == F_REJECT || trait == F_FILTER) && options_is_taken(m->opt, record))
		return false;
	uint64_t salt = rng_mix(m->opt->seed + (uint64_t)trait * UINT64_C(0x1000193));
	return rng_mix(salt + record) % RNG_MILLION < m->opt->ppm[trait];
}

void machine_fail(struct machine *m, const char *check, const char *fmt, ...)
{
	va_list ap;

	if (m->failure.happened)
		return;
	m->failure.happened = true;
	(void)snprintf(m->failure.check, sizeof(m->failure.check), "%s", check);
	va_start(ap, fmt);
	(void)vsnprintf(m->failure.text, sizeof(m->failure.text), fmt, ap);
	va_end(ap);
}

void machine_trace(struct machine *m, enum trace_kind kind, const int64_t n[4], const char *text)
{
	trace_add(&m->trace, &(struct trace_event){.at = m->boot_us - m->began_us,
						   .kind = kind,
						   .n = {n[0], n[1], n[2], n[3]},
						   .text = text});
}
