/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* The system's words for an errno, also for one that it has no words for. */
static void err_add_errno(struct err *err, size_t used)
{
	const char *words = strerrordesc_np(err->os_errno);
	size_t rest = sizeof(err->text) - used;

	int n = words != NULL ? snprintf(err->text + used, rest, ": %s", words)
			      : snprintf(err->text + used, rest, ": error %d", err->os_errno);
	if (n >= 0 && (size_t)n >= rest)
		utf8_mark_cut(err->text, sizeof(err->text));
}

void err_set(struct err *err, int code, int os_errno, const char *fmt, ...)
{
	va_list ap;

	assert(err != NULL);
	err->code = code;
	err->os_errno = os_errno;
	va_start(ap, fmt);
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= sizeof(err->text))
		utf8_mark_cut(err->text, sizeof(err->text));
	else if (n >= 0 && os_errno != 0)
		err_add_errno(err, (size_t)n);
}

void err_add(struct err *err, const char *fmt, ...)
{
	char front[ERR_TEXT_MAX];
	char both[2 * ERR_TEXT_MAX];
	va_list ap;

	assert(err != NULL);
	va_start(ap, fmt);
	(void)vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	(void)snprintf(both, sizeof(both), "%s%s", front, err->text); /* fits */
	size_t len = strlen(both);
	bool is_cut = len >= sizeof(err->text);
	if (is_cut)
		len = sizeof(err->text) - 1;
	memcpy(err->text, both, len);
	err->text[len] = '\0';
	if (is_cut)
		utf8_mark_cut(err->text, sizeof(err->text));
}

int err_exit_status(const struct err *err)
{
	switch ((enum err_code)err->code) {
#define X(name, value, exit_status, text)                                                          \
	case name:                                                                                 \
		return exit_status;
		ERR_CODES(X)
#undef X
	}
	return 70;
}

/* How many bytes at `text` may be shown as they are: one printable character, or 0. */
static size_t quote_printable(const char *text, size_t len)
{
	size_t n = utf8_sequence(text, len);
	size_t same = 0;

	return n > 0 && utf8_is_printable(utf8_decode(text, &same)) ? n : 0;
}

char *err_quote(char *out, size_t size, const char *text, size_t len)
{
	static const char cut[] = "\xe2\x80\xa6'";
	size_t o = 0;

	assert(out != NULL && size >= 16 && (text != NULL || len == 0));
	out[o++] = '\'';
	for (size_t i = 0; i < len;) {
		size_t n = quote_printable(text + i, len - i);
		if (o + 4 + sizeof(cut) > size) { /* a character or \xNN takes four at most */
			memcpy(out + o, cut, sizeof(cut));
			return out;
		}
		if (n > 0)
			memcpy(out + o, text + i, n);
		else
			(void)snprintf(out + o, size - o, "\\x%02x", (unsigned char)text[i]);
		o += n > 0 ? n : 4;
		i += n > 0 ? n : 1;
	}
	out[o++] = '\'';
	out[o] = '\0';
	return out;
}
