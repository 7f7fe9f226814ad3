/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script, in a sandbox with small limits. Whatever it says, it ends, twice in the same way, and
 * all that it took is given back.
 */
#include <assert.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "script/amount.h"
#include "script/sandbox.h"

enum { INSTRUCTIONS = 20000, MEMORY_BYTES = 256 * 1024 };

static bool find(void *arg, lua_State *lua, const char *name, size_t len)
{
	const struct decimal d = {.low = 12345, .scale = 2};

	(void)arg;
	if (len == 5 && memcmp(name, "total", len) == 0)
		amount_push(lua, &d);
	else if (len == 4 && memcmp(name, "text", len) == 0)
		(void)lua_pushlstring(lua, "abc \0 def", 9);
	else
		return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sandbox_options options = {.name = "fuzz",
						.instructions = INSTRUCTIONS,
						.memory_bytes = MEMORY_BYTES,
						.find = find};
	struct sandbox *s = NULL;
	lua_State *lua = NULL;
	struct err err = ERR_INIT;
	struct err again = ERR_INIT;

	if (sandbox_open(&options, (const char *)data, size, &s, &err) < 0)
		return 0;
	int first = sandbox_call(s, &lua, &err);
	int second = sandbox_call(s, &lua, &again);
	/* How much memory is left depends on what was not yet collected. */
	bool is_limit = strstr(err.text, "stopped: ") != NULL ||
			strstr(again.text, "stopped: ") != NULL;
	assert(is_limit || (first < 0) == (second < 0));
	sandbox_free(s);
	return 0;
}
