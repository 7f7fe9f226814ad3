/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens by OAuth 2 client credentials (RFC 6749, 4.4): which token an attempt uses, when a
 * new one is needed, how it is asked for and what the answer means. Pure: time comes in, and who
 * asks over the network is work/http.
 *
 * Promise: neither a token nor the client's secret is ever in an `err`; both are wiped when they
 *          are given up. An endpoint that answers whatever it likes costs one token at a time.
 * Owner:   one for each http work; the loop's thread.
 */
#ifndef STINT_WORK_HTTP_OAUTH_H
#define STINT_WORK_HTTP_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;
struct http_oauth;

struct http_oauth *http_oauth_new(void);
void http_oauth_free(struct http_oauth *oauth);

/* The token for an attempt that begins now, lent until the next call that changes something, and
 * its number, by which the answer's 401 is understood. NULL: one has to be asked for first. */
const char *http_oauth_token(const struct http_oauth *oauth, int64_t boot_us, uint64_t *ret_number);

struct http_oauth_client {
	const char *id;
	const char *secret;
	const char *scope; /* NULL or "": none is named */
};

/* What to send to the token endpoint: a form, and a user and password for basic authentication,
 * which stay empty where the endpoint wants the client named in the form. The caller wipes all. */
struct http_oauth_request {
	struct buf *form;
	struct buf *user;
	struct buf *password;
};
void http_oauth_put_request(const struct http_oauth *oauth, const struct http_oauth_client *client,
			    const struct http_oauth_request *request);

/* The answer to that. 0: there is a token. HTTP_OAUTH_AGAIN: not this way; ask once more, at once.
 * Else all items would fail alike: ERR_UNAVAILABLE when it may be better later, ERR_CONFIG when the
 * client is refused, ERR_DATA when the answer is none. */
enum http_oauth_condition { HTTP_OAUTH_AGAIN = 1 };
struct http_oauth_answer {
	long status;
	const char *body;
	size_t len;
};
ST_MUST_CHECK int http_oauth_take(struct http_oauth *oauth, int64_t boot_us,
				  const struct http_oauth_answer *answer, struct err *err);

/* An attempt with this token was answered, and not by 401. */
void http_oauth_worked(struct http_oauth *oauth, uint64_t number);
/* An attempt with this token was answered 401. True: the token was good once and is given up, or
 * has been already, so that the item shall be tried again with a new one. False: this token was
 * never good for anything, and another would not be either. */
bool http_oauth_is_worn(struct http_oauth *oauth, uint64_t number);

#endif
