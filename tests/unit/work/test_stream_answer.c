/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of stream workers, as lines, right and wrong; and the lines that they are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "work/stream_answer.h"
#include "work/stream_line.h"

static struct stream_answer answer;
static struct err err;

static struct json_doc *doc;

static int parse(const char *line)
{
	err = ERR_INIT;
	return stream_answer_parse(doc, line, strlen(line), &answer, &err);
}

static void assert_wrong(const char *line, const char *why)
{
	assert_int_equal(parse(line), ERR_DATA);
	assert_string_equal(err.text, why);
}

static void each_outcome_is_understood(void **state)
{
	assert_int_equal(parse("{\"id\":\"4097\",\"outcome\":\"done\"}"), 0);
	assert_int_equal(answer.id, 4097);
	assert_int_equal(answer.outcome, OUTCOME_DONE);
	assert_string_equal(answer.error, "");
	assert_int_equal(parse("{\"id\": \"1\", \"outcome\": \"retry\"}"), 0);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(parse(" {\"outcome\":\"dead\" , \"id\":\"2\"} \r"), 0);
	assert_int_equal(answer.id, 2);
	assert_int_equal(answer.outcome, OUTCOME_DEAD);
	assert_int_equal(
		parse("{\"id\":\"3\",\"outcome\":\"unknown\",\"error\":\"no \\u00e4nswer\","
		      "\"keep\":{\"a\":[1]},\"more\":1}"),
		0);
	assert_int_equal(answer.outcome, OUTCOME_UNKNOWN);
	assert_int_equal(answer.error_len, strlen("no änswer"));
	assert_memory_equal(answer.error, "no änswer", answer.error_len);
}

static void members_that_are_null_are_absent(void **state)
{
	assert_int_equal(parse("{\"id\":\"3\",\"outcome\":\"done\",\"error\":null,\"keep\":null}"),
			 0);
	assert_int_equal(answer.error_len, 0);
	assert_wrong("{\"id\":null,\"outcome\":\"done\"}", "it has no \"id\"");
}

static void what_is_wrong_is_said(void **state)
{
	assert_wrong("", "it is no JSON");
	assert_wrong("hello", "it is no JSON");
	assert_wrong("{\"id\":\"1\",\"outcome\":\"done\"} x", "it is no JSON");
	assert_wrong("{\"id\":\"1\",\"outcome\":\"done\",\"id\":\"2\"}", "it is no JSON");
	assert_wrong("{\"id\":\"1\",\"outcome\":\"d\377ne\"}", "it is no JSON");
	assert_wrong("[]", "it is no object");
	assert_wrong("{}", "it has no \"id\"");
	assert_wrong("{\"id\":1,\"outcome\":\"done\"}", "its \"id\" is no string");
	assert_wrong("{\"id\":\"01\",\"outcome\":\"done\"}", "its \"id\" was never given to it");
	assert_wrong("{\"id\":\"-1\",\"outcome\":\"done\"}", "its \"id\" was never given to it");
	assert_wrong("{\"id\":\"99999999999999999999\",\"outcome\":\"done\"}",
		     "its \"id\" was never given to it");
	assert_wrong("{\"id\":\"1\"}", "it has no \"outcome\"");
	assert_wrong("{\"id\":\"1\",\"outcome\":true}", "its \"outcome\" is no string");
}

static void who_is_meant_is_known_though_the_rest_is_wrong(void **state)
{
	assert_wrong("{\"id\":\"7\",\"outcome\":\"all_alike\"}",
		     "its \"outcome\" is none of done, retry, dead and unknown");
	assert_int_equal(answer.id, 7);
	assert_wrong("{\"id\":\"8\",\"outcome\":\"done\",\"error\":[]}",
		     "its \"error\" is no string");
	assert_int_equal(answer.id, 8);
	assert_wrong("{\"id\":\"9\",\"outcome\":\"done\",\"keep\":\"x\"}",
		     "its \"keep\" is no object");
	assert_int_equal(answer.id, 9);
}

static void a_line_has_everything_of_an_item(void **state)
{
	static const char text[] =
		"job: j\nsource: {csv: {path: x}, key: a, fields: {a: text, b_c: decimal?, d: "
		"boolean, e: date?}}\nwork: {exec: {command: [x], mode: stream}}\n";
	struct job *job = NULL;
	AUTO(buf) struct buf out = BUF_INIT(4096);
	const struct value values[] = {{.text = "x\"\n", .len = 3},
				       {.text = "1.50", .len = 4},
				       {.text = "true", .len = 4},
				       {.is_null = true}};
	const struct item item = {.fields = values, .key = "k\t1", .key_len = 3, .source_path = ""};
	const struct template_item what = {
		.item = &item, .number = 1, .attempt = 12, .idempotency_key = "ikey"};

	assert_int_equal(job_parse(text, strlen(text), "j", "/", NULL, NULL, &job, &err), 0);
	struct stream_line *line = stream_line_new(job);
	stream_line_put(line, 4097, &what, &out);
	assert_string_equal(buf_str(&out),
			    "{\"id\":\"4097\",\"key\":\"k\\t1\",\"attempt\":12,\"idempotency_key\":"
			    "\"ikey\",\"fields\":{\"a\":\"x\\\"\\n\",\"b_"
			    "c\":1.50,\"d\":true,\"e\":null}}\n");
	stream_line_free(line);
	job_free(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_outcome_is_understood),
		cmocka_unit_test(members_that_are_null_are_absent),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(who_is_meant_is_known_though_the_rest_is_wrong),
		cmocka_unit_test(a_line_has_everything_of_an_item),
	};

	doc = stream_answer_doc();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_doc_free(doc);
	return failed;
}
