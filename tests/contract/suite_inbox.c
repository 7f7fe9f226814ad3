/* SPDX-License-Identifier: Apache-2.0 */
/* What applications put in comes out once: into a run, in the same transaction. */
#include <stdio.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"

enum { PAGE = 100, MUCH = 6000 };

static void add(struct bench *b, const char *job, const char *key, const char *fields)
{
	const struct ledger_inbox_row row = {.key = key, .fields = fields, .len = strlen(fields)};
	struct ledger_op *op = begin(b, NULL, LOP_INBOX_ADD);

	op->u.inbox_add = (struct lop_inbox_add){.job = job, .rows = &row, .n = 1};
	commit(b);
}

/* So many, of little each. */
static void add_many(struct bench *b, const char *job, size_t n)
{
	struct ledger_op *op = begin(b, NULL, LOP_INBOX_ADD);
	struct ledger_inbox_row *rows = arena_alloc(&b->txn->arena, n * sizeof(*rows));

	for (size_t i = 0; i < n; i++)
		rows[i] = (struct ledger_inbox_row){.fields = "{}", .len = 2};
	op->u.inbox_add = (struct lop_inbox_add){.job = job, .rows = rows, .n = n};
	commit(b);
}

struct load {
	int64_t run;
	int32_t epoch;
	int64_t upto;
	bool is_alone;
};

static struct load load_begin(struct bench *b, struct actor *by, const char *due)
{
	const struct plan plan = {.due = due, .has_keys = true};
	struct load l = {.run = run_create(b, by, &plan)};

	run_join(b, by, l.run);
	l.epoch = run_load(b, by, l.run, &plan);
	struct ledger_op *op = begin(b, by, LOP_INBOX_BEGIN);
	op->u.inbox_begin = (struct lop_inbox_begin){
		.run_id = l.run, .epoch = l.epoch, .job = "job"};
	commit(b);
	l.is_alone = op->u.inbox_begin.ret_other == NULL;
	l.upto = op->u.inbox_begin.ret_upto;
	return l;
}

static const struct lop_inbox_read *page(struct bench *b, const struct load *l, int64_t after)
{
	struct ledger_op *op = begin(b, NULL, LOP_INBOX_READ);

	op->u.inbox_read = (struct lop_inbox_read){
		.job = "job", .after = after, .upto = l->upto, .max = PAGE, .max_bytes = 1 << 20};
	commit(b);
	return &op->u.inbox_read;
}

/* What a reader makes of a page: all of it is taken, but for `left` of it, which goes back. */
static struct ledger_inbox_taken take(struct arena *a, const struct lop_inbox_read *r, size_t left)
{
	int64_t *ids = arena_alloc(a, (r->ret_n + 1) * sizeof(*ids));
	struct ledger_inbox_taken t = {.job = "job", .ids = ids, .left = ids};

	if (r->ret_n > 0 && r->ret_rows[r->ret_n - 1].id <= r->ret_whole_to) {
		t.from = r->ret_from;
		t.to = r->ret_rows[r->ret_n - 1].id;
		for (size_t i = 0; i < left; i++)
			ids[t.n_left++] = r->ret_rows[i].id;
		return t;
	}
	for (size_t i = left; i < r->ret_n; i++)
		ids[t.n++] = r->ret_rows[i].id;
	return t;
}

static struct ledger_op *put(struct bench *b, struct actor *by, const struct load *l,
			     const struct ledger_inbox_taken *t)
{
	struct ledger_op *op = begin(b, by, LOP_LOAD_PUT);

	op->u.load_put = (struct lop_load_put){
		.run_id = l->run, .epoch = l->epoch, .cursor = "c", .cursor_len = 1, .inbox = *t};
	return op;
}

static size_t waiting(struct bench *b, const struct load *l)
{
	size_t n = 0;
	int64_t after = 0;

	for (;;) {
		const struct lop_inbox_read *r = page(b, l, after);
		if (r->ret_n == 0)
			return n;
		n += r->ret_n;
		after = r->ret_rows[r->ret_n - 1].id;
	}
}

