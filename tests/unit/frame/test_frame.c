/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every frame goes through one table: written, read back and compared member by member; then cut at
 * every byte and made one byte longer, which has to be refused. What else is refused follows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "frame/frame.h"

static const uint8_t bits_13[2] = {0xa5, 0xf8};

struct sample {
	const char *name;
	void (*put)(struct buf *b);
	/* Reads and compares; what the reading returned. */
	int (*get)(const struct frame *f, struct arena *a, struct err *err);
};

static void put_hello(struct buf *b)
{
	frame_put_hello(b, &(struct frame_hello){.version = FRAME_VERSION,
						 .role = LANE_READER,
						 .job_text = "{\"job\":\"x\"}",
						 .today_text = "{\"job\":\"y\"}",
						 .job_path = "x.yaml",
						 .job_directory = "/srv/jobs",
						 .ledger_uuid = {1, 2, 3, [15] = 0xff},
						 .run_id = -7,
						 .run_name = "x@2026-03-29",
						 .slot = "2026-03-29",
						 .date = "2026-03-28",
						 .params = "{}",
						 .nonce = "c0ffee",
						 .first_n = INT64_MAX,
						 .cursor = "c\0r",
						 .cursor_len = 3,
						 .ask_keys = true,
						 .workers = 3,
						 .sets_nice = true,
						 .nice = -5,
						 .io = FRAME_IO_IDLE,
						 .begin_before = 77});
}

static int get_hello(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_hello h = {0};
	int rc = frame_get_hello(f, a, &h, err);

	if (rc != 0)
		return rc;
	assert_int_equal(h.version, FRAME_VERSION);
	assert_int_equal(h.role, LANE_READER);
	assert_string_equal(h.job_text, "{\"job\":\"x\"}");
	assert_string_equal(h.job_path, "x.yaml");
	assert_string_equal(h.job_directory, "/srv/jobs");
	assert_int_equal(h.ledger_uuid[2], 3);
	assert_int_equal(h.ledger_uuid[15], 0xff);
	assert_int_equal(h.run_id, -7);
	assert_string_equal(h.run_name, "x@2026-03-29");
	assert_string_equal(h.slot, "2026-03-29");
	assert_string_equal(h.date, "2026-03-28");
	assert_string_equal(h.params, "{}");
	assert_string_equal(h.nonce, "c0ffee");
	assert_string_equal(h.source_path, ""); /* was NULL */
	assert_true(h.first_n == INT64_MAX);
	assert_int_equal(h.cursor_len, 3);
	assert_memory_equal(h.cursor, "c\0r", 3);
	assert_true(h.ask_keys);
	assert_int_equal(h.workers, 3);
	assert_true(h.sets_nice);
	assert_int_equal(h.nice, -5);
	assert_int_equal(h.io, FRAME_IO_IDLE);
	assert_string_equal(h.today_text, "{\"job\":\"y\"}");
	assert_int_equal(h.begin_before, 77);
	return 0;
}

static void put_chunk(struct buf *b)
{
	frame_put_chunk(b, &(struct frame_chunk){.handle = 4000000000u,
						 .first_item = 5,
						 .n = 4096,
						 .body = "body",
						 .body_len = 4});
}

static int get_chunk(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_chunk c = {0};
	int rc = frame_get_chunk(f, &c, err);

	if (rc != 0)
		return rc;
	assert_int_equal(c.handle, 4000000000u);
	assert_int_equal(c.first_item, 5);
	assert_int_equal(c.n, 4096);
	assert_int_equal(c.body_len, 4);
	assert_memory_equal(c.body, "body", 4);
	return 0;
}

static void put_cancel(struct buf *b)
{
	frame_put_u32(b, FRAME_CANCEL, UINT32_MAX);
}

static int get_cancel(const struct frame *f, struct arena *a, struct err *err)
{
	uint32_t value = 0;
	int rc = frame_get_u32(f, &value, err);

	if (rc != 0)
		return rc;
	assert_int_equal(value, UINT32_MAX);
	return 0;
}

static void put_stop(struct buf *b)
{
	frame_put_empty(b, FRAME_STOP);
}

static int get_stop(const struct frame *f, struct arena *a, struct err *err)
{
	return frame_get_empty(f, err);
}

