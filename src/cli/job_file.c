/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/job_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "job/job.h"
#include "job/secret.h"
#include "work/work.h"

enum { PATH_BYTES_MAX = 64 * 1024 };

static const char *const endings[] = {".yaml", ".yml"};

static bool is_file(const char *path)
{
	struct stat st = {0};

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool has_ending(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		size_t ending = strlen(endings[i]);
		if (len > ending && strcmp(word + len - ending, endings[i]) == 0)
			return true;
	}
	return false;
}

bool job_file_is_path(const char *word)
{
	return strchr(word, '/') != NULL || has_ending(word);
}

bool job_file_may_be(const char *word)
{
	return job_file_is_path(word) || is_file(word);
}

/* DIRECTORY/NAME.yaml or .yml where there is one; gives, NULL none. */
static char *find_in(const char *directory, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		struct buf b = BUF_INIT(PATH_BYTES_MAX);
		buf_printf(&b, "%s/%s%s", directory, name, endings[i]);
		if (is_file(buf_str(&b)))
			return buf_take(&b);
		buf_done(&b);
	}
	return NULL;
}

static char *find_by_name(const struct config *config, const char *name)
{
	AUTO(buf) struct buf own = BUF_INIT(PATH_BYTES_MAX);
	char *path = NULL;

	for (size_t i = 0; i < config->n_job_directories && path == NULL; i++)
		path = find_in(config->job_directories[i], name);
	if (path == NULL)
		path = find_in("/etc/stint/jobs.d", name);
	AUTO(str) char *home = config_home("XDG_CONFIG_HOME", ".config");
	if (path != NULL || home == NULL)
		return path;
	buf_printf(&own, "%s/stint/jobs.d", home);
	return find_in(buf_str(&own), name);
}

int job_file_find(const struct cli *cli, const char *word, char **ret_path, struct err *err)
{
	AUTO(config) struct config config = {0};

	assert(word != NULL && ret_path != NULL && err != NULL);
	if (job_file_may_be(word)) {
		*ret_path = xstrdup(word);
		return 0;
	}
	int rc = config_load(cli->options.value[OPTION_CONFIG], &config, err);
	if (rc < 0)
		return rc;
	char *path = find_by_name(&config, word);
	if (path == NULL)
		return ERR(
			err, ERR_NOINPUT,
			"there is no file %s, nor a job file of that name in the job directories "
			"(`stint init %s.yaml` makes one)",
			QUOTED(word, strlen(word)), word);
	*ret_path = path;
	return 0;
}

/* A fault of the file goes to standard error as it is, so that editors can jump to it. */
static void say_fault(void *arg, const char *message)
{
	(void)arg; /* the type is job_load's */
	cli_line("%s", message);
}

int job_file_load(const struct cli *cli, const char *word, struct job **ret_job, struct err *err)
{
	AUTO(str) char *path = NULL;

	int rc = job_file_find(cli, word, &path, err);
	if (rc < 0)
		return rc;
	return job_load(path, say_fault, NULL, ret_job, err);
}

int job_file_fits_here(const struct job *job, struct err *err)
{
	int rc = work_check(job, err);

	return rc == 0 ? secrets_check(job, err) : rc;
}
