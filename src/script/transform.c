/* SPDX-License-Identifier: Apache-2.0 */
#include "script/transform.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/job.h"
#include "job/template.h"
#include "script/program.h"
#include "script/values.h"

/* What may come out of it: as much as a record may hold, several times. */
enum { TRANSFORM_MAGIC = 0x5472616e, TEXT_BYTES_MAX = 64 * 1024 * 1024 };

struct transform {
	uint32_t magic;
	const struct job *job;
	struct program *program;
	struct value *values; /* of all fields, after a call */
	struct buf text;      /* what those that were set are */
};

/* The texts may move until the last one is there: their places are filled in at the end. */
static void transform_take(void *arg, lua_State *lua, int first, int n)
{
	struct transform *t = OBJ_CAST(arg, struct transform, TRANSFORM_MAGIC);
	size_t n_sets = 0;
	const size_t *sets = program_sets(t->program, &n_sets);
	size_t at = 0;

	assert((size_t)n == n_sets);
	for (size_t i = 0; i < n_sets; i++)
		values_get(lua, first + (int)i, &t->job->fields[sets[i]], &t->text,
			   &t->values[sets[i]]);
	if (t->text.failed)
		(void)luaL_error(lua, "its fields need more than %d bytes", TEXT_BYTES_MAX);
	for (size_t i = 0; i < n_sets; i++) {
		struct value *value = &t->values[sets[i]];
		value->text = value->is_null ? NULL : buf_str(&t->text) + at;
		at += value->len;
	}
}

int transform_open(const struct job *job, const struct template_run *run,
		   struct transform **ret_transform, struct err *err)
{
	struct transform *t = xnew(struct transform);

	assert(job != NULL && job->transform != NULL && ret_transform != NULL);
	t->magic = TRANSFORM_MAGIC;
	t->job = job;
	t->values = xcalloc(job->n_fields + 1, sizeof(*t->values));
	buf_init(&t->text, TEXT_BYTES_MAX);
	const struct program_options options = {.use = SCRIPT_TRANSFORM,
						.name = "transform",
						.text = job->transform,
						.len = strlen(job->transform),
						.job = job,
						.run = run,
						.arg = t,
						.take = transform_take};
	int rc = program_open(&options, &t->program, err);
	if (rc < 0)
		transform_free(t);
	else
		*ret_transform = t;
	return rc;
}

int transform_run(struct transform *t, const struct item *item, const struct value **ret_fields,
		  struct err *err)
{
	size_t n = t->job->source.n_fields;

	assert(item != NULL && ret_fields != NULL && err != NULL);
	buf_reset(&t->text);
	memcpy(t->values, item->fields, n * sizeof(*t->values));
	for (size_t i = n; i < t->job->n_fields; i++)
		t->values[i] = (struct value){.is_null = true};
	int rc = program_run(t->program, &(struct template_item){.item = item}, NULL, err);
	if (rc == 0)
		*ret_fields = t->values;
	return rc;
}

struct value *transform_keep(const struct transform *t)
{
	size_t n = t->job->n_fields;
	size_t bytes = n * sizeof(struct value);
	struct value *values = xcalloc(bytes + t->text.len + 1, 1);
	char *text = (char *)(values + n);
	size_t n_sets = 0;
	const size_t *sets = program_sets(t->program, &n_sets);

	memcpy(values, t->values, bytes);
	memcpy(text, buf_str(&t->text), t->text.len);
	for (size_t i = 0; i < n_sets; i++)
		if (!values[sets[i]].is_null)
			values[sets[i]].text = text + (values[sets[i]].text - buf_str(&t->text));
	return values;
}

void transform_free(struct transform *t)
{
	if (t == NULL)
		return;
	program_free(t->program);
	free(t->values);
	buf_done(&t->text);
	t->magic = 0;
	free(t);
}
