/* SPDX-License-Identifier: Apache-2.0 */
/* The source: its kind, its fields, its trailer, and what names an item. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"

static const char *const kind_names[] = {
	[SOURCE_NONE] = "",	    [SOURCE_CSV] = "csv",     [SOURCE_JSONL] = "jsonl",
	[SOURCE_FILES] = "files",   [SOURCE_STDIN] = "stdin", [SOURCE_POSTGRES] = "postgres",
	[SOURCE_SQLITE] = "sqlite", [SOURCE_JSON] = "json",   [SOURCE_XML] = "xml",
	[SOURCE_FIXED] = "fixed",   [SOURCE_STEP] = "step",   [SOURCE_INBOX] = "inbox",
};

static enum source_kind kind_from_name(const char *name)
{
	for (int i = 0; i < SOURCE_KIND_COUNT_; i++)
		if (strcmp(kind_names[i], name) == 0)
			return (enum source_kind)i;
	return SOURCE_NONE;
}

/* ---- fields ---- */

struct builtin {
	const char *name;
	enum field_type type;
};

static const struct builtin file_fields[] = {{"path", FIELD_TEXT},
					     {"name", FIELD_TEXT},
					     {"size", FIELD_INTEGER},
					     {"modified", FIELD_TIMESTAMP}};
static const struct builtin line_fields[] = {{"line", FIELD_TEXT}};

static void add_builtins(struct job_source *source, const struct builtin *builtins, size_t n)
{
	source->fields = xcalloc(n, sizeof(*source->fields));
	source->n_fields = n;
	for (size_t i = 0; i < n; i++)
		source->fields[i] = (struct field){.name = xstrdup(builtins[i].name),
						   .type = builtins[i].type,
						   .decimal_mark = '.'};
}

bool build_is_pointer(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '~' && p[1] != '0' && p[1] != '1')
			return false;
	return text[0] == '/';
}

static void build_from(struct build *b, struct node *from, struct field *field)
{
	bool is_xml = b->job->source.kind == SOURCE_XML;
	bool is_json = b->job->source.kind == SOURCE_JSONL || b->job->source.kind == SOURCE_JSON ||
		       b->job->source.kind == SOURCE_INBOX ||
		       (b->job->source.kind == SOURCE_STDIN &&
			b->job->source.format == STDIN_JSONL);

	if (from == NULL || from->is_bad)
		return;
	if (is_xml && from->text[0] != '/') {
		build_fault(b, from,
			    "expected a path below the element such as /customer/email or /@id, "
			    "found %s",
			    QUOTED(from->text, from->len));
		return;
	}
	if (is_json && !build_is_pointer(from->text)) {
		build_fault(b, from, "expected a JSON pointer such as /customer/email, found %s",
			    QUOTED(from->text, from->len));
		return;
	}
	field->from = xstrdup(from->text);
}

static void build_field(struct build *b, struct node *node, struct field *field)
{
	const struct node *type = node->type == NODE_MAP ? node_find_good(node, "type") : node;
	const struct node *sensitive = node_find_good(node, "sensitive");
	struct err err = ERR_INIT;

	field->name = xstrdup(node->name);
	field->sensitive = sensitive != NULL && strcmp(sensitive->text, "true") == 0;
	if (type == NULL || node_is_bad(node))
		return;
	if (field_parse_type(field, type->text, type->len, &err) < 0)
		unreachable("the type was checked");
	build_from(b, node_find(node, "from"), field);
}

static void build_declared_fields(struct build *b, struct node *fields)
{
	struct job_source *source = &b->job->source;

	source->fields = xcalloc(fields->n + 1, sizeof(*source->fields));
	for (struct node *c = fields->first; c != NULL; c = c->next)
		if (c->key != NULL && build_check_name(b, c, false))
			build_field(b, c, &source->fields[source->n_fields++]);
}

/* Behind those that are declared: when the item was put there. */
static void build_inbox_fields(struct build *b, struct node *fields)
{
	struct job_source *source = &b->job->source;
	struct node *twice = fields == NULL ? NULL : node_find(fields, "added_at");

	if (twice != NULL)
		build_fault_key(b, twice,
				"items of an inbox have added_at by themselves: it says when "
				"they were put there");
	source->fields = xrealloc(source->fields, source->n_fields + 1, sizeof(*source->fields));
	source->fields[source->n_fields++] = (struct field){.name = xstrdup("added_at"),
							    .type = FIELD_TIMESTAMP,
							    .optional = true,
							    .decimal_mark = '.'};
}

