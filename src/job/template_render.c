/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a template in, escaped for the place where it stands. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/date.h"
#include "job/item.h"
#include "job/job.h"
#include "job/node.h"
#include "job/secret.h"
#include "job/template.h"
#include "job/template_parts.h"
#include "job/template_url.h"

struct render {
	const struct template *t;
	enum template_place place;
	const struct template_run *run;
	const struct template_item *item;
	struct buf *out;
	size_t component; /* TEMPLATE_PATTERN: where the part after the last '/' begins in `out` */
	bool has_value;	  /* … and whether a placeholder gave some of it */
	struct url_render url; /* TEMPLATE_URL */
};

/* ---- escaping ---- */

static int refuse_bytes(const char *text, size_t len, const char *what, struct err *err)
{
	return ERR(err, ERR_DATA, "%s in the value %s", what, QUOTED(text, len));
}

/* As it is for a pattern of file names: no value may match files that it does not name. */
static void put_quoted(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[\\", text[i]) != NULL)
			buf_putc(out, '\\');
		buf_putc(out, text[i]);
	}
}

static int put_value(struct render *r, const char *text, size_t len, struct err *err)
{
	bool has_nul = memchr(text, '\0', len) != NULL;

	switch (r->place) {
	case TEMPLATE_TEXT:
		break;
	case TEMPLATE_ARGUMENT:
		if (has_nul)
			return refuse_bytes(text, len, "a NUL", err);
		break;
	case TEMPLATE_HEADER:
		if (has_nul || memchr(text, '\r', len) != NULL || memchr(text, '\n', len) != NULL)
			return refuse_bytes(text, len, "a line end or a NUL", err);
		break;
	case TEMPLATE_PATTERN:
		if (has_nul || memchr(text, '/', len) != NULL)
			return refuse_bytes(text, len, "a '/' or a NUL", err);
		r->has_value = true;
		put_quoted(r->out, text, len);
		return 0;
	case TEMPLATE_JSON:
		node_put_inside(text, len, r->out);
		return 0;
	case TEMPLATE_URL:
		return url_put_value(&r->url, text, len, err);
	case TEMPLATE_PLACE_COUNT_:
		unreachable("a place of the table");
	}
	buf_put(r->out, text, len);
	return 0;
}