static void put_work(struct buf *b)
{
	/* The ticket of the second has a generation. */
	const struct frame_work_item items[] = {{1, 2, 3, 4, 5, UINT64_MAX, false, 6, INT64_MAX},
						{4000000000u, 0, 0, 1, 0, 0, true, 0, 0}};

	frame_put_work(b, &(struct frame_work){.slots = 3, .n = 2, .items = items});
}

static int get_work(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_work w = {0};
	int rc = frame_get_work(f, a, &w, err);

	if (rc != 0)
		return rc;
	assert_int_equal(w.n, 2);
	assert_int_equal(w.items[0].ticket, 1);
	assert_int_equal(w.items[0].handle, 2);
	assert_int_equal(w.items[0].index, 3);
	assert_int_equal(w.items[0].attempt, 4);
	assert_int_equal(w.items[0].redo, 5);
	assert_true(w.items[0].request == UINT64_MAX);
	assert_false(w.items[0].is_probe);
	assert_int_equal(w.items[0].opens_at, 6);
	assert_true(w.items[0].closes_at == INT64_MAX);
	assert_int_equal(w.items[1].ticket, 4000000000u);
	assert_true(w.items[1].is_probe);
	return 0;
}

static void put_bulk(struct buf *b)
{
	const uint8_t dirty[2] = {0xa5, 0xff}; /* the bits behind the count are not sent */

	frame_put_bulk(b, &(struct frame_bulk){.ticket = 9, .handle = 8, .n = 13, .bits = dirty});
}

static int get_bulk(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_bulk v = {0};
	int rc = frame_get_bulk(f, &v, err);

	if (rc != 0)
		return rc;
	assert_int_equal(v.ticket, 9);
	assert_int_equal(v.handle, 8);
	assert_int_equal(v.n, 13);
	assert_memory_equal(v.bits, bits_13, 2);
	return 0;
}

static void put_outcome(struct buf *b)
{
	frame_put_outcome(b, &(struct frame_outcome){.ticket = 77,
						     .outcome = 5,
						     .lost = LOST_AMONG,
						     .cancelled = true,
						     .began_at = 1,
						     .took_us = 2,
						     .err_class = "signal-9",
						     .err = "killed",
						     .output = "a\0b",
						     .output_len = 3,
						     .output_cut = true,
						     .key = "k1",
						     .person = "ann@example.com",
						     .wait_us = 30000000,
						     .keep = "{\"id\":7}",
						     .request = 0x8000000000000001u,
						     .timings_us = {3, [7] = 4},
						     .has_quota_left = true,
						     .quota_left = 99});
}

static int get_outcome(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_outcome o = {0};
	int rc = frame_get_outcome(f, a, &o, err);

	if (rc != 0)
		return rc;
	assert_int_equal(o.ticket, 77);
	assert_int_equal(o.outcome, 5);
	assert_int_equal(o.lost, LOST_AMONG);
	assert_true(o.cancelled);
	assert_int_equal(o.began_at, 1);
	assert_int_equal(o.took_us, 2);
	assert_string_equal(o.err_class, "signal-9");
	assert_string_equal(o.err, "killed");
	assert_int_equal(o.output_len, 3);
	assert_memory_equal(o.output, "a\0b", 3);
	assert_true(o.output_cut);
	assert_string_equal(o.key, "k1");
	assert_string_equal(o.person, "ann@example.com");
	assert_int_equal(o.wait_us, 30000000);
	assert_string_equal(o.keep, "{\"id\":7}");
	assert_true(o.request == 0x8000000000000001u);
	assert_int_equal(o.timings_us[0], 3);
	assert_int_equal(o.timings_us[1], 0);
	assert_int_equal(o.timings_us[7], 4);
	assert_true(o.has_quota_left);
	assert_int_equal(o.quota_left, 99);
	return 0;
}

static void put_bulk_outcome(struct buf *b)
{
	static const struct frame_bulk_failure failures[] = {{.index = 1,
							      .outcome = 3,
							      .err_class = "dead",
							      .err = "nil",
							      .key = "k7",
							      .person = "bo"},
							     {.index = 6,
							      .outcome = 2,
							      .err_class = "",
							      .err = "nil too",
							      .key = "",
							      .person = ""}};

	frame_put_bulk_outcome(b, &(struct frame_bulk_outcome){.ticket = 1,
							       .n = 13,
							       .done = bits_13,
							       .began_at = 3,
							       .took_us = 4,
							       .rest = REST_FAILED,
							       .err_class = "bad-item",
							       .err = "no",
							       .failures = failures,
							       .n_failures = 2});
}

