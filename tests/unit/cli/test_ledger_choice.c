/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/config.h"
#include "cli/ledger_choice.h"

static struct config config;
static struct ledger_wish wish;

static int setup(void **state)
{
	config = (struct config){0};
	wish = (struct ledger_wish){.config = &config, .system_path = "/nonexistent/ledger.db"};
	return setenv("XDG_STATE_HOME", "/state", 1);
}

static void expect(const char *url, const char *from)
{
	AUTO(str) char *got = NULL;
	const char *got_from = NULL;
	struct err err = ERR_INIT;

	if (ledger_choose(&wish, &got, &got_from, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(got, url);
	assert_string_equal(got_from, from);
}

static void refuse(int code, const char *said)
{
	AUTO(str) char *got = NULL;
	const char *got_from = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(ledger_choose(&wish, &got, &got_from, &err), code);
	assert_null(got);
	if (strstr(err.text, said) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, said);
}

static void the_option_goes_before_all(void **state)
{
	config.ledger = (char[]){"/c.db"};
	wish.variable = "/v.db";
	wish.option = "/o.db";
	expect("sqlite:/o.db", "--ledger");
	wish.option = NULL;
	expect("sqlite:/v.db", "STINT_LEDGER");
	wish.variable = ""; /* empty is unset */
	config.ledger_file = (char[]){"/etc/x"};
	expect("sqlite:/c.db", "the configuration file");
	config.ledger = NULL;
	expect("sqlite:/state/stint/ledger.db", "this user's");
}

static void the_systems_ledger_is_taken_where_it_exists(void **state)
{
	wish.system_path = "/dev/null";
	expect("sqlite:/dev/null", "the system's");
}

static void a_systems_ledger_that_cannot_be_read_is_an_error(void **state)
{
	char path[] = "/tmp/stint-choice-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	assert_int_equal(close(fd), 0);
	wish.system_path = path;
	if (geteuid() != 0)
		refuse(ERR_PERM, "cannot be read");
	assert_int_equal(unlink(path), 0);
}

static void without_xdg_it_is_below_the_home_directory(void **state)
{
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	assert_int_equal(setenv("HOME", "/home/me", 1), 0);
	expect("sqlite:/home/me/.local/state/stint/ledger.db", "this user's");
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
	expect("sqlite:/home/me/.local/state/stint/ledger.db", "this user's");
}

static void a_name_in_the_environment_is_looked_up_once(void **state)
{
	wish.option = "env:STINT_TEST_LEDGER";
	refuse(ERR_CONFIG, "STINT_TEST_LEDGER");
	assert_int_equal(setenv("STINT_TEST_LEDGER", "sqlite:/e.db", 1), 0);
	expect("sqlite:/e.db", "--ledger");
	assert_int_equal(setenv("STINT_TEST_LEDGER", "env:OTHER", 1), 0);
	refuse(ERR_CONFIG, "another env:NAME");
	assert_int_equal(unsetenv("STINT_TEST_LEDGER"), 0);
}

static void a_database_server_may_keep_it(void **state)
{
	wish.option = "postgres://db/stint";
	expect("postgres://db/stint", "--ledger");
	wish.option = "postgresql://u:secret@db/stint";
	expect("postgresql://u:secret@db/stint", "--ledger");
	wish.option = "postgres://u:secret@db/stint?no_such_option=1";
	refuse(ERR_CONFIG, "no_such_option");
}

static void what_is_no_ledger_is_refused(void **state)
{
	wish.option = "http://db/stint";
	refuse(ERR_CONFIG, "is no ledger");
	wish.option = "";
	refuse(ERR_CONFIG, "names no ledger");
	wish.option = "sqlite:";
	refuse(ERR_CONFIG, "names no ledger");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_option_goes_before_all, setup),
		cmocka_unit_test_setup(the_systems_ledger_is_taken_where_it_exists, setup),
		cmocka_unit_test_setup(a_systems_ledger_that_cannot_be_read_is_an_error, setup),
		cmocka_unit_test_setup(without_xdg_it_is_below_the_home_directory, setup),
		cmocka_unit_test_setup(a_name_in_the_environment_is_looked_up_once, setup),
		cmocka_unit_test_setup(a_database_server_may_keep_it, setup),
		cmocka_unit_test_setup(what_is_no_ledger_is_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
