/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of `stint explain`; the job itself is written by job_explain. */
#ifndef STINT_JOB_EXPLAIN_H
#define STINT_JOB_EXPLAIN_H

struct buf;
struct job;

/* What will happen, in sentences, a paragraph a line. */
void explain_put_words(const struct job *job, struct buf *out);

/* Of work: http: what is sent, within a sentence; and what answers mean. */
void explain_put_request(const struct job *job, struct buf *out);
void explain_put_request_failure(const struct job *job, struct buf *out);
/* Of work: sql and table, likewise. */
void explain_put_target(const struct job *job, struct buf *out);
void explain_put_target_effect(struct buf *out);
void explain_put_target_failure(const struct job *job, struct buf *out);
/* Sentences about scripts, each with a blank where it joins others; nothing where there is none. */
void explain_put_filter(const struct job *job, struct buf *out);
void explain_put_transform(const struct job *job, struct buf *out);
void explain_put_tests(const struct job *job, struct buf *out);

#endif
