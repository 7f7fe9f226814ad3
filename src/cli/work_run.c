/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/work_run.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/job_file.h"
#include "cli/ledger_choice.h"
#include "cli/pools.h"
#include "cli/run_result.h"
#include "engine/plan.h"
#include "host/host.h"
#include "host/keeper.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "source/source.h"
#include "sys/clock.h"
#include "sys/proc.h"

enum { PATH_BYTES_MAX = 64 * 1024, HOST_MAX = 256, KEY_MAX = 4096, NUMBER_MAX = 24 };

/* Handed from the keeper to the engine, and nobody below it. */
static const char called_at_name[] = "STINT_CALLED_AT";

utime work_run_called_at(void)
{
	const char *text = getenv(called_at_name);
	struct err ignored = ERR_INIT;
	utime at = 0;

	if (keeper_child_fd() < 0 || text == NULL ||
	    text_parse_int(text, strlen(text), &at, &ignored) < 0)
		return clock_now();
	return at;
}

static int check_two(const struct job *a, const struct job *b, struct err *err)
{
	if (a->source.kind == b->source.kind && strcmp(a->source.path, b->source.path) == 0)
		return 0;
	return ERR(err, ERR_USAGE,
		   "--source: it would be read by every step, and %s and %s read different files "
		   "(%s, %s)",
		   a->step_name, b->step_name, a->source.path, b->source.path);
}

/* Every step that has a source of its own reads it: it cannot stand for two, nor for a database. */
static int check_replaced(const struct job *job, struct err *err)
{
	const struct job *first = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < job->n_steps; i++) {
		const struct job *step = job->steps[i];
		rc = source_check_path(step, err);
		if (rc < 0 && step->step_name != NULL)
			err_add(err, "step %s: ", step->step_name);
		if (rc < 0 || !job_is_from_files(step))
			continue;
		if (first == NULL)
			first = step;
		rc = check_two(first, step, err);
	}
	if (rc == 0 && first == NULL)
		rc = ERR(err, ERR_USAGE, "--source: job %s reads no files", job->name);
	return rc;
}

int work_run_source(const struct job *job, const char *path, char **ret_path, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(PATH_BYTES_MAX);
	bool is_glob = strpbrk(path, "*?[") != NULL;

	if (check_replaced(job, err) < 0)
		return err->code;
	if (!is_glob && access(path, F_OK) != 0)
		return ERR_SYS(err, errno == EACCES ? ERR_PERM : ERR_NOINPUT, errno, "--source %s",
			       QUOTED(path, strlen(path)));
	if (path[0] != '/') { /* the job's own path starts from the job file, this one from here */
		char *here = getcwd(NULL, 0);
		if (here == NULL)
			return ERR_SYS(err, ERR_NOINPUT, errno, "--source: where we are");
		buf_printf(&b, "%s/", here);
		free(here);
	}
	buf_puts(&b, path);
	int rc = buf_check(&b, "--source", err);
	if (rc == 0)
		*ret_path = buf_take(&b);
	return rc;
}

/* ---- the keeper's half ---- */

static int become_keeper(const struct work_run *run, struct err *err)
{
	char text[NUMBER_MAX] = {0};
	int status = 0;

	(void)snprintf(text, sizeof(text), "%" PRId64, run->called_at);
	if (setenv(called_at_name, text, 1) != 0)
		return ERR_SYS(err, ERR_MEMORY, errno, "handing on the time of the call");
	int rc = keeper_run(run->cli->argv, &status, err);
	return rc < 0 ? rc : status;
}

/* ---- the engine's half ---- */

/* What is kept while the engine runs, for HUP. */
struct reloader {
	const struct work_run *run;
	struct job *jobs[16]; /* those read so far; the session keeps them until its end */
	size_t n;
};

static const struct job *reload(void *arg)
{
	struct reloader *r = arg;
	struct job *job = NULL;
	struct err err = ERR_INIT;

	if (r->n == ARRAY_LEN(r->jobs)) {
		cli_error("the job file was read again too often; what is known is kept");
		return NULL;
	}
	if (job_file_load(r->run->cli, r->run->file, &job, &err) < 0) {
		cli_error("HUP: %s; what was read before stays", err.text);
		return NULL;
	}
	cli_note(r->run->cli, "HUP: %s was read again", job->path);
	r->jobs[r->n++] = job;
	return job;
}

