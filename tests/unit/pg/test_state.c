/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "pg/fail.h"
#include "pg/state.h"

static void states_fall_into_the_classes_of_the_table(void **state)
{
	static const struct {
		const char *state;
		enum pg_class class;
	} rows[] = {
		{NULL, PG_LOST},	   {"", PG_LOST},
		{"08006", PG_LOST},	   {"57P01", PG_LOST},
		{"57P03", PG_LOST},	   {"25P03", PG_LOST},
		{"25006", PG_STANDBY},	   {"53300", PG_CROWDED},
		{"40001", PG_CONFLICT},	   {"40P01", PG_CONFLICT},
		{"55P03", PG_LOCKED},	   {"57014", PG_CANCELLED},
		{"53200", PG_SHORT},	   {"53100", PG_FULL},
		{"28P01", PG_LOGIN},	   {"42501", PG_DENIED},
		{"3D000", PG_NO_DATABASE}, {"42P01", PG_ABSENT},
		{"42703", PG_ABSENT},	   {"42601", PG_STATEMENT},
		{"22012", PG_DATA},	   {"54000", PG_DATA},
		{"23505", PG_CONSTRAINT},  {"58030", PG_SERVER},
		{"XX001", PG_SERVER},	   {"0A000", PG_OTHER},
		{"P0001", PG_OTHER},	   {"40002", PG_CONSTRAINT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (pg_class_of(rows[i].state) != rows[i].class)
			fail_msg("%s is %s", rows[i].state,
				 pg_class_word(pg_class_of(rows[i].state)));
	}
}

static void a_class_has_a_word_a_text_and_a_code(void **state)
{
	assert_string_equal(pg_class_word(PG_FULL), "no-space");
	assert_string_equal(pg_class_text(PG_FULL), "the server's disk is full");
	assert_int_equal(pg_class_code(PG_FULL), ERR_FULL);
	assert_int_equal(pg_class_code(PG_LOGIN), ERR_PERM);
	assert_int_equal(pg_class_code(PG_LOST), ERR_UNAVAILABLE);
}

static void assert_split(const char *words, const char *sqlstate, const char *said)
{
	char found[PG_STATE_BYTES];
	const char *at = NULL;
	size_t len = 0;

	pg_fail_split(words, found, &at, &len);
	assert_string_equal(found, sqlstate);
	assert_int_equal(len, strlen(said));
	assert_memory_equal(at, said, len);
}

static void a_refusal_is_split_into_state_and_words(void **state)
{
	assert_split("connection to server at \"h\", port 1 failed: FATAL:  28P01: password "
		     "authentication failed\nLOCATION:  auth_failed, auth.c:326\n",
		     "28P01", "password authentication failed");
	assert_split("connection refused\n", "", "connection refused\n");
	assert_split("FATAL:  short", "", "FATAL:  short");
	assert_split("", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_fall_into_the_classes_of_the_table),
		cmocka_unit_test(a_class_has_a_word_a_text_and_a_code),
		cmocka_unit_test(a_refusal_is_split_into_state_and_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
