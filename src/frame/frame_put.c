/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing frames. The buffer holds whole frames at any time: one that does not fit, into the buffer
 * or into FRAME_BYTES_MAX, is taken back and the buffer marked `failed`.
 */
#include "frame/frame.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"

/* Begins a frame; what it returns goes to frame_end. */
static size_t frame_begin(struct buf *b, enum frame_type type)
{
	assert(b != NULL);
	size_t start = b->len;

	buf_put_u32(b, 0); /* the length, known in frame_end */
	buf_put_u8(b, (uint8_t)type);
	return start;
}

static void frame_end(struct buf *b, size_t start)
{
	size_t length = b->len - start;

	if (b->failed || length - sizeof(uint32_t) > FRAME_BYTES_MAX) {
		buf_truncate(b, start);
		b->failed = true;
		return;
	}
	length -= sizeof(uint32_t);
	for (size_t i = 0; i < sizeof(uint32_t); i++)
		b->data[start + i] = (char)(unsigned char)(length >> (8 * i));
}

/* A text that is not there is written as an empty one. */
static void put_text(struct buf *b, const char *text)
{
	buf_put_bytes(b, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static void put_bool(struct buf *b, bool value)
{
	buf_put_u8(b, value ? 1 : 0);
}

static void put_i32(struct buf *b, int32_t value)
{
	buf_put_u32(b, (uint32_t)value);
}

static void put_i64(struct buf *b, int64_t value)
{
	buf_put_u64(b, (uint64_t)value);
}

/* Bits beyond `n` are written as 0, whatever stands in memory. */
static void put_bits(struct buf *b, const uint8_t *bits, uint32_t n)
{
	size_t bytes = BITS_BYTES(n);

	assert(bits != NULL || n == 0);
	buf_put(b, bits, bytes);
	if (n % 8 != 0 && !b->failed)
		b->data[b->len - 1] = (char)(bits[bytes - 1] & (0xffu << (8 - n % 8)));
}

void frame_put_hello(struct buf *b, const struct frame_hello *f)
{
	size_t start = frame_begin(b, FRAME_HELLO);

	buf_put_u16(b, f->version);
	buf_put_u8(b, (uint8_t)f->role);
	put_text(b, f->job_text);
	put_text(b, f->today_text);
	put_text(b, f->job_path);
	put_text(b, f->job_directory);
	buf_put(b, f->ledger_uuid, sizeof(f->ledger_uuid));
	put_i64(b, f->run_id);
	buf_put_u32(b, f->step);
	put_text(b, f->run_name);
	put_text(b, f->slot);
	put_text(b, f->date);
	put_text(b, f->params);
	put_text(b, f->nonce);
	put_text(b, f->source_path);
	put_i64(b, f->first_n);
	buf_put_bytes(b, f->cursor, f->cursor_len);
	put_bool(b, f->ask_keys);
	buf_put_u32(b, f->workers);
	put_bool(b, f->sets_nice);
	buf_put_u32(b, (uint32_t)f->nice);
	buf_put_u8(b, f->io);
	put_i64(b, f->begin_before);
	frame_end(b, start);
}

void frame_put_chunk(struct buf *b, const struct frame_chunk *f)
{
	size_t start = frame_begin(b, FRAME_CHUNK);

	buf_put_u32(b, f->handle);
	put_i64(b, f->first_item);
	buf_put_u32(b, f->n);
	buf_put_bytes(b, f->body, f->body_len);
	frame_end(b, start);
}

void frame_put_u32(struct buf *b, enum frame_type type, uint32_t value)
{
	assert(type == FRAME_DROP || type == FRAME_CANCEL || type == FRAME_CREDIT ||
	       type == FRAME_ASK_KEYS);
	size_t start = frame_begin(b, type);

	buf_put_u32(b, value);
	frame_end(b, start);
}

void frame_put_cutoff(struct buf *b, int64_t begin_before)
{
	size_t start = frame_begin(b, FRAME_CUTOFF);

	put_i64(b, begin_before);
	frame_end(b, start);
}

void frame_put_empty(struct buf *b, enum frame_type type)
{
	assert(type == FRAME_STOP || type == FRAME_RECALL || type == FRAME_READY);
	frame_end(b, frame_begin(b, type));
}

void frame_put_work(struct buf *b, const struct frame_work *f)
{
	size_t start = frame_begin(b, FRAME_WORK);

	assert(f->items != NULL || f->n == 0);
	assert(f->slots > 0);
	buf_put_u32(b, f->slots);
	buf_put_u32(b, f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		buf_put_u32(b, f->items[i].ticket);
		buf_put_u32(b, f->items[i].handle);
		buf_put_u32(b, f->items[i].index);
		put_i32(b, f->items[i].attempt);
		put_i32(b, f->items[i].redo);
		buf_put_u64(b, f->items[i].request);
		put_bool(b, f->items[i].is_probe);
		put_i64(b, f->items[i].opens_at);
		put_i64(b, f->items[i].closes_at);
	}
	frame_end(b, start);
}

void frame_put_bulk(struct buf *b, const struct frame_bulk *f)
{
	size_t start = frame_begin(b, FRAME_BULK);

	buf_put_u32(b, f->ticket);
	buf_put_u32(b, f->handle);
	buf_put_u32(b, f->n);
	put_bits(b, f->bits, f->n);
	frame_end(b, start);
}

/* Which there are, then these. */
static void put_timings(struct buf *b, const int64_t *timings_us)
{
	uint8_t has = 0;

	for (unsigned i = 0; i < FRAME_TIMINGS; i++)
		if (timings_us[i] > 0)
			has |= (uint8_t)(1U << i);
	buf_put_u8(b, has);
	for (unsigned i = 0; i < FRAME_TIMINGS; i++)
		if (timings_us[i] > 0)
			put_i64(b, timings_us[i]);
}

void frame_put_outcome(struct buf *b, const struct frame_outcome *f)
{
	size_t start = frame_begin(b, FRAME_OUTCOME);

	buf_put_u32(b, f->ticket);
	buf_put_u8(b, f->outcome);
	buf_put_u8(b, f->lost);
	put_bool(b, f->cancelled);
	put_i64(b, f->began_at);
	put_i64(b, f->took_us);
	put_text(b, f->err_class);
	put_text(b, f->err);
	buf_put_bytes(b, f->output, f->output_len);
	put_bool(b, f->output_cut);
	put_text(b, f->key);
	put_text(b, f->person);
	put_i64(b, f->wait_us);
	put_text(b, f->keep);
	buf_put_u64(b, f->request);
	put_timings(b, f->timings_us);
	put_bool(b, f->has_quota_left);
	put_i64(b, f->quota_left);
	frame_end(b, start);
}

void frame_put_bulk_outcome(struct buf *b, const struct frame_bulk_outcome *f)
{
	size_t start = frame_begin(b, FRAME_BULK_OUTCOME);

	buf_put_u32(b, f->ticket);
	buf_put_u32(b, f->n);
	put_bits(b, f->done, f->n);
	put_i64(b, f->began_at);
	put_i64(b, f->took_us);
	buf_put_u8(b, f->rest);
	put_text(b, f->err_class);
	put_text(b, f->err);
	assert(f->n_failures <= FRAME_FAILURES_MAX);
	buf_put_u32(b, f->n_failures);
	for (uint32_t i = 0; i < f->n_failures; i++) {
		buf_put_u32(b, f->failures[i].index);
		buf_put_u8(b, f->failures[i].outcome);
		put_text(b, f->failures[i].err_class);
		put_text(b, f->failures[i].err);
		put_text(b, f->failures[i].key);
		put_text(b, f->failures[i].person);
	}
	frame_end(b, start);
}

void frame_put_source_changed(struct buf *b, const struct frame_source_changed *f)
{
	size_t start = frame_begin(b, FRAME_SOURCE_CHANGED);

	buf_put_u32(b, f->handle);
	put_bool(b, f->is_elsewhere);
	put_text(b, f->text);
	frame_end(b, start);
}

void frame_put_keys(struct buf *b, const struct frame_keys *f)
{
	size_t start = frame_begin(b, FRAME_KEYS);

	assert(f->keys != NULL || f->n == 0);
	buf_put_u32(b, f->n);
	for (uint32_t i = 0; i < f->n; i++)
		put_text(b, f->keys[i]);
	frame_end(b, start);
}

void frame_put_ask_items(struct buf *b, int64_t from)
{
	size_t start = frame_begin(b, FRAME_ASK_ITEMS);

	put_i64(b, from);
	frame_end(b, start);
}

void frame_put_step_items(struct buf *b, const struct frame_step_items *f)
{
	size_t start = frame_begin(b, FRAME_STEP_ITEMS);

	put_i64(b, f->first_item);
	buf_put_u32(b, f->n);
	put_bits(b, f->wanted, f->n);
	buf_put_u32(b, f->end);
	buf_put_bytes(b, f->body, f->body_len);
	buf_put_u32(b, f->n_kept);
	for (uint32_t i = 0; i < f->n_kept; i++) {
		buf_put_u32(b, f->kept[i].index);
		put_text(b, f->kept[i].keep);
	}
	frame_end(b, start);
}

void frame_put_keys_answer(struct buf *b, const struct frame_keys_answer *f)
{
	size_t start = frame_begin(b, FRAME_KEYS_ANSWER);

	buf_put_u32(b, f->n);
	put_bits(b, f->open, f->n);
	put_bits(b, f->seen, f->n);
	frame_end(b, start);
}

void frame_put_content(struct buf *b, const struct frame_content *f)
{
	size_t start = frame_begin(b, FRAME_CONTENT);

	put_text(b, f->path);
	buf_put(b, f->digest, sizeof(f->digest));
	frame_end(b, start);
}

void frame_put_content_answer(struct buf *b, const struct frame_content_answer *f)
{
	size_t start = frame_begin(b, FRAME_CONTENT_ANSWER);

	put_text(b, f->run);
	frame_end(b, start);
}

static void put_reject(struct buf *b, const struct frame_reject *reject)
{
	put_text(b, reject->path);
	put_i64(b, reject->line);
	put_i64(b, reject->column);
	put_i64(b, reject->offset);
	put_text(b, reject->reason);
	buf_put_bytes(b, reject->raw, reject->raw_len);
	put_bool(b, reject->is_cut);
	put_text(b, reject->key);
}

void frame_put_inbox(struct buf *b, const struct frame_inbox *f)
{
	size_t start = frame_begin(b, FRAME_INBOX);

	put_bool(b, f->begins);
	put_i64(b, f->after);
	put_i64(b, f->upto);
	buf_put_u32(b, f->max);
	put_i64(b, f->max_bytes);
	frame_end(b, start);
}

void frame_put_inbox_answer(struct buf *b, const struct frame_inbox_answer *f)
{
	size_t start = frame_begin(b, FRAME_INBOX_ANSWER);

	put_text(b, f->other);
	put_i64(b, f->upto);
	put_i64(b, f->from);
	put_i64(b, f->whole_to);
	buf_put_u32(b, f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct frame_inbox_row *row = &f->rows[i];
		put_i64(b, row->id);
		put_i64(b, row->added_at);
		put_text(b, row->key);
		buf_put_bytes(b, row->fields, row->len);
		put_i64(b, row->size);
	}
	frame_end(b, start);
}

static void put_ids(struct buf *b, const int64_t *ids, uint32_t n)
{
	buf_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		put_i64(b, ids[i]);
}

void frame_put_loaded(struct buf *b, const struct frame_loaded *f)
{
	size_t start = frame_begin(b, FRAME_LOADED);

	assert(f->rejects != NULL || f->n_rejects == 0);
	buf_put_u32(b, f->n);
	buf_put_bytes(b, f->body, f->body_len);
	put_text(b, f->keys);
	put_bool(b, f->tell);
	buf_put_u32(b, f->n_rejects);
	for (uint32_t i = 0; i < f->n_rejects; i++)
		put_reject(b, &f->rejects[i]);
	put_i64(b, f->read);
	put_i64(b, f->filtered);
	put_i64(b, f->held_back);
	buf_put_bytes(b, f->cursor, f->cursor_len);
	put_text(b, f->sums);
	put_text(b, f->run_sums);
	put_i64(b, f->taken.from);
	put_i64(b, f->taken.to);
	put_ids(b, f->taken.ids, f->taken.n);
	put_ids(b, f->taken.left, f->taken.n_left);
	frame_end(b, start);
}

void frame_put_load_end(struct buf *b, const struct frame_load_end *f)
{
	size_t start = frame_begin(b, FRAME_LOAD_END);

	buf_put_u8(b, f->end);
	put_text(b, f->text);
	frame_end(b, start);
}

void frame_put_waits(struct buf *b, const struct frame_waits *f)
{
	size_t start = frame_begin(b, FRAME_WAITS);

	put_text(b, f->text);
	put_i64(b, f->until);
	frame_end(b, start);
}

void frame_put_then(struct buf *b, const struct frame_then *f)
{
	size_t start = frame_begin(b, FRAME_THEN);
	bool has_dead = f->dead != NULL && f->n > 0;

	buf_put_u8(b, f->ending);
	put_i64(b, f->epoch);
	put_i64(b, f->chunk_id);
	put_i64(b, f->first_item);
	buf_put_u32(b, f->n);
	put_bits(b, f->good, f->n);
	buf_put_u8(b, has_dead ? 1 : 0);
	put_bits(b, f->dead, has_dead ? f->n : 0);
	buf_put_bytes(b, f->body, f->body_len);
	frame_end(b, start);
}

void frame_put_then_done(struct buf *b, const struct frame_then_done *f)
{
	size_t start = frame_begin(b, FRAME_THEN_DONE);

	buf_put_u8(b, f->ending);
	put_i64(b, f->chunk_id);
	put_text(b, f->err);
	buf_put_u8(b, f->is_lasting ? 1 : 0);
	put_text(b, f->says);
	put_text(b, f->result);
	frame_end(b, start);
}
