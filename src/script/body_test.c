/* SPDX-License-Identifier: Apache-2.0 */
#include "script/body_test.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/template.h"
#include "script/program.h"

enum { BODY_TEST_MAGIC = 0x54657374 };

struct body_test {
	uint32_t magic;
	struct program *program;
	bool holds;
};

static void test_take(void *arg, lua_State *lua, int first, int n)
{
	struct body_test *test = OBJ_CAST(arg, struct body_test, BODY_TEST_MAGIC);
	int type = n == 0 ? LUA_TNIL : lua_type(lua, first);

	if (type != LUA_TBOOLEAN && type != LUA_TNIL)
		(void)luaL_error(lua, "expected true or false, found a %s",
				 lua_typename(lua, type));
	test->holds = n > 0 && lua_toboolean(lua, first) != 0;
}

int body_test_open(const struct job *job, const struct job_test *test,
		   const struct template_run *run, struct body_test **ret_test, struct err *err)
{
	assert(job != NULL && test != NULL && ret_test != NULL && err != NULL);
	struct body_test *t = xnew(struct body_test);
	t->magic = BODY_TEST_MAGIC;
	const struct program_options options = {.use = SCRIPT_TEST,
						.name = job_when_name(test->when),
						.text = test->text,
						.len = strlen(test->text),
						.job = job,
						.run = run,
						.arg = t,
						.take = test_take};
	int rc = program_open(&options, &t->program, err);
	if (rc < 0)
		body_test_free(t);
	else
		*ret_test = t;
	return rc;
}

int body_test_run(struct body_test *test, const struct body_answer *answer, bool *ret_holds,
		  struct err *err)
{
	assert(test != NULL && answer != NULL && answer->item != NULL && ret_holds != NULL);
	const struct program_answer inner = {.status = answer->status,
					     .body = answer->body == NULL ? "" : answer->body,
					     .len = answer->len};
	int rc = program_run(test->program, answer->item, &inner, err);
	if (rc == 0)
		*ret_holds = test->holds;
	return rc;
}

void body_test_free(struct body_test *test)
{
	if (test == NULL)
		return;
	program_free(test->program);
	test->magic = 0;
	free(test);
}
