/* SPDX-License-Identifier: Apache-2.0 */
#include "lane/reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "job/job.h"
#include "lane/brief.h"
#include "lane/link.h"
#include "source/rows.h"
#include "source/source.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/proc.h"

enum {
	READER_MAGIC = 0x52656164,
	EXIT_ENGINE_GONE = 75,
	WHAT_BYTES = ERR_TEXT_MAX + 128, /* what it waits for, as last told */
};

/* It is to end; not a failure of reading. */
enum { READER_STOPPED = 4 };

struct reader_state {
	uint32_t magic;
	const struct brief *brief;
	struct link *link;
	uint32_t ahead; /* batches sent and not committed */
	bool asks_keys; /* else none is open anywhere, as was told last */
	bool is_stopped;
	bool is_alone; /* the engine is gone */
	char what[WHAT_BYTES];
	struct arena answer; /* the last one's, until the next question */
	/* Pages of an inbox: one in use, and one that may have come meanwhile. */
	struct arena pages[2];
	int page;
	bool has_page;
	struct frame_inbox_answer inbox;
};

/* ---- what the engine says ---- */

/* It is asked for long before it is needed, and may come while something else is waited for. */
static int reader_note_page(struct reader_state *r, const struct frame *frame, struct err *err)
{
	struct arena *a = &r->pages[1 - r->page];

	if (r->has_page)
		return ERR(err, ERR_BUG, "two pages of an inbox came, and one was asked for");
	arena_reset(a);
	const struct frame kept = {.type = frame->type,
				   .payload = arena_dup(a, frame->payload, frame->len),
				   .len = frame->len};
	r->has_page = true;
	return frame_get_inbox_answer(&kept, a, &r->inbox, err);
}

/* Takes note of a frame that may come at any time; 0, or READER_STOPPED. */
static int reader_note(struct reader_state *r, const struct frame *frame, struct err *err)
{
	uint32_t n = 0;

	if (frame->type == FRAME_STOP) {
		r->is_stopped = true;
		int failed = frame_get_empty(frame, err);
		return failed < 0 ? failed : READER_STOPPED;
	}
	if (frame->type == FRAME_ASK_KEYS) {
		int rc = frame_get_u32(frame, &n, err);
		if (rc == 0)
			r->asks_keys = n != 0;
		return rc;
	}
	if (frame->type == FRAME_INBOX_ANSWER)
		return reader_note_page(r, frame, err);
	if (frame->type != FRAME_CREDIT)
		return ERR(err, ERR_BUG, "%s is not for a reader now", frame_name(frame->type));
	int failed = frame_get_u32(frame, &n, err);
	if (failed < 0)
		return failed;
	if (n > r->ahead)
		return ERR(err, ERR_BUG, "more was committed than was sent");
	r->ahead -= n;
	return 0;
}

/* The next frame. READER_STOPPED when the engine is gone, LINK_WAIT when none came in time. */
static int reader_hear(struct reader_state *r, int64_t us, struct frame *ret_frame, struct err *err)
{
	int rc = link_read(r->link, us, ret_frame, err);

	if (rc != LINK_END)
		return rc;
	r->is_alone = true;
	return READER_STOPPED;
}

static int reader_send(struct reader_state *r, struct err *err)
{
	int rc = link_send(r->link, err);

	if (rc != LINK_END)
		return rc;
	r->is_alone = true;
	return READER_STOPPED;
}

/* Hears what has come, and waits until the next batch may be sent. */
static int reader_wait_for_credit(struct reader_state *r, struct err *err)
{
	struct frame frame = {0};

	for (;;) {
		int rc = reader_hear(r, r->ahead < READER_WINDOW ? 0 : -1, &frame, err);
		if (rc == LINK_WAIT)
			return 0;
		if (rc == 0)
			rc = reader_note(r, &frame, err);
		if (rc != 0)
			return rc;
	}
}

/* Sends what is in `out` and waits for the answer of that type. */
static int reader_ask(struct reader_state *r, enum frame_type type, struct frame *ret_frame,
		      struct err *err)
{
	int rc = reader_send(r, err);

