/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/secret.h"
#include "job/template.h"
#include "sys/clock.h"
#include "work/exec_mask.h"
#include "work/http_call.h"
#include "work/http_client.h"
#include "work/http_oauth.h"
#include "work/http_plan.h"
#include "work/work.h"

enum { TOKEN_MAGIC = 0x48546f6b, HEADER_BYTES_MAX = 32 * 1024, STATUS_UNAUTHORIZED = 401 };

/* A value percent-encoded is three times as long at most, and base64 adds a third. */
#define ENCODED_BYTES_MAX (4 * (size_t)SECRET_BYTES_MAX)
#define BASIC_BYTES_MAX (3 * ENCODED_BYTES_MAX)

struct http_token {
	uint32_t magic;
	struct http_token_options options;
	struct template *id;
	struct template *secret;
	struct http_oauth *oauth;
	struct http_call *call; /* under way, or NULL */
	struct buf header;	/* of the present token; of a fixed size, as the next */
	struct buf before;	/* of the one before it, with which attempts may be under way */
	struct buf basic;	/* what was sent to log on there */
};

/* A buffer that never moves, so that nothing of a secret is left behind in memory. */
static void fixed_init(struct buf *b, size_t max)
{
	buf_init(b, max);
	(void)buf_reserve(b, max);
}

static void wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
}

static void fixed_done(struct buf *b)
{
	wipe(b);
	buf_done(b);
}

static const struct job_oauth *oauth_of(const struct http_token *t)
{
	return &t->options.context->job->work.http.oauth;
}

/* ---- the question ---- */

static int render(const struct http_token *t, const struct template *template, struct buf *out,
		  struct err *err)
{
	return template_render(template, TEMPLATE_HEADER, t->options.context->run, NULL, out, err);
}

static int put_request(struct http_token *t, const struct buf *id, const struct buf *secret,
		       struct http_request *request, struct err *err)
{
	struct buf user;
	struct buf password;
	const struct http_oauth_client client = {
		.id = buf_str(id), .secret = buf_str(secret), .scope = oauth_of(t)->scope};
	int rc = 0;

	fixed_init(&user, ENCODED_BYTES_MAX);
	fixed_init(&password, ENCODED_BYTES_MAX);
	http_oauth_put_request(t->oauth, &client,
			       &(struct http_oauth_request){.form = &request->body,
							    .user = &user,
							    .password = &password});
	buf_reset(&t->basic);
	if (user.len > 0) {
		buf_putc(&user, ':');
		buf_put(&user, buf_str(&password), password.len);
		buf_puts(&t->basic, "Basic ");
		base64_put(&t->basic, buf_str(&user), user.len);
		rc = http_request_add_header(request, "Authorization", buf_str(&t->basic), err);
	}
	if (rc == 0)
		rc = buf_check(&user, "the client's id and secret", err);
	fixed_done(&user);
	fixed_done(&password);
	return rc;
}

static void token_give(struct http_token *t, struct http_call *call)
{
	wipe(&call->request.body);
	wipe(&call->answer.body);
	http_client_give(t->options.client, call);
}

static int fill_request(struct http_token *t, struct http_request *request, struct err *err)
{
	struct buf id;
	struct buf secret;

	request->method = HTTP_POST;
	request->has_body = true;
	request->timeout_us = t->options.context->job->work.timeout_us;
	buf_puts(&request->url, oauth_of(t)->token_url);
	fixed_init(&id, SECRET_BYTES_MAX);
	fixed_init(&secret, SECRET_BYTES_MAX);
	int rc = render(t, t->id, &id, err);
	if (rc == 0)
		rc = render(t, t->secret, &secret, err);
	if (rc == 0)
		rc = put_request(t, &id, &secret, request, err);
	fixed_done(&id);
	fixed_done(&secret);
	if (rc == 0)
		rc = http_request_add_header(request, "Accept", "application/json", err);
	return rc;
}

static void token_on_answer(void *arg, struct http_call *call);

static int token_ask(struct http_token *t, struct err *err)
{
	struct http_call *call = http_client_take(t->options.client);
	int rc = fill_request(t, &call->request, err);

	if (rc < 0) {
		token_give(t, call);
		err_add(err, "auth.oauth2: ");
		return ERR_CONFIG;
	}
	t->call = call;
	http_call_begin(call, token_on_answer, t);
	return 0;
}

