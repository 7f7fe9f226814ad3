/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer means by its status and by the tests of what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "script/body_test.h"
#include "work/answer.h"

struct said {
	enum outcome outcome;
	char why[ERR_TEXT_MAX];
};

static const char head[] = "job: a\nconstants: {good: [1, 2]}\n"
			   "source: {csv: {path: a}, fields: {id: integer, status: text}}\n"
			   "work:\n  exec: {command: [a]}\n";

/* What the lists make of an answer whose status by itself means `by_status`. */
static struct said judge(const char *lists, int status, enum outcome by_status, const char *body)
{
	static const struct value values[] = {{.text = "7", .len = 1}, {.text = "new", .len = 3}};
	static const struct item item = {.fields = values, .key = "7", .key_len = 1};
	static const struct template_item subject = {.item = &item};
	static const struct template_run run = {.job = "a", .slot = "s", .date = "2026-11-28"};
	AUTO(buf) struct buf text = BUF_INIT(4096);
	AUTO(job) struct job *job = NULL;
	struct answer_tests *tests = NULL;
	struct err err = ERR_INIT;
	struct said said = {.outcome = OUTCOME_COUNT_};

	buf_puts(&text, head);
	buf_puts(&text, lists);
	if (job_parse(buf_str(&text), text.len, "j", "/", NULL, NULL, &job, &err) < 0 ||
	    answer_tests_open(job, &run, &tests, &err) < 0)
		fail_msg("%s", err.text);
	const struct body_answer answer = {
		.status = status, .body = body, .len = strlen(body), .item = &subject};
	said.outcome = answer_judge(tests, &answer, by_status, &err);
	memcpy(said.why, err.text, sizeof(said.why));
	answer_tests_free(tests);
	return said;
}

static void assert_said(struct said said, enum outcome outcome, const char *why)
{
	if (said.outcome != outcome || strcmp(said.why, why) != 0)
		fail_msg("%d (%s), not %d (%s)", (int)said.outcome, said.why, (int)outcome, why);
}

static void without_tests_the_status_decides(void **state)
{
	assert_said(judge("  done_when: [3]\n", 3, OUTCOME_DONE, "x"), OUTCOME_DONE, "");
	assert_said(judge("", 1, OUTCOME_RETRY, "{}"), OUTCOME_RETRY, "");
}

static void a_test_goes_before_what_the_status_would_mean(void **state)
{
	static const char lists[] =
		"  doubt_when: [{body: \"not json.ok\"}]\n  done_when: [0]\n  dead_when: [2]\n";

	assert_said(judge(lists, 0, OUTCOME_DONE, "{\"ok\": true}"), OUTCOME_DONE, "");
	assert_said(judge(lists, 0, OUTCOME_DONE, "{\"ok\": false}"), OUTCOME_UNKNOWN,
		    "a test of doubt_when holds");
	assert_said(judge(lists, 2, OUTCOME_DEAD, "{\"ok\": false}"), OUTCOME_DEAD, "");
	assert_said(judge(lists, 1, OUTCOME_RETRY, "{}"), OUTCOME_UNKNOWN,
		    "a test of doubt_when holds");
}

static void a_test_that_fails_is_doubt_only_where_it_would_be_done(void **state)
{
	static const char lists[] = "  doubt_when: [{body: \"not json.ok\"}]\n";
	struct said said = judge(lists, 0, OUTCOME_DONE, "<html>");

	assert_int_equal(said.outcome, OUTCOME_UNKNOWN);
	assert_non_null(strstr(said.why, "doubt_when:1: attempt to index a nil value"));
	assert_said(judge(lists, 1, OUTCOME_RETRY, "<html>"), OUTCOME_RETRY, "");
}

static void the_most_careful_list_goes_first(void **state)
{
	static const char lists[] = "  done_when: [{body: \"contains(body, 'a')\"}]\n"
				    "  retry_when: [{body: \"contains(body, 'b')\"}]\n"
				    "  dead_when: [{body: \"contains(body, 'c')\"}]\n"
				    "  doubt_when: [{body: \"contains(body, 'd')\"}]\n";

	assert_said(judge(lists, 0, OUTCOME_DONE, "abcd"), OUTCOME_UNKNOWN,
		    "a test of doubt_when holds");
	assert_said(judge(lists, 0, OUTCOME_DONE, "abc"), OUTCOME_DEAD,
		    "a test of dead_when holds");
	assert_said(judge(lists, 0, OUTCOME_DONE, "ab"), OUTCOME_RETRY,
		    "a test of retry_when holds");
	assert_said(judge(lists, 1, OUTCOME_RETRY, "a"), OUTCOME_DONE, "");
}

