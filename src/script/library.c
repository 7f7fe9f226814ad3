/* SPDX-License-Identifier: Apache-2.0 */
#include "script/library.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "script/amount.h"
#include "script/values.h"

/* A table's text would be its address. */
static int fn_tostring(lua_State *lua)
{
	int type = lua_type(lua, 1);

	if (type == LUA_TTABLE || type == LUA_TFUNCTION)
		return luaL_error(lua, "a %s has no text", lua_typename(lua, type));
	(void)luaL_tolstring(lua, 1, NULL);
	return 1;
}

/* A decimal is a number like others. */
static int fn_type(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_pushstring(lua, amount_at(lua, 1) != NULL ? "number" : luaL_typename(lua, 1));
	return 1;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int fn_trim(lua_State *lua)
{
	size_t len = 0;
	const char *text = luaL_checklstring(lua, 1, &len);

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (len > 0 && is_blank(text[0])) {
		text++;
		len--;
	}
	lua_pushlstring(lua, text, len);
	return 1;
}

static int fn_contains(lua_State *lua)
{
	size_t len = 0;
	size_t part_len = 0;
	const char *text = luaL_checklstring(lua, 1, &len);
	const char *part = luaL_checklstring(lua, 2, &part_len);

	lua_pushboolean(lua, memmem(text, len, part, part_len) != NULL);
	return 1;
}

static int fn_starts_with(lua_State *lua)
{
	size_t len = 0;
	size_t part_len = 0;
	const char *text = luaL_checklstring(lua, 1, &len);
	const char *part = luaL_checklstring(lua, 2, &part_len);

	lua_pushboolean(lua, part_len <= len && memcmp(text, part, part_len) == 0);
	return 1;
}

static int fn_ends_with(lua_State *lua)
{
	size_t len = 0;
	size_t part_len = 0;
	const char *text = luaL_checklstring(lua, 1, &len);
	const char *part = luaL_checklstring(lua, 2, &part_len);

	lua_pushboolean(lua, part_len <= len && memcmp(text + len - part_len, part, part_len) == 0);
	return 1;
}

static int fn_abs(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	lua_pushinteger(lua, 0);
	if (lua_compare(lua, 1, 2, LUA_OPLT) == 0) {
		lua_settop(lua, 1);
		return 1;
	}
	lua_settop(lua, 1);
	return amount_negate(lua);
}

/* The first of all arguments in their order, or the last. */
static int pick(lua_State *lua, bool wants_last)
{
	int best = 1;

	luaL_checkany(lua, 1);
	for (int i = 2; i <= lua_gettop(lua); i++) {
		bool is_less = lua_compare(lua, i, best, LUA_OPLT) != 0;
		bool is_greater = lua_compare(lua, best, i, LUA_OPLT) != 0;
		if (wants_last ? is_greater : is_less)
			best = i;
	}
	lua_pushvalue(lua, best);
	return 1;
}

static int fn_min(lua_State *lua)
{
	return pick(lua, false);
}

static int fn_max(lua_State *lua)
{
	return pick(lua, true);
}

/* Calls Lua's own function, which this one stands before (wrap_function), with what it was given.
 */
static int call_own(lua_State *lua)
{
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, lua_gettop(lua) - 1, 1);
	return 1;
}

/* As Lua's, but a thing that has no text has none here either, and no address is told. */
static int fn_format(lua_State *lua)
{
	for (const char *at = luaL_checkstring(lua, 1); (at = strchr(at, '%')) != NULL;) {
		at++;
		at += strspn(at, "-+ #0123456789.");
		if (*at == 'p')
			return luaL_error(lua, "there is no %%p here");
		at += *at == '\0' ? 0 : 1;
	}
	for (int i = 2; i <= lua_gettop(lua); i++)
		if (lua_type(lua, i) == LUA_TTABLE || lua_type(lua, i) == LUA_TFUNCTION)
			return luaL_error(lua, "a %s has no text", luaL_typename(lua, i));
	return call_own(lua);
}

