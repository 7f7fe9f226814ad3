/* SPDX-License-Identifier: Apache-2.0 */
/* Named pools that runs share. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "contract/bench.h"
#include "contract/suites.h"
#include "ledger/journal.h"

static const struct ledger_pool ONE_OF_ONE[] = {{"warehouse", 1, 1}};
static const struct ledger_pool ONE_OF_TWO[] = {{"warehouse", 1, 2}};
static const struct ledger_pool TWO_OF_TWO[] = {{"warehouse", 2, 2}};
static const struct ledger_pool BOTH[] = {{"printer", 1, 1}, {"warehouse", 1, 1}};
static const struct ledger_pool PRINTER[] = {{"printer", 1, 1}};

static void pools_wish(struct ledger_op *op, int64_t run_id, const struct ledger_pool *pools,
		       size_t n)
{
	op->u.pools_take = (struct lop_pools_take){.run_id = run_id, .pools = pools, .n = n};
}

static const struct lop_pools_take *pools_take(struct bench *b, struct actor *by, int64_t run_id,
					       const struct ledger_pool *pools, size_t n)
{
	struct ledger_op *op = begin(b, by, LOP_POOLS_TAKE);

	pools_wish(op, run_id, pools, n);
	commit(b);
	return &op->u.pools_take;
}

#define TAKE_POOLS(b, by, run, pools) pools_take(b, by, run, pools, ARRAY_LEN(pools))

static void leave(struct bench *b, struct actor *by, int64_t run_id)
{
	begin(b, by, LOP_RUN_LEAVE)->u.run_leave = (struct lop_run_leave){run_id, ""};
	commit(b);
}

/* A run of that job with `by` on it. */
static int64_t joined(struct bench *b, struct actor *by, const char *job)
{
	int64_t run = run_create(b, by, &(struct plan){.job = job});

	run_join(b, by, run);
	return run;
}

static void is_full(const struct lop_pools_take *take, const char *name, int64_t used,
		    const char *holder)
{
	assert_false(take->ret_taken);
	assert_string_equal(take->ret_full, name);
	assert_int_equal(take->ret_used, used);
	if (holder == NULL)
		assert_null(take->ret_holder);
	else
		assert_non_null(strstr(take->ret_holder, holder));
}

static void is_taken(const struct lop_pools_take *take)
{
	assert_true(take->ret_taken);
	assert_null(take->ret_full);
	assert_null(take->ret_holder);
	assert_int_equal(take->ret_used, 0);
}

static void a_pool_is_had_by_as_many_runs_as_it_has_room_for(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	int64_t first = joined(b, b->a, "first");
	int64_t second = joined(b, b->b, "second");
	int64_t third = joined(b, b->c, "third");

	is_taken(TAKE_POOLS(b, b->a, first, ONE_OF_TWO));
	is_full(TAKE_POOLS(b, b->b, second, TWO_OF_TWO), "warehouse", 1, "first");
	is_taken(TAKE_POOLS(b, b->b, second, ONE_OF_TWO));
	is_full(TAKE_POOLS(b, b->c, third, ONE_OF_TWO), "warehouse", 2, "first");
	leave(b, b->a, first);
	is_full(TAKE_POOLS(b, b->c, third, TWO_OF_TWO), "warehouse", 1, "second");
	is_taken(TAKE_POOLS(b, b->c, third, ONE_OF_TWO));
}

static void all_are_taken_or_none(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	int64_t first = joined(b, b->a, "first");
	int64_t second = joined(b, b->b, "second");
	int64_t third = joined(b, b->c, "third");

	is_taken(TAKE_POOLS(b, b->a, first, ONE_OF_ONE));
	is_full(TAKE_POOLS(b, b->b, second, BOTH), "warehouse", 1, "first");
	is_taken(TAKE_POOLS(b, b->c, third, PRINTER));
	is_full(TAKE_POOLS(b, b->b, second, BOTH), "printer", 1, "third");
	leave(b, b->c, third);
	leave(b, b->a, first);
	is_taken(TAKE_POOLS(b, b->b, second, BOTH));
}

static void a_second_instance_finds_what_the_run_has(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	int64_t run = joined(b, b->a, "first");
	int64_t other = joined(b, b->c, "second");
	is_taken(TAKE_POOLS(b, b->a, run, ONE_OF_ONE));
	is_taken(TAKE_POOLS(b, b->a, run, ONE_OF_ONE));
	run_join(b, b->b, run);
	is_taken(TAKE_POOLS(b, b->b, run, ONE_OF_ONE));
	leave(b, b->a, run); /* the run has it still */
	is_full(TAKE_POOLS(b, b->c, other, ONE_OF_ONE), "warehouse", 1, "first");
	(void)begin(b, b->b, LOP_INSTANCE_END);
	commit(b);
	is_taken(TAKE_POOLS(b, b->c, other, ONE_OF_ONE));
}

