/* SPDX-License-Identifier: Apache-2.0 */
#include "job/template_url.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/template_parts.h"

enum url_part { URL_START, URL_AUTHORITY, URL_PATH, URL_QUERY };

/* The part that a URL so far ends in. */
static enum url_part part_of(const char *text, size_t len)
{
	const char *slashes = memmem(text, len, "://", 3);

	if (slashes == NULL)
		return URL_START;
	size_t at = (size_t)(slashes - text) + 3;
	while (at < len && strchr("/?#", text[at]) == NULL)
		at++;
	if (at == len)
		return URL_AUTHORITY;
	while (at < len && text[at] != '?' && text[at] != '#')
		at++;
	return at == len ? URL_PATH : URL_QUERY;
}

static enum url_part part_now(const struct url_render *u)
{
	return part_of(buf_str(u->out) + u->from, u->out->len - u->from);
}

static bool is_letter_or_digit(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int put_start(struct url_render *u, const char *text, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return ERR(err, ERR_DATA, "a blank or a control character in the URL %s",
				   QUOTED(text, len));
	buf_put(u->out, text, len);
	return 0;
}

static int put_authority(struct url_render *u, const char *text, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (!is_letter_or_digit(c) && c < 0x80 &&
		    (c == '\0' || strchr(".-_:[]", c) == NULL))
			return ERR(err, ERR_DATA, "%s cannot be part of a host's name",
				   QUOTED(text, len));
	}
	buf_put(u->out, text, len);
	return 0;
}

static void put_percent(struct buf *out, const char *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (is_letter_or_digit(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
			buf_putc(out, (char)c);
			continue;
		}
		buf_putc(out, '%');
		buf_putc(out, hex[c >> 4]);
		buf_putc(out, hex[c & 15]);
	}
}

static int complain_empty(struct err *err)
{
	return ERR(err, ERR_DATA, "an empty value makes a part of the URL's path empty");
}

int url_put_literal(struct url_render *u, const char *text, size_t len, struct err *err)
{
	if (len > 0 && u->ends_empty && strchr("/?#", text[0]) != NULL)
		return complain_empty(err);
	if (len > 0)
		u->ends_empty = false;
	buf_put(u->out, text, len);
	return 0;
}

int url_put_value(struct url_render *u, const char *text, size_t len, struct err *err)
{
	switch (part_now(u)) {
	case URL_START:
		return put_start(u, text, len, err);
	case URL_AUTHORITY:
		return put_authority(u, text, len, err);
	case URL_PATH:
		if (len > 0)
			u->ends_empty = false;
		else if (u->out->len > 0 && u->out->data[u->out->len - 1] == '/')
			u->ends_empty = true;
		break;
	case URL_QUERY:
		break;
	}
	put_percent(u->out, text, len);
	return 0;
}

/* Servers and proxies go up a step at "..", however it got there. */
static int check_steps(const char *path, struct err *err)
{
	while (*path == '/') {
		size_t n = strcspn(path + 1, "/?#");
		if ((n == 1 && path[1] == '.') || (n == 2 && path[1] == '.' && path[2] == '.'))
			return ERR(err, ERR_DATA,
				   "'%.*s' as a part of the URL's path leads elsewhere", (int)n,
				   path + 1);
		path += 1 + n;
	}
	return 0;
}

int url_end(const struct url_render *u, struct err *err)
{
	const char *url = buf_str(u->out) + u->from;
	const char *slashes = strstr(url, "://");

	if (u->ends_empty)
		return complain_empty(err);
	if (slashes == NULL)
		return ERR(err, ERR_DATA, "%s is no URL: it has no http:// or https://",
			   QUOTED(url, strlen(url)));
	return check_steps(slashes + 3 + strcspn(slashes + 3, "/?#"), err);
}

/* ---- before there is an item ---- */

static int check_literal(const char *text, size_t len, struct err *err)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return ERR(err, ERR_CONFIG, "a URL has no blanks: %%20 stands for one");
	return 0;
}

static int check_beginning(const char *text, size_t len, struct err *err)
{
	bool is_http = len > 7 && strncasecmp(text, "http://", 7) == 0;
	bool is_https = len > 8 && strncasecmp(text, "https://", 8) == 0;
	const char *slashes = memmem(text, len, "://", 3);

	if (slashes != NULL && !is_http && !is_https && slashes + 3 < text + len)
		return ERR(err, ERR_CONFIG, "expected a URL of http or https, found %s",
			   QUOTED(text, len));
	if (slashes == NULL)
		return 0;
	const char *host = slashes + 3;
	size_t n = 0;
	while (host + n < text + len && strchr("/?#", host[n]) == NULL)
		n++;
	if (memchr(host, '@', n) != NULL)
		return ERR(err, ERR_CONFIG,
			   "a URL in a job file has no user and password: auth: basic has");
	return 0;
}

int template_check_url(const struct template *t, struct err *err)
{
	assert(t != NULL && err != NULL);
	bool has_literal = t->n > 0 && t->parts[0].kind == PART_LITERAL;

	if (t->n == 0)
		return ERR(err, ERR_CONFIG, "expected a URL, found ''");
	for (size_t i = 0; i < t->n; i++) {
		if (t->parts[i].kind != PART_LITERAL)
			continue;
		int rc = check_literal(t->parts[i].text, t->parts[i].len, err);
		if (rc < 0)
			return rc;
	}
	if (!has_literal)
		return 0;
	if (t->n == 1 && part_of(t->parts[0].text, t->parts[0].len) == URL_START)
		return ERR(err, ERR_CONFIG, "%s does not begin with http:// or https://",
			   QUOTED(t->parts[0].text, t->parts[0].len));
	return check_beginning(t->parts[0].text, t->parts[0].len, err);
}

bool template_url_is_open(const struct template *t)
{
	assert(t != NULL);
	if (t->n == 0 || t->parts[0].kind != PART_LITERAL)
		return t->n > 0;
	/* A second part is a placeholder: literals that touch are one. */
	return t->n > 1 && part_of(t->parts[0].text, t->parts[0].len) < URL_PATH;
}
