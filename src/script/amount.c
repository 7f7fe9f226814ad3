/* SPDX-License-Identifier: Apache-2.0 */
#include "script/amount.h"

#include <lauxlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"

static const char type_name[] = "decimal";

typedef int (*amount_fn)(const struct decimal *a, const struct decimal *b, struct decimal *ret,
			 struct err *err);

void amount_push(lua_State *lua, const struct decimal *d)
{
	struct decimal *own = lua_newuserdatauv(lua, sizeof(*own), 0);

	*own = *d;
	luaL_setmetatable(lua, type_name);
}

const struct decimal *amount_at(lua_State *lua, int index)
{
	return luaL_testudata(lua, index, type_name);
}

/* A decimal or an integer; what else is there is an error. */
static struct decimal amount_check(lua_State *lua, int index)
{
	const struct decimal *d = amount_at(lua, index);

	if (d != NULL)
		return *d;
	if (lua_isinteger(lua, index) && lua_type(lua, index) == LUA_TNUMBER)
		return decimal_from_int(lua_tointeger(lua, index));
	if (lua_type(lua, index) == LUA_TNUMBER)
		(void)luaL_error(
			lua, "a decimal and a float do not mix: write decimal(\"0.92\") for 0.92");
	(void)luaL_error(lua, "expected a decimal or an integer, found %s",
			 luaL_typename(lua, index));
	return (struct decimal){0};
}

static int amount_calculate(lua_State *lua, amount_fn calculate)
{
	struct err err = ERR_INIT;
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);
	struct decimal result = {0};

	if (calculate(&a, &b, &result, &err) < 0)
		return luaL_error(lua, "%s", err.text);
	amount_push(lua, &result);
	return 1;
}

static int subtract(const struct decimal *a, const struct decimal *b, struct decimal *ret,
		    struct err *err)
{
	const struct decimal negated = decimal_negate(b);

	return decimal_add(a, &negated, ret, err);
}

static int on_add(lua_State *lua)
{
	return amount_calculate(lua, decimal_add);
}

static int on_subtract(lua_State *lua)
{
	return amount_calculate(lua, subtract);
}

static int on_multiply(lua_State *lua)
{
	return amount_calculate(lua, decimal_multiply);
}

static int on_divide(lua_State *lua)
{
	struct err err = ERR_INIT;
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);
	struct decimal quotient = {0};

	if (decimal_divide_exact(&a, &b, &quotient, &err) < 0)
		return luaL_error(lua, "%s; div(a, b, digits) rounds", err.text);
	amount_push(lua, &quotient);
	return 1;
}

static int on_negate(lua_State *lua)
{
	const struct decimal a = amount_check(lua, 1);
	const struct decimal negated = decimal_negate(&a);

	amount_push(lua, &negated);
	return 1;
}

static int amount_order(lua_State *lua)
{
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);

	return decimal_compare(&a, &b);
}

static int on_less(lua_State *lua)
{
	lua_pushboolean(lua, amount_order(lua) < 0);
	return 1;
}

static int on_not_greater(lua_State *lua)
{
	lua_pushboolean(lua, amount_order(lua) <= 0);
	return 1;
}

/* For `==` between two decimals too. */
static int amount_equal(lua_State *lua)
{
	lua_pushboolean(lua, amount_order(lua) == 0);
	return 1;
}

/* DECIMAL_TEXT_MAX holds every decimal, so that buf_str never sees a buffer that failed; what it
 * holds on the heap must be given back before Lua may raise an error. */
static int on_tostring(lua_State *lua)
{
	const struct decimal d = amount_check(lua, 1);
	char text[DECIMAL_TEXT_MAX + 1] = "";
	struct buf out = BUF_INIT(DECIMAL_TEXT_MAX);

	decimal_format(&d, &out);
	memcpy(text, out.data, out.len);
	buf_done(&out);
	lua_pushstring(lua, text);
	return 1;
}

/* ---- functions ---- */

static int fn_decimal(lua_State *lua)
{
	struct err err = ERR_INIT;
	struct decimal d = {0};
	size_t len = 0;

	if (lua_type(lua, 1) != LUA_TSTRING) {
		d = amount_check(lua, 1);
	} else {
		const char *text = lua_tolstring(lua, 1, &len);
		if (decimal_parse(text, len, '.', &d, &err) < 0)
			return luaL_error(lua, "%s", err.text);
	}
	amount_push(lua, &d);
	return 1;
}

static int digits_check(lua_State *lua, int index)
{
	lua_Integer digits = luaL_optinteger(lua, index, 0);

	if (digits < 0 || digits > DECIMAL_DIGITS)
		return luaL_error(lua, "expected 0 to %d digits", DECIMAL_DIGITS);
	return (int)digits;
}

static int fn_round(lua_State *lua)
{
	struct err err = ERR_INIT;
	const struct decimal d = amount_check(lua, 1);
	int digits = digits_check(lua, 2);
	struct decimal rounded = {0};

	if (decimal_round(&d, digits, &rounded, &err) < 0)
		return luaL_error(lua, "%s", err.text);
	amount_push(lua, &rounded);
	return 1;
}

static int fn_div(lua_State *lua)
{
	struct err err = ERR_INIT;
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);
	int digits = digits_check(lua, 3);
	struct decimal quotient = {0};

	if (decimal_divide(&a, &b, digits, &quotient, &err) < 0)
		return luaL_error(lua, "%s", err.text);
	amount_push(lua, &quotient);
	return 1;
}

/* Numbers by value, decimals and integers alike; floats only with each other. */
static int fn_equal(lua_State *lua)
{
	if (lua_type(lua, 1) == LUA_TNUMBER && lua_type(lua, 2) == LUA_TNUMBER) {
		lua_pushboolean(lua, lua_rawequal(lua, 1, 2));
		return 1;
	}
	if (lua_isnoneornil(lua, 1) || lua_isnoneornil(lua, 2)) {
		lua_pushboolean(lua, lua_isnoneornil(lua, 1) && lua_isnoneornil(lua, 2));
		return 1;
	}
	return amount_equal(lua);
}

void amount_open(lua_State *lua)
{
	static const luaL_Reg operators[] = {
		{"__add", on_add},	     {"__sub", on_subtract},
		{"__mul", on_multiply},	     {"__div", on_divide},
		{"__unm", on_negate},	     {"__lt", on_less},
		{"__le", on_not_greater},    {"__eq", amount_equal},
		{"__tostring", on_tostring}, {NULL, NULL},
	};
	static const luaL_Reg functions[] = {
		{"decimal", fn_decimal}, {"div", fn_div}, {"round", fn_round},
		{"equal", fn_equal},	 {NULL, NULL},
	};

	(void)luaL_newmetatable(lua, type_name);
	luaL_setfuncs(lua, operators, 0);
	lua_pop(lua, 1);
	luaL_setfuncs(lua, functions, 0);
}