/* ---- the answer ---- */

static int check_answer(const struct http_answer *answer, struct err *err)
{
	if (answer->is_cut)
		return ERR(err, ERR_DATA, "the token endpoint's answer is longer than max_answer");
	if (answer->is_whole && answer->is_sent)
		return 0;
	return ERR(err, ERR_UNAVAILABLE, "the token endpoint did not answer: %s",
		   answer->why[0] != '\0' ? answer->why : curl_easy_strerror(answer->code));
}

static void take_token(struct http_token *t)
{
	uint64_t number = 0;
	struct buf before = t->before;

	t->before = t->header;
	t->header = before;
	buf_reset(&t->header);
	buf_puts(&t->header, "Bearer ");
	buf_puts(&t->header, http_oauth_token(t->oauth, clock_boot_us(), &number));
}

static void token_on_answer(void *arg, struct http_call *call)
{
	struct http_token *t = OBJ_CAST(arg, struct http_token, TOKEN_MAGIC);
	struct err err = ERR_INIT;
	int rc = check_answer(&call->answer, &err);

	if (rc == 0)
		rc = http_oauth_take(
			t->oauth, clock_boot_us(),
			&(struct http_oauth_answer){.status = call->answer.status,
						    .body = buf_str(&call->answer.body),
						    .len = call->answer.body.len},
			&err);
	t->call = NULL;
	token_give(t, call);
	if (rc == HTTP_OAUTH_AGAIN) {
		rc = token_ask(t, &err);
		if (rc == 0)
			return;
	}
	if (rc == 0)
		take_token(t);
	t->options.told(t->options.arg, rc < 0 ? &err : NULL);
}

/* ---- for attempts ---- */

int http_token_header(struct http_token *token, const char **ret_header, uint64_t *ret_number,
		      struct err *err)
{
	assert(token != NULL && token->magic == TOKEN_MAGIC);

	*ret_header = NULL;
	if (token->call != NULL)
		return 0;
	if (http_oauth_token(token->oauth, clock_boot_us(), ret_number) == NULL)
		return token_ask(token, err);
	*ret_header = buf_str(&token->header);
	return 0;
}

bool http_token_is_worn(struct http_token *token, uint64_t number, long status)
{
	assert(token != NULL && token->magic == TOKEN_MAGIC);
	if (status == STATUS_UNAUTHORIZED)
		return http_oauth_is_worn(token->oauth, number);
	http_oauth_worked(token->oauth, number);
	return false;
}

void http_token_hide(const struct http_token *token, struct exec_mask *mask)
{
	const struct buf *const hidden[] = {&token->header, &token->before, &token->basic};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		const char *value = strchr(buf_str(hidden[i]), ' ');
		if (value != NULL)
			exec_mask_add(mask, value + 1, strlen(value + 1));
	}
}

/* ---- life ---- */

static int parse(const struct job *job, const char *text, struct template **ret_template,
		 struct err *err)
{
	return template_parse_for(TEMPLATE_FOR_WORKER, text, strlen(text), job, ret_template, err);
}

int http_token_new(const struct http_token_options *options, struct http_token **ret_token,
		   struct err *err)
{
	struct http_token *t = xnew(struct http_token);
	const struct job *job = options->context->job;

	t->magic = TOKEN_MAGIC;
	t->options = *options;
	t->oauth = http_oauth_new();
	fixed_init(&t->header, HEADER_BYTES_MAX);
	fixed_init(&t->before, HEADER_BYTES_MAX);
	fixed_init(&t->basic, BASIC_BYTES_MAX);
	int rc = parse(job, oauth_of(t)->client_id, &t->id, err);
	if (rc == 0)
		rc = parse(job, oauth_of(t)->client_secret, &t->secret, err);
	if (rc < 0) {
		http_token_free(t);
		return rc;
	}
	*ret_token = t;
	return 0;
}

void http_token_free(struct http_token *token)
{
	if (token == NULL)
		return;
	assert(token->magic == TOKEN_MAGIC);
	if (token->call != NULL)
		token_give(token, token->call);
	http_oauth_free(token->oauth);
	template_free(token->id);
	template_free(token->secret);
	fixed_done(&token->header);
	fixed_done(&token->before);
	fixed_done(&token->basic);
	token->magic = 0;
	free(token);
}
