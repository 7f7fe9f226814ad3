/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/results.h"

#include "base/bits.h"

#define LL(x) ((long long)(x))

static void put_bits(struct buf *out, const uint8_t *bits, size_t n)
{
	buf_putc(out, ' ');
	for (size_t i = 0; bits != NULL && i < n; i++)
		buf_putc(out, bits_get(bits, i) ? '1' : '0');
}

static void put_counts(struct buf *out, const struct ledger_counts *c)
{
	buf_printf(out,
		   " counts %lld %lld %lld %lld %lld %lld %lld asked %lld ready %lld others"
		   " %lld",
		   LL(c->waiting), LL(c->running), LL(c->done), LL(c->skipped), LL(c->retry),
		   LL(c->in_doubt), LL(c->dead), LL(c->asked), LL(c->ready_chunks),
		   LL(c->held_by_others));
	buf_printf(out, " due %lld", LL(c->next_due));
}

static void put_run(struct buf *out, const struct ledger_run_row *r)
{
	buf_printf(out,
		   "\n  run %lld %s %s %s %s %s %s %lld %s %s state %d"
		   " '%s'",
		   LL(r->id), r->job, r->due_key, r->name, r->slot, r->date, r->params, LL(r->n),
		   r->job_text, r->job_path, r->state, r->reason);
	buf_printf(out,
		   " %lld-%lld open %d %d %d %lld items %lld %lld %lld %lld"
		   " %lld",
		   LL(r->started_at), LL(r->ended_at), r->was_open, r->effect, r->doubt,
		   LL(r->key_valid_us), LL(r->n_items), LL(r->n_read), LL(r->n_filtered),
		   LL(r->n_rejected), LL(r->n_held_back));
	buf_printf(out, " loader %lld %d first %lld %s at step %d", LL(r->loader), r->loader_epoch,
		   LL(r->first_n), r->source_path, r->step);
	for (size_t i = 0; i < r->n_steps; i++) {
		const struct ledger_step_row *s = &r->steps[i];
		buf_printf(out, " step %d '%s' %d %d %lld state %d from %lld: %lld %lld %lld",
			   s->step, s->name, s->effect, s->doubt, LL(s->key_valid_us), s->state,
			   LL(s->first_item), LL(s->n_items), LL(s->n_read), LL(s->n_rejected));
	}
}

static void put_instance(struct buf *out, const struct ledger_instance_row *r)
{
	buf_printf(out, "\n  instance %lld %02x %s %s %s %lld state %d %lld quiet %lld gone %d",
		   LL(r->inc), r->nonce[0], r->name, r->host, r->boot_id, LL(r->pid), r->state,
		   LL(r->started_at), LL(r->quarantine_us), r->is_gone);
	for (size_t i = 0; i < r->n_lanes; i++)
		buf_printf(out, " lane %lld/%lld", LL(r->lanes[i].pid), LL(r->lanes[i].start_time));
}

static void put_chunks(struct buf *out, const struct ledger_chunk_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct ledger_chunk_row *r = &rows[i];
		buf_printf(out, "\n  chunk %lld %lld/%d %lld %u %d %lld %d %d %d '%.*s'", LL(r->id),
			   LL(r->run_id), r->step, LL(r->first_item), r->n, r->state, LL(r->owner),
			   r->epoch, r->crashes, r->rev, (int)r->body_len, (const char *)r->body);
		put_bits(out, r->started, r->n);
		put_bits(out, r->done, r->n);
		put_bits(out, r->told, r->n);
	}
}

static void put_ended(struct buf *out, const struct lop_ended_list *l)
{
	buf_printf(out, " to %lld more %d", LL(l->ret_last), l->ret_more);
	for (size_t i = 0; i < l->ret_n; i++) {
		const struct ledger_ended *r = &l->ret_rows[i];
		buf_printf(out, "\n  ended %lld %u '%.*s'", LL(r->chunk_id), r->n, (int)r->body_len,
			   (const char *)r->body);
		put_bits(out, r->done, r->n);
		put_bits(out, r->dead, r->n);
		put_bits(out, r->quiet, r->n);
	}
}

static void put_step_items(struct buf *out, const struct lop_step_items *s)
{
	buf_printf(out, " n %u", s->ret_n);
	if (s->ret_n == 0)
		return;
	buf_printf(out, " from %lld to %u '%.*s'", LL(s->ret_first_item), s->ret_end,
		   (int)s->ret_body_len, (const char *)s->ret_body);
	put_bits(out, s->ret_ended, s->ret_n);
	for (uint32_t i = 0; i < s->ret_n_kept; i++)
		buf_printf(out, " %u:%s", s->ret_kept[i].index, s->ret_kept[i].keep);
}

static void put_breaker(struct buf *out, const struct breaker_row *r)
{
	buf_printf(out, " %lld %d %lld %lld %lld %lld %lld %lld %lld '%s'", LL(r->version),
		   r->is_open, LL(r->first_open), LL(r->until), LL(r->open_for_us), LL(r->probe),
		   LL(r->probe_until), LL(r->probe_for_us), LL(r->n_opened), r->reason);
}

