/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of HTTP work share: one attempt, from its start to its outcome.
 *
 * http.c begins and ends them, http_outcome.c says how they ended.
 */
#ifndef STINT_WORK_HTTP_ATTEMPT_H
#define STINT_WORK_HTTP_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "core/outcome.h"
#include "work/work.h"

struct answer_tests;
struct exec_mask;
struct http_auth;
struct http_call;
struct http_client;
struct http_plan;
struct http_token;
struct loop_timer;

enum { HTTP_MAGIC = 0x48747470, HTTP_ATTEMPT_MAGIC = 0x48417474 };

struct http {
	uint32_t magic;
	const struct work_context *context;
	struct http_client *client;
	struct http_plan *plan;
	struct http_auth *auth;
	struct http_token *token; /* auth.oauth2, NULL without */
	struct exec_mask *mask;
	struct answer_tests *tests; /* NULL: the job has none */
	struct loop_timer *timer;   /* set to 0 when something in `failed` is to be told */
	struct list attempts;	    /* under way */
	struct list waiting;	    /* for a token */
	struct list failed;	    /* could not begin, or were cancelled */
};

struct http_attempt {
	uint32_t magic;
	struct list node;
	struct http *http;
	struct work_attempt what;
	struct http_call *call; /* NULL: it could not begin */
	uint64_t token;		/* the number of its token */
	bool cancelled;
	/* of one that could not begin */
	enum outcome outcome;
	const char *class;
	struct err err;
};

/* Calls context->done; the attempt is gone before that. */
void http_attempt_tell(struct http_attempt *a);
void http_attempt_free(struct http_attempt *a);

#endif
