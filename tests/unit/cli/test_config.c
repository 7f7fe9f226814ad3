/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "cli/config.h"
#include "engine/session.h"

static int read_text(struct config *config, const char *text, struct err *err)
{
	return config_read(config, "/etc/stint/stint.yaml", text, strlen(text), err);
}

static void ledger_and_directories_are_taken(void **state)
{
	AUTO(config) struct config config = {0};
	struct err err = ERR_INIT;

	assert_int_equal(read_text(&config,
				   "ledger: sqlite:/srv/ledger.db\n"
				   "job_directories: [/srv/jobs, jobs.d]\n"
				   "x-mine: {a: 1}\n",
				   &err),
			 0);
	assert_string_equal(config.ledger, "/srv/ledger.db");
	assert_string_equal(config.ledger_file, "/etc/stint/stint.yaml");
	assert_int_equal(config.n_job_directories, 2);
	assert_string_equal(config.job_directories[0], "/srv/jobs");
	assert_string_equal(config.job_directories[1], "/etc/stint/jobs.d");
}

static void a_relative_ledger_lies_beside_the_file(void **state)
{
	static const char *const texts[] = {"ledger: sqlite:l.db\n", "ledger: l.db\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(config) struct config config = {0};
		struct err err = ERR_INIT;
		assert_int_equal(read_text(&config, texts[i], &err), 0);
		assert_string_equal(config.ledger, "/etc/stint/l.db");
	}
}

static void other_urls_stay_as_they_are(void **state)
{
	static const char *const urls[] = {"env:LEDGER", "postgres://db/stint"};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		AUTO(config) struct config config = {0};
		struct err err = ERR_INIT;
		char text[64] = "ledger: ";
		memcpy(text + 8, urls[i], strlen(urls[i]) + 1);
		assert_int_equal(read_text(&config, text, &err), 0);
		assert_string_equal(config.ledger, urls[i]);
	}
}

static void a_later_file_goes_before_an_earlier_one(void **state)
{
	AUTO(config) struct config config = {0};
	struct err err = ERR_INIT;

	assert_int_equal(read_text(&config, "ledger: /a.db\n", &err), 0);
	assert_int_equal(config_read(&config, "/home/me/stint.yaml", "ledger: /b.db\n", 14, &err),
			 0);
	assert_string_equal(config.ledger, "/b.db");
	assert_string_equal(config.ledger_file, "/home/me/stint.yaml");
}

static void a_pool_is_as_large_as_the_later_file_says(void **state)
{
	AUTO(config) struct config config = {0};
	struct err err = ERR_INIT;

	assert_int_equal(read_text(&config, "pools: {warehouse: 2, mail: 7}\n", &err), 0);
	assert_int_equal(config.n_pools, 2);
	assert_int_equal(read_text(&config, "pools: {tapes: 1, warehouse: 3}\n", &err), 0);
	assert_int_equal(config.n_pools, 3);
	assert_string_equal(config.pools[0].name, "warehouse");
	assert_int_equal(config.pools[0].capacity, 3);
	assert_string_equal(config.pools[1].name, "mail");
	assert_int_equal(config.pools[1].capacity, 7);
	assert_string_equal(config.pools[2].name, "tapes");
	assert_int_equal(config.pools[2].capacity, 1);
}

static void faults_name_the_place_and_what_was_meant(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} cases[] = {
		{"ledgr: x\n",
		 "/etc/stint/stint.yaml:1:1: unknown key 'ledgr'; did you mean 'ledger'?"},
		{"colour: x\n", "unknown key 'colour'"},
		{"ledger: [a]\n", "1:9"},
		{"job_directories: x\n", "a list"},
		{"job_directories: [[x]]\n", "is to be a text"},
		{"mail: {a: 1}\n", "not available in this version"},
		{"pools: [a]\n", "1:8: 'pools' is to be a map of names"},
		{"pools: {a: 1, b: 0}\n", "pools: b: expected a whole number from 1"},
		{"pools: {a: -1}\n", "pools: a: expected a whole number from 1"},
		{"pools:\n  a: many\n", "2:6: pools: a: expected a whole number from 1"},
		{"pools: {a: 1.5}\n", "pools: a: expected a whole number from 1"},
		{"pools: {a: [1]}\n", "pools: a: expected a whole number from 1"},
		{"pools: {a: 99999999999999999999}\n", "pools: a: expected a whole number from 1"},
		{"- a\n", "a map of keys"},
		{"ledger: a\nledger: b\n", "2:1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(config) struct config config = {0};
		struct err err = ERR_INIT;
		assert_int_equal(read_text(&config, cases[i].text, &err), ERR_CONFIG);
		if (strstr(err.text, cases[i].said) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledger_and_directories_are_taken),
		cmocka_unit_test(a_relative_ledger_lies_beside_the_file),
		cmocka_unit_test(other_urls_stay_as_they_are),
		cmocka_unit_test(a_later_file_goes_before_an_earlier_one),
		cmocka_unit_test(a_pool_is_as_large_as_the_later_file_says),
		cmocka_unit_test(faults_name_the_place_and_what_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
