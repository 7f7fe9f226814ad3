/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/file.h"

enum {
	OUT_MAX = 256 * 1024 * 1024, /* one row, or one document that cannot be written in parts */
	OUT_SPILL = 64 * 1024,
	OUT_COLUMNS_MIN = 40, /* a narrower terminal is taken for one of unknown width */
};

static const char *const styles[OUT_STYLE_COUNT_] = {
	[OUT_BOLD] = "\033[1m",	 [OUT_GOOD] = "\033[32m", [OUT_BAD] = "\033[31m",
	[OUT_WARN] = "\033[33m", [OUT_FAINT] = "\033[2m",
};

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color != NULL && no_color[0] != '\0')
		return false;
	return term != NULL && strcmp(term, "dumb") != 0;
}

void out_init(struct out *o, int fd)
{
	struct winsize size = {0};

	assert(o != NULL);
	*o = (struct out){.buf = BUF_INIT(OUT_MAX), .fd = fd, .is_terminal = isatty(fd) == 1};
	if (!o->is_terminal)
		return;
	o->has_colour = wants_colour();
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= OUT_COLUMNS_MIN)
		o->columns = size.ws_col;
}

void out_done(struct out *o)
{
	buf_done(&o->buf);
}

static void out_write(struct out *o)
{
	if (o->buf.len > 0 && o->os_errno == 0 && fd_write_all(o->fd, o->buf.data, o->buf.len) != 0)
		o->os_errno = errno;
	if (!o->buf.failed) /* a failure must still be seen by out_end */
		buf_reset(&o->buf);
}

void out_flush(struct out *o)
{
	assert(o != NULL);
	out_write(o);
}

void out_spill(struct out *o)
{
	if (o->buf.len >= OUT_SPILL)
		out_write(o);
}

int out_end(struct out *o, struct err *err)
{
	out_write(o);
	if (buf_check(&o->buf, "the result", err) < 0)
		return ERR_TOO_BIG;
	if (o->os_errno == 0 || o->os_errno == EPIPE)
		return 0;
	if (o->os_errno == ENOSPC || o->os_errno == EDQUOT || o->os_errno == EFBIG)
		return ERR_SYS(err, ERR_FULL, o->os_errno, "writing the result");
	return ERR_SYS(err, ERR_IO, o->os_errno, "writing the result");
}

void out_style(struct out *o, enum out_style style)
{
	if (o->has_colour)
		buf_puts(&o->buf, styles[style]);
}

void out_plain(struct out *o)
{
	if (o->has_colour)
		buf_puts(&o->buf, "\033[0m");
}
