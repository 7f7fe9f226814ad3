/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stats.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/histogram.h"
#include "core/meter.h"
#include "engine/run.h"

/* Durations go into the ledger that often. */
#define PUT_US US_PER_S
/* The time that it is at it, when nothing else is written. */
#define WORKED_US (10 * US_PER_MIN)

enum {
	CLASS_MAX = 64,
	SAMPLE_MAX = 200,
	HISTOGRAM_BYTES_MAX = 64 * 1024,
	PERMILLE_HALF = 500,
	PERMILLE_SLOW = 990,
};

/* What the ledger itself takes stands under this name. */
#define ENDPOINT_LEDGER "ledger"

struct class
{
	char name[CLASS_MAX];
	struct ledger_op *op; /* of the open transaction … */
	uint64_t op_in;	      /* … which has this commit_number */
};

struct stats {
	struct histogram *since[TIMING_COUNT_]; /* what is not written yet; NULL: none ever */
	struct histogram all;			/* total, of this session, as far as written */
	bool is_pending;
	int64_t put_at;	      /* boot clock: not before */
	int64_t worked_until; /* boot clock: what is written of the time at it */
	struct ledger_op *rollup;
	uint64_t rollup_in;
	struct class *classes;
	size_t n_classes;
	int64_t n_tried, n_failed; /* since then */
	struct meter tried, failed;
};

void stats_begin(struct run *r)
{
	struct stats *s = xnew(struct stats);

	assert(r->stats == NULL && r->job != NULL);
	s->worked_until = r->ops->boot_us(r->world);
	r->stats = s;
}

void stats_free(struct stats *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < TIMING_COUNT_; i++)
		free(s->since[i]);
	free(s->classes);
	free(s);
}

/* ---- durations ---- */

static struct histogram *since_of(struct stats *s, enum timing timing)
{
	if (s->since[timing] == NULL)
		s->since[timing] = xnew(struct histogram);
	s->is_pending = true;
	return s->since[timing];
}

void stats_timing(struct run *r, enum timing timing, int64_t us)
{
	histogram_add(since_of(r->stats, timing), us);
}

/* ---- counts ---- */

/* That a minute ends while a transaction is gathered, which takes milliseconds, does not matter:
 * each look at the clock would cost more than all else here. */
static struct lop_rollup_add *rollup_of(struct run *r)
{
	struct stats *s = r->stats;

	if (s->rollup_in != commit_number(r->commit)) {
		utime now = r->ops->now(r->world);
		s->rollup = commit_add(r->commit, LOP_ROLLUP_ADD, NULL, NULL);
		s->rollup_in = commit_number(r->commit);
		s->rollup->u.rollup_add = (struct lop_rollup_add){.run_id = r->id,
								  .minute = now - now % US_PER_MIN};
	}
	return &s->rollup->u.rollup_add;
}

/* Its place, or that of the others when there are too many. */
static struct class *class_of(struct stats *s, const char *name)
{
	for (size_t i = 0; i < s->n_classes; i++)
		if (strncmp(s->classes[i].name, name, CLASS_MAX - 1) == 0)
			return &s->classes[i];
	if (s->n_classes == LEDGER_CLASSES_MAX + 1)
		return &s->classes[LEDGER_CLASSES_MAX];
	if (s->n_classes == LEDGER_CLASSES_MAX)
		name = LEDGER_CLASS_OTHER;
	s->classes = xrealloc(s->classes, s->n_classes + 1, sizeof(*s->classes));
	struct class *c = &s->classes[s->n_classes++];
	*c = (struct class){.op = NULL};
	(void)snprintf(c->name, sizeof(c->name), "%s", name); /* cut where it is too long */
	return c;
}

static void count_failure(struct run *r, const struct stats_attempt *a)
{
	struct class *c = class_of(r->stats, a->err_class[0] != '\0' ? a->err_class : "unknown");

	if (c->op_in != commit_number(r->commit)) {
		struct arena *arena = commit_arena(r->commit);
		c->op = commit_add(r->commit, LOP_FAILURE_ADD, NULL, NULL);
		c->op_in = commit_number(r->commit);
		c->op->u.failure_add = (struct lop_failure_add){
			.run_id = r->id,
			.endpoint = arena_str(arena, r->endpoint),
			.err_class = arena_str(arena, c->name),
			.sample = arena_text(arena, a->err, strnlen(a->err, SAMPLE_MAX)),
		};
	}
	c->op->u.failure_add.n++;
	c->op->u.failure_add.took_us += a->took_us;
}

