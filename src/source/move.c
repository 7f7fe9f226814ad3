/* SPDX-License-Identifier: Apache-2.0 */
#include "source/move.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "job/job.h"
#include "source/globs.h"
#include "source/identity.h"
#include "source/moved.h"
#include "source/spot.h"
#include "sys/file.h"

enum { COPY_BYTES = 256 * 1024, DIRECTORY_MODE = 0755, PATH_BYTES_MAX = 64 * 1024 };

/* The file that is on its way. */
struct moving {
	struct spot from;
	const char *name;
	const struct identity *identity;
};

/* What may come of one try to give a file a name. */
enum placing { PLACED = 0, PLACE_TAKEN = 1, PLACE_ELSEWHERE = 2 };

static int failed(const char *what, const char *path, int os_errno, struct err *err)
{
	if (os_errno == ENOSPC || os_errno == EDQUOT)
		return ERR_SYS(err, ERR_FULL, os_errno, "%s %s", what, path);
	if (os_errno == EACCES || os_errno == EPERM || os_errno == EROFS)
		return ERR_SYS(err, ERR_PERM, os_errno, "%s %s", what, path);
	return ERR_SYS(err, ERR_IO, os_errno, "%s %s", what, path);
}

/* Where a path's directory ends; gives. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL || slash == path ? xstrdup("/")
					      : xstrndup(path, (size_t)(slash - path));
}

/* 0: it is there, the one that was loaded. 1: it is gone, or another file has its name. */
static int look(const struct spot *spot, const char *name, const struct identity *identity,
		struct err *err)
{
	struct stat st = {0};
	struct identity now = {0};
	char why[96] = "";

	if (fstatat(spot->folder, spot->base, &st, 0) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 1;
		return failed("looking at", name, errno, err);
	}
	identity_from_stat(&now, &st);
	if (identity_is_same(identity, &now))
		return 0;
	if (now.inode != identity->inode || now.device != identity->device)
		return 1;
	return ERR(err, ERR_DATA, "%s changed after it was loaded (%s): it is left where it is",
		   name, identity_difference(identity, &now, why, sizeof(why)));
}

