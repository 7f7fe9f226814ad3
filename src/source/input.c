/* SPDX-License-Identifier: Apache-2.0 */
#include "source/input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "source/identity.h"
#include "source/patience.h"
#include "source/unpack.h"

enum {
	PACKED_BYTES = 256 * 1024, /* read at once of a compressed file */
	SKIP_BYTES = 64 * 1024,
	STREAM_POLL_MS = 1000, /* how often a silent stream lets a stop be heard */
};

struct input {
	int fd;
	bool is_stream;
	char *path;
	char *name;
	const struct patience *patience;
	struct identity identity;
	int64_t at; /* the next byte of the file itself */
	struct unpack *unpack;
	char *packed; /* PACKED_BYTES, of which from … to are not used yet */
	size_t packed_from;
	size_t packed_to;
};

static int refuse_what_is_no_file(const struct stat *st, const char *name, struct err *err)
{
	if (S_ISREG(st->st_mode))
		return 0;
	const char *what = "a device";
	if (S_ISDIR(st->st_mode))
		what = "a directory";
	else if (S_ISFIFO(st->st_mode))
		what = "a pipe (FIFO)";
	else if (S_ISSOCK(st->st_mode))
		what = "a socket";
	return ERR(err, ERR_DATA, "%s is %s, not a file", name, what);
}

static int open_failed(int os_errno, const char *name, struct err *err)
{
	if (os_errno == ENOENT || os_errno == ENOTDIR)
		return ERR(err, ERR_DATA, "%s vanished before it was read", name);
	if (os_errno == EACCES || os_errno == EPERM)
		return ERR_SYS(err, ERR_PERM, os_errno, "%s cannot be opened", name);
	return 0;
}

/* Opens without waiting for the other end of a FIFO. */
static int open_patiently(const char *path, const char *name, const struct patience *patience,
			  int *ret_fd, struct err *err)
{
	for (int attempt = 1;; attempt++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		int os_errno = errno;
		int rc = open_failed(os_errno, name, err);
		if (rc == 0)
			rc = patience_again(patience, attempt, os_errno, name, err);
		if (rc != 0)
			return rc;
	}
}

int input_open_packed(const char *path, const char *name, const struct patience *patience,
		      struct input **ret_input, struct err *err)
{
	int fd = -1;
	struct stat st = {0};

	assert(path != NULL && name != NULL && patience != NULL && ret_input != NULL);
	int rc = open_patiently(path, name, patience, &fd, err);
	if (rc != 0)
		return rc;
	if (fstat(fd, &st) != 0)
		rc = ERR_SYS(err, ERR_IO, errno, "%s cannot be looked at", name);
	else
		rc = refuse_what_is_no_file(&st, name, err);
	if (rc != 0) {
		(void)close(fd); /* only opened */
		return rc;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice only */
	struct input *in = input_open_stream(fd, name, patience);
	in->is_stream = false;
	in->path = xstrdup(path);
	identity_from_stat(&in->identity, &st);
	*ret_input = in;
	return 0;
}

int input_open(const char *path, const char *name, const struct patience *patience,
	       struct input **ret_input, struct err *err)
{
	enum unpack_kind kind = unpack_kind_of(path);

	int rc = input_open_packed(path, name, patience, ret_input, err);
	if (rc == 0 && kind != UNPACK_NONE) {
		(*ret_input)->unpack = unpack_new(kind);
		(*ret_input)->packed = xcalloc(1, PACKED_BYTES);
	}
	return rc;
}

struct input *input_open_stream(int fd, const char *name, const struct patience *patience)
{
	struct input *in = xnew(struct input);

