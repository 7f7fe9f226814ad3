/* SPDX-License-Identifier: Apache-2.0 */
#include "script/filter.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "script/program.h"

enum { FILTER_MAGIC = 0x46696c74 };

struct filter {
	uint32_t magic;
	struct program *program;
	bool keeps;
};

static void filter_take(void *arg, lua_State *lua, int first, int n)
{
	struct filter *f = OBJ_CAST(arg, struct filter, FILTER_MAGIC);

	if (n == 0 || lua_type(lua, first) != LUA_TBOOLEAN)
		(void)luaL_error(lua, "expected true or false, found %s",
				 n == 0 ? "nil" : luaL_typename(lua, first));
	f->keeps = lua_toboolean(lua, first) != 0;
}

int filter_open(const struct job *job, const struct template_run *run, struct filter **ret_filter,
		struct err *err)
{
	struct filter *f = xnew(struct filter);

	assert(job != NULL && job->filter != NULL && ret_filter != NULL);
	f->magic = FILTER_MAGIC;
	const struct program_options options = {.use = SCRIPT_FILTER,
						.name = "filter",
						.text = job->filter,
						.len = strlen(job->filter),
						.job = job,
						.run = run,
						.arg = f,
						.take = filter_take};
	int rc = program_open(&options, &f->program, err);
	if (rc < 0)
		filter_free(f);
	else
		*ret_filter = f;
	return rc;
}

int filter_run(struct filter *f, const struct item *item, bool *ret_keeps, struct err *err)
{
	assert(f != NULL && item != NULL && ret_keeps != NULL && err != NULL);
	int rc = program_run(f->program, &(struct template_item){.item = item}, NULL, err);
	if (rc == 0)
		*ret_keeps = f->keeps;
	return rc;
}

void filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	program_free(f->program);
	f->magic = 0;
	free(f);
}
