/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole answer means, by its status and by the tests of what it says:
 *
 *   1. A status that stands in retry_when, dead_when or doubt_when decides; so does one that hits
 *      every item alike, and of HTTP one that says that nothing was done (429).
 *   2. Else the tests: doubt_when, dead_when, retry_when, done_when; the first that holds.
 *   3. Else a status in done_when, then what statuses mean by themselves. But where that is "done"
 *      nobody knows when a test failed, or when done_when has tests and nothing in it holds.
 *
 * Owner: one thread; answer_tests_free.
 */
#ifndef STINT_WORK_ANSWER_H
#define STINT_WORK_ANSWER_H

#include "base/attr.h"
#include "core/outcome.h"

struct answer_tests;
struct body_answer;
struct err;
struct job;
struct template_run;

/* The class of what a test decided. */
#define ANSWER_CLASS "body-test"

/* Compiles the tests of the job's work. NULL when it has none. Keeps what it is given. ERR_CONFIG.
 */
ST_MUST_CHECK int answer_tests_open(const struct job *job, const struct template_run *run,
				    struct answer_tests **ret_tests, struct err *err);
/* `by_status`: what the answer means by its status, the job's lists included. When a test decided
 * `ret_why` says which, and what it failed with, not masked; else its code is 0. `tests` may be
 * NULL. */
enum outcome answer_judge(struct answer_tests *tests, const struct body_answer *answer,
			  enum outcome by_status, struct err *ret_why);
/* NULL is allowed. */
void answer_tests_free(struct answer_tests *tests);

#endif
