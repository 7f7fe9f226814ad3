/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: text with placeholders `${NAME}`, as docs/job-file.md lists them.
 *
 * Promise: a placeholder's value is escaped for where it stands, never pasted; `$${` is a literal
 *          `${`. Unknown names are found when the template is parsed against the names the job
 * knows. Owner:   template_parse gives, template_free frees; a parsed template is never changed.
 */
#ifndef STINT_JOB_TEMPLATE_H
#define STINT_JOB_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "job/field.h"

struct buf;
struct err;
struct item;
struct job;
struct template;

enum template_place {
	TEMPLATE_ARGUMENT, /* a process argument or environment value: no NUL */
	TEMPLATE_TEXT,	   /* plain text, nothing escaped: a program's standard input */
	TEMPLATE_JSON,	   /* inside a JSON string */
	TEMPLATE_URL,	   /* a URL as a whole, see template_url.h */
	TEMPLATE_HEADER,   /* a header: CR, LF and NUL refused */
	TEMPLATE_PATTERN,  /* a part of a pattern of file names: '/', NUL, "." and ".." refused,
		     what a pattern would take for its own is taken as it is */
	TEMPLATE_PLACE_COUNT_
};

/* What the placeholders of one run stand for; texts lent for as long as templates are rendered. */
struct template_run {
	int64_t id;
	const char *name; /* JOB@SLOT… */
	const char *job;
	const char *slot;
	const char *date;		 /* 2026-11-23 */
	const char *const *param_values; /* in the order of job->params */
	const char *const
		*trailer_values; /* of job->source.trailer_columns; NULL but for control */
	bool hides_secrets;	 /* for people: *** instead, and they are not read */
};

/* What the placeholders of one attempt stand for. `item` is NULL where there is none. */
struct template_item {
	const struct item *item;
	int64_t number;
	int attempt;
	const char *idempotency_key;
};

/* Where a template of a job file stands decides which names it may use. */
enum template_use {
	TEMPLATE_FOR_ITEM, /* work: fields, item, source, run, parameters, secrets */
	TEMPLATE_FOR_KEY,  /* source.key: fields, source, run, parameters; it is stored: no secrets
			    */
	TEMPLATE_FOR_PATH, /* source.path: run and parameters */
	TEMPLATE_FOR_CONTROL,	   /* control: trailer, run and parameters */
	TEMPLATE_FOR_CONTROL_FILE, /* control.file: source, run and parameters */
	TEMPLATE_FOR_WORKER,	   /* what outlives an item: run, parameters, secrets */
	TEMPLATE_FOR_REQUEST, /* as of an item, but for the attempt: each sending is the same */
	TEMPLATE_FOR_QUERY,   /* a source's query: cursor and page_size, run, parameters */
	TEMPLATE_FOR_TOLD,    /* on_done, on_dead: fields of the source, key, run, parameters */
	TEMPLATE_USE_COUNT_
};

/* Parses `text` for `use`; see template_parse. Keeps `job` until template_free. */
ST_MUST_CHECK int template_parse_for(enum template_use use, const char *text, size_t len,
				     const struct job *job, struct template **ret_template,
				     struct err *err);
/* The template of what names an item, whether job->source.key is a field's name or a text with
 * placeholders; the key must be set. Rendered for TEMPLATE_TEXT. */
ST_MUST_CHECK int template_parse_key(const struct job *job, struct template **ret_template,
				     struct err *err);
/* Parses `text`, a part of work. Names are checked against `job` (fields, params, constants,
 * secrets). ERR_CONFIG names the placeholder, its column in the text and the nearest known name.
 * Keeps `job` until template_free. */
ST_MUST_CHECK int template_parse(const char *text, size_t len, const struct job *job,
				 struct template **ret_template, struct err *err);
void template_free(struct template *t);
void template_auto(struct template **t);

/* Appends the text with everything filled in. ERR_DATA (the item's fault: a null where a text is
 * needed, a NUL in an argument), ERR_CONFIG (a secret that cannot be read). */
ST_MUST_CHECK int template_render(const struct template *t, enum template_place place,
				  const struct template_run *run, const struct template_item *item,
				  struct buf *out, struct err *err);
/* True when the template is exactly one placeholder of a field; then that field's index. */
bool template_is_field(const struct template *t, size_t *ret_field);
/* The same of a parameter. */
bool template_is_param(const struct template *t, size_t *ret_param);
/* True when a secret is part of it. */
bool template_has_secret(const struct template *t);
/* True when nothing in it depends on the item. */
bool template_is_constant(const struct template *t);

#endif