/* A component that a placeholder had a part in may not lead out of its directory. */
static int check_component(const struct render *r, struct err *err)
{
	const char *name = buf_str(r->out) + r->component;

	if (r->has_value && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
		return ERR(err, ERR_DATA, "the value makes '%s' of a file's name", name);
	return 0;
}

static int put_literal(struct render *r, const struct part *part, struct err *err)
{
	if (r->place == TEMPLATE_URL)
		return url_put_literal(&r->url, part->text, part->len, err);
	if (r->place != TEMPLATE_PATTERN) {
		buf_put(r->out, part->text, part->len);
		return 0;
	}
	for (size_t i = 0; i < part->len; i++) {
		if (part->text[i] == '/') {
			int failed = check_component(r, err);
			if (failed < 0)
				return failed;
			r->component = r->out->len + 1;
			r->has_value = false;
		}
		buf_putc(r->out, part->text[i]);
	}
	return 0;
}

/* ---- values ---- */

static int put_text(struct render *r, const char *text, struct err *err)
{
	assert(text != NULL);
	return put_value(r, text, strlen(text), err);
}

static int put_number(struct render *r, int64_t number, struct err *err)
{
	char text[24] = "";

	(void)snprintf(text, sizeof(text), "%" PRId64, number); /* 20 characters at most */
	return put_text(r, text, err);
}

static int put_field(struct render *r, size_t index, struct err *err)
{
	const struct value *value = &r->item->item->fields[index];

	if (value->is_null)
		return ERR(err, ERR_DATA, "field %s is null where a text is needed",
			   r->t->job->fields[index].name);
	return put_value(r, value->text, value->len, err);
}

/* The day that the part names, counted from the run's date. */
static int find_day(const struct part *part, const char *text, struct date *ret_day,
		    struct err *err)
{
	struct date day = {0};
	bool is_date = date_parse_iso(text, strlen(text), &day);

	assert(is_date); /* the engine made it */
	if (part->kind == PART_MONTH_START)
		day.day = 1;
	if (part->kind == PART_MONTH_END)
		for (day.day = 31; !date_is_valid(&day);)
			day.day--;
	if (!date_from_days(date_to_days(&day) + part->offset_days, ret_day))
		return ERR(err, ERR_DATA, "%s %+" PRId64 " days is no date", text,
			   part->offset_days);
	return 0;
}

static int put_date(struct render *r, const struct part *part, struct err *err)
{
	struct date day = {0};
	int failed = find_day(part, r->run->date, &day, err);

	if (failed < 0)
		return failed;
	AUTO(buf) struct buf text = BUF_INIT(ERR_TEXT_MAX + 8 * part->len);
	if (part->text == NULL)
		date_put_by(&day, "%Y-%m-%d", 8, &text);
	else
		date_put_by(&day, part->text, part->len, &text);
	return put_value(r, buf_str(&text), text.len, err);
}

static int put_secret(struct render *r, size_t index, struct err *err)
{
	if (r->run->hides_secrets)
		return put_text(r, "***", err);
	AUTO(buf) struct buf value = BUF_INIT(SECRET_BYTES_MAX);
	/* Safety: all of it at once, or growing would leave copies that nobody wipes. */
	(void)buf_reserve(&value, SECRET_BYTES_MAX); /* secret_read says it when it fails */
	int failed = secret_read(r->t->job, &r->t->job->secrets[index], &value, err);

	if (failed == 0)
		failed = put_value(r, buf_str(&value), value.len, err);
	if (failed == ERR_DATA) /* the text of the error shows the value */
		failed = ERR(err, ERR_CONFIG, "secret %s cannot stand here: a NUL or a line end",
			     r->t->job->secrets[index].name);
	if (value.data != NULL)
		explicit_bzero(value.data, value.cap);
	return failed;
}

static int put_param(struct render *r, size_t index, struct err *err)
{
	assert(r->run->param_values != NULL && r->run->param_values[index] != NULL);
	return put_text(r, r->run->param_values[index], err);
}

static int put_of_item(struct render *r, const struct part *part, struct err *err)
{
	const struct template_item *item = r->item;

	assert(item != NULL);
	switch ((int)part->kind) {
	case PART_FIELD:
		return put_field(r, part->index, err);
	case PART_ITEM_KEY:
		return put_value(r, item->item->key, item->item->key_len, err);
	case PART_ITEM_ATTEMPT:
		return put_number(r, item->attempt, err);
	case PART_ITEM_IDEMPOTENCY_KEY:
		return put_text(r, item->idempotency_key, err);
	case PART_SOURCE_PATH:
		return put_text(r, item->item->source_path, err);
	default:
		return put_number(r, item->item->source_line, err);
	}
}

static int put_part(struct render *r, const struct part *part, struct err *err)
{
	switch (part->kind) {
	case PART_LITERAL:
		return put_literal(r, part, err);
	case PART_FIELD:
	case PART_ITEM_KEY:
	case PART_ITEM_ATTEMPT:
	case PART_ITEM_IDEMPOTENCY_KEY:
	case PART_SOURCE_PATH:
	case PART_SOURCE_LINE:
		return put_of_item(r, part, err);
	case PART_RUN_ID:
		return put_number(r, r->run->id, err);
	case PART_RUN_JOB:
		return put_text(r, r->run->job, err);
	case PART_RUN_SLOT:
		return put_text(r, r->run->slot, err);
	case PART_DATE:
	case PART_MONTH_START:
	case PART_MONTH_END:
		return put_date(r, part, err);
	case PART_PARAM:
		return put_param(r, part->index, err);
	case PART_SECRET:
		return put_secret(r, part->index, err);
	case PART_TRAILER:
		assert(r->run->trailer_values != NULL);
		return put_text(r, r->run->trailer_values[part->index], err);
	case PART_CONSTANT:
		return put_value(r, part->text, part->len, err);
	case PART_CURSOR: /* whoever pages binds them */
	case PART_PAGE_SIZE:
	case PART_COUNT_:
		break;
	}
	unreachable("a part of the table");
}

int template_put_part(const struct template *t, size_t i, const struct template_run *run,
		      const struct template_item *item, struct buf *out, struct err *err)
{
	struct render r = {.t = t, .place = TEMPLATE_TEXT, .run = run, .item = item, .out = out};

	assert(t != NULL && i < t->n && run != NULL && out != NULL && err != NULL);
	int failed = put_part(&r, &t->parts[i], err);
	return failed < 0 ? failed : buf_check(out, "a value", err);
}

int template_render(const struct template *t, enum template_place place,
		    const struct template_run *run, const struct template_item *item,
		    struct buf *out, struct err *err)
{
	assert(t != NULL && place < TEMPLATE_PLACE_COUNT_ && run != NULL && out != NULL &&
	       err != NULL);
	struct render r = {.t = t,
			   .place = place,
			   .run = run,
			   .item = item,
			   .out = out,
			   .component = out->len,
			   .url = {.out = out, .from = out->len}};
	for (size_t i = 0; i < t->n; i++) {
		int failed = put_part(&r, &t->parts[i], err);
		if (failed < 0)
			return failed;
	}
	int failed = 0;
	if (place == TEMPLATE_PATTERN)
		failed = check_component(&r, err);
	else if (place == TEMPLATE_URL && !out->failed)
		failed = url_end(&r.url, err);
	if (failed < 0)
		return failed;
	return buf_check(out, "a text with placeholders", err);
}
