/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a job file. A job that is read can be written, as the canonical text that a run
 * keeps and as what `explain` prints, and read again from both as the same job. What is refused has
 * a place.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "job/job.h"

enum { TEXT_BYTES = 1 << 24 };

static void check_message(void *arg, const char *message)
{
	size_t *n = arg;

	assert(memcmp(message, "job.yaml:", 9) == 0);
	(*n)++;
}

static struct job *read_again(const char *text, size_t len)
{
	struct job *job = NULL;
	struct err err = ERR_INIT;

	int rc = job_parse(text, len, "job.yaml", "/", NULL, NULL, &job, &err);
	assert(rc == 0);
	return job;
}

static void assert_same(struct job *a, const struct job *b)
{
	AUTO(buf) struct buf difference = BUF_INIT(TEXT_BYTES);

	int rc = job_refresh(a, b, &difference);
	assert(rc == 0 && difference.len == 0);
}

static void check_written(struct job *job)
{
	AUTO(buf) struct buf explained = BUF_INIT(TEXT_BYTES);
	AUTO(buf) struct buf again = BUF_INIT(TEXT_BYTES);

	AUTO(job) struct job *canonical = read_again(job->text, strlen(job->text));
	assert(strcmp(canonical->text, job->text) == 0);
	assert_same(canonical, job);
	job_explain(job, &explained);
	AUTO(job) struct job *full = read_again(explained.data, explained.len);
	assert_same(full, job);
	/* everything is given now: explaining changes nothing any more */
	job_explain(full, &again);
	AUTO(job) struct job *fuller = read_again(again.data, again.len);
	assert(strcmp(full->text, fuller->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(job) struct job *job = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	int rc = job_parse((const char *)data, size, "job.yaml", "/", check_message, &n, &job,
			   &err);
	if (rc < 0) {
		assert(rc == ERR_CONFIG && n > 0);
		return 0;
	}
	assert(n == 0);
	check_written(job);
	return 0;
}
