/* SPDX-License-Identifier: Apache-2.0 */
#include "job/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "job/job.h"
#include "job/template_name.h"
#include "job/template_parts.h"

/* Adds a part that the caller fills. */
static struct part *template_add(struct template *t)
{
	t->parts = xrealloc(t->parts, t->n + 1, sizeof(*t->parts));
	t->parts[t->n] = (struct part){0};
	return &t->parts[t->n++];
}

/* Literals that touch become one. */
static void template_add_literal(struct template *t, const char *text, size_t len, size_t at)
{
	if (len == 0)
		return;
	struct part *part = t->n > 0 ? &t->parts[t->n - 1] : NULL;
	if (part == NULL || part->kind != PART_LITERAL) {
		part = template_add(t);
		part->at = at;
	}
	part->text = xrealloc(part->text, part->len + len + 1, 1);
	memcpy(part->text + part->len, text, len);
	part->len += len;
	part->text[part->len] = '\0';
}

/* Reads the placeholder at `at` (its '$'); gives the offset behind it. */
static int template_add_placeholder(struct template *t, enum template_use use, const char *text,
				    size_t len, size_t at, size_t *ret_end, struct err *err)
{
	size_t column = utf8_count(text, at) + 1;
	const char *name = text + at + 2;
	const char *end = memchr(name, '}', len - at - 2);
	struct part part = {0};

	if (end == NULL)
		return ERR(err, ERR_CONFIG,
			   "'${' at character %zu has no '}'; a literal ${ is written $${", column);
	int r = part_parse(use, name, (size_t)(end - name), t->job, &part, err);
	if (r < 0) {
		free(part.text);
		if (column > 1)
			err_add(err, "at character %zu: ", column);
		return r;
	}
	part.at = at;
	*template_add(t) = part;
	*ret_end = (size_t)(end - text) + 1;
	return 0;
}

static int template_read(struct template *t, enum template_use use, const char *text, size_t len,
			 struct err *err)
{
	size_t from = 0; /* of the literal that is being collected */

	for (size_t at = 0; at + 1 < len;) {
		if (text[at] != '$') {
			at++;
			continue;
		}
		if (at + 2 < len && text[at + 1] == '$' && text[at + 2] == '{') {
			template_add_literal(t, text + from, at - from, from);
			template_add_literal(t, "${", 2, at);
			at += 3;
			from = at;
		} else if (text[at + 1] == '{') {
			template_add_literal(t, text + from, at - from, from);
			int r = template_add_placeholder(t, use, text, len, at, &at, err);
			if (r < 0)
				return r;
			from = at;
		} else {
			at++;
		}
	}
	template_add_literal(t, text + from, len - from, from);
	return 0;
}

int template_parse_for(enum template_use use, const char *text, size_t len, const struct job *job,
		       struct template **ret_template, struct err *err)
{
	assert((text != NULL || len == 0) && job != NULL && ret_template != NULL && err != NULL);
	struct template *t = xnew(struct template);
	t->job = job;
	int r = template_read(t, use, text, len, err);
	if (r < 0) {
		template_free(t);
		return r;
	}
	*ret_template = t;
	return 0;
}

int template_parse(const char *text, size_t len, const struct job *job,
		   struct template **ret_template, struct err *err)
{
	return template_parse_for(TEMPLATE_FOR_ITEM, text, len, job, ret_template, err);
}

int template_parse_key(const struct job *job, struct template **ret_template, struct err *err)
{
	assert(job != NULL && job->source.key != NULL);
	const char *key = job->source.key;
	AUTO(buf) struct buf text = BUF_INIT(strlen(key) + 3);
	if (strstr(key, "${") == NULL)
		buf_printf(&text, "${%s}", key);
	else
		buf_puts(&text, key);
	return template_parse_for(TEMPLATE_FOR_KEY, buf_str(&text), text.len, job, ret_template,
				  err);
}

void template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->parts[i].text);
	free(t->parts);
	free(t);
}

void template_auto(struct template **t)
{
	template_free(*t);
}

bool template_is_field(const struct template *t, size_t *ret_field)
{
	assert(t != NULL && ret_field != NULL);
	if (t->n != 1 || t->parts[0].kind != PART_FIELD)
		return false;
	*ret_field = t->parts[0].index;
	return true;
}

bool template_is_param(const struct template *t, size_t *ret_param)
{
	assert(t != NULL && ret_param != NULL);
	if (t->n != 1 || t->parts[0].kind != PART_PARAM)
		return false;
	*ret_param = t->parts[0].index;
	return true;
}

bool template_has_secret(const struct template *t)
{
	assert(t != NULL);
	for (size_t i = 0; i < t->n; i++)
		if (t->parts[i].kind == PART_SECRET)
			return true;
	return false;
}

bool template_is_constant(const struct template *t)
{
	assert(t != NULL);
	for (size_t i = 0; i < t->n; i++) {
		switch (t->parts[i].kind) {
		case PART_FIELD:
		case PART_ITEM_KEY:
		case PART_ITEM_ATTEMPT:
		case PART_ITEM_IDEMPOTENCY_KEY:
		case PART_SOURCE_PATH:
		case PART_SOURCE_LINE:
		case PART_TRAILER:
		case PART_CURSOR:
		case PART_PAGE_SIZE:
			return false;
		case PART_LITERAL:
		case PART_RUN_ID:
		case PART_RUN_JOB:
		case PART_RUN_SLOT:
		case PART_DATE:
		case PART_MONTH_START:
		case PART_MONTH_END:
		case PART_PARAM:
		case PART_SECRET:
		case PART_CONSTANT:
		case PART_COUNT_:
			break;
		}
	}
	return true;
}
