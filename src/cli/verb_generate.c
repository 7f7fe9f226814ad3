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
#include "job/statement.h"
#include "sys/file.h"
#include "target/marker.h"

enum { TEXT_BYTES_MAX = 64 * 1024, PATH_BYTES_MAX = 4096, MODE = 0644, SCRIPT_MODE = 0755 };

/* What is made for a job, and how a file of it is called. */
struct thing {
	const char *ending;
	int mode;
	struct buf text;
};

/* Whether some work of the job, or an end of it, is marked in a database of this dialect. */
static bool is_marked_in(const struct job *job, enum statement_dialect dialect)
{
	for (size_t i = 1; i <= job->n_steps; i++) {
		const struct job *step = job_step(job, (int)i);
		if (job_has_target(step) && step->work.effect == JOB_TRANSACTIONAL &&
		    step->work.target.dialect == dialect)
			return true;
	}
	for (size_t i = 0; i < job->n_finishes; i++) {
		struct job finish;
		job_finish(job, i, &finish);
		if (finish.work.target.dialect == dialect)
			return true;
	}
	return false;
}

/* The marker table's DDL, for whoever may make tables there. */
static int make_marker(const struct job *job, const char *file, struct buf *b, struct err *err)
{
	static const struct {
		enum statement_dialect dialect;
		const char *name;
	} databases[] = {{STATEMENT_POSTGRES, "PostgreSQL"}, {STATEMENT_SQLITE, "SQLite"}};

	for (size_t i = 0; i < ARRAY_LEN(databases); i++)
		if (is_marked_in(job, databases[i].dialect))
			buf_printf(b,
				   "-- for job %s, in %s: a row for each chunk, which says what of "
				   "it took effect\n%s;\n",
				   job->name, databases[i].name, marker_ddl(databases[i].dialect));
	if (b->len == 0)
		return ERR(err, ERR_CONFIG,
			   "%s: it marks nothing in a database; a marker table is for sql and "
			   "table with effect: transactional, and for on_finish",
			   file);
	return 0;
}

static int write_file(struct cli *cli, const char *directory, const struct job *job,
		      const struct thing *thing, struct err *err)
{
	AUTO(buf) struct buf path = BUF_INIT(PATH_BYTES_MAX);

	buf_printf(&path, "%s/%s%s", directory, job->name, thing->ending);
	int rc = buf_check(&path, "--to", err);
	if (rc == 0 && !cli->is_dry_run)
		rc = file_make_directories(directory, SCRIPT_MODE, err);
	if (rc == 0 && !cli->is_dry_run)
		rc = file_write_atomic(buf_str(&path), thing->text.data, thing->text.len,
				       (mode_t)thing->mode, err);
	if (rc == 0)
		buf_printf(&cli->out.buf, "%s\n", buf_str(&path));
	return rc;
}

static int generate(struct cli *cli, bool is_marker, const char *file, struct err *err)
{
	AUTO(job) struct job *job = NULL;
	const char *directory = cli->options.value[OPTION_TO_DIRECTORY];
	struct thing thing = {.ending = is_marker ? ".marker.sql" : ".slurm",
			      .mode = is_marker ? MODE : SCRIPT_MODE,
			      .text = BUF_INIT(TEXT_BYTES_MAX)};

	int rc = job_file_load(cli, file, &job, err);
	if (rc == 0 && is_marker)
		rc = make_marker(job, file, &thing.text, err);
	else if (rc == 0)
		generate_slurm(job, &thing.text);
	if (rc == 0 && directory != NULL)
		rc = write_file(cli, directory, job, &thing, err);
	else if (rc == 0)
		buf_put(&cli->out.buf, thing.text.data, thing.text.len);
	buf_done(&thing.text);
	return rc;
}

int verb_generate(struct cli *cli, struct err *err)
{
	static const char *const later[] = {"systemd",	  "cron",   "kubernetes",
					    "prometheus", "icinga", "grafana"};
	int rc = cli_words(cli, 2, SIZE_MAX, err);

	if (rc < 0)
		return rc;
	const char *system = cli_word(cli, 0);
	bool is_marker = strcmp(system, "marker") == 0;
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (strcmp(system, later[i]) == 0)
			return ERR(err, ERR_USAGE, "generate %s: not available in this version",
				   system);
	if (!is_marker && strcmp(system, "slurm") != 0)
		return ERR(err, ERR_USAGE, "generate %s: it is one of slurm, marker",
			   QUOTED(system, strlen(system)));
	for (size_t i = 1; rc == 0 && cli_word(cli, i) != NULL; i++)
		rc = generate(cli, is_marker, cli_word(cli, i), err);
	return rc < 0 ? rc : EXIT_DONE;
}
