/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_call.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/timing.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "work/http_address.h"
#include "work/http_client.h"
#include "work/http_follow.h"

enum {
	CALL_MAGIC = 0x4843616c,
	HEADERS_BYTES_MAX = 256 * 1024,
	URL_BYTES_MAX = 1024 * 1024,
	BODY_BYTES_MAX = 64 * 1024 * 1024,
};

/* ---- while it is under way ---- */

/* Directly before the first byte of a request, on a connection that stands. */
static int call_on_begin(void *arg, char *address, char *own_address, int port, int own_port)
{
	struct http_call *call = OBJ_CAST(arg, struct http_call, CALL_MAGIC);

	(void)address;
	(void)own_address;
	(void)port;
	(void)own_port;
	/* Safety: libcurl sends a request again by itself when a connection that it used again
	 * turns out to be dead. What of the first sending arrived is not known, so it ends here. */
	if (call->n_sends++ > 0)
		return CURL_PREREQFUNC_ABORT;
	(void)FAULT("work.begin");
	/* Safety: connecting may have taken long. */
	if (call->request.until != NULL && lane_is_lapsed(call->request.until, clock_boot_us())) {
		call->answer.is_lapsed = true;
		return CURL_PREREQFUNC_ABORT;
	}
	call->answer.is_sent = true;
	/* Safety: the mark stands before anything can have gone out. */
	if (call->request.begun != NULL)
		atomic_store(call->request.begun, 1);
	(void)FAULT("work.begun");
	return CURL_PREREQFUNC_OK;
}

static curl_socket_t call_open_socket(void *arg, curlsocktype purpose,
				      struct curl_sockaddr *address)
{
	struct http_call *call = OBJ_CAST(arg, struct http_call, CALL_MAGIC);

	(void)purpose;
	if (call->request.checks_addresses && !http_client_has_proxy(call->client)) {
		enum http_address_kind kind = http_address_kind(&address->addr);
		if (!http_address_is_allowed(http_client_http(call->client), kind)) {
			call->answer.is_refused = true;
			call->answer.address_kind = kind;
			return CURL_SOCKET_BAD;
		}
	}
	curl_socket_t fd = http_pump_open_socket(http_client_pump(call->client), address);
	if (fd == CURL_SOCKET_BAD)
		call->answer.lacks = errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				     errno == ENOBUFS;
	return fd;
}

static size_t call_on_header(char *data, size_t one, size_t len, void *arg)
{
	struct http_call *call = OBJ_CAST(arg, struct http_call, CALL_MAGIC);
	struct http_answer *answer = &call->answer;

	call->header_bytes += len;
	if (call->header_bytes > HEADERS_BYTES_MAX)
		return 0; /* libcurl keeps each one in memory: it must end somewhere */
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		size_t n = strcspn(data, "\r\n");
		n = n < sizeof(answer->line) - 1 ? n : sizeof(answer->line) - 1;
		memcpy(answer->line, data, n);
		answer->line[n] = '\0';
	}
	return one * len;
}

static size_t call_on_body(char *data, size_t one, size_t len, void *arg)
{
	struct http_call *call = OBJ_CAST(arg, struct http_call, CALL_MAGIC);
	struct buf *body = &call->answer.body;
	size_t room = body->max - body->len;

	if (len > room) {
		buf_put(body, data, room);
		call->answer.is_cut = true;
		return 0; /* ends it */
	}
	buf_put(body, data, len);
	return one * len;
}

/* ---- beginning ---- */

#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(easy, option, value);                              \
	} while (0)

static CURLcode set_method(CURL *easy, const struct http_request *request)
{
	CURLcode code = CURLE_OK;
	bool may_have_body = request->method != HTTP_GET && request->method != HTTP_HEAD &&
			     (request->method != HTTP_DELETE || request->has_body);

	SET(CURLOPT_HTTPGET, 1L);
	SET(CURLOPT_NOBODY, request->method == HTTP_HEAD ? 1L : 0L);
	if (may_have_body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		SET(CURLOPT_POSTFIELDS, buf_str(&request->body));
	}
	bool is_named = request->method != HTTP_GET && request->method != HTTP_HEAD &&
			request->method != HTTP_POST;
	SET(CURLOPT_CUSTOMREQUEST, is_named ? http_method_name(request->method) : NULL);
	return code;
}

