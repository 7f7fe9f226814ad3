/* SPDX-License-Identifier: Apache-2.0 */
/* `stint forecast JOB [--items N]`: what is to be expected, from past runs. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/job_file.h"
#include "cli/ledger_choice.h"
#include "cli/run_job.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/outlook.h"
#include "report/run.h"
#include "sys/clock.h"

#define ITEMS_MAX INT64_C(1000000000000)

static int keep_id(void *arg, const struct report_run *run)
{
	int64_t *id = arg;

	*id = run->id;
	return 1;
}

/* By today's file where one is named, else as the job's latest run began with it. */
static int load_job(const struct cli *cli, struct ledger *ledger, const char *name,
		    struct job **ret_job, struct err *err)
{
	struct report_run_filter newest = {.job = name, .max = 1};
	int64_t id = 0;

	if (strcmp(cli_word(cli, 0), name) != 0)
		return job_file_load(cli, cli_word(cli, 0), ret_job, err);
	int rc = report_runs(ledger, &newest, keep_id, &id, err);
	if (rc < 0)
		return rc;
	return run_job_load(ledger, id, ret_job, err);
}

static void put(struct cli *cli, const struct outlook *outlook)
{
	struct json_writer w = {0};

	if (!cli->wants_json) {
		outlook_put_text(outlook, &cli->out.buf);
		return;
	}
	jw_init(&w, &cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.forecast.1");
	outlook_put_json(outlook, &w);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&cli->out.buf, '\n');
}

static int forecast(struct cli *cli, struct ledger *ledger, int64_t items, struct err *err)
{
	AUTO(str) char *name = NULL;
	AUTO(job) struct job *job = NULL;
	struct outlook_run runs[OUTLOOK_RUNS_MAX];
	struct outlook_input in = {.runs = runs, .items = items, .now = clock_now()};
	struct outlook outlook = {0};

	int rc = find_job(cli, ledger, cli_word(cli, 0), &name, err);
	if (rc == 0)
		rc = outlook_load(ledger, name, runs, &in.n, err);
	if (rc == 0 && in.n == 0)
		rc = ERR(err, ERR_DATA, "no run of %s that had items has finished yet", name);
	if (rc == 0)
		rc = load_job(cli, ledger, name, &job, err);
	in.job = job;
	if (rc == 0)
		rc = outlook_compute(&in, &outlook, err);
	if (rc == 0)
		put(cli, &outlook);
	return rc < 0 ? rc : EXIT_DONE;
}

int verb_forecast(struct cli *cli, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	struct option_range range = {.min = 1, .max = ITEMS_MAX, .fallback = 0};
	int64_t items = 0;

	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = options_number(&cli->options, OPTION_ITEMS, &range, &items, err);
	if (rc == 0)
		rc = cli_read_ledger(cli, &ledger, err);
	return rc < 0 ? rc : forecast(cli, ledger, items, err);
}
