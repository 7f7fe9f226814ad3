/* SPDX-License-Identifier: Apache-2.0 */
/* `stint check FILE…`: all faults of job files, on standard error so that editors find them. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/job_file.h"
#include "cli/pools.h"
#include "cli/verbs.h"
#include "job/job.h"
#include "script/check.h"
#include "work/work.h"

struct check {
	struct cli *cli;
	struct json_writer *w; /* NULL: text */
	const char *path;      /* of the file at hand */
};

static void put_fault(struct check *check, int64_t line, int64_t column, const char *text)
{
	struct json_writer *w = check->w;

	jw_object(w);
	if (line > 0) {
		jw_member_int(w, "line", line);
		jw_member_int(w, "column", column);
	}
	jw_member_text(w, "text", text);
	jw_object_end(w);
}

/* "PATH:LINE:COLUMN: text", as job_load says it; the place is left out where there is none. */
static void on_fault(void *arg, const char *message)
{
	struct check *check = arg;
	size_t len = strlen(check->path);
	const char *rest = message;
	char *end = NULL;

	if (check->w == NULL) {
		cli_line("%s", message);
		return;
	}
	if (strncmp(message, check->path, len) == 0 && message[len] == ':')
		rest = message + len + 1;
	long line = strtol(rest, &end, 10);
	long column = *end == ':' ? strtol(end + 1, &end, 10) : 0;
	if (line > 0 && *end == ':')
		rest = end + 1;
	else
		line = 0;
	put_fault(check, line, column, rest + strspn(rest, " "));
}

/* Checks one file. Returns its exit status. */
static int check_file(struct check *check, const char *word)
{
	struct err err = ERR_INIT;
	AUTO(str) char *path = NULL;
	AUTO(job) struct job *job = NULL;

	int rc = job_file_find(check->cli, word, &path, &err);
	check->path = path == NULL ? word : path;
	if (check->w != NULL) {
		jw_object(check->w);
		jw_member_text(check->w, "file", check->path);
		jw_name(check->w, "faults");
		jw_array(check->w);
	}
	if (rc == 0)
		rc = job_load(path, on_fault, check, &job, &err);
	bool was_said = rc == ERR_CONFIG;
	if (rc == 0) {
		rc = script_check(job, &err);
		was_said = rc < 0;
		if (was_said)
			on_fault(check, err.text);
	}
	if (rc == 0)
		rc = work_check(job, &err);
	if (rc == 0)
		rc = pools_check_call(check->cli, job, &err);
	bool named = strstr(err.text, check->path) != NULL;
	if (rc < 0 && !was_said) {
		if (check->w != NULL)
			put_fault(check, 0, 0, err.text);
		else
			cli_line("%s%s%s", named ? "" : check->path, named ? "" : ": ", err.text);
	}
	if (check->w != NULL) {
		jw_array_end(check->w);
		jw_member_text(check->w, "job", job == NULL ? NULL : job->name);
		jw_member_bool(check->w, "ok", rc == 0);
		jw_object_end(check->w);
	} else if (rc == 0 && !check->cli->is_quiet) {
		buf_printf(&check->cli->out.buf, "%s: ok (job %s)\n", check->path, job->name);
	}
	return rc < 0 ? err_exit_status(&err) : EXIT_DONE;
}

int verb_check(struct cli *cli, struct err *err)
{
	struct json_writer w = {0};
	struct check check = {.cli = cli, .w = cli->wants_json ? &w : NULL};
	int status = EXIT_DONE;

	int rc = cli_words(cli, 1, SIZE_MAX, err);
	if (rc < 0)
		return rc;
	if (check.w != NULL) {
		jw_init(&w, &cli->out.buf);
		jw_object(&w);
		jw_member_text(&w, "schema", "stint.check.1");
		jw_name(&w, "files");
		jw_array(&w);
	}
	for (size_t i = 0; i < cli->options.n_words; i++) {
		int one = check_file(&check, cli_word(cli, i));
		/* faults weigh more than a file that is not there */
		if (status != EXIT_STATUS_CONFIG && one != EXIT_DONE)
			status = one;
		out_spill(&cli->out);
	}
	if (check.w != NULL) {
		jw_array_end(&w);
		jw_object_end(&w);
		jw_done(&w);
		buf_putc(&cli->out.buf, '\n');
	}
	return status;
}
