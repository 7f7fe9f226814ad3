/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work: an HTTP request for each item.
 *
 * An attempt lives from http_start to its outcome:
 *
 *   made ──▶ connecting ──▶ sent ──▶ answered ──▶ told
 *     └──────────┴── not sent ─┴── nobody knows ───┘
 *
 * The point of no return is the first byte of the request: http_call.c sets `begun` directly before
 * it and sees to it that there is no second first byte.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/secret.h"
#include "job/template.h"
#include "loop/loop.h"
#include "work/answer.h"
#include "work/backend.h"
#include "work/exec_mask.h"
#include "work/exec_plan.h"
#include "work/http_attempt.h"
#include "work/http_auth.h"
#include "work/http_call.h"
#include "work/http_client.h"
#include "work/http_plan.h"
#include "work/http_token.h"

/* ---- attempts ---- */

void http_attempt_free(struct http_attempt *a)
{
	list_remove(&a->node);
	if (a->call != NULL)
		http_client_give(a->http->client, a->call);
	a->magic = 0;
	free(a);
}

/* To be told in the next turn: an attempt never ends within http_start. */
static void attempt_tell_later(struct http_attempt *a)
{
	list_remove(&a->node);
	list_append(&a->http->failed, &a->node);
	loop_timer_set(a->http->timer, 0);
}

static void http_on_failed(void *arg)
{
	struct http *http = OBJ_CAST(arg, struct http, HTTP_MAGIC);

	/* What fails meanwhile sets the timer again. */
	while (!list_is_empty(&http->failed))
		http_attempt_tell(
			CONTAINER_OF(list_first(&http->failed), struct http_attempt, node));
}

static void attempt_on_end(void *arg, struct http_call *call)
{
	struct http_attempt *a = OBJ_CAST(arg, struct http_attempt, HTTP_ATTEMPT_MAGIC);

	assert(a->call == call);
	http_attempt_tell(a);
}

static int attempt_put_auth(struct http_attempt *a, struct http_request *request)
{
	struct http *http = a->http;
	const char *value = NULL;
	bool is_new = false;
	int rc = http_auth_value(http->auth, &value, &is_new, &a->err);

	if (is_new) { /* what may be echoed back may have changed with it */
		exec_mask_free(http->mask);
		http->mask = exec_mask_new(http->context->job);
		/* The user and password in base64 are in nobody's secrets as such. */
		const char *blank = rc == 0 && value != NULL ? strchr(value, ' ') : NULL;
		if (blank != NULL)
			exec_mask_add(http->mask, blank + 1, strlen(blank + 1));
	}
	if (rc < 0 || value == NULL)
		return rc;
	return http_request_add_header(request, "Authorization", value, &a->err);
}

/* 0: it logs on, where it has to. ATTEMPT_WAITS: a token is asked for. */
enum { ATTEMPT_WAITS = 1 };

static int attempt_put_token(struct http_attempt *a, struct http_request *request)
{
	const char *value = NULL;
	int rc = http_token_header(a->http->token, &value, &a->token, &a->err);

	if (rc < 0)
		return rc;
	if (value == NULL)
		return ATTEMPT_WAITS;
	return http_request_add_header(request, "Authorization", value, &a->err);
}

/* Before anything was sent: of the item, or of all items. */
static void attempt_fail(struct http_attempt *a, bool is_of_item, const char *class)
{
	a->outcome = is_of_item ? OUTCOME_DEAD : OUTCOME_ALL;
	a->class = class;
	http_client_give(a->http->client, TAKE(a->call));
	attempt_tell_later(a);
}

/* What is filled in goes on: it logs on and begins, or waits for a token. */
static void attempt_go_on(struct http_attempt *a)
{
	struct http *http = a->http;
	struct http_request *request = &a->call->request;
	int rc = http->token != NULL ? attempt_put_token(a, request) : attempt_put_auth(a, request);

	if (rc < 0) {
		attempt_fail(a, false, http->token != NULL ? "token" : "config");
		return;
	}
	if (rc == ATTEMPT_WAITS) {
		list_remove(&a->node);
		list_append(&http->waiting, &a->node);
		return;
	}
	http_call_begin(a->call, attempt_on_end, a);
}

static void http_on_token(void *arg, const struct err *err)
{
	struct http *http = OBJ_CAST(arg, struct http, HTTP_MAGIC);
	struct list *node = NULL;
	struct list *next = NULL;

	exec_mask_free(http->mask);
	http->mask = exec_mask_new(http->context->job);
	http_token_hide(http->token, http->mask);
	LIST_EACH (node, next, &http->waiting) {
		struct http_attempt *a = CONTAINER_OF(node, struct http_attempt, node);
		list_remove(&a->node);
		list_append(&http->attempts, &a->node);
		if (err == NULL) {
			attempt_go_on(a);
			continue;
		}
		a->err = *err;
		attempt_fail(a, false, "token");
	}
}

