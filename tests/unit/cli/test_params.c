/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "cli/params.h"
#include "job/job.h"

#define NAME(text) ((char[]){text})

static struct job_param declared[] = {
	{.name = NAME("region"),
	 .field = {.type = FIELD_TEXT},
	 .fallback = NAME("eu"),
	 .identity = true},
	{.name = NAME("amount"), .field = {.type = FIELD_INTEGER}},
	{.name = NAME("branch"), .field = {.type = FIELD_TEXT, .optional = true}, .identity = true},
};

static struct job job = {.name = NAME("j"), .params = declared, .n_params = ARRAY_LEN(declared)};

static void values_are_sorted_by_name_and_defaults_filled_in(void **state)
{
	AUTO(params) struct params p = {0};
	const char *const given[] = {"branch=7", "amount=12"};
	struct err err = ERR_INIT;

	assert_int_equal(params_choose(&job, given, 2, &p, &err), 0);
	assert_string_equal(buf_str(&p.json),
			    "{\"amount\":\"12\",\"branch\":\"7\",\"region\":\"eu\"}");
	assert_string_equal(buf_str(&p.identity), "branch=7,region=eu");
}

static void a_job_without_parameters_has_empty_ones(void **state)
{
	struct job none = {.name = NAME("j")};
	AUTO(params) struct params p = {0};
	struct err err = ERR_INIT;

	assert_int_equal(params_choose(&none, NULL, 0, &p, &err), 0);
	assert_string_equal(buf_str(&p.json), "{}");
	assert_string_equal(buf_str(&p.identity), "");
}

static void what_parts_a_name_is_escaped_in_it(void **state)
{
	AUTO(params) struct params p = {0};
	const char *const given[] = {"amount=1", "region=a,b=c#2/x y%"};
	struct err err = ERR_INIT;

	assert_int_equal(params_choose(&job, given, 2, &p, &err), 0);
	assert_string_equal(buf_str(&p.identity), "branch=,region=a%2Cb=c%232%2Fx%20y%25");
}

static void wrong_parameters_are_refused(void **state)
{
	static const struct {
		const char *given[2];
		const char *said;
	} cases[] = {
		{{"amount=1", "regoin=eu"}, "did you mean 'region'"},
		{{"amount=1", "colour=red"}, "declares no parameter 'colour'"},
		{{"amount=1", "amount=2"}, "given twice"},
		{{"amount=1", "region"}, "NAME=VALUE is expected"},
		{{"amount=1", "=x"}, "NAME=VALUE is expected"},
		{{"amount=one", "region=eu"}, "--param amount"},
		{{"branch=1", "region=eu"}, "needs the parameter 'amount'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(params) struct params p = {0};
		struct err err = ERR_INIT;
		assert_int_equal(params_choose(&job, cases[i].given, 2, &p, &err), ERR_USAGE);
		assert_int_equal(err_exit_status(&err), 64);
		if (strstr(err.text, cases[i].said) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_sorted_by_name_and_defaults_filled_in),
		cmocka_unit_test(a_job_without_parameters_has_empty_ones),
		cmocka_unit_test(what_parts_a_name_is_escaped_in_it),
		cmocka_unit_test(wrong_parameters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
