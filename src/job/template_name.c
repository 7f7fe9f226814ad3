/* SPDX-License-Identifier: Apache-2.0 */
#include "job/template_name.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/constant.h"
#include "job/date.h"
#include "job/job.h"
#include "job/kept.h"
#include "job/suggest.h"

enum { NAMES_MAX = 256, NAME_CHARS_MAX = 128, OFFSET_DIGITS_MAX = 5 };

/* Bits of what a use may name. */
enum group {
	GROUP_FIELD = 1 << 0,
	GROUP_ITEM = 1 << 1,
	GROUP_RUN = 1 << 2,
	GROUP_PARAM = 1 << 3,
	GROUP_SECRET = 1 << 4,
	GROUP_SOURCE = 1 << 5,
	GROUP_TRAILER = 1 << 6,
	GROUP_ATTEMPT = 1 << 7,
	GROUP_PAGE = 1 << 8,
	GROUP_KEY = 1 << 9,
};

static const unsigned groups_of[] = {
	[TEMPLATE_FOR_ITEM] = GROUP_FIELD | GROUP_ITEM | GROUP_ATTEMPT | GROUP_RUN | GROUP_PARAM |
			      GROUP_SECRET | GROUP_SOURCE,
	[TEMPLATE_FOR_KEY] = GROUP_FIELD | GROUP_RUN | GROUP_PARAM | GROUP_SOURCE,
	[TEMPLATE_FOR_PATH] = GROUP_RUN | GROUP_PARAM,
	[TEMPLATE_FOR_CONTROL] = GROUP_RUN | GROUP_PARAM | GROUP_TRAILER,
	[TEMPLATE_FOR_CONTROL_FILE] = GROUP_RUN | GROUP_PARAM | GROUP_SOURCE,
	[TEMPLATE_FOR_WORKER] = GROUP_RUN | GROUP_PARAM | GROUP_SECRET,
	[TEMPLATE_FOR_REQUEST] = GROUP_FIELD | GROUP_ITEM | GROUP_RUN | GROUP_PARAM | GROUP_SECRET |
				 GROUP_SOURCE,
	[TEMPLATE_FOR_QUERY] = GROUP_PAGE | GROUP_RUN | GROUP_PARAM,
	[TEMPLATE_FOR_TOLD] = GROUP_FIELD | GROUP_KEY | GROUP_RUN | GROUP_PARAM,
};

static const char *const use_words[] = {
	[TEMPLATE_FOR_ITEM] = "in work",
	[TEMPLATE_FOR_KEY] = "in a key",
	[TEMPLATE_FOR_PATH] = "in the path of a source",
	[TEMPLATE_FOR_CONTROL] = "in control",
	[TEMPLATE_FOR_CONTROL_FILE] = "in control.file",
	[TEMPLATE_FOR_WORKER] = "where a worker of mode: stream is started, which sees many items",
	[TEMPLATE_FOR_REQUEST] = "in a request, which must be the same each time it is sent",
	[TEMPLATE_FOR_QUERY] = "in a query, which is there before any item",
	[TEMPLATE_FOR_TOLD] = "in on_done and on_dead",
};

struct fixed_name {
	const char *name;
	enum part_kind kind;
	unsigned group;
};

static const struct fixed_name fixed_names[] = {
	{"item.key", PART_ITEM_KEY, GROUP_ITEM | GROUP_KEY},
	{"item.attempt", PART_ITEM_ATTEMPT, GROUP_ATTEMPT},
	{"item.idempotency_key", PART_ITEM_IDEMPOTENCY_KEY, GROUP_ITEM},
	{"item.date", PART_DATE, GROUP_RUN},
	{"run.id", PART_RUN_ID, GROUP_RUN},
	{"run.job", PART_RUN_JOB, GROUP_RUN},
	{"run.slot", PART_RUN_SLOT, GROUP_RUN},
	{"run.date", PART_DATE, GROUP_RUN},
	{"run.month_start", PART_MONTH_START, GROUP_RUN},
	{"run.month_end", PART_MONTH_END, GROUP_RUN},
	{"source.path", PART_SOURCE_PATH, GROUP_SOURCE},
	{"source.line", PART_SOURCE_LINE, GROUP_SOURCE},
	{"cursor", PART_CURSOR, GROUP_PAGE},
	{"page_size", PART_PAGE_SIZE, GROUP_PAGE},
};

static bool is_date(enum part_kind kind)
{
	return kind == PART_DATE || kind == PART_MONTH_START || kind == PART_MONTH_END;
}

static bool equals(const char *name, size_t len, const char *other)
{
	return strlen(other) == len && memcmp(name, other, len) == 0;
}

/* ---- names that the job declares ---- */

static size_t declared_count(const struct job *job, enum part_kind kind)
{
	switch ((int)kind) {
	case PART_FIELD:
		return job->n_fields;
	case PART_PARAM:
		return job->n_params;
	case PART_SECRET:
		return job->n_secrets;
	default:
		return job->source.n_trailer_columns;
	}
}

