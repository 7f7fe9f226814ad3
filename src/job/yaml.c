/* SPDX-License-Identifier: Apache-2.0 */
#include "job/yaml.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/node.h"
#include "job/yaml_text.h"

/* A name by which an alias may call a value; the latest of a name counts. */
struct anchor {
	const char *name;
	struct node *node;
	struct anchor *next;
};

/* A collection that is being read. */
struct level {
	struct node *node;
	const char *name; /* the key whose value comes next, NULL when a key comes next */
	struct mark name_at;
	bool is_dropped; /* the value that comes next belongs to a key that was refused */
};

struct yaml_reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct arena *arena;
	struct faults *faults;
	struct anchor *anchors;
	struct tab_lines *tab_lines;
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
	struct node *root;
	size_t n_nodes;
	size_t n_expanded;
	size_t n_documents;
	size_t line_at; /* where the line begins that was looked at last */
	int line;	/* from 1; 0: none yet */
};

static struct mark mark_of(yaml_mark_t mark)
{
	return (struct mark){.line = (int)(mark.line < INT_MAX ? mark.line + 1 : INT_MAX),
			     .column = (int)(mark.column < INT_MAX ? mark.column + 1 : INT_MAX)};
}

/* ---- anchors and aliases ---- */

static void anchor_add(struct yaml_reader *r, const yaml_char_t *name, struct node *node)
{
	if (name == NULL)
		return;
	struct anchor *anchor = arena_new(r->arena, struct anchor);
	anchor->name = arena_str(r->arena, (const char *)name);
	anchor->node = node;
	anchor->next = r->anchors;
	r->anchors = anchor;
}

