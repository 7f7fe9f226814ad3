/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a script: which names it uses and sets, and the same script in a Lua whose numbers are
 * exact.
 *
 * Lua's integers wrap around silently, its `/` and its numbers with a point are binary floating
 * point, and its == never finds a decimal equal to a number. So before Lua sees it, a script's
 * arithmetic and == become calls (`a + b`: `__add(a, b)`), and numbers with a point become
 * constants that are exact. Lines stay where they are.
 *
 * Promise: ends for every text, in a time and with a memory that its length bounds.
 * Owner:   script_source_done. Names are lent by the text.
 */
#ifndef STINT_JOB_SCRIPT_READ_H
#define STINT_JOB_SCRIPT_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "job/script_scan.h"

struct err;

enum { SCRIPT_BYTES_MAX = 64 * 1024, SCRIPT_NAMES_MAX = 200, SCRIPT_NUMBERS_MAX = 1000 };

enum script_form {
	SCRIPT_GIVES,	/* an expression, or statements that return a value */
	SCRIPT_ASSIGNS, /* statements that set names and return nothing */
	SCRIPT_ACTS,	/* statements that may return values */
};

struct script_name {
	const char *text;
	size_t len;
	struct script_place place;  /* where it stands first */
	struct script_place set_at; /* where it is first assigned to; line 0: nowhere */
};

/* The functions that the code calls for what it does with numbers. */
#define SCRIPT_HELPERS(X) X(add) X(sub) X(mul) X(div) X(idiv) X(mod) X(eq) X(ne) X(neg)

struct script_source {
	struct buf code; /* for SCRIPT_ASSIGNS: what comes behind it can give the names back */
	struct script_name *names; /* that are not its own variables, each once, in their order */
	size_t n_names;
	char **numbers; /* what __k[1] and so on stand for, as decimal_parse reads them */
	size_t n_numbers;
	bool may_run_long;	   /* there is a loop or a function in it */
	struct script_place fault; /* when reading it failed */
};

/* ERR_CONFIG: what is wrong, at ret_source->fault. script_source_done in any case. */
ST_MUST_CHECK int script_read(enum script_form form, const char *text, size_t len,
			      struct script_source *ret_source, struct err *err);
void script_source_done(struct script_source *source);

#endif