	in->fd = fd;
	in->is_stream = true;
	in->name = xstrdup(name);
	in->patience = patience;
	return in;
}

void input_close(struct input *in)
{
	if (in == NULL)
		return;
	if (!in->is_stream)
		(void)close(in->fd); /* only read from */
	unpack_free(in->unpack);
	free(in->packed);
	free(in->path);
	free(in->name);
	free(in);
}

bool input_is_plain(const struct input *in)
{
	return !in->is_stream && in->unpack == NULL;
}

const struct identity *input_identity(const struct input *in)
{
	return &in->identity;
}

int input_check(const struct input *in, struct err *err)
{
	return in->is_stream ? 0 : identity_check(&in->identity, in->fd, in->path, in->name, err);
}

/* Waits until the stream has something, so that a stop is heard meanwhile. */
static int stream_wait(const struct input *in, struct err *err)
{
	const struct patience *p = in->patience;
	struct pollfd fd = {.fd = in->fd, .events = POLLIN};

	while (poll(&fd, 1, STREAM_POLL_MS) == 0) {
		if (p->wait != NULL && !p->wait(p->arg, in->name, 0, 0))
			return ERR(err, ERR_TEMP, "stopped while reading %s", in->name);
	}
	return 0;
}

static int read_stream(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err)
{
	for (;;) {
		int rc = stream_wait(in, err);
		if (rc != 0)
			return rc;
		ssize_t got = read(in->fd, to, room);
		if (got >= 0) {
			in->at += got;
			*ret_len = (size_t)got;
			return 0;
		}
		if (errno != EINTR && errno != EAGAIN) /* what a pipe lost does not come back */
			return ERR_SYS(err, ERR_IO, errno, "%s cannot be read", in->name);
	}
}

/* Reads the file itself, never past the size that it had when it was opened. */
static int read_file(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err)
{
	int64_t left = in->identity.size - in->at;

	*ret_len = 0;
	if (left <= 0 || room == 0)
		return 0;
	size_t want = (uint64_t)left < room ? (size_t)left : room;
	for (int attempt = 1;; attempt++) {
		ssize_t got = pread(in->fd, to, want, in->at);
		if (got > 0) {
			in->at += got;
			*ret_len = (size_t)got;
			return 0;
		}
		if (got == 0) {
			int rc = input_check(in, err);
			return rc != 0 ? rc
				       : ERR(err, ERR_IO,
					     "%s ends at byte %" PRId64 ", its size is %" PRId64,
					     in->name, in->at, in->identity.size);
		}
		int rc = patience_again(in->patience, attempt, errno, in->name, err);
		if (rc != 0)
			return rc;
	}
}

static int unpack_failed(const struct input *in, size_t used, struct err *err)
{
	int64_t at = in->at - (int64_t)(in->packed_to - in->packed_from - used);

	if (err->code == ERR_DATA)
		err_add(err, "%s is damaged near byte %" PRId64 ": ", in->name, at);
	else
		err_add(err, "%s: ", in->name);
	return err->code;
}

static int read_packed(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err)
{
	size_t made = 0;

	while (made == 0) {
		size_t used = 0;
		if (in->packed_from == in->packed_to) {
			in->packed_from = 0;
			int rc = read_file(in, in->packed, PACKED_BYTES, &in->packed_to, err);
			if (rc != 0)
				return rc;
		}
		bool is_end = in->packed_to == 0;
		if (is_end && unpack_is_complete(in->unpack))
			break;
		const struct unpack_step step = {.in = in->packed + in->packed_from,
						 .in_len = in->packed_to - in->packed_from,
						 .out = to,
						 .out_room = room};
		if (unpack_run(in->unpack, &step, &used, &made, err) != 0)
			return unpack_failed(in, used, err);
		in->packed_from += used;
		if (is_end && made == 0)
			return ERR(err, ERR_DATA,
				   "%s is cut off: its compressed data end at byte %" PRId64
				   ", in the middle",
				   in->name, in->at);
	}
	*ret_len = made;
	return 0;
}

int input_read(struct input *in, char *to, size_t room, size_t *ret_len, struct err *err)
{
	assert(in != NULL && to != NULL && room > 0 && ret_len != NULL);
	if (in->is_stream)
		return read_stream(in, to, room, ret_len, err);
	if (in->unpack != NULL)
		return read_packed(in, to, room, ret_len, err);
	return read_file(in, to, room, ret_len, err);
}

static int too_short(const struct input *in, int64_t offset, struct err *err)
{
	return ERR(err, ERR_DATA, "%s ends before byte %" PRId64 ", where the load stopped",
		   in->name, offset);
}

int input_go_to(struct input *in, int64_t offset, struct err *err)
{
	assert(!in->is_stream && in->at == 0 && offset >= 0);
	if (in->unpack == NULL) {
		if (offset > in->identity.size)
			return too_short(in, offset, err);
		in->at = offset;
		return 0;
	}
	char *dropped = xcalloc(1, SKIP_BYTES);
	int rc = 0;
	while (rc == 0 && offset > 0) {
		size_t len = 0;
		size_t room = offset < SKIP_BYTES ? (size_t)offset : SKIP_BYTES;
		rc = input_read(in, dropped, room, &len, err);
		if (rc == 0 && len == 0)
			rc = too_short(in, offset, err);
		offset -= (int64_t)len;
	}
	free(dropped);
	return rc;
}
