/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint retry SELECTION [--now]`: gives dead items another chance.
 *
 * With --now this process then becomes the keeper of one engine after another, one for each run
 * that it opened again. Such an engine is called with the same arguments: it must not retry
 * anything a second time, and is told by the environment which run it is to work.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/ledger_choice.h"
#include "cli/person.h"
#include "cli/verbs.h"
#include "cli/work_known.h"
#include "host/keeper.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/run.h"

static const struct person_words words = {
	.schema = "stint.retry.1",
	.takes = "only items that are dead can be tried again",
	.will = "will be tried again",
	.would = "would be tried again",
	.one = "will be tried again",
	.many = "will be tried again",
	.wish = {.by_itself = SELECT_DEAD, .allowed = SELECT_DEAD},
};

/* ---- --now ---- */

/* The run, and today's file of its job, if it can be worked here. */
static int load_work(struct cli *cli, int64_t run_id, struct arena *arena,
		     struct report_run *ret_run, struct job **ret_job, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;

	int rc = cli_read_ledger(cli, &ledger, err);
	if (rc < 0)
		return rc;
	rc = report_run_load(ledger, run_id, arena, ret_run, err);
	if (rc == REPORT_NOT_FOUND)
		return ERR(err, ERR_DATA, "there is no run %" PRId64 " any more", run_id);
	if (rc == 0)
		rc = job_file_load(cli, ret_run->job_path, ret_job, err);
	if (rc == 0)
		rc = job_file_fits_here(*ret_job, err);
	if (rc < 0 && ret_run->name != NULL)
		err_add(err, "--now: %s: ", ret_run->name);
	return rc;
}

static struct work_known known_of(struct cli *cli)
{
	return (struct work_known){.cli = cli, .load = load_work};
}

/* Nothing is opened again that could not be worked here. */
static int check_files(struct person *p, struct err *err)
{
	struct arena arena = {0};
	int rc = 0;

	for (size_t i = 0; i < p->n_runs && rc == 0; i++) {
		struct report_run run = {0};
		AUTO(job) struct job *job = NULL;
		if (p->runs[i].sum.changed > 0)
			rc = load_work(p->cli, p->runs[i].id, &arena, &run, &job, err);
		arena_reset(&arena);
	}
	arena_done(&arena);
	return rc;
}

/* The first of 1, 75, 3, 0 that holds for any of them. */
static int worse_of(int a, int b)
{
	static const int order[] = {EXIT_NO, EXIT_STATUS_AGAIN, EXIT_ATTENTION};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_DONE;
}

/* Works the runs one after another. Returns the exit status; only what one run came to lets the
 * next begin: done, not all done, failed. */
static int work_all(struct person *p, struct err *err)
{
	const struct work_known known = known_of(p->cli);
	int all = EXIT_DONE;

	for (size_t i = 0; i < p->n_runs; i++) {
		struct person_run *run = &p->runs[i];
		if (run->sum.changed == 0)
			continue;
		int status = work_known(&known, run->id, err);
		if (status < 0)
			return status;
		run->exit_status = status;
		if (status != EXIT_DONE && status != EXIT_ATTENTION && status != EXIT_NO) {
			if (i + 1 < p->n_runs)
				cli_error("what is left of the selection is tried again by the "
					  "next `stint run` of its job");
			return status == EXIT_STATUS_AGAIN ? worse_of(all, status) : status;
		}
		all = worse_of(all, status);
	}
	return all;
}

/* ---- the verb ---- */

static void put_document(const struct person *p, int status)
{
	struct json_writer w = {0};

	if (!p->cli->wants_json)
		return;
	jw_init(&w, &p->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", words.schema);
	person_put_json(p, &w);
	jw_member_int(&w, "exit_status", status);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&p->cli->out.buf, '\n');
}

/* Retries, says so, and works them. */
static int retry_now(struct person *p, struct err *err)
{
	int rc = person_open(p, err);

	if (rc == 0)
		rc = person_count(p, err);
	if (rc == 0)
		rc = check_files(p, err);
	if (rc == 0)
		rc = person_do(p, err);
	if (rc != 0)
		return rc < 0 ? rc : EXIT_NO;
	person_put(p);
	int status = person_exit(p);
	if (p->sum.changed > 0 && !p->cli->is_dry_run) {
		rc = out_end(&p->cli->out, err); /* before what the engine says */
		person_ledger_close(&p->ledger); /* the engine has its own */
		if (rc == 0)
			rc = work_all(p, err);
		if (rc < 0)
			return rc;
		status = rc;
	}
	put_document(p, status);
	return status;
}

int verb_retry(struct cli *cli, struct err *err)
{
	struct person p = {.cli = cli, .verb = PERSON_RETRY, .words = &words};
	const struct work_known known = known_of(cli);
	bool now = cli->options.is_given[OPTION_NOW_WORK];

	if (now)
		cli_set_unattended();
	if (now && !cli->is_dry_run && keeper_child_fd() >= 0)
		return work_known_as_engine(&known, err);
	int rc = selection_check(cli, &words.wish, err);
	if (rc == 0)
		rc = person_why(cli, false, &p.why, err);
	if (rc < 0)
		return rc;
	if (!now)
		return person_act(&p, err);
	rc = retry_now(&p, err);
	person_done(&p);
	return rc;
}
