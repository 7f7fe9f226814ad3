/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defaults: puts into a checked tree what the file left out, as nodes marked `is_default`.
 *
 * After it the tree says everything that a run of the job goes by; `struct job` is filled from it
 * and `explain` prints it.
 */
#ifndef STINT_JOB_COMPLETE_H
#define STINT_JOB_COMPLETE_H

struct arena;
struct node;

void complete_tree(struct node *root, struct arena *arena);

#endif
