/* SPDX-License-Identifier: Apache-2.0 */
#include "source/glob_walk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum { PATH_BYTES_MAX = 64 * 1024, FULL_BYTES_MAX = 2 * PATH_BYTES_MAX, PART_BYTES_MAX = 1024 };

struct walk {
	const char *root;
	struct buf name; /* as the pattern writes it, so far */
	glob_walk_fn fn;
	void *arg;
};

static bool part_has_magic(const char *part, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (part[i] == '\\')
			i++;
		else if (part[i] == '*' || part[i] == '?' || part[i] == '[')
			return true;
	}
	return false;
}

bool glob_has_magic(const char *pattern)
{
	return part_has_magic(pattern, strlen(pattern));
}

static int walk_rest(struct walk *w, const char *rest, struct err *err);

/* What follows a part whose name has been appended. */
static int walk_on(struct walk *w, const char *behind, size_t from, struct err *err)
{
	int rc = 0;

	if (*behind == '/') {
		buf_putc(&w->name, '/');
		rc = walk_rest(w, behind + 1, err);
	} else {
		rc = buf_check(&w->name, "a path", err);
		if (rc == 0)
			rc = w->fn(w->arg, buf_str(&w->name), err);
	}
	buf_truncate(&w->name, from);
	return rc;
}

static int walk_plain(struct walk *w, const char *part, size_t len, struct err *err)
{
	size_t from = w->name.len;

	for (size_t i = 0; i < len; i++) {
		if (part[i] == '\\' && i + 1 < len)
			i++;
		buf_putc(&w->name, part[i]);
	}
	return walk_on(w, part + len, from, err);
}

static int open_directory(const struct walk *w, DIR **ret_dir, struct err *err)
{
	AUTO(buf) struct buf path = BUF_INIT(FULL_BYTES_MAX);
	const char *name = buf_str(&w->name);

	buf_printf(&path, "%s%s%s", name[0] == '/' ? "" : w->root, name[0] == '/' ? "" : "/", name);
	*ret_dir = opendir(buf_str(&path));
	if (*ret_dir != NULL || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return ERR_SYS(err, errno == EACCES || errno == EPERM ? ERR_PERM : ERR_IO, errno,
		       "the directory %s cannot be read", buf_str(&path));
}

static int walk_magic(struct walk *w, const char *part, size_t len, struct err *err)
{
	char pattern[PART_BYTES_MAX];
	size_t from = w->name.len;
	DIR *dir = NULL;

	if (len >= sizeof(pattern))
		return ERR(err, ERR_DATA, "a part of the path is longer than %d bytes",
			   PART_BYTES_MAX);
	memcpy(pattern, part, len);
	pattern[len] = '\0';
	int rc = open_directory(w, &dir, err);
	if (rc != 0 || dir == NULL)
		return rc;
	while (rc == 0) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (entry == NULL && errno != 0)
			rc = ERR_SYS(err, ERR_IO, errno, "a directory of %s cannot be read", part);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0)
			continue;
		buf_puts(&w->name, entry->d_name);
		rc = walk_on(w, part + len, from, err);
	}
	(void)closedir(dir); /* only read from */
	return rc;
}

static int walk_rest(struct walk *w, const char *rest, struct err *err)
{
	size_t len = strcspn(rest, "/");

	if (part_has_magic(rest, len))
		return walk_magic(w, rest, len, err);
	return walk_plain(w, rest, len, err);
}

int glob_walk(const char *root, const char *pattern, glob_walk_fn fn, void *arg, struct err *err)
{
	struct walk w = {.root = root, .name = BUF_INIT(PATH_BYTES_MAX), .fn = fn, .arg = arg};

	assert(root != NULL && pattern != NULL && fn != NULL);
	int rc = walk_rest(&w, pattern, err);
	buf_done(&w.name);
	return rc;
}