static int get_bulk_outcome(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_bulk_outcome o = {0};
	int rc = frame_get_bulk_outcome(f, a, &o, err);

	if (rc != 0)
		return rc;
	assert_int_equal(o.ticket, 1);
	assert_int_equal(o.n, 13);
	assert_memory_equal(o.done, bits_13, 2);
	assert_int_equal(o.began_at, 3);
	assert_int_equal(o.took_us, 4);
	assert_int_equal(o.rest, REST_FAILED);
	assert_string_equal(o.err_class, "bad-item");
	assert_string_equal(o.err, "no");
	assert_int_equal(o.failures[0].outcome, 3);
	assert_string_equal(o.failures[0].err_class, "dead");
	assert_int_equal(o.n_failures, 2);
	assert_int_equal(o.failures[0].index, 1);
	assert_string_equal(o.failures[0].err, "nil");
	assert_string_equal(o.failures[0].key, "k7");
	assert_string_equal(o.failures[0].person, "bo");
	assert_int_equal(o.failures[1].index, 6);
	assert_string_equal(o.failures[1].err, "nil too");
	return 0;
}

static void put_source_changed(struct buf *b)
{
	frame_put_source_changed(b, &(struct frame_source_changed){.handle = 3,
								   .is_elsewhere = true,
								   .text = "is shorter"});
}

static int get_source_changed(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_source_changed c = {0};
	int rc = frame_get_source_changed(f, a, &c, err);

	if (rc != 0)
		return rc;
	assert_int_equal(c.handle, 3);
	assert_true(c.is_elsewhere);
	assert_string_equal(c.text, "is shorter");
	return 0;
}

static void put_keys(struct buf *b)
{
	const char *keys[] = {"a", "", "long enough"};

	frame_put_keys(b, &(struct frame_keys){.n = 3, .keys = keys});
}

static int get_keys(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_keys k = {0};
	int rc = frame_get_keys(f, a, &k, err);

	if (rc != 0)
		return rc;
	assert_int_equal(k.n, 3);
	assert_string_equal(k.keys[0], "a");
	assert_string_equal(k.keys[1], "");
	assert_string_equal(k.keys[2], "long enough");
	return 0;
}

static void put_keys_answer(struct buf *b)
{
	frame_put_keys_answer(
		b, &(struct frame_keys_answer){.n = 8, .open = bits_13, .seen = bits_13 + 1});
}

static int get_keys_answer(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_keys_answer k = {0};
	int rc = frame_get_keys_answer(f, &k, err);

	if (rc != 0)
		return rc;
	assert_int_equal(k.n, 8);
	assert_int_equal(k.open[0], 0xa5);
	assert_int_equal(k.seen[0], 0xf8);
	return 0;
}

static void put_content(struct buf *b)
{
	frame_put_content(b, &(struct frame_content){.path = "/in.csv", .digest = {[31] = 9}});
}

static int get_content(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_content c = {0};
	int rc = frame_get_content(f, a, &c, err);

	if (rc != 0)
		return rc;
	assert_string_equal(c.path, "/in.csv");
	assert_int_equal(c.digest[0], 0);
	assert_int_equal(c.digest[31], 9);
	return 0;
}

static void put_content_answer(struct buf *b)
{
	frame_put_content_answer(b, &(struct frame_content_answer){.run = "x@1"});
}

static int get_content_answer(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_content_answer c = {0};
	int rc = frame_get_content_answer(f, a, &c, err);

	if (rc != 0)
		return rc;
	assert_string_equal(c.run, "x@1");
	return 0;
}

static void put_loaded(struct buf *b)
{
	const struct frame_reject rejects[] = {
		{"in.csv", 1, 2, 3, "no number", "x\0", 2, true, "k"},
		{.reason = "empty"},
	};

	frame_put_loaded(b, &(struct frame_loaded){.n = 4096,
						   .body = "B",
						   .body_len = 1,
						   .keys = "[]",
						   .tell = true,
						   .n_rejects = 2,
						   .rejects = rejects,
						   .read = 4100,
						   .filtered = 1,
						   .held_back = 2,
						   .cursor = "C",
						   .cursor_len = 1});
}