static void more_is_taken_where_there_is_room(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	int64_t run = joined(b, b->a, "first");
	int64_t other = joined(b, b->b, "second");
	is_taken(TAKE_POOLS(b, b->a, run, ONE_OF_TWO));
	is_taken(TAKE_POOLS(b, b->a, run, TWO_OF_TWO));
	is_taken(TAKE_POOLS(b, b->a, run, ONE_OF_TWO)); /* which gives nothing back */
	is_full(TAKE_POOLS(b, b->b, other, ONE_OF_TWO), "warehouse", 2, "first");
}

static void what_a_dead_run_had_is_free_once_it_is_reaped(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	int64_t first = joined(b, b->b, "first");
	int64_t second = joined(b, b->a, "second");
	is_taken(TAKE_POOLS(b, b->b, first, ONE_OF_ONE));
	actor_kill(b, b->b);
	is_full(TAKE_POOLS(b, b->a, second, ONE_OF_ONE), "warehouse", 1, "first");
	begin(b, b->a, LOP_REAP)->u.reap = (struct lop_reap){.dead = b->b->inc, .beat = BENCH_BEAT};
	commit(b);
	is_taken(TAKE_POOLS(b, b->a, second, ONE_OF_ONE));
	/* Called again it asks again. */
	actor_begin(b, b->c);
	run_join(b, b->c, first);
	is_full(TAKE_POOLS(b, b->c, first, ONE_OF_ONE), "warehouse", 1, "second");
}

static void more_than_there_is_can_never_be_had(void **state)
{
	struct bench *b = *state;
	static const struct ledger_pool two[] = {{"warehouse", 2, 1}};
	int64_t run = joined(b, b->a, "first");

	is_full(TAKE_POOLS(b, b->a, run, two), "warehouse", 0, NULL);
}

static void whoever_is_not_on_the_run_takes_nothing(void **state)
{
	struct bench *b = *state;
	int64_t run = run_create(b, b->a, &(struct plan){.job = "first"});

	pools_wish(begin(b, b->a, LOP_POOLS_TAKE), run, ONE_OF_ONE, 1);
	refused(b, LEDGER_LOST);
	pools_wish(begin(b, b->a, LOP_POOLS_TAKE), run + 1, ONE_OF_ONE, 1);
	refused(b, LEDGER_LOST);
}

static void a_batch_that_is_sent_again_takes_nothing_more(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	int64_t first = joined(b, b->a, "first");
	int64_t second = joined(b, b->b, "second");
	const struct lop_pools_take *got = TAKE_POOLS(b, b->a, first, BOTH);
	is_taken(got);
	resend(b);
	is_taken(got);
	got = TAKE_POOLS(b, b->b, second, BOTH);
	is_full(got, "printer", 1, "first");
	resend(b);
	is_full(got, "printer", 1, "first");
	/* What was refused stays so, though there is room now. */
	struct ledger_op *op = begin(b, b->b, LOP_POOLS_TAKE);
	pools_wish(op, second, BOTH, ARRAY_LEN(BOTH));
	commit(b);
	struct ledger_txn *refused_txn = b->txn;
	b->txn = NULL;
	leave(b, b->a, first);
	ledger_txn_free(b->txn);
	b->txn = refused_txn;
	b->by = b->b;
	resend(b);
	assert_false(op->u.pools_take.ret_taken);
	is_taken(TAKE_POOLS(b, b->b, second, BOTH));
}

/* ---- at once ---- */

enum { ROUNDS = 20 };

/* A transaction that is applied by a thread of its own. */
struct taker {
	pthread_t thread;
	struct ledger *ledger;
	struct ledger_txn *txn;
	struct ledger_op *op;
};

static void taker_begin(struct taker *t, struct bench *b, struct actor *by, int64_t run,
			const struct ledger_pool *pool)
{
	t->op = begin(b, by, LOP_POOLS_TAKE);
	pools_wish(t->op, run, pool, 1);
	t->ledger = by->ledger;
	t->txn = b->txn;
	t->txn->batch = by->batch + 1;
	b->txn = NULL;
}

static void *taker_apply(void *arg)
{
	struct taker *t = arg;

	do {
		ledger_txn_rewind(t->txn);
		ledger_apply(t->ledger, t->txn);
	} while (t->txn->status == LEDGER_BUSY);
	return NULL;
}

