/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of `stint explain`. */
#ifndef STINT_JOB_EXPLAIN_H
#define STINT_JOB_EXPLAIN_H

struct buf;
struct job;
struct node;

/* The completed tree as YAML that reads back to the same job; what is a default says so, and what
 * it is for, in a comment. */
void explain_put_yaml(const struct node *root, struct buf *out);
/* What will happen, in sentences, a paragraph a line. */
void explain_put_words(const struct job *job, struct buf *out);

#endif
