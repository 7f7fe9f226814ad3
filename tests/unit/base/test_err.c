/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static int fail_with_code(struct err *err)
{
	return ERR(err, ERR_DATA, "row %d is wrong", 7);
}

static int fail_with_errno(struct err *err)
{
	return ERR_SYS(err, ERR_IO, ENOENT, "open '%s'", "x.csv");
}

static void failure_has_code_and_words(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(fail_with_code(&err), ERR_DATA);
	assert_int_equal(err.code, ERR_DATA);
	assert_int_equal(err.os_errno, 0);
	assert_string_equal(err.text, "row 7 is wrong");
}

static void system_failure_has_the_words_of_errno(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(fail_with_errno(&err), ERR_IO);
	assert_int_equal(err.os_errno, ENOENT);
	assert_string_equal(err.text, "open 'x.csv': No such file or directory");
}

static void unknown_errno_has_words_too(void **state)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_IO, 99999, "x");
	assert_string_equal(err.text, "x: error 99999");
}

static void context_stands_in_front(void **state)
{
	struct err err = ERR_INIT;

	(void)fail_with_code(&err);
	err_add(&err, "loading %s: ", "x.csv");
	assert_string_equal(err.text, "loading x.csv: row 7 is wrong");
	assert_int_equal(err.code, ERR_DATA);
}

static void too_long_text_is_cut_and_ends(void **state)
{
	struct err err = ERR_INIT;
	char many[2 * ERR_TEXT_MAX] = {0};

	memset(many, 'm', sizeof(many) - 1);
	err_set(&err, ERR_IO, ENOENT, "%s", many);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(&err.text[ERR_TEXT_MAX - 6], "mm\xe2\x80\xa6");
	err_add(&err, "front: ");
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "front: mmm", 10);
	err_add(&err, "%s", many);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(&err.text[ERR_TEXT_MAX - 6], "mm\xe2\x80\xa6");
	err_set(&err, ERR_IO, 0, "%s", many + ERR_TEXT_MAX + 1); /* fits to the byte */
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 2);
	assert_string_equal(&err.text[ERR_TEXT_MAX - 4], "mm");
}

static void each_code_has_its_exit_status(void **state)
{
	struct err err = ERR_INIT;

	err.code = ERR_USAGE;
	assert_int_equal(err_exit_status(&err), 64);
	err.code = ERR_TEMP;
	assert_int_equal(err_exit_status(&err), 75);
	err.code = ERR_DATA;
	assert_int_equal(err_exit_status(&err), 1);
	err.code = ERR_CONFIG;
	assert_int_equal(err_exit_status(&err), 78);
}

static void quoted_text_is_printable(void **state)
{
	char out[64];

	assert_string_equal(err_quote(out, sizeof(out), "plain", 5), "'plain'");
	assert_string_equal(err_quote(out, sizeof(out), "", 0), "''");
	assert_string_equal(err_quote(out, sizeof(out), "a\n\0\x7f\xc3", 5),
			    "'a\\x0a\\x00\\x7f\\xc3'");
	assert_string_equal(err_quote(out, sizeof(out), "M\xc3\xbcller", 7), "'M\xc3\xbcller'");
	assert_string_equal(err_quote(out, sizeof(out), "\xe2\x80\xae\xc2\x9b", 5),
			    "'\\xe2\\x80\\xae\\xc2\\x9b'");
	assert_string_equal(QUOTED("on the stack", 12), "'on the stack'");
}

static void quoted_text_is_cut_to_any_size(void **state)
{
	char text[200];

	memset(text, '\n', sizeof(text));
	for (size_t size = 16; size < 120; size++)
		for (size_t len = 0; len < sizeof(text); len++) {
			char out[130];
			memset(out, '#', sizeof(out));
			(void)err_quote(out, size, text, len);
			assert_true(strnlen(out, sizeof(out)) < size);
			assert_int_equal(out[size], '#');
			assert_int_equal(out[strlen(out) - 1], '\'');
			bool is_cut = strstr(out, "\xe2\x80\xa6'") != NULL;
			assert_int_equal(is_cut, strlen(out) != 2 + 4 * len);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_has_code_and_words),
		cmocka_unit_test(system_failure_has_the_words_of_errno),
		cmocka_unit_test(unknown_errno_has_words_too),
		cmocka_unit_test(context_stands_in_front),
		cmocka_unit_test(too_long_text_is_cut_and_ends),
		cmocka_unit_test(each_code_has_its_exit_status),
		cmocka_unit_test(quoted_text_is_printable),
		cmocka_unit_test(quoted_text_is_cut_to_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
