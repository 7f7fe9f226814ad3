/* SPDX-License-Identifier: Apache-2.0 */
/* Control files: what they may say, and where one that cannot be read is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "job/job.h"
#include "source/control_file.h"

#define DIGEST "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static struct job *job;

static int set_up(void **state)
{
	static const char text[] = "job: a\nsource: {csv: {path: a.csv}, fields: "
				   "{id: integer, total: 'decimal(\",\")', name: text}}\n"
				   "control: {file: '${source.path}.ctl'}\nwork: {noop: {}}\n";
	struct err err = ERR_INIT;

	return job_parse(text, strlen(text), "a.yaml", "/", NULL, NULL, &job, &err);
}

static int tear_down(void **state)
{
	job_free(job);
	return 0;
}

static void read_file(const char *text, struct control_file *ret_file)
{
	struct err err = ERR_INIT;

	if (control_file_parse(job, "a.ctl", text, strlen(text), ret_file, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_refused(const char *text, const char *words)
{
	struct control_file file = {0};
	struct err err = ERR_INIT;

	assert_int_equal(control_file_parse(job, "a.ctl", text, strlen(text), &file, &err),
			 ERR_DATA);
	assert_string_equal(err.text, words);
}

static void it_says_count_sums_and_digest(void **state)
{
	struct control_file file = {0};
	const struct decimal three = decimal_from_int(3);
	const struct decimal sum = {.low = 1250, .scale = 2};

	read_file("# made at night\r\n\r\n count = 3 \r\nsum.total=12,50\nsha256=" DIGEST, &file);
	assert_true(file.has_count && file.has_sum[1] && !file.has_sum[0] && file.has_digest);
	assert_int_equal(decimal_compare(&file.count, &three), 0);
	assert_int_equal(decimal_compare(&file.sums[1], &sum), 0);
	assert_int_equal(file.digest[0], 0x01);
	assert_int_equal(file.digest[15], 0xef);
	control_file_done(&file);
}

static void it_may_say_nothing(void **state)
{
	struct control_file file = {0};

	read_file("", &file);
	assert_false(file.has_count || file.has_digest || file.has_sum[0]);
	control_file_done(&file);
}

static void what_is_wrong_names_its_line(void **state)
{
	assert_refused("count=3\nwhat\n", "a.ctl:2: expected NAME=VALUE, found 'what'");
	assert_refused("counts=3\n",
		       "a.ctl:1: 'counts' is not known; expected count=, sum.FIELD= or sha256=");
	assert_refused("count=many\n", "a.ctl:1: count is 'many', which is no number");
	assert_refused("count=1\ncount=1\n", "a.ctl:2: count stands here twice");
	assert_refused("sum.id=1\nsum.id=1\n", "a.ctl:2: sum.id stands here twice");
	assert_refused("sum.nothing=1\n", "a.ctl:1: there is no field 'nothing'");
	assert_refused("sum.name=1\n",
		       "a.ctl:1: a field of type text (name) cannot be summed exactly");
	assert_refused("sha256=12\n", "a.ctl:1: sha256 is '12'; expected 64 hexadecimal digits");
	assert_refused("sha256=" DIGEST "\nsha256=" DIGEST "\n",
		       "a.ctl:2: sha256 stands here twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_count_sums_and_digest),
		cmocka_unit_test(it_may_say_nothing),
		cmocka_unit_test(what_is_wrong_names_its_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
