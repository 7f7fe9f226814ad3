/* SPDX-License-Identifier: Apache-2.0 */
/* The job that a fuzz target reads its input by. */
#ifndef STINT_TESTS_FUZZ_FUZZ_JOB_H
#define STINT_TESTS_FUZZ_FUZZ_JOB_H

struct job;

/* *kept, made of the text the first time. The process keeps it. */
struct job *fuzz_job(struct job **kept, const char *text);

#endif
