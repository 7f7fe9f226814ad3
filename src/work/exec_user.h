/* SPDX-License-Identifier: Apache-2.0 */
/* The user as whom programs are started, looked up once. */
#ifndef STINT_WORK_EXEC_USER_H
#define STINT_WORK_EXEC_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

struct err;

struct exec_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* all of the user's, gid among them */
	size_t n_groups;
	char *name;
	char *home;
};

/* Gives. ERR_CONFIG when there is no such user, or when this process may not become another one.
 * NULL in *ret_user when it is that user already and is not root. */
ST_MUST_CHECK int exec_user_find(const char *name, struct exec_user **ret_user, struct err *err);
void exec_user_free(struct exec_user *user);

#endif
