/* SPDX-License-Identifier: Apache-2.0 */
#include "report/run.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "ledger/rules.h"
#include "report/moment.h"

enum {
	PAGE_RUNS = 100,
	COUNT_TRIES = 5, /* a run that is at work moves between the two looks at it */
	FOUND = 1,	 /* ends a query: one row was wanted */
};

/* ---- one run ---- */

struct loading {
	struct arena *arena;
	struct report_run *run;
};

static const char run_sql[] =
	"SELECT run_id, run, job, slot, date, params, number, state, reason, started, ended,"
	" items, read, filtered, rejected, held_back, instances, job_path, source_path, step"
	" FROM run WHERE run_id = ?1";

static int on_run(void *arg, const struct ledger_row *row)
{
	struct loading *l = arg;

	*l->run = (struct report_run){
		.id = ledger_row_int(row, 0),
		.name = ledger_row_str(row, 1, l->arena),
		.job = ledger_row_str(row, 2, l->arena),
		.slot = ledger_row_str(row, 3, l->arena),
		.date = ledger_row_str(row, 4, l->arena),
		.params = ledger_row_str(row, 5, l->arena),
		.n = ledger_row_int(row, 6),
		.state = ledger_row_str(row, 7, l->arena),
		.reason = ledger_row_str(row, 8, l->arena),
		.started_at = moment_at(row, 9),
		.ended_at = moment_at(row, 10),
		.n_items = ledger_row_int(row, 11),
		.n_read = ledger_row_int(row, 12),
		.n_filtered = ledger_row_int(row, 13),
		.n_rejected = ledger_row_int(row, 14),
		.n_held_back = ledger_row_int(row, 15),
		.n_joined = ledger_row_int(row, 16),
		.job_path = ledger_row_str(row, 17, l->arena),
		.source_path = ledger_row_str(row, 18, l->arena),
		.step = ledger_row_str_or_null(row, 19, l->arena),
	};
	return FOUND;
}

static int load_counts(struct ledger *ledger, struct report_run *run, struct err *err)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_run_counts *op = &ledger_txn_add(txn, LOP_RUN_COUNTS)->u.run_counts;

	op->run_id = run->id;
	ledger_apply(ledger, txn);
	if (txn->status != LEDGER_APPLIED) {
		*err = txn->err;
		ledger_txn_free(txn);
		return err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "counting items");
	}
	run->counts = op->ret_counts;
	run->is_open = op->ret_state == RUN_OPEN;
	run->is_over = op->ret_state == RUN_FINISHED || op->ret_state == RUN_ABANDONED ||
		       op->ret_state == RUN_MISSED;
	ledger_txn_free(txn);
	return 0;
}

/* ---- who is on it ---- */

struct joined {
	const struct lop_instance_list *alive; /* or not noticed to be dead */
	struct report_run *run;
};

static int on_joined(void *arg, const struct ledger_row *row)
{
	struct joined *j = arg;
	int64_t inc = ledger_row_int(row, 0);

	for (size_t i = 0; i < j->alive->ret_n; i++) {
		if (j->alive->ret_rows[i].inc != inc)
			continue;
		if (rule_seems_gone(&j->alive->ret_rows[i]))
			j->run->n_gone++;
		else
			j->run->n_joined++;
	}
	return 0;
}

/* The view counts an instance that was killed as alive until somebody notices; its lock is free. */
static int load_joined(struct ledger *ledger, struct report_run *run, struct err *err)
{
	static const char sql[] = "SELECT inc FROM run_instance WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run->id};
	struct ledger_txn *txn = ledger_txn_new();
	struct joined joined = {
		.alive = &ledger_txn_add(txn, LOP_INSTANCE_LIST)->u.instance_list,
		.run = run,
	};
	int rc = 0;

	ledger_apply(ledger, txn);
	if (txn->status != LEDGER_APPLIED) {
		*err = txn->err;
		rc = err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "looking who is alive");
	}
	run->n_joined = 0;
	if (rc == 0)
		rc = ledger_select(ledger, sql, &param, 1, on_joined, &joined, err);
	if (rc == 0 && !run->is_over && run->n_joined == 0 && run->n_gone > 0 &&
	    strcmp(run->state, "paused") != 0)
		run->state = "stopped";
	ledger_txn_free(txn);
	return rc;
}

/* ---- where its rejects came from ---- */

struct sorting {
	struct report_run *run;
	struct job *job; /* NULL: a text that a newer program has written */
	struct arena *arena;
};

