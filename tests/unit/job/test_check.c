/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "job/fault.h"
#include "unit/job/parsed.h"

#define LEAST "job: a\nwork: {noop: {}}\n"

static void unknown_key_gets_the_nearest_of_its_place(void **state)
{
	assert_only_fault(LEAST "retyr: {}\n", "3:1: unknown key 'retyr'; did you mean 'retry'?");
	assert_only_fault("job: a\nwork:\n  noop: {}\n  timout: 5s\n",
			  "4:3: unknown key 'timout' in work; did you mean 'timeout'?");
	assert_fault("job: a\nsource:\n  csv: {pth: a.csv}\nwork: {noop: {}}\n",
		     "3:9: unknown key 'pth' in source.csv; did you mean 'path'?");
}

static void unknown_key_that_stands_in_the_wrong_place_is_shown_the_right_one(void **state)
{
	assert_only_fault(LEAST "timeout: 5s\n",
			  "3:1: unknown key 'timeout'; there is work.timeout");
	assert_only_fault(LEAST "window: {open_for: 5s}\n",
			  "3:10: unknown key 'open_for' in window; there is breaker.open_for");
}

static void unknown_key_among_few_gets_the_list(void **state)
{
	assert_only_fault(LEAST "chunk: {wobble: 5}\n",
			  "3:9: unknown key 'wobble' in chunk; known here: items, bytes");
}

static void key_that_is_not_built_yet_is_refused_and_named(void **state)
{
	assert_only_fault(LEAST "require: {memory: 512M}\n",
			  "3:11: require.memory: not available in this version");
	assert_only_fault(LEAST "schedule:\n  cron: \"30 1 * * *\"\n",
			  "4:3: schedule.cron: not available in this version");
	assert_only_fault("job: a\nwork:\n  smtp: {url: \"smtp://x\", from: a}\n",
			  "3:3: work.smtp: not available in this version");
	assert_only_fault(LEAST "ping: http://x\n", "3:1: ping: not available in this version");
}

static void key_that_is_not_built_yet_is_still_checked(void **state)
{
	assert_fault(LEAST "require: {memroy: 512M}\n",
		     "3:11: unknown key 'memroy' in require; did you mean 'memory'?");
	assert_fault("job: a\nwork: {http: {url: \"http://x\", methd: GET}}\n",
		     "2:32: unknown key 'methd' in work.http; did you mean 'method'?");
	assert_fault(LEAST "require: {memory: lots}\n",
		     "3:19: require.memory: expected a size such as 64K or 5G, found 'lots'");
}

static void concurrency_begins_with_no_more_than_its_most(void **state)
{
	assert_only_fault("job: a\nwork: {exec: {shell: x}, concurrency: {start: 65, max: 64}}\n",
			  "2:47: work.concurrency.start: start is 65, which is more than max, "
			  "which is 64");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, concurrency: {start: 17}}\n",
			  "2:47: work.concurrency.start: start is 17, which is more than max, "
			  "which is 16");
	assert_only_fault("job: a\nwork: {exec: {shell: x}, concurrency: {start: 0}}\n",
			  "2:47: work.concurrency.start: 0 is out of range; it may be 1 to 1024");
}

static void word_and_form_that_are_not_built_yet_are_refused(void **state)
{
	assert_only_fault("job: a\nsource: {stdin: {format: lines}, intake: live}\n"
			  "work: {noop: {}}\n",
			  "2:42: source.intake: live is not available in this version");
	assert_only_fault("job: a\nsource: {stdin: {format: lines}, intake: {live_for: 2h}}\n"
			  "work: {noop: {}}\n",
			  "2:42: source.intake: this form is not available in this version");
}

static void wrong_type_says_what_was_expected(void **state)
{
	assert_only_fault(
		"job: [a]\nwork: {noop: {}}\n",
		"1:6: job: expected a name of letters, digits, '.', '_' and '-', found a list");
	assert_only_fault(LEAST "retry: 5\n", "3:8: retry: expected a map, found '5'");
	assert_only_fault("job: a\nwork: {exec: {command: ls}}\n",
			  "2:24: work.exec.command: expected a list, found 'ls'");
	assert_only_fault(
		"job: a\nwork: {noop: {}, timeout: 30}\n",
		"2:27: work.timeout: expected a duration such as 30s or 1h30m, found '30'");
	assert_only_fault(
		"job: a\nwork: {noop: {}, max_dead: lots}\n",
		"2:28: work.max_dead: expected a count or a ratio such as 5%, found 'lots'");
	assert_only_fault("job: a\nwork: {noop: {}, canary: \"20\"}\n",
			  "2:26: work.canary: expected a whole number without quotes, found '20'");
}

static void wrong_word_gets_the_words_and_the_nearest(void **state)
{
	assert_only_fault(LEAST "carry_over: resume-first\n",
			  "3:13: carry_over: expected resume_first, leave or abandon, found "
			  "'resume-first'; did you mean 'resume_first'?");
	assert_only_fault(
		LEAST "carry_over: perhaps\n",
		"3:13: carry_over: expected resume_first, leave or abandon, found 'perhaps'");
}

