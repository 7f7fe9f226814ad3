/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that `stint add` puts into an inbox: a JSON object on each, blank ones are none. */
#ifndef STINT_CLI_ADD_LINES_H
#define STINT_CLI_ADD_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct input;
struct json_doc;
struct record;
struct shape;

struct add_lines {	     /* what it holds is lent */
	const char *name;    /* of the input, for messages */
	struct shape *shape; /* what the job wants of an item; NULL: nobody knows the job */
	struct json_doc *doc;
	bool is_one; /* --key names one item */
	int64_t n;   /* items read */
};

/* Gets a good line; below 0 ends it all. */
typedef int (*add_line_fn)(void *arg, const struct record *record, struct err *err);

/* Reads to the end, or to the first bad line, whose place `err` names (name:line:column). `fn`
 * NULL: only looks. */
int add_lines_read(struct add_lines *l, struct input *input, add_line_fn fn, void *arg,
		   struct err *err);

#endif
