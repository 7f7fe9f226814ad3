/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for access tokens over the network, one at a time, for as many attempts as wait.
 *
 * Promise: what the token endpoint is told and says appears nowhere. A question ends within the
 *          time limit of an attempt. `told` is called once for each, never from within a call here.
 * Owner:   one for each http work; the loop's thread.
 */
#ifndef STINT_WORK_HTTP_TOKEN_H
#define STINT_WORK_HTTP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct exec_mask;
struct http_client;
struct http_token;
struct work_context;

/* There is a token, or (with `err`) there is none. */
typedef void (*http_token_fn)(void *arg, const struct err *err);

struct http_token_options {
	const struct work_context *context;
	struct http_client *client;
	http_token_fn told;
	void *arg;
};

/* Keeps what `options` points to. ERR_CONFIG. Gives. */
ST_MUST_CHECK int http_token_new(const struct http_token_options *options,
				 struct http_token **ret_token, struct err *err);
/* NULL is allowed. */
void http_token_free(struct http_token *token);
/* The Authorization header for an attempt that begins now, and the token's number. NULL: it has to
 * be asked for, which begins with this, unless it has begun already; `told` will come. Lent until
 * then. ERR_CONFIG when it cannot be asked for. */
ST_MUST_CHECK int http_token_header(struct http_token *token, const char **ret_header,
				    uint64_t *ret_number, struct err *err);
/* An attempt with this token was answered. True: by 401, though the token was good before, so that
 * the item shall be tried again with a new one. */
bool http_token_is_worn(struct http_token *token, uint64_t number, long status);
/* Adds to what is hidden whatever may still be said again. */
void http_token_hide(const struct http_token *token, struct exec_mask *mask);

#endif
