/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "job/yaml.h"
#include "unit/job/parsed.h"

#define LEAST "job: a\nwork: {noop: {}}\n"

static void empty_file_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "   "};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(parsed) struct parsed p = parsed_of(texts[i]);
		assert_int_equal(p.n, 1);
		assert_non_null(
			strstr(p.faults[0], i == 3 ? "found nothing" : "the file is empty"));
	}
	assert_only_fault("", "1:1: the file is empty; the least is a job and its work");
}

static void binary_file_is_refused_where_it_begins_to_be_binary(void **state)
{
	static const char elf[] = "\x7f"
				  "ELF\x02\x01\0\0";
	static const char nul[] = "job: a\nwork\0: x\n";

	AUTO(parsed) struct parsed p = parsed_of_bytes(elf, sizeof(elf) - 1);
	assert_string_equal(p.faults[0],
			    "1:1: a control character (byte 0x7f); a job file is plain "
			    "text in UTF-8");
	AUTO(parsed) struct parsed q = parsed_of_bytes(nul, sizeof(nul) - 1);
	assert_string_equal(q.faults[0],
			    "2:5: a control character (byte 0x00); a job file is plain "
			    "text in UTF-8");
	assert_only_fault("job: a\ndescription: Gr\xfc\xdf\x65\n",
			  "2:16: byte 0xfc is no UTF-8; a job file is plain text in UTF-8");
	/* UTF-16 with its mark */
	assert_only_fault("\xff\xfej",
			  "1:1: byte 0xff is no UTF-8; a job file is plain text in UTF-8");
}

static void columns_are_counted_in_characters(void **state)
{
	assert_only_fault("job: a\ndescription: Grüße\nwork: {noop: {}, größe: 1}\n",
			  "3:18: unknown key 'größe' in work");
}

static void tabs_are_refused(void **state)
{
	static const char tab[] =
		"2:1: a tab; indent with blanks, and write one in a value as \"\\t\" in double "
		"quotes";

	assert_only_fault("job: a\n\twork: {noop: {}}\n", tab);
	assert_only_fault("work:\n\tnoop: {}\njob: a\n", tab);
	assert_only_fault("{\n\t\"job\": \"a\", \"work\": {\"noop\": {}}}\n", tab);
	assert_only_fault("job: a\nwork: {noop: {}}\t# why\n",
			  "2:17: a tab; indent with blanks, and write one in a value as \"\\t\" in "
			  "double quotes");
}

static void tabs_are_content_in_a_block(void **state)
{
	struct job *job = job_of("job: a\nwork:\n  exec:\n    shell: |\n      cat <<-E\n"
				 "      \tx\n      E\n");

	assert_string_equal(job->work.shell, "cat <<-E\n\tx\nE\n");
	job_free(job);
}

static void duplicate_keys_are_refused_with_both_places(void **state)
{
	assert_only_fault("job: a\nwork: {noop: {}}\njob: b\n",
			  "3:1: key 'job' stands twice: here and at line 1, column 1; one must go");
	assert_only_fault("job: a\nwork:\n  noop: {}\n  timeout: 1s\n  \"timeout\": 2s\n",
			  "5:3: key 'timeout' stands twice: here and at line 4, column 3; one must "
			  "go");
}

static void anchors_are_allowed(void **state)
{
	struct job *job = job_of("job: a\nx-wait: &wait {attempts: 3, first: 1s}\n"
				 "source: {csv: {path: a.csv}, fields: {id: text}, retry: *wait}\n"
				 "work: {noop: {}}\nretry: *wait\n");

	assert_int_equal(job->retry.attempts, 3);
	assert_int_equal(job->source.retry.attempts, 3);
	job_free(job);
}

static void later_anchor_of_a_name_counts(void **state)
{
	struct job *job = job_of("x-a: &a one\nx-b: &a two\njob: *a\nwork: {noop: {}}\n");

	assert_string_equal(job->name, "two");
	job_free(job);
}

