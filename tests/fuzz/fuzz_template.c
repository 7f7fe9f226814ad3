/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template, then a value for its fields after the first NUL, rendered for every place. Whatever
 * the value is, it cannot leave the place where it stands: no line end in a header, no '/' that the
 * template did not write in a path, no quote in a JSON string.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fuzz/fuzz.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"

enum { TEXT_BYTES = 1 << 20 };

static const char job_text[] =
	"job: fuzz\n"
	"params: {region: {default: eu}}\n"
	"source: {csv: {path: a.csv}, key: id, fields: {id: text, amount: decimal, day: date?}}\n"
	"work: {noop: {}}\n";

static struct job *job_of_fuzz(void)
{
	static struct job *job;
	struct err err = ERR_INIT;

	if (job != NULL)
		return job;
	int rc = job_parse(job_text, sizeof(job_text) - 1, "job.yaml", "/", NULL, NULL, &job, &err);
	assert(rc == 0);
	return job;
}

static size_t count(const char *text, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c ? 1 : 0;
	return n;
}

static void check_json(const struct buf *out)
{
	AUTO(buf) struct buf text = BUF_INIT(TEXT_BYTES + 2);
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	buf_putc(&text, '"');
	buf_put(&text, buf_str(out), out->len);
	buf_putc(&text, '"');
	int rc = json_parse(text.data, text.len, 1 << 22, &doc, &root, &err);
	assert(rc == 0 && root->type == JSON_STRING);
}

static void check_place(enum template_place place, const char *text, size_t len,
			const struct buf *out)
{
	const char *got = buf_str(out);
	bool is_plain = memchr(text, '$', len) == NULL; /* then it is the text itself */

	if (is_plain)
		assert(out->len == len && memcmp(got, text, len) == 0);
	if (place == TEMPLATE_HEADER)
		assert(count(got, out->len, '\n') <= count(text, len, '\n') &&
		       count(got, out->len, '\r') <= count(text, len, '\r'));
	if (place == TEMPLATE_PATTERN)
		assert(count(got, out->len, '/') <= count(text, len, '/'));
	if (place == TEMPLATE_ARGUMENT)
		assert(strlen(got) == out->len);
	if (place == TEMPLATE_JSON && count(text, len, '"') + count(text, len, '\\') == 0) {
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
				return; /* what the template itself says is its own affair */
		check_json(out);
	}
}

static void render(const struct template *t, const char *text, size_t len, struct value value)
{
	static const char *const params[] = {"eu"};
	const struct value fields[] = {value, {.text = "12.50", .len = 5}, {.is_null = true}};
	const struct item item = {.fields = fields,
				  .key = "k",
				  .key_len = 1,
				  .source_path = "a.csv",
				  .source_line = 7};
	const struct template_run run = {.id = 1,
					 .name = "fuzz@2026-11-23",
					 .job = "fuzz",
					 .slot = "2026-11-23",
					 .date = "2026-11-23",
					 .param_values = params};
	const struct template_item ti = {.item = &item, .attempt = 1, .idempotency_key = "ik"};

	for (int place = 0; place < TEMPLATE_PLACE_COUNT_; place++) {
		AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
		struct err err = ERR_INIT;
		int rc = template_render(t, (enum template_place)place, &run, &ti, &out, &err);
		if (rc == 0)
			check_place((enum template_place)place, text, len, &out);
		else
			assert((rc == ERR_DATA || rc == ERR_TOO_BIG) && err.text[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(template) struct template *t = NULL;
	const char *text = (const char *)data;
	struct err err = ERR_INIT;

	size_t len = strnlen(text, size);
	struct value value = {.text = len < size ? text + len + 1 : "", .len = 0};
	value.len = len < size ? size - len - 1 : 0;
	if (template_parse(text, len, job_of_fuzz(), &t, &err) < 0) {
		assert(err.code == ERR_CONFIG && err.text[0] != '\0');
		return 0;
	}
	render(t, text, len, value);
	return 0;
}
