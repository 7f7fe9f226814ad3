/* SPDX-License-Identifier: Apache-2.0 */
/* What is SQLite's own: opening and refusing, reading beside writing, damage, and full disks. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"
#include "contract/bench.h"
#include "contract/suites.h"
#include "sys/file.h"

enum { PATH_MAX_ = 256, NOBODY = 65534, NEWEST = 3 /* version of the tables */ };

static const char *path_of(const struct bench *b)
{
	return b->url + strlen("sqlite:");
}

/* Changes the ledger behind its back, as a person's shell could. */
static void shell(const struct bench *b, const char *sql)
{
	sqlite3 *db = NULL;
	char *error = NULL;

	assert_int_equal(sqlite3_open(path_of(b), &db), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Opening must fail so, with words that contain `words`. */
static void open_fails(const char *url, unsigned flags, int code, const char *words)
{
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(ledger_open(url, flags, &ledger, &err), code);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, words);
}

static void write_file(const char *path, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

/* ---- opening ---- */

static void what_is_no_ledger_is_refused(void **state)
{
	struct bench *b = *state;
	char path[PATH_MAX_];
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof(path), "%s/none.db", b->directory);
	open_fails(path, LEDGER_VOLATILE, ERR_LEDGER, "there is no ledger");
	open_fails(path, LEDGER_READ_ONLY, ERR_LEDGER, "there is no ledger");
	open_fails(b->directory, LEDGER_VOLATILE, ERR_LEDGER, "is no regular file");
	(void)snprintf(path, sizeof(path), "%s/text.db", b->directory);
	write_file(path, "this is not a database, but a text that is long enough to be looked"
			 " at\n");
	open_fails(path, LEDGER_VOLATILE, ERR_LEDGER, "is not a ledger");
	open_fails(path, LEDGER_VOLATILE | LEDGER_CREATE, ERR_LEDGER, "is not a ledger");
	open_fails(path, LEDGER_READ_ONLY, ERR_LEDGER, "is not a ledger");
	(void)snprintf(path, sizeof(path), "%s/empty.db", b->directory);
	write_file(path, "");
	open_fails(path, LEDGER_VOLATILE, ERR_LEDGER, "is empty");
	(void)snprintf(path, sizeof(path), "%s/other.db", b->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	open_fails(path, LEDGER_VOLATILE, ERR_LEDGER, "another program's");
	open_fails(path, LEDGER_VOLATILE | LEDGER_CREATE, ERR_LEDGER, "another program's");
}

/* Whoever makes a ledger may die after each step. */
static void a_ledger_that_was_left_half_made_is_made_whole(void **state)
{
	static const char *const steps[] = {
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
	};
	struct bench *b = *state;
	char path[PATH_MAX_];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ledger *ledger = NULL;
		struct err err = ERR_INIT;
		sqlite3 *db = NULL;
		(void)snprintf(path, sizeof(path), "%s/half-%zu.db", b->directory, i);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, steps[i], NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		open_fails(path, LEDGER_VOLATILE, ERR_LEDGER, "is empty");
		for (int again = 0; again < 2; again++) {
			if (ledger_open(path, LEDGER_VOLATILE | LEDGER_CREATE, &ledger, &err) != 0)
				fail_msg("%s", err.text);
			ledger_close(ledger);
		}
	}
}

static void urls_that_it_does_not_know_are_refused(void **state)
{
	(void)state;
	open_fails("mysql://host/db", LEDGER_CREATE, ERR_LEDGER, "sqlite:PATH");
	open_fails("sqlite:", LEDGER_CREATE, ERR_LEDGER, "names no file");
	open_fails("memory:", LEDGER_READ_ONLY, ERR_LEDGER, "memory");
}

static void names_that_sqlite_would_take_for_its_own_are_files(void **state)
{
	struct bench *b = *state;
	char was[PATH_MAX_];
	static const char *const names[] = {":memory:", "file:x?mode=memory", "file:y"};

	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_equal(chdir(b->directory), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct ledger *ledger = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(
			ledger_open(names[i], LEDGER_CREATE | LEDGER_VOLATILE, &ledger, &err), 0);
		assert_int_equal(access(names[i], F_OK), 0);
		ledger_close(ledger);
	}
	assert_int_equal(chdir(was), 0);
}

static void memory_file_systems_are_refused_unless_meant(void **state)
{
	struct bench *b = *state;

	if (!file_is_volatile(b->directory))
		skip();
	open_fails(b->url, 0, ERR_LEDGER, "--volatile");
	open_fails(b->url, LEDGER_CREATE, ERR_LEDGER, "--volatile");
}

static void a_new_ledger_is_for_its_owner_and_group(void **state)
{
	struct bench *b = *state;
	char path[PATH_MAX_];
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	struct stat st = {0};

	(void)snprintf(path, sizeof(path), "%s/a/b/ledger.db", b->directory);
	mode_t was = umask(0);
	assert_int_equal(ledger_open(path, LEDGER_CREATE | LEDGER_VOLATILE, &ledger, &err), 0);
	(void)umask(was);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	(void)snprintf(path, sizeof(path), "%s/a/b/ledger.db-wal", b->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	(void)snprintf(path, sizeof(path), "%s/a/b/ledger.db.lock", b->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	(void)snprintf(path, sizeof(path), "%s/a/b", b->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	ledger_close(ledger);
}

static void a_ledger_keeps_its_name(void **state)
{
	struct bench *b = *state;
	uint8_t first[LEDGER_UUID_BYTES];
	uint8_t second[LEDGER_UUID_BYTES];
	static const uint8_t nothing[LEDGER_UUID_BYTES];

	ledger_uuid(b->ledger, first);
	ledger_uuid(b->a->ledger, second);
	assert_memory_equal(first, second, sizeof(first));
	assert_memory_not_equal(first, nothing, sizeof(first));
	assert_string_equal(ledger_url(b->ledger), b->url);
	assert_int_equal(ledger_schema_version(b->ledger), NEWEST);
}

/* Runs `check` as nobody; root may read everything. */
static void as_nobody(const char *url, unsigned flags, int code)
{
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ledger *ledger = NULL;
		struct err err = ERR_INIT;
		int rc = setuid(NOBODY) == 0 ? ledger_open(url, flags, &ledger, &err) : 1;
		if (rc != code)
			print_message("%d: %s\n", rc, err.text);
		_exit(rc == code ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_may_not_be_read_is_a_matter_of_permission(void **state)
{
	struct bench *b = *state;

	assert_int_equal(chmod(b->directory, 0755), 0);
	assert_int_equal(chmod(path_of(b), 0600), 0);
	as_nobody(b->url, LEDGER_READ_ONLY, ERR_PERM);
	as_nobody(b->url, LEDGER_VOLATILE, ERR_PERM);
	as_nobody(b->url, LEDGER_VOLATILE | LEDGER_CREATE, ERR_PERM);
	/* what may be read may not always be written, and that is said too */
	assert_int_equal(chmod(path_of(b), 0644), 0);
	as_nobody(b->url, LEDGER_VOLATILE, ERR_PERM);
}

/* ---- versions ---- */

static void a_newer_ledger_is_refused_with_both_versions(void **state)
{
	struct bench *b = *state;

	shell(b, "INSERT INTO schema_version VALUES (99, 0, 'stint 9')");
	open_fails(b->url, LEDGER_VOLATILE, ERR_LEDGER, "version 99 and this program knows 3");
	open_fails(b->url, LEDGER_READ_ONLY, ERR_LEDGER, "version 99 and this program knows 3");
	open_fails(b->url, LEDGER_READ_ONLY | LEDGER_ANY_VERSION, ERR_LEDGER, "version 99");
	shell(b, "DELETE FROM schema_version WHERE version = 99");
}

static void a_ledger_without_a_version_is_damaged(void **state)
{
	struct bench *b = *state;

	b->is_broken_on_purpose = true;
	shell(b, "DELETE FROM schema_version");
	open_fails(b->url, LEDGER_VOLATILE | LEDGER_CREATE, ERR_LEDGER, "lost its version");
	open_fails(b->url, LEDGER_READ_ONLY, ERR_LEDGER, "lost its version");
}

static void upgrading_what_is_up_to_date_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct err err = ERR_INIT;
	int from = 0;
	int to = 0;

	assert_int_equal(ledger_upgrade(b->ledger, &from, &to, &err), 0);
	assert_int_equal(from, NEWEST);
	assert_int_equal(to, NEWEST);
}

/* ---- reading ---- */

struct answer {
	char text[1024];
	size_t rows;
};

static int take_row(void *arg, const struct ledger_row *row)
{
	struct answer *a = arg;

	a->rows++;
	for (int i = 0; i < ledger_row_columns(row); i++) {
		size_t used = strlen(a->text);
		size_t len = 0;
		const char *text = ledger_row_text(row, i, &len);
		(void)snprintf(a->text + used, sizeof(a->text) - used, "%s%s", i == 0 ? "" : "|",
			       text == NULL ? "-" : text);
	}
	(void)snprintf(a->text + strlen(a->text), sizeof(a->text) - strlen(a->text), ";");
	return 0;
}

static int refuse_row(void *arg, const struct ledger_row *row)
{
	(void)arg;
	assert_true(ledger_row_is_null(row, 1));
	assert_int_equal(ledger_row_int(row, 0), 1);
	assert_true(ledger_row_real(row, 2) > 2.4 && ledger_row_real(row, 2) < 2.6);
	assert_string_equal(ledger_row_name(row, 0), "one");
	return 7;
}

static void ask(struct ledger *ledger, const char *sql, struct answer *ret_answer)
{
	struct err err = ERR_INIT;

	*ret_answer = (struct answer){0};
	if (ledger_select(ledger, sql, NULL, 0, take_row, ret_answer, &err) != 0)
		fail_msg("%s", err.text);
}

static void no_finding(void *arg, const char *invariant, const char *where, const char *what)
{
	(void)arg;
	fail_msg("%s, %s: %s", invariant, where, what);
}

/* ---- what an older program has made ---- */

/* A new file of version 1, with what it had. */
static void make_version_1(const char *path)
{
	char name[PATH_MAX_] = "";
	AUTO(buf) struct buf sql = BUF_INIT(1024 * 1024);
	sqlite3 *db = NULL;
	struct err err = ERR_INIT;
	char *error = NULL;

	assert_non_null(getenv("STINT_TEST_DATA"));
	(void)snprintf(name, sizeof(name), "%s/ledger-1.sql", getenv("STINT_TEST_DATA"));
	assert_int_equal(file_read_all(name, 1024 * 1024, &sql, &err), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, buf_str(&sql), NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s", error);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_ledger_of_version_1_is_brought_up_to_date(void **state)
{
	struct bench *b = *state;
	char url[PATH_MAX_] = "";
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	int64_t findings = -1;

	(void)snprintf(url, sizeof(url), "sqlite:%s/old.db", b->directory);
	make_version_1(url + strlen("sqlite:"));
	assert_int_equal(ledger_open(url, LEDGER_VOLATILE, &ledger, &err), 0); /* upgrades it */
	ledger_close(ledger);
	assert_int_equal(ledger_open(url, LEDGER_READ_ONLY | LEDGER_VOLATILE, &ledger, &err), 0);
	assert_int_equal(ledger_schema_version(ledger), NEWEST);
	struct answer a = {0};
	ask(ledger,
	    "SELECT item, state, doubt FROM item WHERE run_id = 1 AND state <> 'done' ORDER BY 1",
	    &a);
	assert_string_equal(a.text, "1|in_doubt|asked;2|dead|-;3|retry|-;");
	a = (struct answer){0};
	ask(ledger, "SELECT DISTINCT kind FROM attempt", &a);
	assert_string_equal(a.text, "attempt;");
	/* who may not act on it before a quarantine is over still may not */
	a = (struct answer){0};
	ask(ledger,
	    "SELECT count(*) FROM loose WHERE state IN (3, 4, 8) AND quiet_until <> not_before",
	    &a);
	assert_string_equal(a.text, "0;");
	assert_int_equal(ledger_verify(ledger, no_finding, NULL, &findings, &err), 0);
	assert_int_equal(findings, 0);
	ledger_close(ledger);
}

static void queries_are_answered_and_changes_refused(void **state)
{
	struct bench *b = *state;
	struct answer answer = {0};
	struct err err = ERR_INIT;
	const struct ledger_param params[] = {{LEDGER_INT, 42, NULL},
					      {LEDGER_TEXT, 0, "x'); DROP TABLE chunk; --"},
					      {LEDGER_TEXT, 0, NULL}};

	assert_int_equal(ledger_select(b->ledger, "SELECT ?1 + 1, ?2, ?3", params, 3, take_row,
				       &answer, &err),
			 0);
	assert_string_equal(answer.text, "43|x'); DROP TABLE chunk; --|-;");
	assert_int_equal(ledger_select(b->ledger,
				       "SELECT 1 AS one, NULL, 2.5 UNION ALL SELECT 2,"
				       " 3, 4",
				       NULL, 0, refuse_row, NULL, &err),
			 7);
	assert_int_equal(
		ledger_select(b->ledger, "DELETE FROM chunk", NULL, 0, take_row, &answer, &err),
		ERR_LEDGER);
	assert_int_equal(
		ledger_select(b->ledger, "SELECT x FROM nowhere", NULL, 0, take_row, &answer, &err),
		ERR_LEDGER);
	if (strstr(err.text, "nowhere") == NULL)
		fail_msg("%s", err.text);
}

static void a_reader_sees_one_moment_and_hinders_nobody(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 5});
	struct ledger *reader = NULL;
	struct err err = ERR_INIT;
	struct answer answer;

	assert_int_equal(ledger_open(b->url, LEDGER_READ_ONLY, &reader, &err), 0);
	chunk_work(b, b->a, run, 1);
	ask(reader, "SELECT waiting, done, dead FROM run", &answer);
	assert_string_equal(answer.text, "5|4|1;");
	struct ledger *own = b->ledger;
	b->ledger = reader; /* read-only transactions and verify work on it as well */
	assert_int_equal(counts_of(b, run).done, 4);
	assert_int_equal(bench_verify(b), 0);
	b->ledger = own;
	chunk_work(b, b->a, run, 0);
	ask(reader, "SELECT waiting, done, dead FROM run", &answer);
	assert_string_equal(answer.text, "0|9|1;");
	ledger_close(reader);
}

static void a_reader_needs_no_writer(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 5});
	struct ledger *reader = NULL;
	struct err err = ERR_INIT;
	struct answer answer;

	chunk_work(b, b->a, run, 1);
	ledger_close(b->a->ledger);
	ledger_close(b->ledger);
	b->a->ledger = b->ledger = NULL;
	assert_int_equal(ledger_open(b->url, LEDGER_READ_ONLY, &reader, &err), 0);
	ask(reader, "SELECT waiting, done, dead FROM run", &answer);
	assert_string_equal(answer.text, "5|4|1;");
	b->ledger = reader;
}

/* A copy made by .backup, put where nothing may be written: it has no WAL and can have none. */
static void a_backup_is_read_where_nothing_may_be_written(void **state)
{
	struct bench *b = *state;
	char folder[PATH_MAX_];
	char sql[PATH_MAX_ + 64];
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 2, .n = 5});

	if (geteuid() != 0)
		skip();
	chunk_work(b, b->a, run, 1);
	(void)snprintf(folder, sizeof(folder), "%s/backup", b->directory);
	assert_int_equal(mkdir(folder, 0755), 0);
	(void)snprintf(sql, sizeof(sql), "VACUUM INTO '%s/copy.db'", folder);
	shell(b, sql);
	(void)snprintf(folder, sizeof(folder), "%s/backup/copy.db", b->directory);
	sqlite3 *db = NULL; /* in WAL mode, as .backup leaves it, and without the file */
	assert_int_equal(sqlite3_open(folder, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "PRAGMA journal_mode ="
				      " WAL",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(chmod(folder, 0444), 0);
	assert_int_equal(chmod(b->directory, 0755), 0);
	as_nobody(folder, LEDGER_READ_ONLY, 0);
}

/* ---- damage ---- */

static void ignore(void *arg, const char *invariant, const char *where, const char *what)
{
	(void)arg, (void)invariant, (void)where, (void)what;
}

static void a_damaged_file_is_found(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a,
				&(struct plan){.n_chunks = 200, .n = 50, .has_keys = true});
	char junk[4096];
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	int64_t findings = 0;

	b->is_broken_on_purpose = true;
	chunk_work(b, b->a, run, 1);
	shell(b, "PRAGMA wal_checkpoint(TRUNCATE)");
	ledger_close(b->ledger);
	ledger_close(b->a->ledger);
	b->a->ledger = b->ledger = NULL;
	memset(junk, 0x5a, sizeof(junk));
	int fd = open(path_of(b), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	off_t end = lseek(fd, 0, SEEK_END);
	for (off_t at = 40 * 4096; at < end; at += 3 * 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	assert_int_equal(close(fd), 0);
	if (ledger_open(b->url, LEDGER_READ_ONLY, &ledger, &err) < 0) {
		assert_true(err.code == ERR_LEDGER || err.code == ERR_IO);
		return;
	}
	b->ledger = ledger;
	if (ledger_verify(ledger, ignore, NULL, &findings, &err) < 0)
		assert_true(err.code == ERR_LEDGER || err.code == ERR_IO);
	else
		assert_true(findings > 0);
}

static void nothing_is_done_with_a_damaged_body(void **state)
{
	struct bench *b = *state;
	int64_t run = run_ready(b, b->a, &(struct plan){.n_chunks = 1, .n = 5});
	struct ledger_op *op = NULL;

	b->is_broken_on_purpose = true;
	shell(b, "UPDATE chunk_body SET body = CAST(x'00' || body AS BLOB)");
	op = begin(b, b->a, LOP_CHUNK_CLAIM);
	op->u.chunk_claim.run_id = run;
	op->u.chunk_claim.max = 1;
	refused(b, LEDGER_BROKEN);
	assert_non_null(strstr(b->txn->err.text, "verify"));
	refused(b, LEDGER_BROKEN); /* and it stays so */
	assert_int_equal(bench_verify(b), 1);
}

static void a_lock_file_that_was_replaced_is_noticed(void **state)
{
	struct bench *b = *state;
	char path[PATH_MAX_];

	(void)snprintf(path, sizeof(path), "%s.lock", path_of(b));
	assert_int_equal(unlink(path), 0);
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);
	op->u.lane_put.pid = 1;
	refused(b, LEDGER_BROKEN);
	assert_non_null(strstr(b->txn->err.text, "lock file"));
	/* a new one makes it no better: others may have the old one */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	op = begin(b, b->a, LOP_LANE_PUT);
	op->u.lane_put.pid = 1;
	refused(b, LEDGER_BROKEN);
}

static void somebody_elses_lock_is_waited_for_and_said(void **state)
{
	struct bench *b = *state;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path_of(b), &db), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	struct ledger_op *op = begin(b, b->a, LOP_LANE_PUT);
	op->u.lane_put.pid = 1;
	refused(b, LEDGER_BUSY);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	ledger_apply(b->a->ledger, b->txn); /* worth another try */
	assert_int_equal(b->txn->status, LEDGER_APPLIED);
}

/* ---- full disks ---- */

static void fill_up(struct bench *b, const char *folder)
{
	static char body[32 * 1024];
	struct actor *a = b->b;
	bool was_low = false;
	int i = 0;

	(void)snprintf(b->url, sizeof(b->url), "sqlite:%s/ledger.db", folder);
	struct ledger *own = b->ledger;
	struct err err = ERR_INIT;
	assert_int_equal(ledger_open(b->url, LEDGER_CREATE | LEDGER_VOLATILE, &b->ledger, &err), 0);
	actor_begin(b, a);
	int64_t run = run_create(b, a, &(struct plan){0});
	run_join(b, a, run);
	struct ledger_op *op = begin(b, a, LOP_LOAD_TAKE);
	op->u.load_take.run_id = run;
	commit(b);
	int32_t epoch = op->u.load_take.ret_epoch;
	const struct ledger_new_chunk chunk = {.n = 1, .body = body, .body_len = sizeof(body)};
	for (; i < 10000; i++) {
		op = begin(b, a, LOP_LOAD_PUT);
		op->u.load_put = (struct lop_load_put){.run_id = run,
						       .epoch = epoch,
						       .chunks = &chunk,
						       .n_chunks = 1,
						       .add_read = 1};
		b->txn->batch = a->batch + 1;
		ledger_apply(a->ledger, b->txn);
		was_low = was_low || b->txn->space_is_low;
		if (b->txn->status != LEDGER_APPLIED)
			break;
		a->batch++;
	}
	assert_int_equal(b->txn->status, LEDGER_NO_SPACE);
	assert_true(was_low);
	assert_true(b->txn->space_is_low);
	assert_true(i > 10);
	assert_int_equal(counts_of(b, run).waiting, i);
	assert_int_equal(bench_verify(b), 0);
	ledger_close(a->ledger);
	a->ledger = NULL;
	ledger_close(b->ledger);
	b->ledger = own;
}

static void a_full_file_system_is_said_and_survived(void **state)
{
	struct bench *b = *state;
	char folder[PATH_MAX_];

	(void)snprintf(folder, sizeof(folder), "%s/small", b->directory);
	assert_int_equal(mkdir(folder, 0755), 0);
	if (geteuid() != 0 || mount("tmpfs", folder, "tmpfs", 0, "size=4m") != 0)
		skip();
	fill_up(b, folder);
	assert_int_equal(umount(folder), 0);
}

static const struct CMUnitTest cases[] = {
	CASE(what_is_no_ledger_is_refused),
	CASE(a_ledger_that_was_left_half_made_is_made_whole),
	CASE(urls_that_it_does_not_know_are_refused),
	CASE(names_that_sqlite_would_take_for_its_own_are_files),
	CASE(memory_file_systems_are_refused_unless_meant),
	CASE(a_new_ledger_is_for_its_owner_and_group),
	CASE(a_ledger_keeps_its_name),
	CASE(what_may_not_be_read_is_a_matter_of_permission),
	CASE(a_newer_ledger_is_refused_with_both_versions),
	CASE(a_ledger_without_a_version_is_damaged),
	CASE(upgrading_what_is_up_to_date_changes_nothing),
	CASE(a_ledger_of_version_1_is_brought_up_to_date),
	CASE(queries_are_answered_and_changes_refused),
	CASE(a_reader_sees_one_moment_and_hinders_nobody),
	CASE(a_reader_needs_no_writer),
	CASE(a_backup_is_read_where_nothing_may_be_written),
	CASE(a_damaged_file_is_found),
	CASE(nothing_is_done_with_a_damaged_body),
	CASE(a_lock_file_that_was_replaced_is_noticed),
	CASE(somebody_elses_lock_is_waited_for_and_said),
	CASE(a_full_file_system_is_said_and_survived),
};

int main(void)
{
	bench_backend = "sqlite";
	return cmocka_run_group_tests_name("sqlite", cases, NULL, NULL);
}
