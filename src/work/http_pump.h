/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's transfers on our loop: what it wants to know of sockets and time, and when one of its
 * transfers has ended.
 *
 * Promise: a socket of libcurl's is unregistered before it is closed. `done` is called from the
 *          loop, never from within a call of libcurl's, so that anything may be begun there.
 * Owner:   the loop's thread. A transfer is the caller's, and stays with the pump from
 *          http_pump_add to `done` or http_pump_remove.
 *
 * A connection's socket stays registered when libcurl is done with it for the moment: on a
 * connection that is used again and again nothing has to be asked of the kernel but to read and
 * write.
 */
#ifndef STINT_WORK_HTTP_PUMP_H
#define STINT_WORK_HTTP_PUMP_H

#include <curl/curl.h>
#include <stddef.h>

struct http_pump;
struct loop;

struct http_transfer {
	CURL *easy;
	void (*done)(struct http_transfer *transfer, CURLcode code);
};

/* `connections`: so many idle ones are kept. */
struct http_pump *http_pump_new(struct loop *loop, long connections);
/* All transfers must have been removed. */
void http_pump_free(struct http_pump *pump);

/* What every handle that will be added needs, once. */
void http_pump_prepare(struct http_pump *pump, struct http_transfer *transfer);
void http_pump_add(struct http_pump *pump, struct http_transfer *transfer);
/* Ends a transfer; `done` is not called. */
void http_pump_remove(struct http_pump *pump, struct http_transfer *transfer);

/* For CURLOPT_OPENSOCKETFUNCTION: opens it as libcurl would, and remembers it. */
curl_socket_t http_pump_open_socket(struct http_pump *pump, const struct curl_sockaddr *address);

#endif
