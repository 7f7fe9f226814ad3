/* SPDX-License-Identifier: Apache-2.0 */
#include "script/values.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/json.h"
#include "base/utf8.h"
#include "job/constant.h"
#include "job/field.h"
#include "script/amount.h"

enum { INTEGER_DIGITS = 18, ROOM = 64, JSON_FACTOR = 32, JSON_LEAST = 64 * 1024, STACK_ROOM = 8 };

/* Its address stands for nil in the tables of values_protect. */
static char nothing;

/* ---- from a text ---- */

static void push_number(lua_State *lua, const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct decimal d = {0};

	if (decimal_parse(text, len, '.', &d, &err) < 0)
		(void)luaL_error(lua, "%s", err.text);
	amount_push(lua, &d);
}

static void push_integer(lua_State *lua, const char *text, size_t len)
{
	size_t sign = len > 0 && text[0] == '-' ? 1 : 0;
	lua_Integer n = 0;

	if (len == sign || len - sign > INTEGER_DIGITS) {
		push_number(lua, text, len);
		return;
	}
	for (size_t i = sign; i < len; i++)
		n = n * 10 + (text[i] - '0');
	lua_pushinteger(lua, sign != 0 ? -n : n);
}

static void push_float(lua_State *lua, const char *text, size_t len)
{
	(void)lua_pushlstring(lua, text, len);
	if (lua_stringtonumber(lua, lua_tostring(lua, -1)) == 0)
		(void)luaL_error(lua, "a float that Lua does not read");
	lua_pushnumber(lua, lua_tonumber(lua, -1));
	lua_copy(lua, -1, -3);
	lua_pop(lua, 2);
}

static void push_typed(lua_State *lua, enum field_type type, const char *text, size_t len)
{
	switch (type) {
	case FIELD_INTEGER:
		push_integer(lua, text, len);
		return;
	case FIELD_DECIMAL:
		push_number(lua, text, len);
		return;
	case FIELD_FLOAT:
		push_float(lua, text, len);
		return;
	case FIELD_BOOLEAN:
		lua_pushboolean(lua, len > 0 && text[0] == 't');
		return;
	case FIELD_TEXT:
	case FIELD_DATE:
	case FIELD_TIMESTAMP:
	case FIELD_JSON:
	case FIELD_TYPE_COUNT_:
		(void)lua_pushlstring(lua, text, len);
		return;
	}
}

void values_push(lua_State *lua, const struct field *field, const struct value *value)
{
	if (value->is_null)
		lua_pushnil(lua);
	else
		push_typed(lua, field_value_type(field, value), value->text, value->len);
}

/* ---- tables that can only be read ---- */

static int on_set(lua_State *lua)
{
	return luaL_error(lua, "this can only be read");
}

