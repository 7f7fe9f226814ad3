/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/work_known.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/slot.h"
#include "cli/work_run.h"
#include "job/job.h"
#include "report/run.h"

enum { NUMBER_MAX = 24 };

/* Handed from the keeper to the engine, and nobody below it. */
static const char run_name[] = "STINT_KNOWN_RUN";

static int work_one(const struct work_known *known, int64_t run_id, struct err *err)
{
	struct arena arena = {0};
	struct report_run run = {0};
	AUTO(job) struct job *job = NULL;

	int rc = known->load(known->cli, run_id, &arena, &run, &job, err);
	if (rc == 0) {
		utime called_at = work_run_called_at();
		struct work_run work = {
			.cli = known->cli,
			.file = run.job_path,
			.called_at = called_at,
			.spec =
				{
					.job = job,
					.slot = run.slot,
					.date = run.date,
					.params = run.params,
					.identity = "",
					.only_named = true,
					.run_id = run_id,
					.is_guest = known->is_guest,
					.source_path = "",
					.stop_by = slot_stop_by(job->window.stop_by_minute,
								called_at),
				},
		};
		rc = work_run(&work, err);
	}
	arena_done(&arena);
	return rc;
}

int work_known(const struct work_known *known, int64_t run_id, struct err *err)
{
	char text[NUMBER_MAX] = {0};

	assert(known != NULL && known->load != NULL && err != NULL);
	(void)snprintf(text, sizeof(text), "%" PRId64, run_id); /* fits */
	if (setenv(run_name, text, 1) != 0)
		return ERR_SYS(err, ERR_MEMORY, errno, "handing on the run");
	return work_one(known, run_id, err);
}

int work_known_as_engine(const struct work_known *known, struct err *err)
{
	struct cli *cli = known->cli;
	const char *text = getenv(run_name);
	int64_t id = 0;

	if (text == NULL || text_parse_int(text, strlen(text), &id, err) < 0)
		return ERR(err, ERR_BUG, "the engine was not told which run to work");
	(void)unsetenv(run_name); /* fails for malformed names only */
	if (cli->wants_json) {
		/* The one document is the keeper's; what became of the run is told beside it. */
		cli->wants_json = false;
		cli->out.fd = STDERR_FILENO;
		cli->out.has_colour = false;
	}
	return work_one(known, id, err);
}
