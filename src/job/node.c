/* SPDX-License-Identifier: Apache-2.0 */
#include "job/node.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/utf8.h"

struct node *node_new(struct arena *arena, enum node_type type, struct mark at)
{
	struct node *node = arena_new(arena, struct node);

	node->type = type;
	node->at = at;
	return node;
}

void node_append(struct node *parent, struct node *child)
{
	assert(parent->type == NODE_LIST || parent->type == NODE_MAP);
	child->parent = parent;
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
	parent->n++;
}

struct node *node_find(const struct node *map, const char *name)
{
	if (map == NULL || map->type != NODE_MAP)
		return NULL;
	for (struct node *c = map->first; c != NULL; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

struct node *node_find_good(const struct node *map, const char *name)
{
	struct node *child = node_find(map, name);

	return node_is_bad(child) ? NULL : child;
}

/* Depth is bounded by the reader. */
bool node_is_bad(const struct node *node)
{
	if (node == NULL)
		return false;
	if (node->is_bad)
		return true;
	for (const struct node *c = node->first; c != NULL; c = c->next)
		if (node_is_bad(c))
			return true;
	return false;
}

struct mark node_mark(const struct node *node)
{
	return node->name_at.line != 0 ? node->name_at : node->at;
}

void node_put_path(const struct node *node, struct buf *out)
{
	if (node->parent == NULL)
		return;
	node_put_path(node->parent, out);
	if (node->name == NULL) {
		buf_puts(out, "[]");
		return;
	}
	if (node->parent->parent != NULL)
		buf_putc(out, '.');
	buf_puts(out, node->name);
}

static size_t skip_digits(const char *text, size_t at)
{
	while (text[at] >= '0' && text[at] <= '9')
		at++;
	return at;
}

/* RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool is_json_number(const char *text)
{
	size_t at = text[0] == '-' ? 1 : 0;
	size_t end = skip_digits(text, at);

	if (end == at || (text[at] == '0' && end > at + 1))
		return false;
	at = end;
	if (text[at] == '.') {
		end = skip_digits(text, at + 1);
		if (end == at + 1)
			return false;
		at = end;
	}
	if (text[at] == 'e' || text[at] == 'E') {
		at += text[at + 1] == '+' || text[at + 1] == '-' ? 2 : 1;
		end = skip_digits(text, at);
		if (end == at)
			return false;
		at = end;
	}
	return text[at] == '\0';
}

bool node_is_json_literal(const struct node *node)
{
	if (node->type != NODE_SCALAR || !node->is_plain)
		return false;
	return strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0 ||
	       is_json_number(node->text);
}

/* What the JSON writer makes, less its quotes. */
void node_put_inside(const char *text, size_t len, struct buf *out)
{
	size_t from = out->len;

	json_put_string(out, text, len);
	if (out->failed)
		return;
	memmove(out->data + from, out->data + from + 1, out->len - from - 2);
	out->len -= 2;
	out->data[out->len] = '\0';
}

/* Characters that a YAML reader refuses, or takes for the end of a line. */
static bool is_unsafe(uint32_t c)
{
	return (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       c == 0xfffe || c == 0xffff;
}

bool node_is_yaml_safe(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t at = 0; at < len; at += n)
		if (is_unsafe(utf8_decode(text + at, &n)))
			return false;
	return true;
}

void node_put_quoted(const char *text, size_t len, struct buf *out)
{
	size_t from = 0; /* of what the JSON writer may have */

	buf_putc(out, '"');
	for (size_t at = 0; at <= len;) {
		size_t n = 1;
		uint32_t c = at < len ? utf8_decode(text + at, &n) : 0;
		if (at < len && !is_unsafe(c)) {
			at += n;
			continue;
		}
		node_put_inside(text + from, at - from, out);
		if (at < len)
			buf_printf(out, "\\u%04x", (unsigned)c);
		at += n;
		from = at;
	}
	buf_putc(out, '"');
}

static void put_children(const struct node *node, struct buf *out)
{
	for (const struct node *c = node->first; c != NULL; c = c->next) {
		if (c != node->first)
			buf_putc(out, ',');
		if (c->name != NULL) {
			node_put_quoted(c->name, strlen(c->name), out);
			buf_putc(out, ':');
		}
		node_put_json(c, out);
	}
}

void node_put_json(const struct node *node, struct buf *out)
{
	switch (node->type) {
	case NODE_NULL:
		buf_puts(out, "null");
		break;
	case NODE_SCALAR:
		if (node_is_json_literal(node))
			buf_put(out, node->text, node->len);
		else
			node_put_quoted(node->text, node->len, out);
		break;
	case NODE_LIST:
	case NODE_MAP:
		buf_putc(out, node->type == NODE_LIST ? '[' : '{');
		put_children(node, out);
		buf_putc(out, node->type == NODE_LIST ? ']' : '}');
		break;
	case NODE_TYPE_COUNT_:
		break;
	}
}
