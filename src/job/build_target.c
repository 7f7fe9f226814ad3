/* SPDX-License-Identifier: Apache-2.0 */
/* Work on a database: which, and what is done there. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/build.h"
#include "job/node.h"
#include "job/schema.h"
#include "job/sql_scan.h"
#include "job/statement.h"

enum { COLUMNS_MAX = 1600, FINISHES_MAX = 16 };

/* ---- the database ---- */

/* user:password@ before the host. */
static bool has_password(const char *url)
{
	const char *from = strstr(url, "://");

	if (from == NULL)
		return false;
	from += 3;
	size_t len = strcspn(from, "/?#");
	const char *at = memrchr(from, '@', len);
	return at != NULL && memchr(from, ':', (size_t)(at - from)) != NULL;
}

static bool is_reference(const char *text)
{
	return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
	       strncmp(text, "credential:", 11) == 0;
}

static void check_url(struct build *b, struct node *url, enum statement_dialect dialect)
{
	bool is_postgres = strncmp(url->text, "postgres://", 11) == 0 ||
			   strncmp(url->text, "postgresql://", 13) == 0;

	if (url->len == 0)
		build_fault(b, url, "expected a database, found ''");
	else if (strstr(url->text, "${") != NULL)
		build_fault(b, url,
			    "a database is one for all items: no placeholders; env:NAME "
			    "where it is to come from outside");
	else if (has_password(url->text) || strstr(url->text, "password=") != NULL)
		build_fault(b, url,
			    "a password in the job file; write env:NAME or file:PATH, "
			    "where the whole URL stands");
	else if (dialect == STATEMENT_POSTGRES && !is_reference(url->text) && !is_postgres)
		build_fault(b, url, "expected postgres://… or env:NAME, found %s",
			    QUOTED(url->text, url->len));
	else if (dialect == STATEMENT_SQLITE && is_postgres)
		build_fault(b, url, "this is a database of PostgreSQL; the key is postgres");
}

static void build_target_url(struct build *b, struct node *kind)
{
	struct job_target *target = &b->job->work.target;
	struct node *postgres = node_find(kind, "postgres");
	struct node *sqlite = node_find(kind, "sqlite");
	struct node *url = postgres != NULL ? postgres : sqlite;

	if (node_find(kind, "odbc") != NULL)
		return; /* reported */
	if (url == NULL)
		build_fault_key(b, kind, "expected postgres: URL or sqlite: PATH");
	else if (postgres != NULL && sqlite != NULL)
		build_fault_key(b, sqlite, "postgres stands at line %d; one of them",
				postgres->name_at.line);
	if (url == NULL || url->type != NODE_SCALAR || url->is_bad)
		return;
	target->dialect = url == postgres ? STATEMENT_POSTGRES : STATEMENT_SQLITE;
	target->url = xstrdup(url->text);
	check_url(b, url, target->dialect);
}

/* ---- statements ---- */

