/* SPDX-License-Identifier: Apache-2.0 */
/* What reading statements and reading expressions share. */
#ifndef STINT_JOB_SCRIPT_READER_H
#define STINT_JOB_SCRIPT_READER_H

#include "job/script_read.h"

struct script_local {
	const char *text;
	size_t len;
};

/* What was read last. */
enum script_part { PART_OF_ANY, PART_OF_PLAIN, PART_OF_NAME, PART_OF_INDEX, PART_OF_CALL };

struct script_reader {
	enum script_form form;
	struct script_source *source;
	struct script_scan scan;
	struct script_token
		token; /* the next; neither it nor what is before it is in the code yet */
	struct script_token last;    /* the one before it */
	size_t done;		     /* offset in the text up to which the code has it */
	struct script_local *locals; /* that are visible, the innermost last */
	size_t n_locals;
	int depth;	    /* of nested expressions and blocks */
	int n_functions;    /* around */
	int n_loops;	    /* around, in this function */
	bool has_arguments; /* `...` means something */
	bool has_return;
	enum script_part part;
	size_t name; /* index of the name with PART_OF_NAME, SIZE_MAX when it is a variable */
	struct err *err;
};

enum { SCRIPT_LOCALS_MAX = 200, SCRIPT_DEPTH_MAX = 100 };

/* ---- the code ---- */

/* What stands before the next token goes into the code; where that token will. */
size_t script_mark(struct script_reader *r);
/* Puts the next token into the code and reads the one behind it. */
ST_MUST_CHECK int script_pass(struct script_reader *r);
/* The same, where something else takes its place. */
ST_MUST_CHECK int script_replace(struct script_reader *r, const char *with);

/* ---- tokens ---- */

bool script_is(const struct script_reader *r, const char *text);
/* Passes the token that must stand here. */
ST_MUST_CHECK int script_expect(struct script_reader *r, const char *text);
/* At the next token. */
ST_MUST_CHECK int script_fault(struct script_reader *r, const char *fmt, ...) ST_PRINTF(2, 3);
ST_MUST_CHECK int script_unexpected(struct script_reader *r, const char *wanted);
/* Goes in by one level; script_leave when it is 0. */
ST_MUST_CHECK int script_enter(struct script_reader *r);
void script_leave(struct script_reader *r);

/* ---- names ---- */

/* The next token must be a name that a script may give to something. */
ST_MUST_CHECK int script_check_name(struct script_reader *r);
ST_MUST_CHECK int script_add_local(struct script_reader *r, const struct script_local *name);

/* ---- the grammar ---- */

ST_MUST_CHECK int script_read_expression(struct script_reader *r);
ST_MUST_CHECK int script_read_expressions(struct script_reader *r);
/* A name, an index or a call: what may stand at the beginning of a statement. */
ST_MUST_CHECK int script_read_suffixed(struct script_reader *r);
/* What comes behind `function` and its name. */
ST_MUST_CHECK int script_read_function(struct script_reader *r);
ST_MUST_CHECK int script_read_block(struct script_reader *r);

#endif
