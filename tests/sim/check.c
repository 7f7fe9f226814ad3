/* SPDX-License-Identifier: Apache-2.0 */
/* The checks at commits. check_night.c has those at ends. */
#include "sim/check.h"

#include "base/bits.h"
#include "base/err.h"
#include "core/decide.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "ledger/txn.h"
#include "sim/instance.h"
#include "sim/lost.h"
#include "sim/shadow.h"
#include "sim/step_check.h"

#define QUARANTINE_US (30 * US_PER_S)
/* Out, marked ahead, and loose items that were claimed and not sent. */
enum { DOUBT_PER_SLOT = 3 };

void check_counts(struct machine *m, const struct run_view *run, int step,
		  const struct ledger_counts *c, const char *where)
{
	int64_t n[ITEM_STATE_COUNT_] = {0};
	uint32_t n_items = 0;

	for (uint32_t i = 0; i < run->n_items; i++) {
		if (step != 0 && options_step_of(m->opt, run->items[i].record) != step)
			continue;
		n[shadow_state(run, i)]++;
		n_items++;
	}
	if (c->done != n[ITEM_DONE] || c->skipped != n[ITEM_SKIPPED] || c->retry != n[ITEM_RETRY] ||
	    c->in_doubt != n[ITEM_IN_DOUBT] || c->dead != n[ITEM_DEAD])
		machine_fail(m, "counts",
			     "%s of run %lld: %lld done, %lld skipped, %lld to retry, "
			     "%lld in doubt, %lld dead",
			     where, (long long)run->id, (long long)c->done, (long long)c->skipped,
			     (long long)c->retry, (long long)c->in_doubt, (long long)c->dead);
	int64_t sum = c->waiting + c->running + c->done + c->skipped + c->retry + c->in_doubt +
		      c->dead;
	if (sum != n_items)
		machine_fail(m, "I1", "%s of run %lld, step %d: %lld items of %u", where,
			     (long long)run->id, step, (long long)sum, n_items);
}

static bool is_parked(const struct item_place *p)
{
	return p->loose == LOOSE_DEAD || p->loose == LOOSE_ASKED || p->loose == LOOSE_DONE ||
	       p->loose == LOOSE_WAIVED || (p->loose == 0 && p->done);
}

static uint32_t rejects_of(struct machine *m, const struct run_view *run, int step)
{
	uint32_t n = 0;

	if (m->opt->has_inbox)
		return step == 1 ? inbox_count(m, run, true) : 0;
	for (uint32_t i = options_step_begin(m->opt, step);
	     i < options_step_begin(m->opt, step + 1); i++)
		n += machine_trait(m, F_REJECT, i);
	return n;
}

/* What of the step nothing happens to any more, and is not well. */
static bool count_step(struct machine *m, const struct run_view *run, int step,
		       uint32_t *ret_failed)
{
	*ret_failed = rejects_of(m, run, step);
	for (uint32_t i = 0; i < run->n_items; i++) {
		const struct item_place *p = &run->items[i].is;
		if (options_step_of(m->opt, run->items[i].record) != step)
			continue;
		if (!is_parked(p))
			return false;
		*ret_failed += p->loose == LOOSE_DEAD || p->loose == LOOSE_ASKED;
	}
	return true;
}

bool check_is_step_blocked(struct machine *m, const struct run_view *run)
{
	uint32_t failed = 0;

	return m->opt->needs_done && run->step < m->opt->steps && run->state == RUN_OPEN &&
	       count_step(m, run, run->step, &failed) && failed > 0;
}

void check_step_over(struct machine *m, const struct run_view *run, int step, int next)
{
	uint32_t failed = 0;

	if (!count_step(m, run, step, &failed))
		machine_fail(m, "step-open",
			     "run %lld goes to step %d, and of step %d there is more",
			     (long long)run->id, next, step);
	else if (m->opt->needs_done && failed > 0)
		machine_fail(m, "step-failed",
			     "run %lld goes to step %d, and %u of step %d are not done",
			     (long long)run->id, next, failed, step);
	if (next < step || next > m->opt->steps)
		machine_fail(m, "step", "run %lld goes from step %d to %d", (long long)run->id,
			     step, next);
}

