/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of items, constants and answers, as a script has them.
 *
 * Everything here may end in a Lua error: call it from protected code.
 */
#ifndef STINT_SCRIPT_VALUES_H
#define STINT_SCRIPT_VALUES_H

#include <lua.h>
#include <stddef.h>

struct buf;
struct field;
struct job_constant;
struct value;

void values_push(lua_State *lua, const struct field *field, const struct value *value);
/* Tables of constants can be read, and are the same for all calls. */
void values_push_constant(lua_State *lua, const struct job_constant *constant);
/* Takes the table on top of the stack, and leaves one that can only be read; what is not in it is
 * an error that calls it by `name`, or nil where that is NULL. */
void values_protect(lua_State *lua, const char *name);
/* Puts a null into the table on top of the stack that values_protect will find. */
void values_set_nil(lua_State *lua, const char *key);
/* JSON as tables; nil for what is none. */
void values_push_json(lua_State *lua, const char *text, size_t len);
/* The value at `index` as a text of the field: appended to `out`, ret_value->text is left for the
 * caller. */
void values_get(lua_State *lua, int index, const struct field *field, struct buf *out,
		struct value *ret_value);

#endif
