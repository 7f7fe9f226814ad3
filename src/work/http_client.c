/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_client.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "job/http.h"
#include "work/exec_plan.h"
#include "work/http_call.h"
#include "work/http_pump.h"
#include "work/libcurl.h"

enum {
	CLIENT_MAGIC = 0x48436c69,
	IDLE_S = 60,	    /* less than most servers keep an idle connection */
	IDLE_CAREFUL_S = 4, /* less than any that is known */
};

struct http_client {
	uint32_t magic;
	struct http_client_options options;
	struct http_pump *pump;
	char *ca;
	char *cert;
	char *key;
	char *proxy;
	struct list free_calls;
	size_t n_taken;
};

static char *path_of(const struct http_client *client, const char *path)
{
	return path == NULL ? NULL : exec_plan_join(client->options.directory, path);
}

int http_client_new(const struct http_client_options *options, struct http_client **ret_client,
		    struct err *err)
{
	assert(options != NULL && options->loop != NULL && options->http != NULL);
	int r = libcurl_begin(err);
	if (r != 0)
		return r;
	struct http_client *client = xnew(struct http_client);
	client->magic = CLIENT_MAGIC;
	client->options = *options;
	client->pump = http_pump_new(options->loop, options->connections);
	client->ca = path_of(client, options->http->ca);
	client->cert = path_of(client, options->http->cert);
	client->key = path_of(client, options->http->key);
	client->proxy = xstrdup(options->proxy == NULL ? "" : options->proxy);
	list_init(&client->free_calls);
	*ret_client = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	assert(client->magic == CLIENT_MAGIC && client->n_taken == 0);
	while (!list_is_empty(&client->free_calls)) {
		struct list *node = list_first(&client->free_calls);
		list_remove(node);
		http_call_free(CONTAINER_OF(node, struct http_call, node));
	}
	http_pump_free(client->pump);
	free(client->ca);
	free(client->cert);
	free(client->key);
	free(client->proxy);
	client->magic = 0;
	free(client);
	curl_global_cleanup();
}

struct http_call *http_client_take(struct http_client *client)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC);
	client->n_taken++;
	if (list_is_empty(&client->free_calls))
		return http_call_new(client);
	struct http_call *call = CONTAINER_OF(list_first(&client->free_calls), struct http_call,
					      node);
	list_remove(&call->node);
	return call;
}

void http_client_give(struct http_client *client, struct http_call *call)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC && client->n_taken > 0);
	http_call_cancel(call);
	http_call_reset(call);
	client->n_taken--;
	list_append(&client->free_calls, &call->node);
}

struct http_pump *http_client_pump(struct http_client *client)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC);
	return client->pump;
}

const struct job_http *http_client_http(const struct http_client *client)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC);
	return client->options.http;
}

bool http_client_has_proxy(const struct http_client *client)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC);
	return client->proxy[0] != '\0';
}

/* The first that fails is remembered; with what is built in, none does. */
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(easy, option, value);                              \
	} while (0)

static CURLcode prepare_tls(const struct http_client *client, CURL *easy)
{
	CURLcode code = CURLE_OK;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (client->ca != NULL) {
		SET(CURLOPT_CAINFO, client->ca);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_SSLCERT, client->cert);
	SET(CURLOPT_SSLKEY, client->key != NULL ? client->key : client->cert);
	return code;
}

void http_client_prepare(struct http_client *client, CURL *easy)
{
	assert(client != NULL && client->magic == CLIENT_MAGIC);
	CURLcode code = prepare_tls(client, easy);

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs is not waited for */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PATH_AS_IS, 1L);
	/* Safety: a server that ends a connection in good order says so with HTTP/1.1 in an answer,
	 * and with HTTP/2 at any time: what was sent meanwhile would be in doubt. */
	SET(CURLOPT_HTTP_VERSION,
	    (long)(client->options.never_twice ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
	/* Without TLS it is not known before the first answer that there is no HTTP/2, and all
	 * would wait for that one. */
	SET(CURLOPT_PIPEWAIT, strncasecmp(client->options.http->url, "https:", 6) == 0 ? 1L : 0L);
	SET(CURLOPT_USERAGENT, "stint/" STINT_VERSION);
	/* Empty texts, other than none, keep libcurl from looking at the environment. */
	SET(CURLOPT_PROXY, client->proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, (long)(client->options.never_twice ? IDLE_CAREFUL_S : IDLE_S));
	if (code != CURLE_OK)
		unreachable("libcurl has these options");
}
