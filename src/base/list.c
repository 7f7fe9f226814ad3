/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <assert.h>
#include <stddef.h>

static void list_insert(struct list *before, struct list *after, struct list *node)
{
	assert(node->next == NULL || node->next == node); /* in at most one list */
	node->prev = before;
	node->next = after;
	before->next = node;
	after->prev = node;
}

void list_init(struct list *l)
{
	assert(l != NULL);
	l->next = l;
	l->prev = l;
}

void list_append(struct list *head, struct list *node)
{
	assert(head != NULL && node != NULL);
	list_insert(head->prev, head, node);
}

void list_prepend(struct list *head, struct list *node)
{
	assert(head != NULL && node != NULL);
	list_insert(head, head->next, node);
}

void list_remove(struct list *node)
{
	assert(node != NULL);
	if (node->next == NULL) /* zeroed, never made: in no list either */
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

bool list_is_empty(const struct list *head)
{
	assert(head != NULL);
	return head->next == head;
}

struct list *list_first(const struct list *head)
{
	assert(head != NULL);
	return head->next == head ? NULL : head->next;
}
