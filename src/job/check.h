/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job file's tree against the schema: unknown keys, wrong types, ranges, what is missing, and
 * what this version cannot do. Rules between keys are in rules.h.
 */
#ifndef STINT_JOB_CHECK_H
#define STINT_JOB_CHECK_H

struct faults;
struct node;

/* Gives every node its row of the schema, and reports every fault; nodes with one are marked bad.
 */
void check_tree(struct node *root, struct faults *faults);

#endif
