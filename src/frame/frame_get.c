/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading frames. What comes from a lane is not trusted: counts are checked against the bytes that
 * are there before anything is allocated, booleans are 0 or 1, texts hold no NUL, bitmaps have no
 * bits beyond their count, and nothing may follow the last member.
 */
#include "frame/frame.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"

enum {
	WORK_ITEM_BYTES = 45,
	REJECT_BYTES_MIN = 4 * 4 + 3 * 8 + 1, /* four empty texts, three numbers, a boolean */
	ROW_BYTES_MIN = 3 * 8 + 2 * 4,
};

/* The end of every reader: was it exactly this? */
static int get_end(const struct frame *f, const struct reader *r, struct err *err)
{
	if (reader_is_done(r))
		return 0;
	if (r->failed)
		return ERR(err, ERR_BUG, "%s of %zu bytes is short or damaged", frame_name(f->type),
			   f->len);
	return ERR(err, ERR_BUG, "%s has %zu bytes too many", frame_name(f->type), f->len - r->at);
}

static struct reader get_begin(const struct frame *f, enum frame_type type)
{
	assert(f != NULL && f->type == type && (f->payload != NULL || f->len == 0));
	(void)type; /* for the assertion */
	return READER(f->payload, f->len);
}

static const char *get_text(struct reader *r, struct arena *a)
{
	size_t len = 0;
	const char *text = reader_bytes(r, &len);

	if (text == NULL || memchr(text, '\0', len) != NULL) {
		r->failed = true;
		return "";
	}
	return len == 0 ? "" : arena_text(a, text, len);
}

/* NULL when empty, so that "none" has one form. */
static const void *get_blob(struct reader *r, size_t *ret_len)
{
	const char *data = reader_bytes(r, ret_len);

	return *ret_len == 0 ? NULL : data;
}

static bool get_bool(struct reader *r)
{
	uint8_t value = reader_u8(r);

	if (value > 1)
		r->failed = true;
	return value == 1;
}

static int32_t get_i32(struct reader *r, int32_t min)
{
	int32_t value = (int32_t)reader_u32(r);

	if (value < min)
		r->failed = true;
	return value;
}

static int64_t get_i64(struct reader *r)
{
	return (int64_t)reader_u64(r);
}

/* Counts, durations, numbers of lines: never negative. */
static int64_t get_count(struct reader *r)
{
	int64_t value = get_i64(r);

	if (value < 0)
		r->failed = true;
	return value;
}

/* How many items a chunk or a list of keys has. */
static uint32_t get_n(struct reader *r, uint32_t min)
{
	uint32_t n = reader_u32(r);

	if (n < min || n > FRAME_ITEMS_MAX)
		r->failed = true;
	return n;
}

/* How many elements of at least `bytes` each follow. */
static uint32_t get_array(struct reader *r, size_t bytes)
{
	uint32_t n = reader_u32(r);

	if (r->failed || n > (r->len - r->at) / bytes) {
		r->failed = true;
		return 0;
	}
	return n;
}

static const uint8_t *get_bits(struct reader *r, uint32_t n)
{
	if (r->failed)
		return NULL;
	const uint8_t *bits = (const uint8_t *)reader_raw(r, BITS_BYTES(n));
	if (bits == NULL || n == 0)
		return NULL;
	if (n % 8 != 0 && (bits[n / 8] & (0xffu >> (n % 8))) != 0)
		r->failed = true;
	return bits;
}

int frame_get_hello(const struct frame *f, struct arena *a, struct frame_hello *ret,
		    struct err *err)
{
	struct reader r = get_begin(f, FRAME_HELLO);
	struct frame_hello h = {.version = reader_u16(&r)};

	if (!r.failed && h.version != FRAME_VERSION)
		return ERR(err, ERR_BUG, "the other process speaks version %u, not %d", h.version,
			   FRAME_VERSION);
	uint8_t role = reader_u8(&r);
	if (role < LANE_WORKER || role > LANE_FINISHER)
		r.failed = true;
	h.role = (enum lane_role)role;
	h.job_text = get_text(&r, a);
	h.today_text = get_text(&r, a);
	h.job_path = get_text(&r, a);
	h.job_directory = get_text(&r, a);
	const char *uuid = reader_raw(&r, sizeof(h.ledger_uuid));
	if (uuid != NULL)
		memcpy(h.ledger_uuid, uuid, sizeof(h.ledger_uuid));
	h.run_id = get_i64(&r);
	h.step = reader_u32(&r);
	h.run_name = get_text(&r, a);
	h.slot = get_text(&r, a);
	h.date = get_text(&r, a);
	h.params = get_text(&r, a);
	h.nonce = get_text(&r, a);
	h.source_path = get_text(&r, a);
	h.first_n = get_count(&r);
	h.cursor = get_blob(&r, &h.cursor_len);
	h.ask_keys = get_bool(&r);
	h.workers = reader_u32(&r);
	h.sets_nice = get_bool(&r);
	h.nice = (int32_t)reader_u32(&r);
	h.io = reader_u8(&r);
	h.begin_before = get_count(&r);
	if (h.io >= FRAME_IO_COUNT_ || h.nice < FRAME_NICE_LEAST || h.nice > FRAME_NICE_MOST)
		r.failed = true;
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = h;
	return 0;
}

