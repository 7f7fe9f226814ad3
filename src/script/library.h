/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that a script has. Each ends after a time that is proportional to what it is
 * given, none keeps anything from one item to the next, none tells anything of the machine, and
 * none can be caught in an error: so there is no pcall, no coroutine, no pattern, no pairs (whose
 * order is another each time), no metatable.
 *
 * Everything here may end in a Lua error: call it from protected code.
 */
#ifndef STINT_SCRIPT_LIBRARY_H
#define STINT_SCRIPT_LIBRARY_H

#include <lua.h>

/* Puts the functions into the table on top of the stack. */
void library_open(lua_State *lua);

#endif