static void build_line_field(struct build *b, struct node *fields)
{
	struct job_source *source = &b->job->source;

	if (fields == NULL) {
		add_builtins(source, line_fields, ARRAY_LEN(line_fields));
		return;
	}
	build_declared_fields(b, fields);
	if (!node_is_bad(fields) && (source->n_fields != 1 || source->fields[0].type != FIELD_TEXT))
		build_fault_key(
			b, fields,
			"with format lines an item is one text: declare exactly one field of "
			"type text, or none (it is then called line)");
}

static void build_fields(struct build *b, struct node *source)
{
	struct node *fields = node_find(source, "fields");
	enum source_kind kind = b->job->source.kind;

	if (fields != NULL && fields->type != NODE_MAP)
		return; /* reported */
	if (kind == SOURCE_FILES) {
		add_builtins(&b->job->source, file_fields, ARRAY_LEN(file_fields));
		if (fields != NULL)
			build_fault_key(b, fields,
					"items that are files have the fields path, name, size and "
					"modified, and no others");
	} else if (kind == SOURCE_STDIN && b->job->source.format == STDIN_LINES) {
		build_line_field(b, fields);
	} else if (fields == NULL || fields->n == 0) {
		struct node *at = fields == NULL ? source : fields;
		build_fault_key(b, at, "%sthe fields of an item, by name and type, are missing",
				fields == NULL ? "fields: " : "");
	} else {
		build_declared_fields(b, fields);
	}
	if (kind == SOURCE_INBOX)
		build_inbox_fields(b, fields);
}

/* Work sees these, and what a transform adds. */
static void take_fields(struct job *job)
{
	const struct job_source *source = &job->source;

	job->fields = xcalloc(source->n_fields + 1, sizeof(*job->fields));
	for (size_t i = 0; i < source->n_fields; i++)
		job->fields[i] = source->fields[i];
	job->n_fields = source->n_fields;
}

/* ---- files ---- */

static void build_trailer(struct build *b, struct node *kind)
{
	struct node *columns = node_find_good(node_find(kind, "trailer"), "columns");
	struct job_source *source = &b->job->source;

	if (columns == NULL)
		return;
	source->trailer_columns = xcalloc(columns->n + 1, sizeof(*source->trailer_columns));
	for (struct node *c = columns->first; c != NULL; c = c->next) {
		int64_t number = 0;
		struct err err = ERR_INIT;
		if (c->key == NULL || !build_check_name(b, c, false))
			continue;
		bool is_span = c->type == NODE_LIST;
		if (!is_span && text_parse_int(c->text, c->len, &number, &err) < 0)
			unreachable("the number was checked");
		struct job_column *column = &source->trailer_columns[source->n_trailer_columns++];
		column->name = xstrdup(c->name);
		column->column = (int)number;
		if (source->kind == SOURCE_FIXED)
			build_trailer_span(b, c, column);
	}
}

static void check_files(struct build *b, struct node *kind)
{
	struct node *wait_for = node_find(kind, "wait_for");
	struct node *path = node_find_good(kind, "path");

	if (build_is_unusual(wait_for) && b->job->source.when_missing != JOB_MISSING_WAIT &&
	    b->job->source.stable_for_us == 0)
		build_fault_key(b, wait_for,
				"means something only with when_missing: wait or stable_for");
	if (path != NULL && path->len == 0)
		build_fault(b, path, "expected a path, found ''");
	(void)build_check_template(b, path, TEMPLATE_FOR_PATH, NULL); /* it reported */
}

static void check_csv(struct build *b, struct node *kind)
{
	struct node *delimiter = node_find(kind, "delimiter");
	const struct job_source *source = &b->job->source;
	struct node *at = delimiter != NULL && delimiter->is_default ? node_find(kind, "quote")
								     : delimiter;

	if (at == NULL || node_is_bad(kind))
		return;
	if (source->delimiter == source->quote)
		build_fault(b, at, "delimiter and quote are the same character");
}

