/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/state.h"

#include <stddef.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"

/* The longest prefix wins, so the finer rows stand before the coarser. */
static const struct {
	const char *prefix;
	enum pg_class class;
} states[] = {
	{"08", PG_LOST},	 {"25006", PG_STANDBY}, /* read_only_sql_transaction */
	{"25P03", PG_LOST}, /* idle_in_transaction_session_timeout: it hangs up */
	{"57014", PG_CANCELLED}, {"57P04", PG_NO_DATABASE}, /* database_dropped */
	{"57P", PG_LOST}, /* shutdown, crash, starting up, idle too long */
	{"57", PG_SERVER},	 {"40002", PG_CONSTRAINT}, /* a deferred constraint, at COMMIT */
	{"40", PG_CONFLICT},	 {"55", PG_LOCKED},	    {"53100", PG_FULL},
	{"53300", PG_CROWDED},	 {"53", PG_SHORT},	    {"28", PG_LOGIN},
	{"42501", PG_DENIED},	 {"3D", PG_NO_DATABASE},    {"3F", PG_ABSENT},
	{"42P01", PG_ABSENT}, /* table */
	{"42703", PG_ABSENT}, /* column */
	{"42883", PG_ABSENT}, /* function */
	{"42704", PG_ABSENT}, /* any other object */
	{"42", PG_STATEMENT},	 {"22", PG_DATA},	    {"23", PG_CONSTRAINT},
	{"44", PG_CONSTRAINT}, /* a view's check option */
	{"54", PG_DATA},       /* too large, too many: a limit of the server */
	{"58", PG_SERVER},	 {"F0", PG_SERVER},	    {"XX", PG_SERVER},
};

enum pg_class pg_class_of(const char *sqlstate)
{
	if (sqlstate == NULL || sqlstate[0] == '\0')
		return PG_LOST;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0)
			return states[i].class;
	}
	return PG_OTHER;
}

static const struct {
	const char *word;
	const char *text;
	int code;
} classes[] = {
#define X(name, word_, code_, text_) [name] = {.word = (word_), .text = (text_), .code = (code_)},
	PG_CLASSES(X)
#undef X
};

const char *pg_class_word(enum pg_class class)
{
	return classes[class].word;
}

const char *pg_class_text(enum pg_class class)
{
	return classes[class].text;
}

int pg_class_code(enum pg_class class)
{
	return classes[class].code;
}
