/* SPDX-License-Identifier: Apache-2.0 */
#include "script/filter.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "script/amount.h"
#include "script/sandbox.h"

enum { FILTER_MAGIC = 0x46696c74, INSTRUCTIONS = 10000000, MEMORY_BYTES = 16 * 1024 * 1024 };

struct filter {
	uint32_t magic;
	const struct job *job;
	const struct item *item; /* during a call */
	struct sandbox *sandbox;
};

/* ---- fields as Lua has them ---- */

static void push_amount(lua_State *lua, const struct value *value)
{
	struct err err = ERR_INIT;
	struct decimal d = {0};

	if (decimal_parse(value->text, value->len, '.', &d, &err) < 0)
		(void)luaL_error(lua, "%s", err.text);
	amount_push(lua, &d);
}

/* Exactly, or, where it has more digits than Lua's integers, as a decimal. */
static void push_integer(lua_State *lua, const struct value *value)
{
	char text[24] = "";

	if (value->len < sizeof(text)) {
		memcpy(text, value->text, value->len);
		if (lua_stringtonumber(lua, text) != 0) {
			if (lua_isinteger(lua, -1))
				return;
			lua_pop(lua, 1);
		}
	}
	push_amount(lua, value);
}

static void push_float(lua_State *lua, const struct value *value)
{
	(void)lua_pushlstring(lua, value->text, value->len);
	if (lua_stringtonumber(lua, lua_tostring(lua, -1)) == 0)
		(void)luaL_error(lua, "'%s' is no number", lua_tostring(lua, -1));
	lua_pushnumber(lua, lua_tonumber(lua, -1));
}

static void push_value(lua_State *lua, const struct field *field, const struct value *value)
{
	if (value->is_null) {
		lua_pushnil(lua);
		return;
	}
	switch (field->type) {
	case FIELD_INTEGER:
		push_integer(lua, value);
		return;
	case FIELD_DECIMAL:
		push_amount(lua, value);
		return;
	case FIELD_FLOAT:
		push_float(lua, value);
		return;
	case FIELD_BOOLEAN:
		lua_pushboolean(lua, value->len > 0 && value->text[0] == 't');
		return;
	case FIELD_TEXT:
	case FIELD_DATE:
	case FIELD_TIMESTAMP:
	case FIELD_JSON:
	case FIELD_TYPE_COUNT_:
		(void)lua_pushlstring(lua, value->text, value->len);
		return;
	}
}

static bool filter_find(void *arg, lua_State *lua, const char *name, size_t len)
{
	struct filter *f = OBJ_CAST(arg, struct filter, FILTER_MAGIC);
	int index = job_find_field(f->job, name, len);

	if (index < 0)
		return false;
	push_value(lua, &f->job->source.fields[index], &f->item->fields[index]);
	return true;
}

/* ---- the filter ---- */

int filter_open(const struct job *job, struct filter **ret_filter, struct err *err)
{
	struct filter *f = xnew(struct filter);
	const struct sandbox_options options = {.name = "filter",
						.instructions = INSTRUCTIONS,
						.memory_bytes = MEMORY_BYTES,
						.arg = f,
						.find = filter_find};

	assert(job != NULL && job->filter != NULL && ret_filter != NULL);
	f->magic = FILTER_MAGIC;
	f->job = job;
	int rc = sandbox_open(&options, job->filter, strlen(job->filter), &f->sandbox, err);
	if (rc < 0) {
		filter_free(f);
		return rc;
	}
	*ret_filter = f;
	return 0;
}

int filter_run(struct filter *f, const struct item *item, bool *ret_keeps, struct err *err)
{
	lua_State *lua = NULL;

	assert(f != NULL && item != NULL && ret_keeps != NULL && err != NULL);
	f->item = item;
	int rc = sandbox_call(f->sandbox, &lua, err);
	f->item = NULL;
	if (rc < 0)
		return rc;
	if (lua_type(lua, -1) != LUA_TBOOLEAN)
		return ERR(err, ERR_DATA, "filter: expected true or false, found %s",
			   luaL_typename(lua, -1));
	*ret_keeps = lua_toboolean(lua, -1) != 0;
	return 0;
}

void filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	sandbox_free(f->sandbox);
	f->magic = 0;
	free(f);
}

int filter_check(const struct job *job, struct err *err)
{
	struct err why = ERR_INIT;
	struct filter *f = NULL;
	char *rest = NULL;

	assert(job != NULL && err != NULL);
	if (job->filter == NULL || filter_open(job, &f, &why) == 0) {
		filter_free(f);
		return 0;
	}
	const char *number = why.text + strcspn(why.text, ":");
	long line = number[0] == ':' ? strtol(number + 1, &rest, 10) : 0;
	if (line < 1 || line > INT32_MAX || rest[0] != ':')
		return ERR(err, ERR_CONFIG, "%s:%d:%d: %s", job->path, job->filter_line,
			   job->filter_column, why.text);
	return ERR(err, ERR_CONFIG, "%s:%ld:%d: filter%s", job->path, job->filter_line + line - 1,
		   job->filter_column, rest);
}
