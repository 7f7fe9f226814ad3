/* SPDX-License-Identifier: Apache-2.0 */
/* `stint generate SYSTEM FILE…`: what another system needs to work with a job. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/generate_slurm.h"
#include "cli/job_file.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "target/marker.h"

/* The marker table's DDL, for whoever may make tables there. */
static int generate_marker(struct cli *cli, const char *file, struct err *err)
{
	AUTO(job) struct job *job = NULL;

	if (cli->options.is_given[OPTION_TO_DIRECTORY])
		return ERR(err, ERR_USAGE,
			   "generate marker: --to: it is one statement, which is printed");
	int rc = job_file_load(cli, file, &job, err);
	if (rc < 0)
		return rc;
	if (!job_has_target(job) || job->work.effect != JOB_TRANSACTIONAL)
		return ERR(
			err, ERR_CONFIG,
			"%s: its work marks nothing in a database; a marker table is for sql and "
			"table with effect: transactional",
			file);
	buf_printf(&cli->out.buf,
		   "-- for job %s: a row for each chunk, which says what of it took effect\n%s;\n",
		   job->name, marker_ddl(job->work.target.dialect));
	return EXIT_DONE;
}

int verb_generate(struct cli *cli, struct err *err)
{
	static const char *const later[] = {"systemd",	  "cron",   "kubernetes",
					    "prometheus", "icinga", "grafana"};
	int rc = cli_words(cli, 2, 2, err);

	if (rc < 0)
		return rc;
	const char *system = cli_word(cli, 0);
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (strcmp(system, later[i]) == 0)
			return ERR(err, ERR_USAGE, "generate %s: not available in this version",
				   system);
	if (strcmp(system, "marker") == 0)
		return generate_marker(cli, cli_word(cli, 1), err);
	if (strcmp(system, "slurm") != 0)
		return ERR(err, ERR_USAGE, "generate %s: it is one of slurm, marker",
			   QUOTED(system, strlen(system)));
	return generate_slurm(cli, cli_word(cli, 1), err);
}
