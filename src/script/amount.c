/* SPDX-License-Identifier: Apache-2.0 */
#include "script/amount.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "job/script_read.h"

enum { FLOAT_DIGITS = 17, FLOAT_TEXT_MAX = 400 };

/* Its address is the key of the metatable in the registry. */
static const char type_key = 0;

typedef int (*amount_fn)(const struct decimal *a, const struct decimal *b, struct decimal *ret,
			 struct err *err);

/* ---- values ---- */

/* What it gives back is on no heap, as Lua's errors jump over whoever would free it. */
static size_t amount_spell(const struct decimal *d, char out[DECIMAL_TEXT_MAX + 1])
{
	struct buf text = BUF_INIT(DECIMAL_TEXT_MAX);

	decimal_format(d, &text);
	size_t len = text.len;
	memcpy(out, buf_str(&text), len + 1);
	buf_done(&text);
	return len;
}

/* Whole numbers are integers to Lua as far as these go, so that they count and index. */
void amount_push(lua_State *lua, const struct decimal *d)
{
	uint64_t limit = (uint64_t)INT64_MAX + (d->negative ? 1 : 0);

	if (d->scale == 0 && d->high == 0 && d->low <= limit) {
		lua_pushinteger(lua, d->negative ? (lua_Integer)(0 - d->low) : (lua_Integer)d->low);
		return;
	}
	struct decimal *own = lua_newuserdatauv(lua, sizeof(*own), 0);
	*own = *d;
	(void)lua_rawgetp(lua, LUA_REGISTRYINDEX, &type_key);
	(void)lua_setmetatable(lua, -2);
}

/* There is no other userdata in a sandbox. */
const struct decimal *amount_at(lua_State *lua, int index)
{
	return lua_type(lua, index) == LUA_TUSERDATA ? lua_touserdata(lua, index) : NULL;
}

static const char *type_word(lua_State *lua, int index)
{
	switch (lua_type(lua, index)) {
	case LUA_TUSERDATA:
		return "a decimal";
	case LUA_TNUMBER:
		return lua_isinteger(lua, index) ? "an integer" : "a float";
	case LUA_TSTRING:
		return "a text";
	case LUA_TTABLE:
		return "a table";
	case LUA_TBOOLEAN:
		return "true or false";
	case LUA_TFUNCTION:
		return "a function";
	default:
		return "nil";
	}
}

static bool is_float(lua_State *lua, int index)
{
	return lua_type(lua, index) == LUA_TNUMBER && !lua_isinteger(lua, index);
}

static bool is_number(lua_State *lua, int index)
{
	return lua_type(lua, index) == LUA_TNUMBER || amount_at(lua, index) != NULL;
}

/* A decimal or an integer; what else is there is an error. */
static struct decimal amount_check(lua_State *lua, int index)
{
	const struct decimal *d = amount_at(lua, index);

	if (d != NULL)
		return *d;
	if (lua_type(lua, index) == LUA_TNUMBER && lua_isinteger(lua, index))
		return decimal_from_int(lua_tointeger(lua, index));
	if (is_float(lua, index))
		(void)luaL_error(
			lua, "a decimal and a float do not mix: decimal(x) makes one of a float");
	(void)luaL_error(lua, "expected a number, found %s", type_word(lua, index));
	return (struct decimal){0};
}

/* ---- calculating ---- */

struct operation {
	const char *word; /* "add" */
	const char *joint;
	int lua_op;
	amount_fn calculate;
};

static int amount_complain(lua_State *lua, const struct operation *op)
{
	if (is_float(lua, 1) || is_float(lua, 2))
		return luaL_error(
			lua, "a decimal and a float do not mix: decimal(x) makes one of a float");
	return luaL_error(lua, "cannot %s %s %s %s", op->word, type_word(lua, 1), op->joint,
			  type_word(lua, 2));
}

static bool is_exact(lua_State *lua, int index)
{
	int type = lua_type(lua, index);

	return type == LUA_TUSERDATA || (type == LUA_TNUMBER && lua_isinteger(lua, index));
}

