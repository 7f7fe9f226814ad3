/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { READ_STEP_BYTES = 64 * 1024 };

/* The failure that fits errno; `what` is "open", "write" and the like. */
static int file_fail(int os_errno, const char *what, const char *path, struct err *err)
{
	switch (os_errno) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
		return ERR_SYS(err, ERR_NOINPUT, os_errno, "%s '%s'", what, path);
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_SYS(err, ERR_PERM, os_errno, "%s '%s'", what, path);
	case ENOSPC:
	case EDQUOT:
		return ERR_SYS(err, ERR_FULL, os_errno, "%s '%s'", what, path);
	default:
		return ERR_SYS(err, ERR_IO, os_errno, "%s '%s'", what, path);
	}
}

/* ---- descriptors ---- */

/* Waits until a non-blocking descriptor may go on. False with errno. */
static bool fd_wait(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

ssize_t fd_read_full(int fd, void *out, size_t size)
{
	size_t got = 0;

	assert(out != NULL || size == 0);
	while (got < size) {
		ssize_t n = read(fd, (char *)out + got, size - got);
		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
		else if (errno == EAGAIN && !fd_wait(fd, POLLIN))
			return -1;
		else if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
	return (ssize_t)got;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	assert(data != NULL || len == 0);
	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN && !fd_wait(fd, POLLOUT)) {
			return -1;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

int fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void fd_auto(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing was promised about what was written */
	*fd = -1;
	errno = saved;
}

/* ---- reading ---- */

/* Reads up to the end, which must come within `limit` bytes. */
static int file_read_up_to(int fd, const char *path, size_t limit, struct buf *out, struct err *err)
{
	char probe = '\0';
	ssize_t n = 1;

	while (n > 0 && limit > 0) {
		size_t room = limit < READ_STEP_BYTES ? limit : READ_STEP_BYTES;
		char *to = buf_reserve(out, room);
		assert(to != NULL); /* the limit is what is left of its maximum */
		n = fd_read_full(fd, to, room);
		if (n < 0)
			return file_fail(errno, "read", path, err);
		buf_added(out, (size_t)n);
		limit -= (size_t)n;
	}
	if (n > 0)
		n = fd_read_full(fd, &probe, 1);
	if (n < 0)
		return file_fail(errno, "read", path, err);
	return n == 0 ? 0 : 1;
}

int file_read_all(const char *path, size_t max, struct buf *out, struct err *err)
{
	struct stat st = {0};

	assert(path != NULL && out != NULL && err != NULL);
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return file_fail(errno, "open", path, err);
	if (fstat(fd, &st) < 0)
		return file_fail(errno, "look at", path, err);
	if (S_ISDIR(st.st_mode))
		return file_fail(EISDIR, "read", path, err);
	size_t room = out->max - out->len;
	size_t limit = max < room ? max : room;
	int rc = file_read_up_to(fd, path, limit, out, err);
	if (rc > 0)
		return ERR(err, ERR_TOO_BIG, "'%s' is larger than the limit of %zu bytes", path,
			   limit);
	return rc;
}

/* ---- writing ---- */

/* The directory that `path` is in; the caller frees. */
static char *file_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int file_sync_directory(const char *path, struct err *err)
{
	assert(path != NULL && err != NULL);
	AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return file_fail(errno, "open directory", path, err);
	/* EINVAL: a file system that has nothing to sync, as some network ones */
	if (fsync(fd) < 0 && errno != EINVAL)
		return file_fail(errno, "sync directory", path, err);
	return 0;
}

/* Content and permissions on the disk; the failure names the file that was to be replaced. */
static int file_fill(int fd, const char *path, const void *data, size_t len, mode_t mode,
		     struct err *err)
{
	if (fd_write_all(fd, data, len) < 0)
		return file_fail(errno, "write", path, err);
	if (fchmod(fd, mode) < 0)
		return file_fail(errno, "set permissions of", path, err);
	if (fsync(fd) < 0)
		return file_fail(errno, "sync", path, err);
	return 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	struct buf temp = BUF_INIT(PATH_MAX);

	assert(path != NULL && (data != NULL || len == 0) && err != NULL);
	AUTO(str) char *directory = file_directory(path);
	buf_printf(&temp, "%s.XXXXXX", path);
	AUTO(str) char *name = buf_take(&temp);
	if (name == NULL)
		return file_fail(ENAMETOOLONG, "write", path, err);
	AUTO(fd) int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return file_fail(errno, "create a file beside", path, err);
	/* Safety: the content is on the disk before the name leads to it; the other way round a
	 * power failure could leave an empty file where a good one was. */
	int rc = file_fill(fd, path, data, len, mode, err);
	if (rc == 0 && rename(name, path) < 0)
		rc = file_fail(errno, "replace", path, err);
	if (rc == 0)
		return file_sync_directory(directory, err);
	(void)unlink(name); /* the failure before is the one to tell */
	return rc;
}

static int file_make_directory(const char *path, mode_t mode, struct err *err)
{
	struct stat st = {0};

	if (mkdir(path, mode) == 0)
		return 0;
	int saved = errno;
	/* EROFS and EACCES too come before EEXIST on some file systems */
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : file_fail(ENOTDIR, "make directory", path, err);
	return file_fail(saved, "make directory", path, err);
}

int file_make_directories(const char *path, mode_t mode, struct err *err)
{
	assert(path != NULL && path[0] != '\0' && err != NULL);
	AUTO(str) char *part = xstrdup(path);
	for (char *at = part + 1; *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		int rc = file_make_directory(part, mode, err);
		if (rc < 0)
			return rc;
		*at = '/';
	}
	return file_make_directory(part, mode, err);
}