static enum host_progress progress_of(const struct cli *cli)
{
	const char *term = getenv("TERM");

	if (cli->is_quiet || cli->options.is_given[OPTION_NO_PROGRESS])
		return HOST_PROGRESS_NONE;
	if (isatty(STDERR_FILENO) == 1 && (term == NULL || strcmp(term, "dumb") != 0))
		return HOST_PROGRESS_BAR;
	return HOST_PROGRESS_LINES;
}

static int verbosity_of(const struct cli *cli)
{
	if (cli->is_quiet)
		return -1;
	return cli->is_verbose ? 1 : 0;
}

static int work_here(const struct work_run *run, struct ledger *ledger, struct run_result *result,
		     struct err *err)
{
	struct reloader reloader = {.run = run};
	AUTO(config) struct config config = {0};
	char host[HOST_MAX] = {0};
	char name[HOST_MAX + NUMBER_MAX] = {0};
	int status = 0;

	proc_host_name(host, sizeof(host));
	(void)snprintf(name, sizeof(name), "%s/%d", host, (int)getpid());
	struct host_options options = {
		.ledger = ledger,
		.spec = run->spec,
		.progress = progress_of(run->cli),
		.verbosity = verbosity_of(run->cli),
		.keeper_fd = keeper_child_fd(),
		.reload = reload,
		.arg = &reloader,
	};
	options.spec.instance_name = name;
	int rc = config_load(run->cli->options.value[OPTION_CONFIG], &config, err);
	options.spec.pools = config.pools;
	options.spec.n_pools = config.n_pools;
	if (rc == 0)
		rc = run_result_begin(result, ledger, &run->spec, err);
	if (rc == 0)
		rc = host_run(&options, &status, err);
	for (size_t i = 0; i < reloader.n; i++)
		job_free(reloader.jobs[i]);
	return rc < 0 ? rc : status;
}

/* Safety: after a failover to a standby that does not have the last commits, an item whose start
 * was only in these would be started once more. */
static int check_rpo(const struct job *job, const struct ledger *ledger, struct err *err)
{
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct job *step = job->steps[i];
		if (step->work.effect != JOB_ONCE || step->work.accept_rpo ||
		    !ledger_may_lose_commits(ledger))
			continue;
		(void)ERR(
			err, ERR_CONFIG,
			"effect: once, and the ledger's server has standbys but waits for none of "
			"them (synchronous_standby_names is empty): a failover would lose commits, "
			"and items be done twice; name one, or say work.accept_rpo: true");
		if (step->step_name != NULL)
			err_add(err, "step %s: ", step->step_name);
		return err->code;
	}
	return 0;
}

int work_run(const struct work_run *run, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	AUTO(str) char *url = NULL;
	const char *from = NULL;
	struct run_result result = {0};

	assert(run != NULL && run->cli != NULL && err != NULL);
	int rc = pools_check_call(run->cli, run->spec.job, err);
	if (rc == 0)
		rc = cli_ledger_url(run->cli, &url, &from, err);
	if (rc < 0)
		return rc;
	if (keeper_child_fd() < 0)
		return become_keeper(run, err);
	(void)unsetenv(called_at_name); /* fails for malformed names only */
	rc = cli_open_ledger(run->cli, LEDGER_CREATE, &ledger, err);
	if (rc == 0)
		rc = cli_hide_ledger(run->cli, err);
	if (rc < 0)
		return rc;
	rc = check_rpo(run->spec.job, ledger, err);
	if (rc < 0)
		return rc;
	const char *file = ledger_url_file(ledger_url(ledger));
	cli_note(run->cli, "ledger %s", file != NULL ? file : ledger_url(ledger));
	int status = work_here(run, ledger, &result, err);
	if (status >= 0)
		run_result_put(&result, run->cli, ledger, status);
	run_result_done(&result);
	return status;
}

/* ---- --dry-run ---- */

/* Names of runs by number, from a list. */
static const char *name_of(const struct lop_run_list *list, int64_t id)
{
	for (size_t i = 0; i < list->ret_n; i++)
		if (list->ret_rows[i].id == id)
			return list->ret_rows[i].name;
	return "";
}

