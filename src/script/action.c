/* SPDX-License-Identifier: Apache-2.0 */
#include "script/action.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/template.h"
#include "script/program.h"

enum { ACTION_MAGIC = 0x41637469 };

struct action {
	uint32_t magic;
	struct program *program;
};

static void action_take(void *arg, lua_State *lua, int first, int n)
{
	(void)arg;
	if (n > 0 && !lua_isnil(lua, first) &&
	    !(lua_type(lua, first) == LUA_TBOOLEAN && lua_toboolean(lua, first) != 0))
		(void)luaL_error(
			lua,
			"expected nothing or true, which is done, found %s; retry(why) and "
			"dead(why) say otherwise",
			lua_type(lua, first) == LUA_TBOOLEAN ? "false" : luaL_typename(lua, first));
}

int action_open(const struct job *job, const struct template_run *run, struct action **ret_action,
		struct err *err)
{
	struct action *action = xnew(struct action);

	assert(job != NULL && job->work.script != NULL && ret_action != NULL && err != NULL);
	action->magic = ACTION_MAGIC;
	const struct program_options options = {.use = SCRIPT_WORK,
						.name = "script",
						.text = job->work.script,
						.len = strlen(job->work.script),
						.job = job,
						.run = run,
						.instructions = job->work.lua_instructions,
						.memory_bytes = job->work.lua_memory_bytes,
						.arg = action,
						.take = action_take};
	int rc = program_open(&options, &action->program, err);
	if (rc < 0)
		action_free(action);
	else
		*ret_action = action;
	return rc;
}

int action_run(struct action *action, const struct template_item *item, struct err *err)
{
	const char *why = "";

	assert(action != NULL && item != NULL && err != NULL);
	int rc = program_run(action->program, item, NULL, err);
	if (rc == 0)
		return 0;
	switch (program_verdict(action->program, &why)) {
	case PROGRAM_DEAD:
		err_set(err, ERR_DATA, 0, "%s", why);
		return ACTION_DEAD;
	case PROGRAM_RETRY:
		err_set(err, ERR_DATA, 0, "%s", why);
		return ACTION_RETRY;
	case PROGRAM_NONE:
		break;
	}
	return rc;
}

void action_free(struct action *action)
{
	if (action == NULL)
		return;
	program_free(action->program);
	action->magic = 0;
	free(action);
}
