/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/fail.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "pg/pg.h"

enum { WORDS_MAX_BYTES = 4096 };

void pg_put_place(struct buf *out, const PGconn *conn)
{
	const char *host = PQhost(conn);
	const char *port = PQport(conn);
	const char *database = PQdb(conn);

	if (database == NULL)
		database = "";
	buf_printf(out, "database %s at ", QUOTED(database, strlen(database)));
	if (host == NULL || host[0] == '\0')
		host = "localhost";
	text_put_printable(out, host, strlen(host), 0);
	if (port != NULL && port[0] != '\0')
		buf_printf(out, ":%s", port);
}

/* One line, without what libpq puts at the end, and before further lines. */
static void put_line(struct buf *out, const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	for (size_t i = 0; i < len;) {
		const char *end = memchr(text + i, '\n', len - i);
		size_t n = end == NULL ? len - i : (size_t)(end - text) - i;
		size_t blanks = 0;

		while (i > 0 && blanks < n && isspace((unsigned char)text[i + blanks]))
			blanks++;
		if (i > 0)
			buf_putc(out, ' ');
		text_put_printable(out, text + i + blanks, n - blanks, 0);
		i += n + 1;
	}
}

static void put_field(struct buf *out, const char *before, const PGresult *result, int field)
{
	const char *text = PQresultErrorField(result, field);

	if (text == NULL || text[0] == '\0')
		return;
	buf_puts(out, before);
	put_line(out, text, strlen(text));
}

/* The end of the words is what is lost where there are too many: the hint, then the detail. */
static int give(const struct buf *words, enum pg_class class, enum pg_class *ret_class,
		struct err *err)
{
	int code = pg_class_code(class);

	if (ret_class != NULL)
		*ret_class = class;
	err_set(err, code, 0, "%s", buf_str(words));
	return code;
}

int pg_fail(PGconn *conn, const PGresult *result, enum pg_class *ret_class, struct err *err)
{
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX_BYTES);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	pg_put_place(&words, conn);
	buf_puts(&words, ": ");
	if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED && result != NULL) {
		buf_puts(&words, "not executed, since a statement before it failed");
		return give(&words, PG_OTHER, ret_class, err);
	}
	if (state == NULL) {
		const char *said = result != NULL ? PQresultErrorMessage(result) : "";

		if (said[0] == '\0')
			said = PQerrorMessage(conn);
		if (said[0] == '\0')
			said = "the connection was lost";
		put_line(&words, said, strlen(said));
		return give(&words, PG_LOST, ret_class, err);
	}
	put_field(&words, "", result, PG_DIAG_MESSAGE_PRIMARY);
	buf_printf(&words, " (%s)", state);
	put_field(&words, " at character ", result, PG_DIAG_STATEMENT_POSITION);
	put_field(&words, "; ", result, PG_DIAG_MESSAGE_DETAIL);
	put_field(&words, "; hint: ", result, PG_DIAG_MESSAGE_HINT);
	return give(&words, pg_class_of(state), ret_class, err);
}

static bool is_state(const char *s)
{
	for (int i = 0; i < PG_STATE_BYTES - 1; i++) {
		if (!isupper((unsigned char)s[i]) && !isdigit((unsigned char)s[i]))
			return false;
	}
	return s[5] == ':' && s[6] == ' ';
}

void pg_fail_split(const char *words, char ret_state[PG_STATE_BYTES], const char **ret_said,
		   size_t *ret_len)
{
	const char *said = words;

	ret_state[0] = '\0';
	for (const char *s = strstr(words, ":  "); s != NULL; s = strstr(s + 1, ":  ")) {
		if (!is_state(s + 3))
			continue;
		memcpy(ret_state, s + 3, PG_STATE_BYTES - 1);
		ret_state[PG_STATE_BYTES - 1] = '\0';
		said = s + 3 + PG_STATE_BYTES + 1;
	}

	const char *end = strstr(said, "\nLOCATION:");

	*ret_said = said;
	*ret_len = end != NULL ? (size_t)(end - said) : strlen(said);
}

/* What libpq finds out by itself has no SQLSTATE. */
static enum pg_class class_of_words(PGconn *conn, const char *words)
{
	if (PQconnectionNeedsPassword(conn) == 1)
		return PG_LOGIN;
	if (strstr(words, "session is read-only") != NULL ||
	    strstr(words, "server is in hot standby mode") != NULL)
		return PG_STANDBY;
	return PG_LOST;
}

int pg_fail_open(PGconn *conn, enum pg_class *ret_class, struct err *err)
{
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX_BYTES);
	char state[PG_STATE_BYTES];
	const char *said = "";
	size_t len = 0;
	const char *all = PQerrorMessage(conn);

	pg_fail_split(all, state, &said, &len);

	enum pg_class class = state[0] != '\0' ? pg_class_of(state) : class_of_words(conn, all);

	pg_put_place(&words, conn);
	buf_puts(&words, ": ");
	put_line(&words, said, len);
	if (state[0] != '\0')
		buf_printf(&words, " (%s)", state);
	return give(&words, class, ret_class, err);
}
