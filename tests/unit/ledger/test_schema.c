/* SPDX-License-Identifier: Apache-2.0 */
/* How versions follow each other, with steps made up for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/sqlite/sqlite.h"

static const char *const first[] = {
	"CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT",
	"CREATE TABLE schema_version(version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL,"
	" program TEXT NOT NULL) STRICT",
	"CREATE TABLE thing(a INTEGER) STRICT",
	"INSERT INTO thing(a) VALUES (1), (2)",
	NULL,
};
static const char *const second[] = {
	"ALTER TABLE thing ADD COLUMN b INTEGER NOT NULL DEFAULT 7",
	NULL,
};
static const char *const third[] = {
	"UPDATE thing SET b = a * 10",
	"CREATE INDEX thing_b ON thing(b)",
	NULL,
};
static const char *const wrong[] = {
	"UPDATE thing SET b = 0",
	"this is not SQL",
	NULL,
};
static const char *const old_views[] = {"CREATE VIEW v AS SELECT a FROM thing", NULL};
static const char *const new_views[] = {"CREATE VIEW v AS SELECT a, b FROM thing WHERE"
					" @loose_state(b) IS NULL",
					"CREATE VIEW w AS SELECT b FROM thing", NULL};

static const struct sq_step steps[] = {{1, first}, {2, second}, {3, third}};
static const struct sq_step bad_steps[] = {{1, first}, {2, second}, {3, wrong}};

static const struct sq_schema version_1 = {steps, 1, old_views, NULL};
static const struct sq_schema version_3 = {steps, 3, new_views, NULL};
static const struct sq_schema broken = {bad_steps, 3, new_views, NULL};

static struct sq *sq_new(void)
{
	static char path[] = "(in memory)";
	struct sq *q = calloc(1, sizeof(*q));

	assert_non_null(q);
	q->magic = SQ_MAGIC;
	q->path = path;
	assert_int_equal(sqlite3_open(":memory:", &q->db), SQLITE_OK);
	return q;
}

static void sq_delete(struct sq *q)
{
	sq_cache_done(q);
	assert_int_equal(sqlite3_close(q->db), SQLITE_OK);
	free(q);
}

static int64_t ask(struct sq *q, const char *sql)
{
	sqlite3_stmt *st = NULL;

	assert_int_equal(sqlite3_prepare_v2(q->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(st, 0);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	return number;
}

static void upgrade(struct sq *q, const struct sq_schema *schema)
{
	struct err err = ERR_INIT;

	if (sq_schema_upgrade(q, schema, &err) < 0)
		fail_msg("%s", err.text);
}

static void a_new_ledger_has_every_step_behind_it(void **state)
{
	struct sq *q = sq_new();

	upgrade(q, &version_3);
	assert_int_equal(ask(q, "SELECT count(*) FROM schema_version"), 3);
	assert_int_equal(ask(q, "SELECT sum(b) FROM thing"), 30);
	assert_int_equal(ask(q, "SELECT count(*) FROM meta WHERE name = 'ledger_uuid'"), 1);
	assert_int_equal(ask(q, "SELECT count(*) FROM v"), 2);
	sq_delete(q);
}

static void an_older_ledger_gets_the_steps_that_it_lacks(void **state)
{
	struct sq *q = sq_new();

	upgrade(q, &version_1);
	assert_int_equal(ask(q, "SELECT max(version) FROM schema_version"), 1);
	(void)ask(q, "INSERT INTO thing(a) VALUES (5) RETURNING a");
	(void)ask(q, "UPDATE meta SET value = 'mine' WHERE name = 'ledger_uuid' RETURNING 1");
	upgrade(q, &version_3);
	assert_int_equal(ask(q, "SELECT max(version) FROM schema_version"), 3);
	assert_int_equal(ask(q, "SELECT sum(b) FROM thing"), 80);
	assert_int_equal(ask(q, "SELECT count(*) FROM v WHERE b = 50"), 1); /* views are new */
	assert_int_equal(ask(q, "SELECT count(*) FROM w"), 3);
	/* it is the same ledger */
	assert_int_equal(ask(q, "SELECT count(*) FROM meta WHERE value = 'mine'"), 1);
	sq_delete(q);
}

