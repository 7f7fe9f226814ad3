/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees while a run is on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "host/progress.h"

static const struct session_status RUNNING = {.run = "mail@2026-11-23",
					      .phase = "running",
					      .waits = "",
					      .loaded = 5000,
					      .done = 1234,
					      .failed = 16,
					      .retry = 3,
					      .per_second = 41.7,
					      .left_us = 90 * US_PER_S};

static void assert_shows(const struct session_status *status, int columns, bool bar,
			 const char *line)
{
	AUTO(buf) struct buf out = BUF_INIT(2048);

	progress_format(status, 0, columns, bar, &out);
	assert_string_equal(buf_str(&out), line);
}

static void a_line_says_how_far_how_fast_and_how_long(void **state)
{
	assert_shows(&RUNNING, 0, false,
		     "mail@2026-11-23  25%  1,234 of 5,000 done  16 failed  3 to retry  42/s  "
		     "1 min 30 s left");
}

static void a_line_says_how_long_attempts_take_and_how_many_fail(void **state)
{
	struct session_status s = RUNNING;

	s.p50_us = 1234;
	s.p99_us = 81000;
	s.failing = 0.034;
	assert_shows(&s, 0, false,
		     "mail@2026-11-23  25%  1,234 of 5,000 done  16 failed  3 to retry  42/s  "
		     "1 min 30 s left  p50 1.23 ms p99 81.0 ms  3% of attempts fail");
	s.failing = 0.001;
	s.p50_us = 0;
	assert_shows(&s, 0, false,
		     "mail@2026-11-23  25%  1,234 of 5,000 done  16 failed  3 to retry  42/s  "
		     "1 min 30 s left");
}

static void a_bar_is_cut_to_the_terminal(void **state)
{
	AUTO(buf) struct buf out = BUF_INIT(2048);

	progress_format(&RUNNING, 0, 60, true, &out);
	assert_non_null(out.data);
	assert_true(out.len > 60); /* the bar's cells have three bytes each */
	assert_shows(&RUNNING, 20, false, "mail@2026-11-23  25…");
}

static void it_says_what_it_waits_for(void **state)
{
	struct session_status s = RUNNING;

	s.per_second = 0;
	s.left_us = -1;
	s.retry = 0;
	s.failed = 0;
	s.waits = "the next attempt";
	s.waits_until = 10 * US_PER_S;
	assert_shows(
		&s, 0, false,
		"mail@2026-11-23  24%  1,234 of 5,000 done  waits for the next attempt in 10.0 s");
}

static void loading_has_no_percentage(void **state)
{
	struct session_status s = {.run = "mail@2026-11-23",
				   .phase = "loading",
				   .waits = "",
				   .loaded = 70000,
				   .rejected = 2,
				   .left_us = -1};

	assert_shows(&s, 0, false, "mail@2026-11-23  loading  70,000 items  2 rejected");
}

static void nothing_of_a_name_can_move_the_cursor(void **state)
{
	struct session_status s = {
		.run = "a\033[2Jb", .phase = "starting", .waits = "", .left_us = -1};

	assert_shows(&s, 0, false, "a\\x1b[2Jb  starting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_how_far_how_fast_and_how_long),
		cmocka_unit_test(a_line_says_how_long_attempts_take_and_how_many_fail),
		cmocka_unit_test(a_bar_is_cut_to_the_terminal),
		cmocka_unit_test(it_says_what_it_waits_for),
		cmocka_unit_test(loading_has_no_percentage),
		cmocka_unit_test(nothing_of_a_name_can_move_the_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
