/* SPDX-License-Identifier: Apache-2.0 */
/* The marker table, made and read back; on SQLite, as the system tests do it on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/mem.h"
#include "target/marks.h"

#define LEDGER "0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffff"

struct desk {
	char path[64];
	char url[80];
};

static void execute(const struct desk *desk, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(desk->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int set_up(void **state)
{
	struct desk *desk = xnew(struct desk);

	(void)snprintf(desk->path, sizeof(desk->path), "/tmp/test_marks.XXXXXX"); /* it fits */
	int fd = mkstemp(desk->path);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(desk->url, sizeof(desk->url), "sqlite:%s", desk->path); /* it fits */
	execute(desk, "CREATE TABLE theirs(a)");
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(unlink(desk->path), 0);
	free(desk);
	return 0;
}

struct told {
	size_t n;
	int64_t chunks[4];
	char done[4][32];
};

static void tell(void *arg, int64_t chunk, const char *done, uint32_t n)
{
	struct told *told = arg;

	assert_true(told->n < 4 && n < sizeof(told->done[0]));
	told->chunks[told->n] = chunk;
	memcpy(told->done[told->n++], done, n);
}

static void the_table_is_made_once_and_is_there(void **state)
{
	const struct desk *desk = *state;
	AUTO(marks) struct marks *marks = NULL;
	struct err err = ERR_INIT;
	bool exist = true;

	assert_int_equal(marks_open(desk->url, &marks, &err), 0);
	assert_int_equal(marks_exist(marks, &exist, &err), 0);
	assert_false(exist);
	assert_non_null(strstr(marks_ddl(marks), "stint_mark"));
	assert_int_equal(marks_make(marks, &err), 0);
	assert_int_equal(marks_exist(marks, &exist, &err), 0);
	assert_true(exist);
	assert_int_equal(marks_make(marks, &err), 0);
}

static void chunks_of_the_run_come_in_order(void **state)
{
	const struct desk *desk = *state;
	AUTO(marks) struct marks *marks = NULL;
	struct err err = ERR_INIT;
	struct told told = {0};

	assert_int_equal(marks_open(desk->url, &marks, &err), 0);
	assert_int_equal(marks_make(marks, &err), 0);
	execute(desk, "INSERT INTO stint_mark(ledger, run, chunk, done, void) VALUES"
		      " ('" LEDGER "', 7, 12, x'05', ''), ('" LEDGER "', 7, 3, x'ff01', ''),"
		      " ('" LEDGER "', 7, -1, x'01', '')," /* that of an end */
		      " ('" LEDGER "', 8, 4, x'01', ''), ('" OTHER "', 7, 5, x'01', '')");
	assert_int_equal(marks_read(marks, LEDGER, 7, tell, &told, &err), 0);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.chunks[0], 3);
	assert_string_equal(told.done[0], "1111111100000001");
	assert_int_equal(told.chunks[1], 12);
	assert_string_equal(told.done[1], "00000101");
}

static void what_is_not_there_is_said(void **state)
{
	const struct desk *desk = *state;
	AUTO(marks) struct marks *marks = NULL;
	struct err err = ERR_INIT;
	struct told told = {0};

	assert_int_equal(marks_open("env:STINT_NO_SUCH_TARGET", &marks, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "env:STINT_NO_SUCH_TARGET"));
	assert_int_equal(marks_open("sqlite:/no/such/file", &marks, &err), ERR_NOINPUT);
	assert_non_null(strstr(err.text, "/no/such/file"));
	assert_null(marks);
	assert_int_equal(marks_open(desk->url, &marks, &err), 0);
	assert_int_equal(marks_read(marks, LEDGER, 7, tell, &told, &err), ERR_IO);
	assert_non_null(strstr(err.text, "stint_mark"));
	assert_int_equal(told.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_table_is_made_once_and_is_there, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(chunks_of_the_run_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_said, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
