/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a batch goes into which transaction, and what becomes of it when one fails.
 *
 * A batch is tried whole. A row that the database refuses, and of which it says which it is, splits
 * the rest in two; where it does not say, the rows are halved. Each part is a transaction of its
 * own: the marks, one row for each chunk, do not care how a chunk was split.
 */
#include "target/target.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/statement.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "target/backend.h"
#include "target/verdict.h"

enum { TARGET_MAGIC = 0x74617267, TRIES_MAX = 3, FAILED_MAX = 200 };

#define RESERVE_US (30 * US_PER_S) /* beside the time limit, for what is split */
#define RECONNECT_FIRST_US (50 * US_PER_MS)
#define RECONNECT_MAX_US (2 * US_PER_S)

/* ---- life ---- */

static int open_statements(struct target *t, struct err *err)
{
	char *const *texts = t->job->statements;
	size_t n = 0;

	while (texts != NULL && texts[n] != NULL)
		n++;
	t->statements = xcalloc(n + 1, sizeof(struct statement *));
	for (size_t i = 0; i < n; i++) {
		int rc = bind_statement(t->place.job, texts[i], TEMPLATE_FOR_ITEM,
					&t->statements[i], err);
		if (rc < 0)
			return rc;
		t->n_statements++;
	}
	return 0;
}

int target_open(const struct target_place *place, struct target **ret_target, struct err *err)
{
	assert(place != NULL && job_has_target(place->job) && ret_target != NULL);
	const struct job *job = place->job;
	struct target *t = xnew(struct target);

	t->magic = TARGET_MAGIC;
	t->place = *place;
	t->job = &job->work.target;
	t->backend = t->job->dialect == STATEMENT_SQLITE ? &target_sqlite : &target_postgres;
	t->is_marked = job->work.effect == JOB_TRANSACTIONAL;
	t->keeps_unclear = job_needs_start_mark(job);
	t->is_gathered = job_is_all_or_none(job);
	t->wait_us = RECONNECT_FIRST_US;
	hash_hex(place->ledger_uuid, 16, t->uuid);
	int rc = open_statements(t, err);
	if (rc == 0 && t->job->before != NULL)
		rc = bind_statement(job, t->job->before, TEMPLATE_FOR_WORKER, &t->before, err);
	if (rc == 0 && t->job->after != NULL)
		rc = bind_statement(job, t->job->after, TEMPLATE_FOR_WORKER, &t->after, err);
	if (rc == 0 && job->work.kind == WORK_TABLE)
		rc = bind_columns(job, &t->columns, err);
	if (rc < 0) {
		target_free(t);
		return rc;
	}
	*ret_target = t;
	return 0;
}

static void target_shut(struct target *t)
{
	if (t->is_open)
		t->backend->close(t);
	t->is_open = false;
}

void target_free(struct target *t)
{
	if (t == NULL)
		return;
	assert(t->magic == TARGET_MAGIC);
	target_shut(t);
	for (size_t i = 0; i < t->n_statements; i++)
		statement_free(t->statements[i]);
	free(t->statements);
	statement_free(t->before);
	statement_free(t->after);
	bind_columns_done(&t->columns);
	arena_done(&t->scratch);
	arena_done(&t->row_scratch);
	t->magic = 0;
	free(t);
}

void target_batch_done(struct target_batch *batch)
{
	arena_done(&batch->arena);
}

/* ---- a transaction ---- */

struct work_list {
	struct target *t;
	struct target_batch *batch;
	int64_t limit_us; /* boot clock: of the batch */
	struct target_unit **units;
	size_t n_units;
	struct target_row **rows;
	size_t n_rows;
	size_t n_failed;
};

static void fail_reset(struct target_fail *fail)
{
	*fail = (struct target_fail){.row = NO_ROW};
}

static void begin_clock(struct work_list *w)
{
	int64_t at = clock_boot_us() + w->t->place.job->work.timeout_us;

	w->t->deadline_us = at < w->limit_us ? at : w->limit_us;
	arena_reset(&w->t->scratch);
}

