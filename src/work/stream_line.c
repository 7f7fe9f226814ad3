/* SPDX-License-Identifier: Apache-2.0 */
#include "work/stream_line.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"

enum { NAME_BYTES_MAX = 1024 * 1024 };

struct stream_line {
	const struct job *job;
	struct buf *names; /* of the fields: ,"name": */
};

struct stream_line *stream_line_new(const struct job *job)
{
	struct stream_line *line = xnew(struct stream_line);

	line->job = job;
	line->names = xcalloc(job->n_fields, sizeof(*line->names));
	for (size_t i = 0; i < job->n_fields; i++) {
		const char *name = job->fields[i].name;
		struct buf *b = &line->names[i];
		buf_init(b, NAME_BYTES_MAX);
		if (i > 0)
			buf_putc(b, ',');
		json_put_string(b, name, strlen(name));
		buf_putc(b, ':');
	}
	return line;
}

void stream_line_free(struct stream_line *line)
{
	if (line == NULL)
		return;
	for (size_t i = 0; i < line->job->n_fields; i++)
		buf_done(&line->names[i]);
	free(line->names);
	free(line);
}

static bool is_text(enum field_type type)
{
	return type == FIELD_TEXT || type == FIELD_DATE || type == FIELD_TIMESTAMP;
}

static void put_value(const struct field *field, const struct value *value, struct buf *out)
{
	if (value->is_null)
		buf_put(out, "null", sizeof("null") - 1);
	else if (is_text(field_value_type(field, value)))
		json_put_string(out, value->text, value->len);
	else
		buf_put(out, value->text, value->len);
}

void stream_line_put(const struct stream_line *line, uint64_t id, const struct template_item *item,
		     struct buf *out)
{
	static const char id_name[] = "{\"id\":\"";
	static const char key_name[] = "\",\"key\":";
	static const char attempt_name[] = ",\"attempt\":";
	static const char idempotency_name[] = ",\"idempotency_key\":\"";
	static const char fields_name[] = "\",\"fields\":{";
	const struct job *job = line->job;

	assert(line != NULL && item != NULL && item->item != NULL && item->attempt > 0);
	buf_put(out, id_name, sizeof(id_name) - 1);
	text_put_number(out, (int64_t)id);
	buf_put(out, key_name, sizeof(key_name) - 1);
	json_put_string(out, item->item->key, item->item->key_len);
	buf_put(out, attempt_name, sizeof(attempt_name) - 1);
	text_put_number(out, item->attempt);
	buf_put(out, idempotency_name, sizeof(idempotency_name) - 1);
	buf_puts(out, item->idempotency_key); /* base32 */
	buf_put(out, fields_name, sizeof(fields_name) - 1);
	for (size_t i = 0; i < job->n_fields; i++) {
		buf_put(out, line->names[i].data, line->names[i].len);
		put_value(&job->fields[i], &item->item->fields[i], out);
	}
	buf_put(out, "}}\n", 3);
}
