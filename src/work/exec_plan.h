/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt starts, made of what the job says and of one item: program, arguments,
 * environment, directory and standard input.
 *
 * Promise: a placeholder fills exactly one argument or value, or a part of one; a shell's text is
 *          handed over as it stands, and gets the fields as variables.
 * Owner:   one for each exec work. What a call lends is valid until the next.
 */
#ifndef STINT_WORK_EXEC_PLAN_H
#define STINT_WORK_EXEC_PLAN_H

#include <stdbool.h>

#include "base/attr.h"

struct buf;
struct err;
struct exec_plan;
struct exec_user;
struct item;
struct job;
struct template_item;
struct work_context;

struct exec_call {
	const char *program; /* a path, or a name to be looked for in PATH */
	char *const *argv;
	char *const *envp;
	const char *directory;
	bool is_of_item; /* program or directory depend on the item: if they are missing, it is its
			    fault */
};

/* Parses templates, finds the program. ERR_CONFIG. A program that is not there is no failure: it
 * may come back. Keeps `context`; `user` (NULL: this one) gives HOME and the like. Gives. */
ST_MUST_CHECK int exec_plan_new(const struct work_context *context, const struct exec_user *user,
				struct exec_plan **ret_plan, struct err *err);
void exec_plan_free(struct exec_plan *plan);

/* Fills everything in; `item` is NULL for a program that outlives items. ERR_DATA and ERR_TOO_BIG:
 * this item cannot be handed over; other failures hit every item. */
ST_MUST_CHECK int exec_plan_call(struct exec_plan *plan, const struct template_item *item,
				 struct exec_call *ret_call, struct err *err);
/* True when there is a standard input. */
bool exec_plan_has_input(const struct exec_plan *plan);
ST_MUST_CHECK int exec_plan_put_input(struct exec_plan *plan, const struct template_item *item,
				      struct buf *out, struct err *err);

/* `path` as it is when absolute, else below `directory`; gives. */
char *exec_plan_join(const char *directory, const char *path);

#endif
