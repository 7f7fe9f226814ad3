/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/inbox.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "job/job.h"
#include "ledger/ledger.h"
#include "ledger/txn.h"
#include "sim/lost.h"
#include "sim/machine.h"
#include "sim/shadow.h"

enum { TEXT_MAX = 32, ADD_MAX = 64, MORE_MAX = 12, ROWS_MAX = 100000 };
#define GAP_MAX_US (2 * US_PER_MIN)
#define SOON_US (50 * US_PER_MS)

static struct inbox_view *inbox_of(struct machine *m)
{
	return &m->shadow.inbox;
}

/* So many records come through the inbox: of a job with steps, those of the first. */
static uint32_t n_records(const struct machine *m)
{
	return m->opt->steps > 0 ? options_step_begin(m->opt, 2) : m->opt->n_records;
}

/* ---- who puts things in ---- */

static void inbox_know(struct machine *m, uint32_t record)
{
	struct inbox_view *b = inbox_of(m);

	if (b->n_rows == b->cap_rows) {
		b->cap_rows = 2 * b->cap_rows + 64;
		b->rows = xrealloc(b->rows, b->cap_rows, sizeof(*b->rows));
	}
	b->rows[b->n_rows++] = (struct inbox_row){.record = record};
	b->last_of[record] = b->n_rows;
}

static void inbox_add(struct machine *m, const uint32_t *records, uint32_t n)
{
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_inbox_add *op = &ledger_txn_add(txn, LOP_INBOX_ADD)->u.inbox_add;
	struct ledger_inbox_row rows[ADD_MAX] = {0};
	char keys[ADD_MAX][TEXT_MAX];
	char fields[ADD_MAX][TEXT_MAX];

	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(keys[i], TEXT_MAX, "%u", records[i]);
		(void)snprintf(fields[i], TEXT_MAX, "{\"id\":%u}", records[i]);
		rows[i] = (struct ledger_inbox_row){
			.key = keys[i], .fields = fields[i], .len = strlen(fields[i])};
		inbox_know(m, records[i]);
	}
	*op = (struct lop_inbox_add){.job = "night", .rows = rows, .n = n};
	txn->now = machine_now(m);
	lost_catch_up(m);
	ledger_apply(m->ledger, txn);
	if (txn->status != LEDGER_APPLIED)
		machine_fail(m, "inbox", "nothing can be put in: %s", txn->err.text);
	m->shadow.inbox.added_us = m->boot_us;
	TRACE(m, TRACE_ADD, n, (int64_t)m->shadow.inbox.n_rows, 0, 0);
	ledger_txn_free(txn);
}

/* The same again, where that cannot come into the same run twice. */
static bool may_come_again(struct machine *m, uint32_t record)
{
	const struct inbox_view *b = inbox_of(m);
	const struct inbox_row *row = &b->rows[b->last_of[record] - 1];
	const struct run_view *run = shadow_run(m, row->run_id);

	return run != NULL && (run->is_loaded[1] || run->state == RUN_ABANDONED);
}

static uint32_t inbox_draw(struct machine *m, uint32_t *records, uint32_t most)
{
	struct inbox_view *b = inbox_of(m);
	uint32_t n = 0;

	while (n < most && b->n_new < n_records(m))
		records[n++] = b->n_new++;
	for (int i = 0; i < 4 && n < ADD_MAX && b->n_new > 0 && n == 0; i++) {
		uint32_t record = (uint32_t)rng_below(&m->rng, b->n_new);
		if (b->last_of[record] != 0 && may_come_again(m, record))
			records[n++] = record;
	}
	return n;
}

static void inbox_put_some(struct machine *m)
{
	struct inbox_view *b = inbox_of(m);
	uint32_t records[ADD_MAX];
	uint32_t most = (uint32_t)rng_spread(&m->rng, 1, ADD_MAX);

	if (b->n_new == n_records(m))
		b->n_more--;
	uint32_t n = inbox_draw(m, records, most);
	if (n > 0)
		inbox_add(m, records, n);
}

static void inbox_plan(struct machine *m);

static void inbox_on_time(struct machine *m, void *object, int64_t n)
{
	(void)object, (void)n;
	inbox_put_some(m);
	inbox_plan(m);
}

static bool is_more_to_come(const struct machine *m)
{
	return m->shadow.inbox.n_new < n_records(m) || m->shadow.inbox.n_more > 0;
}

static void inbox_plan(struct machine *m)
{
	if (is_more_to_come(m))
		machine_after(m, rng_spread(&m->rng, US_PER_MS, GAP_MAX_US), inbox_on_time, NULL,
			      0);
}

