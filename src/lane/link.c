/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/link.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/err.h"
#include "sys/clock.h"
#include "sys/file.h"

enum {
	READ_BYTES = 256 * 1024,
	OUT_BYTES_MAX = 2 * FRAME_BYTES_MAX,
	CONGESTED_BYTES = 4 * 1024 * 1024,
	KEEP_BYTES = 1024 * 1024, /* a buffer that has grown larger is given back when empty */
};

static void reset(struct buf *b)
{
	if (b->cap > KEEP_BYTES)
		buf_done(b);
	else
		buf_reset(b);
}

int link_init(struct link *link, int fd, struct err *err)
{
	assert(link != NULL && fd >= 0);
	*link = (struct link){.fd = fd};
	buf_init(&link->in, (size_t)FRAME_BYTES_MAX + FRAME_HEAD_BYTES + READ_BYTES);
	buf_init(&link->out, OUT_BYTES_MAX);
	if (fd_set_nonblocking(fd) < 0)
		return ERR_SYS(err, ERR_IO, errno, "the engine's socket");
	return 0;
}

void link_done(struct link *link)
{
	buf_done(&link->in);
	buf_done(&link->out);
}

int link_fill(struct link *link, struct err *err)
{
	/* What was handed out makes room; mostly everything was. */
	buf_consume(&link->in, link->in_at);
	link->in_at = 0;
	if (link->in.len == 0)
		reset(&link->in);
	char *room = buf_reserve(&link->in, READ_BYTES);
	if (room == NULL) /* there would have been a whole frame long since */
		return ERR(err, ERR_BUG, "the engine sent more than a frame can be");
	ssize_t n = recv(link->fd, room, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LINK_WAIT;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return LINK_END;
	if (n < 0)
		return ERR_SYS(err, ERR_IO, errno, "reading from the engine");
	buf_added(&link->in, (size_t)n);
	return 0;
}

int link_next(struct link *link, struct frame *ret_frame, struct err *err)
{
	size_t used = 0;
	const char *data = buf_str(&link->in);
	int rc = frame_split(data + link->in_at, link->in.len - link->in_at, ret_frame, &used, err);

	if (rc == FRAME_INCOMPLETE)
		return LINK_WAIT;
	if (rc == 0)
		link->in_at += used;
	return rc;
}

int link_flush(struct link *link, struct err *err)
{
	int failed = buf_check(&link->out, "a frame", err);

	if (failed < 0)
		return failed;
	while (link->out_at < link->out.len) {
		ssize_t n = send(link->fd, link->out.data + link->out_at,
				 link->out.len - link->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return LINK_WAIT;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return LINK_END;
		if (n < 0)
			return ERR_SYS(err, ERR_IO, errno, "writing to the engine");
		link->out_at += (size_t)n;
	}
	reset(&link->out);
	link->out_at = 0;
	return 0;
}

bool link_is_congested(const struct link *link)
{
	return link->out.len - link->out_at > CONGESTED_BYTES;
}

/* Until something can be read or written, or the time is over. */
static int link_wait(const struct link *link, short events, int64_t us, struct err *err)
{
	struct pollfd p = {.fd = link->fd, .events = events};
	int ms = -1;

	if (us >= 0)
		ms = us / US_PER_MS >= INT_MAX ? INT_MAX : (int)(us / US_PER_MS) + 1;
	if (poll(&p, 1, ms) < 0 && errno != EINTR)
		return ERR_SYS(err, ERR_IO, errno, "waiting for the engine");
	return 0;
}

int link_read(struct link *link, int64_t us, struct frame *ret_frame, struct err *err)
{
	int64_t began = clock_monotonic_us();
	int rc = link_next(link, ret_frame, err);

	while (rc == LINK_WAIT) {
		rc = link_fill(link, err);
		if (rc == 0) {
			rc = link_next(link, ret_frame, err);
			continue;
		}
		int64_t left = us < 0 ? -1 : us - (clock_monotonic_us() - began);
		if (rc != LINK_WAIT || (us >= 0 && left <= 0))
			break;
		rc = link_wait(link, POLLIN, left, err);
		if (rc == 0)
			rc = LINK_WAIT;
	}
	return rc;
}

int link_send(struct link *link, struct err *err)
{
	int rc = link_flush(link, err);

	while (rc == LINK_WAIT) {
		rc = link_wait(link, POLLOUT, -1, err);
		if (rc == 0)
			rc = link_flush(link, err);
	}
	return rc;
}