void stats_attempt(struct run *r, const struct stats_attempt *a)
{
	struct lop_rollup_add *sum = rollup_of(r);

	sum->took_us += a->took_us;
	if (a->is_done) {
		sum->done++;
	} else {
		sum->failed++;
		sum->failed_us += a->took_us;
		count_failure(r, a);
		r->stats->n_failed++;
	}
	if (a->is_again) {
		sum->again++;
		sum->again_us += a->took_us;
	}
	r->stats->n_tried++;
	stats_timing(r, TIMING_TOTAL, a->took_us);
	for (int i = 0; a->timings_us != NULL && i < TIMING_LANE_COUNT; i++)
		if (a->timings_us[i] > 0)
			stats_timing(r, (enum timing)i, a->timings_us[i]);
}

static void add_items(struct run *r, int64_t n, int64_t tries, int64_t spent_us)
{
	struct lop_rollup_add *sum = rollup_of(r);

	sum->items += n;
	sum->tries += n * tries;
	sum->tries_squares += n * tries * tries;
	sum->tries_us += n * tries * spent_us;
	histogram_add_n(since_of(r->stats, TIMING_ITEM), spent_us, n);
}

void stats_item(struct run *r, int64_t tries, int64_t spent_us)
{
	add_items(r, 1, tries, spent_us);
}

void stats_unit(struct run *r, int64_t n, int64_t took_us)
{
	struct lop_rollup_add *sum = rollup_of(r);

	assert(n > 0);
	sum->done += n;
	sum->took_us += took_us;
	r->stats->n_tried += n;
	histogram_add_n(since_of(r->stats, TIMING_TOTAL), took_us / n, n);
	add_items(r, n, 1, took_us / n);
}

/* ---- writing ---- */

static void put_durations(struct run *r, enum timing timing)
{
	AUTO(buf) struct buf bytes = BUF_INIT(HISTOGRAM_BYTES_MAX);
	struct histogram *h = r->stats->since[timing];
	bool is_ledgers = timing == TIMING_COMMIT;

	if (h == NULL || h->count == 0)
		return;
	if (timing == TIMING_TOTAL)
		histogram_merge(&r->stats->all, h);
	histogram_put(h, &bytes);
	histogram_reset(h);
	struct lop_latency_add *add =
		&commit_add(r->commit, LOP_LATENCY_ADD, NULL, NULL)->u.latency_add;
	struct arena *arena = commit_arena(r->commit);
	*add = (struct lop_latency_add){
		.run_id = r->id,
		.endpoint = arena_str(arena, is_ledgers ? ENDPOINT_LEDGER : r->endpoint),
		.phase = timing_name(timing),
		.histogram = arena_dup(arena, bytes.data, bytes.len),
		.len = bytes.len};
}

void stats_end(struct run *r)
{
	struct stats *s = r->stats;

	if (s == NULL)
		return;
	int64_t now = r->ops->boot_us(r->world);
	rollup_of(r)->worked_us += now - s->worked_until;
	s->worked_until = now;
	meter_add(&s->tried, now, s->n_tried);
	meter_add(&s->failed, now, s->n_failed);
	s->n_tried = s->n_failed = 0;
	for (int i = 0; i < TIMING_COUNT_; i++)
		put_durations(r, (enum timing)i);
	s->is_pending = false;
	s->put_at = now + PUT_US;
}

int64_t stats_deadline(const struct run *r)
{
	if (r->stats == NULL)
		return INT64_MAX;
	return r->stats->is_pending ? r->stats->put_at : r->stats->worked_until + WORKED_US;
}

void stats_turn(struct run *r)
{
	if (r->ops->boot_us(r->world) >= stats_deadline(r))
		stats_end(r);
}

/* ---- live ---- */

void stats_get_status(const struct run *r, struct session_status *status)
{
	struct stats *s = r->stats;

	if (s == NULL)
		return;
	int64_t now = r->ops->boot_us(r->world);
	double tried = meter_rate(&s->tried, now);
	status->p50_us = histogram_percentile_us(&s->all, PERMILLE_HALF);
	status->p99_us = histogram_percentile_us(&s->all, PERMILLE_SLOW);
	status->failing = tried <= 0 ? 0 : meter_rate(&s->failed, now) / tried;
	if (status->failing > 1)
		status->failing = 1; /* the clocks of the two began at different times */
}
