/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the names in a script stand for, by where the script is. Fields go before constants, and
 * these before what stint gives; but a test of an answer is about the answer.
 */
#ifndef STINT_JOB_SCRIPT_NAMES_H
#define STINT_JOB_SCRIPT_NAMES_H

#include <stddef.h>

#include "base/attr.h"
#include "job/script_read.h"

struct err;
struct job;

enum script_use {
	SCRIPT_FILTER,
	SCRIPT_TRANSFORM,
	SCRIPT_WORK,
	SCRIPT_TEST, /* of an answer */
	SCRIPT_USE_COUNT_
};

/* name, the uses that have it (S: with a source only) */
#define SCRIPT_GIVENS(X)                                                                           \
	X(PARAM, "param", "FTWB")                                                                  \
	X(RUN, "run", "FTWB")                                                                      \
	X(SOURCE, "source", "FTWB")                                                                \
	X(ITEM, "item", "TWB")                                                                     \
	X(STATUS, "status", "B")                                                                   \
	X(BODY, "body", "B")                                                                       \
	X(JSON, "json", "B")

enum script_given {
#define X(id, name, uses) SCRIPT_GIVEN_##id,
	SCRIPT_GIVENS(X)
#undef X
		SCRIPT_GIVEN_COUNT_
};

/* name, the uses that have it */
#define SCRIPT_FUNCTIONS(X)                                                                        \
	X(abs, "FTWB")                                                                             \
	X(assert, "FTWB")                                                                          \
	X(byte, "FTWB")                                                                            \
	X(char, "FTWB")                                                                            \
	X(contains, "FTWB")                                                                        \
	X(dead, "W")                                                                               \
	X(decimal, "FTWB")                                                                         \
	X(div, "FTWB")                                                                             \
	X(ends_with, "FTWB")                                                                       \
	X(equal, "FTWB")                                                                           \
	X(error, "FTWB")                                                                           \
	X(ipairs, "FTWB")                                                                          \
	X(lower, "FTWB")                                                                           \
	X(math, "FTWB")                                                                            \
	X(max, "FTWB")                                                                             \
	X(min, "FTWB")                                                                             \
	X(retry, "W")                                                                              \
	X(reverse, "FTWB")                                                                         \
	X(round, "FTWB")                                                                           \
	X(select, "FTWB")                                                                          \
	X(starts_with, "FTWB")                                                                     \
	X(string, "FTWB")                                                                          \
	X(sub, "FTWB")                                                                             \
	X(table, "FTWB")                                                                           \
	X(tonumber, "FTWB")                                                                        \
	X(tostring, "FTWB")                                                                        \
	X(trim, "FTWB")                                                                            \
	X(type, "FTWB")                                                                            \
	X(upper, "FTWB")

enum script_meaning { SCRIPT_IS_FIELD, SCRIPT_IS_CONSTANT, SCRIPT_IS_GIVEN, SCRIPT_IS_FUNCTION };

struct script_binding {
	enum script_meaning meaning;
	size_t index; /* into job->fields, job->constants; an enum script_given */
};

/* What a name of a script means. ERR_CONFIG: unknown, with the nearest; or one that may not be
 * set. */
ST_MUST_CHECK int script_bind(const struct job *job, enum script_use use,
			      const struct script_name *name, struct script_binding *ret_binding,
			      struct err *err);

#endif
