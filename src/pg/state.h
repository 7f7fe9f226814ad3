/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SQLSTATE means to us: a class, and the failure that it becomes. Pure: a table.
 *
 * The rows are those of the table in docs/targets.md, told finer where the words for people, or
 * what the ledger does, differ.
 */
#ifndef STINT_PG_STATE_H
#define STINT_PG_STATE_H

enum { PG_STATE_BYTES = 6 };

/* class, short stable word, failure, what a person reads */
#define PG_CLASSES(X)                                                                              \
	X(PG_LOST, "connection", ERR_UNAVAILABLE, "the connection was lost")                       \
	X(PG_STANDBY, "standby", ERR_UNAVAILABLE, "the server is a standby and cannot write")      \
	X(PG_CROWDED, "connections", ERR_UNAVAILABLE, "the server is out of connections")          \
	X(PG_CONFLICT, "conflict", ERR_TEMP, "another transaction was in the way")                 \
	X(PG_LOCKED, "locked", ERR_TEMP, "others hold a lock")                                     \
	X(PG_CANCELLED, "cancelled", ERR_TEMP, "the statement was cancelled")                      \
	X(PG_SHORT, "resources", ERR_TEMP, "the server is short of memory or other resources")     \
	X(PG_FULL, "no-space", ERR_FULL, "the server's disk is full")                              \
	X(PG_LOGIN, "login", ERR_PERM, "the server does not let us in")                            \
	X(PG_DENIED, "permission", ERR_PERM, "permission is missing")                              \
	X(PG_NO_DATABASE, "database", ERR_CONFIG, "there is no such database")                     \
	X(PG_ABSENT, "missing", ERR_CONFIG, "a table, column or function does not exist")          \
	X(PG_STATEMENT, "statement", ERR_CONFIG, "the statement is not valid")                     \
	X(PG_DATA, "data", ERR_DATA, "the server does not take a value")                           \
	X(PG_CONSTRAINT, "constraint", ERR_DATA, "a constraint forbids it")                        \
	X(PG_SERVER, "server", ERR_IO, "the server itself has failed")                             \
	X(PG_OTHER, "sql", ERR_IO, "the server refused")

enum pg_class {
#define X(name, word, code, text) name,
	PG_CLASSES(X)
#undef X
};

/* NULL, "" (libpq's own failures: it lost the connection) or five characters. */
enum pg_class pg_class_of(const char *sqlstate);

/* "connection", "no-space", …; an error class that people see and may test for. */
const char *pg_class_word(enum pg_class class);
/* "the server's disk is full". */
const char *pg_class_text(enum pg_class class);
/* The enum err_code that a failure of this class is reported as. */
int pg_class_code(enum pg_class class);

#endif
