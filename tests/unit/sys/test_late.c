/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "sys/late.h"

static struct {
	double (*cosine)(double x);
	double (*root)(double x);
} calls;

static const char *const names[] = {"cos", "sqrt"};

static struct late_library library_of(const char *file, const char *const *functions)
{
	return (struct late_library){
		.file = file, .package = "libc6", .names = functions, .n = 2, .calls = &calls};
}

static void it_is_loaded_once_and_its_functions_can_be_called(void **state)
{
	struct late_library math = library_of("libm.so.6", names);
	struct err err = ERR_INIT;

	assert_int_equal(late_load(&math, &err), 0);
	assert_true(calls.cosine(0.0) == 1.0);
	assert_true(calls.root(9.0) == 3.0);
	calls.cosine = NULL;
	assert_int_equal(late_load(&math, &err), 0);
	late_need(&math);
	assert_null(calls.cosine); /* not looked up again */
}

static void one_that_is_missing_is_named_with_its_package(void **state)
{
	struct late_library none = library_of("libnone-of-ours.so.7", names);
	struct err err = ERR_INIT;

	assert_int_equal(late_load(&none, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "libnone-of-ours.so.7 cannot be loaded"));
	assert_non_null(strstr(err.text, "install the package libc6"));
	assert_int_equal(late_load(&none, &err), ERR_UNAVAILABLE); /* nor is it later */
}

static void one_without_a_function_is_too_old(void **state)
{
	static const char *const newer[] = {"cos", "cosine_of_next_year"};
	struct late_library math = library_of("libm.so.6", newer);
	struct err err = ERR_INIT;

	assert_int_equal(late_load(&math, &err), ERR_UNAVAILABLE);
	assert_string_equal(err.text, "libm.so.6 has no cosine_of_next_year: it is too old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_loaded_once_and_its_functions_can_be_called),
		cmocka_unit_test(one_that_is_missing_is_named_with_its_package),
		cmocka_unit_test(one_without_a_function_is_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