/* Lua's would count to n even where there is nothing to repeat. */
static int fn_rep(lua_State *lua)
{
	size_t len = 0;
	size_t between = 0;

	(void)luaL_checklstring(lua, 1, &len);
	(void)luaL_optlstring(lua, 3, "", &between);
	if (len + between == 0) {
		lua_settop(lua, 1);
		return 1;
	}
	return call_own(lua);
}

/* x // 1 goes down for numbers of every kind. */
static int fn_floor(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	lua_pushinteger(lua, 1);
	lua_arith(lua, LUA_OPIDIV);
	return 1;
}

static int fn_ceil(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	lua_arith(lua, LUA_OPUNM);
	lua_pushinteger(lua, 1);
	lua_arith(lua, LUA_OPIDIV);
	lua_arith(lua, LUA_OPUNM);
	return 1;
}

/* Copies the named functions of the library on top of the stack into the table below it. */
static void take_functions(lua_State *lua, const char *const *names)
{
	for (; *names != NULL; names++) {
		(void)lua_getfield(lua, -1, *names);
		lua_setfield(lua, -3, *names);
	}
	lua_pop(lua, 1);
}

/* Puts `fn` into the table below the library on top of the stack, before what that has by the name.
 */
static void wrap_function(lua_State *lua, const char *name, lua_CFunction fn)
{
	(void)lua_getfield(lua, -1, name);
	lua_pushcclosure(lua, fn, 1);
	lua_setfield(lua, -3, name);
}

/* string, also as what texts have (currency:upper()), math and table: what of them is the same for
 * the same record, and is over soon whatever the text is: no patterns. */
static void open_tables(lua_State *lua)
{
	static const char *const string[] = {"byte",	"char", "len",	 "lower",
					     "reverse", "sub",	"upper", NULL};
	static const char *const table[] = {"concat", "insert", "remove", "unpack", NULL};
	static const luaL_Reg math[] = {{"abs", fn_abs}, {"ceil", fn_ceil}, {"floor", fn_floor},
					{"max", fn_max}, {"min", fn_min},   {NULL, NULL}};

	lua_newtable(lua);
	luaL_requiref(lua, "string", luaopen_string, 0);
	wrap_function(lua, "format", fn_format);
	wrap_function(lua, "rep", fn_rep);
	take_functions(lua, string);
	values_protect(lua, "string");
	/* Opening it gave texts methods of its own, patterns and "10" + 1 among them. */
	lua_pushliteral(lua, "");
	lua_createtable(lua, 0, 1);
	lua_pushvalue(lua, -3);
	lua_setfield(lua, -2, "__index");
	(void)lua_setmetatable(lua, -2);
	lua_pop(lua, 1);
	lua_setfield(lua, -2, "string");
	lua_newtable(lua);
	luaL_requiref(lua, "table", luaopen_table, 0);
	take_functions(lua, table);
	values_protect(lua, "table");
	lua_setfield(lua, -2, "table");
	lua_newtable(lua);
	luaL_setfuncs(lua, math, 0);
	values_protect(lua, "math");
	lua_setfield(lua, -2, "math");
}

void library_open(lua_State *lua)
{
	static const char *const base[] = {"assert", "error", "ipairs", "select", NULL};
	static const char *const string[] = {"byte", "char",  "lower", "reverse",
					     "sub",  "upper", NULL};
	static const luaL_Reg own[] = {
		{"abs", fn_abs},
		{"contains", fn_contains},
		{"ends_with", fn_ends_with},
		{"max", fn_max},
		{"min", fn_min},
		{"starts_with", fn_starts_with},
		{"tostring", fn_tostring},
		{"trim", fn_trim},
		{"type", fn_type},
		{NULL, NULL},
	};

	luaL_requiref(lua, "_G", luaopen_base, 0);
	take_functions(lua, base);
	luaL_requiref(lua, "string", luaopen_string, 0);
	take_functions(lua, string);
	open_tables(lua);
	luaL_setfuncs(lua, own, 0);
	amount_open(lua);
}
