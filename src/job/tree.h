/* SPDX-License-Identifier: Apache-2.0 */
/* The completed tree of a job that exists already, for whoever shows or compares it. */
#ifndef STINT_JOB_TREE_H
#define STINT_JOB_TREE_H

struct arena;
struct job;
struct node;

/* Reads job->text again, with every default. In `arena`. */
struct node *tree_of_job(const struct job *job, struct arena *arena);

#endif
