/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "unit/dies.h"

struct thing {
	int n;
	struct list node;
};

static int sum_of(struct list *head)
{
	struct list *node = NULL;
	struct list *next = NULL;
	int sum = 0;

	LIST_EACH (node, next, head)
		sum = sum * 10 + CONTAINER_OF(node, struct thing, node)->n;
	return sum;
}

static void nodes_are_walked_in_order(void **state)
{
	struct list head;
	struct thing a = {.n = 1};
	struct thing b = {.n = 2};
	struct thing c = {.n = 3};

	list_init(&head);
	assert_true(list_is_empty(&head));
	assert_null(list_first(&head));
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	list_prepend(&head, &a.node);
	assert_int_equal(sum_of(&head), 123);
	assert_ptr_equal(list_first(&head), &a.node);
	list_remove(&b.node);
	assert_int_equal(sum_of(&head), 13);
	list_append(&head, &b.node);
	assert_int_equal(sum_of(&head), 132);
	assert_false(list_is_empty(&head));
}

static void removing_what_is_in_no_list_does_nothing(void **state)
{
	struct thing zeroed = {0};
	struct thing fresh = {0};

	list_init(&fresh.node);
	list_remove(&zeroed.node);
	list_remove(&fresh.node);
	list_remove(&fresh.node);
	assert_true(list_is_empty(&fresh.node));
}

static void nodes_may_leave_while_walked(void **state)
{
	struct list head;
	struct list *node = NULL;
	struct list *next = NULL;
	struct thing things[5] = {0};

	list_init(&head);
	for (int i = 0; i < 5; i++) {
		things[i].n = i + 1;
		list_append(&head, &things[i].node);
	}
	LIST_EACH (node, next, &head)
		if (CONTAINER_OF(node, struct thing, node)->n % 2 == 0)
			list_remove(node);
	assert_int_equal(sum_of(&head), 135);
	LIST_EACH (node, next, &head)
		list_remove(node);
	assert_true(list_is_empty(&head));
}

static void join_two_lists(void)
{
	struct list one;
	struct list two;
	struct thing t = {0};

	list_init(&one);
	list_init(&two);
	list_append(&one, &t.node);
	list_append(&two, &t.node);
}

static void joining_two_lists_ends_the_process(void **state)
{
	assert_true(dies(join_two_lists));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_are_walked_in_order),
		cmocka_unit_test(removing_what_is_in_no_list_does_nothing),
		cmocka_unit_test(nodes_may_leave_while_walked),
		cmocka_unit_test(joining_two_lists_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
