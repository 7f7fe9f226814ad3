/* SPDX-License-Identifier: Apache-2.0 */
/* Where the items of a step's copy come from, and what is made of them before work (copy.h). */
#ifndef STINT_DRILL_COPY_SOURCE_H
#define STINT_DRILL_COPY_SOURCE_H

struct copy_wish;
struct job;
struct json_writer;
struct node;

/* The member of a map as it stands in the job's file; nothing where it does not. */
void copy_member(struct json_writer *w, const struct node *map, const char *name);
/* source, filter, transform: members of an object. `tree` is that of the step. */
void copy_source(struct json_writer *w, const struct copy_wish *wish, const struct job *step,
		 const struct node *tree);

#endif
