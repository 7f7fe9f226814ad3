/* SPDX-License-Identifier: Apache-2.0 */
#include "job/steps.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "job/fault.h"
#include "job/job.h"
#include "job/node.h"
#include "job/schema.h"

/* What a step has of its own; what it does not say of the last three, the job may say for all. */
static const char *const parts[] = {"source", "filter",	 "transform", "work",
				    "retry",  "breaker", "chunk"};
enum { N_NEVER_OF_THE_JOB = 4 };
/* Of no job without steps. */
static const char *const own[] = {"name", "go_on_when"};

static void check_names(const struct node *steps, struct faults *faults)
{
	for (const struct node *c = steps->first; c != NULL; c = c->next) {
		const struct node *name = node_find_good(c, "name");
		for (const struct node *e = steps->first; name != NULL && e != c; e = e->next) {
			const struct node *other = node_find_good(e, "name");
			if (other != NULL && strcmp(other->text, name->text) == 0)
				faults_add(faults, name->at,
					   "steps: a step before this one is called '%s' too",
					   name->text);
		}
	}
}

size_t steps_check(struct node *root, struct faults *faults)
{
	struct node *steps = node_find(root, "steps");

	if (steps == NULL || steps->type != NODE_LIST)
		return 0;
	if (steps->n == 0 || steps->n > JOB_STEPS_MAX)
		faults_add(faults, node_mark(steps), "steps: expected 1 to %d of them, found %zu",
			   JOB_STEPS_MAX, steps->n);
	for (size_t i = 0; i < N_NEVER_OF_THE_JOB; i++) {
		const struct node *part = node_find(root, parts[i]);
		if (part != NULL)
			faults_add(faults, node_mark(part),
				   "%s: a job with steps has it in its steps", parts[i]);
	}
	check_names(steps, faults);
	return steps->n > JOB_STEPS_MAX ? JOB_STEPS_MAX : steps->n;
}

/* ---- what they say of each other ---- */

enum { USES_MAX = 1024 };

static const char step_prefix[] = "${step.";

struct look {
	struct arena *arena;
	const char **uses;
	size_t n;
};

static void look_at_text(struct look *look, const char *text)
{
	for (const char *p = text; (p = strstr(p, step_prefix)) != NULL;) {
		p += sizeof(step_prefix) - 1;
		const char *end = strchr(p, '}');
		if (end == NULL || look->n == USES_MAX)
			return;
		look->uses[look->n++] = arena_text(look->arena, p, (size_t)(end - p));
	}
}

/* The depth is bounded by the reader. */
static void look_at_node(struct look *look, const struct node *node)
{
	if (node->type == NODE_SCALAR)
		look_at_text(look, node->text);
	for (const struct node *c = node->first; c != NULL; c = c->next)
		look_at_node(look, c);
}

void steps_look(const struct node *root, struct arena *arena, struct steps_seen *ret_seen)
{
	const struct node *steps = node_find(root, "steps");
	struct look look = {.arena = arena};

	*ret_seen = (struct steps_seen){0};
	if (steps == NULL || steps->type != NODE_LIST)
		return;
	const char **names = arena_alloc(arena, (steps->n + 1) * sizeof(*names));
	size_t n = 0;
	look.uses = arena_alloc(arena, (USES_MAX + 1) * sizeof(*look.uses));
	for (const struct node *c = steps->first; c != NULL; c = c->next) {
		const struct node *name = node_find_good(c, "name");
		bool is_text = name != NULL && name->type == NODE_SCALAR;
		names[n++] = is_text ? arena_str(arena, name->text) : "";
		look_at_node(&look, c);
	}
	ret_seen->names = names;
	ret_seen->uses = look.uses;
}

int steps_number(const char *const *names, const char *name, size_t len)
{
	for (int i = 0; names != NULL && names[i] != NULL; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i + 1;
	return 0;
}

/* ---- one of them ---- */

static void take_out(struct node *map, const struct node *child)
{
	struct node *before = NULL;

	for (struct node *c = map->first; c != child; c = c->next)
		before = c;
	if (before == NULL)
		map->first = child->next;
	else
		before->next = child->next;
	if (map->last == child)
		map->last = before;
	map->n--;
}

/* The part stands at the top; faults of it are still told where it is written. */
static void move_up(struct node *root, struct node *part)
{
	struct node *from = part->parent;
	const struct node *of_all = node_find(root, part->name);

	if (of_all != NULL)
		take_out(root, of_all);
	take_out(from, part);
	part->next = NULL;
	node_append(root, part);
	part->parent = from;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (part->key != NULL && strcmp(part->name, parts[i]) == 0)
			part->key = schema_find(parts[i]);
}

void steps_select(struct node *root, size_t step)
{
	struct node *steps = node_find(root, "steps");
	struct node *of = steps == NULL ? NULL : steps->first;

	if (of == NULL)
		return;
	for (size_t i = 1; i < step; i++)
		of = of->next;
	assert(of != NULL);
	take_out(root, steps);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct node *part = node_find(of, parts[i]);
		if (part != NULL)
			move_up(root, part);
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct node *part = node_find(of, own[i]);
		if (part != NULL)
			move_up(root, part);
	}
}