static int on_job_text(void *arg, const struct ledger_row *row)
{
	struct sorting *s = arg;
	struct err ignored = ERR_INIT;
	size_t len = 0;
	const char *text = ledger_row_text(row, 0, &len);

	if (text != NULL &&
	    job_parse(text, len, "the run's job", "/", NULL, NULL, &s->job, &ignored) < 0)
		s->job = NULL;
	return FOUND;
}

/* --source is read by each step that has a source of its own. */
static bool may_all_read_it(const struct job *job, const struct job_source *source)
{
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct job_source *other = &job->steps[i]->source;
		bool has_own = other->kind != SOURCE_NONE && other->kind != SOURCE_STEP;
		bool is_same = other->kind == source->kind &&
			       (other->path == source->path ||
				(other->path != NULL && source->path != NULL &&
				 strcmp(other->path, source->path) == 0));
		if (has_own && !is_same)
			return false;
	}
	return true;
}

static enum report_rejects kind_of(const struct job *job, int64_t number)
{
	const struct job *step = job == NULL ? NULL : job_step(job, (int)number);

	if (step == NULL)
		return REJECTS_OF_FILES;
	const struct job_source *source = &step->source;
	if (source->kind == SOURCE_INBOX)
		return REJECTS_OF_INBOX;
	if (source->kind == SOURCE_STEP)
		return REJECTS_OF_STEP;
	if (!job_is_from_database(step))
		return may_all_read_it(job, source) ? REJECTS_OF_FILES : REJECTS_AMONG;
	if (source->database.cursor_from == JOB_FROM_LAST_RUN)
		return REJECTS_BEHIND;
	return source->database.on_done != NULL ? REJECTS_TOLD : REJECTS_ALL;
}

static int on_step(void *arg, const struct ledger_row *row)
{
	const struct sorting *s = arg;
	enum report_rejects kind = kind_of(s->job, ledger_row_int(row, 0));

	/* What was moved out of an inbox is nowhere else: that load goes on where it was. */
	if (kind != REJECTS_OF_INBOX && strcmp(s->run->state, "failed") == 0 &&
	    strcmp(ledger_row_str(row, 2, s->arena), "loading") == 0)
		kind = REJECTS_OF_LOAD;
	s->run->rejects[kind] += ledger_row_int(row, 1);
	return 0;
}

static int load_rejects(struct ledger *ledger, struct arena *arena, struct report_run *run,
			struct err *err)
{
	static const char of_job[] = "SELECT job_text FROM run_text WHERE run_id = ?1";
	static const char of_steps[] = "SELECT number, rejected, state FROM step WHERE run_id = ?1";
	struct ledger_param param = {.type = LEDGER_INT, .number = run->id};
	struct sorting s = {.run = run, .arena = arena};

	if (run->n_rejected == 0)
		return 0;
	int rc = ledger_select(ledger, of_job, &param, 1, on_job_text, &s, err);
	if (rc >= 0)
		rc = ledger_select(ledger, of_steps, &param, 1, on_step, &s, err);
	job_free(s.job);
	return rc < 0 ? rc : 0;
}

static int64_t sum_of(const struct ledger_counts *c)
{
	return c->waiting + c->running + c->done + c->skipped + c->retry + c->in_doubt + c->dead;
}

int report_run_load(struct ledger *ledger, int64_t id, struct arena *arena,
		    struct report_run *ret_run, struct err *err)
{
	struct ledger_param param = {.type = LEDGER_INT, .number = id};
	struct report_run run = {0};
	struct loading loading = {.arena = arena, .run = &run};

	assert(ledger != NULL && arena != NULL && ret_run != NULL && err != NULL);
	for (int tries = 0; tries < COUNT_TRIES; tries++) {
		int rc = ledger_select(ledger, run_sql, &param, 1, on_run, &loading, err);
		if (rc != FOUND)
			return rc < 0 ? rc : REPORT_NOT_FOUND;
		rc = load_counts(ledger, &run, err);
		if (rc < 0)
			return rc;
		if (sum_of(&run.counts) == run.n_items)
			break;
	}
	int rc = run.n_joined > 0 ? load_joined(ledger, &run, err) : 0;
	if (rc == 0)
		rc = load_rejects(ledger, arena, &run, err);
	if (rc == 0)
		*ret_run = run;
	return rc;
}

/* ---- by name ---- */

static int on_id(void *arg, const struct ledger_row *row)
{
	int64_t *id = arg;

	*id = ledger_row_int(row, 0);
	return FOUND;
}

