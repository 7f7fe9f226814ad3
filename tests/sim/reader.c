/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "job/job.h"
#include "sim/body.h"
#include "sim/machine.h"
#include "sim/proc.h"
#include "sim/reader_inbox.h"
#include "sim/shadow.h"
#include "sim/step_check.h"

#define READ_US (2 * US_PER_MS)
#define READ_SLOW_US (30 * US_PER_S)
#define SIGNAL_BUS 7
enum { READER_FRAME_MAX = 1024 * 1024, READ_AHEAD_MAX = 512, CURSOR_MAX = 32 };

struct reader_sim {
	bool takes;	 /* items of an earlier step, page by page */
	uint32_t next;	 /* record, or number of an item there … */
	uint32_t end;	 /* … behind the last */
	uint32_t loaded; /* items so far … */
	uint32_t first;	 /* … of so many that are wanted */
	int ahead;	 /* batches without credit */
	bool asks_keys;
	bool is_waiting; /* for an answer */
	bool has_asked;	 /* for content, once */
	bool is_over;
	bool is_stepping;	    /* an event for its next step is on its way */
	struct reader_inbox *inbox; /* NULL: it reads none */
	/* the page at hand: items of the earlier step */
	uint32_t *page;	 /* numbers, and … */
	uint32_t *whose; /* … records of those that are wanted */
	uint32_t n_page, page_at;
	uint32_t page_end; /* the next one begins there */
	bool has_page, is_last_page;
	/* the batch at hand */
	uint32_t records[READ_AHEAD_MAX];
	uint32_t n;
	uint32_t rejects[READ_AHEAD_MAX];
	uint32_t n_rejects;
	uint32_t n_read, n_filtered, n_held_back;
};

static void reader_on_step(struct machine *m, void *object, int64_t n);

static void reader_go_on(struct proc *p)
{
	struct machine *m = p->m;

	if (p->reader->is_stepping)
		return;
	p->reader->is_stepping = true;
	int64_t us = machine_fault(m, F_READER_SLOW) ? READ_SLOW_US : READ_US;
	machine_after(m, machine_delay(m, us), reader_on_step, p, 0);
}

static void reader_end(struct proc *p, enum load_end end, const char *text)
{
	struct buf out = BUF_INIT(READER_FRAME_MAX);

	TRACE(p->m, TRACE_LOAD_END, p->pid, end, 0, 0);
	p->reader->is_over = true;
	frame_put_load_end(&out, &(struct frame_load_end){.end = (uint8_t)end, .text = text});
	proc_send(p, &out, NULL);
	buf_done(&out);
	if (rng_below(&p->m->rng, 2) == 0)
		proc_die(p, 0); /* or it waits to be told */
}

/* ---- a batch ---- */

static bool reader_next_record(struct reader_sim *r, uint32_t *ret_record)
{
	if (r->inbox != NULL)
		return reader_inbox_next(r->inbox, ret_record);
	if (r->next >= r->end)
		return false;
	*ret_record = r->next++;
	return true;
}

static void reader_fill(struct proc *p)
{
	struct machine *m = p->m;
	struct reader_sim *r = p->reader;
	uint32_t most = (uint32_t)m->opt->chunk_items;

	if (rng_below(&m->rng, 4) == 0) /* full by bytes */
		most = (uint32_t)rng_range(&m->rng, 1, m->opt->chunk_items);
	if (most > r->first - r->loaded)
		most = r->first - r->loaded;
	r->n = r->n_rejects = r->n_read = r->n_filtered = r->n_held_back = 0;
	if (r->inbox != NULL)
		reader_inbox_begin_batch(r->inbox);
	uint32_t record = 0;
	while (r->n < most && r->n_rejects < most && reader_next_record(r, &record)) {
		r->n_read++;
		if (machine_trait(m, F_REJECT, record))
			r->rejects[r->n_rejects++] = record;
		else if (machine_trait(m, F_FILTER, record))
			r->n_filtered++;
		else
			r->records[r->n++] = record;
	}
}

/* From the page at hand. */
static void reader_fill_taken(struct proc *p)
{
	struct reader_sim *r = p->reader;
	uint32_t most = (uint32_t)rng_range(&p->m->rng, 1, p->m->opt->chunk_items);

	r->n = r->n_rejects = r->n_filtered = r->n_held_back = 0;
	while (r->page_at < r->n_page && r->n < most) {
		r->records[r->n++] = r->whose[r->page_at] + options_step_begin(p->m->opt, 2);
		r->next = r->page[r->page_at++] + 1;
	}
	r->n_read = r->n;
}

