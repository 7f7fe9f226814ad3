/* SPDX-License-Identifier: Apache-2.0 */
/* `stint report [RUN] [--since T] [--by WHAT] [--format text|json|csv]`. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/doubt_list.h"
#include "cli/find.h"
#include "cli/item_list.h"
#include "cli/ledger_choice.h"
#include "cli/slot.h"
#include "cli/verbs.h"
#include "ledger/ledger.h"
#include "report/moment.h"
#include "report/report.h"
#include "sys/clock.h"

enum { REPORTS_MAX = 100000, WHY_MAX = 1024 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_COUNT_ };

/* What is asked for, and what was found so far. */
struct reporting {
	struct cli *cli;
	struct ledger *ledger;
	struct json_writer *w; /* FORMAT_JSON */
	struct item_csv csv;   /* FORMAT_CSV */
	enum format format;
	enum report_by by;
	bool is_list; /* --since: any number of them */
	int64_t n;
	int status;
	struct err *err;
};

static int put_report(struct reporting *r, int64_t run_id)
{
	AUTO(report) struct report *report = NULL;
	AUTO(buf) struct buf why = BUF_INIT(WHY_MAX);
	struct out *out = &r->cli->out;

	int rc = report_gather(r->ledger, run_id, r->by, clock_now(), &report, r->err);
	if (rc != 0)
		return rc;
	if (!report_balances(report, &why)) {
		rc = ERR(
			r->err, ERR_BUG,
			"the report of %s does not add up: %s; `stint ledger verify` looks into it",
			report->run.name, buf_str(&why));
		if (!r->is_list)
			return rc;
		cli_error("%s", r->err->text);
		r->status = EXIT_STATUS_BUG;
		return 0;
	}
	if (r->format == FORMAT_TEXT) {
		if (r->n > 0)
			buf_puts(&out->buf, "\n\n");
		report_put_text(report, &out->buf);
		if (r->by == REPORT_BY_NONE)
			rc = doubt_list_put(r->cli, r->ledger, &report->run, r->err);
	} else if (r->format == FORMAT_JSON) {
		if (r->is_list)
			jw_object(r->w);
		report_put_json(report, r->w);
		rc = doubt_list_put_json(r->cli, r->ledger, &report->run, r->w, r->err);
		if (r->is_list)
			jw_object_end(r->w);
	}
	r->n++;
	out_spill(out);
	return rc;
}

static int on_run(void *arg, const struct report_run *run)
{
	struct reporting *r = arg;

	if (r->format == FORMAT_CSV) {
		r->n++;
		r->csv.has_steps |= !r->is_list && run->step != NULL;
		return item_csv_put(&r->csv, run, r->err);
	}
	int rc = put_report(r, run->id);
	return rc < 0 ? rc : 0; /* gone meanwhile: not of interest */
}

static int on_any(void *arg, const struct ledger_row *row)
{
	(void)row;
	*(bool *)arg = true;
	return 1; /* one is enough */
}

/* Lines of one table have the same columns. */
static int look_for_steps(struct reporting *r, utime since, struct err *err)
{
	static const char sql[] = "SELECT run_id FROM run WHERE started >= ?1 AND step IS NOT NULL"
				  " LIMIT 1";
	char text[MOMENT_TEXT_MAX] = {0};
	struct ledger_param param = {.type = LEDGER_TEXT, .text = text};

	moment_format(since, text);
	int rc = ledger_select(r->ledger, sql, &param, 1, on_any, &r->csv.has_steps, err);
	return rc < 0 ? rc : 0;
}

static int report_since(struct reporting *r, const char *since, struct err *err)
{
	struct report_run_filter filter = {.max = REPORTS_MAX};

	int rc = when_parse(since, "--since", clock_now(), &filter.since, err);
	if (rc < 0)
		return rc;
	if (r->w != NULL) {
		jw_name(r->w, "reports");
		jw_array(r->w);
	}
	rc = r->format == FORMAT_CSV ? look_for_steps(r, filter.since, err) : 0;
	if (rc == 0)
		rc = report_runs(r->ledger, &filter, on_run, r, err);
	if (r->w != NULL)
		jw_array_end(r->w);
	if (rc == 0 && r->n == 0)
		cli_note(r->cli, "no run has begun since %s", since);
	return rc;
}

/* The run that is named, else the latest. */
static int report_one(struct reporting *r, const char *word, struct err *err)
{
	struct report_run_filter newest = {.max = 1};
	struct arena arena = {0};
	struct report_run run = {0};
	int rc = 0;

	if (word == NULL) {
		rc = report_runs(r->ledger, &newest, on_run, r, err);
		if (rc == 0 && r->n == 0)
			rc = ERR(err, ERR_DATA, "nothing has run yet in %s", ledger_url(r->ledger));
		return rc;
	}
	rc = find_run(r->cli, r->ledger, word, &arena, &run, err);
	if (rc == 0)
		rc = on_run(r, &run);
	arena_done(&arena);
	return rc;
}

static int report_all(struct reporting *r, struct err *err)
{
	const struct options *o = &r->cli->options;

	if (o->is_given[OPTION_SINCE])
		return report_since(r, o->value[OPTION_SINCE], err);
	return report_one(r, cli_word(r->cli, 0), err);
}

static int read_options(struct reporting *r, struct err *err)
{
	static const char *const formats[] = {"text", "json", "csv", NULL};
	static const char *const later[] = {"html", "junit"};
	const char *bys[REPORT_BY_COUNT_] = {0};
	const struct options *o = &r->cli->options;
	int format = r->cli->wants_json ? FORMAT_JSON : FORMAT_TEXT;
	int by = 0;

	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (o->is_given[OPTION_FORMAT] && strcmp(o->value[OPTION_FORMAT], later[i]) == 0)
			return ERR(err, ERR_USAGE, "--format %s: not available in this version",
				   later[i]);
	for (size_t i = 1; i < REPORT_BY_COUNT_; i++)
		bys[i - 1] = report_by_word((enum report_by)i);
	int rc = options_word(o, OPTION_FORMAT, formats, format, &format, err);
	if (rc == 0)
		rc = options_word(o, OPTION_BY, bys, -1, &by, err);
	r->format = (enum format)format;
	r->by = (enum report_by)(by + 1);
	r->is_list = o->is_given[OPTION_SINCE];
	if (rc == 0 && r->is_list && cli_word(r->cli, 0) != NULL)
		rc = ERR(err, ERR_USAGE, "report: --since is for all runs: leave RUN out");
	return rc;
}

int verb_report(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct json_writer w = {0};
	struct reporting r = {.cli = cli, .err = err};

	int rc = cli_words(cli, 0, 1, err);
	if (rc == 0)
		rc = read_options(&r, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	if (rc < 0)
		return rc;
	r.ledger = ledger;
	r.csv = (struct item_csv){.cli = cli, .ledger = ledger};
	if (r.format == FORMAT_JSON) {
		r.w = &w;
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", r.is_list ? "stint.reports.1" : "stint.report.1");
	}
	rc = report_all(&r, err);
	if (rc < 0 && !r.is_list)
		buf_reset(&cli->out.buf); /* a document is whole, or there is none */
	if (rc < 0)
		return rc;
	if (r.w != NULL) {
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	}
	return r.status;
}
