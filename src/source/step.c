/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The items of an earlier step as those of this one. The engine, which has the ledger, gives them
 * chunk by chunk, as they were loaded there, with what each kept; so they are read again from where
 * they stand, one chunk in memory. Where a load stands is the number of an item.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/item.h"
#include "job/job.h"
#include "job/template.h"
#include "source/body.h"
#include "source/load.h"

enum { KEEP_PARSED_MAX = 8 * 1024 * 1024, SCRATCH_MAX = 1024 * 1024 };

struct step_source {
	const struct job *of;
	int64_t next; /* the number of the item that comes next */
	bool is_over;
	/* the chunk at hand */
	bool has_chunk;
	int64_t first_item;
	uint32_t n;
	uint32_t at;  /* the index that is looked at next */
	uint32_t end; /* behind it another page has to be asked for */
	uint8_t *wanted;
	struct body *body; /* NULL: the step has no source, and one item */
	struct frame_kept *kept;
	uint32_t n_kept;
	uint32_t kept_at; /* those before it belong to earlier items */
	struct arena arena;
	/* the present item */
	struct item item;
	struct json_doc *doc;
	struct buf scratch;
};

void step_new(struct source *s)
{
	struct step_source *step = xnew(struct step_source);

	step->of = job_step(s->job, s->job->source.of_step);
	assert(step->of != NULL);
	step->doc = json_doc_new(KEEP_PARSED_MAX);
	step->scratch = BUF_INIT(SCRATCH_MAX);
	s->step = step;
}

static void drop_chunk(struct step_source *step)
{
	body_free(step->body);
	step->body = NULL;
	step->has_chunk = false;
	arena_reset(&step->arena);
}

void step_free(struct step_source *step)
{
	if (step == NULL)
		return;
	drop_chunk(step);
	arena_done(&step->arena);
	json_doc_free(step->doc);
	buf_done(&step->scratch);
	free(step);
}

/* ---- a chunk ---- */

static void take_page(struct step_source *step, const struct frame_step_items *page)
{
	struct arena *a = &step->arena;

	step->has_chunk = true;
	step->first_item = page->first_item;
	step->n = page->n;
	step->end = page->end;
	step->at = step->next > page->first_item ? (uint32_t)(step->next - page->first_item) : 0;
	step->wanted = arena_dup(a, page->wanted, BITS_BYTES(page->n));
	step->kept = arena_alloc(a, (page->n_kept + 1) * sizeof(*step->kept));
	step->n_kept = page->n_kept;
	step->kept_at = 0;
	for (uint32_t i = 0; i < page->n_kept; i++)
		step->kept[i] = (struct frame_kept){.index = page->kept[i].index,
						    .keep = arena_str(a, page->kept[i].keep)};
}

/* A file that is not what was loaded cannot be read a second time. */
static int open_chunk(struct source *s, const struct frame_step_items *page, struct err *err)
{
	struct step_source *step = s->step;
	bool is_wanted = bits_count(page->wanted, page->n) > 0;

	take_page(step, page);
	if (step->of->source.kind == SOURCE_NONE || !is_wanted)
		return 0;
	int rc = body_open(step->of, page->body, page->body_len, page->n, false, &step->body, err);
	if (rc == 0)
		return 0;
	if (rc == BODY_ELSEWHERE)
		return SOURCE_ELSEWHERE;
	err_add(err, "the items of step %s cannot be read again: ", step->of->step_name);
	return rc < 0 ? rc : ERR_DATA;
}

/* 0 with a chunk at hand, or none and is_over. */
static int next_chunk(struct source *s, struct err *err)
{
	struct step_source *step = s->step;
	struct frame_step_items page = {0};

	drop_chunk(step);
	if (s->options.find_items == NULL)
		return ERR(err, ERR_BUG, "nobody gives the items of step %s", step->of->step_name);
	int rc = s->options.find_items(s->options.arg, step->next, &page, err);
	if (rc != 0)
		return rc;
	step->is_over = page.n == 0;
	if (step->is_over)
		return 0;
	if (step->next < page.first_item)
		step->next = page.first_item;
	if (step->next >= page.first_item + page.end)
		return ERR(err, ERR_BUG, "asked for items from %lld, and was given others",
			   (long long)step->next);
	return open_chunk(s, &page, err);
}

/* ---- what was kept ---- */

static enum field_type number_type(const struct json *number)
{
	if (memchr(number->text, 'e', number->text_len) != NULL ||
	    memchr(number->text, 'E', number->text_len) != NULL)
		return FIELD_FLOAT;
	return memchr(number->text, '.', number->text_len) == NULL ? FIELD_INTEGER : FIELD_DECIMAL;
}

/* A value of the type that it has in JSON; what is absent is null. */
static void take_value(struct step_source *step, const struct json *json, struct value *ret)
{
	size_t from = step->scratch.len;

	*ret = (struct value){.is_null = true, .type = FIELD_TEXT};
	if (json == NULL || json->type == JSON_NULL)
		return;
	ret->is_null = false;
	if (json->type == JSON_STRING || json->type == JSON_NUMBER) {
		ret->type = json->type == JSON_STRING ? FIELD_TEXT : (uint8_t)number_type(json);
		ret->text = json->text;
		ret->len = json->text_len;
		return;
	}
	/* Reserved before: the text of those before it is lent from there. */
	json_put(&step->scratch, json);
	ret->type = json->type == JSON_TRUE || json->type == JSON_FALSE ? FIELD_BOOLEAN
									: FIELD_JSON;
	ret->text = buf_str(&step->scratch) + from;
	ret->len = step->scratch.len - from;
}