void check_finish(struct machine *m, const struct run_view *run)
{
	for (uint32_t i = 0; i < run->n_items; i++) {
		const struct item_place *p = &run->items[i].is;
		if (!is_parked(p))
			machine_fail(m, "I15", "run %lld finishes and item %u is open (%d)",
				     (long long)run->id, i, p->loose);
	}
}

void check_loaded(struct machine *m, const struct run_view *run, int step)
{
	uint32_t n = options_step_begin(m->opt, step + 1);
	uint32_t rejects = 0;
	uint32_t filtered = 0;
	bool is_missing = run->n_read == 0 && m->saw_missing &&
			  m->opt->when_missing == JOB_MISSING_OK;
	uint8_t *seen = arena_alloc(&m->arena, BITS_BYTES(n) + 1);

	if (is_missing)
		return;
	for (uint32_t i = 0; i < run->n_items; i++) {
		uint32_t record = run->items[i].record;
		if (record >= n || bits_get(seen, record)) {
			machine_fail(m, "load-twice", "record %u is in run %lld twice", record,
				     (long long)run->id);
			return;
		}
		bits_set(seen, record);
	}
	if (run->first_n > 0 && run->n_items > run->first_n)
		machine_fail(m, "load-first", "run %lld has %u items, %lld were wanted",
			     (long long)run->id, run->n_items, (long long)run->first_n);
	if (run->first_n > 0 && run->n_items == run->first_n)
		n = run->n_read; /* and no more was looked at */
	if (m->opt->takes && step > 1) {
		step_check_taken(m, run, step);
		n = run->n_read;
	}
	if (m->opt->has_inbox) {
		inbox_check_loaded(m, run, step);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool is_reject = machine_trait(m, F_REJECT, i);
		bool is_filtered = !is_reject && machine_trait(m, F_FILTER, i);
		rejects += is_reject;
		filtered += is_filtered;
		if ((is_reject || is_filtered) && bits_get(seen, i))
			machine_fail(m, "load-wrong", "record %u is no item", i);
	}
	if (run->n_rejected != rejects || run->n_filtered != filtered || run->n_read != n ||
	    run->n_items + rejects + filtered + run->n_held_back != n)
		machine_fail(m, "load-lost",
			     "run %lld: %u records, %u read, %u items, %u of %u rejected, %u of %u "
			     "filtered, %u held back",
			     (long long)run->id, n, run->n_read, run->n_items, run->n_rejected,
			     rejects, run->n_filtered, filtered, run->n_held_back);
}

void check_held_back(struct instance *inst, const struct run_view *run, uint32_t record)
{
	struct machine *m = inst->m;

	/* Units have no keys. */
	for (size_t i = 0; m->opt->has_key && !m->opt->is_noop && i < m->shadow.n_runs; i++) {
		const struct run_view *other = m->shadow.runs[i];
		if (other->id >= run->id || other->state == RUN_ABANDONED ||
		    record >= m->opt->n_records || other->item_of[record] == 0)
			continue;
		uint32_t item = other->item_of[record] - 1;
		const struct item_place *p = &other->items[item].is;
		enum item_state state = shadow_state(other, item);
		bool is_open = p->loose != 0 && (state == ITEM_RETRY || state == ITEM_IN_DOUBT ||
						 state == ITEM_RUNNING);
		bool was_done = m->opt->unique == JOB_UNIQUE_JOB && state == ITEM_DONE;
		/* What changed after this engine came may have changed after it had asked. */
		if ((is_open || was_done) && p->since_us < inst->began_us)
			machine_fail(m, "held-back",
				     "record %u is %s in run %lld and loaded by run %lld", record,
				     was_done ? "done" : "open", (long long)other->id,
				     (long long)run->id);
	}
}

void check_claimed_bits(struct machine *m, const struct run_view *run, const struct chunk_view *c,
			const struct ledger_chunk_row *row, bool is_exact)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct item_place *p = &run->items[c->first_item + i].is;
		if (is_exact &&
		    (bits_get(row->done, i) != p->done || bits_get(row->started, i) != p->started))
			machine_fail(m, "shadow", "chunk %lld bit %u: done %d, started %d",
				     (long long)row->id, i, bits_get(row->done, i),
				     bits_get(row->started, i));
		if (p->started && !p->done)
			machine_fail(m, "I7", "item %u of free chunk %lld is in doubt",
				     (unsigned)(c->first_item + i), (long long)row->id);
	}
}