static void reader_put_keys(const struct reader_sim *r, struct buf *out)
{
	buf_putc(out, '[');
	for (uint32_t i = 0; i < r->n; i++)
		buf_printf(out, "%s\"%u\"", i == 0 ? "" : ",", r->records[i]);
	buf_putc(out, ']');
}

static struct frame_taken reader_taken(const struct reader_sim *r)
{
	return r->inbox == NULL ? (struct frame_taken){0} : reader_inbox_taken(r->inbox);
}

static void reader_send(struct proc *p)
{
	struct machine *m = p->m;
	struct reader_sim *r = p->reader;
	struct buf out = BUF_INIT(READER_FRAME_MAX);
	struct buf body = BUF_INIT(READER_FRAME_MAX);
	struct buf keys = BUF_INIT(READER_FRAME_MAX);
	struct buf cursor = BUF_INIT(CURSOR_MAX);
	struct frame_reject rejects[READ_AHEAD_MAX];

	r->loaded += r->n;
	body_put(&body, r->records, r->n);
	if (!m->opt->by_reference || m->opt->has_key)
		reader_put_keys(r, &keys);
	buf_put_u32(&cursor, r->next);
	buf_put_u32(&cursor, r->loaded);
	if (r->inbox != NULL)
		reader_inbox_put_place(r->inbox, &cursor);
	for (uint32_t i = 0; i < r->n_rejects; i++)
		rejects[i] = (struct frame_reject){.path = "items.csv",
						   .line = r->rejects[i] + 1,
						   .column = 1,
						   .reason = "no item",
						   .key = ""};
	TRACE(m, TRACE_LOADED, p->pid, r->n, r->next, r->n_rejects);
	frame_put_loaded(&out, &(struct frame_loaded){.n = r->n,
						      .body = r->n > 0 ? body.data : NULL,
						      .body_len = r->n > 0 ? body.len : 0,
						      .keys = r->n > 0 ? buf_str(&keys) : "",
						      .tell = m->opt->then != JOB_THEN_KEEP ||
							      m->opt->says != 0,
						      .n_rejects = r->n_rejects,
						      .rejects = rejects,
						      .read = r->n_read,
						      .filtered = r->n_filtered,
						      .held_back = r->n_held_back,
						      .cursor = cursor.data,
						      .cursor_len = cursor.len,
						      .taken = reader_taken(r)});
	proc_send(p, &out, NULL);
	r->ahead++;
	buf_done(&out);
	buf_done(&body);
	buf_done(&keys);
	buf_done(&cursor);
}

static void reader_ask_keys(struct proc *p)
{
	struct reader_sim *r = p->reader;
	struct buf out = BUF_INIT(READER_FRAME_MAX);
	char text[READ_AHEAD_MAX][12];
	const char *keys[READ_AHEAD_MAX];

	for (uint32_t i = 0; i < r->n; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%u", r->records[i]);
		keys[i] = text[i];
	}
	frame_put_keys(&out, &(struct frame_keys){.n = r->n, .keys = keys});
	proc_send(p, &out, NULL);
	buf_done(&out);
	r->is_waiting = true;
}

static void reader_take_keys(struct proc *p, const struct frame_keys_answer *f)
{
	struct reader_sim *r = p->reader;
	uint32_t kept = 0;

	if (!r->is_waiting || f->n != r->n) {
		machine_fail(p->m, "keys", "an answer for %u keys, %u were asked for", f->n, r->n);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		bool is_open = bits_get(f->open, i);
		bool was_seen = bits_get(f->seen, i);
		if (is_open && r->inbox != NULL)
			reader_inbox_leave(r->inbox, r->records[i]);
		if (is_open || was_seen)
			r->n_held_back++;
		else
			r->records[kept++] = r->records[i];
	}
	r->n = kept;
	r->is_waiting = false;
	reader_send(p);
	reader_go_on(p);
}

static void reader_ask_content(struct proc *p)
{
	struct reader_sim *r = p->reader;
	struct buf out = BUF_INIT(READER_FRAME_MAX);

	frame_put_content(&out, &(struct frame_content){.path = "items.csv", .digest = {1}});
	proc_send(p, &out, NULL);
	buf_done(&out);
	r->is_waiting = r->has_asked = true;
}