int target_connect(struct target *t, struct target_fail *fail)
{
	int64_t wait_us = t->not_before - clock_boot_us();

	if (t->is_open)
		return 0;
	if (wait_us > 0)
		(void)poll(NULL, 0, (int)(wait_us / US_PER_MS) + 1); /* woken earlier is no harm */
	int rc = t->backend->open(t, fail);
	if (rc == 0) {
		t->is_open = true;
		t->wait_us = RECONNECT_FIRST_US;
		return 0;
	}
	fail->is_unopened = true;
	t->not_before = clock_boot_us() + t->wait_us;
	t->wait_us = t->wait_us * 2 < RECONNECT_MAX_US ? t->wait_us * 2 : RECONNECT_MAX_US;
	return rc;
}

static void row_end(struct target_row *row, enum outcome outcome, const char *class,
		    const char *err)
{
	row->outcome = (int)outcome;
	memcpy(row->err_class, class, strlen(class) + 1);
	row->err = err;
}

/* What the marks say already. Safety: we hold the marks' lock, so no twin is in between. */
static bool row_is_marked(struct target_row *row, const struct target_unit *unit)
{
	if (FAULT("target.mark"))
		return false;
	if (bits_get(unit->done, row->index)) {
		row_end(row, OUTCOME_DONE, "", "");
		return true;
	}
	if (bits_get(unit->void_, row->index) && !row->is_redo) {
		row_end(row, OUTCOME_DEAD, "void",
			"an earlier attempt found that it can never be done, and what the database "
			"said was lost in a crash; `stint retry` tries it anew");
		return true;
	}
	return false;
}

void target_unit_clear(struct target_unit *unit, struct arena *a)
{
	size_t bytes = BITS_BYTES(unit->n);

	unit->done = arena_alloc(a, bytes);
	unit->void_ = arena_alloc(a, bytes);
	unit->set = arena_alloc(a, bytes);
	unit->set_void = arena_alloc(a, bytes);
	unit->is_marking = false;
}

/* The units of rows lo … hi, without an end; in the order of the chunks, so that no two lanes wait
 * for each other's. */
static void pick_units(struct work_list *w, size_t lo, size_t hi)
{
	w->n_units = 0;
	for (size_t i = lo; i < hi; i++) {
		struct target_unit *unit = &w->batch->units[w->batch->rows[i].unit];
		if (w->batch->rows[i].outcome != 0)
			continue;
		if (w->n_units > 0 && w->units[w->n_units - 1] == unit)
			continue;
		target_unit_clear(unit, &w->t->scratch);
		w->units[w->n_units++] = unit;
	}
}

static void pick_rows(struct work_list *w, size_t lo, size_t hi)
{
	w->n_rows = 0;
	for (size_t i = lo; i < hi; i++) {
		struct target_row *row = &w->batch->rows[i];
		struct target_unit *unit = &w->batch->units[row->unit];
		if (row->outcome != 0 || row_is_marked(row, unit))
			continue;
		bits_set(unit->set, row->index);
		unit->is_marking = true;
		w->rows[w->n_rows++] = row;
	}
}

static void rows_done(struct work_list *w)
{
	for (size_t i = 0; i < w->n_rows; i++)
		row_end(w->rows[i], OUTCOME_DONE, "", "");
}

int target_give_up(struct target *t, const struct target_fail *fail)
{
	if (fail->is_lost || fail->is_timeout)
		target_shut(t);
	else if (t->is_open)
		t->backend->rollback(t);
	/* The table that rows are gathered in may be gone: the run has ended. */
	t->is_prepared = t->is_prepared && !t->is_gathered;
	return -1;
}

