/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose records are not told apart by line ends or commas: json, xml, fixed. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"

/* ---- json, xml ---- */

static void build_json(struct build *b, struct node *kind)
{
	struct node *pointer = node_find_good(kind, "pointer");

	if (pointer != NULL && pointer->len > 0 && !build_is_pointer(pointer->text))
		build_fault(b, pointer,
			    "%s is no JSON pointer such as /data/items, nor \"\", the document "
			    "itself",
			    QUOTED(pointer->text, pointer->len));
	else if (pointer != NULL)
		b->job->source.element = xstrdup(pointer->text);
}

/* What an element may be called (XML 1.0, 2.3); what is beyond ASCII is not looked at closely. */
static bool is_xml_name(const char *text)
{
	static const char never[] = " \t\r\n<>/=\"'&;[](){}|#%*+?,@!$^`~\\";

	return text[0] != '\0' && strcspn(text, never) == strlen(text) &&
	       strchr("-.0123456789:", text[0]) == NULL;
}

static void build_xml(struct build *b, struct node *kind)
{
	struct node *element = node_find_good(kind, "element");

	if (element == NULL)
		return;
	if (!is_xml_name(element->text))
		build_fault(b, element, "expected the name of an element, found %s",
			    QUOTED(element->text, element->len));
	else
		b->job->source.element = xstrdup(element->text);
}

/* ---- fixed ---- */

/* [START, LENGTH], in characters, from 1. */
static bool build_span(struct build *b, struct node *node, int *ret_start, int *ret_len)
{
	int64_t number[2] = {0};
	struct err err = ERR_INIT;
	size_t n = 0;

	if (node->type != NODE_LIST || node_is_bad(node))
		return false;
	for (const struct node *c = node->first; c != NULL && n < ARRAY_LEN(number); c = c->next)
		if (text_parse_int(c->text, c->len, &number[n++], &err) < 0)
			unreachable("the number was checked");
	if (node->n != ARRAY_LEN(number) || number[0] > FIXED_LINE_MAX ||
	    number[1] > FIXED_LINE_MAX) {
		build_fault(b, node,
			    "expected [START, LENGTH]: the number of its first character, from 1, "
			    "and how many it has, at most %d",
			    FIXED_LINE_MAX);
		return false;
	}
	*ret_start = (int)number[0];
	*ret_len = (int)number[1];
	return true;
}

static const struct job_span *find_span(const struct job_source *source, const char *name)
{
	for (size_t i = 0; i < source->n_spans; i++)
		if (strcmp(source->spans[i].name, name) == 0)
			return &source->spans[i];
	return NULL;
}

static void check_fixed_fields(struct build *b, struct node *fields)
{
	const struct job_source *source = &b->job->source;

	for (size_t i = 0; i < source->n_fields; i++) {
		const struct field *field = &source->fields[i];
		const char *name = field->from != NULL ? field->from : field->name;
		struct node *node = node_find(fields, field->name);
		if (find_span(source, name) == NULL && node != NULL)
			build_fault_key(b, node, "there is no column %s in columns", name);
	}
}

static void build_fixed(struct build *b, struct node *kind)
{
	struct job_source *source = &b->job->source;
	struct node *columns = node_find_good(kind, "columns");

	if (columns == NULL || columns->type != NODE_MAP)
		return;
	source->spans = xcalloc(columns->n + 1, sizeof(*source->spans));
	for (struct node *c = columns->first; c != NULL; c = c->next) {
		struct job_span *span = &source->spans[source->n_spans];
		if (c->key == NULL || !build_span(b, c, &span->start, &span->len))
			continue;
		span->name = xstrdup(c->name);
		source->n_spans++;
	}
	if (!node_is_bad(columns))
		check_fixed_fields(b, node_find(kind->parent, "fields"));
}

/* A trailer's column of a line: [START, LENGTH], or one of `columns` by its number. */
void build_trailer_span(struct build *b, struct node *node, struct job_column *column)
{
	const struct job_source *source = &b->job->source;

	if (node->type == NODE_LIST) {
		(void)build_span(b, node, &column->column, &column->len); /* it reported */
	} else if ((size_t)column->column > source->n_spans) {
		build_fault(b, node, "there are %zu columns, so none has the number %d",
			    source->n_spans, column->column);
	} else {
		const struct job_span *span = &source->spans[column->column - 1];
		column->column = span->start;
		column->len = span->len;
	}
}

void build_document(struct build *b, struct node *kind)
{
	if (b->job->source.kind == SOURCE_JSON)
		build_json(b, kind);
	else if (b->job->source.kind == SOURCE_XML)
		build_xml(b, kind);
	else
		build_fixed(b, kind);
}
