/* SPDX-License-Identifier: Apache-2.0 */
/* Job files in tests: parsed, with their faults as a user would read them, without the file's name.
 */
#ifndef STINT_TESTS_UNIT_JOB_PARSED_H
#define STINT_TESTS_UNIT_JOB_PARSED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "job/job.h"

enum { PARSED_FAULTS_MAX = 32 };

struct parsed {
	struct job *job; /* NULL when there were faults */
	int rc;
	struct err err;
	char *faults[PARSED_FAULTS_MAX]; /* "LINE:COLUMN: text" */
	size_t n;
};

struct parsed parsed_of(const char *text);
struct parsed parsed_of_bytes(const char *text, size_t len);
void parsed_done(struct parsed *p);
void parsed_auto(struct parsed *p);

/* The job of a text that has no faults; fails the test otherwise. Free with job_free. */
struct job *job_of(const char *text);
/* Fails unless the text has exactly this fault and no other. */
void assert_only_fault(const char *text, const char *fault);
/* Fails unless this fault is among those of the text. */
void assert_fault(const char *text, const char *fault);
bool parsed_has(const struct parsed *p, const char *fault);

#endif