int frame_get_chunk(const struct frame *f, struct frame_chunk *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_CHUNK);
	struct frame_chunk v = {0};

	v.handle = reader_u32(&r);
	v.first_item = get_count(&r);
	v.n = get_n(&r, 1);
	v.body = get_blob(&r, &v.body_len);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_cutoff(const struct frame *f, int64_t *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_CUTOFF);
	int64_t value = get_count(&r);

	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = value;
	return 0;
}

int frame_get_u32(const struct frame *f, uint32_t *ret, struct err *err)
{
	struct reader r = get_begin(f, f->type);

	assert(f->type == FRAME_DROP || f->type == FRAME_CANCEL || f->type == FRAME_CREDIT ||
	       f->type == FRAME_ASK_KEYS);
	uint32_t value = reader_u32(&r);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = value;
	return 0;
}

int frame_get_empty(const struct frame *f, struct err *err)
{
	struct reader r = get_begin(f, f->type);

	assert(f->type == FRAME_STOP || f->type == FRAME_RECALL || f->type == FRAME_READY);
	return get_end(f, &r, err);
}

int frame_get_work(const struct frame *f, struct arena *a, struct frame_work *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_WORK);
	uint32_t slots = reader_u32(&r);
	uint32_t n = get_array(&r, WORK_ITEM_BYTES);

	if (slots == 0)
		r.failed = true;

	/* A ticket stands for one attempt, so there cannot be more of these than of those. */
	if (n > FRAME_TICKETS_MAX) {
		r.failed = true;
		n = 0;
	}
	struct frame_work_item *items = arena_alloc(a, n * sizeof(*items));
	for (uint32_t i = 0; i < n; i++) {
		items[i].ticket = reader_u32(&r);
		items[i].handle = reader_u32(&r);
		items[i].index = reader_u32(&r);
		items[i].attempt = get_i32(&r, 1);
		items[i].redo = get_i32(&r, 0);
		items[i].request = reader_u64(&r);
		items[i].is_probe = get_bool(&r);
		items[i].opens_at = get_i64(&r);
		items[i].closes_at = get_i64(&r);
	}
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = (struct frame_work){.slots = slots, .n = n, .items = items};
	return 0;
}

int frame_get_bulk(const struct frame *f, struct frame_bulk *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_BULK);
	struct frame_bulk v = {0};

	v.ticket = reader_u32(&r);
	v.handle = reader_u32(&r);
	v.n = get_n(&r, 1);
	v.bits = get_bits(&r, v.n);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

static void get_timings(struct reader *r, int64_t *timings_us)
{
	uint8_t has = reader_u8(r);

	for (unsigned i = 0; i < FRAME_TIMINGS; i++) {
		if ((has & 1U << i) == 0)
			continue;
		timings_us[i] = get_count(r);
		if (timings_us[i] == 0)
			r->failed = true;
	}
}

int frame_get_outcome(const struct frame *f, struct arena *a, struct frame_outcome *ret,
		      struct err *err)
{
	struct reader r = get_begin(f, FRAME_OUTCOME);
	struct frame_outcome v = {0};

	v.ticket = reader_u32(&r);
	v.outcome = reader_u8(&r);
	v.lost = reader_u8(&r);
	if (v.outcome < 1 || v.outcome > FRAME_OUTCOME_MAX || v.lost >= LOST_COUNT_)
		r.failed = true;
	v.cancelled = get_bool(&r);
	v.began_at = get_count(&r);
	v.took_us = get_count(&r);
	v.err_class = get_text(&r, a);
	v.err = get_text(&r, a);
	v.output = get_blob(&r, &v.output_len);
	v.output_cut = get_bool(&r);
	v.key = get_text(&r, a);
	v.person = get_text(&r, a);
	v.wait_us = get_count(&r);
	v.keep = get_text(&r, a);
	v.request = reader_u64(&r);
	get_timings(&r, v.timings_us);
	v.has_quota_left = get_bool(&r);
	v.quota_left = get_count(&r);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

static bool is_no_success(uint8_t outcome)
{
	return outcome > 1 && outcome <= FRAME_OUTCOME_MAX;
}

static void get_failures(struct reader *r, struct arena *a, struct frame_bulk_outcome *v)
{
	v->n_failures = reader_u32(r);
	if (v->n_failures > FRAME_FAILURES_MAX || v->n_failures > v->n) {
		r->failed = true;
		return;
	}
	struct frame_bulk_failure *list = arena_alloc(a, v->n_failures * sizeof(*list) + 1);
	v->failures = list;
	for (uint32_t i = 0; i < v->n_failures && !r->failed; i++) {
		list[i].index = reader_u32(r);
		list[i].outcome = reader_u8(r);
		list[i].err_class = get_text(r, a);
		list[i].err = get_text(r, a);
		list[i].key = get_text(r, a);
		list[i].person = get_text(r, a);
		r->failed = r->failed || list[i].index >= v->n ||
			    bits_get(v->done, list[i].index) || !is_no_success(list[i].outcome);
	}
}

int frame_get_bulk_outcome(const struct frame *f, struct arena *a, struct frame_bulk_outcome *ret,
			   struct err *err)
{
	struct reader r = get_begin(f, FRAME_BULK_OUTCOME);
	struct frame_bulk_outcome v = {0};