/* ---- the items of an earlier step ---- */

static void reader_ask_items(struct proc *p)
{
	struct buf out = BUF_INIT(READER_FRAME_MAX);

	frame_put_ask_items(&out, p->reader->next);
	proc_send(p, &out, NULL);
	buf_done(&out);
	p->reader->is_waiting = true;
}

static const char *kept_of(const struct frame_step_items *f, uint32_t index)
{
	for (uint32_t i = 0; i < f->n_kept; i++)
		if (f->kept[i].index == index)
			return f->kept[i].keep;
	return NULL;
}

static int reader_take_items(struct proc *p, const struct frame *frame, struct err *err)
{
	struct machine *m = p->m;
	struct reader_sim *r = p->reader;
	struct frame_step_items f;
	int rc = frame_get_step_items(frame, &m->arena, &f, err);

	if (rc < 0)
		return rc;
	uint32_t *records = f.n == 0 ? NULL : body_records(&m->arena, f.body, f.body_len, f.n);
	if (!r->takes || !r->is_waiting || (f.n > 0 && records == NULL) || f.end > f.n) {
		machine_fail(m, "items", "a reader gets %u items that it cannot use", f.n);
		return 0;
	}
	r->page = arena_alloc(&m->arena, (f.n + 1) * sizeof(*r->page));
	r->whose = arena_alloc(&m->arena, (f.n + 1) * sizeof(*r->whose));
	r->n_page = r->page_at = 0;
	for (uint32_t i = 0; i < f.end; i++) {
		uint32_t item = (uint32_t)f.first_item + i;
		if (item < r->next || !bits_get(f.wanted, i))
			continue;
		step_check_kept(m, kept_of(&f, i), records[i]);
		r->page[r->n_page] = item;
		r->whose[r->n_page++] = records[i];
	}
	r->page_end = (uint32_t)f.first_item + f.end;
	r->has_page = f.n > 0;
	r->is_last_page = f.n == 0;
	r->is_waiting = false;
	reader_go_on(p);
	return 0;
}

/* True when there is something at hand, or nothing any more. */
static bool reader_has_items(struct proc *p)
{
	struct reader_sim *r = p->reader;

	if (r->inbox != NULL) {
		r->is_waiting = !reader_inbox_is_ready(r->inbox);
		return !r->is_waiting;
	}
	if (!r->takes || r->is_last_page || r->page_at < r->n_page)
		return true;
	if (r->has_page)
		r->next = r->page_end;
	reader_ask_items(p);
	return false;
}

/* ---- its way ---- */

static bool reader_is_at_its_end(const struct reader_sim *r)
{
	bool is_read = r->inbox != NULL ? reader_inbox_is_over(r->inbox)
		       : r->takes	? r->is_last_page
					: r->next >= r->end;

	return is_read || r->loaded >= r->first;
}

static void reader_send_rubbish(struct proc *p)
{
	struct buf out = BUF_INIT(READER_FRAME_MAX);

	buf_put_u32(&out, 4);
	buf_put_u8(&out, FRAME_LOADED);
	buf_put(&out, "\1\2\3", 3);
	proc_send(p, &out, NULL);
	buf_done(&out);
}

static void reader_on_step(struct machine *m, void *object, int64_t n)
{
	struct proc *p = object;
	struct reader_sim *r = p->reader;

	(void)n;
	r->is_stepping = false;
	if (!p->is_alive || r->is_over || r->is_waiting || r->ahead >= READER_WINDOW)
		return;
	if (machine_fault(m, F_READER_DIES)) {
		proc_die(p, SIGNAL_BUS);
		return;
	}
	if (machine_fault(m, F_READER_HANGS)) {
		r->is_over = true;
		return;
	}
	if (machine_fault(m, F_READER_RUBBISH)) {
		reader_send_rubbish(p);
		return;
	}
	if (!r->has_asked && rng_below(&m->rng, 8) == 0) {
		reader_ask_content(p);
		return;
	}
	if (!reader_has_items(p))
		return;
	if (reader_is_at_its_end(r)) {
		reader_end(p, LOAD_OK, "");
		return;
	}
	if (r->takes)
		reader_fill_taken(p);
	else
		reader_fill(p);
	if (r->asks_keys && r->n > 0) {
		reader_ask_keys(p);
		return;
	}
	reader_send(p);
	reader_go_on(p);
}