/* They would end the transaction, or begin another one inside it. */
static bool is_forbidden(struct sql_word first)
{
	static const char *const words[] = {"begin", "start",	  "commit",  "end",	"rollback",
					    "abort", "savepoint", "release", "prepare", "copy"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (sql_word_is(first, words[i]))
			return true;
	return false;
}

static void refuse_statement(struct build *b, struct node *node, struct sql_word first,
			     const char *words)
{
	size_t at = (size_t)(first.text - node->text);

	if (at == 0)
		build_fault(b, node, "%s", words);
	else
		build_fault_in(b, node, build_mark_at(node, at), "%s", words);
}

/* Safety: a COMMIT behind a statement would make it stand without its mark, and it would be
 * executed again. `takes_one`: no other statement may follow. */
static void check_statements(struct build *b, struct node *node, bool takes_one)
{
	struct sql_scan scan = {
		.dialect = b->job->work.target.dialect, .sql = node->text, .len = node->len};
	struct sql_word first = {0};
	size_t n = 0;

	while (!node->is_bad && sql_next_statement(&scan, &first)) {
		if (is_forbidden(first))
			refuse_statement(b, node, first,
					 "stint begins and ends the transaction itself, and COPY "
					 "is for work table; leave this statement out");
		else if (++n > 1 && takes_one)
			refuse_statement(b, node, first,
					 "a second statement; with placeholders, and for items, "
					 "each is a text of its own");
	}
	if (n == 0 && !node->is_bad)
		build_fault(b, node, "expected a statement, found %s",
			    QUOTED(node->text, node->len));
}

/* The text of a statement, checked; NULL when there is none, or it is not right. */
static char *build_statement(struct build *b, struct node *node, enum template_use use)
{
	AUTO(statement) struct statement *s = NULL;
	struct err err = ERR_INIT;
	size_t at = 0;

	if (node == NULL || node->type != NODE_SCALAR || node->is_bad)
		return NULL;
	if (b->names_are_known && statement_parse(b->job->work.target.dialect, use, node->text,
						  node->len, b->job, &s, &at, &err) < 0)
		build_fault_in(b, node, build_mark_at(node, at), "%s", err.text);
	check_statements(b, node, use == TEMPLATE_FOR_ITEM || (s != NULL && statement_n(s) > 0));
	return node->is_bad ? NULL : xstrdup(node->text);
}

static void add_statement(struct build *b, struct node *node, size_t *n)
{
	char *text = build_statement(b, node, TEMPLATE_FOR_ITEM);

	if (text != NULL)
		b->job->work.target.statements[(*n)++] = text;
}

static void build_sql(struct build *b, struct node *sql)
{
	struct job_target *target = &b->job->work.target;
	struct node *one = node_find(sql, "statement");
	struct node *many = node_find(sql, "statements");
	size_t n = 0;

	if (one == NULL && many == NULL)
		build_fault_key(b, sql, "expected statement: TEXT or statements: [TEXT, …]");
	else if (one != NULL && many != NULL)
		build_fault_key(b, many, "statement stands at line %d; one of them",
				one->name_at.line);
	target->statements = xcalloc(2 + (many != NULL ? many->n : 0), sizeof(char *));
	add_statement(b, one, &n);
	if (many == NULL || many->type != NODE_LIST || many->is_bad)
		return;
	if (many->n == 0)
		build_fault(b, many, "expected a statement, found nothing");
	for (struct node *c = many->first; c != NULL; c = c->next)
		add_statement(b, c, &n);
}

/* ---- tables ---- */

static void add_column(struct job_target *target, size_t *n, const char *name, char *value)
{
	target->columns[*n] = xstrdup(name);
	target->values[(*n)++] = value;
}

static char *value_of_field(const char *name)
{
	size_t len = strlen(name);
	char *text = xcalloc(len + 4, 1);

	memcpy(text, "${", 2);
	memcpy(text + 2, name, len);
	text[len + 2] = '}';
	return text;
}

/* A list names fields that are columns, a map says what each column is to be. */
static void build_columns(struct build *b, struct node *columns)
{
	struct job *job = b->job;
	struct job_target *target = &job->work.target;
	size_t most = columns != NULL && !columns->is_bad ? columns->n : job->n_fields;
	size_t n = 0;

	target->columns = xcalloc(most + 1, sizeof(*target->columns));
	target->values = xcalloc(most + 1, sizeof(*target->values));
	if (columns == NULL) {
		for (size_t i = 0; i < job->n_fields; i++)
			add_column(target, &n, job->fields[i].name,
				   value_of_field(job->fields[i].name));
		return;
	}
	if (columns->is_bad)
		return;
	if (columns->n == 0 || columns->n > COLUMNS_MAX) {
		build_fault(b, columns, "expected 1 to %d columns, found %zu", COLUMNS_MAX,
			    columns->n);
		return;
	}
	for (struct node *c = columns->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR || c->is_bad)
			continue;
		if (columns->type == NODE_MAP) {
			(void)build_check_template(b, c, TEMPLATE_FOR_ITEM, NULL); /* reported */
			add_column(target, &n, c->name, xstrdup(c->text));
		} else if (job_find_work_field(job, c->text, c->len) >= 0) {
			add_column(target, &n, c->text, value_of_field(c->text));
		} else if (b->names_are_known) {
			build_fault_no_field(b, c);
		}
	}
}

static bool has_column(const struct job_target *target, const char *name)
{
	for (size_t i = 0; target->columns != NULL && target->columns[i] != NULL; i++)
		if (strcmp(target->columns[i], name) == 0)
			return true;
	return false;
}

static void build_conflict_on(struct build *b, struct node *on)
{
	struct job_target *target = &b->job->work.target;
	size_t n = 0;

	if (on == NULL || on->is_bad)
		return;
	target->conflict_on = xcalloc(on->n + 2, sizeof(*target->conflict_on));
	for (struct node *c = on->type == NODE_LIST ? on->first : on; c != NULL;
	     c = on->type == NODE_LIST ? c->next : NULL) {
		if (c->type != NODE_SCALAR || c->is_bad)
			continue;
		if (!has_column(target, c->text))
			build_fault(b, c, "there is no column %s among columns",
				    QUOTED(c->text, c->len));
		target->conflict_on[n++] = xstrdup(c->text);
	}
}

