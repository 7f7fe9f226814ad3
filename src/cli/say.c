/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to standard error, and asking. */
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/cli.h"
#include "sys/file.h"
#include "sys/log.h"

/* Every byte of a message may become \xNN. */
enum { SAY_MAX = 64 * 1024, SAID_MAX = 4 * SAY_MAX + 64, ANSWER_MAX = 64 };

static void say(const char *before, const char *fmt, va_list ap) ST_PRINTF(2, 0);
static void put_words(struct buf *out, const char *fmt, va_list ap) ST_PRINTF(2, 0);

/* One line that steers no terminal, whatever names from outside stand in it. */
static void put_words(struct buf *out, const char *fmt, va_list ap)
{
	AUTO(buf) struct buf words = BUF_INIT(SAY_MAX);

	buf_vprintf(&words, fmt, ap);
	text_put_printable(out, buf_str(&words), words.len, 0);
}

static void say(const char *before, const char *fmt, va_list ap)
{
	AUTO(buf) struct buf line = BUF_INIT(SAID_MAX);

	buf_puts(&line, before);
	put_words(&line, fmt, ap);
	buf_putc(&line, '\n');
	log_say(buf_str(&line), line.len);
}

void cli_set_unattended(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL); /* a valid number */
	log_set_unattended();
}

void cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("stint: ", fmt, ap);
	va_end(ap);
}

void cli_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->is_quiet)
		return;
	va_start(ap, fmt);
	say("stint: ", fmt, ap);
	va_end(ap);
}

void cli_detail(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (!cli->is_verbose)
		return;
	va_start(ap, fmt);
	say("stint: ", fmt, ap);
	va_end(ap);
}

bool cli_ask(const struct cli *cli, const char *fmt, ...)
{
	AUTO(buf) struct buf question = BUF_INIT(SAID_MAX);
	char answer[ANSWER_MAX] = {0};
	va_list ap;

	if (cli->is_dry_run || cli->options.is_given[OPTION_YES])
		return true;
	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return true;
	va_start(ap, fmt);
	put_words(&question, fmt, ap);
	va_end(ap);
	buf_puts(&question, " [y/N] ");
	if (fd_write_all(STDERR_FILENO, question.data, question.len) != 0)
		return false;
	ssize_t got = read(STDIN_FILENO, answer, sizeof(answer) - 1);
	if (got <= 0)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}
