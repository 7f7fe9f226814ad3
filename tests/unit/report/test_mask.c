/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "report/mask.h"

#define JOB(key, person)                                                                           \
	"{\"version\":1,\"job\":\"j\",\"source\":{\"csv\":{\"path\":\"a.csv\"},\"key\":\"" key     \
	"\",\"fields\":{\"id\":\"integer\",\"email\":{\"type\":\"text\",\"sensitive\":true}}},"    \
	"\"work\":{\"noop\":{}},\"report\":{\"person\":\"" person "\"}}"

static void fields_that_are_sensitive_are_masked(void **state)
{
	struct mask mask = mask_of_job(JOB("id", "email"));

	assert_false(mask.key);
	assert_true(mask.person);
	mask = mask_of_job(JOB("email", "id"));
	assert_true(mask.key);
	assert_false(mask.person);
}

static void a_key_made_of_a_sensitive_field_is_masked(void **state)
{
	assert_true(mask_of_job(JOB("${id}-${email}", "id")).key);
	assert_false(mask_of_job(JOB("x-${id}", "id")).key);
}

static void what_cannot_be_read_hides_everything(void **state)
{
	struct mask mask = mask_of_job("{\"version\": 99}");

	assert_true(mask.key);
	assert_true(mask.person);
}

static void masked_values_tell_apart_and_come_again(void **state)
{
	struct arena arena = {0};
	const char *a = mask_value(true, "ada@example.com", &arena);
	const char *again = mask_value(true, "ada@example.com", &arena);
	const char *other = mask_value(true, "alan@example.com", &arena);
	const char *wide = mask_value(true, "\xc3\xa4rger@example.com", &arena);

	assert_string_equal(a, again);
	assert_string_not_equal(a, other);
	assert_int_equal(strncmp(a, "a***-", 5), 0);
	assert_int_equal(strlen(a), 9);
	assert_int_equal(strncmp(wide, "\xc3\xa4***-", 6), 0);
	assert_null(mask_value(true, NULL, &arena));
	assert_string_equal(mask_value(true, "", &arena), "");
	assert_string_equal(mask_value(false, "ada", &arena), "ada");
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_are_sensitive_are_masked),
		cmocka_unit_test(a_key_made_of_a_sensitive_field_is_masked),
		cmocka_unit_test(what_cannot_be_read_hides_everything),
		cmocka_unit_test(masked_values_tell_apart_and_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
