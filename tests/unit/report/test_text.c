/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "report/report.h"

/* 2026-11-23 15:30:00 UTC */
#define BEGAN (INT64_C(1795447800) * US_PER_S)

static const struct ledger_stats none;

static void fill(struct report *r)
{
	*r = (struct report){
		.run = {.id = 7,
			.name = "mails@2026-11-23",
			.job = "mails",
			.slot = "2026-11-23",
			.date = "2026-11-22",
			.params = "{}",
			.n = 1,
			.state = "done_with_failures",
			.reason = "",
			.is_over = true,
			.started_at = BEGAN,
			.ended_at = BEGAN + 100 * US_PER_S,
			.n_items = 1500,
			.n_read = 1510,
			.n_rejected = 7,
			.n_held_back = 3,
			.job_path = "/srv/mails.yaml",
			.source_path = "",
			.counts = {.done = 1480, .dead = 15, .in_doubt = 5}},
		.now = BEGAN + 200 * US_PER_S,
		.stats = &none,
	};
}

static void the_page_has_the_sums(void **state)
{
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	report_put_text(&r, &b);
	assert_non_null(strstr(buf_str(&b), "mails@2026-11-23: done with failures\n"));
	assert_non_null(strstr(buf_str(&b), "business date 2026-11-22, began 2026-11-23 15:30:00, "
					    "ended 2026-11-23 15:31:40, took 1 min 40 s, "
					    "15.0 items/s\n"));
	assert_non_null(strstr(buf_str(&b), "read 1,510 = loaded 1,500 + filtered 0 + rejected 7 + "
					    "held back 3\n"));
	assert_non_null(strstr(buf_str(&b), "loaded 1,500 = done 1,480 + skipped 0 + retry 0 + "
					    "in doubt 5 + dead 15 + running 0 + waiting 0\n"));
}

static void sums_are_checked(void **state)
{
	struct report r;
	AUTO(buf) struct buf why = BUF_INIT(1000);

	fill(&r);
	assert_true(report_balances(&r, &why));
	assert_string_equal(buf_str(&why), "");
	r.run.n_read++;
	assert_false(report_balances(&r, &why));
	assert_non_null(strstr(buf_str(&why), "read 1511, accounted for 1510"));
	fill(&r);
	r.run.counts.waiting = 1;
	assert_false(report_balances(&r, NULL));
}

static void attempts_are_checked_too(void **state)
{
	struct ledger_failure_row failure = {
		.endpoint = "exec of mails", .err_class = "exit-1", .sample = "no", .n = 3};
	struct histogram total = {0};
	struct ledger_latency_row row = {
		.endpoint = "exec of mails", .phase = "total", .histogram = &total};
	struct ledger_stats stats = {.effort = {.done = 1480, .failed = 3},
				     .latency = &row,
				     .n_latency = 1,
				     .failures = &failure,
				     .n_failures = 1};
	struct report r;
	AUTO(buf) struct buf why = BUF_INIT(1000);

	fill(&r);
	r.stats = &stats;
	histogram_add_n(&total, 1000, 1483);
	assert_true(report_balances(&r, &why));
	failure.n = 4;
	assert_false(report_balances(&r, &why));
	assert_non_null(strstr(buf_str(&why), "3 failed, 4 by class"));
	failure.n = 2; /* an older version counted none by class */
	histogram_add(&total, 1000);
	assert_false(report_balances(&r, NULL));
}

static void durations_and_classes_are_tables(void **state)
{
	struct ledger_failure_row failure = {.endpoint = "exec of mails",
					     .err_class = "exit-1",
					     .sample = "no\nuser",
					     .n = 3,
					     .took_us = 5000};
	struct histogram total = {0};
	struct ledger_latency_row row = {
		.endpoint = "exec of mails", .phase = "total", .histogram = &total};
	struct ledger_stats stats = {.effort = {.done = 10, .failed = 5, .failed_us = 7000},
				     .latency = &row,
				     .n_latency = 1,
				     .failures = &failure,
				     .n_failures = 1};
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	r.stats = &stats;
	histogram_add_n(&total, 2000, 14);
	report_put_text(&r, &b);
	assert_non_null(strstr(buf_str(&b), "  exec of mails\n    total                     14     "
					    "2.00 ms        0 us     2.00 ms     2.00 ms     "
					    "2.00 ms     2.00 ms\n"));
	assert_non_null(strstr(buf_str(&b), "and 1 attempt whose duration is not known"));
	assert_non_null(strstr(buf_str(&b), "  exit-1                       3     5.00 ms  no"));
	assert_null(strstr(buf_str(&b), "no\nuser"));
	assert_non_null(strstr(buf_str(&b), "  of other classes             2     2.00 ms  "));
}

