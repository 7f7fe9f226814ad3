/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script of a job, with small limits; the first byte says which. Whatever it says, it is refused
 * with a place, or compiles; it ends, twice in the same way; and all that it took is given back.
 */
#include <assert.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "fuzz/fuzz.h"
#include "job/constant.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "script/program.h"

enum { INSTRUCTIONS = 20000, MEMORY_BYTES = 256 * 1024 };

static struct field fields[] = {
	{.name = (char[]){"total"}, .type = FIELD_DECIMAL, .decimal_mark = '.'},
	{.name = (char[]){"id"}, .type = FIELD_INTEGER, .decimal_mark = '.'},
	{.name = (char[]){"weight"}, .type = FIELD_FLOAT, .decimal_mark = '.'},
	{.name = (char[]){"text"}, .type = FIELD_TEXT, .decimal_mark = '.'},
	{.name = (char[]){"fresh"}, .optional = true, .is_assigned = true, .decimal_mark = '.'},
};

static const struct value values[] = {
	{.text = "123.45", .len = 6},
	{.text = "9223372036854775807", .len = 19},
	{.text = "1.5e300", .len = 7},
	{.text = "abc def", .len = 7},
	{.is_null = true},
};

static struct job_constant rates[] = {
	{.name = (char[]){"EUR"}, .type = FIELD_INTEGER, .text = (char[]){"1"}},
	{.name = (char[]){"7"}, .type = FIELD_DECIMAL, .text = (char[]){"0.92"}},
};

static struct job_constant constants[] = {
	{.kind = CONSTANT_MAP, .name = (char[]){"rate"}, .members = rates, .n = 2}};

static void take(void *arg, lua_State *lua, int first, int n)
{
	(void)arg;
	(void)lua_type(lua, first + n - 1);
}

static bool is_limit(const struct err *err)
{
	return strstr(err->text, "stopped: ") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job job = {.name = (char[]){"fuzz"},
			  .source = {.fields = fields, .n_fields = 4},
			  .fields = fields,
			  .n_fields = 5,
			  .constants = constants,
			  .n_constants = 1,
			  .lua_instructions = INSTRUCTIONS,
			  .lua_memory_bytes = MEMORY_BYTES};
	const struct item item = {.fields = values, .key = "k", .key_len = 1, .source_path = "a"};
	const struct template_item subject = {.item = &item, .attempt = 1, .idempotency_key = "i"};
	const struct program_answer answer = {
		.status = 200, .body = "{\"ok\":[1,null,2.5e3]}", .len = 21};
	struct program_options options = {.name = "fuzz", .job = &job, .take = take};
	struct program *p = NULL;
	struct err err = ERR_INIT;
	struct err again = ERR_INIT;

	if (size == 0)
		return 0;
	options.use = (enum script_use)(data[0] % SCRIPT_USE_COUNT_);
	options.text = (const char *)data + 1;
	options.len = size - 1;
	if (program_open(&options, &p, &err) < 0) {
		assert(err.code == ERR_CONFIG && strncmp(err.text, "fuzz:", 5) == 0);
		return 0;
	}
	int first = program_run(p, &subject, &answer, &err);
	int second = program_run(p, &subject, &answer, &again);
	/* How much memory is left depends on what was not yet collected. */
	assert(is_limit(&err) || is_limit(&again) || (first < 0) == (second < 0));
	program_free(p);
	return 0;
}
