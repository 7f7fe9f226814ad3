/* SPDX-License-Identifier: Apache-2.0 */
/* `stint runs [JOB] [-N COUNT] [--compare]`: recent runs, a line each. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/ledger_choice.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/run.h"
#include "sys/clock.h"

enum { RUNS_SHOWN = 20, RUNS_MAX = 10000, TEXT_MAX = 4096, PERCENT = 100 };

static const struct table_column columns[] = {
	{.title = "RUN", .is_right = true},
	{.title = "NAME", .max = 64},
	{.title = "STATE"},
	{.title = "BEGAN"},
	{.title = "TOOK", .is_right = true},
	{.title = "ITEMS", .is_right = true},
	{.title = "DONE", .is_right = true},
	{.title = "DEAD", .is_right = true},
	{.title = "IN DOUBT", .is_right = true},
	{.title = "LEFT", .is_right = true},
	{.title = "REJECTED", .is_right = true},
	{.title = "REMARK"},
};

struct run_list {
	struct arena arena;
	struct report_run *runs; /* newest first */
	size_t n;
	utime now;
	bool compares;
};

static int keep_run(void *arg, const struct report_run *run)
{
	struct run_list *list = arg;

	list->runs = xrealloc(list->runs, list->n + 1, sizeof(*list->runs));
	list->runs[list->n++] = report_run_dup(run, &list->arena);
	return 0;
}

/* The run of the same job before the one at `i`, NULL when it is not among these. */
static const struct report_run *forerunner(const struct run_list *list, size_t i)
{
	for (size_t k = i + 1; k < list->n; k++)
		if (strcmp(list->runs[k].job, list->runs[i].job) == 0)
			return &list->runs[k];
	return NULL;
}

static void put_change(struct buf *out, const char *name, int64_t now, int64_t before)
{
	if (now == before)
		return;
	buf_printf(out, "%s%s %+" PRId64, out->len == 0 ? "" : ", ", name, now - before);
}

/* "items +3, took +20 %, dead +2" */
static void put_changes(const struct run_list *list, const struct report_run *run,
			const struct report_run *before, struct buf *out)
{
	int64_t took = report_run_took_us(run, list->now);
	int64_t took_before = report_run_took_us(before, list->now);

	put_change(out, "items", run->n_items, before->n_items);
	put_change(out, "dead", run->counts.dead, before->counts.dead);
	put_change(out, "in doubt", run->counts.in_doubt, before->counts.in_doubt);
	put_change(out, "rejected", run->n_rejected, before->n_rejected);
	if (took_before > 0 && took != took_before)
		buf_printf(out, "%stook %+.0f %%", out->len == 0 ? "" : ", ",
			   (double)(took - took_before) * PERCENT / (double)took_before);
}

static void put_row(const struct run_list *list, size_t i, struct table *table)
{
	const struct report_run *run = &list->runs[i];
	const struct report_run *before = list->compares ? forerunner(list, i) : NULL;
	const struct ledger_counts *c = &run->counts;
	AUTO(buf) struct buf text = BUF_INIT(TEXT_MAX);
	char began[CLOCK_TEXT_MAX] = {0};

	clock_format_short(run->started_at, began);
	table_put_f(table, "%" PRId64, run->id);
	table_put(table, run->name);
	table_put(table, run->state);
	table_put(table, began);
	text_put_span(&text, report_run_took_us(run, list->now));
	table_put(table, buf_str(&text));
	table_put_int(table, run->n_items);
	table_put_int(table, c->done);
	table_put_int(table, c->dead);
	table_put_int(table, c->in_doubt);
	table_put_int(table, c->waiting + c->retry + c->running);
	table_put_int(table, run->n_rejected);
	buf_reset(&text);
	if (before != NULL)
		put_changes(list, run, before, &text);
	table_put(table, before == NULL ? run->reason : buf_str(&text));
}

static void put_json(const struct run_list *list, struct out *out)
{
	struct json_writer w = {0};

	jw_init(&w, &out->buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.runs.1");
	jw_name(&w, "runs");
	jw_array(&w);
	for (size_t i = 0; i < list->n; i++) {
		const struct report_run *before = list->compares ? forerunner(list, i) : NULL;
		jw_object(&w);
		report_run_put_json(&list->runs[i], &w);
		if (list->compares)
			jw_member_text(&w, "compared_with", before == NULL ? NULL : before->name);
		jw_object_end(&w);
		out_spill(out);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&out->buf, '\n');
}

static void put_all(struct cli *cli, const struct run_list *list)
{
	struct table table = {0};

	if (cli->wants_json) {
		put_json(list, &cli->out);
		return;
	}
	table_init(&table, &cli->out, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < list->n; i++)
		put_row(list, i, &table);
	table_end(&table);
}

int verb_runs(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct option_range range = {.min = 1, .max = RUNS_MAX, .fallback = RUNS_SHOWN};
	struct report_run_filter filter = {0};
	struct run_list list = {.now = clock_now(),
				.compares = cli->options.is_given[OPTION_COMPARE]};
	AUTO(str) char *job = NULL;

	int rc = cli_words(cli, 0, 1, err);
	if (rc == 0)
		rc = options_number(&cli->options, OPTION_COUNT_N, &range, &filter.max, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0 && cli_word(cli, 0) != NULL)
		rc = find_job(cli, ledger, cli_word(cli, 0), &job, err);
	if (rc < 0)
		return rc;
	filter.job = job;
	rc = report_runs(ledger, &filter, keep_run, &list, err);
	if (rc >= 0) {
		put_all(cli, &list);
		if (list.n == 0)
			cli_note(cli, "there are no runs yet");
		rc = EXIT_DONE;
	}
	free(list.runs);
	arena_done(&list.arena);
	return rc;
}