/* Rows lo … hi in one transaction. `fail->row` counts within the batch. */
static int attempt(struct work_list *w, size_t lo, size_t hi, struct target_fail *fail)
{
	struct target *t = w->t;

	fail_reset(fail);
	begin_clock(w);
	if (target_connect(t, fail) < 0)
		return -1;
	if (target_prepare(t, fail) < 0)
		return -1;
	pick_units(w, lo, hi);
	if (t->backend->begin(t, w->units, w->n_units, fail) < 0)
		return target_give_up(w->t, fail);
	pick_rows(w, lo, hi);
	if (w->n_rows == 0) {
		t->backend->rollback(t);
		return 0;
	}
	(void)FAULT("target.begun");
	int rc = t->backend->run(t,
				 &(struct target_txn){.units = w->units,
						      .n_units = w->n_units,
						      .rows = w->rows,
						      .n_rows = w->n_rows},
				 fail);
	(void)FAULT("target.committed");
	if (rc == 0) {
		rows_done(w);
		return 0;
	}
	if (fail->row != NO_ROW)
		fail->row = w->rows[fail->row] - w->batch->rows;
	return target_give_up(w->t, fail);
}

/* ---- splitting ---- */

/* Rows that are still to be tried, lo … hi. */
struct range {
	size_t lo;
	size_t hi;
};

struct ranges {
	struct range *list;
	size_t n;
};

static void ranges_push(struct ranges *r, size_t lo, size_t hi)
{
	if (lo >= hi)
		return;
	r->list = xrealloc(r->list, r->n + 1, sizeof(*r->list));
	r->list[r->n++] = (struct range){lo, hi};
}

static void row_fails(struct work_list *w, size_t index, enum outcome outcome,
		      const struct target_fail *fail)
{
	struct target_row *row = &w->batch->rows[index];
	char class[TARGET_CLASS_MAX];

	verdict_class(fail, class);
	w->n_failed++;
	if (outcome == OUTCOME_DONE)
		row_end(row, OUTCOME_DONE, "", "");
	else
		row_end(row, outcome, class, arena_str(&w->batch->arena, fail->err.text));
}

/* The only row that has no end yet, or NO_ROW. */
static int64_t only_row(const struct target_batch *batch, const struct range *range)
{
	int64_t only = NO_ROW;

	for (size_t i = range->lo; i < range->hi; i++) {
		if (batch->rows[i].outcome != 0)
			continue;
		if (only != NO_ROW)
			return NO_ROW;
		only = (int64_t)i;
	}
	return only;
}

/* Around the row that the database names, or in the middle; the first part is tried first. */
static void split(struct ranges *todo, const struct range *range, int64_t row)
{
	size_t middle = range->lo + (range->hi - range->lo) / 2;

	ranges_push(todo, row != NO_ROW ? (size_t)row + 1 : middle, range->hi);
	ranges_push(todo, range->lo, row != NO_ROW ? (size_t)row : middle);
}

/* False: the rest has to wait. */
static bool on_fail(struct work_list *w, struct ranges *todo, const struct range *range,
		    const struct target_fail *fail)
{
	struct verdict v = verdict_of(w->t->job, fail);
	int64_t row = fail->row != NO_ROW ? fail->row : only_row(w->batch, range);

	if (v.rest == TARGET_LEFT || (v.rest == TARGET_FAILED && row != NO_ROW)) {
		if (row != NO_ROW)
			row_fails(w, (size_t)row, v.outcome, fail);
		if (v.rest == TARGET_LEFT)
			split(todo, range, row);
		if (v.rest == TARGET_LEFT)
			return true;
	}
	w->batch->rest = v.rest;
	verdict_class(fail, w->batch->rest_class);
	w->batch->rest_err = fail->err;
	return false;
}

/* Safety: there are no marks that would say whether it was committed, and the ledger is to know
 * that nobody does, before anything is repeated. */
static bool rows_are_unclear(struct work_list *w, const struct target_fail *fail)
{
	if (!w->t->keeps_unclear || !fail->is_unclear)
		return false;
	for (size_t i = 0; i < w->n_rows; i++)
		row_fails(w, (size_t)(w->rows[i] - w->batch->rows), OUTCOME_UNKNOWN, fail);
	return true;
}

static bool solve(struct work_list *w, struct ranges *todo, const struct range *range)
{
	struct target_fail fail;
	int rc = -1;

	for (int i = 0; rc < 0 && i < TRIES_MAX; i++) {
		rc = attempt(w, range->lo, range->hi, &fail);
		if (rc < 0 && rows_are_unclear(w, &fail))
			return true;
		if (rc < 0 && !verdict_is_passing(w->t->job, &fail, i))
			break;
	}
	return rc == 0 || on_fail(w, todo, range, &fail);
}

