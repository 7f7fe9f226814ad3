/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power failures (row 22 of docs/faults.md): what was acknowledged is there afterwards, wherever
 * the failure came, whatever of the unsynced writes it left.
 *
 * A ledger lives once, under the crash VFS; then the power fails at every sync of that life and at
 * random points in between, and each time the ledger that is left is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/mem.h"
#include "contract/bench.h"
#include "contract/crash_vfs.h"
#include "contract/suites.h"
#include "sys/random.h"

enum { CUTS_BETWEEN = 60, ACKNOWLEDGED_MAX = 1000 };

/* How the ledger looked after each acknowledged transaction. */
static char *looks[ACKNOWLEDGED_MAX];
static size_t n_looks;

static void acknowledged(struct bench *b)
{
	assert_true(n_looks < ACKNOWLEDGED_MAX);
	crash_vfs_acknowledge();
	looks[n_looks++] = ledger_dump(b->ledger);
}

static void move_log(struct bench *b, int mode)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(b->url + strlen("sqlite:"), &db), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, mode, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Everything that a ledger lives through: runs, and the log moved into the database in each way. */
static void live(struct bench *b)
{
	static const int modes[] = {SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_RESTART,
				    SQLITE_CHECKPOINT_TRUNCATE};
	struct held held;

	for (int i = 0; i < 4; i++) {
		char due[32];
		(void)snprintf(due, sizeof(due), "2026-11-23/%d", i);
		int64_t run = run_ready(b, b->a, &(struct plan){.due = due, .n_chunks = 4, .n = 8});
		while (chunk_claim(b, b->a, run, &held)) {
			chunk_start(b, b->a, &held, 0, 5);
			chunk_done(b, b->a, &held, 0, 3);
			chunk_start(b, b->a, &held, 5, held.n);
			chunk_done(b, b->a, &held, 3, held.n);
			if (held.first_item / held.n % 4 == 1)
				move_log(b, modes[i % 3]);
		}
		assert_true(finish(b, b->a, run));
	}
}

enum verdict { VERDICT_WHOLE, VERDICT_LOST, VERDICT_DAMAGED };

static void finding(void *arg, const char *invariant, const char *where, const char *what)
{
	(void)arg, (void)invariant, (void)where, (void)what;
}

/* A transaction under way may be there or not: it was not acknowledged. */
static enum verdict compare(const char *now, size_t n_acknowledged)
{
	if (n_acknowledged == 0)
		return VERDICT_WHOLE;
	for (size_t i = n_acknowledged - 1; i <= n_acknowledged && i < n_looks; i++)
		if (strcmp(now, looks[i]) == 0)
			return VERDICT_WHOLE;
	return VERDICT_LOST;
}

static enum verdict judge(const char *path, size_t n_acknowledged)
{
	unsigned create = n_acknowledged == 0 ? LEDGER_CREATE : 0;
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	int64_t findings = 0;

	if (ledger_open(path, create | LEDGER_VOLATILE, &ledger, &err) < 0) {
		print_message("%s\n", err.text);
		return VERDICT_DAMAGED;
	}
	enum verdict verdict = VERDICT_DAMAGED;
	if (ledger_verify(ledger, finding, NULL, &findings, &err) == 0 && findings == 0) {
		char *now = ledger_dump(ledger);
		verdict = compare(now, n_acknowledged);
		free(now);
	}
	ledger_close(ledger);
	return verdict;
}

static enum verdict cut(struct bench *b, size_t at, uint64_t seed, enum crash_disk disk)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/left.db", b->directory);
	crash_vfs_image(at, seed, disk, path);
	return judge(path, crash_vfs_acknowledged(at));
}

static void cut_and_be_whole(struct bench *b, size_t at, uint64_t seed)
{
	enum verdict verdict = cut(b, at, seed, DISK_HONEST);

	if (verdict != VERDICT_WHOLE)
		fail_msg("seed %llu: power failed after %zu of %zu events: the ledger %s",
			 (unsigned long long)seed, at, crash_vfs_events(),
			 verdict == VERDICT_LOST ? "lost what it had acknowledged" : "is damaged");
}

static uint64_t seed_new(void)
{
	const char *given = getenv("STINT_SEED");
	uint64_t seed = 0;

	if (given != NULL)
		return strtoull(given, NULL, 10);
	random_bytes(&seed, sizeof(seed));
	return seed;
}

static int life_setup(void **state)
{
	crash_vfs_start();
	int rc = bench_setup(state);
	struct bench *b = *state;
	b->acknowledged = acknowledged;
	acknowledged(b);
	live(b);
	b->acknowledged = NULL;
	crash_vfs_stop();
	return rc;
}

static int life_teardown(void **state)
{
	int rc = bench_teardown(state);

	while (n_looks > 0)
		free(looks[--n_looks]);
	crash_vfs_done();
	return rc;
}

static void what_was_acknowledged_survives_a_power_failure_anywhere(void **state)
{
	struct bench *b = *state;
	uint64_t seed = seed_new();
	size_t n = crash_vfs_events();
	size_t n_cuts = 0;

	print_message("STINT_SEED=%llu repeats this\n", (unsigned long long)seed);
	for (size_t at = 0; at < n; at++) {
		if (!crash_vfs_is_sync(at))
			continue;
		cut_and_be_whole(b, at, seed + at);
		cut_and_be_whole(b, at + 1, seed + at);
		n_cuts += 2;
	}
	for (size_t i = 0; i < CUTS_BETWEEN; i++, n_cuts++)
		cut_and_be_whole(b, (size_t)((seed >> 8) + i * 7919) % n, seed + i);
	print_message("%zu events, %zu transactions acknowledged, %zu cuts\n", n, n_looks, n_cuts);
}

/* That the test can fail: a disk that says synced and has not. */
static void a_disk_that_lies_about_its_syncs_loses_what_was_acknowledged(void **state)
{
	struct bench *b = *state;
	size_t n = crash_vfs_events();
	int n_lost = 0;

	for (size_t i = 1; i <= 40; i++)
		n_lost += cut(b, n * i / 40, i, DISK_LIES_ABOUT_LOG) == VERDICT_LOST;
	print_message("lost after %d of 40 cuts\n", n_lost);
	assert_true(n_lost > 5);
}

static const struct CMUnitTest cases[] = {
	cmocka_unit_test(what_was_acknowledged_survives_a_power_failure_anywhere),
	cmocka_unit_test(a_disk_that_lies_about_its_syncs_loses_what_was_acknowledged),
};

int main(void)
{
	bench_backend = "sqlite";
	return cmocka_run_group_tests_name("power", cases, life_setup, life_teardown);
}
