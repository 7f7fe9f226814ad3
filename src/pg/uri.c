/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/uri.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "pg/libpq.h"

static const char *after_scheme(const char *text)
{
	static const char *const schemes[] = {"postgres://", "postgresql://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return text + strlen(schemes[i]);
	}
	return NULL;
}

bool pg_uri_is(const char *text)
{
	return after_scheme(text) != NULL;
}

/* A password with a plain '@' or '/' in it would be taken for host, port and database, and then
 * stand in messages. Such a URI has an '@' behind the part where one may be. */
static bool hides_a_password(const char *text)
{
	const char *rest = after_scheme(text);
	const char *at = rest + strcspn(rest, "@/?#");

	return strchr(*at == '@' ? at + 1 : at, '@') != NULL;
}

static void keep_options(const PQconninfoOption *parsed, struct pg_uri *uri)
{
	size_t n = 0;

	for (const PQconninfoOption *o = parsed; o->keyword != NULL; o++)
		n += o->val != NULL;
	uri->options = (struct pg_option *)xcalloc(n + 1, sizeof(*uri->options));
	for (const PQconninfoOption *o = parsed; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		uri->options[uri->n_options++] = (struct pg_option){
			.name = xstrdup(o->keyword),
			.value = xstrdup(o->val),
		};
	}
}

const char *pg_uri_find(const struct pg_uri *uri, const char *name)
{
	for (size_t i = 0; i < uri->n_options; i++) {
		if (strcmp(uri->options[i].name, name) == 0)
			return uri->options[i].value;
	}
	return NULL;
}

static size_t count_parts(const char *list)
{
	size_t n = list != NULL;

	for (const char *s = list; s != NULL && *s != '\0'; s++)
		n += *s == ',';
	return n;
}

/* Gives part `i` of a list with commas; NULL when it is empty. */
static char *part(const char *list, size_t i)
{
	if (list == NULL)
		return NULL;
	for (; i > 0; i--) {
		const char *comma = strchr(list, ',');

		if (comma == NULL)
			return NULL;
		list = comma + 1;
	}

	size_t len = strcspn(list, ",");

	return len == 0 ? NULL : xstrndup(list, len);
}

static int keep_places(struct pg_uri *uri, struct err *err)
{
	const char *hosts = pg_uri_find(uri, "host");
	const char *addresses = pg_uri_find(uri, "hostaddr");
	const char *ports = pg_uri_find(uri, "port");
	size_t n = count_parts(addresses != NULL ? addresses : hosts);
	size_t n_ports = count_parts(ports);

	if (n == 0)
		n = 1;
	if (n > PG_HOSTS_MAX)
		return ERR(err, ERR_CONFIG, "the database's URI names %zu hosts; at most %d", n,
			   PG_HOSTS_MAX);
	if (n_ports > 1 && n_ports != n)
		return ERR(err, ERR_CONFIG, "the database's URI has %zu ports for %zu hosts",
			   n_ports, n);
	for (size_t i = 0; i < n; i++) {
		uri->places[i] = (struct pg_place){
			.host = part(hosts, i),
			.address = part(addresses, i),
			.port = part(ports, n_ports > 1 ? i : 0),
		};
	}
	uri->n_places = n;
	return 0;
}

/* libpq's words quote what it stumbles over, which may be the password. This one quotes a name. */
static int refuse(const char *said, struct err *err)
{
	if (said != NULL && strstr(said, "invalid URI query parameter") != NULL)
		return ERR(err, ERR_CONFIG, "the database's URI: %s",
			   QUOTED(said, strcspn(said, "\n")));
	return ERR(err, ERR_CONFIG,
		   "the database's URI cannot be read; write "
		   "postgres://USER@HOST:PORT/DATABASE, special characters as %%XX");
}

int pg_uri_parse(const char *text, struct pg_uri *ret_uri, struct err *err)
{
	char *said = NULL;
	int rc;

	*ret_uri = (struct pg_uri){0};
	if (!pg_uri_is(text))
		return ERR(err, ERR_CONFIG, "a database's URI begins with postgres://");
	if (hides_a_password(text))
		return ERR(err, ERR_CONFIG,
			   "the database's URI has an @ where none can be; in a password write "
			   "%%40 for @, %%2F for /, %%3F for ?, %%23 for #");

	rc = libpq_load(err);
	if (rc != 0)
		return rc;
	PQconninfoOption *parsed = PQconninfoParse(text, &said);
	if (parsed == NULL) {
		rc = refuse(said, err);
		PQfreemem(said);
		return rc;
	}
	keep_options(parsed, ret_uri);
	PQconninfoFree(parsed);
	return keep_places(ret_uri, err);
}

void pg_uri_done(struct pg_uri *uri)
{
	for (size_t i = 0; i < uri->n_options; i++) {
		explicit_bzero(uri->options[i].value, strlen(uri->options[i].value));
		free(uri->options[i].name);
		free(uri->options[i].value);
	}
	free(uri->options);
	for (size_t i = 0; i < uri->n_places; i++) {
		free(uri->places[i].host);
		free(uri->places[i].address);
		free(uri->places[i].port);
	}
	*uri = (struct pg_uri){0};
}

void pg_uri_auto(struct pg_uri *uri)
{
	pg_uri_done(uri);
}

/* As a part of a URI, so that what is shown can be given again. */
static void put(struct buf *out, const char *before, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";

	if (text == NULL)
		return;
	buf_puts(out, before);
	for (const char *c = text; *c != '\0'; c++) {
		if (strchr(plain, *c) != NULL)
			buf_put(out, c, 1);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
	}
}

static void put_host(struct buf *out, const char *before, const char *host)
{
	bool is_ipv6 = host != NULL && strchr(host, ':') != NULL && strchr(host, '/') == NULL;

	if (is_ipv6)
		buf_printf(out, "%s[%s]", before, host);
	else
		put(out, before, host);
}

void pg_uri_put_masked(struct buf *out, const char *text)
{
	AUTO(pg_uri) struct pg_uri uri;
	struct err err;

	buf_puts(out, "postgres://");
	if (pg_uri_parse(text, &uri, &err) < 0) {
		buf_puts(out, "…");
		return;
	}

	const char *user = pg_uri_find(&uri, "user");

	if (user != NULL) {
		put(out, "", user);
		buf_puts(out, "@");
	}
	for (size_t i = 0; i < uri.n_places; i++) {
		const struct pg_place *place = &uri.places[i];

		put_host(out, i == 0 ? "" : ",",
			 place->host != NULL ? place->host : place->address);
		put(out, ":", place->port);
	}
	put(out, "/", pg_uri_find(&uri, "dbname"));
}
