/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `stint run FILE`. What can be wrong with the call is found before anything is started; then this
 * process becomes the keeper, and the engine it starts comes through here again, with the same
 * arguments and the same time of the call.
 */
#include "cli/work_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/params.h"
#include "cli/slot.h"
#include "cli/verbs.h"
#include "host/keeper.h"
#include "job/job.h"
#include "script/check.h"
#include "target/target.h"

/* Everything that the command line says about the run, checked. */
struct wish {
	struct slot slot;
	struct params params;
	char *source; /* absolute, NULL none */
	int64_t first;
};

static void wish_done(struct wish *wish)
{
	params_done(&wish->params);
	free(wish->source);
}

static int wish_fill(const struct cli *cli, const struct job *job, utime called_at,
		     struct wish *wish, struct err *err)
{
	const struct options *o = &cli->options;
	struct slot_wish slot = {
		.date = o->value[OPTION_DATE],
		.slot = o->value[OPTION_SLOT],
		.called_at = called_at,
	};
	struct option_range range = {.min = 1, .max = INT64_MAX};

	int rc = slot_choose(job, &slot, &wish->slot, err);
	if (rc == 0)
		rc = params_choose(job, o->params, o->n_params, &wish->params, err);
	if (rc == 0)
		rc = options_number(o, OPTION_FIRST, &range, &wish->first, err);
	if (rc == 0 && o->is_given[OPTION_SOURCE])
		rc = work_run_source(job, o->value[OPTION_SOURCE], &wish->source, err);
	return rc;
}

/* What a database says now is told now; one that is not there may come back, and is waited for. */
static int check_target(const struct job *job, struct err *err)
{
	int rc = target_check(job, err);

	if (rc != ERR_UNAVAILABLE)
		return rc;
	cli_line("%s", err->text);
	*err = ERR_INIT;
	return 0;
}

static int check_targets(const struct job *job, struct err *err)
{
	int rc = job_has_target(job) ? check_target(job, err) : 0;

	for (size_t i = 0; rc == 0 && i < job->n_finishes; i++) {
		struct job finish;
		job_finish(job, i, &finish);
		rc = check_target(&finish, err);
		if (rc != 0)
			err_add(err, "on_finish: ");
	}
	return rc;
}

static int check_host(const struct job *job, struct err *err)
{
	int rc = job_file_fits_here(job, err);

	if (rc < 0)
		err_add(err, "%s: ", job->path);
	return rc;
}

int verb_run(struct cli *cli, struct err *err)
{
	AUTO(job) struct job *job = NULL;
	struct wish wish = {0};
	utime called_at = work_run_called_at();

	cli_set_unattended();
	int rc = cli_words(cli, 1, 1, err);
	if (rc == 0)
		rc = job_file_load(cli, cli_word(cli, 0), &job, err);
	if (rc == 0)
		rc = wish_fill(cli, job, called_at, &wish, err);
	if (rc == 0)
		rc = script_check(job, err);
	if (rc == 0)
		rc = check_host(job, err);
	if (rc == 0 && keeper_child_fd() < 0) /* it was, before the engine was started */
		rc = check_targets(job, err);
	bool ignores_window = cli->options.is_given[OPTION_IGNORE_WINDOW];
	utime stop_by = UTIME_NEVER;
	if (rc == 0 && !ignores_window)
		rc = slot_find_stop_by(&wish.slot, job->window.stop_by_minute, called_at, &stop_by,
				       err);
	if (rc == 0) {
		struct work_run run = {
			.cli = cli,
			.file = cli_word(cli, 0),
			.called_at = called_at,
			.spec =
				{
					.job = job,
					.slot = wish.slot.text,
					.date = wish.slot.date,
					.params = buf_str(&wish.params.json),
					.identity = buf_str(&wish.params.identity),
					.only_named = wish.slot.is_named,
					.again = cli->options.is_given[OPTION_AGAIN],
					.with_new_file =
						cli->options.is_given[OPTION_WITH_NEW_FILE],
					.source_path = wish.source == NULL ? "" : wish.source,
					.first_n = wish.first,
					.ignores_window = ignores_window,
					.stop_by = stop_by,
				},
		};
		rc = cli->is_dry_run ? work_run_plan(&run, err) : work_run(&run, err);
	}
	wish_done(&wish);
	return rc;
}
