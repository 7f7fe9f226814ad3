/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_check.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "sys/proc.h"
#include "work/exec_plan.h"
#include "work/exec_user.h"

/* No placeholder, not even an escaped one: it is what it says. */
static bool is_literal(const char *text)
{
	return strstr(text, "${") == NULL;
}

static int check_program(const struct job *job, const char *name, struct err *err)
{
	char found[PATH_MAX] = "";

	if (!is_literal(name))
		return 0;
	if (strchr(name, '/') == NULL)
		return proc_find_program(name, found, sizeof(found), err);
	AUTO(str) char *path = exec_plan_join(job->directory, name);
	return proc_find_program(path, found, sizeof(found), err);
}

static int check_directory(const struct job *job, struct err *err)
{
	struct stat st = {0};

	if (job->work.directory == NULL || !is_literal(job->work.directory))
		return 0;
	AUTO(str) char *path = exec_plan_join(job->directory, job->work.directory);
	if (stat(path, &st) < 0 && errno == ENOENT)
		return ERR(err, ERR_CONFIG, "directory '%s' does not exist", path);
	if (stat(path, &st) < 0)
		return ERR_SYS(err, ERR_CONFIG, errno, "directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return ERR(err, ERR_CONFIG, "'%s' is no directory", path);
	if (access(path, X_OK) < 0)
		return ERR_SYS(err, ERR_CONFIG, errno, "directory '%s'", path);
	return 0;
}

static int check_user(const struct job *job, struct err *err)
{
	struct exec_user *user = NULL;

	if (job->work.user == NULL)
		return 0;
	int rc = exec_user_find(job->work.user, &user, err);
	exec_user_free(user);
	return rc;
}

int exec_check(const struct job *job, struct err *err)
{
	assert(job != NULL);
	const char *program = job->work.shell == NULL ? job->work.command[0] : "/bin/sh";
	int rc = check_program(job, program, err);

	if (rc == 0)
		rc = check_directory(job, err);
	if (rc == 0)
		rc = check_user(job, err);
	return rc;
}
