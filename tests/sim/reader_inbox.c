/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/reader_inbox.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "sim/machine.h"
#include "sim/proc.h"

enum { PAGE_MAX = 64, BATCH_MAX = 512, FRAME_MAX = 4096 };

struct page {
	uint32_t n, at;
	int64_t ids[PAGE_MAX];
	uint32_t records[PAGE_MAX];
};

struct reader_inbox {
	struct proc *p;
	bool has_begun, is_over;
	bool is_asking; /* a page is on its way … */
	bool is_wanted; /* … and nothing else is at hand */
	bool has_next;	/* it has come */
	int64_t after, upto, last;
	struct page page, next;
	/* the batch at hand */
	uint32_t n;
	int64_t ids[BATCH_MAX];
	uint32_t records[BATCH_MAX];
};

struct reader_inbox *reader_inbox_new(struct proc *p)
{
	struct reader_inbox *b = arena_new(&p->m->arena, struct reader_inbox);

	b->p = p;
	return b;
}

void reader_inbox_put_place(struct reader_inbox *b, struct buf *out)
{
	b->after = b->last;
	buf_put_u64(out, (uint64_t)b->upto);
	buf_put_u64(out, (uint64_t)b->after);
}

void reader_inbox_get_place(struct reader_inbox *b, struct reader *r, bool is_over)
{
	b->upto = (int64_t)reader_u64(r);
	b->after = b->last = (int64_t)reader_u64(r);
	b->is_over = is_over;
}

/* ---- pages ---- */

static void inbox_ask(struct reader_inbox *b, int64_t after)
{
	struct machine *m = b->p->m;
	struct buf out = BUF_INIT(FRAME_MAX);
	bool is_small = rng_below(&m->rng, 4) == 0;

	b->is_asking = true;
	frame_put_inbox(&out,
			&(struct frame_inbox){.begins = !b->has_begun,
					      .after = after,
					      .upto = b->upto,
					      .max = (uint32_t)rng_range(&m->rng, 1, PAGE_MAX),
					      .max_bytes = is_small ? rng_range(&m->rng, 1, 100)
								    : FRAME_MAX});
	proc_send(b->p, &out, NULL);
	buf_done(&out);
}

/* Another run of the job reads it; what it leaves is ours. */
static void inbox_on_patience(struct machine *m, void *object, int64_t n)
{
	struct reader_inbox *b = object;

	(void)m, (void)n;
	if (b->p->is_alive)
		inbox_ask(b, b->after);
}

static bool page_read(struct page *page, const struct frame_inbox_answer *f)
{
	*page = (struct page){.n = f->n};
	for (uint32_t i = 0; i < f->n; i++) {
		page->ids[i] = f->rows[i].id;
		if (sscanf(f->rows[i].fields, "{\"id\":%u}", &page->records[i]) != 1)
			return false;
	}
	return true;
}

int reader_inbox_hear(struct reader_inbox *b, const struct frame *frame, bool *ret_goes_on,
		      struct err *err)
{
	struct machine *m = b->p->m;
	struct arena a = {0};
	struct frame_inbox_answer f = {0};
	int rc = frame_get_inbox_answer(frame, &a, &f, err);

	*ret_goes_on = false;
	if (rc == 0 && !b->is_asking)
		machine_fail(m, "inbox", "a reader gets a page that it has not asked for");
	if (rc == 0 && f.other[0] != '\0') {
		machine_after(m, US_PER_S, inbox_on_patience, b, 0);
		arena_done(&a);
		return 0;
	}
	if (rc == 0 && (f.n > PAGE_MAX || !page_read(&b->next, &f)))
		machine_fail(m, "inbox", "a reader gets %u rows that it cannot use", f.n);
	arena_done(&a);
	if (rc < 0)
		return rc;
	b->has_begun = b->has_next = true;
	b->is_asking = false;
	b->upto = f.upto;
	*ret_goes_on = b->is_wanted;
	b->is_wanted = false;
	return 0;
}

bool reader_inbox_is_ready(struct reader_inbox *b)
{
	if (b->is_over || b->page.at < b->page.n)
		return true;
	if (b->has_next) {
		b->page = b->next;
		b->has_next = false;
		b->is_over = b->page.n == 0;
		if (!b->is_over)
			inbox_ask(b, b->page.ids[b->page.n - 1]);
		return true;
	}
	if (!b->is_asking)
		inbox_ask(b, b->after);
	b->is_wanted = true;
	return false;
}

bool reader_inbox_is_over(const struct reader_inbox *b)
{
	return b->is_over;
}

/* ---- the batch at hand ---- */

void reader_inbox_begin_batch(struct reader_inbox *b)
{
	b->n = 0;
	b->last = b->after;
}

bool reader_inbox_next(struct reader_inbox *b, uint32_t *ret_record)
{
	if (b->page.at == b->page.n || b->n == BATCH_MAX)
		return false;
	b->last = b->ids[b->n] = b->page.ids[b->page.at];
	*ret_record = b->records[b->n++] = b->page.records[b->page.at++];
	return true;
}

void reader_inbox_leave(struct reader_inbox *b, uint32_t record)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		if (b->records[i] == record)
			continue;
		b->records[kept] = b->records[i];
		b->ids[kept++] = b->ids[i];
	}
	b->n = kept;
}

struct frame_taken reader_inbox_taken(const struct reader_inbox *b)
{
	return (struct frame_taken){.n = b->n, .ids = b->ids};
}
