/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load from an inbox: the reader, which has no ledger, asks for pages of it. What it has dealt
 * with leaves the inbox with the batch in which it says so.
 */
#include "engine/run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "ledger/txn.h"

/* Only asked once more after its answer; so there is one at a time. */
static void intake_on_page(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = load_asker(r);
	const struct lop_inbox_read *read = &op->u.inbox_read;

	if (reader == NULL)
		return;
	struct frame_inbox_row *rows = xcalloc(read->ret_n + 1, sizeof(*rows));
	for (size_t i = 0; i < read->ret_n; i++) {
		const struct ledger_inbox_row *from = &read->ret_rows[i];
		rows[i] = (struct frame_inbox_row){.id = from->id,
						   .added_at = from->added_at,
						   .key = from->key,
						   .fields = from->fields,
						   .len = from->len,
						   .size = from->size};
	}
	frame_put_inbox_answer(&reader->out,
			       &(struct frame_inbox_answer){.upto = read->upto,
							    .from = read->ret_from,
							    .whole_to = read->ret_whole_to,
							    .n = (uint32_t)read->ret_n,
							    .rows = rows});
	free(rows);
}

static void intake_read(struct run *r)
{
	struct lop_inbox_read *read =
		&commit_add(r->commit, LOP_INBOX_READ, intake_on_page, r)->u.inbox_read;

	*read = (struct lop_inbox_read){.job = arena_str(commit_arena(r->commit), r->row.job),
					.after = r->inbox.after,
					.upto = r->inbox.upto,
					.max = r->inbox.max,
					.max_bytes = r->inbox.max_bytes};
}

static void intake_on_begun(void *arg, struct ledger_op *op)
{
	struct run *r = arg;
	struct lane *reader = load_asker(r);
	const struct lop_inbox_begin *begin = &op->u.inbox_begin;

	if (reader == NULL || r->phase != RUN_LOADING_NOW)
		return;
	if (begin->ret_other != NULL) {
		frame_put_inbox_answer(&reader->out,
				       &(struct frame_inbox_answer){.other = begin->ret_other});
		return;
	}
	if (r->inbox.upto == 0)
		r->inbox.upto = begin->ret_upto;
	intake_read(r);
}

void intake_ask(struct run *r, const struct frame_inbox *f)
{
	r->inbox = *f;
	if (!f->begins) {
		intake_read(r);
		return;
	}
	struct lop_inbox_begin *begin =
		&commit_add(r->commit, LOP_INBOX_BEGIN, intake_on_begun, r)->u.inbox_begin;
	*begin = (struct lop_inbox_begin){.run_id = r->id,
					  .step = r->step,
					  .epoch = r->loader_epoch,
					  .job = arena_str(commit_arena(r->commit), r->row.job)};
}

void intake_take(struct run *r, const struct frame_taken *f, struct lop_load_put *put)
{
	struct arena *a = commit_arena(r->commit);

	if (f->to == 0 && f->n == 0)
		return;
	put->inbox = (struct ledger_inbox_taken){
		.job = arena_str(a, r->row.job),
		.from = f->from,
		.to = f->to,
		.ids = arena_dup(a, f->ids, f->n * sizeof(*f->ids)),
		.n = f->n,
		.left = arena_dup(a, f->left, f->n_left * sizeof(*f->left)),
		.n_left = f->n_left,
	};
}
