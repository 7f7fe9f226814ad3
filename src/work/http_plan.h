/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request of an item, made of what the job says and of one item.
 *
 * Promise: a value fills its place and nothing else: percent-encoded in a URL, a string (or the
 *          field's own type) in JSON, one line in a header. Made twice of the same item it is the
 *          same, byte for byte, but for how it logs on.
 * Owner:   one for each http work.
 */
#ifndef STINT_WORK_HTTP_PLAN_H
#define STINT_WORK_HTTP_PLAN_H

#include <stdint.h>

#include "base/attr.h"

struct err;
struct http_plan;
struct http_request;
struct template_item;
struct work_context;

/* Keeps `context`. ERR_CONFIG. Gives. */
ST_MUST_CHECK int http_plan_new(const struct work_context *context, struct http_plan **ret_plan,
				struct err *err);
void http_plan_free(struct http_plan *plan);
/* Fills the request, which is empty. ERR_DATA (the item's fault), ERR_TOO_BIG, ERR_CONFIG (a secret
 * that cannot be read). */
ST_MUST_CHECK int http_plan_request(const struct http_plan *plan, const struct template_item *item,
				    struct http_request *request, struct err *err);
/* A number that names the request: two are the same, byte for byte, when it is. How it logs on, and
 * other headers that are made of secrets, are left out, since these may be renewed. Never 0. */
uint64_t http_request_name(const struct http_request *request);
/* Adds a header to a request. ERR_DATA: its value cannot stand in one. */
ST_MUST_CHECK int http_request_add_header(struct http_request *request, const char *name,
					  const char *value, struct err *err);

#endif
