/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirects, where the job says `follow: true`.
 *
 * Promise: only what certainly means "not here, there" is followed: 307 and 308, which keep method
 *          and body, and for GET and HEAD the others, too. (After a POST, 301 to 303 may mean that
 *          it was done and the result is there: sending it again would do it twice.) At most
 *          HTTP_HOPS_MAX times, only to http and https, never from https to http. Another host gets
 *          nothing that logs on, and its address is checked as one that comes from data.
 */
#ifndef STINT_WORK_HTTP_FOLLOW_H
#define STINT_WORK_HTTP_FOLLOW_H

#include <stdbool.h>

#include "job/http.h"

struct http_call;

enum { HTTP_HOPS_MAX = 5 };

/* True when an answer with this status leads a request on. */
bool http_follow_status(enum http_method method, long status);
/* Makes the request of a call that has ended the one that its answer leads to. False: it leads
 * nowhere, and the request is as it was. */
bool http_follow(struct http_call *call);

#endif
