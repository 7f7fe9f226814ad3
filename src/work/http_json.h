/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON body: the tree of the job file with the item's values at its leaves. Built as a tree,
 * never by pasting text: a value that is exactly one field keeps its type and its digits.
 */
#ifndef STINT_WORK_HTTP_JSON_H
#define STINT_WORK_HTTP_JSON_H

#include "base/attr.h"

struct buf;
struct err;
struct http_json;
struct job;
struct job_value;
struct template_item;
struct template_run;

/* Keeps `job`. ERR_CONFIG. Gives. */
ST_MUST_CHECK int http_json_new(const struct job *job, const struct job_value *value,
				struct http_json **ret_json, struct err *err);
void http_json_free(struct http_json *json);
/* Appends the body. As template_render fails. */
ST_MUST_CHECK int http_json_put(const struct http_json *json, const struct template_run *run,
				const struct template_item *item, struct buf *out, struct err *err);

#endif
