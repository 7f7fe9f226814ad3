/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of attempts in sums: durations, failures by class, time. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "contract/bench.h"
#include "contract/suites.h"

static void put_latency(struct bench *b, int64_t run, const char *phase, int64_t us)
{
	AUTO(buf) struct buf bytes = BUF_INIT(1000);
	struct histogram h = {0};
	struct lop_latency_add *l = &also(b, LOP_LATENCY_ADD)->u.latency_add;

	histogram_add(&h, us);
	histogram_put(&h, &bytes);
	*l = (struct lop_latency_add){.run_id = run,
				      .endpoint = "exec of job",
				      .phase = phase,
				      .histogram = arena_dup(&b->txn->arena, bytes.data, bytes.len),
				      .len = bytes.len};
}

static void put_failure(struct bench *b, int64_t run, const char *err_class, int64_t n)
{
	also(b, LOP_FAILURE_ADD)->u.failure_add = (struct lop_failure_add){
		.run_id = run,
		.endpoint = "exec of job",
		.err_class = arena_str(&b->txn->arena, err_class),
		.sample = "it said no",
		.n = n,
		.took_us = 10 * n};
	also(b, LOP_ROLLUP_ADD)->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .failed = n};
}

/* One look of a person. */
static const struct ledger_stats *stats_of(struct bench *b, int64_t run)
{
	struct ledger_op *op = begin(b, NULL, LOP_RUN_STATS);

	op->u.run_stats.run_id = run;
	commit(b);
	return &op->u.run_stats.ret_stats;
}

static void a_run_without_attempts_has_none(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	const struct ledger_stats *s = stats_of(b, run);

	assert_int_equal(s->n_latency, 0);
	assert_int_equal(s->n_failures, 0);
	assert_int_equal(s->effort.done + s->effort.failed + s->effort.worked_us, 0);
}

static void sums_of_minutes_and_instances_are_one(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});

	actor_begin(b, b->b);
	for (int i = 0; i < 4; i++) {
		begin(b, i % 2 == 0 ? b->a : b->b, LOP_ROLLUP_ADD)->u.rollup_add =
			(struct lop_rollup_add){run, b->now, 7, 3, 150, 50, 2,
						11,  1,	     1, 2, 4,	22, 1001};
		commit(b);
		b->now += i < 2 ? 0 : US_PER_MIN;
	}
	const struct ledger_effort *e = &stats_of(b, run)->effort;
	assert_int_equal(e->done, 28);
	assert_int_equal(e->failed, 12);
	assert_int_equal(e->took_us, 600);
	assert_int_equal(e->failed_us, 200);
	assert_int_equal(e->again, 8);
	assert_int_equal(e->again_us, 44);
	assert_int_equal(e->over_quota, 4);
	assert_int_equal(e->items, 4);
	assert_int_equal(e->tries, 8);
	assert_int_equal(e->tries_squares, 16);
	assert_int_equal(e->tries_us, 88);
	assert_int_equal(e->worked_us, 4004);
}

/* An instance may add to a minute that it had left, and to another run in between. */
static void sums_hold_when_minutes_and_runs_alternate(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	int64_t other = run_ready(b, b->a, &(struct plan){.due = "2026-11-24/1", .n = 2});
	static const int minutes[] = {0, 1, 0, 0, 2, 1};

	for (size_t i = 0; i < ARRAY_LEN(minutes); i++)
		for (int64_t of = 0; of < 2; of++) {
			begin(b, b->a, LOP_ROLLUP_ADD)->u.rollup_add = (struct lop_rollup_add){
				.run_id = of == 0 ? run : other,
				.minute = b->now + minutes[i] * US_PER_MIN,
				.done = 1 + of,
				.worked_us = 10};
			commit(b);
		}
	assert_int_equal(stats_of(b, run)->effort.done, 6);
	assert_int_equal(stats_of(b, other)->effort.done, 12);
	assert_int_equal(stats_of(b, other)->effort.worked_us, 60);
}

