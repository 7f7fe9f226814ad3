/* SPDX-License-Identifier: Apache-2.0 */
#include "job/statement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/constant.h"
#include "job/item.h"
#include "job/job.h"
#include "job/sql_scan.h"
#include "job/template_parts.h"

enum { SQL_BYTES_MAX = 1024 * 1024, PARAMETERS_MAX = 999 };

struct statement {
	const struct job *job; /* kept */
	struct template *t;
	char *sql;
	size_t len;
	size_t *begins; /* of each part in the SQL */
	size_t *values; /* of each parameter, its part */
	size_t n;
};

/* ---- what stands within quotes ---- */

bool statement_is_quoted(enum statement_dialect dialect, const char *sql, size_t len, size_t at)
{
	struct sql_scan s = {.dialect = dialect, .sql = sql, .len = len};

	assert(sql != NULL && at <= len);
	while (s.at < at)
		sql_scan_step(&s);
	return s.at > at;
}

/* ---- parsing ---- */

static bool is_literal(const struct statement *s, size_t part)
{
	return s->t->parts[part].kind == PART_LITERAL;
}

static int put_parts(struct statement *s, enum statement_dialect dialect, struct buf *sql,
		     struct err *err)
{
	const struct template *t = s->t;

	s->begins = xcalloc(t->n + 1, sizeof(*s->begins));
	s->values = xcalloc(t->n + 1, sizeof(*s->values));
	for (size_t i = 0; i < t->n; i++) {
		s->begins[i] = sql->len;
		if (is_literal(s, i)) {
			buf_put(sql, t->parts[i].text, t->parts[i].len);
			continue;
		}
		s->values[s->n++] = i;
		buf_printf(sql, "%c%zu", dialect == STATEMENT_POSTGRES ? '$' : '?', s->n);
	}
	s->begins[t->n] = sql->len;
	if (s->n > PARAMETERS_MAX)
		return ERR(err, ERR_CONFIG, "more than %d placeholders", PARAMETERS_MAX);
	return buf_check(sql, "a statement", err);
}

static int refuse_quoted(const struct statement *s, enum statement_dialect dialect, size_t *ret_at,
			 struct err *err)
{
	for (size_t i = 0; i < s->t->n; i++) {
		if (is_literal(s, i) || !statement_is_quoted(dialect, s->sql, s->len, s->begins[i]))
			continue;
		*ret_at = s->t->parts[i].at;
		return ERR(err, ERR_CONFIG,
			   "a placeholder stands within quotes or a comment, where no value can "
			   "be; leave the quotes out: it is bound as a value");
	}
	return 0;
}

int statement_parse(enum statement_dialect dialect, enum template_use use, const char *text,
		    size_t len, const struct job *job, struct statement **ret_statement,
		    size_t *ret_at, struct err *err)
{
	AUTO(buf) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
	size_t at = 0;

	assert(text != NULL && job != NULL && ret_statement != NULL && err != NULL);
	struct statement *s = xnew(struct statement);
	s->job = job;
	int rc = template_parse_for(use, text, len, job, &s->t, err);
	if (rc == 0)
		rc = put_parts(s, dialect, &sql, err);
	if (rc == 0 && memchr(text, '\0', len) != NULL)
		rc = ERR(err, ERR_CONFIG, "a NUL in a statement");
	if (rc == 0) {
		s->len = sql.len;
		s->sql = xstrndup(buf_str(&sql), sql.len);
		rc = refuse_quoted(s, dialect, &at, err);
	}
	if (rc != 0) {
		statement_free(s);
		if (ret_at != NULL)
			*ret_at = at;
		return rc;
	}
	*ret_statement = s;
	return 0;
}

void statement_free(struct statement *s)
{
	if (s == NULL)
		return;
	template_free(s->t);
	free(s->sql);
	free(s->begins);
	free(s->values);
	free(s);
}

void statement_auto(struct statement **s)
{
	statement_free(*s);
}

/* ---- what it says ---- */

const char *statement_sql(const struct statement *s)
{
	return s->sql;
}

size_t statement_place(const struct statement *s, size_t at)
{
	const struct template *t = s->t;
	size_t i = 0;

	while (i + 1 < t->n && s->begins[i + 1] <= at)
		i++;
	if (t->n == 0)
		return 0;
	return t->parts[i].at + (is_literal(s, i) ? at - s->begins[i] : 0);
}

size_t statement_n(const struct statement *s)
{
	return s->n;
}

enum statement_role statement_role(const struct statement *s, size_t i)
{
	assert(i < s->n);
	enum part_kind kind = s->t->parts[s->values[i]].kind;
	if (kind == PART_PAGE_SIZE)
		return STATEMENT_PAGE_SIZE;
	return kind == PART_CURSOR ? STATEMENT_CURSOR : STATEMENT_VALUE;
}

int statement_find(const struct statement *s, enum statement_role role)
{
	for (size_t i = 0; i < s->n; i++)
		if (statement_role(s, i) == role)
			return (int)i;
	return -1;
}

static enum field_type type_of(const struct statement *s, const struct part *part,
			       const struct template_item *item)
{
	switch ((int)part->kind) {
	case PART_FIELD:
		return field_value_type(&s->job->fields[part->index],
					&item->item->fields[part->index]);
	case PART_PARAM:
		return s->job->params[part->index].field.type;
	case PART_CONSTANT:
		return (enum field_type)part->index;
	case PART_RUN_ID:
	case PART_ITEM_ATTEMPT:
	case PART_SOURCE_LINE:
		return FIELD_INTEGER;
	case PART_DATE:
	case PART_MONTH_START:
	case PART_MONTH_END:
		return part->text == NULL ? FIELD_DATE : FIELD_TEXT;
	default:
		return FIELD_TEXT;
	}
}

bool statement_type(const struct statement *s, size_t i, enum field_type *ret_type)
{
	assert(i < s->n && statement_role(s, i) == STATEMENT_VALUE);
	const struct part *part = &s->t->parts[s->values[i]];
	bool is_field = part->kind == PART_FIELD;

	if (is_field && s->job->fields[part->index].is_assigned)
		return false;
	*ret_type = is_field ? s->job->fields[part->index].type : type_of(s, part, NULL);
	return true;
}

int statement_put(const struct statement *s, size_t i, const struct template_run *run,
		  const struct template_item *item, struct buf *out, enum field_type *ret_type,
		  bool *ret_is_null, struct err *err)
{
	assert(i < s->n && statement_role(s, i) == STATEMENT_VALUE);
	const struct part *part = &s->t->parts[s->values[i]];
	*ret_is_null = part->kind == PART_FIELD && item->item->fields[part->index].is_null;
	*ret_type = type_of(s, part, item);
	return *ret_is_null ? 0 : template_put_part(s->t, s->values[i], run, item, out, err);
}