static void aliases_that_explode_are_refused(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(10000);

	buf_puts(&text, LEAST "x-a: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
	for (int i = 1; i < 12; i++) {
		buf_printf(&text, "x-%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s*a%d", k > 0 ? ", " : "", i - 1);
		buf_puts(&text, "]\n");
	}
	AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
	assert_int_equal(p.n, 1);
	assert_non_null(
		strstr(p.faults[0], "aliases expand to more than 10000 values or 64 levels"));
}

static void aliases_without_sense_are_refused(void **state)
{
	assert_only_fault(LEAST "owner: *nobody\n", "3:8: alias 'nobody' has no anchor above it");
	assert_only_fault(LEAST "x-a: &a [1, *a]\n", "3:13: alias 'a' stands inside what it names");
}

static void merge_keys_are_refused(void **state)
{
	assert_only_fault(
		"job: a\nx-a: &a {timeout: 1s}\nwork:\n  <<: *a\n  noop: {}\n",
		"4:3: merge keys ('<<') are no part of YAML 1.2; write the keys out, or use "
		"an alias for a whole value");
}

static void several_documents_are_refused(void **state)
{
	assert_only_fault(LEAST "---\njob: b\n",
			  "3:1: a second document begins here; one file describes one job");
}

static void ten_thousand_levels_are_refused_and_quickly(void **state)
{
	enum { LEVELS = 10000 };
	AUTO(buf) struct buf flow = BUF_INIT(100000);
	AUTO(buf) struct buf block = BUF_INIT(100000);

	buf_puts(&flow, LEAST "x-a: ");
	for (int i = 0; i < LEVELS; i++)
		buf_putc(&flow, '[');
	AUTO(parsed) struct parsed p = parsed_of(buf_str(&flow));
	assert_string_equal(p.faults[0], "3:69: nested deeper than 64 levels");

	buf_puts(&block, LEAST "x-a:\n");
	for (int i = 0; i < LEVELS; i++)
		buf_puts(&block, "- ");
	AUTO(parsed) struct parsed q = parsed_of(buf_str(&block));
	assert_string_equal(q.faults[0], "4:127: nested deeper than 64 levels");
}

static void too_many_values_are_refused(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(YAML_BYTES_MAX);

	buf_puts(&text, LEAST "x-a: [");
	for (int i = 0; i < YAML_NODES_MAX; i++)
		buf_puts(&text, "1,");
	buf_puts(&text, "]\n");
	AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
	assert_non_null(strstr(p.faults[0], "the file has more than 100000 values"));
}

static void file_above_one_mebibyte_is_refused(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(2 * YAML_BYTES_MAX);

	buf_puts(&text, LEAST);
	while (text.len <= YAML_BYTES_MAX)
		buf_puts(&text, "# nothing but comments\n");
	AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
	assert_string_equal(p.faults[0], "1:1: the file is larger than 1 MiB; this is no job file");
}

static void unquoted_placeholder_in_brackets_says_quote_it(void **state)
{
	static const char hint[] =
		"(inside [ ] and { } quote what begins with ${, as in \"${id}\")";

	static const char *const texts[] = {
		"job: a\nwork: {exec: {command: [echo, ${id}]}}\n",
		"job: a\nwork: {exec: {command: [echo], directory: ${id}}}\n",
		"job: a\nwork:\n  exec:\n    env: {A: ${item.key}}\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(parsed) struct parsed p = parsed_of(texts[i]);
		assert_int_equal(p.n, 1);
		assert_non_null(strstr(p.faults[0], hint));
	}
	AUTO(parsed) struct parsed p = parsed_of(texts[0]);
	assert_memory_equal(p.faults[0], "2:32: ", 6);
}

static void unquoted_placeholder_elsewhere_is_a_text(void **state)
{
	struct job *job = job_of("job: a\nwork:\n  exec:\n    command:\n      - echo\n"
				 "      - ${item.key}\n");

	assert_string_equal(job->work.command[1], "${item.key}");
	job_free(job);
}

static void nulls_are_refused(void **state)
{
	static const char *const nulls[] = {"", " ~", " null", " Null", " NULL"};

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++) {
		AUTO(buf) struct buf text = BUF_INIT(1000);
		buf_printf(&text, LEAST "owner:%s\nretry: {attempts: 2}\n", nulls[i]);
		AUTO(parsed) struct parsed p = parsed_of(buf_str(&text));
		assert_int_equal(p.n, 1);
		assert_string_equal(
			p.faults[0],
			i == 0 ? "3:7: owner: has no value (null); give it one or leave "
				 "the key out"
			       : "3:8: owner: has no value (null); give it one or leave "
				 "the key out");
	}
	assert_only_fault("job: a\nwork: {noop: }\n",
			  "2:14: work.noop: has no value (null); give it one or leave the key out");
}