static void inbox_on_reading(struct machine *m, void *object, int64_t n)
{
	(void)object, (void)n;
	if (is_more_to_come(m))
		inbox_put_some(m);
}

/* Just while it is read. */
static void inbox_disturb(struct machine *m)
{
	if (is_more_to_come(m) && rng_below(&m->rng, 2) == 0)
		machine_after(m, rng_range(&m->rng, 0, SOON_US), inbox_on_reading, NULL, 0);
}

void inbox_begin(struct machine *m)
{
	struct inbox_view *b = inbox_of(m);

	if (!m->opt->has_inbox)
		return;
	b->last_of = arena_alloc(&m->arena, (m->opt->n_records + 1) * sizeof(*b->last_of));
	b->n_more = (int)rng_below(&m->rng, MORE_MAX);
	uint32_t share = (uint32_t)rng_below(&m->rng, 4); /* of all, in quarters, there at once */
	while (b->n_new < n_records(m) / 4 * share)
		inbox_put_some(m);
	inbox_plan(m);
}

bool inbox_is_read(const struct machine *m)
{
	const struct inbox_view *b = &m->shadow.inbox;

	return !is_more_to_come(m) && m->newest_began_us > b->added_us;
}

/* ---- what is taken ---- */

/* One run at a time reads, whose loader lives. */
static void check_alone(struct machine *m, const struct run_view *run)
{
	for (size_t i = 0; i < m->shadow.n_runs; i++) {
		const struct run_view *other = m->shadow.runs[i];
		int64_t reader = other->inbox.reader;
		int state = m->shadow.inc_state[reader];
		if (other != run && reader != 0 && other->state == RUN_LOADING &&
		    !other->is_loaded[1] && (state == INSTANCE_LIVE || state == INSTANCE_STOPPING))
			machine_fail(m, "inbox-alone", "run %lld reads the inbox beside run %lld",
				     (long long)run->id, (long long)other->id);
	}
}

void inbox_follow_end(struct machine *m, int64_t run_id, int64_t inc)
{
	struct run_view *run = shadow_run(m, run_id);

	if (run != NULL && run->inbox.reader == inc)
		run->inbox.reader = 0;
}

void inbox_follow_begin(struct machine *m, int64_t inc, const struct lop_inbox_begin *op)
{
	struct run_view *run = shadow_run(m, op->run_id);

	if (run == NULL || op->ret_other != NULL)
		return;
	if (op->ret_upto != (int64_t)m->shadow.inbox.n_rows)
		machine_fail(m, "inbox-begin", "a load reads up to row %lld, there are %zu",
			     (long long)op->ret_upto, m->shadow.inbox.n_rows);
	check_alone(m, run);
	run->inbox.reader = inc;
	if (!run->inbox.has_put)
		run->inbox.upto = op->ret_upto;
	inbox_disturb(m);
}

static void take_row(struct machine *m, struct run_view *run, int64_t id)
{
	struct inbox_view *b = inbox_of(m);

	if (id < 1 || id > (int64_t)b->n_rows) {
		machine_fail(m, "inbox-twice", "row %lld was never put in", (long long)id);
		return;
	}
	struct inbox_row *row = &b->rows[id - 1];
	if (row->run_id != 0)
		machine_fail(m, "inbox-twice", "row %lld is taken by run %lld, and was by run %lld",
			     (long long)id, (long long)run->id, (long long)row->run_id);
	if (id > run->inbox.upto)
		machine_fail(m, "inbox-late",
			     "run %lld takes row %lld, and its load is of those up to %lld",
			     (long long)run->id, (long long)id, (long long)run->inbox.upto);
	row->run_id = run->id;
	row->put = b->n_puts;
	run->inbox.n_rows++;
}

/* What becomes an item leaves the inbox with it. */
static void check_item(struct machine *m, const struct run_view *run, uint32_t record)
{
	const struct inbox_view *b = &m->shadow.inbox;
	size_t id = record < n_records(m) ? b->last_of[record] : 0;
	const struct inbox_row *row = id == 0 ? NULL : &b->rows[id - 1];

	if (row == NULL || row->run_id != run->id || row->put != b->n_puts)
		machine_fail(m, "inbox-kept", "record %u is in run %lld, and its row was not taken",
			     record, (long long)run->id);
}

