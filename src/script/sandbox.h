/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Lua that foreign texts may run in: with a limit on its memory and on its instructions, with
 * what its owner gives it and nothing else.
 *
 * Promise: a script ends, within its limits, and leaves nothing behind for the next call; it reads
 *          no file, starts nothing, and knows neither time nor chance, so that it does with the
 *          same values always the same. No error in it can be caught by it.
 * Owner:   one thread. What runs inside may end in a Lua error, which sandbox_call turns into an
 *          err.
 */
#ifndef STINT_SCRIPT_SANDBOX_H
#define STINT_SCRIPT_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct sandbox;

struct sandbox_options {
	const char *name;     /* of the script, for messages: "filter" */
	int64_t instructions; /* of one call, at least 1 */
	int64_t memory_bytes; /* in all */
	bool may_run_long;    /* false: it has no loop, and ends after as much as it is long */
	void *arg;
	/* Pushes what the code is called with, once; how many there are. Inside. */
	int (*give)(void *arg, lua_State *lua);
	/* The function that the code returned is at 1: calls it, takes what it returns. Inside. */
	void (*call)(void *arg, lua_State *lua);
};

/* Compiles the code, which returns a function. Gives. Keeps what the options name. ERR_CONFIG:
 * "filter:2: what Lua says". */
ST_MUST_CHECK int sandbox_open(const struct sandbox_options *options, const char *code, size_t len,
			       struct sandbox **ret_sandbox, struct err *err);
/* Runs options.call. ERR_DATA: "filter:2: what was wrong". */
ST_MUST_CHECK int sandbox_call(struct sandbox *s, struct err *err);
/* NULL is allowed. */
void sandbox_free(struct sandbox *s);

#endif
