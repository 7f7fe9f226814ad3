/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sums.h"

#include <string.h>

#include "base/err.h"
#include "core/timing.h"
#include "ledger/ledger.h"
#include "sim/machine.h"
#include "sim/shadow.h"

static void follow_rollup(struct ledger_effort *e, const struct lop_rollup_add *r)
{
	e->done += r->done;
	e->failed += r->failed;
	e->took_us += r->took_us;
	e->failed_us += r->failed_us;
	e->again += r->again;
	e->again_us += r->again_us;
	e->over_quota += r->over_quota;
	e->worked_us += r->worked_us;
	e->items += r->items;
	e->tries += r->tries;
	e->tries_squares += r->tries_squares;
	e->tries_us += r->tries_us;
}

static void follow_latency(struct machine *m, struct sums *s, const struct lop_latency_add *l)
{
	struct histogram h = {0};
	struct err err = ERR_INIT;

	if (histogram_get(l->histogram, l->len, &h, &err) < 0)
		machine_fail(m, "latency", "of %s: %s", l->phase, err.text);
	else if (strcmp(l->phase, timing_name(TIMING_TOTAL)) == 0) {
		s->measured += h.count;
		s->measured_us += h.sum_us;
	}
}

void sums_follow(struct machine *m, const struct ledger_op *op)
{
	struct run_view *run = shadow_run(m, op->u.rollup_add.run_id); /* all begin with it */

	if (run == NULL) {
		machine_fail(m, "sums", "%s of run %lld, which is not there",
			     ledger_op_name(op->kind), (long long)op->u.rollup_add.run_id);
		return;
	}
	if (op->kind == LOP_ROLLUP_ADD) {
		follow_rollup(&run->sums.effort, &op->u.rollup_add);
	} else if (op->kind == LOP_LATENCY_ADD) {
		follow_latency(m, &run->sums, &op->u.latency_add);
	} else {
		run->sums.by_class += op->u.failure_add.n;
		run->sums.by_class_us += op->u.failure_add.took_us;
	}
}

static void compare(struct machine *m, const struct run_view *run, const struct ledger_stats *stats)
{
	const struct sums *s = &run->sums;
	struct sums seen = {.effort = stats->effort};

	for (size_t i = 0; i < stats->n_latency; i++) {
		if (strcmp(stats->latency[i].phase, timing_name(TIMING_TOTAL)) != 0)
			continue;
		seen.measured += stats->latency[i].histogram->count;
		seen.measured_us += stats->latency[i].histogram->sum_us;
	}
	for (size_t i = 0; i < stats->n_failures; i++) {
		seen.by_class += stats->failures[i].n;
		seen.by_class_us += stats->failures[i].took_us;
	}
	if (memcmp(&seen, s, sizeof(seen)) != 0)
		machine_fail(m, "sums",
			     "run %lld: the ledger says %lld done, %lld failed (%lld by class), "
			     "%llu measured; it was told %lld, %lld (%lld), %llu",
			     (long long)run->id, (long long)seen.effort.done,
			     (long long)seen.effort.failed, (long long)seen.by_class,
			     (unsigned long long)seen.measured, (long long)s->effort.done,
			     (long long)s->effort.failed, (long long)s->by_class,
			     (unsigned long long)s->measured);
}

/* What was written of attempts must agree with itself. */
static void check_told(struct machine *m, const struct run_view *run)
{
	const struct sums *s = &run->sums;
	uint64_t attempts = (uint64_t)(s->effort.done + s->effort.failed);

	/* What a failover loses of them is not written again. */
	if (m->counts_are_lost)
		return;
	if (s->by_class != s->effort.failed || s->by_class_us != s->effort.failed_us)
		machine_fail(m, "sums", "run %lld: %lld attempts failed, %lld by class",
			     (long long)run->id, (long long)s->effort.failed,
			     (long long)s->by_class);
	/* Only who dies keeps durations to himself. */
	if (s->measured > attempts || (s->measured < attempts && !m->somebody_forgot))
		machine_fail(m, "sums", "run %lld: %llu attempts were measured of %llu",
			     (long long)run->id, (unsigned long long)s->measured,
			     (unsigned long long)attempts);
	if (s->effort.items > s->effort.tries || s->effort.tries > (int64_t)attempts ||
	    s->effort.tries > s->effort.tries_squares)
		machine_fail(m, "sums", "run %lld: %lld items ended after %lld of %llu attempts",
			     (long long)run->id, (long long)s->effort.items,
			     (long long)s->effort.tries, (unsigned long long)attempts);
	if (s->effort.again > s->effort.done + s->effort.failed ||
	    s->effort.failed_us > s->effort.took_us || s->effort.again_us > s->effort.took_us)
		machine_fail(m, "sums", "run %lld: a part is larger than the whole",
			     (long long)run->id);
}

void sums_check(struct machine *m, const struct run_view *run)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_run_stats *look = &ledger_txn_add(txn, LOP_RUN_STATS)->u.run_stats;

	check_told(m, run);
	look->run_id = run->id;
	ledger_apply(m->ledger, txn);
	if (txn->status != LEDGER_APPLIED)
		machine_fail(m, "sums", "run %lld: %s", (long long)run->id, txn->err.text);
	else
		compare(m, run, &look->ret_stats);
	ledger_txn_free(txn);
}