/* As libcurl itself takes a URL apart. Anew, since to one that is there it would be relative. */
static CURLU *parse_url(const char *text)
{
	CURLU *url = curl_url();

	if (url == NULL)
		unreachable("no memory for libcurl");
	if (curl_url_set(url, CURLUPART_URL, text,
			 CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS) ==
	    CURLUE_OK)
		return url;
	curl_url_cleanup(url);
	return NULL; /* libcurl is given the text alone, and says what is wrong with it */
}

/* Mostly all items go to one URL. libcurl would take it apart and put it together again for each,
 * which is a tenth of all that it does for a request. */
static CURLcode set_url(struct http_call *call)
{
	CURL *easy = call->transfer.easy;
	const struct buf *text = &call->request.url;
	CURLcode code = CURLE_OK;

	if (text->len == call->url_text.len &&
	    memcmp(buf_str(text), buf_str(&call->url_text), text->len) == 0 && call->url != NULL)
		return CURLE_OK;
	CURLU *before = call->url;
	call->url = parse_url(buf_str(text));
	buf_reset(&call->url_text);
	buf_put(&call->url_text, buf_str(text), text->len);
	SET(CURLOPT_URL, buf_str(text));
	SET(CURLOPT_CURLU, call->url);
	curl_url_cleanup(before);
	return code;
}

static void call_transfer(struct http_call *call, int64_t timeout_us)
{
	CURL *easy = call->transfer.easy;
	const struct http_request *request = &call->request;
	CURLcode code = set_method(easy, request);

	if (code == CURLE_OK)
		code = set_url(call);
	SET(CURLOPT_HTTPHEADER, request->headers);
	SET(CURLOPT_TIMEOUT_MS, (long)((timeout_us + US_PER_MS - 1) / US_PER_MS));
	if (code != CURLE_OK)
		unreachable("no memory for libcurl");
	call->is_running = true;
	http_pump_add(http_client_pump(call->client), &call->transfer);
}

/* ---- its end ---- */

/* What the end says about the answer. */
static void call_judge(struct http_call *call, CURLcode code)
{
	struct http_answer *answer = &call->answer;
	long connect_status = 0;

	answer->code = code;
	answer->took_us = clock_monotonic_us() - call->began_us;
	(void)curl_easy_getinfo(call->transfer.easy, CURLINFO_RESPONSE_CODE,
				&answer->status); /* 0 then */
	(void)curl_easy_getinfo(call->transfer.easy, CURLINFO_HTTP_CONNECTCODE,
				&connect_status); /* 0 then */
	if (!answer->is_sent)
		answer->status = 0; /* it is the proxy's */
	answer->is_proxy_auth = !answer->is_sent && connect_status == 407;
	answer->is_whole = code == CURLE_OK || (code == CURLE_WRITE_ERROR && answer->is_cut);
}

/* To where a redirect leads, with what is left of the time. */
static void call_send_on(struct http_call *call)
{
	struct http_answer *answer = &call->answer;
	int64_t left_us = call->request.timeout_us - answer->took_us;

	/* Safety: it stays sent, whatever comes of the next sending: what was answered so far is
	 * only that it is to be sent elsewhere. */
	buf_reset(&answer->body);
	answer->line[0] = '\0';
	answer->status = 0;
	answer->why[0] = '\0';
	call->n_sends = 0;
	call->header_bytes = 0;
	call_transfer(call, left_us);
}

static void call_ended(struct http_transfer *transfer, CURLcode code)
{
	struct http_call *call = CONTAINER_OF(transfer, struct http_call, transfer);

	assert(call->magic == CALL_MAGIC && call->is_running);
	call->is_running = false;
	call_judge(call, code);
	if (http_follow(call))
		call_send_on(call);
	else
		call->done(call->arg, call);
}

void http_call_begin(struct http_call *call, http_call_fn done, void *arg)
{
	assert(call != NULL && call->magic == CALL_MAGIC && !call->is_running && done != NULL);
	call->done = done;
	call->arg = arg;
	call->answer.began_at = clock_now();
	call->began_us = clock_monotonic_us();
	call_transfer(call, call->request.timeout_us);
}

void http_call_cancel(struct http_call *call)
{
	assert(call != NULL && call->magic == CALL_MAGIC);
	if (!call->is_running)
		return;
	http_pump_remove(http_client_pump(call->client), &call->transfer);
	call->is_running = false;
	call_judge(call, CURLE_ABORTED_BY_CALLBACK);
}