static const char *keep_of(struct step_source *step, uint32_t index)
{
	while (step->kept_at < step->n_kept && step->kept[step->kept_at].index < index)
		step->kept_at++;
	bool is_there = step->kept_at < step->n_kept && step->kept[step->kept_at].index == index;
	return is_there ? step->kept[step->kept_at].keep : NULL;
}

/* Behind the fields of the step itself. */
static int take_kept(struct source *s, uint32_t index, struct err *err)
{
	struct step_source *step = s->step;
	const struct job_source *source = &s->job->source;
	const char *keep = keep_of(step, index);
	const struct json *root = NULL;

	buf_reset(&step->scratch);
	/* As often as all of it may be named, and once more for what JSON escapes. */
	if (keep != NULL && (buf_reserve(&step->scratch, 2 * strlen(keep) + 1) == NULL ||
			     json_parse_into(step->doc, keep, strlen(keep), &root, err) < 0))
		return ERR(err, ERR_DATA, "what item %lld kept cannot be read",
			   (long long)(step->first_item + index));
	for (size_t i = 0; i < source->n_kept; i++) {
		const struct job_kept *k = &source->kept[i];
		if (k->step != source->of_step)
			continue;
		/* An item may have kept nothing at all. */
		const struct json *value = root == NULL ? NULL
							: json_find(root, k->name, strlen(k->name));
		take_value(step, value, &s->shape.values[k->field]);
	}
	return 0;
}

/* ---- items ---- */

static int read_item(struct source *s, uint32_t index, struct err *err)
{
	struct step_source *step = s->step;
	const char *slot = s->options.run->slot;

	step->item = (struct item){.key = slot, .key_len = strlen(slot), .source_path = ""};
	int rc = step->body == NULL ? 0 : body_item(step->body, index, &step->item, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < step->of->source.n_fields; i++)
		s->shape.values[i] = step->item.fields[i];
	step->item.fields = s->shape.values;
	return take_kept(s, index, err);
}

void step_describe(const struct step_source *step, struct judge_reject *ret_reject)
{
	bool has_path = step->item.source_path != NULL && step->item.source_path[0] != '\0';

	ret_reject->path = has_path ? step->item.source_path : step->of->step_name;
	ret_reject->raw = step->item.key;
	ret_reject->raw_len = step->item.key_len;
}

static bool fits(const struct source *s)
{
	size_t bytes = 0;

	for (size_t i = 0; i < s->job->source.n_fields; i++)
		bytes += s->shape.values[i].len;
	return s->batch->n == 0 || (int64_t)(s->batch->content.len + bytes) <= load_chunk_bytes(s);
}

/* Goes on to the next wanted item and reads it; is_over when there is none. */
static int find_item(struct source *s, struct err *err)
{
	struct step_source *step = s->step;

	for (;;) {
		while (step->has_chunk && step->at < step->end && !bits_get(step->wanted, step->at))
			step->at++;
		if (step->has_chunk)
			step->next = step->first_item + step->at;
		if (step->has_chunk && step->at < step->end)
			return read_item(s, step->at, err);
		int rc = next_chunk(s, err);
		if (rc != 0 || step->is_over)
			return rc;
	}
}

static void pass_item(struct step_source *step)
{
	step->at++;
	step->next++;
}

int step_fill(struct source *s, struct err *err)
{
	struct step_source *step = s->step;
	uint32_t limit = load_item_limit(s);

	if (limit == 0)
		return SOURCE_END; /* --first: what is left does not count, nor do its totals */
	while (s->batch->n < limit && !batch_is_full(s->batch) && !s->has_failed &&
	       (int64_t)s->batch->content.len < load_chunk_bytes(s)) {
		int rc = find_item(s, err);
		if (rc != 0)
			return rc;
		if (step->is_over || !fits(s))
			break;
		s->batch->n_read++;
		rc = judge_item(s, &step->item, NULL, err);
		if (rc != 0)
			return rc;
		pass_item(step);
	}
	if (!batch_is_empty(s->batch))
		return pace_page(&s->pace, &s->patience, err);
	int rc = totals_check(&s->totals, NULL, NULL, s->options.run, &s->patience, err);
	return rc == 0 ? SOURCE_END : rc;
}

/* ---- keys again ---- */

int step_replay_keys(struct source *s, struct err *err)
{
	struct step_source *step = s->step;
	int64_t stop = step->next;

	step->next = 0;
	for (;;) {
		int rc = find_item(s, err);
		if (rc == 0 && !step->is_over && step->next < stop) {
			rc = judge_item_key(s, &step->item, err);
			pass_item(step);
		} else if (rc == 0) {
			break;
		}
		if (rc != 0)
			return rc;
	}
	drop_chunk(step);
	step->next = stop;
	step->is_over = false;
	return 0;
}

/* ---- where it stands ---- */

void step_put_place(const struct step_source *step, struct buf *b)
{
	buf_put_u64(b, (uint64_t)step->next);
}

void step_get_place(struct step_source *step, struct reader *r)
{
	step->next = (int64_t)reader_u64(r);
}
