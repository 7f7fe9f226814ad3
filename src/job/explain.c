/* SPDX-License-Identifier: Apache-2.0 */
#include "job/explain.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "job/job.h"
#include "job/node.h"
#include "job/schema.h"
#include "job/tree.h"

enum {
	COMMENT_COLUMN = 40, /* where comments stand, where the value leaves room */
	WIDTH = 78,	     /* of the sentences */
	INDENT = 2,
	FLOW_MAX = 80, /* characters of a list that stands on one line */
	WORDS_MAX = 1 << 20,
};

/* ---- scalars ---- */

/* True when YAML reads the text back as it is without quotes, also inside [ ]. */
static bool is_plain_safe(const char *text)
{
	static const char *const words[] = {"true", "false", "null", "Null", "NULL", "~"};
	size_t len = strlen(text);

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || strchr("_/.", c) != NULL;
		bool is_inner = i > 0 && i + 1 < len && strchr("-+=@ ", c) != NULL;
		bool is_last = i > 0 && i + 1 == len && strchr("%?)", c) != NULL;
		bool is_colon = c == ':' && i > 0 && i + 1 < len && text[i + 1] != ' ';
		bool is_paren = i > 0 && c == '(';
		if (!is_word && !is_inner && !is_last && !is_colon && !is_paren)
			return false;
	}
	return len > 0;
}

static void put_scalar(const struct node *node, struct buf *out)
{
	bool is_safe = node->is_plain || !node_is_json_literal(&(struct node){.type = NODE_SCALAR,
									      .is_plain = true,
									      .text = node->text,
									      .len = node->len});

	if (is_safe && is_plain_safe(node->text))
		buf_puts(out, node->text);
	else if (node_is_json_literal(node))
		buf_puts(out, node->text);
	else
		node_put_quoted(node->text, node->len, out);
}

/* Several lines that a block scalar gives back exactly: one line end at the end, none but plain
 * text. */
static bool is_block(const struct node *node)
{
	if (node->type != NODE_SCALAR || node->len < 2 || strchr(node->text, '\n') == NULL ||
	    strchr(" \n\t", node->text[0]) != NULL || strchr(node->text, '\r') != NULL)
		return false;
	for (const char *p = node->text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' && *p != '\n')
			return false;
	if (!node_is_yaml_safe(node->text, node->len))
		return false;
	return node->text[node->len - 1] != '\n' || node->text[node->len - 2] != '\n';
}

static void put_indent(struct buf *out, int depth)
{
	buf_printf(out, "%*s", depth * INDENT, "");
}

static void put_block(const struct node *node, int depth, struct buf *out)
{
	buf_puts(out, node->text[node->len - 1] == '\n' ? "|\n" : "|-\n");
	for (const char *line = node->text; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		if (n > 0)
			put_indent(out, depth);
		buf_put(out, line, n);
		buf_putc(out, '\n');
		line += n + (line[n] == '\n' ? 1 : 0);
	}
}

/* ---- comments ---- */

static void put_comment(const char *before, const char *text, size_t line_from, struct buf *out)
{
	size_t used = out->len - line_from;

	buf_printf(out, "%*s# %s%s", used < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - used) : 1, "",
		   before, text);
}

/* What holds where a key is absent and has no value to show. */
static void put_absent(const struct schema_key *key, int depth, struct buf *out)
{
	size_t from = out->len;

	put_indent(out, depth);
	buf_printf(out, "# %s: %s", schema_name(key), key->otherwise);
	put_comment("", key->says, from, out);
	buf_putc(out, '\n');
}

/* ---- the tree ---- */

static void put_map(const struct node *map, const struct schema_key *key, int depth,
		    struct buf *out);

static bool put_flow(const struct node *list, struct buf *out)
{
	AUTO(buf) struct buf text = BUF_INIT(FLOW_MAX);

	buf_putc(&text, '[');
	for (const struct node *c = list->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR)
			return false;
		if (c != list->first)
			buf_puts(&text, ", ");
		put_scalar(c, &text);
	}
	buf_putc(&text, ']');
	if (text.failed)
		return false;
	buf_put(out, buf_str(&text), text.len);
	return true;
}

static void put_list(const struct node *list, int depth, struct buf *out)
{
	if (put_flow(list, out)) {
		buf_putc(out, '\n');
		return;
	}
	buf_putc(out, '\n');
	for (const struct node *c = list->first; c != NULL; c = c->next) {
		put_indent(out, depth);
		buf_puts(out, "- ");
		if (c->type == NODE_SCALAR && is_block(c)) {
			put_block(c, depth + 1, out);
			continue;
		}
		if (c->type == NODE_SCALAR)
			put_scalar(c, out);
		else
			node_put_json(c, out);
		buf_putc(out, '\n');
	}
}