const char *http_call_header(struct http_call *call, const char *name)
{
	struct curl_header *header = NULL;

	assert(call != NULL && call->magic == CALL_MAGIC && name != NULL);
	if (curl_easy_header(call->transfer.easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	if (header->amount > 1 && curl_easy_header(call->transfer.easy, name, header->amount - 1,
						   CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

/* A point in time that libcurl noted, 0 when it never came to it. */
static int64_t point(CURL *easy, CURLINFO what)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(easy, what, &us); /* 0 then */
	return us;
}

void http_call_timings(const struct http_call *call, int64_t timings_us[FRAME_TIMINGS])
{
	static const struct {
		CURLINFO until;
		enum timing timing;
	} phases[] = {
		{CURLINFO_NAMELOOKUP_TIME_T, TIMING_DNS},
		{CURLINFO_CONNECT_TIME_T, TIMING_CONNECT},
		{CURLINFO_APPCONNECT_TIME_T, TIMING_TLS},
		{CURLINFO_PRETRANSFER_TIME_T, TIMING_SEND},
		{CURLINFO_STARTTRANSFER_TIME_T, TIMING_WAIT},
		{CURLINFO_TOTAL_TIME_T, TIMING_RECEIVE},
	};
	int64_t from = 0;

	assert(call != NULL && call->magic == CALL_MAGIC);
	/* A point that it never came to is 0, as are those of a connection that stood already. */
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		int64_t until = point(call->transfer.easy, phases[i].until);
		if (until <= from)
			continue;
		timings_us[phases[i].timing] = until - from;
		from = until;
	}
}

/* ---- life ---- */

static void call_prepare(struct http_call *call)
{
	CURL *easy = call->transfer.easy;
	CURLcode code = CURLE_OK;

	http_client_prepare(call->client, easy);
	http_pump_prepare(http_client_pump(call->client), &call->transfer);
	SET(CURLOPT_ERRORBUFFER, call->answer.why);
	SET(CURLOPT_PREREQFUNCTION, call_on_begin);
	SET(CURLOPT_PREREQDATA, call);
	SET(CURLOPT_OPENSOCKETFUNCTION, call_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, call);
	SET(CURLOPT_HEADERFUNCTION, call_on_header);
	SET(CURLOPT_HEADERDATA, call);
	SET(CURLOPT_WRITEFUNCTION, call_on_body);
	SET(CURLOPT_WRITEDATA, call);
	if (code != CURLE_OK)
		unreachable("libcurl has these options");
}

struct http_call *http_call_new(struct http_client *client)
{
	struct http_call *call = xnew(struct http_call);

	call->magic = CALL_MAGIC;
	call->client = client;
	call->transfer.easy = curl_easy_init();
	call->transfer.done = call_ended;
	if (call->transfer.easy == NULL)
		unreachable("no memory for libcurl");
	list_init(&call->node);
	buf_init(&call->request.url, URL_BYTES_MAX);
	buf_init(&call->request.body, BODY_BYTES_MAX);
	buf_init(&call->url_text, URL_BYTES_MAX);
	buf_init(&call->answer.body, (size_t)http_client_http(client)->max_answer_bytes);
	call_prepare(call);
	return call;
}

void http_call_reset(struct http_call *call)
{
	assert(call != NULL && call->magic == CALL_MAGIC && !call->is_running);
	struct buf url = call->request.url;
	struct buf body = call->request.body;
	struct buf answer = call->answer.body;

	buf_reset(&url);
	buf_reset(&body);
	buf_reset(&answer);
	curl_slist_free_all(call->request.headers);
	call->request = (struct http_request){.url = url, .body = body};
	call->answer = (struct http_answer){.body = answer};
	call->n_sends = 0;
	call->n_hops = 0;
	call->header_bytes = 0;
	call->done = NULL;
	call->arg = NULL;
}

void http_call_free(struct http_call *call)
{
	if (call == NULL)
		return;
	assert(call->magic == CALL_MAGIC && !call->is_running);
	curl_easy_cleanup(call->transfer.easy);
	curl_url_cleanup(call->url);
	buf_done(&call->url_text);
	curl_slist_free_all(call->request.headers);
	buf_done(&call->request.url);
	buf_done(&call->request.body);
	buf_done(&call->answer.body);
	call->magic = 0;
	free(call);
}
