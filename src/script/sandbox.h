/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Lua that foreign texts may run in: with a limit on its memory and on its instructions, with
 * the functions of script/library.h and nothing else.
 *
 * Promise: a script ends, within its limits, and leaves nothing behind for the next call; it reads
 *          no file, starts nothing, and knows neither time nor chance, so that it does with the
 *          same values always the same.
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
	size_t memory_bytes;  /* in all */
	void *arg;
	/* Pushes the value of a global name and gives true; false: there is none. */
	bool (*find)(void *arg, lua_State *lua, const char *name, size_t len);
};

/* Compiles the text, an expression or statements that end in `return`. Gives. Keeps what the
 * options name. ERR_CONFIG: "filter:2: what Lua says". */
ST_MUST_CHECK int sandbox_open(const struct sandbox_options *options, const char *text, size_t len,
			       struct sandbox **ret_sandbox, struct err *err);
/* Runs the script. What it returned is on top of the stack, valid until the next call. ERR_DATA:
 * "filter:2: what was wrong". */
ST_MUST_CHECK int sandbox_call(struct sandbox *s, lua_State **ret_lua, struct err *err);
/* NULL is allowed. */
void sandbox_free(struct sandbox *s);

#endif