static void quoted_null_is_a_text(void **state)
{
	struct job *job = job_of(LEAST "owner: \"null\"\ndescription: '~'\n");

	assert_string_equal(job->owner, "null");
	assert_string_equal(job->description, "~");
	job_free(job);
}

static void only_true_and_false_are_booleans(void **state)
{
	static const char *const words[] = {"yes", "no", "on", "off", "True", "FALSE", "Yes"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		AUTO(buf) struct buf text = BUF_INIT(1000);
		AUTO(buf) struct buf fault = BUF_INIT(1000);
		buf_printf(&text,
			   "job: a\nsource: {csv: {path: a.csv, header: %s}, fields: {a: text}}\n"
			   "work: {noop: {}}\n",
			   words[i]);
		buf_printf(&fault,
			   "2:37: source.csv.header: '%s' is no boolean in YAML 1.2; write true or "
			   "false",
			   words[i]);
		assert_only_fault(buf_str(&text), buf_str(&fault));
	}
	assert_only_fault(
		"job: a\nwork: {noop: {}, accept_rpo: \"true\"}\n",
		"2:30: work.accept_rpo: expected true or false without quotes, found 'true'");
}

static void yes_is_a_text_where_a_text_is_expected(void **state)
{
	struct job *job = job_of("job: no\nwork: {noop: {}}\nowner: yes\n");

	assert_string_equal(job->name, "no");
	assert_string_equal(job->owner, "yes");
	job_free(job);
}

static void numbers_with_a_leading_zero_are_refused(void **state)
{
	assert_only_fault(
		LEAST "retry: {attempts: 010}\n",
		"3:19: retry.attempts: '010' begins with 0; numbers are decimal and written "
		"without leading zeros");
	assert_only_fault(LEAST "retry: {attempts: 0x10}\n",
			  "3:19: retry.attempts: expected a whole number, found '0x10'");
	assert_only_fault(LEAST "retry: {attempts: 1_000}\n",
			  "3:19: retry.attempts: expected a whole number, found '1_000'");
	assert_only_fault(LEAST "retry: {attempts: 5.0}\n",
			  "3:19: retry.attempts: expected a whole number, found '5.0'");
}

static void huge_numbers_are_out_of_range(void **state)
{
	assert_only_fault(
		LEAST "retry: {attempts: 99999999999999999999999}\n",
		"3:19: retry.attempts: 99999999999999999999999 is out of range; it may be 1 "
		"to 1000");
	assert_only_fault(LEAST "retry: {first: 99999999999999999999h}\n",
			  "3:16: retry.first: expected a duration such as 30s or 1h30m, found "
			  "'99999999999999999999h'");
	assert_only_fault(
		"job: a\nsource: {stdin: {format: lines}, max_items: "
		"99999999999999999999}\nwork: {noop: {}}\n",
		"2:45: source.max_items: 99999999999999999999 is out of range; numbers have "
		"64 bits");
}

static void clock_times_may_be_quoted_or_not(void **state)
{
	struct job *plain = job_of(LEAST "window: {stop_by: 07:00}\n");
	struct job *quoted = job_of(LEAST "window: {stop_by: \"07:00\"}\n");

	assert_int_equal(plain->window.stop_by_minute, 420);
	assert_int_equal(quoted->window.stop_by_minute, 420);
	job_free(plain);
	job_free(quoted);
	assert_only_fault(
		LEAST "window: {stop_by: 24:00}\n",
		"3:19: window.stop_by: expected a clock time such as 06:00, found '24:00'");
	assert_only_fault(
		LEAST "window: {stop_by: 7:00}\n",
		"3:19: window.stop_by: expected a clock time such as 06:00, found '7:00'");
}

static void tags_are_refused(void **state)
{
	assert_only_fault(
		LEAST "owner: !!str 5\n",
		"3:8: tags ('tag:yaml.org,2002:str') are not used in job files; leave it out");
}

static void keys_must_be_texts(void **state)
{
	assert_only_fault(LEAST "? [a]\n: b\n", "3:3: expected a key, found a list");
	assert_only_fault(LEAST "? {a: b}\n: b\n", "3:3: expected a key, found a map");
	assert_only_fault(LEAST "?\n: b\n", "3:2: expected a key, found nothing");
}