static void http_start(void *state, const struct work_attempt *what)
{
	struct http *http = OBJ_CAST(state, struct http, HTTP_MAGIC);
	struct lane_slot *slots = http->context->slots;
	struct http_attempt *a = xnew(struct http_attempt);

	a->magic = HTTP_ATTEMPT_MAGIC;
	a->http = http;
	a->what = *what;
	list_append(&http->attempts, &a->node);
	a->call = http_client_take(http->client);
	int rc = http_plan_request(http->plan, &what->item, &a->call->request, &a->err);
	/* Safety: the same key for another request would be refused by the other side, or worse:
	 * not noticed. */
	bool is_changed = rc == 0 && what->request != 0 &&
			  what->request != http_request_name(&a->call->request);
	if (is_changed)
		rc = ERR(
			&a->err, ERR_DATA,
			"the request is not the one that was sent first with this key: a secret in "
			"its URL or body has changed, or stint makes it in another way now");
	if (rc < 0) {
		bool is_of_item = rc == ERR_DATA || rc == ERR_TOO_BIG;
		const char *class = is_changed ? "request-changed" : "bad-item";
		attempt_fail(a, is_of_item, is_of_item ? class : "config");
		return;
	}
	if (slots != NULL)
		a->call->request.begun = &slots[FRAME_TICKET_SLOT(what->ticket)].begun;
	a->call->request.until = http->context->until;
	attempt_go_on(a);
}

static void cancel_in(struct list *attempts, uint32_t ticket)
{
	struct list *node = NULL;
	struct list *next = NULL;

	LIST_EACH (node, next, attempts) {
		struct http_attempt *a = CONTAINER_OF(node, struct http_attempt, node);
		if (ticket != UINT32_MAX && ticket != a->what.ticket)
			continue;
		http_call_cancel(a->call);
		a->cancelled = true;
		attempt_tell_later(a);
	}
}

static void http_cancel(void *state, uint32_t ticket)
{
	struct http *http = OBJ_CAST(state, struct http, HTTP_MAGIC);

	cancel_in(&http->attempts, ticket);
	cancel_in(&http->waiting, ticket);
}

/* ---- life ---- */

static void free_all(struct list *attempts)
{
	while (!list_is_empty(attempts))
		http_attempt_free(CONTAINER_OF(list_first(attempts), struct http_attempt, node));
}

static void http_free(void *state)
{
	struct http *http = OBJ_CAST(state, struct http, HTTP_MAGIC);

	free_all(&http->attempts);
	free_all(&http->waiting);
	free_all(&http->failed);
	http_token_free(http->token);
	http_client_free(http->client);
	http_plan_free(http->plan);
	http_auth_free(http->auth);
	exec_mask_free(http->mask);
	answer_tests_free(http->tests);
	loop_timer_free(http->timer);
	http->magic = 0;
	free(http);
}

static int open_client(struct http *http, struct err *err)
{
	const struct job *job = http->context->job;
	AUTO(template) struct template *proxy = NULL;
	AUTO(buf) struct buf url = BUF_INIT(SECRET_BYTES_MAX);
	struct http_client_options options = {
		.loop = http->context->loop,
		.http = &job->work.http,
		.directory = job->directory,
		.connections = job->work.concurrency,
		.never_twice = job->work.effect != JOB_IDEMPOTENT,
	};
	int rc = 0;

	if (job->work.http.proxy != NULL) {
		rc = template_parse_for(TEMPLATE_FOR_WORKER, job->work.http.proxy,
					strlen(job->work.http.proxy), job, &proxy, err);
		if (rc == 0)
			rc = template_render(proxy, TEMPLATE_HEADER, http->context->run, NULL, &url,
					     err);
		options.proxy = buf_str(&url);
	}
	if (rc == 0)
		rc = http_client_new(&options, &http->client, err);
	return rc;
}

static int http_open(const struct work_context *context, void **ret_state, struct err *err)
{
	struct http *http = xnew(struct http);

	http->magic = HTTP_MAGIC;
	http->context = context;
	http->mask = exec_mask_new(context->job);
	http->timer = loop_timer_new(context->loop, http_on_failed, http);
	list_init(&http->attempts);
	list_init(&http->waiting);
	list_init(&http->failed);
	int rc = http_plan_new(context, &http->plan, err);
	if (rc == 0)
		rc = http_auth_new(context, &http->auth, err);
	if (rc == 0)
		rc = answer_tests_open(context->job, context->run, &http->tests, err);
	if (rc == 0)
		rc = open_client(http, err);
	if (rc == 0 && context->job->work.http.oauth.token_url != NULL)
		rc = http_token_new(&(struct http_token_options){.context = context,
								 .client = http->client,
								 .told = http_on_token,
								 .arg = http},
				    &http->token, err);
	if (rc < 0) {
		http_free(http);
		return rc;
	}
	*ret_state = http;
	return 0;
}

static int check_file(const struct job *job, const char *path, const char *what, struct err *err)
{
	if (path == NULL)
		return 0;
	AUTO(str) char *joined = exec_plan_join(job->directory, path);
	if (access(joined, R_OK) < 0)
		return ERR_SYS(err, ERR_CONFIG, errno, "%s '%s'", what, joined);
	return 0;
}

static int http_check(const struct job *job, struct err *err)
{
	const struct job_http *http = &job->work.http;
	int rc = check_file(job, http->ca, "tls: ca", err);

	if (rc == 0)
		rc = check_file(job, http->cert, "tls: cert", err);
	if (rc == 0)
		rc = check_file(job, http->key, "tls: key", err);
	return rc;
}

const struct work_backend work_http = {
	.name = "http",
	.open = http_open,
	.start = http_start,
	.cancel = http_cancel,
	.free = http_free,
	.check = http_check,
};