static void what_is_put_in_comes_out_in_order_and_as_it_was(void **state)
{
	struct bench *b = *state;

	add(b, "job", NULL, "{\"n\": 1.50}");
	add(b, "other", NULL, "{\"n\": 9}");
	add(b, "job", "K", "{\"n\": \"\\u00e4\"}");
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	assert_true(l.is_alone);
	add(b, "job", NULL, "{\"late\": 1}"); /* of another load */
	const struct lop_inbox_read *r = page(b, &l, 0);
	assert_int_equal(r->ret_n, 2);
	assert_null(r->ret_rows[0].key);
	assert_string_equal(r->ret_rows[1].key, "K");
	assert_int_equal(r->ret_rows[0].len, 11);
	assert_memory_equal(r->ret_rows[0].fields, "{\"n\": 1.50}", 11);
	assert_int_equal(r->ret_rows[0].size, 11);
	assert_true(r->ret_rows[0].id < r->ret_rows[1].id);
	assert_true(r->ret_rows[0].added_at > 0);
	r = page(b, &l, r->ret_rows[0].id);
	assert_int_equal(r->ret_n, 1);
}

static void what_is_taken_is_gone_and_cannot_be_taken_twice(void **state)
{
	struct bench *b = *state;
	struct arena a = {0};

	add_many(b, "job", 3);
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	const struct ledger_inbox_taken t = take(&a, page(b, &l, 0), 1);
	(void)put(b, b->a, &l, &t);
	commit(b);
	resend(b);
	assert_int_equal(waiting(b, &l), 1);
	struct ledger_op *op = put(b, b->a, &l, &t);
	refused(b, LEDGER_LOST);
	assert_ptr_equal(b->txn->lost, op);
	assert_int_equal(waiting(b, &l), 1);
	arena_done(&a);
}

static void a_job_takes_nothing_of_another(void **state)
{
	struct bench *b = *state;
	struct arena a = {0};

	add_many(b, "job", 1);
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	struct ledger_inbox_taken t = take(&a, page(b, &l, 0), 0);
	t.job = "other";
	(void)put(b, b->a, &l, &t);
	refused(b, LEDGER_LOST);
	assert_int_equal(waiting(b, &l), 1);
	arena_done(&a);
}

static void two_runs_of_a_job_read_it_one_after_the_other(void **state)
{
	struct bench *b = *state;

	add_many(b, "job", 3);
	actor_begin(b, b->b);
	struct load first = load_begin(b, b->a, "2026-11-23/1");
	struct load second = load_begin(b, b->b, "2026-11-24/1");
	assert_true(first.is_alone);
	assert_false(second.is_alone);
	run_open(b, b->a, first.run, first.epoch);
	struct ledger_op *op = begin(b, b->b, LOP_INBOX_BEGIN);
	op->u.inbox_begin = (struct lop_inbox_begin){
		.run_id = second.run, .epoch = second.epoch, .job = "job"};
	commit(b);
	assert_null(op->u.inbox_begin.ret_other);
	assert_int_equal(op->u.inbox_begin.ret_upto, first.upto);
}

static void who_does_not_load_may_not_begin(void **state)
{
	struct bench *b = *state;
	struct load l = load_begin(b, b->a, "2026-11-23/1");

	actor_begin(b, b->b);
	struct ledger_op *op = begin(b, b->b, LOP_INBOX_BEGIN);
	op->u.inbox_begin = (struct lop_inbox_begin){
		.run_id = l.run, .epoch = l.epoch, .job = "job"};
	refused(b, LEDGER_LOST);
}

