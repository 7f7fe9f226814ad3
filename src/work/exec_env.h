/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of what exec starts: this process's, then the user's, the job's `env`, the fields
 * (for a shell), and last what stint says itself; of two with one name the later one stands.
 */
#ifndef STINT_WORK_EXEC_ENV_H
#define STINT_WORK_EXEC_ENV_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
struct err;
struct exec_env;
struct exec_user;
struct template_item;
struct work_context;

/* The longest string that execve takes (MAX_ARG_STRLEN: 32 pages of 4 KiB), without its end. */
enum { EXEC_STRING_MAX = 128 * 1024 - 1 };

/* Keeps `context`. ERR_CONFIG for a value that is no template. Gives. */
ST_MUST_CHECK int exec_env_new(const struct work_context *context, const struct exec_user *user,
			       struct exec_env **ret_env, struct err *err);
void exec_env_free(struct exec_env *env);

/* Fills it in for one attempt, or without an item (NULL) for what outlives attempts. The array and
 * what is new in it come from `arena`. */
ST_MUST_CHECK int exec_env_make(struct exec_env *env, const struct template_item *item,
				struct arena *arena, char *const **ret_envp, struct err *err);

/* STINT_FIELD_ and the name, with '_' for every byte that a variable's name cannot have. From
 * `arena`. */
char *exec_env_field_name(struct arena *arena, const char *field);

#endif