static void put_loose(struct buf *out, const struct ledger_loose_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct ledger_loose_row *r = &rows[i];
		buf_printf(out, "\n  loose %lld %lld %lld %lld %u %s %s %d %d %d %d %d %lld",
			   LL(r->run_id), LL(r->item), LL(r->chunk_id), LL(r->first_item),
			   r->chunk_n, r->key == NULL ? "-" : r->key,
			   r->person == NULL ? "-" : r->person, r->state, r->attempt, r->crashes,
			   r->redo, r->epoch, LL(r->owner));
		buf_printf(out, " %lld %d %lld %lld %d %d %d %lld %llx '%s' '%s' '%s' '%.*s'",
			   LL(r->first_started), r->was_begun, LL(r->not_before),
			   LL(r->quiet_until), r->nos, r->unclear, r->tries, LL(r->spent_us),
			   (unsigned long long)r->request, r->err_class, r->err, r->fingerprint,
			   (int)r->body_len, (const char *)r->body);
	}
}

static void put_run_list(struct buf *out, const struct lop_run_list *l)
{
	for (size_t i = 0; i < l->ret_n; i++) {
		put_run(out, &l->ret_rows[i]);
		buf_printf(out, " elsewhere %d", l->ret_live_elsewhere[i]);
	}
	if (l->ret_due != NULL)
		put_run(out, l->ret_due);
	buf_printf(out,
		   " due elsewhere %d last"
		   " %lld",
		   l->ret_due_live_elsewhere, LL(l->ret_last_n));
	for (size_t i = 0; i < l->ret_n_history; i++)
		buf_printf(out, " %lld", LL(l->ret_history[i]));
	buf_printf(out, " past %lld of %lld", LL(l->ret_past_id), LL(l->ret_past_started_at));
}

static void put_join(struct buf *out, const struct lop_run_join *j)
{
	buf_printf(out, " over %d", j->ret_over);
	put_run(out, &j->ret_row);
	put_counts(out, &j->ret_counts);
	for (size_t i = 0; i < j->ret_n_others; i++)
		put_instance(out, &j->ret_others[i]);
}

static void put_company(struct buf *out, const struct lop_run_company *c)
{
	for (size_t i = 0; i < c->ret_n_others; i++)
		put_instance(out, &c->ret_others[i]);
	for (size_t i = 0; i < c->n_known; i++)
		buf_printf(out, " %d", c->ret_states[i]);
}

static void put_requests(struct buf *out, const struct lop_request_list *l)
{
	for (size_t i = 0; i < l->ret_n; i++)
		buf_printf(out, "\n  request %lld %d %lld %lld %s %s", LL(l->ret_rows[i].id),
			   l->ret_rows[i].verb, LL(l->ret_rows[i].run_id), LL(l->ret_rows[i].item),
			   l->ret_rows[i].who, l->ret_rows[i].why);
}

static void put_load_take(struct buf *out, const struct lop_load_take *t)
{
	buf_printf(out, " taken %d by %lld epoch %d '%.*s'", t->ret_taken, LL(t->ret_loader),
		   t->ret_epoch, (int)t->ret_cursor_len,
		   t->ret_cursor == NULL ? "" : (const char *)t->ret_cursor);
}

static const char *text_or(const char *text)
{
	return text == NULL ? "-" : text;
}

/* What has one number or two as its result. */
static void put_ending(struct buf *out, const struct lop_ending_take *take)
{
	const struct ledger_ending_row *row = &take->ret_row;

	buf_printf(out, " %d %d: %d %d %d %lld %d %d %lld %s %s", take->ret_taken,
		   take->ret_is_settled, row->kind, row->step, row->is_done, LL(row->owner),
		   row->epoch, row->tries, LL(row->not_before), row->err, row->result);
}

