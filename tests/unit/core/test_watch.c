/* SPDX-License-Identifier: Apache-2.0 */
/* Who is taken for dead by how often it beats, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/watch.h"

enum { INC = 7 };

/* A look that was asked for and answered at once. */
static enum watch_verdict look(struct watch *w, int64_t at, int64_t beat, bool is_lock_free)
{
	watch_begin(w, at, at);
	enum watch_verdict verdict = watch_see(w, INC, beat, is_lock_free);
	watch_end(w);
	return verdict;
}

/* Looks every two seconds until `verdict`; how long that took, -1 longer than five minutes. */
static int64_t until(enum watch_verdict verdict, bool is_lock_free)
{
	struct watch w = {0};
	int64_t took = -1;

	for (int64_t at = 0; at <= 5 * US_PER_MIN && took < 0; at += WATCH_LOOK_US)
		if (look(&w, US_PER_HOUR + at, 1, is_lock_free) == verdict)
			took = at;
	watch_done(&w);
	return took;
}

static void a_free_lock_and_no_beat_for_ten_seconds_is_gone(void **state)
{
	(void)state;
	assert_int_equal(until(WATCH_GONE, true), WATCH_GONE_US);
	assert_int_equal(until(WATCH_HUNG, true), -1);
}

static void a_held_lock_and_no_beat_for_two_minutes_is_hung(void **state)
{
	(void)state;
	assert_int_equal(until(WATCH_HUNG, false), WATCH_HUNG_US);
	assert_int_equal(until(WATCH_GONE, false), -1);
}

static void one_that_beats_is_alive_whatever_its_lock_says(void **state)
{
	struct watch w = {0};

	(void)state;
	assert_int_equal(look(&w, US_PER_HOUR, 1, true), WATCH_SUSPECT);
	for (int64_t i = 1; i < 1000; i++)
		assert_int_equal(look(&w, US_PER_HOUR + i * WATCH_LOOK_US, 1 + i / 4, true),
				 i < 4 ? WATCH_SUSPECT : WATCH_ALIVE);
	watch_done(&w);
}

static void after_the_ledger_was_away_watching_begins_anew(void **state)
{
	struct watch w = {0};
	int64_t at = US_PER_HOUR;

	(void)state;
	for (int i = 0; i < 5; i++, at += WATCH_LOOK_US)
		assert_int_equal(look(&w, at, 1, true), WATCH_SUSPECT);
	/* asked for while it was away, answered a minute later */
	watch_begin(&w, at, at + US_PER_MIN);
	assert_int_equal(watch_see(&w, INC, 1, true), WATCH_SUSPECT);
	watch_end(&w);
	at += US_PER_MIN;
	assert_int_equal(look(&w, at + WATCH_LOOK_US, 1, true), WATCH_SUSPECT);
	watch_done(&w);
}

static void who_is_not_listed_any_more_is_forgotten(void **state)
{
	struct watch w = {0};

	(void)state;
	(void)look(&w, US_PER_HOUR, 1, true);
	assert_int_equal(w.n, 1);
	watch_begin(&w, US_PER_HOUR + 1, US_PER_HOUR + 1);
	watch_end(&w);
	assert_int_equal(w.n, 0);
	watch_done(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_lock_and_no_beat_for_ten_seconds_is_gone),
		cmocka_unit_test(a_held_lock_and_no_beat_for_two_minutes_is_hung),
		cmocka_unit_test(one_that_beats_is_alive_whatever_its_lock_says),
		cmocka_unit_test(after_the_ledger_was_away_watching_begins_anew),
		cmocka_unit_test(who_is_not_listed_any_more_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
