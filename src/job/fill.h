/* SPDX-License-Identifier: Apache-2.0 */
/* From a checked and completed tree to struct job, by what the schema's rows say of it. */
#ifndef STINT_JOB_FILL_H
#define STINT_JOB_FILL_H

struct job;
struct node;

/* Sets every member that a row of the schema names with AT(). Bad nodes leave their member as it
 * is. */
void fill_job(struct job *job, const struct node *root);

#endif
