/* SPDX-License-Identifier: Apache-2.0 */
#include "work/http_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"

enum { TEXT_BYTES_MAX = 16 * 1024 * 1024 };

/* A value of the tree, its texts parsed. */
struct value_plan {
	const struct job_value *value;
	struct template *text;	   /* of JOB_VALUE_TEXT */
	const struct field *typed; /* the text is exactly this field or parameter */
	size_t index;		   /* of it */
	bool is_param;
	struct value_plan *first;
	struct value_plan *next;
};

struct http_json {
	const struct job *job;
	struct value_plan *root;
};

/* ---- making ---- */

/* As deep as a job file may be. */
static void plan_free(struct value_plan *plan)
{
	while (plan != NULL) {
		struct value_plan *next = plan->next;
		plan_free(plan->first);
		template_free(plan->text);
		free(plan);
		plan = next;
	}
}

static int plan_text(const struct job *job, struct value_plan *plan, struct err *err)
{
	int rc = template_parse_for(TEMPLATE_FOR_REQUEST, plan->value->text, plan->value->len, job,
				    &plan->text, err);

	if (rc < 0)
		return rc;
	if (template_is_field(plan->text, &plan->index)) {
		plan->typed = &job->fields[plan->index];
	} else if (template_is_param(plan->text, &plan->index)) {
		plan->typed = &job->params[plan->index].field;
		plan->is_param = true;
	}
	return 0;
}

static int plan_new(const struct job *job, const struct job_value *value,
		    struct value_plan **ret_plan, struct err *err)
{
	struct value_plan *plan = xnew(struct value_plan);
	struct value_plan **next = &plan->first;
	int rc = 0;

	plan->value = value;
	if (value->type == JOB_VALUE_TEXT)
		rc = plan_text(job, plan, err);
	for (const struct job_value *c = value->first; rc == 0 && c != NULL; c = c->next) {
		rc = plan_new(job, c, next, err);
		if (rc == 0)
			next = &(*next)->next;
	}
	if (rc < 0) {
		plan_free(plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}

int http_json_new(const struct job *job, const struct job_value *value, struct http_json **ret_json,
		  struct err *err)
{
	struct http_json *json = xnew(struct http_json);

	assert(job != NULL && value != NULL && ret_json != NULL);
	json->job = job;
	int rc = plan_new(job, value, &json->root, err);
	if (rc < 0) {
		free(json);
		return rc;
	}
	*ret_json = json;
	return 0;
}

void http_json_free(struct http_json *json)
{
	if (json == NULL)
		return;
	plan_free(json->root);
	free(json);
}

/* ---- filling in ---- */

struct filling {
	struct json_writer writer;
	const struct template_run *run;
	const struct template_item *item;
	struct err *err;
};

static void put_typed(struct filling *f, const struct value_plan *plan)
{
	struct value value = {0};

	if (plan->is_param) {
		value.text = f->run->param_values[plan->index];
		value.len = strlen(value.text);
		value.is_null = value.len == 0 && plan->typed->type != FIELD_TEXT;
	} else {
		value = f->item->item->fields[plan->index];
	}
	if (value.is_null)
		jw_null(&f->writer);
	else
		field_put_json(plan->typed, &value, &f->writer);
}

static int put_text(struct filling *f, const struct value_plan *plan)
{
	AUTO(buf) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

	if (plan->typed != NULL) {
		put_typed(f, plan);
		return 0;
	}
	int rc = template_render(plan->text, TEMPLATE_TEXT, f->run, f->item, &text, f->err);
	if (rc == 0)
		jw_string(&f->writer, buf_str(&text), text.len);
	return rc;
}

static int put_value(struct filling *f, const struct value_plan *plan)
{
	const struct job_value *value = plan->value;
	bool is_map = value->type == JOB_VALUE_MAP;
	int rc = 0;

	if (value->name != NULL)
		jw_name(&f->writer, value->name);
	switch (value->type) {
	case JOB_VALUE_NULL:
		jw_null(&f->writer);
		return 0;
	case JOB_VALUE_RAW:
		jw_raw(&f->writer, value->text, value->len);
		return 0;
	case JOB_VALUE_TEXT:
		return put_text(f, plan);
	case JOB_VALUE_LIST:
		jw_array(&f->writer);
		break;
	case JOB_VALUE_MAP:
		jw_object(&f->writer);
		break;
	case JOB_VALUE_COUNT_:
		unreachable("a value of the job file");
	}
	for (const struct value_plan *c = plan->first; rc == 0 && c != NULL; c = c->next)
		rc = put_value(f, c);
	if (rc < 0)
		return rc;
	if (is_map)
		jw_object_end(&f->writer);
	else
		jw_array_end(&f->writer);
	return 0;
}

int http_json_put(const struct http_json *json, const struct template_run *run,
		  const struct template_item *item, struct buf *out, struct err *err)
{
	struct filling f = {.run = run, .item = item, .err = err};

	assert(json != NULL && run != NULL && item != NULL && out != NULL && err != NULL);
	jw_init(&f.writer, out);
	int rc = put_value(&f, json->root);
	if (rc < 0)
		return rc;
	jw_done(&f.writer);
	return buf_check(out, "the JSON body", err);
}
