/* SPDX-License-Identifier: Apache-2.0 */
/* When the next page may be asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "source/pace.h"
#include "source/patience.h"

static void without_a_rate_nothing_waits(void **state)
{
	struct pace p = {0};

	for (int64_t now = 0; now < 10; now++) {
		assert_int_equal(pace_wait_us(&p, now), 0);
		pace_take(&p, now);
	}
}

static void the_first_waits_for_nobody_and_the_others_are_apart(void **state)
{
	struct pace p = {.rate = {20, US_PER_S}};

	assert_int_equal(pace_wait_us(&p, 1000), 0);
	pace_take(&p, 1000);
	assert_int_equal(pace_wait_us(&p, 1000), 50 * US_PER_MS);
	assert_int_equal(pace_wait_us(&p, 50999), 1);
	assert_int_equal(pace_wait_us(&p, 51000), 0);
}

static void what_was_not_used_is_not_made_up_for(void **state)
{
	struct pace p = {.rate = {1, US_PER_MIN}};

	pace_take(&p, 0);
	assert_int_equal(pace_wait_us(&p, 10 * US_PER_MIN), 0);
	pace_take(&p, 10 * US_PER_MIN);
	assert_int_equal(pace_wait_us(&p, 10 * US_PER_MIN), US_PER_MIN);
}

static void a_window_never_has_one_more_however_it_divides(void **state)
{
	static const int64_t counts[] = {1, 3, 7, 60, 999, 1000000, 3000000};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct pace p = {.rate = {counts[i], US_PER_S}};
		int64_t now = 0;
		int64_t n = 0;
		for (; now < US_PER_S && n <= counts[i]; n++) {
			pace_take(&p, now);
			now += pace_wait_us(&p, now);
		}
		assert_true(n <= counts[i]);
	}
}

/* ---- waiting ---- */

static bool note_wait(void *arg, const char *what, utime until, int64_t us)
{
	int64_t *waited = arg;

	(void)what, (void)until;
	*waited += us;
	return false; /* a stop */
}

static void a_stop_is_heard_while_it_waits(void **state)
{
	int64_t waited = 0;
	const struct patience patience = {.arg = &waited, .wait = note_wait};
	struct pace p = {.rate = {1, US_PER_HOUR}};
	struct err err = ERR_INIT;

	assert_int_equal(pace_page(&p, &patience, &err), 0);
	assert_int_equal(waited, 0);
	assert_int_equal(pace_page(&p, &patience, &err), ERR_TEMP);
	assert_true(waited > US_PER_MIN && waited <= US_PER_HOUR);
	assert_string_equal(err.text, "stopped while waiting for the next page (source.rate)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rate_nothing_waits),
		cmocka_unit_test(the_first_waits_for_nobody_and_the_others_are_apart),
		cmocka_unit_test(what_was_not_used_is_not_made_up_for),
		cmocka_unit_test(a_window_never_has_one_more_however_it_divides),
		cmocka_unit_test(a_stop_is_heard_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