static void a_run_that_goes_on_is_timed_until_now(void **state)
{
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	r.run.ended_at = 0;
	r.run.is_over = false;
	r.run.n_joined = 1;
	report_put_text(&r, &b);
	assert_int_equal(report_elapsed_us(&r), 200 * US_PER_S);
	assert_non_null(strstr(buf_str(&b), "is at it for 3 min 20 s"));
	assert_non_null(strstr(buf_str(&b), "stint stop mails@2026-11-23"));
}

static void bars_show_what_failed(void **state)
{
	struct report_bucket buckets[] = {
		{.label = "0 to 99", .n = 100, .done = 50, .failed = 50, .took_us = -1},
		{.label = "100 to 149", .n = 50, .done = 50, .took_us = -1},
	};
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	r.by = REPORT_BY_POSITION;
	r.buckets = buckets;
	r.n_buckets = ARRAY_LEN(buckets);
	report_put_text(&r, &b);
	assert_non_null(strstr(buf_str(&b), "############!!!!!!!!!!!!\n"));
	assert_non_null(strstr(buf_str(&b), "  ############\n"));
	assert_null(strstr(buf_str(&b), "Next"));
}

static void outside_text_is_made_printable(void **state)
{
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	r.n_errors = 1;
	r.errors[0] = (struct report_error){.fingerprint = "0123abcd",
					    .err_class = "exit-65",
					    .sample = "\033[31mred\nline",
					    .n = 1,
					    .n_dead = 1,
					    .n_examples = 1,
					    .examples = {{.number = 3, .key = "a\007b"}}};
	report_put_text(&r, &b);
	assert_null(strchr(buf_str(&b), '\033'));
	assert_null(strchr(buf_str(&b), '\007'));
	assert_non_null(strstr(buf_str(&b), "dead 1  exit-65  [0123abcd]\n"));
}

static void masked_keys_come_with_a_name_that_works(void **state)
{
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);

	fill(&r);
	r.mask.key = true;
	r.n_slow = 1;
	r.slow[0] = (struct report_slow){.number = 3,
					 .key = "a***-1234",
					 .attempt = 1,
					 .took_us = US_PER_S,
					 .outcome = "done"};
	report_put_text(&r, &b);
	assert_non_null(strstr(buf_str(&b), "7:3 (a***-1234), attempt 1: done"));
}

static void json_is_whole_and_has_everything(void **state)
{
	struct report r;
	AUTO(buf) struct buf b = BUF_INIT(65536);
	AUTO(json_doc) struct json_doc *doc = NULL;
	const struct json *root = NULL;
	struct json_writer w;
	struct err err = ERR_INIT;

	fill(&r);
	jw_init(&w, &b);
	jw_object(&w);
	report_put_json(&r, &w);
	jw_object_end(&w);
	jw_done(&w);
	assert_int_equal(json_parse(buf_str(&b), b.len, 1 << 20, &doc, &root, &err), 0);
	assert_memory_equal(json_pointer(root, "/counts/done")->text, "1480", 4);
	assert_memory_equal(json_pointer(root, "/items_per_second")->text, "15.000", 6);
	assert_int_equal(json_pointer(root, "/balances")->type, JSON_TRUE);
	assert_string_equal(json_pointer(root, "/ended_at")->text, "2026-11-23T15:31:40.000Z");
	assert_int_equal(json_pointer(root, "/next")->type, JSON_ARRAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_has_the_sums),
		cmocka_unit_test(sums_are_checked),
		cmocka_unit_test(attempts_are_checked_too),
		cmocka_unit_test(durations_and_classes_are_tables),
		cmocka_unit_test(a_run_that_goes_on_is_timed_until_now),
		cmocka_unit_test(bars_show_what_failed),
		cmocka_unit_test(outside_text_is_made_printable),
		cmocka_unit_test(masked_keys_come_with_a_name_that_works),
		cmocka_unit_test(json_is_whole_and_has_everything),
	};

	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
