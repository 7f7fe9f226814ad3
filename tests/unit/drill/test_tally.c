/* SPDX-License-Identifier: Apache-2.0 */
/* What a drill counts, and that it would notice a broken promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "drill/play.h"
#include "drill/standin.h"
#include "drill/tally.h"
#include "ledger/ledger.h"
#include "sys/file.h"

static char stage[] = "/tmp/stint-tally-XXXXXX";

/* A stage with an empty ledger. */
static int set_up(void **state)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	char url[128];

	if (mkdtemp(stage) == NULL)
		return -1;
	play_ledger_url(stage, url, sizeof(url));
	int rc = ledger_open(url, LEDGER_CREATE | LEDGER_VOLATILE, &ledger, &err);
	ledger_close(ledger);
	return rc;
}

static int tear_down(void **state)
{
	static const char *const names[] = {STANDIN_EFFECTS, "ledger.db", "ledger.db-wal",
					    "ledger.db-shm", "ledger.db.lock"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", stage, names[i]);
		(void)unlink(path); /* not each is there */
	}
	(void)rmdir(stage);
	return 0;
}

static struct tally taken(const char *effects, bool is_once, int64_t items)
{
	struct tally t = {0};
	struct err err = ERR_INIT;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	if (file_write_atomic(path, effects, strlen(effects), 0600, &err) < 0)
		fail_msg("%s", err.text);
	const struct tally_step calm = {.has_begun = true, .items = items};
	struct tally_wish_step step = {.is_once = is_once, .calm = items > 0 ? &calm : NULL};
	const struct tally_wish wish = {.stage = stage, .step = &step, .n_steps = 1};
	(void)snprintf(step.stage, sizeof(step.stage), "%s", stage);
	if (tally_take(&wish, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static void effects_are_counted_by_key(void **state)
{
	struct tally t = taken("KA 1 61\nKB 1 62\nKA 2 61\nKC 1 63\nKA 3 61\n", false, 0);

	assert_int_equal(t.step[0].effects, 5);
	assert_int_equal(t.step[0].touched, 3);
	assert_int_equal(t.step[0].repeated, 1);
	assert_int_equal(t.step[0].most, 3);
}

static void a_second_effect_breaks_once(void **state)
{
	struct tally t = taken("KA 1 61\nKA 2 61\n", true, 0);

	assert_true(t.is_broken);
	assert_non_null(strstr(t.broken, "more than once"));
}

static void an_effect_of_nobody_is_noticed(void **state)
{
	struct tally t = taken("KA 1 61\n", false, 0);

	assert_true(t.is_broken);
	assert_non_null(strstr(t.broken, "more took effect"));
}

static void lost_items_are_noticed(void **state)
{
	struct tally t = taken("", false, 12);

	assert_true(t.is_broken);
	assert_non_null(strstr(t.broken, "0 items of 12"));
}

static void a_step_waits_for_all_of_the_one_before_it(void **state)
{
	const struct tally_step clean = {.has_begun = true, .items = 2, .done = 2, .skipped = 1};
	const struct tally_step doubt = {.items = 2, .done = 1, .in_doubt = 1};
	const struct tally_step rejected = {.items = 2, .done = 2, .rejected = 1};
	const struct tally_step retry = {.items = 2, .done = 1, .retry = 1};

	assert_false(tally_holds_back(&clean, JOB_GO_ON_DONE));
	assert_true(tally_holds_back(&doubt, JOB_GO_ON_DONE));
	assert_false(tally_holds_back(&doubt, JOB_GO_ON_FAILURES));
	assert_true(tally_holds_back(&rejected, JOB_GO_ON_DONE));
	assert_true(tally_holds_back(&retry, JOB_GO_ON_FAILURES));
}

static void nothing_is_nothing(void **state)
{
	assert_false(taken("", true, 0).is_broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effects_are_counted_by_key),
		cmocka_unit_test(a_second_effect_breaks_once),
		cmocka_unit_test(an_effect_of_nobody_is_noticed),
		cmocka_unit_test(lost_items_are_noticed),
		cmocka_unit_test(a_step_waits_for_all_of_the_one_before_it),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
