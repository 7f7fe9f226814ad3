/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange: a request, sent at most once, and what came back.
 *
 * Promise: `is_sent` is false only when not one byte of the request can have left this process. A
 *          request that libcurl would send again by itself (on a new connection, when a reused one
 *          was dead) is not: the exchange ends there, and nobody knows.
 *          What is kept of an answer is bounded: `max_answer` bytes, and 256 KiB of headers.
 *          Addresses that are not allowed are not even connected to.
 * Owner:   the client, see http_client.h. The loop's thread.
 */
#ifndef STINT_WORK_HTTP_CALL_H
#define STINT_WORK_HTTP_CALL_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "frame/frame.h"
#include "job/http.h"
#include "work/http_pump.h"

struct http_call;
struct http_client;

typedef void (*http_call_fn)(void *arg, struct http_call *call);

enum { HTTP_STATUS_LINE_BYTES = 128 };

/* What is sent; filled by whoever took the call. */
struct http_request {
	enum http_method method;
	struct buf url;
	struct curl_slist *headers;
	uint64_t name;	 /* http_request_name once a redirect has changed it; 0 */
	size_t n_frozen; /* the first headers, which are the same each time it is sent */
	struct buf body;
	bool has_body;
	bool checks_addresses;	      /* the host comes from data: see allow_addresses */
	int64_t timeout_us;	      /* for all of it */
	_Atomic uint32_t *begun;      /* set to 1 directly before the first byte; may be NULL */
	const _Atomic int64_t *until; /* of struct lane_shared; may be NULL */
};

struct http_answer {
	CURLcode code;
	long status;			     /* 0: none came */
	bool is_sent;			     /* something of the request may have gone out */
	bool is_whole;			     /* it came to its end, or as far as it is read */
	bool is_cut;			     /* it is longer than what is read of an answer */
	bool is_lapsed;			     /* nothing went out: it was too late to begin */
	bool is_refused;		     /* an address that is not allowed */
	bool lacks;			     /* this process had no descriptors or memory left */
	bool is_proxy_auth;		     /* the proxy wants to know who we are */
	enum http_address_kind address_kind; /* of the one refused */
	char line[HTTP_STATUS_LINE_BYTES];   /* the status line */
	struct buf body;
	int64_t began_at;
	int64_t took_us;
	char why[CURL_ERROR_SIZE]; /* libcurl's words */
};

struct http_call {
	uint32_t magic;
	struct http_transfer transfer;
	struct list node;
	struct http_client *client;
	struct http_request request;
	struct http_answer answer;
	CURLU *url;	     /* what stands in `url_text`, taken apart; NULL: it cannot be */
	struct buf url_text; /* of the last request that was sent */
	int n_sends;	     /* to where it goes now */
	int n_hops;	     /* redirects that were followed */
	size_t header_bytes;
	int64_t began_us;
	bool is_running;
	http_call_fn done;
	void *arg;
};

/* Begins; `done` is called once from the loop, never from within this. */
void http_call_begin(struct http_call *call, http_call_fn done, void *arg);
/* Ends it without `done`. What is known of the answer so far can be looked at. */
void http_call_cancel(struct http_call *call);
/* The last value of a header of the answer, NULL when there is none. Lent until the call is given
 * back. */
const char *http_call_header(struct http_call *call, const char *name);
/* Adds how long each phase took, by enum timing of core/. */
void http_call_timings(const struct http_call *call, int64_t timings_us[FRAME_TIMINGS]);

/* For the client. */
struct http_call *http_call_new(struct http_client *client);
void http_call_free(struct http_call *call);
/* Ready for another request. */
void http_call_reset(struct http_call *call);

#endif