static const char *declared_name(const struct job *job, enum part_kind kind, size_t i)
{
	switch ((int)kind) {
	case PART_FIELD:
		return job->fields[i].name;
	case PART_PARAM:
		return job->params[i].name;
	case PART_SECRET:
		return job->secrets[i].name;
	default:
		return job->source.trailer_columns[i].name;
	}
}

struct declared {
	const char *prefix;
	enum part_kind kind;
	unsigned group;
};

static const struct declared declareds[] = {
	{"", PART_FIELD, GROUP_FIELD},
	{"param.", PART_PARAM, GROUP_PARAM},
	{"secret.", PART_SECRET, GROUP_SECRET},
	{"trailer.", PART_TRAILER, GROUP_TRAILER},
};

static const char constant_prefix[] = "constant.";
static const char step_prefix[] = "step.";

static bool find_declared(const struct job *job, const struct declared *d, const char *name,
			  size_t len, size_t *ret_index)
{
	size_t prefix = strlen(d->prefix);

	if (len < prefix || memcmp(name, d->prefix, prefix) != 0)
		return false;
	for (size_t i = 0; i < declared_count(job, d->kind); i++)
		if (equals(name + prefix, len - prefix, declared_name(job, d->kind, i))) {
			*ret_index = i;
			return true;
		}
	return false;
}

/* ---- complaints ---- */

/* Collects every name that may stand here and says which is nearest. */
static int complain_unknown(enum template_use use, const char *name, size_t len,
			    const struct job *job, struct err *err)
{
	char texts[NAMES_MAX][NAME_CHARS_MAX];
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(fixed_names); i++)
		if ((groups_of[use] & fixed_names[i].group) != 0)
			names[n++] = fixed_names[i].name;
	for (size_t k = 0; k < ARRAY_LEN(declareds); k++) {
		const struct declared *d = &declareds[k];
		if ((groups_of[use] & d->group) == 0)
			continue;
		for (size_t i = 0; i < declared_count(job, d->kind) && n < NAMES_MAX; i++) {
			(void)snprintf(texts[n], NAME_CHARS_MAX, "%s%s", d->prefix,
				       declared_name(job, d->kind, i)); /* cut: no neighbour */
			names[n] = texts[n];
			n++;
		}
	}
	const char *near = text_nearest(name, len, names, n);
	return ERR(err, ERR_CONFIG, "unknown placeholder ${%.*s}%s",
		   (int)(len < NAME_CHARS_MAX ? len : NAME_CHARS_MAX), name, DID_YOU_MEAN(near));
}

static int complain_use(enum template_use use, const char *name, size_t len, struct err *err)
{
	return ERR(err, ERR_CONFIG, "${%.*s} may not stand %s",
		   (int)(len < NAME_CHARS_MAX ? len : NAME_CHARS_MAX), name, use_words[use]);
}

/* The nearest of the first level: a path's last part would need its map. */
static int complain_constant(const char *name, size_t len, const struct job *job, struct err *err)
{
	const char **names = xcalloc(job->n_constants + 1, sizeof(*names));
	size_t prefix = strlen(constant_prefix);

	for (size_t i = 0; i < job->n_constants; i++)
		names[i] = job->constants[i].name;
	const char *near = text_nearest(name + prefix, len - prefix, names, job->n_constants);
	err_set(err, ERR_CONFIG, 0, "unknown constant ${%.*s}%s",
		(int)(len < NAME_CHARS_MAX ? len : NAME_CHARS_MAX), name, DID_YOU_MEAN(near));
	free((void *)names);
	return ERR_CONFIG;
}

/* What an earlier step kept is a field of the items that were its. */
static int parse_step(enum template_use use, const char *name, size_t len, const struct job *job,
		      struct part *ret_part, struct err *err)
{
	size_t prefix = strlen(step_prefix);

	if ((groups_of[use] & GROUP_FIELD) == 0)
		return complain_use(use, name, len, err);
	ret_part->kind = PART_FIELD;
	int rc = kept_parse(job, name + prefix, len - prefix, &ret_part->index, err);
	if (rc != 0)
		err_add(err, "${%.*s}: ", (int)(len < NAME_CHARS_MAX ? len : NAME_CHARS_MAX), name);
	return rc;
}

static int parse_constant(const char *name, size_t len, const struct job *job,
			  struct part *ret_part, struct err *err)
{
	size_t prefix = strlen(constant_prefix);
	const struct job_constant *c = constant_find(job, name + prefix, len - prefix);

	if (c == NULL)
		return complain_constant(name, len, job, err);
	if (c->kind != CONSTANT_VALUE)
		return ERR(err, ERR_CONFIG, "${%.*s} is a %s, which no text can hold; name %s",
			   (int)(len < NAME_CHARS_MAX ? len : NAME_CHARS_MAX), name,
			   c->kind == CONSTANT_MAP ? "map" : "list",
			   c->kind == CONSTANT_MAP ? "one of its keys" : "an entry by its number");
	ret_part->kind = PART_CONSTANT;
	ret_part->text = xstrdup(c->text);
	ret_part->len = strlen(c->text);
	ret_part->index = (size_t)c->type;
	return 0;
}

