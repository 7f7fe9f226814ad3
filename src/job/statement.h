/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL with placeholders: each becomes a parameter of the statement, `$1` or `?1`, and its value is
 * bound. Nothing that a placeholder stands for ever reaches the text.
 *
 * Promise: a placeholder within quotes or a comment is refused, since no value could stand there.
 * Owner:   statement_parse gives, statement_free frees; never changed afterwards.
 */
#ifndef STINT_JOB_STATEMENT_H
#define STINT_JOB_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "job/field.h"
#include "job/template.h"

struct buf;
struct err;
struct job;
struct statement;

enum statement_dialect { STATEMENT_POSTGRES, STATEMENT_SQLITE };

/* What a parameter is bound to: a value that statement_put gives, or what pages a source. */
enum statement_role { STATEMENT_VALUE, STATEMENT_CURSOR, STATEMENT_PAGE_SIZE };

/* `use` says which names may stand in it. ERR_CONFIG; `*ret_at` (may be NULL) is then the offset in
 * `text` that it is about. Keeps `job` until statement_free. */
ST_MUST_CHECK int statement_parse(enum statement_dialect dialect, enum template_use use,
				  const char *text, size_t len, const struct job *job,
				  struct statement **ret_statement, size_t *ret_at,
				  struct err *err);
void statement_free(struct statement *s);
void statement_auto(struct statement **s);

/* What is sent, a C string. */
const char *statement_sql(const struct statement *s);
/* Where in the text that was parsed the byte `at` of the SQL stood. */
size_t statement_place(const struct statement *s, size_t at);
/* How many parameters it has; number i (from 0) is `$(i+1)`. */
size_t statement_n(const struct statement *s);
enum statement_role statement_role(const struct statement *s, size_t i);
/* The type that parameter i has whatever the item: false where that is not known. */
bool statement_type(const struct statement *s, size_t i, enum field_type *ret_type);
/* The first parameter of this role, or -1. */
int statement_find(const struct statement *s, enum statement_role role);
/* Appends the canonical text of parameter i, and says its type; nothing for null. Failures as those
 * of template_render. */
ST_MUST_CHECK int statement_put(const struct statement *s, size_t i, const struct template_run *run,
				const struct template_item *item, struct buf *out,
				enum field_type *ret_type, bool *ret_is_null, struct err *err);

/* Whether the byte `at` of SQL stands within quotes or a comment; for the scanner's own tests. */
bool statement_is_quoted(enum statement_dialect dialect, const char *sql, size_t len, size_t at);

#endif
