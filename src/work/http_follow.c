/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_follow.h"

#include <assert.h>
#include <curl/curl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "work/http_call.h"
#include "work/http_client.h"
#include "work/http_plan.h"

bool http_follow_status(enum http_method method, long status)
{
	bool is_safe = method == HTTP_GET || method == HTTP_HEAD;

	return status == 307 || status == 308 || (is_safe && status >= 301 && status <= 303);
}

static bool is_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *left = NULL;
	char *right = NULL;
	bool is_same = curl_url_get(a, part, &left, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       curl_url_get(b, part, &right, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       strcasecmp(left, right) == 0;

	curl_free(left);
	curl_free(right);
	return is_same;
}

static bool is_same_origin(const char *from, const char *to)
{
	CURLU *a = curl_url();
	CURLU *b = curl_url();

	if (a == NULL || b == NULL)
		unreachable("no memory for a URL");
	bool is_same = curl_url_set(a, CURLUPART_URL, from, 0) == CURLUE_OK &&
		       curl_url_set(b, CURLUPART_URL, to, 0) == CURLUE_OK &&
		       is_same_part(a, b, CURLUPART_SCHEME) && is_same_part(a, b, CURLUPART_HOST) &&
		       is_same_part(a, b, CURLUPART_PORT);
	curl_url_cleanup(a);
	curl_url_cleanup(b);
	return is_same;
}

/* Headers that say who we are, also where the job writes them without a secret. */
static bool logs_on(const char *line)
{
	static const char *const names[] = {
		"Authorization:", "Cookie:", "Proxy-Authorization:", "Host:"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* What another host may see: the first ones are without secrets. */
static void drop_secrets(struct http_request *request)
{
	struct curl_slist *kept = NULL;
	size_t n = request->n_frozen;

	for (const struct curl_slist *h = request->headers; h != NULL && n > 0; h = h->next, n--) {
		if (logs_on(h->data))
			continue;
		struct curl_slist *list = curl_slist_append(kept, h->data);
		if (list == NULL)
			unreachable("no memory for a header");
		kept = list;
	}
	curl_slist_free_all(request->headers);
	request->headers = kept;
}

static bool is_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

bool http_follow(struct http_call *call)
{
	assert(call != NULL && !call->is_running);
	struct http_request *request = &call->request;
	const struct http_answer *answer = &call->answer;
	const char *to = NULL;

	if (!http_client_http(call->client)->follow || answer->code != CURLE_OK ||
	    !http_follow_status(request->method, answer->status) || call->n_hops >= HTTP_HOPS_MAX ||
	    answer->took_us >= request->timeout_us)
		return false;
	(void)curl_easy_getinfo(call->transfer.easy, CURLINFO_REDIRECT_URL, &to); /* NULL then */
	const char *from = buf_str(&request->url);
	if (to == NULL || (!is_scheme(to, "https://") && !is_scheme(to, "http://")) ||
	    (is_scheme(from, "https://") && is_scheme(to, "http://")))
		return false;
	request->name = http_request_name(request); /* of what was sent first */
	if (!is_same_origin(from, to)) {
		drop_secrets(request);
		request->checks_addresses = true;
	}
	buf_reset(&request->url);
	buf_puts(&request->url, to);
	call->n_hops++;
	return !request->url.failed;
}