/* Upvalues: the table, and how it is called. */
static int on_get(lua_State *lua)
{
	lua_settop(lua, 2);
	lua_pushvalue(lua, 2);
	if (lua_rawget(lua, lua_upvalueindex(1)) == LUA_TNIL)
		return luaL_error(lua, "there is no %s.%s here",
				  lua_tostring(lua, lua_upvalueindex(2)),
				  lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?");
	if (lua_touserdata(lua, -1) == &nothing)
		lua_pushnil(lua);
	return 1;
}

static int on_len(lua_State *lua)
{
	lua_pushinteger(lua, (lua_Integer)lua_rawlen(lua, lua_upvalueindex(1)));
	return 1;
}

void values_protect(lua_State *lua, const char *name)
{
	int inner = lua_gettop(lua);

	lua_newtable(lua);
	lua_createtable(lua, 0, 3);
	lua_pushvalue(lua, inner);
	if (name != NULL) {
		(void)lua_pushstring(lua, name);
		lua_pushcclosure(lua, on_get, 2);
	}
	lua_setfield(lua, -2, "__index");
	lua_pushvalue(lua, inner);
	lua_pushcclosure(lua, on_len, 1);
	lua_setfield(lua, -2, "__len");
	lua_pushcfunction(lua, on_set);
	lua_setfield(lua, -2, "__newindex");
	(void)lua_setmetatable(lua, -2);
	lua_remove(lua, inner);
}

void values_set_nil(lua_State *lua, const char *key)
{
	lua_pushlightuserdata(lua, &nothing);
	lua_setfield(lua, -2, key);
}

/* A key that is written as a whole number is found by that, too: rate[7]. */
static void set_member(lua_State *lua, const struct job_constant *member, size_t number)
{
	size_t len = member->name == NULL ? 0 : strlen(member->name);

	if (member->name == NULL) {
		lua_rawseti(lua, -2, (lua_Integer)number);
		return;
	}
	bool is_number = len > 0 && len <= INTEGER_DIGITS &&
			 strspn(member->name, "0123456789") == len &&
			 (member->name[0] != '0' || len == 1);
	if (is_number) {
		lua_pushvalue(lua, -1);
		push_integer(lua, member->name, len);
		lua_insert(lua, -2);
		lua_rawset(lua, -4);
	}
	lua_setfield(lua, -2, member->name);
}

void values_push_constant(lua_State *lua, const struct job_constant *constant)
{
	luaL_checkstack(lua, STACK_ROOM, NULL);
	if (constant->kind == CONSTANT_VALUE) {
		push_typed(lua, constant->type, constant->text, strlen(constant->text));
		return;
	}
	lua_newtable(lua);
	for (size_t i = 0; i < constant->n; i++) {
		values_push_constant(lua, &constant->members[i]);
		set_member(lua, &constant->members[i], i + 1);
	}
	values_protect(lua, NULL);
}

/* ---- JSON ---- */

static void push_json_number(lua_State *lua, const struct json *json)
{
	const struct field field = {.name = (char[]){"json"}, .type = FIELD_DECIMAL};
	struct buf scratch = BUF_INIT(1024);
	struct value value = {0};
	struct err err = ERR_INIT;
	struct decimal d = {0};

	/* Nothing in here raises an error of Lua's before the buffer is given back. */
	bool is_exact = field_check_json(&field, json, &scratch, &value, &err) == 0 &&
			decimal_parse(value.text, value.len, '.', &d, &err) == 0;
	buf_done(&scratch);
	if (is_exact)
		amount_push(lua, &d);
	else
		push_float(lua, json->text, json->text_len);
}

static void push_json(lua_State *lua, const struct json *json)
{
	lua_Integer i = 0;

	luaL_checkstack(lua, STACK_ROOM, NULL);
	switch (json->type) {
	case JSON_NULL:
	case JSON_COUNT_:
		lua_pushnil(lua);
		return;
	case JSON_FALSE:
	case JSON_TRUE:
		lua_pushboolean(lua, json->type == JSON_TRUE);
		return;
	case JSON_NUMBER:
		push_json_number(lua, json);
		return;
	case JSON_STRING:
		(void)lua_pushlstring(lua, json->text, json->text_len);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	lua_newtable(lua);
	for (const struct json *c = json->first; c != NULL; c = c->next) {
		push_json(lua, c);
		if (json->type == JSON_ARRAY) {
			lua_rawseti(lua, -2, ++i);
			continue;
		}
		(void)lua_pushlstring(lua, c->name, c->name_len);
		lua_insert(lua, -2);
		lua_rawset(lua, -3);
	}
}

static int on_doc_end(lua_State *lua)
{
	struct json_doc **doc = lua_touserdata(lua, 1);

	json_doc_free(*doc);
	*doc = NULL;
	return 0;
}

void values_push_json(lua_State *lua, const char *text, size_t len)
{
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	/* Owned by Lua, so that it is freed whatever error jumps over us. */
	struct json_doc **doc = lua_newuserdatauv(lua, sizeof(struct json_doc *), 0);

	*doc = NULL;
	lua_createtable(lua, 0, 1);
	lua_pushcfunction(lua, on_doc_end);
	lua_setfield(lua, -2, "__gc");
	(void)lua_setmetatable(lua, -2);
	if (json_parse(text, len, len * JSON_FACTOR + JSON_LEAST, doc, &root, &err) < 0)
		lua_pushnil(lua);
	else
		push_json(lua, root);
	json_doc_free(*doc);
	*doc = NULL;
	lua_remove(lua, -2);
}

/* ---- to a text ---- */

static void get_number(lua_State *lua, int index, const struct field *field, struct buf *out,
		       struct value *value)
{
	char text[AMOUNT_FLOAT_MAX] = "";

	if (lua_isinteger(lua, index)) {
		buf_printf(out, "%lld", (long long)lua_tointeger(lua, index));
		value->type = FIELD_INTEGER;
		return;
	}
	if (!isfinite(lua_tonumber(lua, index)))
		(void)luaL_error(lua, "%s: this is no number any more", field->name);
	buf_put(out, text, amount_put_float(lua_tonumber(lua, index), text));
	value->type = FIELD_FLOAT;
}

static void get_text(lua_State *lua, int index, const struct field *field, struct buf *out)
{
	size_t len = 0;
	const char *text = lua_tolstring(lua, index, &len);

	if (utf8_find_bad(text, len) != len)
		(void)luaL_error(lua, "%s: the text is no UTF-8", field->name);
	buf_put(out, text, len);
}

/* What a field of the source becomes has to be of its type. */
static void check_declared(lua_State *lua, const struct field *field, struct buf *out, size_t from)
{
	struct field plain = *field;
	struct err err = ERR_INIT;
	struct value value = {0};
	size_t len = out->len - from;

	plain.decimal_mark = '.';
	plain.date_format = NULL;
	(void)buf_reserve(out, len + ROOM); /* the text must not move while it is lent */
	if (out->failed)
		return;
	int rc = field_check(&plain, out->data + from, len, out, &value, &err);
	if (rc < 0)
		(void)luaL_error(lua, "%s", err.text);
	memmove(out->data + from, value.text == NULL ? "" : value.text, value.len);
	buf_truncate(out, from + value.len);
}

void values_get(lua_State *lua, int index, const struct field *field, struct buf *out,
		struct value *ret_value)
{
	const struct decimal *d = amount_at(lua, index);
	size_t from = out->len;

	*ret_value = (struct value){.type = FIELD_TEXT};
	if (lua_isnil(lua, index)) {
		ret_value->is_null = true;
		if (!field->optional)
			(void)luaL_error(lua, "%s may not become nil", field->name);
		return;
	}
	if (d != NULL) {
		decimal_format(d, out);
		ret_value->type = d->scale == 0 ? FIELD_INTEGER : FIELD_DECIMAL;
	} else if (lua_type(lua, index) == LUA_TNUMBER) {
		get_number(lua, index, field, out, ret_value);
	} else if (lua_type(lua, index) == LUA_TSTRING) {
		get_text(lua, index, field, out);
	} else if (lua_type(lua, index) == LUA_TBOOLEAN) {
		buf_puts(out, lua_toboolean(lua, index) != 0 ? "true" : "false");
		ret_value->type = FIELD_BOOLEAN;
	} else {
		(void)luaL_error(lua,
				 "%s: expected a text, a number, true, false or nil, found a %s",
				 field->name, luaL_typename(lua, index));
	}
	if (!field->is_assigned)
		check_declared(lua, field, out, from);
	ret_value->len = out->len - from;
}
