/* SPDX-License-Identifier: Apache-2.0 */
#include "job/http.h"

#include <assert.h>
#include <stdlib.h>

static void pairs_done(struct job_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		free(pairs->list[i].name);
		free(pairs->list[i].value);
	}
	free(pairs->list);
}

/* As deep as a job file may be. */
static void value_free(struct job_value *value)
{
	while (value != NULL) {
		struct job_value *next = value->next;
		value_free(value->first);
		free(value->name);
		free(value->text);
		free(value);
		value = next;
	}
}

void job_http_done(struct job_http *http)
{
	assert(http != NULL);
	free(http->url);
	value_free(http->json);
	pairs_done(&http->fields);
	free(http->body);
	pairs_done(&http->headers);
	pairs_done(&http->keep);
	free(http->bearer);
	free(http->user);
	free(http->password);
	free(http->oauth.token_url);
	free(http->oauth.client_id);
	free(http->oauth.client_secret);
	free(http->oauth.scope);
	free(http->ca);
	free(http->cert);
	free(http->key);
	free(http->proxy);
	free(http->key_header);
}

const char *http_method_name(enum http_method method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE"};

	assert(method < HTTP_METHOD_COUNT_);
	return names[method];
}
