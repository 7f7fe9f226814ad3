/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database's URI, read so that nothing of a password can come out again.
 *
 * Promise: no text that this makes, and no `err`, holds a password, nor a piece of one that was
 *          written without the %XX that it needs.
 */
#ifndef STINT_PG_URI_H
#define STINT_PG_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf;
struct err;

enum { PG_HOSTS_MAX = 16 };

/* One option of libpq, `host`, `sslmode`, …; as strings, for PQconnectStartParams. */
struct pg_option {
	char *name;
	char *value;
};

struct pg_uri {
	struct pg_option *options; /* those that the URI gives */
	size_t n_options;
	/* Where it may be, in the order to try: a server, and after a failover another. */
	struct pg_place {
		char *host; /* NULL: libpq's default */
		char *address;
		char *port;
	} places[PG_HOSTS_MAX];
	size_t n_places; /* at least 1 */
};

/* Whether `text` is a URI of PostgreSQL at all. */
bool pg_uri_is(const char *text);

/* ERR_CONFIG with what to write instead. pg_uri_done() in any case. */
ST_MUST_CHECK int pg_uri_parse(const char *text, struct pg_uri *ret_uri, struct err *err);
void pg_uri_done(struct pg_uri *uri);
void pg_uri_auto(struct pg_uri *uri);

/* The value that the URI gives for an option, or NULL. Lends. */
const char *pg_uri_find(const struct pg_uri *uri, const char *name);

/* "postgres://user@host:5432/billing": for messages; what cannot be read is "postgres://…". */
void pg_uri_put_masked(struct buf *out, const char *text);

#endif