static void solve_all(struct work_list *w)
{
	struct ranges todo = {0};

	ranges_push(&todo, 0, w->batch->n_rows);
	/* What there is no time and no room for is nobody's fault. */
	while (todo.n > 0 && w->n_failed < FAILED_MAX && clock_boot_us() < w->limit_us) {
		struct range range = todo.list[--todo.n];
		if (!solve(w, &todo, &range))
			break;
	}
	free(todo.list);
}

/* ---- what can never be done ---- */

/* Safety: a twin of ours that was stopped before its transaction began may go on later. What is
 * reported dead is made void, so that it finds that and leaves it. */
static int make_void(struct work_list *w, struct target_fail *fail)
{
	struct target *t = w->t;
	size_t n = 0;

	fail_reset(fail);
	begin_clock(w);
	w->n_units = 0;
	for (size_t i = 0; i < w->batch->n_rows; i++) {
		struct target_row *row = &w->batch->rows[i];
		struct target_unit *unit = &w->batch->units[row->unit];
		if (row->outcome != OUTCOME_DEAD)
			continue;
		if (w->n_units == 0 || w->units[w->n_units - 1] != unit) {
			target_unit_clear(unit, &t->scratch);
			w->units[w->n_units++] = unit;
		}
		bits_set(unit->set_void, row->index);
		unit->is_marking = true;
		n++;
	}
	if (n == 0)
		return 0;
	if (target_connect(t, fail) < 0)
		return -1;
	if (t->backend->begin(t, w->units, w->n_units, fail) < 0)
		return target_give_up(w->t, fail);
	if (t->backend->run(t, &(struct target_txn){.units = w->units, .n_units = w->n_units},
			    fail) < 0)
		return target_give_up(w->t, fail);
	return 0;
}

static void void_dead(struct work_list *w)
{
	struct target_fail fail;

	if (!w->t->is_marked || make_void(w, &fail) == 0)
		return;
	/* Not decided, then: they are asked about again. */
	for (size_t i = 0; i < w->batch->n_rows; i++)
		if (w->batch->rows[i].outcome == OUTCOME_DEAD)
			row_fails(w, i, OUTCOME_RETRY, &fail);
}

void target_run(struct target *t, struct target_batch *batch)
{
	assert(t != NULL && t->magic == TARGET_MAGIC && batch != NULL);
	struct work_list w = {.t = t, .batch = batch};

	batch->rest = TARGET_LEFT;
	batch->rest_class[0] = '\0';
	batch->rest_err = ERR_INIT;
	w.limit_us = clock_boot_us() + t->place.job->work.timeout_us + RESERVE_US;
	w.units = xcalloc(batch->n_units + 1, sizeof(struct target_unit *));
	w.rows = xcalloc(batch->n_rows + 1, sizeof(struct target_row *));
	solve_all(&w);
	void_dead(&w);
	free(w.units);
	free(w.rows);
}

/* ---- before a run ---- */

int target_check(const struct job *job, struct err *err)
{
	static const uint8_t nobody[16];
	const struct template_run run = {.name = "", .job = "", .slot = "", .date = "2000-01-01"};
	const struct target_place place = {.job = job, .run = &run, .ledger_uuid = nobody};
	struct target *t = NULL;
	struct target_fail fail;

	int rc = target_open(&place, &t, err);
	if (rc < 0)
		return rc;
	fail_reset(&fail);
	t->deadline_us = clock_boot_us() + job->work.timeout_us;
	if (target_connect(t, &fail) < 0) {
		struct verdict v = verdict_of(t->job, &fail);
		*err = fail.err;
		if (v.rest != TARGET_ALIKE)
			err->code = ERR_UNAVAILABLE;
		else if (err->code != ERR_PERM)
			err->code = ERR_CONFIG;
		rc = err->code;
	}
	target_free(t);
	return rc;
}
