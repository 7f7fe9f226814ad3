/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all HTTP exchanges of a job have in common: connections that are used again, certificates,
 * the proxy, limits.
 *
 * Owner: the loop's thread. Calls are taken and given back; the client keeps them for the next.
 */
#ifndef STINT_WORK_HTTP_CLIENT_H
#define STINT_WORK_HTTP_CLIENT_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/attr.h"

struct err;
struct http_call;
struct http_client;
struct http_pump;
struct job_http;
struct loop;

struct http_client_options {
	struct loop *loop;
	const struct job_http *http; /* kept: ca, cert, key, max_answer, allow_addresses */
	const char *directory;	     /* kept: of relative paths */
	const char *proxy;	     /* NULL or "": none, whatever the environment says */
	long connections;	     /* as many as will be used at once */
	bool never_twice;	     /* connections that have idled for long are not used again */
};

/* ERR_CONFIG when the TLS library is not there. Gives. */
ST_MUST_CHECK int http_client_new(const struct http_client_options *options,
				  struct http_client **ret_client, struct err *err);
/* All calls must have been given back. NULL is allowed. */
void http_client_free(struct http_client *client);

struct http_call *http_client_take(struct http_client *client);
/* Cancels it, if it is under way. */
void http_client_give(struct http_client *client, struct http_call *call);

/* For calls. */
struct http_pump *http_client_pump(struct http_client *client);
const struct job_http *http_client_http(const struct http_client *client);
bool http_client_has_proxy(const struct http_client *client);
/* Sets what does not depend on a request. */
void http_client_prepare(struct http_client *client, CURL *easy);

#endif
