/* SPDX-License-Identifier: Apache-2.0 */
#include "host/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "sys/clock.h"
#include "sys/log.h"

/* Less is not worth its place on the line. */
#define FAILING_SHOWN 0.005

enum { BAR_CELLS = 24, COLUMNS_DEFAULT = 80, LINE_MAX_BYTES = 2048 };

static int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

/* Eighths of a cell make the bar move smoothly: U+2588 full … U+258F one eighth. */
static void put_bar(struct buf *out, double share)
{
	int eighths = (int)(share * BAR_CELLS * 8);

	for (int i = 0; i < BAR_CELLS; i++) {
		int fill = eighths - i * 8;
		if (fill >= 8)
			utf8_put(out, 0x2588);
		else if (fill > 0)
			utf8_put(out, (uint32_t)(0x2590 - fill));
		else
			utf8_put(out, 0x00b7);
	}
	buf_putc(out, ' ');
}

static void put_part(struct buf *out, const char *name, int64_t n)
{
	if (n == 0)
		return;
	buf_puts(out, "  ");
	text_put_count(out, n);
	buf_printf(out, " %s", name);
}

static void put_rate(struct buf *out, const struct session_status *s)
{
	if (s->per_second >= 10)
		buf_printf(out, "  %.0f/s", s->per_second);
	else if (s->per_second > 0)
		buf_printf(out, "  %.1f/s", s->per_second);
	if (s->left_us >= 0) {
		buf_puts(out, "  ");
		text_put_span(out, s->left_us);
		buf_puts(out, " left");
	}
}

/* How long attempts take, and how many of them fail. */
static void put_attempts(struct buf *out, const struct session_status *s)
{
	if (s->p50_us > 0) {
		buf_puts(out, "  p50 ");
		text_put_short_span(out, s->p50_us);
		buf_puts(out, " p99 ");
		text_put_short_span(out, s->p99_us);
	}
	if (s->failing >= FAILING_SHOWN)
		buf_printf(out, "  %.0f%% of attempts fail", 100 * s->failing);
}

static void put_waits(struct buf *out, const struct session_status *s, utime now)
{
	if (s->waits[0] == '\0')
		return;
	buf_printf(out, "  waits for %s", s->waits);
	if (s->waits_until > now) {
		buf_puts(out, " in ");
		text_put_span(out, s->waits_until - now);
	}
}

void progress_format(const struct session_status *s, utime now, int columns, bool bar,
		     struct buf *out)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);
	int64_t ended = s->done + s->failed + s->skipped + s->in_doubt;
	bool is_loading = strcmp(s->phase, "loading") == 0;

	buf_printf(&line, "%s  ", s->run[0] != '\0' ? s->run : "stint");
	if (is_loading || s->loaded == 0) {
		buf_printf(&line, "%s", s->phase);
		put_part(&line, "items", s->loaded);
	} else {
		if (bar)
			put_bar(&line, (double)ended / (double)s->loaded);
		buf_printf(&line, "%d%%  ", (int)(100 * ended / s->loaded));
		text_put_count(&line, s->done);
		buf_puts(&line, " of ");
		text_put_count(&line, s->loaded);
		buf_puts(&line, " done");
	}
	put_part(&line, "failed", s->failed);
	put_part(&line, "to retry", s->retry);
	put_part(&line, "in doubt", s->in_doubt);
	put_part(&line, "rejected", s->rejected);
	put_rate(&line, s);
	put_attempts(&line, s);
	put_waits(&line, s, now);
	if (strcmp(s->phase, "stopping") == 0)
		buf_printf(&line, "  stopping, %lld under way", (long long)s->in_flight);
	text_put_printable(out, buf_str(&line), line.len, (size_t)(columns > 0 ? columns : 0));
	buf_done(&line);
}

void progress_show(enum host_progress kind, const struct session_status *status, utime now)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (kind == HOST_PROGRESS_BAR) {
		buf_puts(&line, "\r\033[K"); /* to the first column, and clear what is there */
		progress_format(status, now, terminal_columns() - 1, true, &line);
	} else if (kind == HOST_PROGRESS_LINES) {
		progress_format(status, now, 0, false, &line);
		buf_putc(&line, '\n');
	}
	if (line.len > 0)
		log_put(line.data, line.len);
	buf_done(&line);
}

void progress_hide(enum host_progress kind)
{
	if (kind == HOST_PROGRESS_BAR)
		log_put("\r\033[K", 4);
}
