/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `steps:` in the tree of a job file: a step is a job whose source, filter, transform, work, retry,
 * breaker and chunk are the step's.
 */
#ifndef STINT_JOB_STEPS_H
#define STINT_JOB_STEPS_H

#include <stddef.h>

struct arena;
struct faults;
struct node;

/* How many steps the job has; 0: it is written without any. Reports what is wrong with the list as
 * a whole. The tree is checked. */
size_t steps_check(struct node *root, struct faults *faults);
/* What steps say of each other, in the arena; both end with NULL. */
struct steps_seen {
	const char *const *names; /* of all of them, in order, "" where one has none; NULL: none */
	const char *const *uses;  /* NAME.FIELD of every ${step.NAME.FIELD} */
};
/* The number of the step that is called so, from 1; 0: none is. `names` end with NULL, or are NULL.
 */
int steps_number(const char *const *names, const char *name, size_t len);
/* To be done before the tree is made that of one step. */
void steps_look(const struct node *root, struct arena *arena, struct steps_seen *ret_seen);
/* Makes the tree that of one step, from 1; nothing where there are none. To be done before it is
 * completed. */
void steps_select(struct node *root, size_t step);

#endif