static void check_conflict(struct build *b, struct node *table, struct node *on)
{
	const struct job_target *target = &b->job->work.target;
	struct node *conflict = node_find(table, "conflict");

	if (target->conflict == JOB_CONFLICT_FAIL && build_is_given(on))
		build_fault_key(b, on, "means something only with conflict: skip or update");
	if (target->conflict == JOB_CONFLICT_UPDATE && on == NULL)
		build_fault(b, conflict,
			    "update needs conflict_on: the columns that say which row "
			    "it is");
}

/* Nobody is told that something took effect before it has. */
static void check_commit(struct build *b, struct node *table)
{
	struct node *commit = node_find(table, "commit");

	if (job_is_all_or_none(b->job) && job_writes_back(b->job))
		build_fault(b, commit,
			    "with commit: run nothing has taken effect before the end, and on_done "
			    "would be said before that: no on_done or on_dead with it");
	if (job_is_all_or_none(b->job) && b->job->source.kind == SOURCE_FILES &&
	    b->job->source.then != JOB_THEN_KEEP)
		build_fault(b, commit,
			    "with commit: run nothing has taken effect before the end, and files "
			    "would be moved or deleted before that; source.files.then: keep");
}

static void build_table(struct build *b, struct node *table)
{
	struct job_target *target = &b->job->work.target;
	struct node *name = node_find_good(table, "table");
	struct node *on = node_find(table, "conflict_on");

	if (name != NULL && name->type == NODE_SCALAR) {
		target->table = xstrdup(name->text);
		if (name->len == 0)
			build_fault(b, name, "expected a table's name, found ''");
	}
	if (b->job->source.kind == SOURCE_NONE && node_find(table, "columns") == NULL)
		build_fault_key(b, table, "without a source there are no fields; say columns");
	build_columns(b, node_find(table, "columns"));
	build_conflict_on(b, on);
	check_conflict(b, table, on);
	check_commit(b, table);
}

void build_target(struct build *b, struct node *kind)
{
	struct job_target *target = &b->job->work.target;
	bool is_sql = strcmp(kind->name, "sql") == 0;

	b->job->work.kind = is_sql ? WORK_SQL : WORK_TABLE;
	build_target_url(b, kind);
	if (is_sql)
		build_sql(b, kind);
	else
		build_table(b, kind);
	target->before = build_statement(b, node_find(kind, "before"), TEMPLATE_FOR_WORKER);
	target->after = build_statement(b, node_find(kind, "after"), TEMPLATE_FOR_WORKER);
}

/* ---- on_finish ---- */

/* As a target of its own, with nothing but an end. */
static void build_finish(struct build *b, struct node *entry)
{
	struct job *job = b->job;
	const struct job_target work = job->work.target;

	job->work.target = (struct job_target){0};
	build_target_url(b, entry);
	job->work.target.after = build_statement(b, node_find(entry, "sql"), TEMPLATE_FOR_WORKER);
	job->finishes[job->n_finishes++] = job->work.target;
	job->work.target = work;
}

void build_on_finish(struct build *b)
{
	struct node *list = node_find_good(b->root, "on_finish");

	if (list == NULL || list->type != NODE_LIST)
		return;
	if (list->n == 0 || list->n > FINISHES_MAX) {
		build_fault_key(b, list, "expected 1 to %d of them, found %zu", FINISHES_MAX,
				list->n);
		return;
	}
	b->job->finishes = xcalloc(list->n, sizeof(*b->job->finishes));
	for (struct node *c = list->first; c != NULL; c = c->next)
		if (c->type == NODE_MAP)
			build_finish(b, c);
}

/* ---- SQLSTATEs ---- */

static bool is_state(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      text[i] == 'x'))
			return false;
	return len == JOB_STATE_CHARS;
}

void build_states(struct build *b, struct node *list, enum job_when when)
{
	struct job_target *target = &b->job->work.target;

	for (struct node *c = list->first; c != NULL; c = c->next) {
		if (c->type != NODE_SCALAR || c->is_bad)
			continue;
		if (!is_state(c->text, c->len)) {
			build_fault(b, c,
				    "expected an SQLSTATE of five characters such as 23505, or "
				    "40xxx for all that begin with 40, found %s",
				    QUOTED(c->text, c->len));
			continue;
		}
		target->states = xrealloc(target->states, target->n_states + 1,
					  sizeof(*target->states));
		struct job_state *state = &target->states[target->n_states++];
		*state = (struct job_state){.when = (int)when};
		memcpy(state->text, c->text, JOB_STATE_CHARS);
	}
}