/* A name that is known, and yet means nothing for the kind of source. */
static int check_source(const struct job *job, enum part_kind kind, struct err *err)
{
	enum source_kind source = job_origin(job)->source.kind;

	if (source == SOURCE_NONE)
		return ERR(err, ERR_CONFIG, "${source.%s} without a source",
			   kind == PART_SOURCE_PATH ? "path" : "line");
	if (kind == PART_SOURCE_PATH && source == SOURCE_STDIN)
		return ERR(err, ERR_CONFIG, "${source.path}: standard input has no path");
	if (kind == PART_SOURCE_LINE && source == SOURCE_FILES)
		return ERR(err, ERR_CONFIG, "${source.line}: items that are files have no line");
	if (job_is_from_database(job_origin(job)) || job_origin(job)->source.kind == SOURCE_INBOX)
		return ERR(err, ERR_CONFIG, "${source.%s}: %s have none",
			   kind == PART_SOURCE_PATH ? "path" : "line",
			   job_origin(job)->source.kind == SOURCE_INBOX ? "items of an inbox"
									: "rows of a database");
	return 0;
}

/* ---- dates ---- */

/* `-1d`, `+2w` after the name. */
static int parse_offset(const char *text, size_t len, struct part *part, struct err *err)
{
	size_t digits = 1;
	int64_t n = 0;

	for (; digits < len && text[digits] >= '0' && text[digits] <= '9'; digits++)
		n = digits <= OFFSET_DIGITS_MAX ? n * 10 + (text[digits] - '0') : n;
	if (digits == 1 || digits > 1 + OFFSET_DIGITS_MAX || digits + 1 != len ||
	    (text[digits] != 'd' && text[digits] != 'w'))
		return ERR(err, ERR_CONFIG,
			   "expected days or weeks such as -1d or +2w after the date, found %s",
			   QUOTED(text, len));
	part->offset_days = n * (text[digits] == 'w' ? 7 : 1) * (text[0] == '-' ? -1 : 1);
	return 0;
}

/* Splits `run.date-1d:%Y` and reads what comes after the name; `*ret_len`: of the name. */
static int parse_date_suffix(const char *name, size_t len, struct part *part, size_t *ret_len,
			     struct err *err)
{
	const char *colon = memchr(name, ':', len);
	size_t end = colon == NULL ? len : (size_t)(colon - name);
	size_t own = 0;

	if (colon != NULL) {
		const char *format = colon + 1;
		if (date_check_write_format(format, len - end - 1, err) < 0)
			return ERR_CONFIG;
		part->text = xstrndup(format, len - end - 1);
		part->len = len - end - 1;
	}
	while (own < end && name[own] != '-' && name[own] != '+')
		own++;
	*ret_len = own;
	return own == end ? 0 : parse_offset(name + own, end - own, part, err);
}

/* ---- the name ---- */

static const struct fixed_name *find_fixed(enum template_use use, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed_names); i++) {
		const struct fixed_name *f = &fixed_names[i];
		size_t n = strlen(f->name);
		/* Elsewhere these are names as any other: of fields. */
		if (f->group == GROUP_PAGE && (groups_of[use] & GROUP_PAGE) == 0)
			continue;
		if (equals(name, len, f->name))
			return f;
		if (is_date(f->kind) && len > n && memcmp(name, f->name, n) == 0 &&
		    strchr(":+-", name[n]) != NULL)
			return f;
	}
	return NULL;
}

static int parse_fixed(enum template_use use, const struct fixed_name *f, const char *name,
		       size_t len, const struct job *job, struct part *ret_part, struct err *err)
{
	size_t own = 0;

	ret_part->kind = f->kind;
	if ((groups_of[use] & f->group) == 0)
		return complain_use(use, name, len, err);
	if (f->group == GROUP_SOURCE)
		return check_source(job, f->kind, err);
	return is_date(f->kind) ? parse_date_suffix(name, len, ret_part, &own, err) : 0;
}

int part_parse(enum template_use use, const char *name, size_t len, const struct job *job,
	       struct part *ret_part, struct err *err)
{
	assert(use < TEMPLATE_USE_COUNT_ && job != NULL && ret_part != NULL && err != NULL);
	*ret_part = (struct part){0};
	const struct fixed_name *f = find_fixed(use, name, len);
	if (f != NULL)
		return parse_fixed(use, f, name, len, job, ret_part, err);
	if (len > strlen(constant_prefix) &&
	    memcmp(name, constant_prefix, strlen(constant_prefix)) == 0)
		return parse_constant(name, len, job, ret_part, err);
	if (len > strlen(step_prefix) && memcmp(name, step_prefix, strlen(step_prefix)) == 0)
		return parse_step(use, name, len, job, ret_part, err);
	for (size_t i = 0; i < ARRAY_LEN(declareds); i++) {
		const struct declared *d = &declareds[i];
		if (!find_declared(job, d, name, len, &ret_part->index))
			continue;
		ret_part->kind = d->kind;
		return (groups_of[use] & d->group) != 0 ? 0 : complain_use(use, name, len, err);
	}
	return complain_unknown(use, name, len, job, err);
}
