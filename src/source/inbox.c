/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What applications put into the ledger, as items. The ledger is the engine's: it is asked for
 * pages, one ahead, and with each batch it is told which rows were dealt with, whatever became of
 * them. These leave the inbox in the same commit; so nothing is read twice, and an inbox has no
 * place to go on from but itself. A row that is held back for a key that is open in an earlier run
 * stays.
 *
 * Keys of this load that were read before a crash are in no inbox any more. Where keys must be
 * unique, a load that goes on has therefore ended; what is left is for the next run.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "job/item.h"
#include "job/job.h"
#include "source/encoding.h"
#include "source/load.h"
#include "sys/clock.h"

enum {
	PAGE_ROWS = 4096,
	PAGE_BYTES = 1024 * 1024,
	TIME_TEXT_MAX = 64, /* with room behind each part for the next */
	ID_TEXT_MAX = 24,
	PATH_TEXT_MAX = 48,
	WHAT_MAX = 256,
};

struct inbox {
	bool has_begun;
	bool is_over;
	int64_t after; /* dealt with, in batches that were complete */
	int64_t upto;  /* the last of this load; 0: not known yet */
	int64_t moved; /* the last that was dealt with of what goes as a whole */
	struct frame_inbox_answer page;
	uint32_t at; /* the next of it */
	/* of the present row */
	const struct frame_inbox_row *row;
	char id[ID_TEXT_MAX];
	char path[PATH_TEXT_MAX];
	char added_at[TIME_TEXT_MAX];
	/* of the present batch */
	struct frame_taken taken;
	int64_t last;
	int64_t ids[BATCH_ITEMS_MAX];
	int64_t left[BATCH_ITEMS_MAX];
	int64_t id_of[BATCH_ITEMS_MAX]; /* of each item */
	uint32_t n_rows;
};

void inbox_new(struct source *s)
{
	s->inbox = xnew(struct inbox);
}

void inbox_free(struct inbox *b)
{
	free(b);
}

/* ---- pages ---- */

static int ask(struct source *s, int64_t after, struct err *err)
{
	struct inbox *b = s->inbox;
	const struct frame_inbox f = {.begins = !b->has_begun,
				      .after = after,
				      .upto = b->upto,
				      .max = PAGE_ROWS,
				      .max_bytes = PAGE_BYTES};

	return s->options.ask_inbox(s->options.arg, &f, err);
}

/* Another run of the job reads it; what it leaves is ours. */
static int wait_for(struct source *s, const char *run, struct err *err)
{
	char what[WHAT_MAX];

	(void)snprintf(what, sizeof(what), "run %s to load from the inbox", run); /* cut is well */
	int rc = patience_pause(&s->patience, what, US_PER_S, err);
	return rc == 0 ? ask(s, s->inbox->after, err) : rc;
}

static int next_page(struct source *s, struct err *err)
{
	struct inbox *b = s->inbox;
	int rc = b->has_begun ? 0 : ask(s, b->after, err);

	for (;;) {
		if (rc == 0)
			rc = s->options.hear_inbox(s->options.arg, &b->page, err);
		if (rc != 0)
			return rc;
		if (b->page.other[0] == '\0')
			break;
		rc = wait_for(s, b->page.other, err);
	}
	if (!b->has_begun)
		b->moved = b->page.from;
	b->has_begun = true;
	b->upto = b->page.upto;
	b->at = 0;
	b->is_over = b->page.n == 0;
	return b->is_over ? 0 : ask(s, b->page.rows[b->page.n - 1].id, err);
}

/* ---- rows ---- */

/* 2026-11-23T14:51:14.123456Z; gives its length. */
static size_t put_time(utime t, char out[TIME_TEXT_MAX])
{
	static const size_t widths[] = {4, 2, 2, 2, 2, 2, 6};
	static const char ends[] = "--T::.Z";
	struct civil c = {0};
	size_t len = 0;

	clock_civil_utc(t, &c);
	if (c.year < 0)
		out[len++] = '-';
	const int parts[] = {abs(c.year), c.month, c.day, c.hour, c.minute, c.second, c.us};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		len += text_digits((uint64_t)parts[i], widths[i], &out[len]);
		out[len++] = ends[i];
	}
	return len;
}

static bool has_flaw(struct source *s)
{
	struct inbox *b = s->inbox;
	const struct frame_inbox_row *row = b->row;
	const char *why = NULL;

	if (row->size > (int64_t)row->len) {
		flaw_set(&s->flaw, 0, "longer than %d MiB: it has %" PRId64 " bytes",
			 RECORD_BYTES_MAX >> 20, row->size);
		return true;
	}
	const char *text = row->fields == NULL ? "" : row->fields;
	size_t bad = encoding_find_bad(JOB_UTF8, text, row->len, &why);
	if (bad < row->len) {
		flaw_set(&s->flaw, bad, "%s", why);
		return true;
	}
	if (shape_read(&s->shape, text, row->len, &s->flaw) != 0)
		return true;
	s->shape.values[s->job->source.n_fields - 1] = (struct value){
		.text = b->added_at, .len = put_time(row->added_at, b->added_at)};
	return false;
}

