/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of rates and quotas: what instances and jobs share out among themselves. */
#include "contract/bench.h"
#include "contract/suites.h"

enum { MS = 1000 * 1000 }; /* of nanoseconds */

static const struct lop_rate_take usual = {.name = "job",
					   .boot_id = "boot",
					   .now_ns = 1000 * (int64_t)MS,
					   .spacing_ns = 10 * MS,
					   .until_ns = 1100 * (int64_t)MS,
					   .max = 4};

static const struct lop_rate_take *rate_take(struct bench *b, struct actor *by,
					     const struct lop_rate_take *wish)
{
	struct ledger_op *op = begin(b, by, LOP_RATE_TAKE);

	op->u.rate_take = *wish;
	commit(b);
	return &op->u.rate_take;
}

static void slots_follow_one_another_whoever_takes_them(void **state)
{
	struct bench *b = *state;
	const struct lop_rate_take *got = rate_take(b, b->a, &usual);

	assert_int_equal(got->ret_first_ns, usual.now_ns);
	assert_int_equal(got->ret_n, 4);
	actor_begin(b, b->b);
	struct lop_rate_take wish = usual;
	wish.max = 100;
	got = rate_take(b, b->b, &wish);
	assert_int_equal(got->ret_first_ns, usual.now_ns + 40 * MS);
	assert_int_equal(got->ret_n, 6); /* the others would open too late */
	got = rate_take(b, b->a, &usual);
	assert_int_equal(got->ret_n, 0);
	assert_int_equal(got->ret_first_ns, usual.now_ns + 100 * MS);
	wish.name = "another";
	got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 10);
}

static void time_that_nobody_used_is_not_made_up_for(void **state)
{
	struct bench *b = *state;
	struct lop_rate_take wish = usual;

	(void)rate_take(b, b->a, &wish);
	wish.now_ns += 5000 * (int64_t)MS;
	wish.until_ns += 5000 * (int64_t)MS;
	const struct lop_rate_take *got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, wish.now_ns);
	assert_int_equal(got->ret_n, 4);
	got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, wish.now_ns + 40 * MS);
}

static void another_spacing_holds_from_the_next_slot_on(void **state)
{
	struct bench *b = *state;
	struct lop_rate_take wish = usual;

	(void)rate_take(b, b->a, &wish);
	wish.spacing_ns = 50 * MS;
	const struct lop_rate_take *got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, usual.now_ns + 80 * MS);
	assert_int_equal(got->ret_n, 1);
	wish.spacing_ns = MS;
	got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, usual.now_ns + 81 * MS);
}

static void after_a_boot_a_slot_is_taken_for_one_of_its_beginning(void **state)
{
	struct bench *b = *state;
	struct lop_rate_take wish = usual;

	(void)rate_take(b, b->a, &wish);
	wish.boot_id = "another boot";
	wish.now_ns = 3 * MS;
	wish.until_ns = 100 * MS;
	wish.max = 1;
	const struct lop_rate_take *got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, 10 * MS);
	got = rate_take(b, b->a, &wish);
	assert_int_equal(got->ret_first_ns, 20 * MS);
}

static void slots_that_were_taken_come_back_with_the_batch(void **state)
{
	struct bench *b = *state;
	const struct lop_rate_take *got = rate_take(b, b->a, &usual);

	resend(b);
	assert_int_equal(got->ret_first_ns, usual.now_ns);
	assert_int_equal(got->ret_n, 4);
	got = rate_take(b, b->a, &usual);
	assert_int_equal(got->ret_first_ns, usual.now_ns + 40 * MS);
}

/* ---- quotas ---- */

static const struct lop_quota_take *quota_take(struct bench *b, struct actor *by,
					       const struct lop_quota_take *wish)
{
	struct ledger_op *op = begin(b, by, LOP_QUOTA_TAKE);

	op->u.quota_take = *wish;
	commit(b);
	return &op->u.quota_take;
}

static struct lop_quota_take quota_wish(const struct bench *b)
{
	return (struct lop_quota_take){
		.name = "partner", .period = b->now, .most = 100, .want = 60, .seen_used = -1};
}

static void a_quota_is_used_by_all_together(void **state)
{
	struct bench *b = *state;
	struct lop_quota_take wish = quota_wish(b);
	const struct lop_quota_take *got = quota_take(b, b->a, &wish);

	assert_int_equal(got->ret_n, 60);
	assert_int_equal(got->ret_left, 40);
	actor_begin(b, b->b);
	wish.most = 80; /* a job that leaves some to others */
	got = quota_take(b, b->b, &wish);
	assert_int_equal(got->ret_n, 20);
	assert_int_equal(got->ret_left, 0);
	wish.most = 100;
	wish.give = 30;
	wish.give_period = wish.period;
	wish.want = 0;
	got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 0);
	assert_int_equal(got->ret_left, 50);
	wish.name = "another";
	wish.give = 0;
	wish.want = 60;
	got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_left, 40);
}

static void a_new_period_begins_with_nothing_used(void **state)
{
	struct bench *b = *state;
	struct lop_quota_take wish = quota_wish(b);

	(void)quota_take(b, b->a, &wish);
	wish.give = 60; /* of the old period: too late */
	wish.give_period = wish.period;
	wish.period += US_PER_DAY;
	const struct lop_quota_take *got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 60);
	assert_int_equal(got->ret_left, 40);
	wish.give = 0;
	wish.period -= US_PER_DAY; /* somebody's clock is wrong */
	got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 40);
	assert_int_equal(got->ret_left, 0);
}

static void the_other_side_knows_better(void **state)
{
	struct bench *b = *state;
	struct lop_quota_take wish = quota_wish(b);

	wish.seen_used = 70;
	const struct lop_quota_take *got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 30);
	wish.seen_used = 10; /* never back */
	got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 0);
}

static void a_quota_is_used_once_however_often_the_batch_is_sent(void **state)
{
	struct bench *b = *state;
	struct lop_quota_take wish = quota_wish(b);
	const struct lop_quota_take *got = quota_take(b, b->a, &wish);

	resend(b);
	resend(b);
	assert_int_equal(got->ret_n, 60);
	assert_int_equal(got->ret_left, 40);
	got = quota_take(b, b->a, &wish);
	assert_int_equal(got->ret_n, 40);
}

static const struct CMUnitTest cases[] = {
	CASE(slots_follow_one_another_whoever_takes_them),
	CASE(time_that_nobody_used_is_not_made_up_for),
	CASE(another_spacing_holds_from_the_next_slot_on),
	CASE(after_a_boot_a_slot_is_taken_for_one_of_its_beginning),
	CASE(slots_that_were_taken_come_back_with_the_batch),
	CASE(a_quota_is_used_by_all_together),
	CASE(a_new_period_begins_with_nothing_used),
	CASE(the_other_side_knows_better),
	CASE(a_quota_is_used_once_however_often_the_batch_is_sent),
};

const struct suite suite_sharing = SUITE("sharing", cases);