static bool is_same_inode(const struct spot *a, const char *b)
{
	struct stat x = {0};
	struct stat y = {0};

	return fstatat(a->folder, a->base, &x, 0) == 0 && stat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Gives the file a second name, which must be free. Where there are no hard links the name is taken
 * by an empty file first, so that nothing is overwritten that others put there. */
static int give_name(const struct spot *from, const char *to, struct err *err)
{
	if (linkat(from->folder, from->base, AT_FDCWD, to, 0) == 0)
		return PLACED;
	if (errno == EEXIST)
		return is_same_inode(from, to) ? PLACED : PLACE_TAKEN;
	if (errno == EXDEV)
		return PLACE_ELSEWHERE;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
		return failed("moving to", to, errno, err);
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? PLACE_TAKEN : failed("moving to", to, errno, err);
	(void)close(fd); /* nothing was written */
	if (renameat(from->folder, from->base, AT_FDCWD, to) == 0)
		return PLACED;
	int os_errno = errno;
	(void)unlink(to); /* the empty one; the failure below is told */
	return os_errno == EXDEV ? PLACE_ELSEWHERE : failed("moving to", to, os_errno, err);
}

/* ---- to another file system ---- */

static int copy_bytes(int from, int to, const char *name, struct err *err)
{
	char *data = xcalloc(COPY_BYTES, 1);
	int rc = 0;

	for (;;) {
		ssize_t got = fd_read_full(from, data, COPY_BYTES);
		if (got < 0)
			rc = failed("reading", name, errno, err);
		else if (got > 0 && fd_write_all(to, data, (size_t)got) != 0)
			rc = failed("copying", name, errno, err);
		if (rc != 0 || got < COPY_BYTES)
			break;
	}
	free(data);
	return rc;
}

/* The file itself and no other, for reading: never a pipe, which would be waited for. */
static int open_same(const struct spot *spot, const struct identity *identity, struct stat *ret_st)
{
	int fd = openat(spot->folder, spot->base, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct identity now = {0};

	if (fd < 0)
		return -1;
	if (fstat(fd, ret_st) == 0) {
		identity_from_stat(&now, ret_st);
		if (identity_is_same(identity, &now))
			return fd;
		errno = ESTALE;
	}
	int os_errno = errno;
	(void)close(fd); /* only opened */
	errno = os_errno;
	return -1;
}

/* The copy keeps permissions and time: by size and time it is known again. */
static int copy_file(const struct moving *f, const char *temporary, struct err *err)
{
	struct stat st = {0};
	AUTO(fd) int in = open_same(&f->from, f->identity, &st);

	if (in < 0)
		return failed("opening", f->name, errno, err);
	/* What an interrupted move left, or somebody else put there, is not written into. */
	if (unlink(temporary) != 0 && errno != ENOENT)
		return failed("removing", temporary, errno, err);
	AUTO(fd) int out = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return failed("creating", temporary, errno, err);
	int rc = copy_bytes(in, out, f->name, err);
	if (rc != 0)
		return rc;
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	if (fchmod(out, st.st_mode & 07777) != 0 || futimens(out, times) != 0 || fsync(out) != 0)
		return failed("writing", temporary, errno, err);
	return 0;
}

static bool has_same_bytes(int x, const char *b)
{
	AUTO(fd) int y = open(b, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *left = xcalloc(COPY_BYTES, 2);
	char *right = left + COPY_BYTES;
	bool is_same = x >= 0 && y >= 0;

	while (is_same) {
		ssize_t n = fd_read_full(x, left, COPY_BYTES);
		is_same = n >= 0 && fd_read_full(y, right, COPY_BYTES) == n &&
			  memcmp(left, right, (size_t)n) == 0;
		if (n < COPY_BYTES)
			break;
	}
	free(left);
	return is_same;
}

/* A copy that we made on another file system. */
static bool is_our_copy(const struct moving *f, const char *to)
{
	struct stat st = {0};
	struct identity copy = {0};

	if (stat(to, &st) != 0)
		return false;
	identity_from_stat(&copy, &st);
	if (f->identity->device == copy.device || !identity_is_copy(f->identity, &copy))
		return false;
	AUTO(fd) int fd = open_same(&f->from, f->identity, &st);
	return fd >= 0 && has_same_bytes(fd, to);
}

/* A name in the directory that only an unfinished move has, short whatever the file's name is;
 * gives.
 */
static char *temporary_name(const char *to)
{
	struct buf b = BUF_INIT(PATH_BYTES_MAX);
	char *directory = directory_of(to);
	const char *base = strrchr(to, '/') + 1;

	buf_printf(&b, "%s/.%016" PRIx64 ".stint-part", directory, hash_xxh64(base, strlen(base)));
	free(directory);
	char *name = buf_take(&b);
	buf_done(&b);
	return name;
}

static int place_copy(const struct moving *f, const char *to, struct err *err)
{
	char *temporary = temporary_name(to);
	const struct spot copy = {.folder = AT_FDCWD, .base = temporary};
	int rc = copy_file(f, temporary, err);

	if (rc == 0)
		rc = give_name(&copy, to, err);
	if (unlink(temporary) != 0 && errno != ENOENT && rc == 0)
		rc = failed("removing", temporary, errno, err);
	free(temporary);
	return rc;
}

/* ---- the face ---- */

/* PLACED, PLACE_TAKEN, or a failure. */
static int place(const struct moving *f, const char *to, struct err *err)
{
	int rc = give_name(&f->from, to, err);

	/* A crash after the copy and before the end: it is there already. (A name that is taken is
	 * told before another file system is.) */
	if (rc == PLACE_TAKEN && is_our_copy(f, to))
		return PLACED;
	return rc == PLACE_ELSEWHERE ? place_copy(f, to, err) : rc;
}

void mover_init(struct mover *m, const struct job *job)
{
	assert(m != NULL && job != NULL);
	*m = (struct mover){.job = job, .olds = xcalloc(MOVER_GROUP, sizeof(*m->olds))};
}

static void forget_olds(struct mover *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->olds[i].path);
	m->n = 0;
}

void mover_done(struct mover *m)
{
	forget_olds(m);
	free(m->olds);
	*m = (struct mover){0};
}

/* Finds a name in the directory that is free, or that the file has already. */
static int place_somewhere(const struct job *job, const struct moving *f, struct err *err)
{
	for (unsigned number = 0; number <= MOVED_NUMBERS_MAX; number++) {
		char *to = moved_path(job, f->name, number);
		int rc = place(f, to, err);
		free(to);
		if (rc != PLACE_TAKEN)
			return rc;
	}
	return ERR(err, ERR_IO, "%s: there are %d files of this name in %s", f->name,
		   MOVED_NUMBERS_MAX, job->source.then_directory);
}

static int place_in_directory(const struct job *job, const struct moving *f, struct err *err)
{
	char *directory = globs_full_path(job, job->source.then_directory);
	int rc = file_make_directories(directory, DIRECTORY_MODE, err);

	free(directory);
	return rc != 0 ? rc : place_somewhere(job, f, err);
}

/* 1: it is gone, so nothing is left to do. */
static int place_one(const struct job *job, const char *path, struct moving *f, struct err *err)
{
	int rc = spot_open(path, &f->from, err);

	if (rc != 0)
		return rc;
	rc = look(&f->from, f->name, f->identity, err);
	if (rc == 0 && job->source.then == JOB_THEN_MOVE)
		rc = place_in_directory(job, f, err);
	spot_close(&f->from);
	return rc;
}

int mover_add(struct mover *m, const char *name, const struct identity *identity, struct err *err)
{
	struct moving f = {.name = name, .identity = identity};

	assert(m->n < MOVER_GROUP && m->job->source.then != JOB_THEN_KEEP);
	char *path = globs_full_path(m->job, name);
	int rc = place_one(m->job, path, &f, err);
	if (rc == 0)
		m->olds[m->n++] = (struct mover_old){.path = path, .identity = *identity};
	else
		free(path);
	return rc > 0 ? 0 : rc;
}

static int sync_new_names(const struct mover *m, struct err *err)
{
	if (m->job->source.then != JOB_THEN_MOVE)
		return 0;
	char *directory = globs_full_path(m->job, m->job->source.then_directory);
	int rc = file_sync_directory(directory, err);
	free(directory);
	return rc;
}

/* Makes it durable that the names are gone: once for each stretch of names of one directory. */
static int sync_old_names(const struct mover *m, struct err *err)
{
	char *last = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		char *directory = directory_of(m->olds[i].path);
		if (last == NULL || strcmp(last, directory) != 0)
			rc = file_sync_directory(directory, err);
		free(last);
		last = directory;
	}
	free(last);
	return rc;
}

static int remove_old(const struct mover_old *old, struct err *err)
{
	struct spot spot = {0};
	int rc = spot_open(old->path, &spot, err);

	if (rc != 0)
		return rc > 0 ? 0 : rc;
	rc = look(&spot, old->path, &old->identity, err);
	if (rc == 0 && unlinkat(spot.folder, spot.base, 0) != 0 && errno != ENOENT)
		rc = failed("removing", old->path, errno, err);
	spot_close(&spot);
	return rc > 0 ? 0 : rc;
}

int mover_end(struct mover *m, struct err *err)
{
	int rc = m->n == 0 ? 0 : sync_new_names(m, err);

	/* Safety: the new names are durable before the old ones go, else a power failure could take
	 * both. */
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = remove_old(&m->olds[i], err);
	if (rc == 0)
		rc = sync_old_names(m, err);
	forget_olds(m);
	return rc;
}
