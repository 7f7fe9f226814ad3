/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "contract/bench.h"
#include "contract/suites.h"

static const char API[] = "https://api.example.com:443";

static const struct breaker_policy POLICY = {.open_for_us = 30 * US_PER_S,
					     .open_max_us = 10 * US_PER_MIN};

/* Its words belong to a transaction that the next one frees. */
static struct breaker_row keep(struct breaker_row row)
{
	static char reasons[16][BREAKER_REASON_MAX];
	static size_t next;
	char *reason = reasons[next++ % ARRAY_LEN(reasons)];

	(void)snprintf(reason, BREAKER_REASON_MAX, "%s", row.reason);
	row.reason = reason;
	return row;
}

static struct breaker_row get(struct bench *b, const char *endpoint)
{
	struct ledger_op *op = begin(b, b->c->inc != 0 ? b->c : b->a, LOP_BREAKER_GET);

	op->u.breaker_get.endpoint = endpoint;
	commit(b);
	return keep(op->u.breaker_get.ret_row);
}

static struct breaker_row put(struct bench *b, struct actor *by, const struct breaker_row *row)
{
	struct ledger_op *op = begin(b, by, LOP_BREAKER_PUT);

	op->u.breaker_put.endpoint = API;
	op->u.breaker_put.row = *row;
	commit(b);
	return keep(op->u.breaker_put.ret_row);
}

static struct breaker_row opened(struct bench *b)
{
	struct breaker_row row = breaker_row_opened(&(struct breaker_row){.version = 0}, &POLICY,
						    b->now, "exit status 69");

	return put(b, b->a, &row);
}

static void what_was_never_opened_has_no_version(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = get(b, API);

	assert_int_equal(row.version, 0);
	assert_false(row.is_open);
	assert_string_equal(row.reason, "");
}

static void one_that_opens_is_seen_by_all_others(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->c);
	assert_int_equal(opened(b).version, 1);
	struct breaker_row row = get(b, API);
	assert_int_equal(row.version, 1);
	assert_true(row.is_open);
	assert_int_equal(row.first_open, b->now);
	assert_int_equal(row.until, b->now + 30 * US_PER_S);
	assert_int_equal(row.open_for_us, 30 * US_PER_S);
	assert_int_equal(row.probe, 0);
	assert_int_equal(row.n_opened, 1);
	assert_string_equal(row.reason, "exit status 69");
	assert_int_equal(get(b, "https://other.example.com:443").version, 0);
}

static void of_two_who_want_to_probe_one_may(void **state)
{
	struct bench *b = *state;

	actor_begin(b, b->b);
	struct breaker_row row = opened(b);
	struct breaker_row mine = breaker_row_probed(&row, b->a->inc, b->now, US_PER_MIN);
	struct breaker_row yours = breaker_row_probed(&row, b->b->inc, b->now, US_PER_MIN);
	assert_int_equal(put(b, b->a, &mine).probe, b->a->inc);
	struct breaker_row left = put(b, b->b, &yours);
	assert_int_equal(left.probe, b->a->inc);
	assert_int_equal(left.version, 2);
	assert_int_equal(left.probe_until, b->now + US_PER_MIN);
	assert_int_equal(left.probe_for_us, US_PER_MIN);
}

static void a_second_first_one_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = opened(b);

	row.version = 1;
	row.reason = "another";
	assert_string_equal(put(b, b->a, &row).reason, "exit status 69");
	row.version = 3;
	assert_int_equal(put(b, b->a, &row).version, 1);
}

static void a_batch_that_is_sent_again_brings_what_is_there(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = opened(b);

	row = breaker_row_probed(&row, b->a->inc, b->now, US_PER_MIN);
	struct ledger_op *op = begin(b, b->a, LOP_BREAKER_PUT);
	op->u.breaker_put.endpoint = API;
	op->u.breaker_put.row = row;
	commit(b);
	resend(b);
	assert_int_equal(op->u.breaker_put.ret_row.version, 2);
	assert_int_equal(op->u.breaker_put.ret_row.probe, b->a->inc);
}

static void nobody_probes_for_one_that_has_ended(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = opened(b);

	row = breaker_row_probed(&row, b->a->inc, b->now, US_PER_MIN);
	row = put(b, b->a, &row);
	(void)begin(b, b->a, LOP_INSTANCE_END);
	commit(b);
	actor_begin(b, b->c);
	struct breaker_row left = get(b, API);
	assert_int_equal(left.probe, 0);
	assert_int_equal(left.version, row.version + 1);
	assert_true(left.is_open);
}

static void nobody_probes_for_one_that_was_reaped(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = opened(b);

	actor_begin(b, b->b);
	actor_begin(b, b->c);
	row = breaker_row_probed(&row, b->b->inc, b->now, US_PER_MIN);
	row = put(b, b->b, &row);
	actor_kill(b, b->b);
	assert_int_equal(get(b, API).probe, b->b->inc);
	struct ledger_op *op = begin(b, b->a, LOP_REAP);
	op->u.reap.dead = b->b->inc;
	op->u.reap.beat = BENCH_BEAT;
	commit(b);
	assert_true(op->u.reap.ret_done);
	struct breaker_row left = get(b, API);
	assert_int_equal(left.probe, 0);
	assert_int_equal(left.version, row.version + 1);
}

static void one_that_closed_is_remembered(void **state)
{
	struct bench *b = *state;
	struct breaker_row row = opened(b);

	row = breaker_row_closed(&row);
	row = put(b, b->a, &row);
	assert_false(row.is_open);
	assert_int_equal(row.n_opened, 1);
	row = breaker_row_opened(&row, &POLICY, b->now + US_PER_HOUR, "again");
	row = put(b, b->a, &row);
	assert_int_equal(row.n_opened, 2);
	assert_int_equal(row.first_open, b->now + US_PER_HOUR);
	assert_int_equal(row.open_for_us, 30 * US_PER_S);
}

static const struct CMUnitTest cases[] = {
	CASE(what_was_never_opened_has_no_version),
	CASE(one_that_opens_is_seen_by_all_others),
	CASE(of_two_who_want_to_probe_one_may),
	CASE(a_second_first_one_changes_nothing),
	CASE(a_batch_that_is_sent_again_brings_what_is_there),
	CASE(nobody_probes_for_one_that_has_ended),
	CASE(nobody_probes_for_one_that_was_reaped),
	CASE(one_that_closed_is_remembered),
};

const struct suite suite_breakers = SUITE("breakers", cases);
