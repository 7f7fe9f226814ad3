/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals in Lua: + - * and / (where the quotient has an end), unary minus, order, and the
 * functions decimal, div, round, equal. With integers they mix exactly; with floats not at all,
 * and the error says so.
 *
 * Everything here may end in a Lua error: call it from protected code.
 */
#ifndef STINT_SCRIPT_AMOUNT_H
#define STINT_SCRIPT_AMOUNT_H

#include <lua.h>
#include <stdbool.h>

struct decimal;

/* Makes the type known, and puts its functions into the table on top of the stack. */
void amount_open(lua_State *lua);
void amount_push(lua_State *lua, const struct decimal *d);
/* The decimal at `index`, NULL when it is none. Lent by the value. */
const struct decimal *amount_at(lua_State *lua, int index);

#endif