void check_row(struct machine *m, const struct run_view *run, const struct item_view *item)
{
	struct witness *w = &run->witnesses[item->record];
	int ended = w->told[OUTCOME_RETRY] + w->told[OUTCOME_DEAD] + w->told[OUTCOME_ALL] +
		    w->told[OUTCOME_UNKNOWN] + w->told_cancelled + w->deaths;

	if (++w->rows > ended)
		machine_fail(m, "rows",
			     "record %u of run %lld: %d attempts failed, %d are recorded",
			     item->record, (long long)run->id, ended, w->rows);
}

void check_reaped(struct machine *m, const struct lop_reap *op)
{
	const struct instance *dead = instance_find_inc(m, op->dead);
	/* What was begun in lanes that died is unclear already, and comes on top. */
	int64_t most = (int64_t)DOUBT_PER_SLOT * m->opt->concurrency + WAITING_MAX + dead->n_lost;
	bool has_marks = m->opt->is_once || m->opt->key_valid_us > 0;

	/* Without marks, all of a chunk is in doubt when an end is not proven. */
	if (op->quarantine_us > 0 && op->quarantine_us < dead->longest_us + QUARANTINE_US)
		machine_fail(m, "quarantine-short",
			     "inc %lld is reaped with a quarantine of %lld ms, and had begun what "
			     "may act for %lld",
			     (long long)op->dead, (long long)(op->quarantine_us / US_PER_MS),
			     (long long)(dead->longest_us / US_PER_MS));
	if (op->ret_doubtful > most && !m->opt->is_noop && (has_marks || op->quarantine_us == 0))
		machine_fail(m, "doubt-many",
			     "%lld items of inc %lld are in doubt, concurrency is %d, %lld were "
			     "with lanes that died",
			     (long long)op->ret_doubtful, (long long)op->dead, m->opt->concurrency,
			     (long long)dead->n_lost);
}

void check_told(struct machine *m, const struct lop_told_put *op)
{
	const struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || !run->was_told)
		machine_fail(m, "I11", "run %lld counts as told, and its source was not",
			     (long long)op->run_id);
}

void check_done(struct machine *m, const struct run_view *run, const struct item_view *item)
{
	const struct witness *w = &run->witnesses[item->record];

	if (w->effects == 0 && !w->person_done)
		machine_fail(m, "I5", "record %u of run %lld is done and never took effect",
			     item->record, (long long)run->id);
	if (w->told[OUTCOME_DONE] == 0 && !w->verified && !w->person_done && !m->opt->is_noop)
		machine_fail(m, "I5", "record %u of run %lld is done and nobody said so",
			     item->record, (long long)run->id);
}

/* ---- an item that leaves the ordinary way ---- */

static void check_dead(struct machine *m, const struct run_view *run, const struct item_view *item,
		       const struct ledger_loose_row *row)
{
	const struct witness *w = &run->witnesses[item->record];
	bool used_up = row->attempt >= m->opt->attempts;
	bool by_crash = row->crashes >= DECIDE_CRASHES_MAX;

	if (!used_up && !by_crash && w->told[OUTCOME_DEAD] == 0)
		machine_fail(m, "dead-early",
			     "record %u of run %lld is dead after %d of %d attempts", item->record,
			     (long long)run->id, row->attempt, m->opt->attempts);
	if (!used_up && w->told[OUTCOME_DEAD] == 0 && by_crash && w->own_deaths == 0 &&
	    !m->opt->fault[F_RUBBISH])
		machine_fail(m, "dead-innocent", "record %u of run %lld never killed a lane (%d)",
			     item->record, (long long)run->id, row->crashes);
}

static void check_charges(struct machine *m, const struct run_view *run,
			  const struct item_view *item, const struct ledger_loose_row *row)
{
	const struct witness *w = &run->witnesses[item->record];
	int charged = w->told[OUTCOME_DONE] + w->told[OUTCOME_RETRY] + w->told[OUTCOME_DEAD] +
		      w->told[OUTCOME_UNKNOWN] + w->kills - w->excused;

	if (row->attempt > m->opt->attempts + w->repeats_allowed || row->attempt < 0)
		machine_fail(m, "I14", "record %u of run %lld: attempt %d of %d", item->record,
			     (long long)run->id, row->attempt, m->opt->attempts);
	if (row->attempt > charged)
		machine_fail(
			m, "I14",
			"record %u of run %lld is charged %d attempts, %d ended so that they count",
			item->record, (long long)run->id, row->attempt, charged);
	if (row->crashes > w->deaths)
		machine_fail(m, "I14", "record %u of run %lld is charged %d of %d deaths",
			     item->record, (long long)run->id, row->crashes, w->deaths);
}

