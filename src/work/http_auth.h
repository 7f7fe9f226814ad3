/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How requests log on: the Authorization header.
 *
 * Promise: the secrets that are in it are read again when they may have changed (every half minute,
 *          and after an answer that refuses them), so that a token that is renewed in its file is
 *          used without a restart.
 * Owner:   one for each http work; the loop's thread. Wiped in http_auth_free.
 */
#ifndef STINT_WORK_HTTP_AUTH_H
#define STINT_WORK_HTTP_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;
struct http_auth;
struct work_context;

/* Keeps `context`. ERR_CONFIG. Gives. */
ST_MUST_CHECK int http_auth_new(const struct work_context *context, struct http_auth **ret_auth,
				struct err *err);
void http_auth_free(struct http_auth *auth);
/* The header's value, NULL where requests do not log on. Lent until the next call. ERR_CONFIG: a
 * secret that cannot be read. `ret_changed`: it is another than at the last call. */
ST_MUST_CHECK int http_auth_value(struct http_auth *auth, const char **ret_value, bool *ret_changed,
				  struct err *err);
/* The other side refused it. */
void http_auth_expire(struct http_auth *auth);

#endif
