/* SPDX-License-Identifier: Apache-2.0 */
#include "work/sent.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "job/item.h"
#include "job/job.h"
#include "work/exec_input.h"
#include "work/exec_plan.h"
#include "work/http_call.h"
#include "work/http_plan.h"
#include "work/work.h"

static void sent_add(struct work_sent *sent, const char *word)
{
	sent->words[sent->n_words++] = arena_str(&sent->arena, word);
}

/* A worker of mode: stream is started once, and gets the item as a line. */
static int sent_by_plan(struct exec_plan *plan, const struct job *job,
			const struct template_item *item, struct work_sent *sent, struct err *err)
{
	struct exec_call call = {0};
	size_t n = 0;
	int rc = exec_plan_call(plan, job_is_stream(job) ? NULL : item, &call, err);

	if (rc < 0)
		return rc;
	while (call.argv[n] != NULL)
		n++;
	sent->words = arena_alloc(&sent->arena, n * sizeof(*sent->words));
	for (size_t i = 0; i < n; i++)
		sent_add(sent, call.argv[i]);
	if (job_is_stream(job))
		exec_input_put_json(job, item->item, &sent->body);
	else if (exec_plan_has_input(plan))
		rc = exec_plan_put_input(plan, item, &sent->body, err);
	return rc;
}

static int sent_to_program(const struct work_context *context, const struct template_item *item,
			   struct work_sent *sent, struct err *err)
{
	struct exec_plan *plan = NULL;
	int rc = exec_plan_new(context, NULL, &plan, err);

	if (rc < 0)
		return rc;
	rc = sent_by_plan(plan, context->job, item, sent, err);
	exec_plan_free(plan);
	return rc;
}

static int sent_by_http(const struct work_context *context, const struct template_item *item,
			struct work_sent *sent, struct err *err)
{
	enum { METHOD_AND_URL = 2, URL_MAX = 64 * 1024 };
	struct http_request request = {.url = BUF_INIT(URL_MAX),
				       .body = BUF_INIT(WORK_SENT_BODY_MAX)};
	struct http_plan *plan = NULL;
	int rc = http_plan_new(context, &plan, err);

	if (rc < 0)
		return rc;
	rc = http_plan_request(plan, item, &request, err);
	if (rc == 0) {
		sent->words = arena_alloc(&sent->arena, METHOD_AND_URL * sizeof(*sent->words));
		sent_add(sent, http_method_name(request.method));
		sent_add(sent, buf_str(&request.url));
		buf_put(&sent->body, buf_str(&request.body), request.body.len);
	}
	curl_slist_free_all(request.headers);
	buf_done(&request.url);
	buf_done(&request.body);
	http_plan_free(plan);
	return rc;
}

int work_sent_make(const struct work_context *context, const struct template_item *item,
		   struct work_sent *ret_sent, struct err *err)
{
	assert(context != NULL && item != NULL && item->item != NULL && ret_sent != NULL);
	buf_init(&ret_sent->body, WORK_SENT_BODY_MAX);
	enum work_kind kind = context->job->work.kind;
	if (kind == WORK_EXEC)
		return sent_to_program(context, item, ret_sent, err);
	if (kind == WORK_HTTP)
		return sent_by_http(context, item, ret_sent, err);
	return 0; /* what happens within a lane sends nothing */
}

void work_sent_done(struct work_sent *sent)
{
	arena_done(&sent->arena);
	buf_done(&sent->body);
}