static void value_out_of_range_is_shown_the_range(void **state)
{
	assert_only_fault(LEAST "retry: {attempts: 0}\n",
			  "3:19: retry.attempts: 0 is out of range; it may be 1 to 1000");
	assert_only_fault(LEAST "chunk: {items: 5000}\n",
			  "3:16: chunk.items: 5000 is out of range; it may be 1 to 4096");
	assert_only_fault(LEAST "chunk: {bytes: 1}\n",
			  "3:16: chunk.bytes: 1 is out of range; it may be 1K to 64M");
	assert_only_fault("job: a\nwork: {noop: {}, timeout: 0}\n",
			  "2:27: work.timeout: 0 is out of range; it may be 1ms to 52w");
	assert_only_fault("job: a\nwork: {noop: {}, max_dead: 101%}\n",
			  "2:28: work.max_dead: 101% is out of range; it may be 0% to 100%");
	assert_only_fault("version: 2\n" LEAST, "1:10: version: 2 is out of range; it must be 1");
	assert_only_fault(LEAST "retry: {factor: 0.5}\n",
			  "3:17: retry.factor: 0.5 is out of range; it may be 1 to 1000");
}

static void what_must_be_there_is_missed(void **state)
{
	assert_only_fault("work: {noop: {}}\n",
			  "1:1: job is missing: The job's name: what its runs, "
			  "items and reports go by.");
	assert_only_fault("job: a\n", "1:1: work is missing: What is done with each item.");
	assert_only_fault(
		"job: a\nsource:\n  csv: {header: true}\n  fields: {a: text}\n"
		"work: {noop: {}}\n",
		"3:3: source.csv.path is missing: The file; * ? [ ] match several. The list "
		"is fixed at the start.");
}

static void names_of_jobs_are_checked(void **state)
{
	assert_only_fault(
		"job: a b\nwork: {noop: {}}\n",
		"1:6: job: expected a name of letters, digits, '.', '_' and '-', found 'a b'");
	assert_only_fault("job: -a\nwork: {noop: {}}\n",
			  "1:6: job: a name begins with a letter, a digit or '_', not '-a'");
	assert_only_fault("job: ''\nwork: {noop: {}}\n",
			  "1:6: job: a name begins with a letter, a digit or '_', not ''");
	struct job *job = job_of("job: A.b_c-9\nwork: {noop: {}}\n");
	assert_string_equal(job->name, "A.b_c-9");
	job_free(job);

	AUTO(buf) struct buf text = BUF_INIT(1000);
	buf_printf(&text, "job: %0101d\nwork: {noop: {}}\n", 7);
	assert_only_fault(buf_str(&text), "1:6: job: a name has at most 100 characters, not 101");
}

static void all_faults_are_reported_in_the_order_of_the_file(void **state)
{
	AUTO(parsed)
	struct parsed p = parsed_of(
		"job: a b\nretry: {attempts: 0}\nwork:\n  exec: {command: [\"${x}\"]}\n"
		"  timeout: soon\nowner: ~\n");
	static const char *const places[] = {"1:6: ", "2:19: ", "4:20: ", "5:12: ", "6:8: "};

	assert_int_equal(p.n, ARRAY_LEN(places));
	for (size_t i = 0; i < p.n; i++)
		assert_memory_equal(p.faults[i], places[i], strlen(places[i]));
	assert_string_equal(p.err.text, "job.yaml: 5 faults in the job file");
}

static void names_from_the_file_cannot_write_to_the_terminal(void **state)
{
	assert_only_fault(LEAST "\"\\e[31m\": 1\n", "3:1: unknown key '\\x1b[31m'");
	assert_only_fault("job: a\nwork: {exec: {shell: x, input: \"${a\\n}\"}}\n",
			  "2:32: work.exec.input: unknown placeholder ${a\\x0a}");
	assert_fault("job: a\nsource: {stdin: {format: csv}, fields: {\"\\x07\": 5}}\n"
		     "work: {noop: {}}\n",
		     "2:49: source.fields.\\x07: expected a field type (text, integer, decimal, "
		     "float, boolean, date, timestamp or json), found '5'");
}

static void twenty_faults_are_enough(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(10000);

	buf_puts(&text, LEAST);
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "wrong%d: 1\n", i);
	AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
	assert_int_equal(p.n, FAULTS_MAX + 1);
	assert_string_equal(p.faults[FAULTS_MAX], " and 10 more");
	assert_string_equal(p.err.text, "job.yaml: 30 faults in the job file");
}

static void fault_in_an_aliased_value_is_said_once(void **state)
{
	assert_only_fault(
		"job: a\nx-r: &r {attempts: 0}\nsource: {stdin: {format: lines}, retry: *r}\n"
		"work: {noop: {}}\nretry: {attempts: 2}\n",
		"2:20: source.retry.attempts: 0 is out of range; it may be 1 to 1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_key_gets_the_nearest_of_its_place),
		cmocka_unit_test(unknown_key_that_stands_in_the_wrong_place_is_shown_the_right_one),
		cmocka_unit_test(unknown_key_among_few_gets_the_list),
		cmocka_unit_test(key_that_is_not_built_yet_is_refused_and_named),
		cmocka_unit_test(key_that_is_not_built_yet_is_still_checked),
		cmocka_unit_test(concurrency_begins_with_no_more_than_its_most),
		cmocka_unit_test(word_and_form_that_are_not_built_yet_are_refused),
		cmocka_unit_test(wrong_type_says_what_was_expected),
		cmocka_unit_test(wrong_word_gets_the_words_and_the_nearest),
		cmocka_unit_test(value_out_of_range_is_shown_the_range),
		cmocka_unit_test(what_must_be_there_is_missed),
		cmocka_unit_test(names_of_jobs_are_checked),
		cmocka_unit_test(all_faults_are_reported_in_the_order_of_the_file),
		cmocka_unit_test(names_from_the_file_cannot_write_to_the_terminal),
		cmocka_unit_test(twenty_faults_are_enough),
		cmocka_unit_test(fault_in_an_aliased_value_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
