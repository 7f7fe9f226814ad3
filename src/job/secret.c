/* SPDX-License-Identifier: Apache-2.0 */
#include "job/secret.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "sys/file.h"

static int read_env(const struct job_secret *secret, const char *name, struct buf *out,
		    struct err *err)
{
	const char *value = getenv(name);

	if (value == NULL)
		return ERR(err, ERR_CONFIG, "secret %s: the environment has no %s", secret->name,
			   name);
	buf_puts(out, value);
	return 0;
}

static int read_file(const struct job_secret *secret, const char *directory, const char *name,
		     struct buf *out, struct err *err)
{
	char path[PATH_MAX];
	struct err reason = ERR_INIT;
	int n = name[0] == '/' || directory == NULL
			? snprintf(path, sizeof(path), "%s", name)
			: snprintf(path, sizeof(path), "%s/%s", directory, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return ERR(err, ERR_CONFIG, "secret %s: its path is too long", secret->name);
	size_t from = out->len;
	if (file_read_all(path, SECRET_BYTES_MAX, out, &reason) < 0)
		return ERR(err, ERR_CONFIG, "secret %s: %s", secret->name, reason.text);
	if (out->len > from && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return 0;
}

int secret_read(const struct job *job, const struct job_secret *secret, struct buf *out,
		struct err *err)
{
	const char *reference = secret->reference;
	const char *name = strchr(reference, ':') + 1;

	assert(job != NULL && out != NULL && err != NULL);
	int r = 0;
	if (strncmp(reference, "env:", 4) == 0) {
		r = read_env(secret, name, out, err);
	} else if (strncmp(reference, "file:", 5) == 0) {
		r = read_file(secret, job->directory, name, out, err);
	} else {
		const char *directory = getenv("CREDENTIALS_DIRECTORY");
		if (directory == NULL)
			return ERR(err, ERR_CONFIG,
				   "secret %s: no credentials here ($CREDENTIALS_DIRECTORY is not "
				   "set; systemd sets it for a service with LoadCredential=)",
				   secret->name);
		r = read_file(secret, directory, name, out, err);
	}
	return r < 0 ? r : buf_check(out, "a secret", err);
}

static int check_own(const struct job *job, struct err *err)
{
	for (size_t i = 0; i < job->n_secrets; i++) {
		const struct job_secret *secret = &job->secrets[i];
		if (strncmp(secret->reference, "env:", 4) == 0 &&
		    getenv(secret->reference + 4) == NULL)
			return ERR(err, ERR_CONFIG,
				   "secret %s: the environment variable %s is not set here",
				   secret->name, secret->reference + 4);
	}
	return 0;
}

int secrets_check(const struct job *job, struct err *err)
{
	assert(job != NULL && err != NULL);
	int rc = check_own(job, err);

	for (size_t i = 0; i < job->n_steps && rc == 0; i++)
		rc = check_own(job->steps[i], err);
	return rc;
}
