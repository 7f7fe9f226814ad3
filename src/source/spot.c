/* SPDX-License-Identifier: Apache-2.0 */
#include "source/spot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { LINKS_MAX = 40, REST_BYTES_MAX = 64 * 1024, OPEN_FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC };

struct way {
	const char *path; /* as people know it */
	int folder;	  /* so far */
	char *rest;	  /* what is still to go, owned */
	int n_links;
};

static int failed(const struct way *way, int os_errno, struct err *err)
{
	if (os_errno == ENOENT || os_errno == ENOTDIR)
		return SPOT_GONE;
	if (os_errno == EACCES)
		return ERR_SYS(err, ERR_PERM, os_errno, "looking for %s", way->path);
	return ERR_SYS(err, ERR_IO, os_errno, "looking for %s", way->path);
}

static void step_to(struct way *way, int folder)
{
	if (way->folder >= 0)
		(void)close(way->folder); /* only opened */
	way->folder = folder;
}

/* A way with a slash in front begins at the root. */
static int begin(struct way *way, struct err *err)
{
	if (way->rest[0] != '/' && way->folder >= 0)
		return 0;
	step_to(way, open(way->rest[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return way->folder < 0 ? failed(way, errno, err) : 0;
}

/* Puts what the link says in front of the rest. */
static int follow(struct way *way, int link, const struct stat *st, struct err *err)
{
	char target[PATH_MAX] = {0};
	struct buf b = BUF_INIT(REST_BYTES_MAX);

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return ERR(err, ERR_DATA,
			   "%s: a folder on the way is a link of somebody else (user %u): the file "
			   "is left where it is",
			   way->path, st->st_uid);
	if (++way->n_links > LINKS_MAX)
		return failed(way, ELOOP, err);
	ssize_t len = readlinkat(link, "", target, sizeof(target) - 1);
	if (len < 0)
		return failed(way, errno, err);
	buf_printf(&b, "%s/%s", target, way->rest);
	char *rest = buf_take(&b);
	buf_done(&b);
	if (rest == NULL)
		return failed(way, ENAMETOOLONG, err);
	free(way->rest);
	way->rest = rest;
	return begin(way, err);
}

/* Takes the first part off the rest; false when there is none. */
static bool take_part(struct way *way, char part[NAME_MAX + 2])
{
	const char *from = way->rest + strspn(way->rest, "/");
	size_t len = strcspn(from, "/");

	if (len == 0)
		return false;
	if (len > NAME_MAX) /* the system will say that it is too long */
		len = NAME_MAX + 1;
	memcpy(part, from, len);
	part[len] = '\0';
	memmove(way->rest, from + len, strlen(from + len) + 1);
	return true;
}

static int enter(struct way *way, const char *part, struct err *err)
{
	struct stat st = {0};
	int next = openat(way->folder, part, OPEN_FLAGS);

	if (next < 0)
		return failed(way, errno, err);
	int stat_rc = fstat(next, &st);
	assert(stat_rc == 0); /* of what was just opened */
	if (S_ISLNK(st.st_mode)) {
		int rc = follow(way, next, &st, err);
		(void)close(next); /* only opened */
		return rc;
	}
	step_to(way, next);
	return S_ISDIR(st.st_mode) ? 0 : SPOT_GONE;
}

int spot_open(const char *path, struct spot *ret_spot, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct way way = {.path = path, .folder = -1};
	char part[NAME_MAX + 2] = {0};

	assert(slash != NULL && ret_spot != NULL);
	way.rest = xstrndup(path, (size_t)(slash - path) + 1);
	int rc = begin(&way, err);
	while (rc == 0 && take_part(&way, part))
		rc = enter(&way, part, err);
	free(way.rest);
	if (rc != 0)
		step_to(&way, -1);
	else
		*ret_spot = (struct spot){.folder = way.folder, .base = slash + 1};
	return rc;
}

void spot_close(struct spot *spot)
{
	(void)close(spot->folder); /* only opened */
	spot->folder = -1;
}
