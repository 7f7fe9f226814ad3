/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint work [JOB…] [--stay]`: one more instance, on this or another host, that takes part in runs
 * which are open. No job file is needed: a run keeps the job that it began with.
 *
 * This process becomes the keeper of one engine after another, one for each run that has something
 * to take. Such an engine is called with the same arguments, and told by the environment which run
 * it is to work. Runs that are still being loaded are their loader's: their source may not be here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/job_file.h"
#include "cli/ledger_choice.h"
#include "cli/run_job.h"
#include "cli/verbs.h"
#include "cli/work_known.h"
#include "host/keeper.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "report/run.h"
#include "sys/clock.h"

#define PAUSE_FIRST_US (2 * US_PER_S)
#define PAUSE_MAX_US (30 * US_PER_S)
/* What is due so soon is worth joining a run for. */
#define DUE_SOON_US (10 * US_PER_S)
enum { RUNS_MAX = 10000 };

struct worker {
	struct cli *cli;
	struct arena arena;	 /* of one round */
	struct report_run *runs; /* with something to take, oldest first */
	size_t n;
	const char *job; /* whose runs are listed now, NULL: everybody's */
	int status;	 /* of all that was worked */
	int64_t n_worked;
	struct json_writer *w; /* NULL: text */
};

/* ---- one run ---- */

static int load_work(struct cli *cli, int64_t run_id, struct arena *arena,
		     struct report_run *ret_run, struct job **ret_job, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;

	int rc = cli_read_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = report_run_load(ledger, run_id, arena, ret_run, err);
	if (rc == REPORT_NOT_FOUND)
		return ERR(err, ERR_DATA, "there is no run %" PRId64 " any more", run_id);
	if (rc == 0)
		rc = run_job_load(ledger, run_id, ret_job, err);
	if (rc == 0)
		rc = job_file_fits_here(*ret_job, err);
	if (rc < 0 && ret_run->name != NULL)
		err_add(err, "%s: ", ret_run->name);
	return rc;
}

static struct work_known known_of(struct cli *cli)
{
	return (struct work_known){.cli = cli, .load = load_work, .is_guest = true};
}

/* ---- what there is to do ---- */

/* Something of it can be taken now, or it only has to be finished. An instance that died while it
 * did that may seem to be alive for a while: who comes waits for it, and does it then. */
static bool has_something(const struct report_run *run)
{
	const struct ledger_counts *n = &run->counts;
	int64_t open = n->waiting + n->running + n->retry + n->in_doubt - n->asked;

	if (strcmp(run->state, "running") != 0 && strcmp(run->state, "stopped") != 0 &&
	    strcmp(run->state, "stopping") != 0)
		return false;
	return n->ready_chunks > 0 || open == 0 || n->next_due <= clock_now() + DUE_SOON_US ||
	       run->n_gone > 0;
}

static int keep_run(void *arg, const struct report_run *run)
{
	struct worker *w = arg;

	if (!run->is_open || !has_something(run))
		return 0;
	for (size_t i = 0; i < w->n; i++)
		if (w->runs[i].id == run->id)
			return 0; /* named twice */
	w->runs = xrealloc(w->runs, w->n + 1, sizeof(*w->runs));
	w->runs[w->n++] = report_run_dup(run, &w->arena);
	return 0;
}

static int list_job(struct worker *w, struct ledger *ledger, const char *word, struct err *err)
{
	struct report_run_filter filter = {.not_over = true, .max = RUNS_MAX};
	AUTO(str) char *job = NULL;
	int rc = word == NULL ? 0 : find_job(w->cli, ledger, word, &job, err);

	/* Who stays waits for its first run, too. */
	if (rc == ERR_DATA && w->cli->options.is_given[OPTION_STAY])
		return 0;
	filter.job = job;
	if (rc == 0)
		rc = report_runs(ledger, &filter, keep_run, w, err);
	return rc < 0 ? rc : 0;
}

/* The runs of one round, oldest first. */
static int list_runs(struct worker *w, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	size_t words = 0;

	w->n = 0;
	arena_reset(&w->arena);
	int rc = cli_read_ledger(w->cli, &ledger, err);
	for (; rc == 0 && cli_word(w->cli, words) != NULL; words++)
		rc = list_job(w, ledger, cli_word(w->cli, words), err);
	if (rc == 0 && words == 0)
		rc = list_job(w, ledger, NULL, err);
	for (size_t i = 0; rc == 0 && i < w->n / 2; i++) {
		struct report_run newest = w->runs[i];
		w->runs[i] = w->runs[w->n - 1 - i];
		w->runs[w->n - 1 - i] = newest;
	}
	return rc;
}

static void put_plan(const struct worker *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->w == NULL) {
			buf_printf(&w->cli->out.buf, "%s\n", w->runs[i].name);
			continue;
		}
		jw_object(w->w);
		jw_member_text(w->w, "run", w->runs[i].name);
		jw_object_end(w->w);
	}
	cli_note(w->cli, w->n == 0 ? "nothing to do: no open run has anything to take"
				   : "these would be taken part in");
}

/* ---- working ---- */

/* The first of 1, 75, 3, 0 that holds for any of them; what went wrong in a way of its own goes
 * before. */
static int worse_of(int a, int b)
{
	static const int order[] = {EXIT_NO, EXIT_STATUS_AGAIN, EXIT_ATTENTION, EXIT_DONE};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (order[i] == a)
			a = (int)i;
		if (order[i] == b)
			b = (int)i;
	}
	return order[a < b ? a : b];
}

static bool is_of_run(int status)
{
	return status == EXIT_DONE || status == EXIT_NO || status == EXIT_ATTENTION ||
	       status == EXIT_STATUS_AGAIN;
}

static void put_run(const struct worker *w, const struct report_run *run, int status)
{
	if (w->w == NULL)
		return;
	jw_object(w->w);
	jw_member_text(w->w, "run", run->name);
	jw_member_int(w->w, "exit_status", status);
	jw_object_end(w->w);
}

/* One after another. `*ret_moved`: some came to their end. Returns 0, an exit status that ends the
 * call, or a failure. */
static int work_round(struct worker *w, bool *ret_moved, struct err *err)
{
	const struct work_known known = known_of(w->cli);

	*ret_moved = false;
	for (size_t i = 0; i < w->n && !keeper_is_told(); i++) {
		const struct report_run *run = &w->runs[i];
		cli_note(w->cli, "takes part in %s", run->name);
		int status = work_known(&known, run->id, err);
		if (status < 0)
			return status;
		put_run(w, run, status);
		w->n_worked++;
		*ret_moved |= status != EXIT_STATUS_AGAIN;
		if (!is_of_run(status))
			return status;
		w->status = worse_of(w->status, status);
	}
	return 0;
}

/* Rounds until a signal. The ledger may be away for a while. */
static int stay(struct worker *w, struct err *err)
{
	int64_t pause = PAUSE_FIRST_US;
	bool has_moved = false;
	int rc = 0;

	do {
		struct err why = ERR_INIT;
		rc = list_runs(w, &why);
		if (rc < 0) {
			cli_error("%s; looked at again in %d s", why.text, (int)(pause / US_PER_S));
			has_moved = false;
			rc = 0;
		} else {
			rc = work_round(w, &has_moved, err);
		}
		if (rc != 0)
			return rc;
		pause = has_moved || w->n == 0	   ? PAUSE_FIRST_US
			: 2 * pause < PAUSE_MAX_US ? 2 * pause
						   : PAUSE_MAX_US;
	} while (keeper_sleep(pause));
	return 0;
}

static int work_all(struct worker *w, struct err *err)
{
	bool has_moved = false;
	bool stays = w->cli->options.is_given[OPTION_STAY] && !w->cli->is_dry_run;
	int rc = stays ? stay(w, err) : list_runs(w, err);

	if (rc == 0 && w->cli->is_dry_run) {
		put_plan(w);
		return 0;
	}
	if (rc == 0 && !stays)
		rc = work_round(w, &has_moved, err);
	if (rc == 0 && w->n_worked == 0)
		cli_note(w->cli, "nothing to do: no open run has anything to take");
	return rc;
}

static int work_with_document(struct worker *w, struct err *err)
{
	struct json_writer writer = {0};

	jw_init(&writer, &w->cli->out.buf);
	jw_object(&writer);
	jw_member_text(&writer, "schema", "stint.work.1");
	jw_name(&writer, "runs");
	jw_array(&writer);
	w->w = &writer;
	int rc = work_all(w, err);
	w->w = NULL;
	if (rc < 0)
		return rc;
	jw_array_end(&writer);
	jw_member_int(&writer, "exit_status", rc != 0 ? rc : w->status);
	jw_object_end(&writer);
	jw_done(&writer);
	buf_putc(&w->cli->out.buf, '\n');
	return rc;
}

int verb_work(struct cli *cli, struct err *err)
{
	struct worker w = {.cli = cli, .status = EXIT_DONE};
	const struct work_known known = known_of(cli);

	cli_set_unattended();
	if (keeper_child_fd() >= 0)
		return work_known_as_engine(&known, err);
	int rc = cli->wants_json ? work_with_document(&w, err) : work_all(&w, err);
	arena_done(&w.arena);
	free(w.runs);
	return rc != 0 ? rc : w.status;
}