static void who_comes_second_finds_it_done(void **state)
{
	struct sq *q = sq_new();

	upgrade(q, &version_3);
	(void)ask(q, "UPDATE thing SET b = 1 RETURNING 1");
	upgrade(q, &version_3);
	upgrade(q, &version_1); /* an older program never takes anything back */
	assert_int_equal(ask(q, "SELECT sum(b) FROM thing"), 2);
	assert_int_equal(ask(q, "SELECT count(*) FROM schema_version"), 3);
	sq_delete(q);
}

static void a_step_that_fails_leaves_all_as_it_was(void **state)
{
	struct sq *q = sq_new();
	struct err err = ERR_INIT;

	upgrade(q, &version_1);
	assert_true(sq_schema_upgrade(q, &broken, &err) < 0);
	assert_non_null(strstr(err.text, "syntax error"));
	assert_int_equal(ask(q, "SELECT max(version) FROM schema_version"), 1);
	assert_int_equal(ask(q, "SELECT count(*) FROM pragma_table_info('thing')"), 1);
	assert_int_equal(ask(q, "SELECT count(*) FROM v"), 2);
	upgrade(q, &version_3);
	assert_int_equal(ask(q, "SELECT max(version) FROM schema_version"), 3);
	sq_delete(q);
}

/* All that the schema consists of, but for white space. */
static char *schema_text(struct sq *q)
{
	static const char sql[] =
		"SELECT group_concat(t, char(10)) FROM (SELECT type || ' ' || name || ' ' ||"
		" tbl_name || ' ' || coalesce(replace(replace(sql, ' ', ''), char(9), ''), '') AS t"
		" FROM sqlite_schema ORDER BY type, name)";
	sqlite3_stmt *st = NULL;

	assert_int_equal(sqlite3_prepare_v2(q->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	char *text = strdup((const char *)sqlite3_column_text(st, 0));
	assert_non_null(text);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	return text;
}

static void a_new_ledger_is_what_all_steps_come_to(void **state)
{
	struct sq_schema stepwise = sq_schema;
	struct sq *one = sq_new();
	struct sq *other = sq_new();

	stepwise.whole = NULL;
	assert_int_equal(sq_functions_add(one->db), SQLITE_OK);
	assert_int_equal(sq_functions_add(other->db), SQLITE_OK);
	upgrade(one, &stepwise);
	upgrade(other, &sq_schema);
	char *steps_text = schema_text(one);
	char *whole_text = schema_text(other);
	assert_string_equal(whole_text, steps_text);
	static const char versions[] = "SELECT sum(version * 10 + 1) FROM schema_version";
	assert_int_equal(ask(other, versions), ask(one, versions));
	static const char numbers[] = "SELECT sum(i * 10 + 1) FROM number";
	assert_int_equal(ask(other, numbers), ask(one, numbers));
	free(steps_text);
	free(whole_text);
	sq_delete(one);
	sq_delete(other);
}

static void bitmaps_are_added_and_counted(void **state)
{
	struct sq *q = sq_new();

	assert_int_equal(sq_functions_add(q->db), SQLITE_OK);
	assert_int_equal(ask(q, "SELECT stint_or(x'8001', x'4001') = x'c001'"), 1);
	assert_int_equal(ask(q, "SELECT stint_or(x'8001', x'') = x'8001'"), 1);
	assert_int_equal(ask(q, "SELECT stint_or(x'8001', NULL) = x'8001'"), 1);
	assert_int_equal(ask(q, "SELECT stint_popcount(x'ff01')"), 9);
	assert_int_equal(ask(q, "SELECT stint_popcount(NULL)"), 0);
	assert_int_equal(ask(q, "SELECT stint_running(x'f0', x'90')"), 2);
	assert_int_equal(ask(q, "SELECT stint_full(10) = x'ffc0'"), 1);
	assert_int_equal(ask(q, "SELECT length(stint_full(4096))"), 512);
	assert_int_equal(sqlite3_exec(q->db, "SELECT stint_or(x'80', x'4001')", NULL, NULL, NULL),
			 SQLITE_ERROR);
	assert_int_equal(sqlite3_exec(q->db, "SELECT stint_full(4097)", NULL, NULL, NULL),
			 SQLITE_ERROR);
	sq_delete(q);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_ledger_has_every_step_behind_it),
		cmocka_unit_test(an_older_ledger_gets_the_steps_that_it_lacks),
		cmocka_unit_test(who_comes_second_finds_it_done),
		cmocka_unit_test(a_step_that_fails_leaves_all_as_it_was),
		cmocka_unit_test(a_new_ledger_is_what_all_steps_come_to),
		cmocka_unit_test(bitmaps_are_added_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