	while (rc == 0) {
		rc = reader_hear(r, -1, ret_frame, err);
		if (rc == 0 && ret_frame->type == type)
			return 0;
		if (rc == 0)
			rc = reader_note(r, ret_frame, err);
	}
	return rc;
}

/* For the source a stop is a failure like others; reader_run knows better. */
static int as_failure(int rc, struct err *err)
{
	return rc == READER_STOPPED ? ERR(err, ERR_TEMP, "stopped") : rc;
}

/* ---- what the source asks for ---- */

static void reader_tell_wait(struct reader_state *r, const char *what, utime until)
{
	if (strcmp(r->what, what) == 0)
		return;
	(void)snprintf(r->what, sizeof(r->what), "%s", what); /* cut is still true */
	frame_put_waits(&r->link->out, &(struct frame_waits){.text = r->what, .until = until});
}

static bool reader_wait(void *arg, const char *what, utime until, int64_t us)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);
	struct err err = ERR_INIT;
	struct frame frame = {0};
	int64_t end = clock_monotonic_us() + us;

	reader_tell_wait(r, what, until);
	int rc = reader_send(r, &err);
	while (rc == 0) {
		int64_t left = end - clock_monotonic_us();
		rc = reader_hear(r, left < 0 ? 0 : left, &frame, &err);
		if (rc == LINK_WAIT)
			return true;
		if (rc == 0)
			rc = reader_note(r, &frame, &err);
	}
	if (rc < 0) {
		log_error("reader: %s", err.text);
		r->is_alone = true; /* with such an engine there is nothing more to say */
	}
	return false;
}

static int reader_find_keys(void *arg, const struct frame_keys *keys, struct frame_keys_answer *ret,
			    struct err *err)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);
	struct frame frame = {0};

	*ret = (struct frame_keys_answer){.n = keys->n};
	if (!r->asks_keys)
		return 0;
	frame_put_keys(&r->link->out, keys);
	int rc = reader_ask(r, FRAME_KEYS_ANSWER, &frame, err);
	if (rc == 0)
		rc = frame_get_keys_answer(&frame, ret, err);
	if (rc == 0 && ret->n != keys->n)
		rc = ERR(err, ERR_BUG, "%u keys asked for, %u answered", keys->n, ret->n);
	return as_failure(rc, err);
}

static int reader_find_content(void *arg, const struct frame_content *content, const char **ret_run,
			       struct err *err)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);
	struct frame_content_answer answer = {0};
	struct frame frame = {0};

	arena_reset(&r->answer);
	frame_put_content(&r->link->out, content);
	int rc = reader_ask(r, FRAME_CONTENT_ANSWER, &frame, err);
	if (rc == 0)
		rc = frame_get_content_answer(&frame, &r->answer, &answer, err);
	if (rc == 0)
		*ret_run = answer.run;
	return as_failure(rc, err);
}

static int reader_find_items(void *arg, int64_t from, struct frame_step_items *ret, struct err *err)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);
	struct frame frame = {0};

	arena_reset(&r->answer);
	frame_put_ask_items(&r->link->out, from);
	int rc = reader_ask(r, FRAME_STEP_ITEMS, &frame, err);
	if (rc == 0)
		rc = frame_get_step_items(&frame, &r->answer, ret, err);
	return as_failure(rc, err);
}

static int reader_ask_inbox(void *arg, const struct frame_inbox *ask, struct err *err)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);

	frame_put_inbox(&r->link->out, ask);
	return as_failure(reader_send(r, err), err);
}

static int reader_hear_inbox(void *arg, struct frame_inbox_answer *ret, struct err *err)
{
	struct reader_state *r = OBJ_CAST(arg, struct reader_state, READER_MAGIC);
	struct frame frame = {0};
	int rc = 0;

	while (rc == 0 && !r->has_page) {
		rc = reader_hear(r, -1, &frame, err);
		if (rc == 0)
			rc = reader_note(r, &frame, err);
	}
	if (rc != 0)
		return as_failure(rc, err);
	r->page = 1 - r->page;
	r->has_page = false;
	*ret = r->inbox;
	return 0;
}