static void durations_of_all_instances_are_one_distribution(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	int64_t other = run_ready(b, b->a, &(struct plan){.due = "2026-11-24/1", .n = 2});
	struct histogram expected = {0};

	actor_begin(b, b->b);
	for (int i = 0; i < 100; i++) {
		(void)begin(b, i % 3 == 0 ? b->a : b->b, LOP_RUN_COUNTS);
		b->txn->first->u.run_counts.run_id = run;
		put_latency(b, run, "total", 1000 + 10 * i);
		put_latency(b, run, "start", 7);
		put_latency(b, other, "total", 5);
		histogram_add(&expected, 1000 + 10 * i);
		commit(b);
	}
	const struct ledger_stats *s = stats_of(b, run);
	assert_int_equal(s->n_latency, 2);
	assert_string_equal(s->latency[0].phase, "start");
	assert_int_equal(s->latency[0].histogram->count, 100);
	assert_string_equal(s->latency[1].endpoint, "exec of job");
	assert_string_equal(s->latency[1].phase, "total");
	assert_memory_equal(s->latency[1].histogram, &expected, sizeof(expected));
}

static void failures_are_counted_by_class_the_most_frequent_first(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});

	actor_begin(b, b->b);
	for (int i = 0; i < 2; i++) {
		(void)begin(b, i == 0 ? b->a : b->b, LOP_RUN_COUNTS);
		b->txn->first->u.run_counts.run_id = run;
		put_failure(b, run, "exit-1", 3);
		put_failure(b, run, "timeout", 4);
		put_failure(b, run, LEDGER_CLASS_OTHER, 50);
		put_failure(b, run, "exit-1", 2);
		commit(b);
	}
	const struct ledger_stats *s = stats_of(b, run);
	assert_int_equal(s->n_failures, 3);
	assert_string_equal(s->failures[0].err_class, "exit-1");
	assert_int_equal(s->failures[0].n, 10);
	assert_int_equal(s->failures[0].took_us, 100);
	assert_string_equal(s->failures[0].sample, "it said no");
	assert_string_equal(s->failures[1].err_class, "timeout");
	assert_int_equal(s->failures[1].n, 8);
	assert_string_equal(s->failures[2].err_class, LEDGER_CLASS_OTHER);
}

static void however_many_classes_there_are_their_sum_is_told(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	int64_t sum = 0;

	(void)begin(b, b->a, LOP_RUN_COUNTS);
	b->txn->first->u.run_counts.run_id = run;
	for (int i = 1; i <= LEDGER_CLASSES_MAX + 50; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "class-%d", i);
		put_failure(b, run, name, i);
	}
	commit(b);
	const struct ledger_stats *s = stats_of(b, run);
	assert_int_equal(s->n_failures, LEDGER_CLASSES_MAX + 1);
	assert_string_equal(s->failures[LEDGER_CLASSES_MAX].err_class, LEDGER_CLASS_OTHER);
	for (size_t i = 0; i < s->n_failures; i++)
		sum += s->failures[i].n;
	assert_int_equal(sum, (LEDGER_CLASSES_MAX + 50) * (LEDGER_CLASSES_MAX + 51) / 2);
}

static void what_is_sent_again_is_counted_once(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});

	begin(b, b->a, LOP_ROLLUP_ADD)->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .done = 5};
	put_latency(b, run, "total", 5);
	put_failure(b, run, "exit-1", 3);
	commit(b);
	resend(b);
	resend(b);
	const struct ledger_stats *s = stats_of(b, run);
	assert_int_equal(s->effort.done, 5);
	assert_int_equal(s->effort.failed, 3);
	assert_int_equal(s->latency[0].histogram->count, 1);
	assert_int_equal(s->failures[0].n, 3);
}

static void what_is_refused_counts_nothing(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 2});
	struct held held = {0};

	assert_true(chunk_claim(b, b->a, run, &held));
	begin(b, b->a, LOP_ROLLUP_ADD)->u.rollup_add = (struct lop_rollup_add){
		.run_id = run, .minute = b->now, .done = 1};
	put_latency(b, run, "total", 5);
	put_failure(b, run, "exit-1", 3);
	held.epoch++; /* not ours */
	chunk_progress(b, &held, false);
	refused(b, LEDGER_LOST);
	const struct ledger_stats *s = stats_of(b, run);
	assert_int_equal(s->effort.done, 0);
	assert_int_equal(s->n_latency, 0);
	assert_int_equal(s->n_failures, 0);
}

static const struct CMUnitTest cases[] = {
	CASE(a_run_without_attempts_has_none),
	CASE(sums_of_minutes_and_instances_are_one),
	CASE(sums_hold_when_minutes_and_runs_alternate),
	CASE(durations_of_all_instances_are_one_distribution),
	CASE(failures_are_counted_by_class_the_most_frequent_first),
	CASE(however_many_classes_there_are_their_sum_is_told),
	CASE(what_is_sent_again_is_counted_once),
	CASE(what_is_refused_counts_nothing),
};

const struct suite suite_stats = SUITE("statistics", cases);
