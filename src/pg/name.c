/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tables and columns, as they stand in job files. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "pg/pg.h"

/* NAMEDATALEN - 1: the server cuts off what is longer, and then two names are one. */
enum { NAME_MAX_BYTES = 63, PARTS_MAX = 2 };

/* Reads one part, quoted or not, up to a dot or the end; gives what is behind it, NULL when it is
 * none. */
static const char *read_part(const char *s, struct buf *part)
{
	if (*s != '"') {
		size_t len = strcspn(s, ".\"");

		buf_put(part, s, len);
		s += len;
		return *s == '"' ? NULL : s;
	}
	for (s++; *s != '\0'; s++) {
		if (*s == '"' && s[1] != '"')
			return s[1] == '.' || s[1] == '\0' ? s + 1 : NULL;
		s += *s == '"';
		buf_putc(part, *s);
	}
	return NULL;
}

static void put_quoted(struct buf *out, const struct buf *part)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < part->len; i++) {
		if (part->data[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, part->data[i]);
	}
	buf_putc(out, '"');
}

int pg_put_name(struct buf *out, const char *name, struct err *err)
{
	const char *s = name;

	for (int i = 0; i < PARTS_MAX; i++) {
		AUTO(buf) struct buf part = BUF_INIT(NAME_MAX_BYTES);

		s = read_part(s, &part);
		if (s == NULL || part.len == 0)
			break;
		if (part.failed)
			return ERR(err, ERR_CONFIG, "the name %s has a part of more than %d bytes",
				   QUOTED(name, strlen(name)), NAME_MAX_BYTES);
		if (utf8_find_bad(part.data, part.len) < part.len)
			break;
		put_quoted(out, &part);
		if (*s == '\0')
			return 0;
		buf_putc(out, '.');
		s++;
	}
	return ERR(err, ERR_CONFIG, "%s is no name of a table: write TABLE or SCHEMA.TABLE",
		   QUOTED(name, strlen(name)));
}