static const struct anchor *anchor_find(const struct yaml_reader *r, const char *name)
{
	for (const struct anchor *a = r->anchors; a != NULL; a = a->next)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

/* A copy of the tree, NULL when it would be too large or too deep. The depth of the recursion is
 * bounded by YAML_DEPTH_MAX. */
static struct node *node_expand(struct yaml_reader *r, const struct node *from, size_t depth)
{
	if (++r->n_expanded > YAML_EXPANDED_MAX || depth > YAML_DEPTH_MAX)
		return NULL;
	struct node *copy = arena_dup(r->arena, from, sizeof(*from));
	copy->parent = NULL;
	copy->first = NULL;
	copy->last = NULL;
	copy->next = NULL;
	copy->n = 0;
	for (const struct node *c = from->first; c != NULL; c = c->next) {
		struct node *child = node_expand(r, c, depth + 1);
		if (child == NULL)
			return NULL;
		node_append(copy, child);
	}
	return copy;
}

/* ---- building the tree ---- */

static bool reader_count_node(struct yaml_reader *r, struct mark at)
{
	if (++r->n_nodes <= YAML_NODES_MAX)
		return true;
	faults_add(r->faults, at, "the file has more than %d values", YAML_NODES_MAX);
	return false;
}

/* Puts a finished scalar, or a collection that begins, where it belongs. */
static void reader_place(struct yaml_reader *r, struct node *node)
{
	if (r->depth == 0) {
		r->root = node;
		return;
	}
	struct level *level = &r->levels[r->depth - 1];
	if (level->node->type == NODE_MAP) {
		node->name = level->name;
		node->name_at = level->name_at;
		level->name = NULL;
		if (level->is_dropped) {
			level->is_dropped = false;
			return;
		}
	} else {
		node->name = NULL;
		node->name_at = (struct mark){0};
	}
	node_append(level->node, node);
}

/* True when a key is due at the level that is being read. */
static bool reader_wants_key(const struct yaml_reader *r)
{
	return r->depth > 0 && r->levels[r->depth - 1].node->type == NODE_MAP &&
	       r->levels[r->depth - 1].name == NULL;
}

static void reader_add_key(struct yaml_reader *r, const char *name, size_t len, bool is_plain,
			   struct mark at)
{
	struct level *level = &r->levels[r->depth - 1];
	const struct node *twin = node_find(level->node, name);

	level->name = name;
	level->name_at = at;
	level->is_dropped = true;
	if (len > YAML_KEY_BYTES_MAX) {
		faults_add(r->faults, at, "a key of more than %d bytes", YAML_KEY_BYTES_MAX);
	} else if (strlen(name) != len || (len == 0 && is_plain)) {
		faults_add(r->faults, at, "expected a key, found %s",
			   len == 0 ? "nothing" : "a text with a NUL character");
	} else if (is_plain && strcmp(name, "<<") == 0) {
		faults_add(
			r->faults, at,
			"merge keys ('<<') are no part of YAML 1.2; write the keys out, or use an "
			"alias for a whole value");
	} else if (twin != NULL) {
		faults_add(r->faults, at,
			   "key %s stands twice: here and at line %d, column %d; one must go",
			   QUOTED(name, len), twin->name_at.line, twin->name_at.column);
	} else {
		level->is_dropped = false;
	}
}

static bool is_null_text(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		if (strcmp(text, nulls[i]) == 0)
			return true;
	return false;
}

static void reader_check_tag(struct yaml_reader *r, const yaml_char_t *tag, struct mark at)
{
	if (tag == NULL)
		return;
	const char *text = (const char *)tag;
	faults_add(r->faults, at, "tags (%s) are not used in job files; leave it out",
		   QUOTED(text, strlen(text)));
}

/* Tabs inside a block scalar are content. */
static void reader_allow_tabs(struct yaml_reader *r, const yaml_event_t *event)
{
	if (memchr(event->data.scalar.value, '\t', event->data.scalar.length) == NULL)
		return;
	struct tab_lines *lines = arena_new(r->arena, struct tab_lines);
	lines->from = mark_of(event->start_mark).line + 1;
	lines->to = mark_of(event->end_mark).line + (event->end_mark.column > 0 ? 1 : 0);
	lines->next = r->tab_lines;
	r->tab_lines = lines;
}

/* How far the first line of a block scalar that is not blank is set in. Scalars come in the order
 * of the text, so that it is gone through once. */
static int reader_indent(struct yaml_reader *r, int first_line)
{
	while (r->line < first_line) {
		const char *end = memchr(r->text + r->line_at, '\n', r->len - r->line_at);
		if (r->line > 0 && end == NULL)
			return 0;
		r->line_at = r->line == 0 ? 0 : (size_t)(end - r->text) + 1;
		r->line++;
	}
	for (size_t at = r->line_at; at < r->len;) {
		size_t n = 0;
		while (at + n < r->len && r->text[at + n] == ' ')
			n++;
		if (at + n < r->len && r->text[at + n] != '\n' && r->text[at + n] != '\r')
			return (int)(n < INT_MAX ? n : 0);
		const char *end = memchr(r->text + at, '\n', r->len - at);
		at = end == NULL ? r->len : (size_t)(end - r->text) + 1;
	}
	return 0;
}

static bool reader_scalar(struct yaml_reader *r, const yaml_event_t *event)
{
	struct mark at = mark_of(event->start_mark);
	yaml_scalar_style_t style = event->data.scalar.style;
	size_t len = event->data.scalar.length;
	char *text = arena_text(r->arena, (const char *)event->data.scalar.value, len);
	bool is_plain = style == YAML_PLAIN_SCALAR_STYLE;

	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		reader_allow_tabs(r, event);
	reader_check_tag(r, event->data.scalar.tag, at);
	if (reader_wants_key(r)) {
		if (r->levels[r->depth - 1].node->n >= YAML_KEYS_MAX) {
			faults_add(r->faults, at, "more than %d keys in one map", YAML_KEYS_MAX);
			return false;
		}
		reader_add_key(r, text, len, is_plain, at);
		return true;
	}
	bool is_null = is_plain && is_null_text(text);
	struct node *node = node_new(r->arena, is_null ? NODE_NULL : NODE_SCALAR, at);
	node->text = text;
	node->len = len;
	node->is_plain = is_plain;
	node->is_block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	if (node->is_block)
		node->indent = reader_indent(r, at.line + 1);
	if (strlen(text) != len) {
		faults_add(r->faults, at, "a NUL character inside a text");
		node->is_bad = true;
	}
	anchor_add(r, event->data.scalar.anchor, node);
	reader_place(r, node);
	return reader_count_node(r, at);
}

static bool reader_alias(struct yaml_reader *r, const yaml_event_t *event)
{
	struct mark at = mark_of(event->start_mark);
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = anchor_find(r, name);

	if (reader_wants_key(r)) {
		faults_add(r->faults, at, "expected a key, found an alias");
		return false;
	}
	if (anchor == NULL || anchor->node->is_open) {
		faults_add(r->faults, at,
			   anchor == NULL ? "alias %s has no anchor above it"
					  : "alias %s stands inside what it names",
			   QUOTED(name, strlen(name)));
		return false;
	}
	struct node *node = node_expand(r, anchor->node, r->depth + 1);
	if (node == NULL) {
		faults_add(r->faults, at,
			   "aliases expand to more than %d values or %d levels; write it plainly",
			   YAML_EXPANDED_MAX, YAML_DEPTH_MAX);
		return false;
	}
	reader_place(r, node);
	return true;
}

static bool reader_begin(struct yaml_reader *r, const yaml_event_t *event, enum node_type type,
			 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct mark at = mark_of(event->start_mark);

	reader_check_tag(r, tag, at);
	if (reader_wants_key(r)) {
		faults_add(r->faults, at, "expected a key, found a %s",
			   type == NODE_MAP ? "map" : "list");
		return false;
	}
	if (r->depth == YAML_DEPTH_MAX) {
		faults_add(r->faults, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
		return false;
	}
	struct node *node = node_new(r->arena, type, at);
	node->is_open = true;
	anchor_add(r, anchor, node);
	reader_place(r, node);
	r->levels[r->depth++] = (struct level){.node = node};
	return reader_count_node(r, at);
}

static bool reader_end(struct yaml_reader *r)
{
	assert(r->depth > 0);
	r->levels[--r->depth].node->is_open = false;
	return true;
}

static bool reader_document(struct yaml_reader *r, const yaml_event_t *event)
{
	if (++r->n_documents == 1)
		return true;
	faults_add(r->faults, mark_of(event->start_mark),
		   "a second document begins here; one file describes one job");
	return false;
}

/* False when reading must end. */
static bool reader_event(struct yaml_reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	case YAML_STREAM_END_EVENT:
		return false;
	case YAML_DOCUMENT_START_EVENT:
		return reader_document(r, event);
	case YAML_SCALAR_EVENT:
		return reader_scalar(r, event);
	case YAML_ALIAS_EVENT:
		return reader_alias(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return reader_begin(r, event, NODE_LIST, event->data.sequence_start.anchor,
				    event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return reader_begin(r, event, NODE_MAP, event->data.mapping_start.anchor,
				    event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return reader_end(r);
	}
	return false;
}

/* ---- when the parser gives up ---- */

static void reader_complain(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem == NULL ? "cannot be read" : p->problem;
	bool by_offset = p->error == YAML_READER_ERROR;
	struct mark at = by_offset ? yaml_text_mark(r->text, r->len, p->problem_offset)
				   : mark_of(p->problem_mark);
	size_t offset = by_offset ? p->problem_offset : yaml_text_offset(r->text, r->len, at);
	struct mark tab = yaml_text_find_tab(r->text, r->len, r->tab_lines);
	char begins[64] = "";

	if (p->error == YAML_MEMORY_ERROR) {
		faults_add(r->faults, at, "out of memory while it was read");
		return;
	}
	/* the parser's own words about a tab would only puzzle */
	if (tab.line != 0 && tab.line <= at.line) {
		yaml_text_add_tab(tab, r->faults);
		return;
	}
	if (p->context != NULL && p->context_mark.line + 1 < (size_t)at.line)
		(void)snprintf(begins, sizeof(begins), ", in what begins at line %d",
			       mark_of(p->context_mark).line);
	const char *hint = yaml_text_hint(r->text, r->len, offset, problem);
	faults_add(r->faults, at, "this is no valid YAML: %s%s%s%s%s", problem, begins,
		   hint == NULL ? "" : " (", hint == NULL ? "" : hint, hint == NULL ? "" : ")");
}

/* True when the text was read to its end. */
static bool reader_run(struct yaml_reader *r)
{
	yaml_event_t event;

	for (;;) {
		if (yaml_parser_parse(&r->parser, &event) == 0) {
			if (r->parser.error == YAML_MEMORY_ERROR)
				mem_give_up(1, r->len); /* the file is not to blame */
			reader_complain(r);
			return false;
		}
		bool is_end = event.type == YAML_STREAM_END_EVENT;
		bool goes_on = reader_event(r, &event);
		yaml_event_delete(&event);
		if (!goes_on)
			return is_end;
	}
}

struct node *yaml_read(const char *text, size_t len, struct arena *arena, struct faults *faults)
{
	struct yaml_reader r = {.text = text, .len = len, .arena = arena, .faults = faults};

	assert(arena != NULL && faults != NULL);
	if (!yaml_text_check(text, len, faults))
		return NULL;
	if (yaml_parser_initialize(&r.parser) == 0)
		mem_give_up(1, sizeof(r.parser));
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	bool is_read = reader_run(&r);
	yaml_parser_delete(&r.parser);
	if (!is_read)
		return NULL;
	struct mark tab = yaml_text_find_tab(text, len, r.tab_lines);
	if (tab.line != 0)
		yaml_text_add_tab(tab, faults);
	if (r.root == NULL)
		faults_add(faults, (struct mark){.line = 1, .column = 1},
			   "the file is empty; the least is a job and its work");
	return r.root;
}
