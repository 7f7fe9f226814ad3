/* SPDX-License-Identifier: Apache-2.0 */
/* A job's requests in sentences. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "job/explain.h"
#include "job/job.h"

enum { URL_SHOWN = 100 };

static const char *const body_words[] = {
	[HTTP_BODY_NONE] = "",
	[HTTP_BODY_JSON] = " with a JSON body",
	[HTTP_BODY_FORM] = " with a form",
	[HTTP_BODY_MULTIPART] = " with a multipart form",
	[HTTP_BODY_TEXT] = " with a body",
};

void explain_put_request(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	const struct job_http *http = &job->work.http;

	buf_printf(out, "sends %s ", http_method_name(http->method));
	buf_putc(out, '\'');
	text_put_printable(out, http->url, strlen(http->url), URL_SHOWN);
	buf_putc(out, '\'');
	buf_puts(out, body_words[http->body_kind]);
	if (http->bearer != NULL || http->user != NULL)
		buf_puts(out, http->bearer != NULL ? ", logged on by a token"
						   : ", logged on by user and password");
	if (http->oauth.token_url != NULL) {
		buf_puts(out, ", logged on by tokens of ");
		text_put_printable(out, http->oauth.token_url, strlen(http->oauth.token_url),
				   URL_SHOWN);
	}
	if (http->method != HTTP_GET && http->method != HTTP_HEAD) {
		buf_puts(out, ", with the item's key in ");
		text_put_printable(out, http->key_header, strlen(http->key_header), URL_SHOWN);
	}
}

void explain_put_request_failure(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	bool is_once = job->work.effect == JOB_ONCE;

	buf_puts(
		out,
		" An answer 2xx means done. What was not sent (no connection, no name) and 429 are "
		"tried again");
	buf_puts(out, is_once ? "" : ", and so is 409");
	buf_puts(out,
		 ", not before a Retry-After says so. 400, 404, 422 and other 4xx say that it can "
		 "never be done: dead at once. ");
	buf_puts(out, is_once ? "No or half an answer, 5xx and 3xx leave it in doubt. "
			      : "No or half an answer, 5xx and 3xx: it is tried again. ");
	buf_puts(out,
		 "401, 403, 407 and certificates are no fault of the item: the breaker opens.");
}