static void of_two_who_take_at_once_one_does(void **state)
{
	struct bench *b = *state;

	if (!b->has_handles)
		return;
	struct actor *const by[2] = {b->a, b->b};
	actor_begin(b, b->b);
	for (int round = 0; round < ROUNDS; round++) {
		struct taker takers[2];
		int64_t runs[2];
		char due[32];
		char name[32];
		/* One that was never taken: there is no row that they could wait for. */
		(void)snprintf(name, sizeof(name), "pool-%d", round);
		const struct ledger_pool pool = {name, 1, 1};
		for (int i = 0; i < 2; i++) {
			(void)snprintf(due, sizeof(due), "%d/%d", round, i);
			runs[i] = run_create(b, by[i], &(struct plan){.due = due});
			run_join(b, by[i], runs[i]);
		}
		for (int i = 0; i < 2; i++)
			taker_begin(&takers[i], b, by[i], runs[i], &pool);
		for (int i = 0; i < 2; i++)
			assert_int_equal(
				pthread_create(&takers[i].thread, NULL, taker_apply, &takers[i]),
				0);
		int n = 0;
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
			assert_int_equal(takers[i].txn->status, LEDGER_APPLIED);
			by[i]->batch++;
			n += takers[i].op->u.pools_take.ret_taken;
			ledger_txn_free(takers[i].txn);
		}
		assert_int_equal(n, 1);
		for (int i = 0; i < 2; i++)
			leave(b, by[i], runs[i]);
	}
}

/* ---- failovers ---- */

static enum ledger_status apply_by(struct bench *b, struct journal *journal)
{
	b->txn->batch = b->by->batch + 1;
	journal_apply(journal, b->ledger, b->txn);
	if (b->txn->status == LEDGER_APPLIED)
		b->by->batch = b->txn->batch;
	return b->txn->status;
}

/* A run takes the pool, which a failover loses; meanwhile another takes it, or nobody. */
static enum ledger_status lose(struct bench *b, int64_t run, int64_t other)
{
	struct journal *journal = journal_new();

	begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 1;
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	ledger_memory_remember(b->ledger);
	pools_wish(begin(b, b->b, LOP_POOLS_TAKE), run, ONE_OF_ONE, 1);
	assert_int_equal(apply_by(b, journal), LEDGER_APPLIED);
	ledger_memory_go_back(b->ledger);
	if (other != 0)
		is_taken(TAKE_POOLS(b, b->a, other, ONE_OF_ONE));
	begin(b, b->b, LOP_LANE_PUT)->u.lane_put.pid = 2;
	enum ledger_status status = apply_by(b, journal);
	journal_free(journal);
	return status;
}

/* Only a server can be another one than before. */
static void what_a_failover_lost_is_taken_again(void **state)
{
	struct bench *b = *state;

	if (b->has_handles || !b->has_beats)
		return;
	actor_begin(b, b->b);
	int64_t run = joined(b, b->b, "first");
	int64_t other = joined(b, b->a, "second");
	assert_int_equal(lose(b, run, 0), LEDGER_APPLIED);
	is_full(TAKE_POOLS(b, b->a, other, ONE_OF_ONE), "warehouse", 1, "first");
}

static void whoever_lost_it_to_another_ends(void **state)
{
	struct bench *b = *state;

	if (b->has_handles || !b->has_beats)
		return;
	actor_begin(b, b->b);
	int64_t run = joined(b, b->b, "first");
	int64_t other = joined(b, b->a, "second");
	assert_int_equal(lose(b, run, other), LEDGER_FENCED);
	is_taken(TAKE_POOLS(b, b->a, other, ONE_OF_ONE));
}

static const struct CMUnitTest cases[] = {
	CASE(a_pool_is_had_by_as_many_runs_as_it_has_room_for),
	CASE(all_are_taken_or_none),
	CASE(a_second_instance_finds_what_the_run_has),
	CASE(more_is_taken_where_there_is_room),
	CASE(what_a_dead_run_had_is_free_once_it_is_reaped),
	CASE(more_than_there_is_can_never_be_had),
	CASE(whoever_is_not_on_the_run_takes_nothing),
	CASE(a_batch_that_is_sent_again_takes_nothing_more),
	CASE(of_two_who_take_at_once_one_does),
	CASE(what_a_failover_lost_is_taken_again),
	CASE(whoever_lost_it_to_another_ends),
};

const struct suite suite_pools = SUITE("pools", cases);
