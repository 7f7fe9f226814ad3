/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "unit/dies.h"

enum { DOG_MAGIC = 0x0d06d06d, CAT_MAGIC = 0x0ca70ca7 };

struct dog {
	uint32_t magic;
	int age;
};

struct kennel {
	int number;
	struct dog dog;
};

static void object_with_its_magic_is_given_back(void **state)
{
	struct dog dog = {.magic = DOG_MAGIC, .age = 3};
	void *travelling = &dog;

	assert_ptr_equal(OBJ_CAST(travelling, struct dog, DOG_MAGIC), &dog);
}

static void cast_wrong_magic(void)
{
	struct dog dog = {.magic = CAT_MAGIC};

	(void)OBJ_CAST(&dog, struct dog, DOG_MAGIC);
}

static void cast_null(void)
{
	(void)OBJ_CAST(NULL, struct dog, DOG_MAGIC);
}

static void reach_the_unreachable(void)
{
	unreachable("never");
}

static void wrong_magic_null_and_unreachable_end_the_process(void **state)
{
	assert_true(dies(cast_wrong_magic));
	assert_true(dies(cast_null));
	assert_true(dies(reach_the_unreachable));
}

static void container_is_found_from_its_member(void **state)
{
	struct kennel k = {.number = 7};

	assert_int_equal(CONTAINER_OF(&k.dog, struct kennel, dog)->number, 7);
}

static void take_moves_the_pointer_out(void **state)
{
	AUTO(str) char *s = xstrdup("moved");
	char *taken = TAKE(s);

	assert_null(s);
	assert_string_equal(taken, "moved");
	free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_with_its_magic_is_given_back),
		cmocka_unit_test(wrong_magic_null_and_unreachable_end_the_process),
		cmocka_unit_test(container_is_found_from_its_member),
		cmocka_unit_test(take_moves_the_pointer_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
