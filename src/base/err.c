/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The system's words for an errno, also for one that it has no words for. */
static void err_add_errno(struct err *err, size_t used)
{
	const char *words = strerrordesc_np(err->os_errno);
	size_t rest = sizeof(err->text) - used;

	/* cut when too long: still true */
	if (words != NULL)
		(void)snprintf(err->text + used, rest, ": %s", words);
	else
		(void)snprintf(err->text + used, rest, ": error %d", err->os_errno);
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
	if (os_errno != 0 && n >= 0 && (size_t)n < sizeof(err->text))
		err_add_errno(err, (size_t)n);
}

void err_add(struct err *err, const char *fmt, ...)
{
	char front[ERR_TEXT_MAX];
	char both[ERR_TEXT_MAX];
	va_list ap;

	assert(err != NULL);
	va_start(ap, fmt);
	(void)vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	size_t used = strnlen(front, sizeof(front));
	size_t rest = strnlen(err->text, sizeof(err->text));
	memcpy(both, front, used);
	if (rest > sizeof(both) - 1 - used)
		rest = sizeof(both) - 1 - used;
	memcpy(both + used, err->text, rest);
	both[used + rest] = '\0';
	memcpy(err->text, both, used + rest + 1);
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

char *err_quote(char *out, size_t size, const char *text, size_t len)
{
	static const char cut[] = "\xe2\x80\xa6'";
	size_t o = 0;

	assert(size >= 16);
	out[o++] = '\'';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (o + 4 + sizeof(cut) > size) {
			memcpy(out + o, cut, sizeof(cut));
			return out;
		}
		if (c >= 0x20 && c != 0x7f && c < 0x80)
			out[o++] = (char)c;
		else
			o += (size_t)snprintf(out + o, size - o, "\\x%02x", c);
	}
	out[o++] = '\'';
	out[o] = '\0';
	return out;
}
