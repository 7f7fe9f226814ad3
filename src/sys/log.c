/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are cut to LINE_MAX_BYTES, below what a pipe takes at once (PIPE_BUF), so that two threads
 * never mix their lines and a pipe that poll() calls writable takes a line without blocking.
 */
#include "sys/log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "sys/clock.h"

enum {
	MESSAGE_MAX_BYTES = 640,
	LINE_MAX_BYTES = 4096,	/* every byte of a message may become \u00NN */
	PATIENCE_MS = 20,	/* for a reader that is busy; only if the line before was taken */
	SAY_PATIENCE_MS = 1000, /* … for what a person is to know */
};

#define LOG_LEVELS(X)                                                                              \
	X(LOG_LEVEL_ERROR, "error")                                                                \
	X(LOG_LEVEL_WARNING, "warning")                                                            \
	X(LOG_LEVEL_INFO, "info")                                                                  \
	X(LOG_LEVEL_DEBUG, "debug")

static const char *const names[LOG_LEVEL_COUNT_] = {
#define X(level, name) [level] = (name),
	LOG_LEVELS(X)
#undef X
};

static atomic_int threshold = LOG_LEVEL_INFO;
static atomic_int form = LOG_FORM_TEXT;
static atomic_uint_fast64_t dropped;
static atomic_bool is_stuck; /* the last line was lost */
static atomic_bool is_unattended;

/* Writes without raising SIGPIPE, or rather: taking it back at once. */
static bool log_write_quietly(const char *line, size_t len)
{
	static const struct timespec at_once = {0};
	sigset_t pipe_only;
	sigset_t before;
	sigset_t pending;

	(void)sigemptyset(&pipe_only); /* the set functions fail for wrong numbers only */
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)sigemptyset(&pending);
	(void)sigpending(&pending);
	bool was_pending = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	ssize_t n = write(STDERR_FILENO, line, len);
	if (n < 0 && !was_pending)
		(void)sigtimedwait(&pipe_only, NULL, &at_once); /* there is one, or none */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n == (ssize_t)len;
}

/* At most PIPE_BUF bytes; `patience_ms` -1 is for ever. */
static bool log_write_piece(const char *text, size_t len, int patience_ms)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	int n = 0;

	do
		n = poll(&p, 1, patience_ms);
	while (n < 0 && errno == EINTR);
	return n == 1 && (p.revents & POLLOUT) != 0 && log_write_quietly(text, len);
}

static void log_write(const char *text, size_t len, int patience_ms)
{
	bool is_lost = false;

	if (patience_ms >= 0 && atomic_load(&is_stuck))
		patience_ms = 0;
	for (size_t i = 0, n = 0; i < len && !is_lost; i += n) {
		n = len - i < PIPE_BUF ? len - i : PIPE_BUF;
		is_lost = !log_write_piece(text + i, n, patience_ms);
	}
	atomic_store(&is_stuck, is_lost);
	if (is_lost)
		atomic_fetch_add(&dropped, 1);
}

void log_put(const char *text, size_t len)
{
	log_write(text, len, PATIENCE_MS);
}

void log_say(const char *text, size_t len)
{
	log_write(text, len, atomic_load(&is_unattended) ? SAY_PATIENCE_MS : -1);
}

void log_set_unattended(void)
{
	atomic_store(&is_unattended, true);
}

static void log_put_text(struct buf *line, enum log_level level, const char *message)
{
	buf_puts(line, "stint: ");
	if (level != LOG_LEVEL_INFO)
		buf_printf(line, "%s: ", names[level]);
	text_put_printable(line, message, strlen(message), 0);
}

static void log_put_json(struct buf *line, enum log_level level, const char *message)
{
	char now[CLOCK_TEXT_MAX] = {0};
	struct json_writer w = {0};

	clock_format(clock_now(), now);
	jw_init(&w, line);
	jw_object(&w);
	jw_member_text(&w, "time", now);
	jw_member_text(&w, "level", names[level]);
	jw_member_text(&w, "message", message);
	jw_object_end(&w);
}

static void ST_PRINTF(2, 0) log_line(enum log_level level, const char *fmt, va_list ap)
{
	char message[MESSAGE_MAX_BYTES] = {0};
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);

	assert(fmt != NULL);
	if ((int)level > atomic_load(&threshold))
		return;
	int n = vsnprintf(message, sizeof(message), fmt, ap);
	if (n >= (int)sizeof(message)) /* not in the middle of a character */
		message[utf8_find_bad(message, sizeof(message) - 1)] = '\0';
	if (atomic_load(&form) == LOG_FORM_JSON)
		log_put_json(&line, level, message);
	else
		log_put_text(&line, level, message);
	buf_putc(&line, '\n');
	log_write(buf_str(&line), line.len, PATIENCE_MS);
}

void log_set(enum log_level level, enum log_form form_)
{
	assert(level < LOG_LEVEL_COUNT_);
	atomic_store(&threshold, (int)level);
	atomic_store(&form, (int)form_);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_WARNING, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

const char *log_level_name(enum log_level level)
{
	assert(level < LOG_LEVEL_COUNT_);
	return names[level];
}

bool log_level_from_name(const char *name, enum log_level *ret_level)
{
	assert(name != NULL && ret_level != NULL);
	for (int i = 0; i < LOG_LEVEL_COUNT_; i++)
		if (strcmp(names[i], name) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	return false;
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}