static int get_loaded(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_loaded l = {0};
	int rc = frame_get_loaded(f, a, &l, err);

	if (rc != 0)
		return rc;
	assert_int_equal(l.n, 4096);
	assert_memory_equal(l.body, "B", 1);
	assert_string_equal(l.keys, "[]");
	assert_true(l.tell);
	assert_int_equal(l.n_rejects, 2);
	assert_string_equal(l.rejects[0].path, "in.csv");
	assert_int_equal(l.rejects[0].line, 1);
	assert_int_equal(l.rejects[0].column, 2);
	assert_int_equal(l.rejects[0].offset, 3);
	assert_string_equal(l.rejects[0].reason, "no number");
	assert_int_equal(l.rejects[0].raw_len, 2);
	assert_memory_equal(l.rejects[0].raw, "x\0", 2);
	assert_true(l.rejects[0].is_cut);
	assert_string_equal(l.rejects[0].key, "k");
	assert_string_equal(l.rejects[1].reason, "empty");
	assert_null(l.rejects[1].raw);
	assert_int_equal(l.read, 4100);
	assert_int_equal(l.filtered, 1);
	assert_int_equal(l.held_back, 2);
	assert_memory_equal(l.cursor, "C", 1);
	return 0;
}

static void put_load_end(struct buf *b)
{
	frame_put_load_end(b, &(struct frame_load_end){.end = LOAD_BAD_CONFIG, .text = "no key"});
}

static int get_load_end(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_load_end e = {0};
	int rc = frame_get_load_end(f, a, &e, err);

	if (rc != 0)
		return rc;
	assert_int_equal(e.end, LOAD_BAD_CONFIG);
	assert_string_equal(e.text, "no key");
	return 0;
}

static void put_waits(struct buf *b)
{
	frame_put_waits(b, &(struct frame_waits){.text = "a.csv to appear", .until = 99});
}

static int get_waits(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_waits w = {0};
	int rc = frame_get_waits(f, a, &w, err);

	if (rc != 0)
		return rc;
	assert_string_equal(w.text, "a.csv to appear");
	assert_int_equal(w.until, 99);
	return 0;
}

static void put_then(struct buf *b)
{
	frame_put_then(b, &(struct frame_then){.ending = 2,
					       .epoch = 7,
					       .chunk_id = 5,
					       .first_item = 700,
					       .n = 13,
					       .good = bits_13,
					       .body = "body",
					       .body_len = 4});
}

static int get_then(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_then t = {0};
	int rc = frame_get_then(f, &t, err);

	if (rc != 0)
		return rc;
	assert_int_equal(t.ending, 2);
	assert_int_equal(t.epoch, 7);
	assert_int_equal(t.chunk_id, 5);
	assert_int_equal(t.n, 13);
	assert_memory_equal(t.good, bits_13, 2);
	assert_memory_equal(t.body, "body", 4);
	return 0;
}

static void put_cutoff(struct buf *b)
{
	frame_put_cutoff(b, INT64_MAX);
}

static int get_cutoff(const struct frame *f, struct arena *a, struct err *err)
{
	int64_t begin_before = 0;
	int rc = frame_get_cutoff(f, &begin_before, err);

	if (rc == 0)
		assert_true(begin_before == INT64_MAX);
	return rc;
}

static void put_then_done(struct buf *b)
{
	frame_put_then_done(b, &(struct frame_then_done){.ending = 1,
							 .chunk_id = 5,
							 .err = "in the way",
							 .is_lasting = true,
							 .says = "well",
							 .result = "{}"});
}

static int get_then_done(const struct frame *f, struct arena *a, struct err *err)
{
	struct frame_then_done t = {0};
	int rc = frame_get_then_done(f, a, &t, err);

	if (rc != 0)
		return rc;
	assert_int_equal(t.chunk_id, 5);
	assert_string_equal(t.err, "in the way");
	assert_true(t.is_lasting);
	assert_string_equal(t.says, "well");
	assert_string_equal(t.result, "{}");
	assert_int_equal(t.ending, 1);
	return 0;
}

