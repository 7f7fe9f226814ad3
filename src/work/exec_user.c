/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_user.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* The largest entry of passwd that is read, and how many groups a user may be in (NGROUPS_MAX of
 * Linux). */
enum { ENTRY_BYTES = 64 * 1024, GROUPS_MAX = 65536 };

static int user_load_groups(struct exec_user *user, struct err *err)
{
	int n = 0;

	/* The first call counts; what it answers does not matter. */
	(void)getgrouplist(user->name, user->gid, NULL, &n);
	if (n <= 0 || n > GROUPS_MAX)
		return ERR(err, ERR_CONFIG, "user '%s' is in too many groups", user->name);
	user->groups = xcalloc((size_t)n, sizeof(*user->groups));
	if (getgrouplist(user->name, user->gid, user->groups, &n) < 0)
		return ERR(err, ERR_TEMP, "the groups of user '%s' changed just now", user->name);
	user->n_groups = (size_t)n;
	return 0;
}

int exec_user_find(const char *name, struct exec_user **ret_user, struct err *err)
{
	struct passwd entry = {0};
	struct passwd *found = NULL;
	AUTO(str) char *space = xcalloc(1, ENTRY_BYTES);

	assert(name != NULL && ret_user != NULL);
	int rc = getpwnam_r(name, &entry, space, ENTRY_BYTES, &found);
	if (found == NULL && rc != 0)
		return ERR_SYS(err, ERR_CONFIG, rc, "looking up user '%s'", name);
	if (found == NULL)
		return ERR(err, ERR_CONFIG, "user '%s' does not exist on this machine", name);
	if (geteuid() != 0 && geteuid() == entry.pw_uid) {
		*ret_user = NULL;
		return 0;
	}
	if (geteuid() != 0)
		return ERR(err, ERR_CONFIG, "only root can start programs as user '%s'", name);
	struct exec_user *user = xnew(struct exec_user);
	user->uid = entry.pw_uid;
	user->gid = entry.pw_gid;
	user->name = xstrdup(entry.pw_name);
	user->home = xstrdup(entry.pw_dir);
	rc = user_load_groups(user, err);
	if (rc < 0) {
		exec_user_free(user);
		return rc;
	}
	*ret_user = user;
	return 0;
}

void exec_user_free(struct exec_user *user)
{
	if (user == NULL)
		return;
	free(user->groups);
	free(user->name);
	free(user->home);
	free(user);
}
