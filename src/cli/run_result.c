/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_result.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "engine/plan.h"
#include "engine/session.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/next.h"
#include "report/run.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	RUNS_MAX = 1000, /* that a call works; the plan has no more either */
	NAME_MAX_BYTES = 4096,
};

static int keep_before(void *arg, const struct report_run *run)
{
	struct run_result *result = arg;

	result->before = xrealloc(result->before, result->n_before + 1, sizeof(*result->before));
	result->before[result->n_before] = *run;
	result->before[result->n_before].state = arena_str(&result->arena, run->state);
	result->n_before++;
	return 0;
}

static int keep_last(void *arg, const struct report_run *run)
{
	struct run_result *result = arg;

	result->last_id = run->id;
	return 1;
}

int run_result_begin(struct run_result *result, struct ledger *ledger,
		     const struct session_spec *spec, struct err *err)
{
	struct report_run_filter open_ones = {
		.job = spec->job->name, .not_over = true, .max = RUNS_MAX};
	struct report_run_filter newest = {.max = 1};
	char name[NAME_MAX_BYTES] = {0};

	assert(result != NULL && ledger != NULL && err != NULL);
	*result = (struct run_result){0};
	result->job = arena_str(&result->arena, spec->job->name);
	plan_run_name(spec, spec->job->name, 1, name, sizeof(name));
	result->present = arena_str(&result->arena, name);
	result->only_present = spec->only_named && spec->run_id == 0;
	int rc = report_runs(ledger, &newest, keep_last, result, err);
	if (rc >= 0)
		rc = report_runs(ledger, &open_ones, keep_before, result, err);
	return rc < 0 ? rc : 0;
}

static bool counts_differ(const struct ledger_counts *a, const struct ledger_counts *b)
{
	return a->done != b->done || a->skipped != b->skipped || a->retry != b->retry ||
	       a->in_doubt != b->in_doubt || a->dead != b->dead || a->running != b->running ||
	       a->waiting != b->waiting;
}

/* Whether something happened to a run that was there before. */
static bool has_moved(const struct report_run *before, const struct report_run *run)
{
	return strcmp(before->state, run->state) != 0 || before->ended_at != run->ended_at ||
	       counts_differ(&before->counts, &run->counts);
}

struct putter {
	const struct run_result *result;
	struct cli *cli;
	struct json_writer *w; /* NULL: text */
	int64_t n;
};

/* Whoever reads standard error has to know that it is not all. */
static void put_lost(const struct putter *p, struct json_writer *w)
{
	uint64_t lost = log_dropped();

	if (w != NULL)
		jw_member_int(w, "messages_lost", (int64_t)lost);
	else if (lost > 0)
		buf_printf(&p->cli->out.buf,
			   "  %" PRIu64 " messages could not be written to standard error\n", lost);
}

static void put_part(struct buf *out, int64_t n, const char *name)
{
	if (n == 0)
		return;
	buf_puts(out, ", ");
	text_put_count(out, n);
	buf_printf(out, " %s", name);
}

static void put_text(struct buf *out, const struct report_run *run)
{
	const struct ledger_counts *c = &run->counts;
	utime end = run->ended_at != 0 ? run->ended_at : clock_now();
	struct arena arena = {0};
	struct next next = {0};

	buf_printf(out, "%s: ", run->name);
	for (const char *at = run->state; *at != '\0'; at++)
		buf_putc(out, *at == '_' ? ' ' : *at);
	if (run->reason[0] != '\0') {
		buf_puts(out, " (");
		text_put_printable(out, run->reason, strlen(run->reason), 0);
		buf_putc(out, ')');
	}
	buf_puts(out, "\n  ");
	if (run->n_items == 0 && run->is_over)
		buf_puts(out, "nothing to do");
	else {
		text_put_count(out, run->n_items);
		buf_puts(out, run->n_items == 1 ? " item" : " items");
	}
	put_part(out, c->done, "done");
	put_part(out, c->skipped, "skipped");
	put_part(out, c->retry, "in retry");
	put_part(out, c->in_doubt, "in doubt");
	put_part(out, c->dead, "dead");
	put_part(out, c->waiting + c->running, "waiting");
	put_part(out, run->n_rejected, "rejected");
	put_part(out, run->n_filtered, "filtered");
	put_part(out, run->n_held_back, "held back");
	buf_puts(out, "; ");
	text_put_span(out, end > run->started_at ? end - run->started_at : 0);
	buf_putc(out, '\n');
	next_of_run(run, &arena, &next);
	for (size_t i = 0; i < next.n; i++)
		buf_printf(out, "  next: %s\n        %s\n", next.steps[i].command,
			   next.steps[i].because);
	arena_done(&arena);
}

