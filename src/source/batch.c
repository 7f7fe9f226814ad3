/* SPDX-License-Identifier: Apache-2.0 */
#include "source/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/mem.h"
#include "sys/fault.h"

enum {
	REJECT_BYTES_MAX = 2 * 1024 *
			   1024, /* of all rejects in a batch, before one more is taken */
	PATHS_MAX = BODY_PATHS_MAX,
	BODY_BYTES_MAX = 40 * 1024 * 1024, /* a frame holds it with room to spare */
};

struct batch *batch_new(size_t n_controls, size_t n_sums)
{
	struct batch *b = xnew(struct batch);

	b->n_controls = n_controls;
	b->n_sums = n_sums;
	b->amounts = xcalloc((n_controls + n_sums) * (BATCH_ITEMS_MAX + 1) + 1,
			     sizeof(*b->amounts));
	b->paths = xcalloc(PATHS_MAX, sizeof(*b->paths));
	b->content = BUF_INIT(BODY_STAGED_MAX);
	b->keys = BUF_INIT(BODY_STAGED_MAX);
	b->body = BUF_INIT(BODY_BYTES_MAX);
	b->keys_json = BUF_INIT(BODY_BYTES_MAX);
	b->cursor = BUF_INIT(BODY_BYTES_MAX);
	b->sums = BUF_INIT(BODY_BYTES_MAX);
	b->load_sums = BUF_INIT(BODY_BYTES_MAX);
	return b;
}

void batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	buf_done(&b->content);
	buf_done(&b->keys);
	buf_done(&b->body);
	buf_done(&b->keys_json);
	buf_done(&b->cursor);
	buf_done(&b->sums);
	buf_done(&b->load_sums);
	arena_done(&b->arena);
	free(b->amounts);
	free(b->paths);
	free(b);
}

void batch_reset(struct batch *b)
{
	memset(b->skips, 0, BITS_BYTES(b->n_records));
	b->n = 0;
	b->n_rejects = 0;
	b->n_read = 0;
	b->n_filtered = 0;
	b->n_records = 0;
	b->n_records_to_end = 0;
	b->n_paths = 0;
	b->reject_bytes = 0;
	b->starts[0] = 0;
	b->key_at[0] = 0;
	buf_reset(&b->content);
	buf_reset(&b->keys);
	buf_reset(&b->body);
	buf_reset(&b->keys_json);
	buf_reset(&b->cursor);
	buf_reset(&b->sums);
	buf_reset(&b->load_sums);
	arena_reset(&b->arena);
}

bool batch_is_full(const struct batch *b)
{
	return b->n == BATCH_ITEMS_MAX || b->n_rejects == BATCH_REJECTS_MAX ||
	       b->n_records == BODY_RECORDS_MAX || b->n_paths == PATHS_MAX ||
	       b->reject_bytes > REJECT_BYTES_MAX || b->n_filtered == BATCH_FILTERED_MAX;
}

bool batch_is_empty(const struct batch *b)
{
	return b->n == 0 && b->n_rejects == 0 && b->n_read == 0;
}

void batch_add_reference(struct batch *b, const struct batch_record *record)
{
	assert(!batch_is_full(b));
	if (b->n == 0) {
		b->begin = record->offset;
		b->first_line = record->line;
		b->first_record = record->number;
	}
	b->end = record->offset + record->size;
	b->record_of[b->n++] = (uint16_t)b->n_records++;
	b->n_records_to_end = b->n_records;
	b->key_at[b->n] = b->keys.len;
}

void batch_add_staged(struct batch *b, uint32_t path, const struct item *item,
		      const struct job_source *source)
{
	assert(!batch_is_full(b) && path < b->n_paths);
	body_put_item(&b->content, path, item, source);
	b->n++;
	b->starts[b->n] = b->content.len;
	b->key_at[b->n] = b->keys.len;
}

uint32_t batch_add_path(struct batch *b, const struct body_path *path)
{
	assert(b->n_paths < PATHS_MAX);
	b->paths[b->n_paths] = *path;
	b->paths[b->n_paths].path = arena_text(&b->arena, path->path, path->path_len);
	return b->n_paths++;
}

void batch_add_key(struct batch *b, const char *key, size_t len)
{
	assert(b->n > 0);
	buf_put(&b->keys, key, len);
	buf_putc(&b->keys, '\0');
	b->key_at[b->n] = b->keys.len;
}

void batch_skip_record(struct batch *b)
{
	if (b->n == 0)
		return;
	assert(b->n_records < BODY_RECORDS_MAX);
	bits_set(b->skips, b->n_records);
	b->n_records++;
}

void batch_add_reject(struct batch *b, const struct frame_reject *reject)
{
	assert(b->n_rejects < BATCH_REJECTS_MAX);
	if (FAULT("source.reject"))
		return;
	struct frame_reject *r = &b->rejects[b->n_rejects++];
	*r = *reject;
	if (r->raw_len > REJECT_RAW_MAX) {
		r->raw_len = REJECT_RAW_MAX;
		r->is_cut = true;
	}
	r->raw = arena_text(&b->arena, reject->raw, r->raw_len);
	r->path = arena_str(&b->arena, reject->path);
	r->reason = arena_str(&b->arena, reject->reason);
	r->key = arena_str(&b->arena, reject->key);
	b->reject_bytes += r->raw_len;
}

struct decimal *batch_controls(const struct batch *b, uint32_t i)
{
	return b->amounts + i * (b->n_controls + b->n_sums);
}

struct decimal *batch_sums(const struct batch *b, uint32_t i)
{
	return batch_controls(b, i) + b->n_controls;
}

/* Moves what belongs to item `from` to the place of item `to`, which is not behind it. */
static void move_item(struct batch *b, uint32_t from, uint32_t to)
{
	size_t len = b->starts[from + 1] - b->starts[from];

	if (b->content.len > 0)
		memmove(b->content.data + b->starts[to], b->content.data + b->starts[from], len);
	size_t key_len = b->key_at[from + 1] - b->key_at[from];
	if (b->keys.len > 0)
		memmove(b->keys.data + b->key_at[to], b->keys.data + b->key_at[from], key_len);
	for (size_t i = 0; i < b->n_controls + b->n_sums; i++)
		batch_controls(b, to)[i] = batch_controls(b, from)[i];
	/* `from` is read before it is overwritten: starts[to + 1] is at or before starts[from]. */
	b->starts[to + 1] = b->starts[to] + len;
	b->key_at[to + 1] = b->key_at[to] + key_len;
	b->record_of[to] = b->record_of[from];
}

uint32_t batch_hold_back(struct batch *b, const uint8_t *bits)
{
	uint32_t kept = 0;
	uint32_t n = b->n;
	bool is_staged = b->content.len > 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!bits_get(bits, i)) {
			if (kept < i)
				move_item(b, i, kept);
			kept++;
		} else if (!is_staged) {
			bits_set(b->skips, b->record_of[i]);
		}
	}
	b->n = kept;
	if (is_staged)
		buf_truncate(&b->content, b->starts[kept]);
	if (b->keys.len > 0)
		buf_truncate(&b->keys, b->key_at[kept]);
	return n - kept;
}
