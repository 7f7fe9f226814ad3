/* SPDX-License-Identifier: Apache-2.0 */
#include "job/job_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

enum { READ_BYTES = 16 * 1024 };

static int complain(const char *path, int os_errno, struct err *err)
{
	switch (os_errno) {
	case ENOENT:
	case ENOTDIR:
		return ERR(err, ERR_NOINPUT, "there is no file %s", path);
	case EISDIR:
		return ERR(err, ERR_NOINPUT, "%s is a directory, not a file", path);
	case EACCES:
	case EPERM:
		return ERR(err, ERR_PERM, "no permission to read %s", path);
	default:
		return ERR_SYS(err, ERR_IO, os_errno, "reading %s", path);
	}
}

static int read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	char part[READ_BYTES];

	while (!out->failed) {
		ssize_t n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(path, errno, err);
		if (n == 0)
			break;
		buf_put(out, part, (size_t)n);
	}
	return buf_check(out, path, err);
}

int job_file_read(const char *path, struct buf *out, struct err *err)
{
	assert(path != NULL && out != NULL && err != NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(path, errno, err);
	int r = read_all(fd, path, out, err);
	(void)close(fd); /* only read from */
	return r;
}
