/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intrusive doubly linked list: the node is a member of the object, so that nothing is allocated
 * and an object knows how to leave. A node is in at most one list; list_init() makes it (and a
 * list's head) empty; list_remove() of a node that is in no list does nothing.
 */
#ifndef STINT_BASE_LIST_H
#define STINT_BASE_LIST_H

#include <stdbool.h>

#include "base/attr.h"

struct list {
	struct list *next;
	struct list *prev;
};

void list_init(struct list *l);
void list_append(struct list *head, struct list *node);
void list_prepend(struct list *head, struct list *node);
void list_remove(struct list *node);
bool list_is_empty(const struct list *head);
/* The first node, or NULL. */
struct list *list_first(const struct list *head);

/* Walks nodes; `node` may be removed inside. `next_` is a second variable of the caller. */
#define LIST_EACH(node, next_, head)                                                               \
	for ((node) = (head)->next, (next_) = (node)->next; (node) != (head);                      \
	     (node) = (next_), (next_) = (node)->next)

#endif