static const struct sample samples[] = {
	{"hello", put_hello, get_hello},
	{"chunk", put_chunk, get_chunk},
	{"cancel", put_cancel, get_cancel},
	{"stop", put_stop, get_stop},
	{"cutoff", put_cutoff, get_cutoff},
	{"work", put_work, get_work},
	{"bulk", put_bulk, get_bulk},
	{"outcome", put_outcome, get_outcome},
	{"bulk_outcome", put_bulk_outcome, get_bulk_outcome},
	{"source_changed", put_source_changed, get_source_changed},
	{"keys", put_keys, get_keys},
	{"keys_answer", put_keys_answer, get_keys_answer},
	{"content", put_content, get_content},
	{"content_answer", put_content_answer, get_content_answer},
	{"loaded", put_loaded, get_loaded},
	{"load_end", put_load_end, get_load_end},
	{"waits", put_waits, get_waits},
	{"then", put_then, get_then},
	{"then_done", put_then_done, get_then_done},
};

/* Reads a payload that stands in memory of exactly its size. */
static int get_exact(const struct sample *s, enum frame_type type, const char *data, size_t len)
{
	struct arena a = {0};
	struct err err = ERR_INIT;
	char *copy = malloc(len == 0 ? 1 : len);

	assert_non_null(copy);
	memcpy(copy, data, len);
	const struct frame f = {.type = type, .payload = copy, .len = len};
	int rc = s->get(&f, &a, &err);
	arena_done(&a);
	free(copy);
	return rc;
}

static void each_frame_reads_back_as_it_was_written(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO(buf) struct buf b = BUF_INIT(1 << 20);
		struct frame f = {0};
		size_t used = 0;
		struct err err = ERR_INIT;

		samples[i].put(&b);
		assert_int_equal(frame_split(b.data, b.len, &f, &used, &err), 0);
		assert_int_equal(used, b.len);
		assert_int_equal(get_exact(&samples[i], f.type, f.payload, f.len), 0);
	}
}

static void each_frame_is_refused_when_cut_anywhere(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO(buf) struct buf b = BUF_INIT(1 << 20);
		samples[i].put(&b);
		enum frame_type type = (enum frame_type)(uint8_t)b.data[4];
		size_t len = b.len - FRAME_HEAD_BYTES;

		for (size_t n = 0; n < len; n++)
			assert_int_equal(get_exact(&samples[i], type, b.data + FRAME_HEAD_BYTES, n),
					 ERR_BUG);
	}
}

static void each_frame_is_refused_when_something_follows(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO(buf) struct buf b = BUF_INIT(1 << 20);
		samples[i].put(&b);
		enum frame_type type = (enum frame_type)(uint8_t)b.data[4];
		buf_putc(&b, '\0');

		assert_int_equal(get_exact(&samples[i], type, b.data + FRAME_HEAD_BYTES,
					   b.len - FRAME_HEAD_BYTES),
				 ERR_BUG);
	}
}

/* Writes sample `i`, changes the payload byte at `at` (from the end when negative). */
static int get_changed(void (*put)(struct buf *b), const struct sample *s, long at, char to)
{
	AUTO(buf) struct buf b = BUF_INIT(1 << 20);

	put(&b);
	size_t place = at < 0 ? b.len - (size_t)-at : FRAME_HEAD_BYTES + (size_t)at;
	b.data[place] = to;
	return get_exact(s, (enum frame_type)(uint8_t)b.data[4], b.data + FRAME_HEAD_BYTES,
			 b.len - FRAME_HEAD_BYTES);
}

static const struct sample *sample(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (strcmp(samples[i].name, name) == 0)
			return &samples[i];
	fail_msg("no sample %s", name);
	return NULL;
}

