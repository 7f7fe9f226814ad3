/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that is a database: its cursor, its query and what is written back. What PostgreSQL's
 * parser can tell is told here; for SQLite it is asked, too, and where it cannot read the query
 * what comes back has to do.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/build.h"
#include "job/node.h"
#include "job/sql_lint.h"
#include "job/statement.h"

static enum statement_dialect dialect_of(const struct build *b)
{
	return b->job->source.kind == SOURCE_POSTGRES ? STATEMENT_POSTGRES : STATEMENT_SQLITE;
}

static const char *column_of(const struct field *field)
{
	return field->from != NULL ? field->from : field->name;
}

/* The field whose column is the cursor; false with a fault when there is none. */
static bool build_cursor(struct build *b, struct node *cursor)
{
	struct job_source *source = &b->job->source;

	if (cursor == NULL || !b->names_are_known)
		return false;
	for (size_t i = 0; i < source->n_fields; i++) {
		const struct field *field = &source->fields[i];
		if (strcmp(column_of(field), cursor->text) != 0)
			continue;
		if (field->optional)
			build_fault(b, cursor, "field %s may be null, and a cursor may not",
				    field->name);
		else if (field->type == FIELD_JSON || field->type == FIELD_BOOLEAN)
			build_fault(b, cursor, "field %s is of type %s, which has no order",
				    field->name, field_type_name(field->type));
		source->database.cursor_field = i;
		return !cursor->is_bad;
	}
	build_fault(b, cursor,
		    "the cursor is a column that pages go by; no field of "
		    "source.fields is of column %s",
		    QUOTED(cursor->text, cursor->len));
	return false;
}

/* Checks it in the database's own dialect, and gives it in that of the parser: the same text but
 * for how parameters are written. NULL with a fault when its placeholders are not right. */
static struct statement *build_statement(struct build *b, struct node *node, enum template_use use)
{
	struct statement *s = NULL;
	struct err err = ERR_INIT;
	size_t at = 0;

	if (node == NULL || node->is_bad || node->type != NODE_SCALAR || !build_is_given(node) ||
	    !b->names_are_known)
		return NULL;
	int rc = statement_parse(dialect_of(b), use, node->text, node->len, b->job, &s, &at, &err);
	if (rc == 0 && dialect_of(b) == STATEMENT_POSTGRES)
		return s;
	if (rc == 0) {
		struct statement *read = NULL;
		statement_free(s);
		/* What only that dialect takes for a quote is not looked at. */
		rc = statement_parse(STATEMENT_POSTGRES, use, node->text, node->len, b->job, &read,
				     NULL, &err);
		return rc == 0 ? read : NULL;
	}
	if (at > 0)
		build_fault_in(b, node, build_mark_at(node, at), "%s", err.text);
	else
		build_fault(b, node, "%s", err.text);
	return NULL;
}

/* What the parser said of a statement. */
struct lint_answer {
	int rc;
	size_t at; /* of the SQL */
	struct err why;
};

/* Of SQLite only where it could read the text. */
static void say_lint(struct build *b, struct node *node, const struct statement *s,
		     const struct lint_answer *answer)
{
	if (answer->rc == 0 || (answer->rc == SQL_UNREAD && dialect_of(b) == STATEMENT_SQLITE))
		return;
	build_fault_in(b, node, build_mark_at(node, statement_place(s, answer->at)), "%s",
		       answer->why.text);
}

static void build_query(struct build *b, struct node *query)
{
	AUTO(statement) struct statement *s = build_statement(b, query, TEMPLATE_FOR_QUERY);
	const struct job_source *source = &b->job->source;
	struct lint_answer answer = {0};

	if (s == NULL)
		return;
	int cursor = statement_find(s, STATEMENT_CURSOR);
	int page_size = statement_find(s, STATEMENT_PAGE_SIZE);
	if (cursor < 0 || page_size < 0) {
		build_fault(b, query,
			    "%s is missing: pages go by ${cursor} and end with "
			    "${page_size}, as in: where id > ${cursor} order by id "
			    "limit ${page_size}",
			    cursor < 0 ? "${cursor}" : "${page_size}");
		return;
	}
	const struct sql_lint lint = {.sql = statement_sql(s),
				      .cursor = source->database.cursor,
				      .cursor_number = cursor + 1,
				      .page_size_number = page_size + 1,
				      .fields = source->fields,
				      .n_fields = source->n_fields};
	answer.rc = sql_lint_query(&lint, &answer.at, &answer.why);
	say_lint(b, query, s, &answer);
}

static void build_told(struct build *b, struct node *node)
{
	AUTO(statement) struct statement *s = build_statement(b, node, TEMPLATE_FOR_TOLD);
	struct lint_answer answer = {0};

	if (s == NULL)
		return;
	answer.rc = sql_lint_change(statement_sql(s), &answer.at, &answer.why);
	say_lint(b, node, s, &answer);
}

static void check_url(struct build *b, struct node *url)
{
	if (url == NULL || !build_check_template(b, url, TEMPLATE_FOR_WORKER, NULL))
		return;
	bool is_postgres = b->job->source.kind == SOURCE_POSTGRES;
	bool is_uri = strncmp(url->text, "postgres://", 11) == 0 ||
		      strncmp(url->text, "postgresql://", 13) == 0;
	bool is_reference = strncmp(url->text, "env:", 4) == 0 ||
			    strncmp(url->text, "file:", 5) == 0 ||
			    strncmp(url->text, "credential:", 11) == 0 ||
			    strncmp(url->text, "${", 2) == 0;
	if (url->len == 0)
		build_fault(b, url, "expected %s",
			    is_postgres ? "a URL such as postgres://host/database"
					: "the path of a database");
	else if (is_postgres && !is_uri && !is_reference)
		build_fault(b, url,
			    "expected a URL such as postgres://host/database, or env:NAME, "
			    "file:PATH or credential:NAME");
	else if (!is_postgres && is_uri)
		build_fault(b, url, "expected the path of a database, found a URL of PostgreSQL");
}

void build_database(struct build *b, struct node *kind)
{
	struct job_source *source = &b->job->source;

	check_url(b, node_find_good(kind, "url"));
	if (!build_cursor(b, node_find_good(kind, "cursor")))
		return;
	if (source->key == NULL)
		source->key = xstrdup(source->fields[source->database.cursor_field].name);
	build_query(b, node_find_good(kind, "query"));
	build_told(b, node_find_good(kind, "on_done"));
	build_told(b, node_find_good(kind, "on_dead"));
}