int report_run_find(struct ledger *ledger, const char *name, int64_t *ret_id, struct err *err)
{
	static const char by_name[] =
		"SELECT run_id FROM run WHERE run = ?1 ORDER BY run_id DESC LIMIT 1";
	static const char by_job[] =
		"SELECT run_id FROM run WHERE job = ?1 ORDER BY run_id DESC LIMIT 1";
	struct ledger_param param = {.type = LEDGER_TEXT, .text = name};

	assert(ledger != NULL && name != NULL && ret_id != NULL && err != NULL);
	int rc = ledger_select(ledger, by_name, &param, 1, on_id, ret_id, err);
	if (rc == 0)
		rc = ledger_select(ledger, by_job, &param, 1, on_id, ret_id, err);
	if (rc < 0)
		return rc;
	return rc == FOUND ? 0 : REPORT_NOT_FOUND;
}

/* ---- many ---- */

struct page {
	int64_t ids[PAGE_RUNS];
	size_t n;
};

static int on_page(void *arg, const struct ledger_row *row)
{
	struct page *page = arg;

	assert(page->n < PAGE_RUNS);
	page->ids[page->n++] = ledger_row_int(row, 0);
	return 0;
}

/* The numbers of the next runs below `below`. */
static int load_page(struct ledger *ledger, const struct report_run_filter *filter, int64_t below,
		     struct page *page, struct err *err)
{
#define OVER "('done', 'done_with_failures', 'abandoned', 'missed')"
#define FILTER                                                                                     \
	"SELECT run_id FROM run WHERE run_id < ?1 AND run_id > ?2 AND started >= ?3"               \
	" AND (?4 = 0 OR state NOT IN " OVER ")"                                                   \
	" AND (?7 = 0 OR (state <> 'abandoned' AND (dead > 0 OR in_doubt > 0"                      \
	"  OR (rejected > 0 AND NOT EXISTS (SELECT 1 FROM run AS later"                            \
	"  WHERE later.job = run.job AND later.run_id > run.run_id)))))"
	static const char of_all[] = FILTER " ORDER BY run_id DESC LIMIT ?5";
	static const char of_job[] = FILTER " AND job = ?6 ORDER BY run_id DESC LIMIT ?5";
#undef FILTER
#undef OVER
	char since[MOMENT_TEXT_MAX] = {0};
	struct ledger_param params[] = {
		{.type = LEDGER_INT, .number = below},
		{.type = LEDGER_INT, .number = filter->above},
		{.type = LEDGER_TEXT, .text = since},
		{.type = LEDGER_INT, .number = filter->not_over ? 1 : 0},
		{.type = LEDGER_INT, .number = PAGE_RUNS},
		{.type = LEDGER_TEXT, .text = filter->job},
		{.type = LEDGER_INT, .number = filter->needs_person ? 1 : 0},
	};

	moment_format(filter->since, since);
	page->n = 0;
	return ledger_select(ledger, filter->job == NULL ? of_all : of_job, params,
			     ARRAY_LEN(params), on_page, page, err);
}

int report_runs(struct ledger *ledger, const struct report_run_filter *filter, report_run_fn fn,
		void *arg, struct err *err)
{
	int64_t below = filter->below == 0 ? INT64_MAX : filter->below;
	struct arena arena = {0};
	struct page page = {0};
	int64_t given = 0;
	int rc = 0;

	assert(ledger != NULL && fn != NULL && err != NULL);
	do {
		rc = load_page(ledger, filter, below, &page, err);
		for (size_t i = 0; i < page.n && rc == 0 && given < filter->max; i++) {
			struct report_run run = {0};
			below = page.ids[i];
			rc = report_run_load(ledger, page.ids[i], &arena, &run, err);
			if (rc == 0) {
				given++;
				rc = fn(arg, &run);
			} else if (rc == REPORT_NOT_FOUND) {
				rc = 0; /* it went to the archive meanwhile */
			}
			arena_reset(&arena);
		}
	} while (rc == 0 && page.n == PAGE_RUNS && given < filter->max);
	arena_done(&arena);
	return rc;
}

struct report_run report_run_dup(const struct report_run *run, struct arena *arena)
{
	struct report_run copy = *run;

	copy.name = arena_str(arena, run->name);
	copy.job = arena_str(arena, run->job);
	copy.slot = arena_str(arena, run->slot);
	copy.date = arena_str(arena, run->date);
	copy.params = arena_str(arena, run->params);
	copy.state = arena_str(arena, run->state);
	copy.reason = arena_str(arena, run->reason);
	copy.job_path = arena_str(arena, run->job_path);
	copy.source_path = arena_str(arena, run->source_path);
	copy.step = arena_str(arena, run->step);
	return copy;
}

int64_t report_run_took_us(const struct report_run *run, utime now)
{
	int64_t took_us = (run->ended_at != 0 ? run->ended_at : now) - run->started_at;

	return took_us > 0 ? took_us : 0; /* somebody has set the clock back */
}