static void numbers_out_of_range_are_refused(void **state)
{
	assert_int_equal(get_changed(put_hello, sample("hello"), 0, FRAME_VERSION + 1),
			 ERR_BUG);						  /* version */
	assert_int_equal(get_changed(put_hello, sample("hello"), 2, 0), ERR_BUG); /* role */
	assert_int_equal(get_changed(put_hello, sample("hello"), 2, 4), ERR_BUG);
	assert_int_equal(get_changed(put_hello, sample("hello"), -19, 2), ERR_BUG); /* ask_keys */
	assert_int_equal(get_changed(put_hello, sample("hello"), -14, 2), ERR_BUG); /* sets_nice */
	assert_int_equal(get_changed(put_hello, sample("hello"), -13, 1), ERR_BUG); /* nice */
	assert_int_equal(get_changed(put_hello, sample("hello"), -9, 3), ERR_BUG);  /* io */
	assert_int_equal(get_changed(put_chunk, sample("chunk"), 13, 0x11), ERR_BUG); /* n */
	assert_int_equal(get_changed(put_work, sample("work"), 8 + 12, 0), ERR_BUG);  /* attempt */
	assert_int_equal(get_changed(put_work, sample("work"), 7, 1), ERR_BUG);	      /* n */
	assert_int_equal(get_changed(put_work, sample("work"), 0, 0), ERR_BUG);	      /* slots */
	assert_int_equal(get_changed(put_outcome, sample("outcome"), 4, 0), ERR_BUG);
	assert_int_equal(get_changed(put_outcome, sample("outcome"), 4, 7), ERR_BUG);
	assert_int_equal(get_changed(put_outcome, sample("outcome"), 5, 4), ERR_BUG); /* lost */
	assert_int_equal(get_changed(put_outcome, sample("outcome"), 14, (char)0x80), ERR_BUG);
	assert_int_equal(get_changed(put_outcome, sample("outcome"), -17, 0), ERR_BUG); /* timing */
	assert_int_equal(get_changed(put_load_end, sample("load_end"), 0, 0), ERR_BUG);
	assert_int_equal(get_changed(put_load_end, sample("load_end"), 0, 7), ERR_BUG);
}

static void a_bit_beyond_the_count_is_refused(void **state)
{
	assert_int_equal(get_changed(put_bulk, sample("bulk"), -1, (char)0xf9), ERR_BUG);
}

static void a_nul_in_a_text_is_refused(void **state)
{
	assert_int_equal(get_changed(put_then_done, sample("then_done"), -1, '\0'), ERR_BUG);
}

static void a_count_that_the_frame_cannot_hold_allocates_nothing(void **state)
{
	struct arena a = {0};
	struct err err = ERR_INIT;
	struct frame_loaded l = {0};
	AUTO(buf) struct buf b = BUF_INIT(1000);

	buf_put_u32(&b, 0);
	buf_put_u32(&b, 0);
	buf_put_u32(&b, 0);
	buf_put_u8(&b, 0);
	buf_put_u32(&b, UINT32_MAX); /* n_rejects */
	const struct frame f = {.type = FRAME_LOADED, .payload = b.data, .len = b.len};
	assert_int_equal(frame_get_loaded(&f, &a, &l, &err), ERR_BUG);
	assert_true(a.used < 1000);
	arena_done(&a);
}

static void results_are_untouched_when_refused(void **state)
{
	struct frame_chunk c = {.handle = 42};
	struct err err = ERR_INIT;
	const struct frame f = {.type = FRAME_CHUNK, .payload = "\1\0\0\0", .len = 4};

	assert_int_equal(frame_get_chunk(&f, &c, &err), ERR_BUG);
	assert_int_equal(c.handle, 42);
	assert_string_equal(err.text, "FRAME_CHUNK of 4 bytes is short or damaged");
}

static void frames_have_names(void **state)
{
	assert_string_equal(frame_name(FRAME_HELLO), "FRAME_HELLO");
	assert_string_equal(frame_name(FRAME_THEN_DONE), "FRAME_THEN_DONE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_reads_back_as_it_was_written),
		cmocka_unit_test(each_frame_is_refused_when_cut_anywhere),
		cmocka_unit_test(each_frame_is_refused_when_something_follows),
		cmocka_unit_test(numbers_out_of_range_are_refused),
		cmocka_unit_test(a_bit_beyond_the_count_is_refused),
		cmocka_unit_test(a_nul_in_a_text_is_refused),
		cmocka_unit_test(a_count_that_the_frame_cannot_hold_allocates_nothing),
		cmocka_unit_test(results_are_untouched_when_refused),
		cmocka_unit_test(frames_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
