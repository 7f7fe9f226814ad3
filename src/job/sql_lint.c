/* SPDX-License-Identifier: Apache-2.0 */
#include "job/sql_lint.h"

#include <assert.h>
#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "job/field.h"
#include "sys/late.h"

enum { TREE_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- the library ---- */

static struct {
	__typeof__(pg_query_parse) *parse;
	__typeof__(pg_query_free_parse_result) *free_result;
} calls;

static const char *const names[] = {"pg_query_parse", "pg_query_free_parse_result"};

/* Its own names stay its own: some are those of other libraries. */
static struct late_library library = {
	.file = "libpg_query.so.1504.0",
	.package = "libpg-query1504.0",
	.names = names,
	.n = ARRAY_LEN(names),
	.calls = &calls,
};

/* The tree of `sql`; 0, SQL_UNREAD or a failure. `*ret_root` NULL: too deep to be looked at. */
static int parse(const char *sql, struct json_doc **ret_doc, const struct json **ret_root,
		 size_t *ret_at, struct err *err)
{
	struct err why = ERR_INIT;
	int rc = late_load(&library, err);

	*ret_root = NULL;
	if (rc != 0) {
		err_add(err, "SQL cannot be checked: ");
		return rc;
	}
	PgQueryParseResult result = calls.parse(sql);
	if (result.error != NULL) {
		int at = result.error->cursorpos;
		*ret_at = at > 0 ? (size_t)at - 1 : 0;
		err_set(err, ERR_CONFIG, 0, "%s", result.error->message);
		rc = SQL_UNREAD;
	} else if (json_parse(result.parse_tree, strlen(result.parse_tree), TREE_BYTES_MAX, ret_doc,
			      ret_root, &why) != 0) {
		*ret_root = NULL;
	}
	calls.free_result(result);
	return rc;
}

/* ---- the tree ---- */

static const struct json *child(const struct json *node, const char *name)
{
	return node == NULL ? NULL : json_find(node, name, strlen(name));
}

static const char *text_of(const struct json *node, const char *name)
{
	const struct json *found = child(node, name);

	return found == NULL || found->type != JSON_STRING ? "" : found->text;
}

static int number_of(const struct json *node, const char *name)
{
	const struct json *found = child(node, name);
	struct err err = ERR_INIT;
	int64_t number = 0;

	if (found == NULL || found->type != JSON_NUMBER ||
	    text_parse_int(found->text, found->text_len, &number, &err) < 0 || number > INT32_MAX)
		return 0;
	return (int)number;
}

static size_t place_of(const struct json *node)
{
	int at = number_of(node, "location");

	return at > 0 ? (size_t)at : 0;
}

static const struct json *last_of(const struct json *list)
{
	const struct json *last = list == NULL ? NULL : list->first;

	while (last != NULL && last->next != NULL)
		last = last->next;
	return last;
}

/* The last part of a column's name, NULL when the node is none. */
static const char *column_name(const struct json *node)
{
	const struct json *last = last_of(child(child(node, "ColumnRef"), "fields"));
	const struct json *text = child(last, "String");

	return text == NULL ? NULL : text_of(text, "sval");
}

/* What a cast is of. */
static const struct json *without_casts(const struct json *node)
{
	while (child(node, "TypeCast") != NULL)
		node = child(child(node, "TypeCast"), "arg");
	return node;
}

static bool is_parameter(const struct json *node, int number)
{
	return number_of(child(without_casts(node), "ParamRef"), "number") == number;
}

/* An operand of an expression, or one of a list (`between`, `in`). */
static bool is_operand(const struct json *operand, int number)
{
	const struct json *list = child(child(operand, "List"), "items");

	for (const struct json *c = list == NULL ? NULL : list->first; c != NULL; c = c->next)
		if (is_parameter(c, number))
			return true;
	return is_parameter(operand, number);
}

/* An expression everywhere below in which this parameter is anything but less than the other side.
 */
static const struct json *find_misused(const struct json *node, int number)
{
	const struct json *e = child(node, "A_Expr");

	if (node == NULL || (node->type != JSON_OBJECT && node->type != JSON_ARRAY))
		return NULL;
	const char *operator= text_of(child(last_of(child(e, "name")), "String"), "sval");
	if (is_operand(child(e, "lexpr"), number) && strcmp(operator, "<") != 0)
		return e;
	if (is_operand(child(e, "rexpr"), number) && strcmp(operator, ">") != 0)
		return e;
	for (const struct json *c = node->first; c != NULL; c = c->next) {
		const struct json *found = find_misused(c, number);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool has_star(const struct json *column)
{
	return child(last_of(child(column, "fields")), "A_Star") != NULL;
}

/* ---- the rules of a query ---- */

/* What PostgreSQL calls an output column, NULL where it has no name of its own. */
static const char *output_name(const struct json *target)
{
	const struct json *value = child(target, "val");

	if (text_of(target, "name")[0] != '\0')
		return text_of(target, "name");
	value = without_casts(value);
	if (child(value, "FuncCall") != NULL)
		return text_of(
			child(last_of(child(child(value, "FuncCall"), "funcname")), "String"),
			"sval");
	return column_name(value);
}

/* The first of several united queries, which names the columns. */
static const struct json *first_select(const struct json *select)
{
	while (child(select, "larg") != NULL)
		select = child(select, "larg");
	return select;
}

static int refuse_stars(const struct json *select, size_t *ret_at, struct err *err)
{
	const struct json *targets = child(select, "targetList");
	int rc = 0;

	if (child(select, "larg") != NULL) {
		rc = refuse_stars(child(select, "larg"), ret_at, err);
		return rc != 0 ? rc : refuse_stars(child(select, "rarg"), ret_at, err);
	}
	for (const struct json *t = targets == NULL ? NULL : targets->first; t != NULL;
	     t = t->next) {
		const struct json *column = child(child(child(t, "ResTarget"), "val"), "ColumnRef");
		if (column == NULL || !has_star(column))
			continue;
		*ret_at = place_of(column);
		return ERR(err, ERR_CONFIG,
			   "select *: name the columns, so that one that is added to the table "
			   "changes nothing here");
	}
	return 0;
}

static const struct json *find_target(const struct json *select, const char *name, size_t *ret_n)
{
	const struct json *targets = child(first_select(select), "targetList");
	const struct json *found = NULL;

	*ret_n = 0;
	for (const struct json *t = targets == NULL ? NULL : targets->first; t != NULL;
	     t = t->next) {
		const struct json *target = child(t, "ResTarget");
		const char *own = output_name(target);
		if (own == NULL || strcmp(own, name) != 0)
			continue;
		found = target;
		++*ret_n;
	}
	return found;
}

static int check_columns(const struct sql_lint *lint, const struct json *select, size_t *ret_at,
			 struct err *err)
{
	const struct json *targets = child(first_select(select), "targetList");
	size_t n = 0;

	*ret_at = targets == NULL ? 0 : place_of(child(targets->first, "ResTarget"));
	if (find_target(select, lint->cursor, &n) == NULL)
		return ERR(err, ERR_CONFIG, "the cursor, column %s, is not selected",
			   QUOTED(lint->cursor, strlen(lint->cursor)));
	for (size_t i = 0; i < lint->n_fields; i++) {
		const struct field *field = &lint->fields[i];
		const char *column = field->from != NULL ? field->from : field->name;
		const struct json *target = find_target(select, column, &n);
		if (n == 1)
			continue;
		if (n == 0)
			return ERR(err, ERR_CONFIG, "the query selects no column %s (field %s)",
				   QUOTED(column, strlen(column)), field->name);
		*ret_at = place_of(target);
		return ERR(err, ERR_CONFIG, "the query selects %zu columns called %s", n,
			   QUOTED(column, strlen(column)));
	}
	return 0;
}

/* Whether the expression is the cursor: by its name, or as it is selected. */
static bool is_cursor(const struct sql_lint *lint, const struct json *select,
		      const struct json *node)
{
	size_t n = 0;
	const char *name = column_name(node);
	const struct json *target = find_target(select, lint->cursor, &n);
	const char *selected = target == NULL ? NULL : column_name(child(target, "val"));

	if (name == NULL)
		return false;
	return strcmp(name, lint->cursor) == 0 || (selected != NULL && strcmp(name, selected) == 0);
}

static int check_order(const struct sql_lint *lint, const struct json *select, size_t *ret_at,
		       struct err *err)
{
	const struct json *sort = child(select, "sortClause");
	const struct json *by = child(sort == NULL ? NULL : sort->first, "SortBy");
	const struct json *node = child(by, "node");
	const char *direction = text_of(by, "sortby_dir");

	*ret_at = 0;
	if (by == NULL)
		return ERR(err, ERR_CONFIG, "the query has no order by %s, so pages mean nothing",
			   lint->cursor);
	for (const struct json *s = sort->first; s != NULL; s = s->next) {
		const struct json *constant = child(child(child(s, "SortBy"), "node"), "A_Const");
		if (constant == NULL)
			continue;
		*ret_at = place_of(constant);
		return ERR(err, ERR_CONFIG,
			   "order by a position: name the column, so that another one in front "
			   "changes nothing here");
	}
	*ret_at = node == NULL || node->first == NULL ? 0 : place_of(node->first);
	if (!is_cursor(lint, select, node))
		return ERR(err, ERR_CONFIG, "the query must be ordered by the cursor, %s, first",
			   lint->cursor);
	if (strcmp(direction, "SORTBY_DEFAULT") != 0 && strcmp(direction, "SORTBY_ASC") != 0)
		return ERR(err, ERR_CONFIG, "the cursor must rise: order by %s, without desc",
			   lint->cursor);
	return 0;
}

static int check_parameters(const struct sql_lint *lint, const struct json *select, size_t *ret_at,
			    struct err *err)
{
	const struct json *limit = child(select, "limitCount");
	const struct json *offset = child(select, "limitOffset");
	const struct json *misused = find_misused(select, lint->cursor_number);

	*ret_at = limit == NULL || limit->first == NULL ? 0 : place_of(limit->first);
	if (!is_parameter(limit, lint->page_size_number))
		return ERR(err, ERR_CONFIG,
			   "the query must end with limit ${page_size}, so that a page ends");
	if (offset != NULL) {
		*ret_at = offset->first == NULL ? *ret_at : place_of(offset->first);
		return ERR(err, ERR_CONFIG, "offset leaves out rows of each page: leave it out");
	}
	if (misused == NULL)
		return 0;
	*ret_at = place_of(misused);
	return ERR(err, ERR_CONFIG,
		   "a page begins behind the last row of the one before: write %s > ${cursor}",
		   lint->cursor);
}

/* The one statement of the tree, or NULL. */
static const struct json *only_statement(const struct json *root)
{
	const struct json *statements = child(root, "stmts");

	if (statements == NULL || statements->n != 1)
		return NULL;
	return child(statements->first, "stmt");
}

static int check_query(const struct sql_lint *lint, const struct json *select, size_t *ret_at,
		       struct err *err)
{
	*ret_at = 0;
	if (select == NULL)
		return ERR(err, ERR_CONFIG, "expected one select, and nothing else");
	if (child(select, "lockingClause") != NULL || child(select, "intoClause") != NULL)
		return ERR(err, ERR_CONFIG, "a source only reads: no for update, no into");
	int rc = refuse_stars(select, ret_at, err);
	if (rc == 0)
		rc = check_columns(lint, select, ret_at, err);
	if (rc == 0)
		rc = check_order(lint, select, ret_at, err);
	return rc != 0 ? rc : check_parameters(lint, select, ret_at, err);
}

int sql_lint_query(const struct sql_lint *lint, size_t *ret_at, struct err *err)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;

	assert(lint != NULL && ret_at != NULL && err != NULL);
	int rc = parse(lint->sql, &doc, &root, ret_at, err);
	if (rc != 0 || root == NULL)
		return rc;
	return check_query(lint, child(only_statement(root), "SelectStmt"), ret_at, err);
}

/* ---- the rules of a change ---- */

int sql_lint_change(const char *sql, size_t *ret_at, struct err *err)
{
	static const char *const kinds[] = {"InsertStmt", "UpdateStmt", "DeleteStmt",
					    "SelectStmt", "MergeStmt",	"CallStmt"};
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;

	assert(sql != NULL && ret_at != NULL && err != NULL);
	int rc = parse(sql, &doc, &root, ret_at, err);
	if (rc != 0 || root == NULL)
		return rc;
	*ret_at = 0;
	const struct json *statement = only_statement(root);
	if (statement == NULL || statement->first == NULL)
		return ERR(err, ERR_CONFIG, "expected one statement");
	const char *kind = statement->first->name;
	bool is_known = false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		is_known = is_known || strcmp(kind, kinds[i]) == 0;
	if (!is_known)
		return ERR(err, ERR_CONFIG,
			   "expected an update, insert, delete, merge, call or select");
	bool has_where = child(statement->first, "whereClause") != NULL;
	if (!has_where && (strcmp(kind, "UpdateStmt") == 0 || strcmp(kind, "DeleteStmt") == 0))
		return ERR(err, ERR_CONFIG, "without where it changes every row of the table");
	return 0;
}

/* ---- turning a query round ---- */

static size_t skip_blanks(const char *sql, size_t at)
{
	while (sql[at] != '\0' && strchr(" \t\r\n", sql[at]) != NULL)
		at++;
	return at;
}

/* Goes behind a name, or over nothing. */
static size_t skip_name(const char *sql, size_t at)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";

	if (sql[at] != '"')
		return at + strspn(sql + at, letters);
	for (at++; sql[at] != '\0'; at++) {
		if (sql[at] == '"' && sql[at + 1] != '"')
			return at + 1;
		at += sql[at] == '"' ? 1 : 0;
	}
	return at;
}

bool sql_find_order(const char *sql, struct sql_order *ret_order)
{
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct err err = ERR_INIT;
	size_t ignored = 0;

	if (parse(sql, &doc, &root, &ignored, &err) != 0 || root == NULL)
		return false;
	const struct json *sort = child(child(only_statement(root), "SelectStmt"), "sortClause");
	const struct json *by = child(sort == NULL ? NULL : sort->first, "SortBy");
	const struct json *column = child(child(by, "node"), "ColumnRef");
	if (column == NULL)
		return false;
	size_t at = skip_name(sql, place_of(column));
	while (sql[at] == '.')
		at = skip_name(sql, at + 1);
	*ret_order = (struct sql_order){.column_end = at, .asc_end = at};
	size_t word = skip_blanks(sql, at);
	if (strcmp(text_of(by, "sortby_dir"), "SORTBY_ASC") != 0)
		return true;
	if (strncasecmp(sql + word, "asc", 3) != 0)
		return false;
	ret_order->asc_end = word + 3;
	return true;
}