static void put_entry(const struct node *node, int depth, struct buf *out)
{
	size_t from = out->len;

	put_indent(out, depth);
	put_scalar(
		&(struct node){.type = NODE_SCALAR, .text = node->name, .len = strlen(node->name)},
		out);
	buf_putc(out, ':');
	if (node->type != NODE_SCALAR && node->key != NULL && (node->key->types & T_ANY) != 0) {
		buf_putc(out, ' ');
		node_put_json(node, out);
		buf_putc(out, '\n');
	} else if (node->type == NODE_MAP && node->n == 0) {
		buf_puts(out, " {}\n");
	} else if (node->type == NODE_MAP) {
		buf_putc(out, '\n');
		put_map(node, node->key, depth + 1, out);
	} else if (node->type == NODE_LIST) {
		buf_putc(out, ' ');
		put_list(node, depth + 1, out);
	} else if (is_block(node)) {
		buf_putc(out, ' ');
		put_block(node, depth + 1, out);
	} else {
		buf_putc(out, ' ');
		put_scalar(node, out);
		if (node->is_default)
			put_comment("default. ", node->key->says, from, out);
		buf_putc(out, '\n');
	}
}

/* Known keys in the order of the schema, a user's names in their own. */
static void put_map(const struct node *map, const struct schema_key *key, int depth,
		    struct buf *out)
{
	bool after_map = false;

	for (const struct schema_key *child = schema_first_child(key); child != NULL;
	     child = schema_next_child(key, child)) {
		const char *name = schema_name(child);
		const struct node *node = node_find(map, name);
		if (depth == 0 && node != NULL && (node->type == NODE_MAP || after_map))
			buf_putc(out, '\n');
		after_map = node != NULL ? node->type == NODE_MAP : after_map;
		if (name[0] == '*') {
			for (const struct node *c = map->first; c != NULL; c = c->next)
				if (c->key == child)
					put_entry(c, depth, out);
		} else if (node != NULL) {
			put_entry(node, depth, out);
		} else if (!child->later && child->otherwise != NULL && depth > 0 &&
			   schema_name(key)[0] != '*') { /* not again for each of a user's names */
			put_absent(child, depth, out);
		}
	}
}

/* Breaks a paragraph into comment lines. */
static void put_wrapped(const char *text, size_t len, struct buf *out)
{
	size_t column = WIDTH; /* so that the first word begins a line */

	for (size_t at = 0; at < len;) {
		size_t n = 0;
		while (at + n < len && text[at + n] != ' ')
			n++;
		size_t width = utf8_width(text + at, n);
		if (column + 1 + width > WIDTH) {
			buf_puts(out, column == WIDTH && at == 0 ? "# " : "\n# ");
			column = 2;
		} else {
			buf_putc(out, ' ');
			column++;
		}
		buf_put(out, text + at, n);
		column += width;
		at += n;
		while (at < len && text[at] == ' ')
			at++;
	}
	buf_putc(out, '\n');
}

/* Of a later step only what is its own: all else was shown with the first. */
static void keep_own(struct node *root)
{
	static const char *const own[] = {"name", "go_on_when", "source",  "filter", "transform",
					  "work", "retry",	"breaker", "chunk"};
	struct node **link = &root->first;

	while (*link != NULL) {
		bool is_own = false;
		for (size_t i = 0; i < ARRAY_LEN(own); i++)
			is_own = is_own || strcmp((*link)->name, own[i]) == 0;
		if (is_own)
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

static void explain_step(const struct job *job, struct buf *out)
{
	struct arena arena = {0};
	AUTO(buf) struct buf words = BUF_INIT(WORDS_MAX);
	struct node *root = tree_of_job(job, &arena);

	if (job->step > 1)
		keep_own(root);
	if (job->step_name != NULL)
		buf_printf(out, "%s# Step %d of %zu: %s\n", job->step > 1 ? "\n" : "", job->step,
			   job->n_steps, job->step_name);
	put_map(root, NULL, 0, out);
	buf_puts(out, "\n# What will happen\n");
	explain_put_words(job, &words);
	for (const char *line = buf_str(&words); *line != '\0';) {
		size_t n = strcspn(line, "\n");
		buf_puts(out, "#\n");
		put_wrapped(line, n, out);
		line += n + (line[n] == '\n' ? 1 : 0);
	}
	arena_done(&arena);
}

void job_explain(const struct job *job, struct buf *out)
{
	assert(job != NULL && out != NULL);
	buf_puts(out, "# The job with every default.\n");
	for (size_t i = 0; i < job->n_steps; i++)
		explain_step(job->steps[i], out);
}
