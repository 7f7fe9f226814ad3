/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in scripts: integers, which are Lua's own as far as these go, and decimals. What is
 * calculated with them is exact, or an error; nothing wraps around. They mix with each other; with
 * floats they compare, by the nearest float, and do not calculate.
 *
 * Everything here may end in a Lua error: call it from protected code.
 */
#ifndef STINT_SCRIPT_AMOUNT_H
#define STINT_SCRIPT_AMOUNT_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct decimal;

enum { AMOUNT_FLOAT_MAX = 40 };

/* Makes the type known, and puts its functions into the table on top of the stack. */
void amount_open(lua_State *lua);
/* Pushes what scripts call for their operators, in the order of SCRIPT_HELPERS. */
void amount_push_helpers(lua_State *lua);
void amount_push(lua_State *lua, const struct decimal *d);
/* The decimal at `index`, NULL when it is none. Lent by the value. */
const struct decimal *amount_at(lua_State *lua, int index);
/* Pushes the number at 1 with the other sign, as a function of Lua does: gives 1. */
int amount_negate(lua_State *lua);
/* The shortest text that means this float; its length. Not for what is no number. */
size_t amount_put_float(lua_Number n, char out[AMOUNT_FLOAT_MAX]);

#endif
