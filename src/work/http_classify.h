/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the end of an HTTP exchange says about its item (docs/http.md). Pure: tables.
 */
#ifndef STINT_WORK_HTTP_CLASSIFY_H
#define STINT_WORK_HTTP_CLASSIFY_H

#include <stdbool.h>

#include "core/outcome.h"

struct http_answer;
struct job_work;

enum { HTTP_CLASS_BYTES = 16 };

/* The outcome, and in `class` a short stable word: "http-503", "connect", "certificate", …; "" when
 * done. */
enum outcome http_classify(const struct job_work *work, const struct http_answer *answer,
			   char class[HTTP_CLASS_BYTES]);
/* The outcome of an answer with this status. done_when, retry_when, dead_when and doubt_when of the
 * job go first, in this order. */
enum outcome http_classify_status(const struct job_work *work, long status);

#endif