/* Integers that would wrap around come here as well: decimals hold them. */
static int amount_calculate(lua_State *lua, const struct operation *op)
{
	struct err err = ERR_INIT;
	struct decimal result = {0};

	lua_settop(lua, 2);
	if (lua_type(lua, 1) == LUA_TNUMBER && lua_type(lua, 2) == LUA_TNUMBER &&
	    (is_float(lua, 1) || is_float(lua, 2))) {
		lua_arith(lua, op->lua_op);
		return 1;
	}
	if (!is_exact(lua, 1) || !is_exact(lua, 2))
		return amount_complain(lua, op);
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);
	if (op->calculate(&a, &b, &result, &err) < 0)
		return luaL_error(lua, "%s", err.text);
	amount_push(lua, &result);
	return 1;
}

static bool get_integers(lua_State *lua, lua_Integer *ret_a, lua_Integer *ret_b)
{
	int is_a = 0;
	int is_b = 0;

	if (lua_type(lua, 1) != LUA_TNUMBER || lua_type(lua, 2) != LUA_TNUMBER ||
	    !lua_isinteger(lua, 1) || !lua_isinteger(lua, 2))
		return false;
	*ret_a = lua_tointegerx(lua, 1, &is_a);
	*ret_b = lua_tointegerx(lua, 2, &is_b);
	return is_a != 0 && is_b != 0;
}

static int subtract(const struct decimal *a, const struct decimal *b, struct decimal *ret,
		    struct err *err)
{
	const struct decimal negated = decimal_negate(b);

	return decimal_add(a, &negated, ret, err);
}

static int divide(const struct decimal *a, const struct decimal *b, struct decimal *ret,
		  struct err *err)
{
	int rc = decimal_divide_exact(a, b, ret, err);

	if (rc < 0 && (b->high != 0 || b->low != 0))
		return ERR(err, ERR_DATA,
			   "the quotient has no end within %d digits; "
			   "div(a, b, digits) rounds",
			   DECIMAL_DIGITS);
	return rc;
}

/* Quotient towards minus infinity, and what is left, which has the sign of b. */
static int divide_floor(const struct decimal *a, const struct decimal *b, struct decimal *ret_q,
			struct decimal *ret_rest, struct err *err)
{
	const struct decimal one = {.low = 1};
	struct decimal q = {0};
	struct decimal product = {0};
	struct decimal rest = {0};

	int rc = decimal_divide(a, b, 0, &q, err);
	if (rc == 0)
		rc = decimal_multiply(&q, b, &product, err);
	if (rc == 0)
		rc = subtract(a, &product, &rest, err);
	bool is_zero = rest.high == 0 && rest.low == 0;
	if (rc == 0 && !is_zero && rest.negative != b->negative) {
		rc = subtract(&q, &one, &q, err);
		if (rc == 0)
			rc = decimal_add(&rest, b, &rest, err);
	}
	*ret_q = q;
	*ret_rest = rest;
	return rc;
}

static int divide_whole(const struct decimal *a, const struct decimal *b, struct decimal *ret,
			struct err *err)
{
	struct decimal rest = {0};

	return divide_floor(a, b, ret, &rest, err);
}

static int divide_rest(const struct decimal *a, const struct decimal *b, struct decimal *ret,
		       struct err *err)
{
	struct decimal q = {0};

	return divide_floor(a, b, &q, ret, err);
}

static const struct operation op_add = {"add", "and", LUA_OPADD, decimal_add};
static const struct operation op_sub = {"calculate", "minus", LUA_OPSUB, subtract};
static const struct operation op_mul = {"multiply", "and", LUA_OPMUL, decimal_multiply};
static const struct operation op_div = {"divide", "by", LUA_OPDIV, divide};
static const struct operation op_idiv = {"divide", "by", LUA_OPIDIV, divide_whole};
static const struct operation op_mod = {"divide", "by", LUA_OPMOD, divide_rest};

static int on_add(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;
	lua_Integer sum = 0;

	if (!get_integers(lua, &a, &b) || __builtin_add_overflow(a, b, &sum))
		return amount_calculate(lua, &op_add);
	lua_pushinteger(lua, sum);
	return 1;
}

