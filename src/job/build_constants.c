/* SPDX-License-Identifier: Apache-2.0 */
/* constants: a tree of values, typed by how they are written. */
#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/constant.h"
#include "job/node.h"

static void build_constant(struct build *b, struct node *node, struct job_constant *constant);

/* A number that YAML's readers would take for many things. */
static bool is_doubtful(const struct node *node)
{
	const char *digits = node->text + (strchr("+-", node->text[0]) != NULL ? 1 : 0);

	return node->is_plain && node->len > 1 && strspn(digits, "0123456789") == strlen(digits) &&
	       digits[0] != '\0';
}

static void build_number(struct build *b, struct node *node, struct job_constant *constant)
{
	struct decimal d = {0};
	struct err err = ERR_INIT;

	constant->type = strchr(node->text, '.') == NULL ? FIELD_INTEGER : FIELD_DECIMAL;
	if (decimal_parse(node->text, node->len, '.', &d, &err) < 0)
		build_fault(b, node, "%s; write its digits, or put quotes around a text", err.text);
}

static void build_value(struct build *b, struct node *node, struct job_constant *constant)
{
	bool is_literal = node_is_json_literal(node);
	bool is_word = strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0;

	constant->text = xstrdup(node->text);
	constant->type = FIELD_TEXT;
	if (is_literal && is_word)
		constant->type = FIELD_BOOLEAN;
	else if (is_literal)
		build_number(b, node, constant);
	else if (is_doubtful(node))
		build_fault(b, node,
			    "expected a number without a sign '+' or zeros in front, or a text in "
			    "quotes, found %s",
			    QUOTED(node->text, node->len));
}

static void build_members(struct build *b, struct node *node, struct job_constant *constant)
{
	constant->kind = node->type == NODE_MAP ? CONSTANT_MAP : CONSTANT_LIST;
	constant->members = xcalloc(node->n + 1, sizeof(*constant->members));
	for (struct node *c = node->first; c != NULL; c = c->next)
		build_constant(b, c, &constant->members[constant->n++]);
}

/* The depth is bounded by the reader of the file. */
static void build_constant(struct build *b, struct node *node, struct job_constant *constant)
{
	constant->name = node->name == NULL ? NULL : xstrdup(node->name);
	switch (node->type) {
	case NODE_SCALAR:
		build_value(b, node, constant);
		break;
	case NODE_LIST:
	case NODE_MAP:
		build_members(b, node, constant);
		break;
	case NODE_NULL:
		build_fault(b, node, "has no value (null); give it one or leave it out");
		break;
	case NODE_TYPE_COUNT_:
		break;
	}
}

void build_constants(struct build *b)
{
	struct node *constants = node_find(b->root, "constants");

	if (constants == NULL || constants->type != NODE_MAP)
		return;
	b->job->constants = xcalloc(constants->n + 1, sizeof(*b->job->constants));
	for (struct node *c = constants->first; c != NULL; c = c->next)
		if (c->key != NULL && build_check_name(b, c, false))
			build_constant(b, c, &b->job->constants[b->job->n_constants++]);
}
