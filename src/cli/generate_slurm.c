/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An array job for Slurm: instances of `stint work` on as many nodes as it has tasks.
 *
 * A task is told to end (TERM to itself, not to the programs of its items) long enough before its
 * time limit for what it has begun to end in order. What is left is taken by the other tasks, or by
 * the next submission.
 */
#include "cli/generate_slurm.h"

#include <assert.h>
#include <inttypes.h>

#include "base/buf.h"
#include "job/job.h"

#define TIME_DEFAULT_US US_PER_HOUR
/* Beyond the job's grace: to give back what was not begun, and Slurm may be a minute early. */
#define DRAIN_EXTRA_US (60 * US_PER_S)
enum {
	SECONDS_PER_MINUTE = 60,
	MINUTES_PER_HOUR = 60,
	DRAIN_SECONDS_MAX = 65535, /* of --signal */
};

static int64_t seconds_up(int64_t us)
{
	return (us + US_PER_S - 1) / US_PER_S;
}

void generate_slurm(const struct job *job, struct buf *b)
{
	assert(job != NULL && b != NULL);
	int64_t drain = seconds_up(job->window.grace_us + DRAIN_EXTRA_US);
	int64_t minutes = TIME_DEFAULT_US / US_PER_MIN;

	if (drain > DRAIN_SECONDS_MAX)
		drain = DRAIN_SECONDS_MAX;
	if (job->window.max_us > 0)
		minutes = job->window.max_us / US_PER_MIN + 1;
	minutes += drain / SECONDS_PER_MINUTE + 1;
	buf_printf(
		b,
		"#!/bin/sh\n"
		"# Made by `stint generate slurm`. Instances of stint for job %s: start its run\n"
		"# anywhere (`stint run`), then `sbatch` this. The number of tasks, the time and\n"
		"# what each may use are yours to change.\n"
		"#SBATCH --job-name=stint-%s\n"
		"#SBATCH --array=1-4\n"
		"#SBATCH --time=%02" PRId64 ":%02" PRId64 ":00\n",
		job->name, job->name, minutes / MINUTES_PER_HOUR, minutes % MINUTES_PER_HOUR);
	buf_printf(b,
		   "# Told to end so many seconds before that: window.grace and a minute.\n"
		   "#SBATCH --signal=B:TERM@%" PRId64 "\n"
		   "#SBATCH --output=stint-%s.%%A_%%a.log\n\n"
		   "# The ledger: one that all nodes reach (PostgreSQL), by STINT_LEDGER or the\n"
		   "# configuration file.\n"
		   "# exec: so that the signal reaches stint, and not a shell that waits for it.\n"
		   "exec stint work %s --no-progress\n",
		   drain, job->name, job->name);
}