/* These say how CSV is written; with lines and JSON they would be ignored. */
static void check_stdin(struct build *b, struct node *kind)
{
	if (b->job->source.format == STDIN_CSV || node_is_bad(node_find(kind, "format"))) {
		check_csv(b, kind);
		return;
	}
	for (struct node *c = kind->first; c != NULL; c = c->next)
		if (c->key != NULL && strcmp(c->name, "format") != 0 && build_is_unusual(c))
			build_fault_key(b, c, "means something only with format: csv");
}

static void check_kind(struct build *b, struct node *kind)
{
	switch (b->job->source.kind) {
	case SOURCE_CSV:
		check_csv(b, kind);
		check_files(b, kind);
		break;
	case SOURCE_JSONL:
	case SOURCE_JSON:
	case SOURCE_XML:
	case SOURCE_FIXED:
	case SOURCE_FILES:
		check_files(b, kind);
		break;
	case SOURCE_STDIN:
		check_stdin(b, kind);
		break;
	case SOURCE_POSTGRES:
	case SOURCE_SQLITE:
		build_database(b, kind);
		break;
	case SOURCE_STEP:
	case SOURCE_INBOX:
	case SOURCE_NONE:
	case SOURCE_KIND_COUNT_:
		break;
	}
}

/* ---- keys ---- */

static void check_key_field(struct build *b, struct node *key)
{
	const struct job_source *source = &b->job->source;
	int index = job_find_field(b->job, key->text, key->len);

	if (index >= 0) {
		if (source->fields[index].optional)
			build_fault(b, key, "field %s may be null, and a key may not",
				    source->fields[index].name);
		return;
	}
	build_fault_no_field(b, key);
}

static void check_key(struct build *b, struct node *source)
{
	struct node *key = node_find_good(source, "key");
	bool is_constant = false;

	if (key == NULL || !b->names_are_known)
		return;
	if (strstr(key->text, "${") == NULL)
		check_key_field(b, key);
	else if (build_check_template(b, key, TEMPLATE_FOR_KEY, &is_constant) && is_constant)
		build_fault(b, key, "all items would have the same key: no field is in it");
}

static void build_unique(struct build *b, struct node *source)
{
	struct node *unique = node_find_good(source, "unique");
	struct job_source *s = &b->job->source;

	if (unique == NULL)
		return;
	if (unique->type == NODE_MAP)
		s->unique = JOB_UNIQUE_WITHIN;
	if (s->unique != JOB_UNIQUE_NONE && !job_has_names(b->job))
		build_fault_key(
			b, unique,
			"needs source.key: the place of a record names nothing beyond its run");
}

/* The kind, and what its items have. */
static void build_kind(struct build *b, struct node *source, struct node *kind)
{
	enum source_kind known = b->job->source.kind;

	if (known == SOURCE_STEP) {
		build_step_source(b, source, kind);
		take_fields(b->job);
		return;
	}
	build_fields(b, source);
	take_fields(b->job);
	if (known == SOURCE_JSON || known == SOURCE_XML || known == SOURCE_FIXED)
		build_document(b, kind);
	build_trailer(b, kind);
	b->names_are_known = b->names_are_known && b->job->source.n_fields > 0 &&
			     !node_is_bad(node_find(source, "fields")) &&
			     !node_is_bad(node_find(kind, "trailer"));
}

void build_source(struct build *b)
{
	struct node *source = node_find(b->root, "source");

	b->names_are_known = !node_is_bad(node_find(b->root, "params")) &&
			     !node_is_bad(node_find(b->root, "secrets")) &&
			     !node_is_bad(node_find(b->root, "constants"));
	b->job->source.retry.jitter = JOB_JITTER_FULL;
	if (source == NULL || source->type != NODE_MAP) {
		b->names_are_known = b->names_are_known && source == NULL;
		return;
	}
	struct node *kind = build_find_kind(b, source, "source");
	if (kind == NULL || kind->type == NODE_LIST || node_is_bad(node_find(kind, "format"))) {
		b->names_are_known = false;
		return;
	}
	b->job->source.kind = kind_from_name(kind->name);
	build_kind(b, source, kind);
	check_kind(b, kind);
	check_key(b, source);
	build_unique(b, source);
	struct node *page = node_find_good(source, "page");
	if (build_is_given(page) && !job_is_from_database(b->job))
		build_fault_key(b, page, "means something only with a database");
	struct node *state = node_find_good(source, "state");
	if (build_is_given(state) && b->job->source.kind != SOURCE_STEP)
		build_fault_key(b, state, "means something only with the items of a step");
}
