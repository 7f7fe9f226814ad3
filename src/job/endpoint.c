/* SPDX-License-Identifier: Apache-2.0 */
#include "job/endpoint.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "job/job.h"

enum { NAME_BYTES_MAX = 1024, PORT_MAX = 65535, PORT_HTTP = 80, PORT_HTTPS = 443 };

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_host_char(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_address_char(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'f') || is_digit(c) || c == ':' || c == '.';
}

/* The text behind the scheme and its "://"; NULL when it is another scheme. */
static const char *behind_scheme(const char *url, const char *scheme)
{
	for (; *scheme != '\0'; scheme++, url++)
		if (lower(*url) != *scheme)
			return NULL;
	return strncmp(url, "://", 3) == 0 ? url + 3 : NULL;
}

/* How long the host is, an address with its brackets; 0 when it is not one in plain letters. */
static size_t host_len(const char *text, size_t len)
{
	size_t n = 0;

	if (len == 0 || text[0] != '[') {
		while (n < len && is_host_char(text[n]))
			n++;
		return n;
	}
	for (n = 1; n < len && is_address_char(text[n]);)
		n++;
	return n > 1 && n < len && text[n] == ']' ? n + 1 : 0;
}

/* What follows the host: nothing, ":" or ":8080". 0 when it is anything else. */
static int port_of(const char *text, size_t len, int fallback)
{
	int port = 0;

	if (len == 0)
		return fallback;
	if (text[0] != ':')
		return 0;
	if (len == 1)
		return fallback;
	for (size_t i = 1; i < len; i++) {
		if (!is_digit(text[i]))
			return 0;
		port = port * 10 + (text[i] - '0');
		if (port > PORT_MAX)
			return 0;
	}
	return port;
}

/* False when not all of scheme, host and port are literal. */
static bool put_literal(struct buf *out, const char *url)
{
	bool is_tls = behind_scheme(url, "https") != NULL;
	const char *authority = behind_scheme(url, is_tls ? "https" : "http");

	if (authority == NULL)
		return false;
	size_t len = strcspn(authority, "/?#\\");
	/* What is filled in for a placeholder may be anything, user and password included. */
	if (memchr(authority, '$', len) != NULL)
		return false;
	const char *host = memrchr(authority, '@', len);
	host = host == NULL ? authority : host + 1;
	len -= (size_t)(host - authority);
	size_t n = host_len(host, len);
	int port = port_of(host + n, len - n, is_tls ? PORT_HTTPS : PORT_HTTP);
	if (n == 0 || port == 0)
		return false;
	buf_puts(out, is_tls ? "https://" : "http://");
	for (size_t i = 0; i < n; i++)
		buf_putc(out, lower(host[i]));
	buf_printf(out, ":%d", port);
	return true;
}

void endpoint_put_url(struct buf *out, const char *url, const char *job_name)
{
	assert(out != NULL && url != NULL && job_name != NULL);
	if (!put_literal(out, url))
		buf_printf(out, "http of %s", job_name);
}

static const char *kind_word(enum work_kind kind)
{
	switch (kind) {
	case WORK_EXEC:
		return "exec";
	case WORK_NOOP:
		return "noop";
	case WORK_HTTP:
		return "http";
	case WORK_FILE:
		return "file";
	case WORK_LUA:
		return "lua";
	case WORK_SQL:
		return "sql";
	case WORK_TABLE:
		return "table";
	case WORK_KIND_COUNT_:
		break;
	}
	return "work";
}

void endpoint_put(struct buf *out, const struct job *job)
{
	assert(out != NULL && job != NULL);
	AUTO(buf) struct buf name = BUF_INIT(NAME_BYTES_MAX);

	buf_puts(&name, job->name);
	if (job->step_name != NULL) /* another step starts other programs */
		buf_printf(&name, ", step %s", job->step_name);
	if (job->work.kind == WORK_HTTP)
		endpoint_put_url(out, job->work.http.url, buf_str(&name));
	else
		buf_printf(out, "%s of %s", kind_word(job->work.kind), buf_str(&name));
}