static void put_plan(const struct work_run *run, const struct plan *plan,
		     const struct lop_run_list *list)
{
	struct buf *b = &run->cli->out.buf;
	char name[KEY_MAX] = {0};

	if (plan->verdict == PLAN_OLDER_IS_ON) {
		buf_printf(b, "nothing: %s is on elsewhere (overlap: skip); exit status 69\n",
			   plan->on_elsewhere->name);
		return;
	}
	for (size_t i = 0; i < plan->n_abandons; i++)
		buf_printf(b, "would abandon  %s (carry_over: abandon)\n",
			   name_of(list, plan->abandons[i]));
	for (size_t i = 0; i < plan->n_runs; i++)
		buf_printf(b, "would resume   %s\n", name_of(list, plan->runs[i]));
	if (plan->over != NULL)
		buf_printf(b, "nothing to do  %s is over already; --again makes a further one\n",
			   plan->over->name);
	if (!plan->creates)
		return;
	plan_run_name(&run->spec, run->spec.job->name, plan->new_n, name, sizeof(name));
	buf_printf(b, "would begin    %s (business date %s)\n", name, run->spec.date);
}

static void put_plan_json(const struct work_run *run, const struct plan *plan,
			  const struct lop_run_list *list)
{
	struct json_writer w = {0};
	char name[KEY_MAX] = {0};

	jw_init(&w, &run->cli->out.buf);
	jw_object(&w);
	jw_member_text(&w, "schema", "stint.run-plan.1");
	jw_name(&w, "abandon");
	jw_array(&w);
	for (size_t i = 0; i < plan->n_abandons; i++)
		jw_text(&w, name_of(list, plan->abandons[i]));
	jw_array_end(&w);
	jw_name(&w, "resume");
	jw_array(&w);
	for (size_t i = 0; i < plan->n_runs; i++)
		jw_text(&w, name_of(list, plan->runs[i]));
	jw_array_end(&w);
	jw_member_text(&w, "over", plan->over == NULL ? NULL : plan->over->name);
	jw_member_text(&w, "on_elsewhere",
		       plan->on_elsewhere == NULL ? NULL : plan->on_elsewhere->name);
	if (plan->creates)
		plan_run_name(&run->spec, run->spec.job->name, plan->new_n, name, sizeof(name));
	jw_member_text(&w, "begin", plan->creates ? name : NULL);
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(&run->cli->out.buf, '\n');
}

/* The runs of the job as the ledger has them; nothing where there is no ledger. Takes no part in
 * it. */
static int list_runs(const struct work_run *run, struct ledger_txn *txn, struct err *err)
{
	AUTO(ledger) struct ledger *ledger = NULL;
	char base[KEY_MAX] = {0};
	char key[KEY_MAX + 2] = {0}; /* the base and "/1" */

	plan_due_base(&run->spec, base, sizeof(base));
	(void)snprintf(key, sizeof(key), "%s/1", base);
	ledger_txn_add(txn, LOP_RUN_LIST)->u.run_list = (struct lop_run_list){
		.job = run->spec.job->name,
		.due_key = arena_str(&txn->arena, key),
		.due_base = arena_str(&txn->arena, base),
	};
	int rc = cli_find_ledger(run->cli, &ledger, err);
	if (rc != 0)
		return rc == CLI_NO_LEDGER ? 0 : rc;
	ledger_apply(ledger, txn);
	if (txn->status == LEDGER_APPLIED)
		return 0;
	*err = txn->err;
	return err->code < 0 ? err->code : ERR(err, ERR_LEDGER, "reading the ledger");
}

int work_run_plan(const struct work_run *run, struct err *err)
{
	struct ledger_txn *txn = ledger_txn_new();

	assert(run != NULL && run->cli != NULL && err != NULL);
	int rc = pools_check_call(run->cli, run->spec.job, err);
	if (rc == 0)
		rc = list_runs(run, txn, err);
	if (rc == 0) {
		const struct lop_run_list *list = &txn->first->u.run_list;
		struct plan plan = plan_runs(&run->spec, list, &txn->arena);
		if (run->cli->wants_json)
			put_plan_json(run, &plan, list);
		else
			put_plan(run, &plan, list);
	}
	ledger_txn_free(txn);
	return rc;
}
