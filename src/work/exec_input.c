/* SPDX-License-Identifier: Apache-2.0 */
#include "work/exec_input.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "job/item.h"
#include "job/job.h"

void exec_input_put_json(const struct job *job, const struct item *item, struct buf *out)
{
	struct json_writer w = {0};

	assert(job != NULL && item != NULL && out != NULL);
	jw_init(&w, out);
	jw_object(&w);
	for (size_t i = 0; i < job->n_fields; i++) {
		const struct field *field = &job->fields[i];
		jw_name(&w, field->name);
		if (item->fields[i].is_null)
			jw_null(&w);
		else
			field_put_json(field, &item->fields[i], &w);
	}
	jw_object_end(&w);
	jw_done(&w);
	buf_putc(out, '\n');
}

static bool csv_needs_quotes(const struct value *value)
{
	for (size_t i = 0; i < value->len; i++)
		if (strchr(",\"\r\n", value->text[i]) != NULL) /* a NUL, too */
			return true;
	return value->len == 0;
}

static void csv_put_value(const struct value *value, struct buf *out)
{
	if (value->is_null)
		return;
	if (!csv_needs_quotes(value)) {
		buf_put(out, value->text, value->len);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < value->len; i++) {
		if (value->text[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, value->text[i]);
	}
	buf_putc(out, '"');
}

void exec_input_put_csv(const struct job *job, const struct item *item, struct buf *out)
{
	assert(job != NULL && item != NULL && out != NULL);
	for (size_t i = 0; i < job->n_fields; i++) {
		if (i > 0)
			buf_putc(out, ',');
		csv_put_value(&item->fields[i], out);
	}
	buf_putc(out, '\n');
}