static int on_sub(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;
	lua_Integer difference = 0;

	if (!get_integers(lua, &a, &b) || __builtin_sub_overflow(a, b, &difference))
		return amount_calculate(lua, &op_sub);
	lua_pushinteger(lua, difference);
	return 1;
}

static int on_mul(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;
	lua_Integer product = 0;

	if (!get_integers(lua, &a, &b) || __builtin_mul_overflow(a, b, &product))
		return amount_calculate(lua, &op_mul);
	lua_pushinteger(lua, product);
	return 1;
}

static int on_div(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;

	if (!get_integers(lua, &a, &b) || b == 0 || b == -1 || a % b != 0)
		return amount_calculate(lua, &op_div);
	lua_pushinteger(lua, a / b);
	return 1;
}

static int on_idiv(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;

	if (!get_integers(lua, &a, &b) || b <= 0)
		return amount_calculate(lua, &op_idiv);
	lua_pushinteger(lua, a / b - (a % b < 0 ? 1 : 0));
	return 1;
}

static int on_mod(lua_State *lua)
{
	lua_Integer a = 0;
	lua_Integer b = 0;

	if (!get_integers(lua, &a, &b) || b <= 0)
		return amount_calculate(lua, &op_mod);
	lua_pushinteger(lua, a % b + (a % b < 0 ? b : 0));
	return 1;
}

int amount_negate(lua_State *lua)
{
	if (is_float(lua, 1)) {
		lua_pushnumber(lua, -lua_tonumber(lua, 1));
		return 1;
	}
	const struct decimal a = amount_check(lua, 1);
	const struct decimal negated = decimal_negate(&a);
	amount_push(lua, &negated);
	return 1;
}

static int on_neg(lua_State *lua)
{
	return amount_negate(lua);
}

/* ---- comparing ---- */

/* The decimal as the nearest float: what a person means who compares the two. */
static lua_Number to_float(lua_State *lua, int index)
{
	const struct decimal *d = amount_at(lua, index);
	char text[DECIMAL_TEXT_MAX + 1] = "";

	if (d == NULL)
		return lua_tonumber(lua, index);
	amount_spell(d, text);
	return strtod(text, NULL); /* the locale is C */
}

/* -1, 0, 1; 2: a float that is no number. */
static int amount_order(lua_State *lua)
{
	if (is_float(lua, 1) || is_float(lua, 2)) {
		if (!is_number(lua, 1) || !is_number(lua, 2))
			(void)amount_check(lua, is_number(lua, 1) ? 2 : 1); /* which says it */
		lua_Number a = to_float(lua, 1);
		lua_Number b = to_float(lua, 2);
		return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
	}
	const struct decimal a = amount_check(lua, 1);
	const struct decimal b = amount_check(lua, 2);
	return decimal_compare(&a, &b);
}

static int on_less(lua_State *lua)
{
	lua_pushboolean(lua, amount_order(lua) == -1);
	return 1;
}

static int on_not_greater(lua_State *lua)
{
	lua_pushboolean(lua, amount_order(lua) <= 0);
	return 1;
}

/* Numbers by value, whatever they are; all else as Lua does. */
static bool is_equal(lua_State *lua)
{
	if (is_number(lua, 1) && is_number(lua, 2) &&
	    (amount_at(lua, 1) != NULL || amount_at(lua, 2) != NULL))
		return amount_order(lua) == 0;
	return lua_rawequal(lua, 1, 2) != 0;
}

static int on_eq(lua_State *lua)
{
	lua_pushboolean(lua, is_equal(lua));
	return 1;
}

static int on_ne(lua_State *lua)
{
	lua_pushboolean(lua, !is_equal(lua));
	return 1;
}

/* ---- texts ---- */

static int on_tostring(lua_State *lua)
{
	const struct decimal d = amount_check(lua, 1);
	char text[DECIMAL_TEXT_MAX + 1] = "";

	(void)lua_pushlstring(lua, text, amount_spell(&d, text));
	return 1;
}

static void push_text(lua_State *lua, int index)
{
	if (amount_at(lua, index) == NULL && lua_type(lua, index) != LUA_TSTRING &&
	    lua_type(lua, index) != LUA_TNUMBER)
		(void)luaL_error(lua, "expected a text or a number for '..', found %s",
				 type_word(lua, index));
	(void)luaL_tolstring(lua, index, NULL);
}

