/* SPDX-License-Identifier: Apache-2.0 */
/* What a stand-in does for an item: its effect, its mark, and refusing when its turn comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "drill/attempt.h"
#include "drill/standin.h"
#include "sys/file.h"

static char stage[sizeof("/tmp/stint-attempt-XXXXXX")];

static int set_up(void **state)
{
	(void)snprintf(stage, sizeof(stage), "/tmp/stint-attempt-XXXXXX");
	return mkdtemp(stage) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {STANDIN_EFFECTS, "begun.1", "begun.2", "begun.3"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", stage, names[i]);
		(void)unlink(path); /* not each is there */
	}
	return rmdir(stage);
}

static int attempted(enum scene_id scene, bool has_marks, const char *key)
{
	const struct attempt_role role = {
		.stage = stage, .scene = scene, .first = 2, .has_marks = has_marks};
	const struct attempt_item item = {.idempotency_key = key, .key = "a", .attempt = "1"};
	int turn = 0;

	return attempt_play(&role, &item, &turn);
}

static void assert_effects(const char *expected)
{
	AUTO(buf) struct buf text = BUF_INIT(1000);
	struct err err = ERR_INIT;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	if (file_read_all(path, 1000, &text, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_str(&text), expected);
}

static void an_effect_is_noted_each_time(void **state)
{
	assert_int_equal(attempted(SCENE_CALM, false, "KA"), ATTEMPT_DONE);
	assert_int_equal(attempted(SCENE_CALM, false, "KA"), ATTEMPT_DONE);
	assert_effects("KA 1 61\nKA 1 61\n");
}

static void what_is_marked_takes_no_effect_again(void **state)
{
	assert_int_equal(attempted(SCENE_CALM, true, "KA"), ATTEMPT_DONE);
	assert_int_equal(attempted(SCENE_CALM, true, "KB"), ATTEMPT_DONE);
	assert_int_equal(attempted(SCENE_CALM, true, "KA"), ATTEMPT_DONE);
	assert_effects("KA 1 61\nKB 1 61\n");
}

static void what_is_refused_has_no_effect(void **state)
{
	assert_int_equal(attempted(SCENE_REFUSED, false, "KA"), ATTEMPT_DONE);
	assert_int_equal(attempted(SCENE_REFUSED, false, "KB"), ATTEMPT_REFUSED);
	assert_effects("KA 1 61\n");
}

static void whoever_asks_is_told(void **state)
{
	assert_int_equal(attempt_verify(stage, "KA"), ATTEMPT_FAILED);
	assert_int_equal(attempted(SCENE_CALM, false, "KA"), ATTEMPT_DONE);
	assert_int_equal(attempt_verify(stage, "KA"), ATTEMPT_DONE);
	assert_int_equal(attempt_verify(stage, "K"), ATTEMPT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_effect_is_noted_each_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_marked_takes_no_effect_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_refused_has_no_effect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_asks_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