	v.ticket = reader_u32(&r);
	v.n = get_n(&r, 1);
	v.done = get_bits(&r, v.n);
	v.began_at = get_count(&r);
	v.took_us = get_count(&r);
	v.rest = reader_u8(&r);
	if (v.rest < REST_LEFT || v.rest >= REST_COUNT_)
		r.failed = true;
	v.err_class = get_text(&r, a);
	v.err = get_text(&r, a);
	if (!r.failed)
		get_failures(&r, a, &v);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_source_changed(const struct frame *f, struct arena *a,
			     struct frame_source_changed *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_SOURCE_CHANGED);
	struct frame_source_changed v = {0};

	v.handle = reader_u32(&r);
	v.is_elsewhere = get_bool(&r);
	v.text = get_text(&r, a);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_keys(const struct frame *f, struct arena *a, struct frame_keys *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_KEYS);
	uint32_t n = get_array(&r, sizeof(uint32_t));

	if (n < 1 || n > FRAME_ITEMS_MAX) {
		r.failed = true;
		n = 0;
	}
	const char **keys = arena_alloc(a, n * sizeof(*keys));
	for (uint32_t i = 0; i < n; i++)
		keys[i] = get_text(&r, a);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = (struct frame_keys){.n = n, .keys = keys};
	return 0;
}

int frame_get_ask_items(const struct frame *f, int64_t *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_ASK_ITEMS);
	int64_t value = get_count(&r);

	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = value;
	return 0;
}

int frame_get_step_items(const struct frame *f, struct arena *a, struct frame_step_items *ret,
			 struct err *err)
{
	struct reader r = get_begin(f, FRAME_STEP_ITEMS);
	struct frame_step_items v = {.first_item = get_count(&r)};

	v.n = get_n(&r, 0);
	v.wanted = get_bits(&r, v.n);
	v.end = get_n(&r, 0);
	v.body = get_blob(&r, &v.body_len);
	v.n_kept = get_array(&r, 2 * sizeof(uint32_t));
	if (v.end > v.n || v.n_kept > v.n || (v.n > 0 && v.end == 0)) {
		r.failed = true;
		v.n_kept = 0;
	}
	struct frame_kept *kept = arena_alloc(a, (v.n_kept + 1) * sizeof(*kept));
	for (uint32_t i = 0; i < v.n_kept; i++) {
		kept[i].index = reader_u32(&r);
		kept[i].keep = get_text(&r, a);
		if (kept[i].index >= v.end || (i > 0 && kept[i].index <= kept[i - 1].index))
			r.failed = true;
	}
	v.kept = kept;
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_keys_answer(const struct frame *f, struct frame_keys_answer *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_KEYS_ANSWER);
	struct frame_keys_answer v = {0};

	v.n = get_n(&r, 1);
	v.open = get_bits(&r, v.n);
	v.seen = get_bits(&r, v.n);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_content(const struct frame *f, struct arena *a, struct frame_content *ret,
		      struct err *err)
{
	struct reader r = get_begin(f, FRAME_CONTENT);
	struct frame_content v = {0};

	v.path = get_text(&r, a);
	const char *digest = reader_raw(&r, sizeof(v.digest));
	if (digest != NULL)
		memcpy(v.digest, digest, sizeof(v.digest));
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_content_answer(const struct frame *f, struct arena *a,
			     struct frame_content_answer *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_CONTENT_ANSWER);
	struct frame_content_answer v = {0};

	v.run = get_text(&r, a);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

static void get_reject(struct reader *r, struct arena *a, struct frame_reject *reject)
{
	reject->path = get_text(r, a);
	reject->line = get_count(r);
	reject->column = get_count(r);
	reject->offset = get_count(r);
	reject->reason = get_text(r, a);
	reject->raw = get_blob(r, &reject->raw_len);
	reject->is_cut = get_bool(r);
	reject->key = get_text(r, a);
}

int frame_get_inbox(const struct frame *f, struct frame_inbox *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_INBOX);
	struct frame_inbox v = {0};

