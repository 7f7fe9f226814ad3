/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noop_bare COUNT DATABASE: the least that a program does which keeps a row for each item: COUNT
 * rows in a new SQLite database, then one UPDATE for each, by its id, in order, in transactions of
 * 1,000 (WAL, synchronous = FULL). It reads no file of items and does no work. Only the updates are
 * measured, each of which changes its row. Prints how many a second.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sqlite3.h>

enum { IN_TRANSACTION = 1000 };

static double seconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(sqlite3 *db, int is_good)
{
	if (is_good)
		return;
	fprintf(stderr, "noop_bare: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
	must(db, sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void make_items(sqlite3 *db, int64_t count)
{
	char sql[256];

	run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"CREATE TABLE item(id INTEGER PRIMARY KEY, state INTEGER NOT NULL,"
		" updated INTEGER NOT NULL)");
	(void)snprintf(sql, sizeof sql,
		       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		       " WHERE i < %" PRId64 ") INSERT INTO item SELECT i, 0, 1700000000000 FROM n",
		       count);
	run(db, sql);
	run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void update_items(sqlite3 *db, int64_t count)
{
	sqlite3_stmt *update = NULL;

	must(db, sqlite3_prepare_v2(db,
				    "UPDATE item SET state = 1, updated = 1800000000000 + ?1"
				    " WHERE id = ?1",
				    -1, &update, NULL) == SQLITE_OK);
	for (int64_t i = 1; i <= count; i++) {
		if (i % IN_TRANSACTION == 1)
			run(db, "BEGIN IMMEDIATE");
		must(db, sqlite3_bind_int64(update, 1, i) == SQLITE_OK);
		must(db, sqlite3_step(update) == SQLITE_DONE && sqlite3_changes(db) == 1);
		must(db, sqlite3_reset(update) == SQLITE_OK);
		if (i % IN_TRANSACTION == 0 || i == count)
			run(db, "COMMIT");
	}
	must(db, sqlite3_finalize(update) == SQLITE_OK);
}

int main(int argc, char **argv)
{
	sqlite3 *db = NULL;
	int64_t count = argc == 3 ? strtoll(argv[1], NULL, 10) : 0;

	if (count <= 0) {
		fprintf(stderr, "usage: noop_bare COUNT DATABASE\n");
		return 64;
	}
	(void)remove(argv[2]);
	must(db, sqlite3_open(argv[2], &db) == SQLITE_OK);
	make_items(db, count);
	double a = seconds();
	update_items(db, count);
	double b = seconds();
	must(db, sqlite3_close(db) == SQLITE_OK);
	printf("%.1f\n", (double)count / (b - a));
	return 0;
}
