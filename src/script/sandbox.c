/* SPDX-License-Identifier: Apache-2.0 */
#include "script/sandbox.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/clock.h"

enum {
	SANDBOX_MAGIC = 0x53616e64,
	HOOK_INSTRUCTIONS = 1000, /* between two looks at the limits */
	BYTES_PER_INSTRUCTION = 16,
	SETUP_BYTES = 256 * 1024, /* the library itself, on top of the script's limit */
	CPU_MAX_US = 10 * 1000 * 1000,
};

struct sandbox {
	uint32_t magic;
	struct sandbox_options options;
	lua_State *lua;
	const char *code; /* while it is compiled */
	size_t len;
	size_t used_bytes;
	size_t max_bytes;
	int64_t left; /* instructions of this call */
	int64_t cpu_end_us;
	bool is_over; /* the limit of instructions ended it */
};

/* Large blocks cost as many instructions as filling them takes: else a short loop of long texts
 * would take hours. */
static void *sandbox_alloc(void *arg, void *block, size_t old_size, size_t size)
{
	struct sandbox *s = OBJ_CAST(arg, struct sandbox, SANDBOX_MAGIC);
	size_t had = block == NULL ? 0 : old_size; /* else it says what kind of thing it is for */

	if (size == 0) {
		free(block);
		s->used_bytes -= had;
		return NULL;
	}
	if (size > had) {
		if (size - had > s->max_bytes - s->used_bytes)
			return NULL;
		s->left -= (int64_t)(size / BYTES_PER_INSTRUCTION);
		if (s->left < 0 && size > HOOK_INSTRUCTIONS) {
			s->is_over = true;
			return NULL;
		}
	}
	/* A machine without memory is not the script's fault: that ends the process. */
	s->used_bytes += size - had;
	return xrealloc(block, size, 1);
}

static struct sandbox *sandbox_of(lua_State *lua)
{
	void *arg = NULL;

	(void)lua_getallocf(lua, &arg);
	return OBJ_CAST(arg, struct sandbox, SANDBOX_MAGIC);
}

/* Comparing long texts costs no memory; processor time is the last resort. */
static void sandbox_on_count(lua_State *lua, lua_Debug *debug)
{
	struct sandbox *s = sandbox_of(lua);

	(void)debug; /* luaL_where knows the line as well */
	s->left -= HOOK_INSTRUCTIONS;
	if (s->cpu_end_us == 0)
		s->cpu_end_us = clock_cpu_us() + CPU_MAX_US;
	bool is_late = clock_cpu_us() > s->cpu_end_us;
	if (s->left > 0 && !is_late)
		return;
	s->is_over = true;
	luaL_where(lua, 0);
	if (is_late)
		(void)lua_pushfstring(lua, "stopped: it used %d s of processor time",
				      CPU_MAX_US / 1000 / 1000);
	else
		(void)lua_pushfstring(lua, "stopped: it ran for more than %I instructions",
				      (LUAI_UACINT)s->options.instructions);
	lua_concat(lua, 2);
	(void)lua_error(lua);
}

/* ---- inside ---- */

/* Leaves the function that the code returns. */
static int sandbox_setup(lua_State *lua)
{
	struct sandbox *s = sandbox_of(lua);
	const char *name = lua_pushfstring(lua, "=%s", s->options.name);

	if (luaL_loadbufferx(lua, s->code, s->len, name, "t") != LUA_OK)
		(void)lua_error(lua);
	/* Names that stand for nothing were refused: it has no global ones. */
	lua_newtable(lua);
	if (lua_setupvalue(lua, -2, 1) == NULL)
		lua_pop(lua, 1);
	lua_call(lua, s->options.give(s->options.arg, lua), 1);
	return 1;
}

static int sandbox_run(lua_State *lua)
{
	struct sandbox *s = sandbox_of(lua);

	s->options.call(s->options.arg, lua);
	return 0;
}

/* ---- calls ---- */

/* Turns what Lua left on the stack into an err. */
static int sandbox_fail(struct sandbox *s, int status, enum err_code code, struct err *err)
{
	const char *name = s->options.name;

	if (status == LUA_ERRMEM && !s->is_over) {
		err_set(err, code, 0, "%s: stopped: it needs more than %lld bytes", name,
			(long long)s->options.memory_bytes);
	} else if (status == LUA_ERRMEM) {
		err_set(err, code, 0, "%s: stopped: it ran for more than %lld instructions", name,
			(long long)s->options.instructions);
	} else if (lua_type(s->lua, -1) == LUA_TSTRING) {
		const char *text = lua_tostring(s->lua, -1);
		size_t len = strlen(name);
		bool has_place = strncmp(text, name, len) == 0 && text[len] == ':';
		err_set(err, code, 0, "%s%s%s", has_place ? "" : name, has_place ? "" : ": ", text);
	} else {
		err_set(err, code, 0, "%s: an error without a text", name);
	}
	return code;
}

static void sandbox_limit(struct sandbox *s)
{
	s->left = s->options.instructions;
	s->is_over = false;
	s->cpu_end_us = 0; /* asked for when it turns out to run for long */
}

int sandbox_open(const struct sandbox_options *options, const char *code, size_t len,
		 struct sandbox **ret_sandbox, struct err *err)
{
	assert(options->give != NULL && options->call != NULL && options->instructions > 0 &&
	       options->memory_bytes > 0 && code != NULL && ret_sandbox != NULL);
	struct sandbox *s = xnew(struct sandbox);
	s->magic = SANDBOX_MAGIC;
	s->options = *options;
	s->max_bytes = (size_t)options->memory_bytes + SETUP_BYTES;
	s->code = code;
	s->len = len;
	s->left = INT64_MAX;
	s->lua = lua_newstate(sandbox_alloc, s);
	if (s->lua == NULL) {
		sandbox_free(s);
		return ERR(err, ERR_CONFIG, "%s: there is no memory for Lua", options->name);
	}
	lua_pushcfunction(s->lua, sandbox_setup);
	int status = lua_pcall(s->lua, 0, 1, 0);
	if (status != LUA_OK) {
		(void)sandbox_fail(s, status, ERR_CONFIG, err);
		sandbox_free(s);
		return err->code;
	}
	s->code = NULL; /* lent for this call */
	/* Counting makes each instruction dearer; without loops there are no more than it is long.
	 */
	if (options->may_run_long || (int64_t)len > options->instructions)
		lua_sethook(s->lua, sandbox_on_count, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
	*ret_sandbox = s;
	return 0;
}

int sandbox_call(struct sandbox *s, struct err *err)
{
	assert(s != NULL && err != NULL);
	lua_settop(s->lua, 1); /* the script itself */
	lua_pushcfunction(s->lua, sandbox_run);
	lua_pushvalue(s->lua, 1);
	sandbox_limit(s);
	int status = lua_pcall(s->lua, 1, 0, 0);
	return status == LUA_OK ? 0 : sandbox_fail(s, status, ERR_DATA, err);
}

void sandbox_free(struct sandbox *s)
{
	if (s == NULL)
		return;
	if (s->lua != NULL)
		lua_close(s->lua);
	s->magic = 0;
	free(s);
}