/* The run of the present slot, or a further one of it (#N). */
static bool is_present(const struct run_result *result, const char *name)
{
	size_t len = strlen(result->present);

	return strncmp(name, result->present, len) == 0 && (name[len] == '\0' || name[len] == '#');
}

static int put_run(void *arg, const struct report_run *run)
{
	struct putter *p = arg;

	if (p->result->only_present && !is_present(p->result, run->name))
		return 0;
	p->n++;
	if (p->w == NULL) {
		put_text(&p->cli->out.buf, run);
		return 0;
	}
	jw_object(p->w);
	report_run_put_json(run, p->w);
	jw_object_end(p->w);
	return 0;
}

/* A call that had nothing to do is about the run that was over. */
static int put_present(const struct run_result *result, struct putter *p, struct ledger *ledger,
		       struct err *err)
{
	struct arena arena = {0};
	struct report_run run = {0};
	int64_t id = 0;

	int rc = report_run_find(ledger, result->present, &id, err);
	if (rc == 0)
		rc = report_run_load(ledger, id, &arena, &run, err);
	if (rc == 0)
		rc = put_run(p, &run);
	arena_done(&arena);
	return rc < 0 ? rc : 0;
}

/* The runs that were there and moved, oldest first, and then the new ones. */
static int put_runs(const struct run_result *result, struct putter *p, struct ledger *ledger,
		    struct err *err)
{
	struct report_run_filter new_ones = {
		.job = result->job, .above = result->last_id, .max = RUNS_MAX};
	struct arena arena = {0};
	int rc = 0;

	for (size_t i = result->n_before; i-- > 0 && rc >= 0;) {
		struct report_run run = {0};
		rc = report_run_load(ledger, result->before[i].id, &arena, &run, err);
		if (rc == 0 && has_moved(&result->before[i], &run))
			(void)put_run(p, &run); /* never ends the walk */
		arena_reset(&arena);
	}
	if (rc >= 0)
		rc = report_runs(ledger, &new_ones, put_run, p, err);
	if (rc == 0 && p->n == 0)
		rc = put_present(result, p, ledger, err);
	arena_done(&arena);
	return rc;
}

void run_result_put(struct run_result *result, struct cli *cli, struct ledger *ledger, int status)
{
	struct json_writer w = {0};
	struct putter p = {.result = result, .cli = cli, .w = cli->wants_json ? &w : NULL};
	struct err err = ERR_INIT;

	assert(result->job != NULL);
	if (p.w == NULL && cli->is_quiet && status == EXIT_DONE)
		return;
	if (p.w != NULL) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.run.1");
		jw_member_text(&w, "ledger", ledger_url(ledger));
		jw_name(&w, "runs");
		jw_array(&w);
	}
	/* The work is done and safe whether or not its summary can be read. */
	if (put_runs(result, &p, ledger, &err) < 0)
		cli_error("the summary: %s; see `stint report`", err.text);
	if (p.w == NULL)
		put_lost(&p, NULL);
	if (p.w != NULL) {
		jw_array_end(&w);
		jw_member_int(&w, "exit_status", status);
		put_lost(&p, &w);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	}
}

void run_result_done(struct run_result *result)
{
	free(result->before);
	arena_done(&result->arena);
	*result = (struct run_result){0};
}
