/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters: where each comes from, and its value for an item. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/secret.h"
#include "job/statement.h"
#include "job/template.h"
#include "target/backend.h"

enum { VALUE_BYTES_MAX = 64 * 1024 * 1024 };

int bind_statement(const struct job *job, const char *text, enum template_use use,
		   struct statement **ret, struct err *err)
{
	return statement_parse(job->work.target.dialect, use, text, strlen(text), job, ret, NULL,
			       err);
}

int bind_columns(const struct job *job, struct bound_columns *ret, struct err *err)
{
	const struct job_target *target = &job->work.target;
	size_t n = 0;

	while (target->columns[n] != NULL)
		n++;
	ret->list = xcalloc(n + 1, sizeof(*ret->list));
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		struct bound_column *c = &ret->list[i];
		const char *value = target->values[i];
		int rc = template_parse(value, strlen(value), job, &c->text, err);
		if (rc < 0)
			return rc;
		c->is_field = template_is_field(c->text, &c->field);
		c->type = c->is_field ? job->fields[c->field].type : FIELD_TEXT;
	}
	return 0;
}

void bind_columns_done(struct bound_columns *columns)
{
	for (size_t i = 0; i < columns->n; i++)
		template_free(columns->list[i].text);
	free(columns->list);
	*columns = (struct bound_columns){0};
}

static int check_value(const struct bound_value *v, struct err *err)
{
	if (v->len > 0 && memchr(v->text, '\0', v->len) != NULL)
		return ERR(err, ERR_DATA,
			   "a NUL in the value %s, which no text of a database can "
			   "hold",
			   QUOTED(v->text, v->len));
	return 0;
}

int bind_value(const struct target *t, const struct statement *s, size_t i,
	       const struct template_item *item, struct bound_value *ret, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(VALUE_BYTES_MAX);
	struct target *mutable = (struct target *)(uintptr_t)t;

	*ret = (struct bound_value){0};
	int rc = statement_put(s, i, t->place.run, item, &out, &ret->type, &ret->is_null, err);
	if (rc < 0 || ret->is_null)
		return rc;
	ret->text = arena_text(&mutable->row_scratch, buf_str(&out), out.len);
	ret->len = out.len;
	return check_value(ret, err);
}

int bind_column(const struct target *t, size_t i, const struct template_item *item,
		struct bound_value *ret, struct err *err)
{
	const struct bound_column *c = &t->columns.list[i];
	struct target *mutable = (struct target *)(uintptr_t)t;

	*ret = (struct bound_value){.type = c->type};
	if (c->is_field) {
		const struct value *value = &item->item->fields[c->field];
		ret->is_null = value->is_null;
		if (value->is_null)
			return 0;
		ret->type = field_value_type(&t->place.job->fields[c->field], value);
		ret->text = value->text;
		ret->len = value->len;
		return check_value(ret, err);
	}
	AUTO(buf) struct buf out = BUF_INIT(VALUE_BYTES_MAX);
	int rc = template_render(c->text, TEMPLATE_TEXT, t->place.run, item, &out, err);
	if (rc < 0)
		return rc;
	ret->text = arena_text(&mutable->row_scratch, buf_str(&out), out.len);
	ret->len = out.len;
	return check_value(ret, err);
}

int target_read_url(const struct job *job, struct buf *out, struct err *err)
{
	static const char name[] = "of the target";
	const char *url = job->work.target.url;
	bool is_reference = strncmp(url, "env:", 4) == 0 || strncmp(url, "file:", 5) == 0 ||
			    strncmp(url, "credential:", 11) == 0;

	if (!is_reference) {
		buf_puts(out, url);
		return 0;
	}
	const struct job_secret secret = {.name = (char *)(uintptr_t)name,
					  .reference = (char *)(uintptr_t)url};
	return secret_read(job, &secret, out, err);
}
