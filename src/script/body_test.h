/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {body: LUA} in done_when, retry_when, dead_when and doubt_when: a test of an answer. The script
 * sees `status`, `body` (the text), `json` (the body as tables, nil when it is no JSON), and the
 * fields of the item. nil and false: it does not hold; true: it does.
 *
 * Owner: one thread; body_test_free.
 */
#ifndef STINT_SCRIPT_BODY_TEST_H
#define STINT_SCRIPT_BODY_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct body_test;
struct err;
struct job;
struct job_test;
struct template_item;
struct template_run;

struct body_answer {
	int64_t status; /* of HTTP, or the exit status */
	const char *body;
	size_t len;
	const struct template_item *item;
};

/* Compiles it. Gives; keeps all but `err`; `run` is NULL where it is only compiled. ERR_CONFIG:
 * "doubt_when:1: what". */
ST_MUST_CHECK int body_test_open(const struct job *job, const struct job_test *test,
				 const struct template_run *run, struct body_test **ret_test,
				 struct err *err);
/* ERR_DATA: "doubt_when:1: what was wrong": then nobody knows what the answer says. */
ST_MUST_CHECK int body_test_run(struct body_test *test, const struct body_answer *answer,
				bool *ret_holds, struct err *err);
/* NULL is allowed. */
void body_test_free(struct body_test *test);

#endif