static void broken_yaml_says_where_and_what_to_do(void **state)
{
	assert_only_fault("job: a\nwork: {noop: {}\nowner: b\n",
			  "3:1: this is no valid YAML: did not find expected ',' or '}', in what "
			  "begins at line 2 (a bracket was opened and not closed, or a comma is "
			  "missing)");
	assert_only_fault(
		"job: a\nowner: a: b\n",
		"2:9: this is no valid YAML: mapping values are not allowed in this context "
		"(a value that holds ': ' is put in quotes; else look at the indentation)");
	assert_only_fault("job: @a\n",
			  "1:6: this is no valid YAML: found character that cannot start any token "
			  "(put a value that begins with this character in quotes)");
	assert_only_fault(
		"job: a\nowner: \"b\n",
		"3:1: this is no valid YAML: found unexpected end of stream, in what begins "
		"at line 2 (a quote was opened and not closed)");
	assert_only_fault(
		"job: a\n work: b\n",
		"2:6: this is no valid YAML: mapping values are not allowed in this context "
		"(a value that holds ': ' is put in quotes; else look at the indentation)");
}

static void file_that_is_no_map_is_refused(void **state)
{
	assert_only_fault("- a\n",
			  "1:1: expected a map of keys such as job and work, found a list");
	assert_only_fault("hello\n",
			  "1:1: expected a map of keys such as job and work, found a single value");
}

static void json_is_yaml(void **state)
{
	struct job *job = job_of("{\"version\":1,\"job\":\"a\",\"work\":{\"exec\":{\"command\":"
				 "[\"echo\",\"\\u00e9\\/\\n\"]}}}");

	assert_string_equal(job->work.command[1], "\xc3\xa9/\n");
	job_free(job);
}

static void windows_line_ends_and_byte_order_mark_are_taken(void **state)
{
	struct job *job = job_of("\xef\xbb\xbfjob: a\r\nwork:\r\n  exec:\r\n    shell: |\r\n"
				 "      one\r\n      two\r\n");

	assert_string_equal(job->work.shell, "one\ntwo\n");
	job_free(job);
	assert_only_fault("job: a\r\nretyr: {}\r\nwork: {noop: {}}\r\n",
			  "2:1: unknown key 'retyr'; did you mean 'retry'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_is_refused),
		cmocka_unit_test(binary_file_is_refused_where_it_begins_to_be_binary),
		cmocka_unit_test(columns_are_counted_in_characters),
		cmocka_unit_test(tabs_are_refused),
		cmocka_unit_test(tabs_are_content_in_a_block),
		cmocka_unit_test(duplicate_keys_are_refused_with_both_places),
		cmocka_unit_test(anchors_are_allowed),
		cmocka_unit_test(later_anchor_of_a_name_counts),
		cmocka_unit_test(aliases_that_explode_are_refused),
		cmocka_unit_test(aliases_without_sense_are_refused),
		cmocka_unit_test(merge_keys_are_refused),
		cmocka_unit_test(several_documents_are_refused),
		cmocka_unit_test(ten_thousand_levels_are_refused_and_quickly),
		cmocka_unit_test(too_many_values_are_refused),
		cmocka_unit_test(file_above_one_mebibyte_is_refused),
		cmocka_unit_test(unquoted_placeholder_in_brackets_says_quote_it),
		cmocka_unit_test(unquoted_placeholder_elsewhere_is_a_text),
		cmocka_unit_test(nulls_are_refused),
		cmocka_unit_test(quoted_null_is_a_text),
		cmocka_unit_test(only_true_and_false_are_booleans),
		cmocka_unit_test(yes_is_a_text_where_a_text_is_expected),
		cmocka_unit_test(numbers_with_a_leading_zero_are_refused),
		cmocka_unit_test(huge_numbers_are_out_of_range),
		cmocka_unit_test(clock_times_may_be_quoted_or_not),
		cmocka_unit_test(tags_are_refused),
		cmocka_unit_test(keys_must_be_texts),
		cmocka_unit_test(broken_yaml_says_where_and_what_to_do),
		cmocka_unit_test(file_that_is_no_map_is_refused),
		cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(windows_line_ends_and_byte_order_mark_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