static void check_wait(struct machine *m, const struct run_view *run, const struct item_view *item,
		       const struct ledger_loose_row *row)
{
	int64_t wait = row->not_before - machine_now(m);
	int64_t most = m->opt->max_us > US_PER_S ? m->opt->max_us : US_PER_S;

	/* What could not be proved dead is waited for: its time limit and half a minute. */
	int64_t limit = m->opt->fault[F_RELOAD] ? US_PER_MIN : m->opt->timeout_us;
	if ((m->opt->fault[F_UNPROVEN] || m->opt->has_beats) && most < limit + QUARANTINE_US)
		most = limit + QUARANTINE_US;
	/* The clock may jump between the decision and its commit. */
	if (wait > most + US_PER_S && !m->opt->fault[F_CLOCK])
		machine_fail(m, "wait",
			     "record %u of run %lld waits %lld ms, at most %lld are right",
			     item->record, (long long)run->id, (long long)(wait / US_PER_MS),
			     (long long)(most / US_PER_MS));
}

static void check_doubt(struct machine *m, const struct run_view *run, const struct item_view *item)
{
	const struct witness *w = &run->witnesses[item->record];

	if (w->unclear + w->told_cancelled <= w->unclear_then)
		machine_fail(m, "needless-doubt", "record %u of run %lld: it is known how it ended",
			     item->record, (long long)run->id);
}

void check_verified(struct instance *inst, const struct run_view *run, const struct item_view *item,
		    const struct ledger_loose_row *row)
{
	struct machine *m = inst->m;
	const struct witness *w = &run->witnesses[item->record];
	bool by_consent = m->opt->is_once && m->opt->doubt == JOB_DOUBT_RETRY;

	if (lost_is_behind(inst))
		return;
	if (row->state == LOOSE_DOUBT && row->unclear >= m->opt->attempts)
		machine_fail(m, "verify-many", "record %u of run %lld is verified for the %d. time",
			     item->record, (long long)run->id, row->unclear + 1);
	if (row->state == LOOSE_DONE && !w->verified)
		machine_fail(m, "I5", "record %u of run %lld is done and verify never said so",
			     item->record, (long long)run->id);
	if (row->state == LOOSE_RETRY && w->nos < 2 && !by_consent && !m->somebody_forgot)
		machine_fail(m, "I8", "record %u of run %lld is tried again after %d times no",
			     item->record, (long long)run->id, w->nos);
}

void check_settled(struct instance *inst, const struct run_view *run, const struct item_view *item,
		   const struct ledger_loose_row *row)
{
	struct machine *m = inst->m;
	const struct witness *w = &run->witnesses[item->record];

	/* What is written again was judged when it was written first. */
	if (lost_is_behind(inst))
		return;
	check_charges(m, run, item, row);
	switch (row->state) {
	case LOOSE_DONE:
		check_done(m, run, item);
		return;
	case LOOSE_DEAD:
		check_dead(m, run, item, row);
		return;
	case LOOSE_RETRY:
		check_wait(m, run, item, row);
		return;
	case LOOSE_DOUBT:
	case LOOSE_ASKED:
		check_doubt(m, run, item);
		return;
	case LOOSE_WAIVED:
		if (!w->person_skip)
			check_doubt(m, run, item);
		return;
	case LOOSE_HELD:
	case LOOSE_PROBING:
		return;
	}
}

/* ---- the whole ledger ---- */

static void check_on_finding(void *arg, const char *invariant, const char *where, const char *what)
{
	machine_fail(arg, invariant, "%s: %s", where, what);
}

void check_ledger(struct machine *m)
{
	struct err err = ERR_INIT;
	int64_t findings = 0;

	if (ledger_verify(m->ledger, check_on_finding, m, &findings, &err) < 0)
		machine_fail(m, "verify", "%s", err.text);
	if (!m->failure.happened)
		shadow_compare(m);
}
