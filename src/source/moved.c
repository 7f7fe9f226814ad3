/* SPDX-License-Identifier: Apache-2.0 */
#include "source/moved.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/globs.h"
#include "source/identity.h"

enum { PATH_BYTES_MAX = 64 * 1024 };

char *moved_path(const struct job *job, const char *name, unsigned number)
{
	struct buf b = BUF_INIT(PATH_BYTES_MAX);
	const char *slash = strrchr(name, '/');

	assert(job->source.then_directory != NULL);
	buf_printf(&b, "%s/%s", job->source.then_directory, slash == NULL ? name : slash + 1);
	if (number > 0)
		buf_printf(&b, ".%u", number);
	char *path = globs_full_path(job, buf_str(&b));
	buf_done(&b);
	return path;
}

int moved_open(const struct job *job, const char *name, const struct identity *identity)
{
	if (job->source.then != JOB_THEN_MOVE)
		return -1;
	for (unsigned number = 0; number <= MOVED_NUMBERS_MAX; number++) {
		struct stat st = {0};
		struct identity now = {0};
		char *path = moved_path(job, name, number);
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		free(path);
		if (fd < 0)
			return -1;
		if (fstat(fd, &st) == 0) {
			identity_from_stat(&now, &st);
			/* A copy on another file system: the chunk's hash has the last word. */
			if (identity_is_copy(identity, &now))
				return fd;
		}
		(void)close(fd); /* only opened */
	}
	return -1;
}