	v.begins = get_bool(&r);
	v.after = get_count(&r);
	v.upto = get_count(&r);
	v.max = get_n(&r, 1);
	v.max_bytes = get_count(&r);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_inbox_answer(const struct frame *f, struct arena *a, struct frame_inbox_answer *ret,
			   struct err *err)
{
	struct reader r = get_begin(f, FRAME_INBOX_ANSWER);
	struct frame_inbox_answer v = {0};

	v.other = get_text(&r, a);
	v.upto = get_count(&r);
	v.from = get_count(&r);
	v.whole_to = get_count(&r);
	v.n = get_array(&r, ROW_BYTES_MIN);
	struct frame_inbox_row *rows = arena_alloc(a, v.n * sizeof(*rows));
	for (uint32_t i = 0; i < v.n && !r.failed; i++) {
		rows[i].id = get_count(&r);
		rows[i].added_at = get_i64(&r);
		rows[i].key = get_text(&r, a);
		rows[i].fields = get_blob(&r, &rows[i].len);
		rows[i].size = get_count(&r);
	}
	v.rows = rows;
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

static const int64_t *get_ids(struct reader *r, struct arena *a, uint32_t *ret_n)
{
	*ret_n = get_array(r, sizeof(int64_t));
	int64_t *ids = arena_alloc(a, *ret_n * sizeof(*ids));
	for (uint32_t i = 0; i < *ret_n; i++)
		ids[i] = get_count(r);
	return ids;
}

int frame_get_loaded(const struct frame *f, struct arena *a, struct frame_loaded *ret,
		     struct err *err)
{
	struct reader r = get_begin(f, FRAME_LOADED);
	struct frame_loaded l = {.n = get_n(&r, 0)};

	l.body = get_blob(&r, &l.body_len);
	l.keys = get_text(&r, a);
	l.tell = get_bool(&r);
	l.n_rejects = get_array(&r, REJECT_BYTES_MIN);
	struct frame_reject *rejects = arena_alloc(a, l.n_rejects * sizeof(*rejects));
	for (uint32_t i = 0; i < l.n_rejects && !r.failed; i++)
		get_reject(&r, a, &rejects[i]);
	l.rejects = rejects;
	l.read = get_count(&r);
	l.filtered = get_count(&r);
	l.held_back = get_count(&r);
	l.cursor = get_blob(&r, &l.cursor_len);
	l.sums = get_text(&r, a);
	l.run_sums = get_text(&r, a);
	l.taken.from = get_count(&r);
	l.taken.to = get_count(&r);
	l.taken.ids = get_ids(&r, a, &l.taken.n);
	l.taken.left = get_ids(&r, a, &l.taken.n_left);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = l;
	return 0;
}

int frame_get_load_end(const struct frame *f, struct arena *a, struct frame_load_end *ret,
		       struct err *err)
{
	struct reader r = get_begin(f, FRAME_LOAD_END);
	struct frame_load_end v = {0};

	v.end = reader_u8(&r);
	if (v.end < LOAD_OK || v.end > LOAD_ELSEWHERE)
		r.failed = true;
	v.text = get_text(&r, a);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_waits(const struct frame *f, struct arena *a, struct frame_waits *ret,
		    struct err *err)
{
	struct reader r = get_begin(f, FRAME_WAITS);
	struct frame_waits v = {0};

	v.text = get_text(&r, a);
	v.until = get_i64(&r);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_then(const struct frame *f, struct frame_then *ret, struct err *err)
{
	struct reader r = get_begin(f, FRAME_THEN);
	struct frame_then v = {0};

	v.ending = reader_u8(&r);
	v.epoch = get_i64(&r);
	v.chunk_id = get_i64(&r);
	v.first_item = get_i64(&r);
	v.n = get_n(&r, 0);
	v.good = get_bits(&r, v.n);
	bool has_dead = get_bool(&r);
	r.failed |= has_dead && v.n == 0; /* a frame is written in one way only */
	v.dead = get_bits(&r, has_dead ? v.n : 0);
	v.body = get_blob(&r, &v.body_len);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}

int frame_get_then_done(const struct frame *f, struct arena *a, struct frame_then_done *ret,
			struct err *err)
{
	struct reader r = get_begin(f, FRAME_THEN_DONE);
	struct frame_then_done v = {0};

	v.ending = reader_u8(&r);
	v.chunk_id = get_i64(&r);
	v.err = get_text(&r, a);
	v.is_lasting = get_bool(&r);
	v.says = get_text(&r, a);
	v.result = get_text(&r, a);
	if (get_end(f, &r, err) != 0)
		return ERR_BUG;
	*ret = v;
	return 0;
}
