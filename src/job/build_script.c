/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts: what is wrong with them that can be known here, where in the file it is, and which
 * fields a transform adds. Compiling them is done by who can: job/ has no Lua.
 */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/constant.h"
#include "job/node.h"
#include "job/script_names.h"

/* Where in the file a place in a script is. */
struct mark build_mark_in(const struct node *node, struct script_place place)
{
	if (node->is_block)
		return (struct mark){.line = node->at.line + place.line,
				     .column = node->indent + place.column};
	/* Of a text over several lines YAML leaves no trace of where they were. */
	if (place.line > 1)
		return node->at;
	return (struct mark){.line = node->at.line,
			     .column = node->at.column + place.column - (node->is_plain ? 1 : 0)};
}

struct job_place build_script_place(const struct node *node)
{
	struct mark first = build_mark_in(node, (struct script_place){.line = 1, .column = 1});

	return (struct job_place){.line = first.line, .column = first.column};
}

static enum script_form form_of(enum script_use use)
{
	switch (use) {
	case SCRIPT_TRANSFORM:
		return SCRIPT_ASSIGNS;
	case SCRIPT_WORK:
		return SCRIPT_ACTS;
	case SCRIPT_FILTER:
	case SCRIPT_TEST:
	case SCRIPT_USE_COUNT_:
		break;
	}
	return SCRIPT_GIVES;
}

static bool read_script(struct build *b, struct node *node, enum script_use use,
			struct script_source *source)
{
	struct err err = ERR_INIT;

	if (script_read(form_of(use), node->text, node->len, source, &err) == 0)
		return true;
	build_fault_in(b, node, build_mark_in(node, source->fault), "%s", err.text);
	return false;
}

static void check_names(struct build *b, struct node *node, enum script_use use,
			const struct script_source *source)
{
	for (size_t i = 0; i < source->n_names && b->names_are_known; i++) {
		const struct script_name *name = &source->names[i];
		struct script_binding binding = {0};
		struct err err = ERR_INIT;
		if (script_bind(b->job, use, name, &binding, &err) == 0)
			continue;
		bool is_set = name->set_at.line > 0 && strstr(err.text, "cannot be set") != NULL;
		build_fault_in(b, node, build_mark_in(node, is_set ? name->set_at : name->place),
			       "%s", err.text);
	}
}

void build_script(struct build *b, struct node *node, enum script_use use)
{
	struct script_source source = {0};

	if (node == NULL || node->type != NODE_SCALAR || node->is_bad)
		return;
	if (read_script(b, node, use, &source))
		check_names(b, node, use, &source);
	script_source_done(&source);
}

/* ---- transform ---- */

static struct field *add_field(struct job *job)
{
	job->fields = xrealloc(job->fields, job->n_fields + 1, sizeof(*job->fields));
	job->fields[job->n_fields] = (struct field){0};
	return &job->fields[job->n_fields++];
}

static void add_assigned(struct job *job, const struct script_name *name)
{
	size_t index = 0;

	if (name->set_at.line == 0)
		return;
	for (size_t i = 0; i < job->n_fields; i++)
		if (strlen(job->fields[i].name) == name->len &&
		    memcmp(job->fields[i].name, name->text, name->len) == 0)
			return;
	if (constant_find_name(job, name->text, name->len, &index))
		return; /* which is reported by its name */
	struct field *field = add_field(job);
	field->name = xstrndup(name->text, name->len);
	field->decimal_mark = '.';
	field->optional = true;
	field->is_assigned = true;
}

static void build_transform(struct build *b)
{
	struct node *node = node_find_good(b->root, "transform");
	struct script_source source = {0};

	if (!build_is_given(node) || node->type != NODE_SCALAR)
		return;
	b->job->transform_at = build_script_place(node);
	if (node_find(b->root, "source") == NULL)
		build_fault_key(b, node, "without a source there are no fields to transform");
	else if (read_script(b, node, SCRIPT_TRANSFORM, &source)) {
		for (size_t i = 0; i < source.n_names; i++)
			add_assigned(b->job, &source.names[i]);
		check_names(b, node, SCRIPT_TRANSFORM, &source);
	}
	script_source_done(&source);
	b->names_are_known = b->names_are_known && !node->is_bad;
}

static void check_clash(struct build *b)
{
	struct node *constants = node_find(b->root, "constants");

	if (constants == NULL || constants->type != NODE_MAP)
		return;
	for (struct node *c = constants->first; c != NULL; c = c->next)
		if (c->key != NULL && job_find_field(b->job, c->name, strlen(c->name)) >= 0)
			build_fault_key(b, c,
					"there is a field of this name; call one of them "
					"something else");
}

void build_scripts(struct build *b)
{
	struct node *filter = node_find_good(b->root, "filter");

	check_clash(b);
	if (build_is_given(filter) && filter->type == NODE_SCALAR) {
		b->job->filter_at = build_script_place(filter);
		if (node_find(b->root, "source") == NULL)
			build_fault_key(b, filter,
					"without a source there are no records to leave out");
		else
			build_script(b, filter, SCRIPT_FILTER);
	}
	build_transform(b);
}

struct mark build_mark_at(const struct node *node, size_t at)
{
	struct script_place place = {.line = 1, .column = 1};

	for (size_t i = 0; i < at && i < node->len; i++) {
		bool is_first = ((unsigned char)node->text[i] & 0xc0) != 0x80;
		place.column += is_first ? 1 : 0;
		if (node->text[i] != '\n')
			continue;
		place.line++;
		place.column = 1;
	}
	return build_mark_in(node, place);
}
