/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what comes down a socket. What reads as a frame, written again, is the same bytes:
 * so nothing of a frame is lost or read in two ways.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "frame/frame.h"
#include "fuzz/fuzz.h"

/* Reads with `frame_get_NAME` and writes again; `...` are the arguments between frame and result.
 */
#define AGAIN(name, get)                                                                           \
	{                                                                                          \
		struct frame_##name v = {0};                                                       \
		rc = get;                                                                          \
		if (rc == 0)                                                                       \
			frame_put_##name(b, &v);                                                   \
		break;                                                                             \
	}

static int write_again(const struct frame *f, struct arena *a, struct buf *b)
{
	struct err err = ERR_INIT;
	uint32_t value = 0;
	int64_t moment = 0;
	int rc = 0;

	switch (f->type) {
	case FRAME_HELLO:
		AGAIN(hello, frame_get_hello(f, a, &v, &err))
	case FRAME_CHUNK:
		AGAIN(chunk, frame_get_chunk(f, &v, &err))
	case FRAME_DROP:
	case FRAME_CANCEL:
	case FRAME_CREDIT:
	case FRAME_ASK_KEYS:
		rc = frame_get_u32(f, &value, &err);
		if (rc == 0)
			frame_put_u32(b, f->type, value);
		break;
	case FRAME_CUTOFF:
		rc = frame_get_cutoff(f, &moment, &err);
		if (rc == 0)
			frame_put_cutoff(b, moment);
		break;
	case FRAME_ASK_ITEMS:
		rc = frame_get_ask_items(f, &moment, &err);
		if (rc == 0)
			frame_put_ask_items(b, moment);
		break;
	case FRAME_STOP:
	case FRAME_RECALL:
	case FRAME_READY:
		rc = frame_get_empty(f, &err);
		if (rc == 0)
			frame_put_empty(b, f->type);
		break;
	case FRAME_WORK:
		AGAIN(work, frame_get_work(f, a, &v, &err))
	case FRAME_BULK:
		AGAIN(bulk, frame_get_bulk(f, &v, &err))
	case FRAME_KEYS_ANSWER:
		AGAIN(keys_answer, frame_get_keys_answer(f, &v, &err))
	case FRAME_STEP_ITEMS:
		AGAIN(step_items, frame_get_step_items(f, a, &v, &err))
	case FRAME_CONTENT_ANSWER:
		AGAIN(content_answer, frame_get_content_answer(f, a, &v, &err))
	case FRAME_THEN:
		AGAIN(then, frame_get_then(f, &v, &err))
	case FRAME_OUTCOME:
		AGAIN(outcome, frame_get_outcome(f, a, &v, &err))
	case FRAME_BULK_OUTCOME:
		AGAIN(bulk_outcome, frame_get_bulk_outcome(f, a, &v, &err))
	case FRAME_SOURCE_CHANGED:
		AGAIN(source_changed, frame_get_source_changed(f, a, &v, &err))
	case FRAME_KEYS:
		AGAIN(keys, frame_get_keys(f, a, &v, &err))
	case FRAME_CONTENT:
		AGAIN(content, frame_get_content(f, a, &v, &err))
	case FRAME_INBOX:
		AGAIN(inbox, frame_get_inbox(f, &v, &err))
	case FRAME_INBOX_ANSWER:
		AGAIN(inbox_answer, frame_get_inbox_answer(f, a, &v, &err))
	case FRAME_LOADED:
		AGAIN(loaded, frame_get_loaded(f, a, &v, &err))
	case FRAME_LOAD_END:
		AGAIN(load_end, frame_get_load_end(f, a, &v, &err))
	case FRAME_WAITS:
		AGAIN(waits, frame_get_waits(f, a, &v, &err))
	case FRAME_THEN_DONE:
		AGAIN(then_done, frame_get_then_done(f, a, &v, &err))
	}
	assert(rc == 0 || rc == ERR_BUG);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	struct arena a = {0};
	AUTO(buf) struct buf b = BUF_INIT(FRAME_BYTES_MAX);
	struct err err = ERR_INIT;

	while (size > 0) {
		struct frame f = {0};
		size_t used = 0;

		if (frame_split(at, size, &f, &used, &err) != 0)
			break;
		assert(used >= FRAME_HEAD_BYTES && used <= size);
		assert(f.payload == at + FRAME_HEAD_BYTES && f.len == used - FRAME_HEAD_BYTES);
		buf_reset(&b);
		arena_reset(&a);
		if (write_again(&f, &a, &b) == 0) {
			assert(!b.failed && b.len == used);
			assert(memcmp(b.data, at, used) == 0);
		}
		at += used;
		size -= used;
	}
	arena_done(&a);
	return 0;
}
