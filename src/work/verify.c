/* SPDX-License-Identifier: Apache-2.0 */
#include "work/verify.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/endpoint.h"
#include "job/job.h"
#include "work/backend.h"

enum { KEEP_OUTPUT_BYTES = 16 * 1024, MAX_ANSWER_BYTES = 1024 * 1024 };

/* What a program of a kind of work that starts none is started with. */
static const struct job_work plain = {.umask = -1, .keep_output_bytes = KEEP_OUTPUT_BYTES};

/* A program gets what the item's own program gets. */
static void ask_program(const struct job *job, struct job_work *work)
{
	if (job->work.kind != WORK_EXEC) {
		*work = plain;
		work->verify = job->work.verify;
		work->timeout_us = job->work.timeout_us;
	}
	/* A worker of mode: stream gets its items as lines; a program gets one as its input. */
	if (job->work.kind != WORK_EXEC || job_is_stream(job))
		work->input = job->source.kind == SOURCE_NONE ? EXEC_INPUT_NONE : EXEC_INPUT_JSON;
	work->kind = WORK_EXEC;
	work->mode = EXEC_EACH;
	work->command = work->verify.command;
	work->shell = NULL;
}

/* Whether what is asked is the server that the items are sent to: nobody else is told who we are.
 */
static bool is_same_server(const struct job *job)
{
	enum { ENDPOINT_MAX = 64 * 1024 };
	AUTO(buf) struct buf theirs = BUF_INIT(ENDPOINT_MAX);
	AUTO(buf) struct buf asked = BUF_INIT(ENDPOINT_MAX);

	if (job->work.kind != WORK_HTTP)
		return false;
	endpoint_put_url(&theirs, job->work.http.url, job->name);
	endpoint_put_url(&asked, job->work.verify.url, job->name);
	return strcmp(buf_str(&theirs), buf_str(&asked)) == 0;
}

/* A GET, without a body, that keeps nothing. */
static void ask_server(const struct job *job, struct job_work *work)
{
	struct job_http *http = &work->http;

	if (!is_same_server(job))
		*http = (struct job_http){
			.max_answer_bytes = MAX_ANSWER_BYTES, .ca = http->ca, .proxy = http->proxy};
	http->method = HTTP_GET;
	http->url = work->verify.url;
	http->body_kind = HTTP_BODY_NONE;
	http->json = NULL;
	http->body = NULL;
	http->fields = http->keep = (struct job_pairs){0};
	work->kind = WORK_HTTP;
	work->n_tests = 0;
}

void verify_job(const struct job *job, struct job *ret_job)
{
	assert(job != NULL && job_verifies(job) && ret_job != NULL);
	*ret_job = *job;
	if (job->work.verify.url != NULL)
		ask_server(job, &ret_job->work);
	else
		ask_program(job, &ret_job->work);
}

const struct work_backend *verify_backend(const struct job *job)
{
	assert(job_verifies(job));
	return job->work.verify.url != NULL ? &work_http : &work_exec;
}

int verify_check(const struct job *job, struct err *err)
{
	struct job asking;

	assert(job != NULL);
	if (!job_verifies(job))
		return 0;
	verify_job(job, &asking);
	int rc = verify_backend(job)->check(&asking, err);
	if (rc < 0)
		err_add(err, "verify: ");
	return rc;
}
