/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs with placeholders: which part of a URL a placeholder stands in decides what its value may
 * be.
 *
 *   ${url}/a                      the beginning: a URL, taken as it is, without blanks
 *   https://${host}:${port}/a     the authority: characters of hosts and ports only
 *   https://h/a/${id}?q=${text}   path and query: anything, percent-encoded; but no value may be
 *                                 empty where it is a whole part of a path, and none may make one
 *                                 "." or "..": these would lead somewhere else
 */
#ifndef STINT_JOB_TEMPLATE_URL_H
#define STINT_JOB_TEMPLATE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf;
struct err;
struct template;

/* Where a URL is being rendered: begins at `from` in `out`. */
struct url_render {
	struct buf *out;
	size_t from;
	bool ends_empty; /* the last part of the path so far is an empty value */
};

ST_MUST_CHECK int url_put_literal(struct url_render *u, const char *text, size_t len,
				  struct err *err);
ST_MUST_CHECK int url_put_value(struct url_render *u, const char *text, size_t len,
				struct err *err);
/* Once all is put in. */
ST_MUST_CHECK int url_end(const struct url_render *u, struct err *err);

/* Checks what can be known of a URL before there is an item: a scheme, and which; no password. */
ST_MUST_CHECK int template_check_url(const struct template *t, struct err *err);
/* True when a placeholder has a say in the scheme, the host or the port. */
bool template_url_is_open(const struct template *t);

#endif