static void name_row(struct source *s)
{
	struct inbox *b = s->inbox;

	b->id[text_digits((uint64_t)b->row->id, 0, b->id)] = '\0';
	s->keys.given = b->row->key[0] != '\0'	  ? b->row->key
			: s->keys.how == KEYS_ROW ? b->id
						  : NULL;
}

void inbox_describe(struct source *s, struct judge_reject *ret_reject)
{
	struct inbox *b = s->inbox;

	(void)snprintf(b->path, sizeof(b->path), "inbox:%s", b->id); /* fits */
	ret_reject->path = b->path;
	ret_reject->raw = b->row->fields;
	ret_reject->raw_len = b->row->len;
}

static int judge_row(struct source *s, struct err *err)
{
	struct item item = {.fields = s->shape.values, .source_path = ""};

	s->batch->n_read++;
	if (!has_flaw(s))
		return judge_item(s, &item, NULL, err);
	struct judge_reject reject = {.flaw = &s->flaw};
	inbox_describe(s, &reject);
	return judge_reject(s, &reject, err);
}

static void note_taken(struct inbox *b, int64_t id)
{
	if (id > b->page.whole_to) {
		b->ids[b->taken.n++] = id;
		return;
	}
	if (b->taken.to == 0)
		b->taken.from = b->moved;
	b->taken.to = b->moved = id;
}

static int take_row(struct source *s, struct err *err)
{
	struct inbox *b = s->inbox;
	uint32_t n = s->batch->n;

	b->row = &b->page.rows[b->at];
	name_row(s);
	int rc = judge_row(s, err);
	if (rc != 0)
		return rc;
	if (s->batch->n > n)
		b->id_of[n] = b->row->id;
	note_taken(b, b->row->id);
	b->last = b->row->id;
	b->n_rows++;
	b->at++;
	return 0;
}

static bool fits(const struct source *s)
{
	const struct frame_inbox_row *row = &s->inbox->page.rows[s->inbox->at];

	return batch_is_empty(s->batch) ||
	       (int64_t)s->batch->content.len + (int64_t)row->len <= load_chunk_bytes(s);
}

static void begin_batch(struct inbox *b)
{
	b->n_rows = 0;
	b->last = b->after;
	b->taken = (struct frame_taken){.ids = b->ids, .left = b->left};
}

int inbox_fill(struct source *s, struct err *err)
{
	struct inbox *b = s->inbox;
	uint32_t limit = load_item_limit(s);

	begin_batch(b);
	if (limit == 0)
		return SOURCE_END; /* --first: what is left stays where it is */
	while (!b->is_over && s->batch->n < limit && !batch_is_full(s->batch) && !s->has_failed &&
	       b->n_rows < BATCH_ITEMS_MAX) {
		bool is_page_over = b->at == b->page.n;
		if (!is_page_over && !fits(s))
			break;
		int rc = is_page_over ? next_page(s, err) : take_row(s, err);
		if (rc != 0)
			return rc;
	}
	if (!batch_is_empty(s->batch))
		return 0;
	int rc = totals_check(&s->totals, NULL, NULL, s->options.run, &s->patience, err);
	return rc == 0 ? SOURCE_END : rc;
}

/* ---- what becomes of them ---- */

static void leave(struct inbox *b, int64_t id)
{
	uint32_t kept = 0;

	if (id <= b->taken.to && id > b->taken.from) {
		b->left[b->taken.n_left++] = id;
		return;
	}
	for (uint32_t i = 0; i < b->taken.n; i++)
		if (b->ids[i] != id)
			b->ids[kept++] = b->ids[i];
	b->taken.n = kept;
}

void inbox_leave(struct source *s, const uint8_t *bits)
{
	for (uint32_t i = 0; i < s->batch->n; i++)
		if (bits_get(bits, i))
			leave(s->inbox, s->inbox->id_of[i]);
}

const struct frame_taken *inbox_taken(const struct inbox *b)
{
	return &b->taken;
}

void inbox_put_place(struct inbox *b, struct buf *out)
{
	b->after = b->last;
	buf_put_u64(out, (uint64_t)b->upto);
	buf_put_u64(out, (uint64_t)b->after);
}

void inbox_get_place(struct source *s, struct reader *r)
{
	s->inbox->upto = (int64_t)reader_u64(r);
	s->inbox->after = (int64_t)reader_u64(r);
	s->inbox->is_over = s->unique != NULL;
}
