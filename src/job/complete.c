/* SPDX-License-Identifier: Apache-2.0 */
#include "job/complete.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "job/node.h"
#include "job/schema.h"

/* A run that takes twice an attempt's time without settling anything has stalled, but not before
 * this. */
#define STALLED_LEAST (10 * US_PER_MIN)

static void complete_node(struct node *node, struct arena *arena);

static struct node *new_default(struct arena *arena, enum node_type type,
				const struct schema_key *key)
{
	struct node *node = node_new(arena, type, (struct mark){0});

	node->is_default = true;
	node->key = key;
	node->name = schema_name(key);
	return node;
}

/* A default as the table writes it: plain or in quotes. */
static struct node *new_scalar(struct arena *arena, const struct schema_key *key, const char *text)
{
	struct node *node = new_default(arena, NODE_SCALAR, key);
	size_t len = strlen(text);

	node->is_plain = !(len >= 2 && strchr("\"'", text[0]) != NULL && text[len - 1] == text[0]);
	node->text = node->is_plain ? text : arena_text(arena, text + 1, len - 2);
	node->len = strlen(node->text);
	return node;
}

static bool has_required(const struct schema_key *key)
{
	for (const struct schema_key *child = schema_first_child(key); child != NULL;
	     child = schema_next_child(key, child))
		if (child->is_required)
			return true;
	return false;
}

/* A map that is there in any case, such as `retry`: with its defaults, unless it has none. */
static void add_section(struct node *map, const struct schema_key *key, struct arena *arena)
{
	if (key->types != T_MAP || key->is_required || key->otherwise != NULL || has_required(key))
		return;
	struct node *section = new_default(arena, NODE_MAP, key);
	complete_node(section, arena);
	if (section->n > 0)
		node_append(map, section);
}

static void add_missing(struct node *map, const struct schema_key *parent, struct arena *arena)
{
	for (const struct schema_key *key = schema_first_child(parent); key != NULL;
	     key = schema_next_child(parent, key)) {
		const char *name = schema_name(key);
		if (key->later || key->is_kind || name[0] == '*' || name[0] == '[' ||
		    node_find(map, name) != NULL)
			continue;
		if (key->fallback != NULL)
			node_append(map, new_scalar(arena, key, key->fallback));
		else
			add_section(map, key, arena);
	}
}

/* Goes into what is there, then adds what is not; the depth is bounded by the reader. */
static void complete_node(struct node *node, struct arena *arena)
{
	for (struct node *c = node->first; c != NULL; c = c->next)
		if (c->key != NULL && !c->key->later)
			complete_node(c, arena);
	if (node->type == NODE_MAP && node->key != NULL && (node->key->types & T_MAP) != 0 &&
	    !node->is_bad)
		add_missing(node, node->key, arena);
}

/* ---- defaults that depend on other keys ---- */

static void set_default(struct node *map, const char *path, const char *text, struct arena *arena)
{
	const struct schema_key *key = schema_find(path);

	assert(key != NULL);
	if (map != NULL && map->type == NODE_MAP && node_find(map, schema_name(key)) == NULL)
		node_append(map, new_scalar(arena, key, text));
}

static void complete_stalled_after(struct node *root, struct arena *arena)
{
	const struct node *timeout = node_find_good(node_find(root, "work"), "timeout");
	struct err err = ERR_INIT;
	int64_t us = 0;

	if (timeout == NULL || text_parse_duration(timeout->text, timeout->len, &us, &err) < 0)
		us = 0;
	AUTO(buf) struct buf text = BUF_INIT(64);
	text_put_duration(&text, 2 * us > STALLED_LEAST ? 2 * us : STALLED_LEAST);
	set_default(node_find(root, "window"), "window.stalled_after",
		    arena_str(arena, buf_str(&text)), arena);
}

/* What is answered by somebody else adapts to him; programs are bounded by the CPUs. */
static void complete_concurrency(struct node *work, const struct node *exec, struct arena *arena)
{
	const struct node *mode = node_find_good(exec, "mode");
	bool is_stream = mode != NULL && strcmp(mode->text, "stream") == 0;
	const struct schema_key *key = schema_find("work.concurrency");

	if (work == NULL || work->type != NODE_MAP || node_find(work, "concurrency") != NULL ||
	    node_find(work, "noop") != NULL || node_find(work, "file") != NULL ||
	    (exec != NULL && !is_stream))
		return;
	struct node *map = new_default(arena, NODE_MAP, key);
	complete_node(map, arena);
	node_append(work, map);
}

void complete_tree(struct node *root, struct arena *arena)
{
	assert(root != NULL && root->type == NODE_MAP && arena != NULL);
	for (struct node *c = root->first; c != NULL; c = c->next)
		if (c->key != NULL && !c->key->later)
			complete_node(c, arena);
	add_missing(root, NULL, arena);
	struct node *work = node_find(root, "work");
	struct node *exec = node_find(work, "exec");
	set_default(root, "once_per", "day", arena); /* there are no schedules yet */
	bool is_once = exec != NULL || node_find(work, "http") != NULL;
	bool is_marked = node_find(work, "sql") != NULL || node_find(work, "table") != NULL ||
			 node_find(work, "file") != NULL;
	set_default(work, "work.effect",
		    is_marked ? "transactional"
		    : is_once ? "once"
			      : "idempotent",
		    arena);
	set_default(exec, "work.exec.input", node_find(root, "source") != NULL ? "json" : "none",
		    arena);
	struct node *source = node_find(root, "source");
	if (node_find(source, "postgres") != NULL || node_find(source, "sqlite") != NULL)
		set_default(source, "source.page", "1000", arena);
	complete_concurrency(work, exec, arena);
	complete_stalled_after(root, arena);
}
