/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_auth.h"

#include <assert.h>
#include <stdint.h>
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
#include "work/work.h"

enum { AUTH_MAGIC = 0x48417574 };

#define REREAD_US (30 * US_PER_S)

struct http_auth {
	uint32_t magic;
	const struct work_context *context;
	struct template *bearer;
	struct template *user;
	struct template *password;
	struct buf value; /* of a fixed size: nothing of it is left behind in memory */
	int64_t read_us;  /* 0: to be read again */
};

static int parse(const struct job *job, const char *text, struct template **ret_template,
		 struct err *err)
{
	if (text == NULL)
		return 0;
	return template_parse_for(TEMPLATE_FOR_WORKER, text, strlen(text), job, ret_template, err);
}

int http_auth_new(const struct work_context *context, struct http_auth **ret_auth, struct err *err)
{
	assert(context != NULL && ret_auth != NULL);
	const struct job_http *http = &context->job->work.http;
	struct http_auth *auth = xnew(struct http_auth);
	auth->magic = AUTH_MAGIC;
	auth->context = context;
	buf_init(&auth->value, 4 * (size_t)SECRET_BYTES_MAX);
	(void)buf_reserve(&auth->value, 4 * (size_t)SECRET_BYTES_MAX); /* it never moves */
	int rc = parse(context->job, http->bearer, &auth->bearer, err);
	if (rc == 0)
		rc = parse(context->job, http->user, &auth->user, err);
	if (rc == 0)
		rc = parse(context->job, http->password, &auth->password, err);
	if (rc < 0) {
		http_auth_free(auth);
		return rc;
	}
	*ret_auth = auth;
	return 0;
}

void http_auth_free(struct http_auth *auth)
{
	if (auth == NULL)
		return;
	assert(auth->magic == AUTH_MAGIC);
	template_free(auth->bearer);
	template_free(auth->user);
	template_free(auth->password);
	if (auth->value.data != NULL)
		explicit_bzero(auth->value.data, auth->value.cap);
	buf_done(&auth->value);
	auth->magic = 0;
	free(auth);
}

static int render(const struct http_auth *auth, const struct template *t, struct buf *out,
		  struct err *err)
{
	return template_render(t, TEMPLATE_HEADER, auth->context->run, NULL, out, err);
}

static int put_basic(struct http_auth *auth, struct err *err)
{
	AUTO(buf) struct buf both = BUF_INIT(2 * (size_t)SECRET_BYTES_MAX);

	(void)buf_reserve(&both, 2 * (size_t)SECRET_BYTES_MAX); /* it never moves */
	int rc = render(auth, auth->user, &both, err);
	if (rc == 0 && memchr(buf_str(&both), ':', both.len) != NULL)
		rc = ERR(err, ERR_CONFIG, "auth: a user's name with ':' cannot log on by basic");
	buf_putc(&both, ':');
	if (rc == 0)
		rc = render(auth, auth->password, &both, err);
	if (rc == 0) {
		buf_puts(&auth->value, "Basic ");
		base64_put(&auth->value, buf_str(&both), both.len);
	}
	if (both.data != NULL)
		explicit_bzero(both.data, both.cap);
	return rc;
}

static int read_again(struct http_auth *auth, struct err *err)
{
	int rc = 0;

	buf_reset(&auth->value);
	if (auth->bearer != NULL) {
		buf_puts(&auth->value, "Bearer ");
		rc = render(auth, auth->bearer, &auth->value, err);
	} else {
		rc = put_basic(auth, err);
	}
	if (rc == 0)
		auth->read_us = clock_monotonic_us();
	return rc;
}

int http_auth_value(struct http_auth *auth, const char **ret_value, bool *ret_changed,
		    struct err *err)
{
	assert(auth != NULL && auth->magic == AUTH_MAGIC && ret_value != NULL);
	int rc = 0;

	*ret_changed = false;
	if (auth->bearer == NULL && auth->user == NULL) {
		*ret_value = NULL;
		return 0;
	}
	if (auth->read_us == 0 || clock_monotonic_us() - auth->read_us > REREAD_US) {
		*ret_changed = true;
		rc = read_again(auth, err);
	}
	*ret_value = buf_str(&auth->value);
	return rc;
}

void http_auth_expire(struct http_auth *auth)
{
	assert(auth != NULL && auth->magic == AUTH_MAGIC);
	auth->read_us = 0;
}