static bool reader_finds_no_source(struct proc *p)
{
	struct machine *m = p->m;

	if (machine_fault(m, F_LOAD_FAILS)) {
		reader_end(p, LOAD_FAILED, "so says the simulation");
		return true;
	}
	if (!machine_fault(m, F_LOAD_MISSING))
		return false;
	p->inst->saw_missing = m->saw_missing = true;
	if (m->opt->when_missing == JOB_MISSING_OK && p->reader->next == 0)
		reader_end(p, LOAD_EMPTY_MISSING_OK, "there is nothing");
	else
		reader_end(p, LOAD_MISSING, "there is nothing");
	return true;
}

/* With unique keys, of which it knows those before no more, there it ends. */
static void reader_go_on_in_inbox(struct proc *p, struct reader *cursor)
{
	reader_inbox_get_place(p->reader->inbox, cursor, p->m->opt->unique != JOB_UNIQUE_NONE);
	shadow_run(p->m, p->run_id)->inbox.goes_on = true;
}

static int reader_hear_inbox(struct proc *p, const struct frame *frame, struct err *err)
{
	bool goes_on = false;

	if (p->reader->inbox == NULL) {
		machine_fail(p->m, "inbox", "a reader that reads none gets a page of it");
		return 0;
	}
	int rc = reader_inbox_hear(p->reader->inbox, frame, &goes_on, err);
	if (goes_on) {
		p->reader->is_waiting = false;
		reader_go_on(p);
	}
	return rc;
}

void reader_on_hello(struct proc *p, const struct frame_hello *hello)
{
	struct machine *m = p->m;

	p->reader = arena_new(&m->arena, struct reader_sim);
	p->reader->next = options_step_begin(m->opt, (int)hello->step);
	p->reader->end = options_step_begin(m->opt, (int)hello->step + 1);
	p->reader->takes = m->opt->takes && hello->step > 1;
	if (p->reader->takes)
		p->reader->next = 0;
	else if (m->opt->has_inbox)
		p->reader->inbox = reader_inbox_new(p);
	p->reader->asks_keys = hello->ask_keys;
	p->reader->first = hello->first_n > 0 ? (uint32_t)hello->first_n : UINT32_MAX;
	if (hello->ask_keys != m->opt->has_key)
		machine_fail(m, "keys", "the reader is%s to ask for keys",
			     hello->ask_keys ? "" : " not");
	if (hello->cursor_len > 0) {
		struct reader cursor = READER(hello->cursor, hello->cursor_len);
		p->reader->next = reader_u32(&cursor);
		p->reader->loaded = reader_u32(&cursor);
		if (p->reader->inbox != NULL)
			reader_go_on_in_inbox(p, &cursor);
		if (!reader_is_done(&cursor))
			machine_fail(m, "cursor", "a reader gets a cursor that nobody sent");
	}
	if (!reader_finds_no_source(p))
		reader_go_on(p);
}

void reader_on_frame(struct proc *p, const struct frame *frame)
{
	struct reader_sim *r = p->reader;
	struct frame_keys_answer answer;
	struct err err = ERR_INIT;
	uint32_t credit = 0;
	int rc = 0;

	if (frame->type == FRAME_CREDIT) {
		rc = frame_get_u32(frame, &credit, &err);
		r->ahead -= (int)credit;
		if (r->ahead < 0)
			machine_fail(p->m, "credit", "more is committed than was sent");
		reader_go_on(p);
	} else if (frame->type == FRAME_ASK_KEYS) {
		rc = frame_get_u32(frame, &credit, &err);
		r->asks_keys = credit != 0;
	} else if (frame->type == FRAME_KEYS_ANSWER) {
		rc = frame_get_keys_answer(frame, &answer, &err);
		if (rc == 0)
			reader_take_keys(p, &answer);
	} else if (frame->type == FRAME_STEP_ITEMS) {
		rc = reader_take_items(p, frame, &err);
	} else if (frame->type == FRAME_INBOX_ANSWER) {
		rc = reader_hear_inbox(p, frame, &err);
	} else if (frame->type == FRAME_CONTENT_ANSWER) {
		r->is_waiting = false;
		reader_go_on(p);
	} else if (frame->type == FRAME_STOP) {
		proc_die(p, 0);
	} else {
		machine_fail(p->m, "frames", "a reader gets frame %d", frame->type);
	}
	if (rc < 0)
		machine_fail(p->m, "frames", "a reader gets rubbish: %s", err.text);
}