static int on_concat(lua_State *lua)
{
	lua_settop(lua, 2);
	push_text(lua, 1);
	push_text(lua, 2);
	lua_concat(lua, 2);
	return 1;
}

/* ---- functions ---- */

/* The shortest text that means this very float. */
static int float_put(lua_Number n, char *out, size_t size)
{
	int len = 0;

	for (int digits = FLOAT_DIGITS - 2; digits <= FLOAT_DIGITS; digits++) {
		len = snprintf(out, size, "%.*g", digits, n);
		if (strtod(out, NULL) == n)
			break;
	}
	return len;
}

size_t amount_put_float(lua_Number n, char out[AMOUNT_FLOAT_MAX])
{
	return (size_t)float_put(n, out, AMOUNT_FLOAT_MAX);
}

static struct decimal decimal_of_float(lua_State *lua, lua_Number n)
{
	char text[FLOAT_TEXT_MAX] = "";
	struct err err = ERR_INIT;
	struct decimal d = {0};

	/* Without an exponent, and with the digits of the shortest text only. */
	(void)snprintf(text, sizeof(text), "%.38f", n);
	for (int digits = 0; digits < DECIMAL_DIGITS; digits++) {
		char shorter[FLOAT_TEXT_MAX] = "";
		(void)snprintf(shorter, sizeof(shorter), "%.*f", digits, n);
		if (strtod(shorter, NULL) != n)
			continue;
		memcpy(text, shorter, sizeof(text));
		break;
	}
	if (decimal_parse(text, strlen(text), '.', &d, &err) < 0)
		(void)luaL_error(lua, "this float needs more than %d digits", DECIMAL_DIGITS);
	return d;
}

static int fn_decimal(lua_State *lua)
{
	struct err err = ERR_INIT;
	struct decimal d = {0};
	size_t len = 0;

	if (lua_type(lua, 1) == LUA_TSTRING) {
		const char *text = lua_tolstring(lua, 1, &len);
		if (decimal_parse(text, len, '.', &d, &err) < 0)
			return luaL_error(lua, "%s", err.text);
	} else if (is_float(lua, 1)) {
		d = decimal_of_float(lua, lua_tonumber(lua, 1));
	} else {
		d = amount_check(lua, 1);
	}
	amount_push(lua, &d);
	return 1;
}

/* A number of what reads as one, else nil. */
static int fn_tonumber(lua_State *lua)
{
	struct err err = ERR_INIT;
	struct decimal d = {0};
	size_t len = 0;

	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	if (is_number(lua, 1))
		return 1;
	if (lua_type(lua, 1) != LUA_TSTRING) {
		lua_pushnil(lua);
		return 1;
	}
	const char *text = lua_tolstring(lua, 1, &len);
	if (decimal_parse(text, len, '.', &d, &err) < 0)
		lua_pushnil(lua);
	else
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

void amount_open(lua_State *lua)
{
	static const luaL_Reg operators[] = {
		{"__add", on_add}, {"__sub", on_sub},		{"__mul", on_mul},
		{"__div", on_div}, {"__idiv", on_idiv},		{"__mod", on_mod},
		{"__unm", on_neg}, {"__lt", on_less},		{"__le", on_not_greater},
		{"__eq", on_eq},   {"__tostring", on_tostring}, {"__concat", on_concat},
		{NULL, NULL},
	};
	static const luaL_Reg functions[] = {
		{"decimal", fn_decimal}, {"div", fn_div},	    {"round", fn_round},
		{"equal", on_eq},	 {"tonumber", fn_tonumber}, {NULL, NULL},
	};

	luaL_newlib(lua, operators);
	lua_pushliteral(lua, "decimal");
	lua_setfield(lua, -2, "__name");
	lua_rawsetp(lua, LUA_REGISTRYINDEX, &type_key);
	luaL_setfuncs(lua, functions, 0);
}

void amount_push_helpers(lua_State *lua)
{
	static const lua_CFunction helpers[] = {
#define X(name) on_##name,
		SCRIPT_HELPERS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_LEN(helpers); i++)
		lua_pushcfunction(lua, helpers[i]);
}