void inbox_follow_put(struct machine *m, struct run_view *run, const struct lop_load_put *op)
{
	struct inbox_view *b = inbox_of(m);
	int64_t n_items = 0;

	b->n_puts++;
	run->inbox.has_put = true;
	for (size_t i = 0; i < op->inbox.n && !m->failure.happened; i++)
		take_row(m, run, op->inbox.ids[i]);
	for (size_t i = 0; i < op->n_chunks; i++)
		n_items += op->chunks[i].n;
	for (int64_t i = run->n_items - n_items; i < run->n_items; i++)
		check_item(m, run, run->items[i].record);
	/* What is held back stays; what was done before is dropped, and counted so, too. */
	int64_t gone = op->add_read - op->add_held_back;
	int64_t most = m->opt->unique == JOB_UNIQUE_JOB ? op->add_read : gone;
	if ((int64_t)op->inbox.n < gone || (int64_t)op->inbox.n > most)
		machine_fail(m, "inbox-lost",
			     "run %lld takes %zu rows and has %lld of %lld records of them",
			     (long long)run->id, op->inbox.n, (long long)gone,
			     (long long)op->add_read);
	inbox_disturb(m);
}

/* ---- what is left ---- */

uint32_t inbox_count(const struct machine *m, const struct run_view *run, bool wants_rejects)
{
	const struct inbox_view *b = &m->shadow.inbox;
	uint32_t n = 0;

	for (size_t i = 0; i < b->n_rows; i++) {
		bool is_reject = machine_trait(m, F_REJECT, b->rows[i].record);
		bool is_filtered = !is_reject && machine_trait(m, F_FILTER, b->rows[i].record);
		n += b->rows[i].run_id == run->id && (wants_rejects ? is_reject : is_filtered);
	}
	return n;
}

/* All that was there is in a run, or held back. */
static void check_left(struct machine *m, const struct run_view *run)
{
	const struct inbox_view *b = &m->shadow.inbox;
	uint32_t left = 0;

	for (int64_t i = 0; i < run->inbox.upto; i++)
		left += b->rows[i].run_id == 0;
	if (left > run->n_held_back)
		machine_fail(m, "inbox-left",
			     "run %lld is loaded, %u rows that were there are left, %u held back",
			     (long long)run->id, left, run->n_held_back);
}

void inbox_check_loaded(struct machine *m, const struct run_view *run, int step)
{
	uint32_t rejects = inbox_count(m, run, true);
	uint32_t filtered = inbox_count(m, run, false);
	bool is_cut = run->first_n > 0 && run->n_items == run->first_n;
	/* Keys that were read before a crash are in no inbox any more: such a load ends there. */
	bool ends_early = m->opt->unique != JOB_UNIQUE_NONE && run->inbox.goes_on;

	for (uint32_t i = 0; i < run->n_items; i++)
		if (machine_trait(m, F_REJECT, run->items[i].record) ||
		    machine_trait(m, F_FILTER, run->items[i].record))
			machine_fail(m, "load-wrong", "record %u is no item", run->items[i].record);
	if (run->n_rejected != rejects || run->n_filtered != filtered ||
	    run->n_items + rejects + filtered + run->n_held_back != run->n_read)
		machine_fail(m, "load-lost",
			     "run %lld: %u read, %u items, %u of %u rejected, %u of %u filtered, "
			     "%u held back",
			     (long long)run->id, run->n_read, run->n_items, run->n_rejected,
			     rejects, run->n_filtered, filtered, run->n_held_back);
	if (step == 1 && !is_cut && !ends_early)
		check_left(m, run);
}

void inbox_compare(struct machine *m)
{
	struct inbox_view *b = inbox_of(m);
	struct ledger_txn *txn = ledger_txn_new();
	struct lop_inbox_read *op = &ledger_txn_add(txn, LOP_INBOX_READ)->u.inbox_read;
	size_t at = 0;

	*op = (struct lop_inbox_read){
		.job = "night", .upto = INT64_MAX, .max = ROWS_MAX, .max_bytes = INT64_MAX};
	ledger_apply(m->ledger, txn);
	for (size_t i = 0; i < b->n_rows && !m->failure.happened; i++) {
		bool is_there = at < op->ret_n && op->ret_rows[at].id == (int64_t)i + 1;
		at += is_there;
		if (b->rows[i].run_id != 0 && is_there)
			machine_fail(m, "inbox-twice", "row %zu is in run %lld and in the inbox",
				     i + 1, (long long)b->rows[i].run_id);
		if (b->rows[i].run_id == 0 && !is_there)
			machine_fail(m, "inbox-lost", "row %zu is in no run and in no inbox",
				     i + 1);
	}
	ledger_txn_free(txn);
}