static void put_small(struct buf *out, const struct ledger_op *op)
{
	switch ((int)op->kind) {
	case LOP_INSTANCE_BEGIN:
		buf_printf(out, " %lld", LL(op->u.instance_begin.ret_inc));
		break;
	case LOP_REAP:
		buf_printf(out, " %d %lld", op->u.reap.ret_done, LL(op->u.reap.ret_doubtful));
		break;
	case LOP_RUN_CREATE:
		buf_printf(out,
			   " %d"
			   " %lld",
			   op->u.run_create.ret_exists, LL(op->u.run_create.ret_id));
		break;
	case LOP_RUN_END:
		buf_printf(out, " %d", op->u.run_end.ret_done);
		break;
	case LOP_GIVE_BACK:
		buf_printf(out, " %lld", LL(op->u.give_back.ret_chunks));
		break;
	case LOP_DOUBT_RESOLVE:
		buf_printf(out, " %lld %lld %lld", LL(op->u.doubt_resolve.ret_retried),
			   LL(op->u.doubt_resolve.ret_asked), LL(op->u.doubt_resolve.ret_skipped));
		break;
	case LOP_LOOSE_SETTLE:
		buf_printf(out, " %d", op->u.loose_settle.ret_late);
		break;
	case LOP_PERSON:
		buf_printf(out, " %lld %lld %lld", LL(op->u.person.ret_changed),
			   LL(op->u.person.ret_requested), LL(op->u.person.ret_refused));
		break;
	case LOP_ENDING_TAKE:
		put_ending(out, &op->u.ending_take);
		break;
	case LOP_ENDING_PUT:
		buf_printf(out, " %d", op->u.ending_put.ret_late);
		break;
	case LOP_RATE_TAKE:
		buf_printf(out, " %lld %u", LL(op->u.rate_take.ret_first_ns),
			   op->u.rate_take.ret_n);
		break;
	case LOP_QUOTA_TAKE:
		buf_printf(out, " %lld %lld", LL(op->u.quota_take.ret_n),
			   LL(op->u.quota_take.ret_left));
		break;
	case LOP_POOLS_TAKE:
		buf_printf(out, " %d %s %lld %s", op->u.pools_take.ret_taken,
			   text_or(op->u.pools_take.ret_full), LL(op->u.pools_take.ret_used),
			   text_or(op->u.pools_take.ret_holder));
		break;
	case LOP_BREAKER_GET:
		put_breaker(out, &op->u.breaker_get.ret_row);
		break;
	case LOP_BREAKER_PUT:
		put_breaker(out, &op->u.breaker_put.ret_row);
		break;
	case LOP_CONTENT_FIND:
		buf_printf(out, " %s",
			   op->u.content_find.ret_run == NULL ? "-" : op->u.content_find.ret_run);
		break;
	default:
		break;
	}
}

static void put_big(struct buf *out, const struct ledger_op *op)
{
	switch ((int)op->kind) {
	case LOP_INSTANCE_LIST:
		for (size_t i = 0; i < op->u.instance_list.ret_n; i++)
			put_instance(out, &op->u.instance_list.ret_rows[i]);
		break;
	case LOP_RUN_LIST:
		put_run_list(out, &op->u.run_list);
		break;
	case LOP_RUN_JOIN:
		put_join(out, &op->u.run_join);
		break;
	case LOP_RUN_FINISH:
		buf_printf(out, " %d %u", op->u.run_finish.ret_finished,
			   op->u.run_finish.ret_missing);
		put_counts(out, &op->u.run_finish.ret_counts);
		break;
	case LOP_RUN_COUNTS:
		buf_printf(out, " %d", op->u.run_counts.ret_state);
		put_counts(out, &op->u.run_counts.ret_counts);
		break;
	case LOP_LOAD_TAKE:
		put_load_take(out, &op->u.load_take);
		break;
	case LOP_KEYS_FIND:
		put_bits(out, op->u.keys_find.ret_open, op->u.keys_find.n);
		put_bits(out, op->u.keys_find.ret_seen, op->u.keys_find.n);
		buf_printf(out, " %d", op->u.keys_find.ret_none_open);
		break;
	case LOP_CHUNK_CLAIM:
		put_chunks(out, op->u.chunk_claim.ret_rows, op->u.chunk_claim.ret_n);
		break;
	case LOP_LOOSE_CLAIM:
		put_loose(out, op->u.loose_claim.ret_rows, op->u.loose_claim.ret_n);
		break;
	case LOP_RUN_COMPANY:
		put_company(out, &op->u.run_company);
		break;
	case LOP_REQUEST_LIST:
		put_requests(out, &op->u.request_list);
		break;
	case LOP_UNTOLD_LIST:
		put_chunks(out, op->u.untold_list.ret_rows, op->u.untold_list.ret_n);
		break;
	case LOP_ENDED_LIST:
		put_ended(out, &op->u.ended_list);
		break;
	case LOP_STEP_ITEMS:
		put_step_items(out, &op->u.step_items);
		break;
	case LOP_CURSOR_FIND:
		buf_printf(out, " cursor %.*s", (int)op->u.cursor_find.ret_cursor_len,
			   op->u.cursor_find.ret_cursor == NULL
				   ? ""
				   : (const char *)op->u.cursor_find.ret_cursor);
		break;
	default:
		put_small(out, op);
		break;
	}
}

void results_put(struct buf *out, const struct ledger_txn *txn)
{
	int lost = -1;
	int place = 0;

	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next, place++)
		if (op == txn->lost)
			lost = place;
	buf_printf(out, "status %d, lost %d\n", txn->status, lost);
	if (txn->status != LEDGER_APPLIED)
		return;
	for (const struct ledger_op *op = txn->first; op != NULL; op = op->next) {
		buf_puts(out, ledger_op_name(op->kind));
		put_big(out, op);
		buf_putc(out, '\n');
	}
}
