/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_form.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void put_hex(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	buf_putc(out, '%');
	buf_putc(out, hex[c >> 4]);
	buf_putc(out, hex[c & 15]);
}

static void put_encoded(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || (c != '\0' && strchr("*-._", c) != NULL);
		if (is_plain)
			buf_putc(out, (char)c);
		else if (c == ' ')
			buf_putc(out, '+');
		else
			put_hex(out, c);
	}
}

void http_form_put(const struct http_field *fields, size_t n, struct buf *out)
{
	assert(out != NULL && (fields != NULL || n == 0));
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(out, '&');
		put_encoded(out, fields[i].name, strlen(fields[i].name));
		buf_putc(out, '=');
		put_encoded(out, fields[i].value, fields[i].len);
	}
}

static bool stands_in(const struct http_field *fields, size_t n, const char *boundary)
{
	for (size_t i = 0; i < n; i++)
		if (memmem(fields[i].value, fields[i].len, boundary, strlen(boundary)) != NULL)
			return true;
	return false;
}

/* Each try differs, and a value of finite length cannot hold them all. */
static void make_boundary(const struct http_field *fields, size_t n, const char *seed,
			  char boundary[HTTP_BOUNDARY_BYTES])
{
	unsigned try = 0;

	do {
		(void)snprintf(boundary, HTTP_BOUNDARY_BYTES, "%u-%.32s", try, seed); /* it fits */
		try++;
	} while (stands_in(fields, n, boundary));
}

/* As browsers do: a name is a quoted string in which three characters are percent-encoded. */
static void put_name(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (strchr("\"\r\n", *name) != NULL)
			put_hex(out, (unsigned char)*name);
		else
			buf_putc(out, *name);
	}
}

void http_multipart_put(const struct http_field *fields, size_t n, const char *seed,
			char boundary[HTTP_BOUNDARY_BYTES], struct buf *out)
{
	assert(out != NULL && seed != NULL && (fields != NULL || n == 0));
	make_boundary(fields, n, seed, boundary);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
		put_name(out, fields[i].name);
		buf_puts(out, "\"\r\n\r\n");
		buf_put(out, fields[i].value, fields[i].len);
		buf_puts(out, "\r\n");
	}
	buf_printf(out, "--%s--\r\n", boundary);
}