static void done_by_a_test_is_done_by_nothing_else(void **state)
{
	static const char lists[] = "  done_when: [3, {body: \"json and json.n == 2\"}]\n";

	assert_said(judge(lists, 0, OUTCOME_DONE, "{\"n\": 2.0}"), OUTCOME_DONE, "");
	assert_said(judge(lists, 0, OUTCOME_DONE, "{\"n\": 3}"), OUTCOME_UNKNOWN,
		    "nothing of done_when holds");
	assert_said(judge(lists, 0, OUTCOME_DONE, "rubbish"), OUTCOME_UNKNOWN,
		    "nothing of done_when holds");
	assert_said(judge(lists, 3, OUTCOME_DONE, "rubbish"), OUTCOME_DONE, "");
	assert_said(judge(lists, 1, OUTCOME_RETRY, "rubbish"), OUTCOME_RETRY, "");
}

static void a_test_sees_the_answer_the_item_and_constants(void **state)
{
	static const char lists[] =
		"  done_when:\n    - body: |\n"
		"        for i, v in ipairs(json.list) do\n"
		"          if v ~= good[i] then return false end\n"
		"        end\n"
		"        return json.id == id and status == 0 and #body > 9 and\n"
		"            json[\"a b\"].c[2] == nil and item.key == \"7\" and\n"
		"            json.big == 12345678901234567890\n";

	assert_said(judge(lists, 0, OUTCOME_RETRY,
			  "{\"list\": [1, 2], \"id\": 7, \"a b\": {\"c\": [null, null]}, \"big\": "
			  "12345678901234567890}"),
		    OUTCOME_DONE, "");
	assert_said(judge(lists, 0, OUTCOME_RETRY, "{\"list\": [1, 3], \"id\": 7}"), OUTCOME_RETRY,
		    "");
}

static void whatever_an_answer_holds_a_test_ends(void **state)
{
	static const char lists[] = "  doubt_when: [{body: \"json.x == 1e\"}]\n";
	AUTO(job) struct job *job = NULL;
	struct err err = ERR_INIT;
	AUTO(buf) struct buf text = BUF_INIT(4096);
	AUTO(buf) struct buf deep = BUF_INIT(1 << 20);

	buf_puts(&text, head);
	buf_puts(&text, lists);
	assert_int_equal(job_parse(buf_str(&text), text.len, "j", "/", NULL, NULL, &job, &err),
			 ERR_CONFIG);
	assert_non_null(strstr(err.text, "j:6:34: work.doubt_when[].body: expected a number"));
	for (int i = 0; i < 100000; i++)
		buf_putc(&deep, '[');
	assert_int_equal(
		judge("  doubt_when: [{body: \"json.x\"}]\n", 0, OUTCOME_DONE, buf_str(&deep))
			.outcome,
		OUTCOME_UNKNOWN);
	assert_said(judge("  doubt_when: [{body: \"json.x\"}]\n", 0, OUTCOME_DONE, "{\"x\": 5}"),
		    OUTCOME_UNKNOWN, "doubt_when: expected true or false, found a number");
	assert_said(judge("  doubt_when: [{body: \"json.n > 1.5\"}]\n", 0, OUTCOME_DONE,
			  "{\"n\": 1e300}"),
		    OUTCOME_UNKNOWN, "a test of doubt_when holds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_tests_the_status_decides),
		cmocka_unit_test(a_test_goes_before_what_the_status_would_mean),
		cmocka_unit_test(a_test_that_fails_is_doubt_only_where_it_would_be_done),
		cmocka_unit_test(the_most_careful_list_goes_first),
		cmocka_unit_test(done_by_a_test_is_done_by_nothing_else),
		cmocka_unit_test(a_test_sees_the_answer_the_item_and_constants),
		cmocka_unit_test(whatever_an_answer_holds_a_test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