/* ---- reading ---- */

static int reader_send_end(struct reader_state *r, enum load_end end, const char *text)
{
	struct err err = ERR_INIT;

	reader_tell_wait(r, "", 0);
	frame_put_load_end(&r->link->out,
			   &(struct frame_load_end){.end = (uint8_t)end, .text = text});
	int rc = reader_send(r, &err);
	if (rc < 0)
		log_error("reader: %s", err.text);
	return rc == 0 ? 0 : EXIT_ENGINE_GONE;
}

/* How the reading ended, for a condition or failure of the source. */
static enum load_end load_end_of(int rc)
{
	switch (rc) {
	case SOURCE_END:
		return LOAD_OK;
	case SOURCE_MISSING:
		return LOAD_MISSING;
	case SOURCE_MISSING_OK:
		return LOAD_EMPTY_MISSING_OK;
	case ERR_CONFIG:
		return LOAD_BAD_CONFIG;
	case SOURCE_ELSEWHERE:
		return LOAD_ELSEWHERE;
	default:
		return LOAD_FAILED;
	}
}

/* Reads to the end. What ended it: SOURCE_END, a failure of the source, READER_STOPPED. */
static int reader_read_all(struct reader_state *r, struct source *source, struct err *err)
{
	struct frame_loaded batch = {0};

	for (;;) {
		int rc = reader_wait_for_credit(r, err);
		if (rc != 0)
			return rc;
		rc = source_next(source, &batch, err);
		if (rc != 0)
			return rc;
		reader_tell_wait(r, "", 0);
		frame_put_loaded(&r->link->out, &batch);
		r->ahead++;
		rc = reader_send(r, err);
		if (rc != 0)
			return rc;
	}
}

/* Opens the source and reads it. */
static int reader_read(struct reader_state *r, struct err *err)
{
	const struct frame_hello *hello = &r->brief->hello;
	struct source *source = NULL;
	const struct source_options options = {
		.job = r->brief->job,
		.run = &r->brief->run,
		.path = hello->source_path[0] == '\0' ? NULL : hello->source_path,
		.first_n = hello->first_n,
		.cursor = hello->cursor,
		.cursor_len = hello->cursor_len,
		.arg = r,
		.wait = reader_wait,
		.find_keys = hello->ask_keys ? reader_find_keys : NULL,
		.ask_inbox = reader_ask_inbox,
		.hear_inbox = reader_hear_inbox,
		.find_content = reader_find_content,
		.find_items = reader_find_items,
	};

	int rc = source_open(&options, &source, err);
	if (rc == 0)
		rc = reader_read_all(r, source, err);
	source_free(source);
	return rc;
}

int reader_run(const struct brief *brief, struct link *link)
{
	struct reader_state r = {
		.magic = READER_MAGIC, .brief = brief, .link = link, .asks_keys = true};
	struct err err = ERR_INIT;
	int exit_status = 0;

	assert(brief != NULL && link != NULL);
	if (job_is_from_database(brief->job))
		(void)proc_limit_memory(ROWS_MEMORY_BYTES); /* without, long rows cost more */
	frame_put_empty(&link->out, FRAME_READY);
	int rc = reader_send(&r, &err);
	if (rc == 0)
		rc = reader_read(&r, &err);
	if (r.is_alone)
		exit_status = EXIT_ENGINE_GONE;
	else if (!r.is_stopped)
		exit_status = reader_send_end(&r, load_end_of(rc),
					      rc == SOURCE_END ? "" : err.text);
	arena_done(&r.answer);
	arena_done(&r.pages[0]);
	arena_done(&r.pages[1]);
	return exit_status;
}

int reader_refuse(struct link *link, const struct err *why)
{
	struct reader_state r = {.magic = READER_MAGIC, .link = link};

	return reader_send_end(&r, LOAD_BAD_CONFIG, why->text);
}