/* It is nowhere else. */
static void what_a_failed_load_had_taken_stays_in_its_run(void **state)
{
	struct bench *b = *state;
	static const struct ledger_new_chunk chunk = {.n = 3, .body = "abc", .body_len = 3};
	struct arena a = {0};

	add_many(b, "job", 3);
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	const struct ledger_inbox_taken t = take(&a, page(b, &l, 0), 0);
	struct ledger_op *op = put(b, b->a, &l, &t);
	op->u.load_put.chunks = &chunk;
	op->u.load_put.n_chunks = 1;
	op->u.load_put.add_read = 3;
	commit(b);
	op = begin(b, b->a, LOP_RUN_END);
	op->u.run_end = (struct lop_run_end){
		.run_id = l.run, .state = RUN_FAILED, .reason = "rejects"};
	op = also(b, LOP_RUN_LEAVE);
	op->u.run_leave = (struct lop_run_leave){.run_id = l.run, .reason = ""};
	commit(b);
	run_join(b, b->a, l.run);
	op = begin(b, b->a, LOP_RUN_COUNTS);
	op->u.run_counts.run_id = l.run;
	commit(b);
	assert_int_equal(op->u.run_counts.ret_state, RUN_LOADING);
	assert_int_equal(op->u.run_counts.ret_counts.waiting, 3);
	op = begin(b, b->a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = l.run;
	commit(b);
	assert_true(op->u.load_take.ret_taken);
	assert_int_equal(op->u.load_take.ret_cursor_len, 1);
	arena_done(&a);
}

static void an_item_that_is_too_long_is_only_shown(void **state)
{
	struct bench *b = *state;
	size_t len = LEDGER_INBOX_ITEM_MAX + 1;
	struct arena a = {0};
	char *text = arena_alloc(&a, len + 1);

	memset(text, ' ', len);
	text[0] = '{';
	text[len - 1] = '}';
	add(b, "job", NULL, text);
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	const struct lop_inbox_read *r = page(b, &l, 0);
	assert_int_equal(r->ret_n, 1);
	assert_int_equal(r->ret_rows[0].size, len);
	assert_int_equal(r->ret_rows[0].len, LEDGER_INBOX_SHOWN_MAX);
	arena_done(&a);
}

/* A page has a number of bytes, and one row at least. */
static void a_page_is_bounded(void **state)
{
	struct bench *b = *state;

	add_many(b, "job", 5);
	struct load l = load_begin(b, b->a, "2026-11-23/1");
	struct ledger_op *op = begin(b, NULL, LOP_INBOX_READ);
	op->u.inbox_read = (struct lop_inbox_read){
		.job = "job", .upto = l.upto, .max = 3, .max_bytes = 100};
	commit(b);
	assert_int_equal(op->u.inbox_read.ret_n, 3);
	op = begin(b, NULL, LOP_INBOX_READ);
	op->u.inbox_read = (struct lop_inbox_read){
		.job = "job", .upto = l.upto, .max = 5, .max_bytes = 1};
	commit(b);
	assert_int_equal(op->u.inbox_read.ret_n, 1);
}

/* So many that PostgreSQL takes them as a whole table, in two loads, with what comes meanwhile. */
static void many_come_out_once_each(void **state)
{
	struct bench *b = *state;
	bool is_postgres = strcmp(bench_backend, "postgres") == 0;

	for (int round = 0; round < 3; round++) {
		char due[32];
		struct arena a = {0};
		int64_t after = 0;
		size_t n = 0;
		add_many(b, "job", MUCH);
		(void)snprintf(due, sizeof(due), "2026-11-2%d/1", round);
		struct load l = load_begin(b, b->a, due);
		add_many(b, "job", 5);
		for (bool is_first = true;; is_first = false) {
			const struct lop_inbox_read *r = page(b, &l, after);
			if (r->ret_n == 0)
				break;
			assert_true(r->ret_whole_to > 0 || !is_postgres);
			after = r->ret_rows[r->ret_n - 1].id;
			n += r->ret_n;
			const struct ledger_inbox_taken t = take(&a, r, is_first ? 2 : 0);
			(void)put(b, b->a, &l, &t);
			commit(b);
			if (is_first) {
				(void)put(b, b->a, &l, &t);
				refused(b, LEDGER_LOST);
			}
		}
		assert_int_equal(n, MUCH + (round > 0 ? 7 : 0));
		run_open(b, b->a, l.run, l.epoch);
		l.upto = INT64_MAX;
		assert_int_equal(waiting(b, &l), 7); /* what went back, and what came */
		arena_done(&a);
	}
}

static const struct CMUnitTest cases[] = {
	CASE(what_is_put_in_comes_out_in_order_and_as_it_was),
	CASE(what_is_taken_is_gone_and_cannot_be_taken_twice),
	CASE(a_job_takes_nothing_of_another),
	CASE(two_runs_of_a_job_read_it_one_after_the_other),
	CASE(who_does_not_load_may_not_begin),
	CASE(what_a_failed_load_had_taken_stays_in_its_run),
	CASE(an_item_that_is_too_long_is_only_shown),
	CASE(a_page_is_bounded),
	CASE(many_come_out_once_each),
};

const struct suite suite_inbox = SUITE("inbox", cases);
