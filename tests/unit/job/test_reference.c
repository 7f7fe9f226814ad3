/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the table for editors and readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/job.h"
#include "job/schema.h"

enum { TEXT_BYTES = 1 << 20 };

/* A number's text is lent from the document: it has no '\0'. */
static void assert_number(const struct json *number, const char *expected)
{
	assert_int_equal(number->type, JSON_NUMBER);
	assert_int_equal(number->text_len, strlen(expected));
	assert_memory_equal(number->text, expected, number->text_len);
}

static const struct json *at(const struct json *root, const char *pointer)
{
	const struct json *found = json_pointer(root, pointer);

	if (found == NULL)
		fail_msg("nothing at %s", pointer);
	return found;
}

static void json_schema_is_json_and_knows_what_this_version_takes(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;

	job_put_schema(&out);
	assert_int_equal(json_parse(out.data, out.len, 1 << 24, &doc, &root, &err), 0);
	assert_string_equal(at(root, "/$schema")->text,
			    "https://json-schema.org/draft/2020-12/schema");
	assert_string_equal(at(root, "/required/0")->text, "job");
	assert_string_equal(at(root, "/required/1")->text, "work");
	assert_int_equal(at(root, "/additionalProperties")->type, JSON_FALSE);
	assert_non_null(at(root, "/patternProperties/^x-"));
	assert_string_equal(at(root, "/properties/retry/properties/attempts/type")->text,
			    "integer");
	assert_number(at(root, "/properties/retry/properties/attempts/maximum"), "1000");
	assert_number(at(root, "/properties/retry/properties/attempts/default"), "5");
	assert_string_equal(at(root, "/properties/source/properties/csv/required/0")->text, "path");
	assert_string_equal(at(root, "/properties/work/oneOf/0/required/0")->text, "exec");
	assert_string_equal(at(root, "/properties/source/properties/unique/anyOf/1/enum/0")->text,
			    "none");
	/* the forms and words that are for later are not offered */
	assert_null(json_pointer(root, "/properties/require/properties/memory"));
	assert_null(json_pointer(root, "/properties/work/properties/smtp"));
	assert_int_equal(at(root, "/properties/window/properties/when_over/enum")->n, 3);
	assert_string_equal(
		at(root, "/properties/work/properties/concurrency/anyOf/0/properties/start/type")
			->text,
		"integer");
}

static void reference_has_every_key(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(TEXT_BYTES);

	job_put_reference(&out);
	assert_false(out.failed);
	for (const struct schema_key *key = schema_get(0); key != NULL; key = schema_next(key)) {
		AUTO(buf) struct buf row = BUF_INIT(1000);
		const char *path = key->path + (key->path[0] == '@' ? 1 : 0);
		buf_printf(&row, "| `%s`%s | ", path, key->later ? "*" : "");
		const char *found = strstr(buf_str(&out), buf_str(&row));
		if (found == NULL)
			fail_msg("%s is missing", key->path);
	}
	assert_non_null(strstr(buf_str(&out), "| `retry.attempts` | integer, 1 to 1000 | `5` | "
					      "Attempts "
					      "in all. |\n"));
	assert_non_null(strstr(buf_str(&out), "`snapshot`, `live`*"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_schema_is_json_and_knows_what_this_version_takes),
		cmocka_unit_test(reference_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
