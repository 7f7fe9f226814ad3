/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks as units of work in a database, as the engine sends them to a worker process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "core/outcome.h"
#include "job/statement.h"
#include "target/marker.h"
#include "unit/lane/rig.h"

enum {
	HANDLE = 5,
	ITEMS = 3,
	ALL = 0xe0,
	FIRST = 0x80,
	SECOND = 0x40,
	LAST = 0x20,
};

static const char CSV[] = "id,mail,total\n"
			  "inv-1,ann@example.com,12.50\n"
			  "inv-2,bob@example.com,7\n"
			  "inv-3,,0.10\n";

#define JOB                                                                                        \
	"version: 1\njob: test\nreport: {person: mail}\n"                                          \
	"source:\n  csv: {path: in.csv}\n  key: id\n"                                              \
	"  fields: {id: text, mail: {type: \"text?\", sensitive: true}, total: decimal}\n"         \
	"work:\n"
#define SQL JOB "  sql: {sqlite: target.db, statement: 'INSERT INTO t VALUES (${id}, ${mail})'}\n"
#define TABLE JOB "  table: {sqlite: target.db, table: t, columns: [id, mail]}\n"

static int count(const struct rig *rig)
{
	sqlite3 *db = rig_open_target(rig);
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int n = sqlite3_column_int(statement, 0);
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static int set_up(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "in.csv", CSV);
	rig_execute(&rig, "CREATE TABLE t(id TEXT PRIMARY KEY, mail TEXT)");
	rig_execute(&rig, marker_ddl(STATEMENT_SQLITE));
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	rig_done(*state);
	return 0;
}

static void begin_with(struct rig *rig, const char *job)
{
	size_t len = 0;
	void *body = rig_read_chunk(rig, job, ITEMS, &len);

	rig_begin(rig, LANE_WORKER, job);
	frame_put_chunk(&rig->link.out, &(struct frame_chunk){.handle = HANDLE,
							      .first_item = 100,
							      .n = ITEMS,
							      .body = body,
							      .body_len = len});
	rig_send(rig);
	free(body);
}

static void put_unit(struct rig *rig, uint32_t ticket, uint8_t bits)
{
	rig->slots[ticket].begun = 0;
	frame_put_bulk(&rig->link.out,
		       &(struct frame_bulk){
			       .ticket = ticket, .handle = HANDLE, .n = ITEMS, .bits = &bits});
}

static struct frame_bulk_outcome expect_answer(struct rig *rig)
{
	struct frame frame = rig_expect(rig, FRAME_BULK_OUTCOME);
	struct frame_bulk_outcome answer = {0};
	struct err err = ERR_INIT;

	if (frame_get_bulk_outcome(&frame, &rig->arena, &answer, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(answer.n, ITEMS);
	return answer;
}

static struct frame_bulk_outcome work_unit(struct rig *rig, uint32_t ticket, uint8_t bits)
{
	put_unit(rig, ticket, bits);
	rig_send(rig);
	struct frame_bulk_outcome answer = expect_answer(rig);
	assert_int_equal(answer.ticket, ticket);
	return answer;
}

static void what_it_is_asked_for_is_done_and_nothing_else(void **state)
{
	static const char *const jobs[] = {SQL, TABLE};
	struct rig *rig = *state;

	for (size_t i = 0; i < 2; i++) {
		rig_execute(rig, "DELETE FROM t; DELETE FROM stint_mark");
		begin_with(rig, jobs[i]);
		struct frame_bulk_outcome answer = work_unit(rig, 1, FIRST | LAST);
		assert_int_equal(answer.done[0], FIRST | LAST);
		assert_int_equal(answer.rest, REST_LEFT);
		assert_int_equal(answer.n_failures, 0);
		assert_true(answer.began_at > 0);
		assert_int_equal(rig->slots[1].begun, 1);
		assert_int_equal(count(rig), 2);
		rig_stop(rig);
	}
}

static void what_took_effect_once_is_done_by_its_mark(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, SQL);
	assert_int_equal(work_unit(rig, 1, FIRST).done[0], FIRST);
	/* As after a commit there that was not written here. */
	assert_int_equal(work_unit(rig, 2, ALL).done[0], ALL);
	assert_int_equal(count(rig), ITEMS);
	rig_stop(rig);
}

static void a_row_that_is_refused_is_told_alone(void **state)
{
	static const char *const jobs[] = {SQL, TABLE};
	struct rig *rig = *state;

	for (size_t i = 0; i < 2; i++) {
		rig_execute(rig, "DELETE FROM t; DELETE FROM stint_mark;"
				 "INSERT INTO t VALUES ('inv-2', 'there already')");
		begin_with(rig, jobs[i]);
		struct frame_bulk_outcome answer = work_unit(rig, 1, ALL);
		assert_int_equal(answer.done[0], FIRST | LAST);
		assert_int_equal(answer.n_failures, 1);
		assert_int_equal(answer.failures[0].index, 1);
		assert_int_equal(answer.failures[0].outcome, OUTCOME_DEAD);
		assert_string_equal(answer.failures[0].err_class, "sqlstate-23505");
		assert_string_equal(answer.failures[0].key, "inv-2");
		assert_string_equal(answer.failures[0].person, "bob@example.com");
		assert_non_null(strstr(answer.failures[0].err, "t.id"));
		rig_stop(rig);
	}
}

static void words_show_no_value_that_nobody_may_see(void **state)
{
	struct rig *rig = *state;

	rig_execute(rig, "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.mail IS NOT NULL"
			 " BEGIN SELECT raise(ABORT, 'bob@example.com is not wanted'); END");
	begin_with(rig, SQL);
	struct frame_bulk_outcome answer = work_unit(rig, 1, SECOND);
	assert_int_equal(answer.n_failures, 1);
	assert_null(strstr(answer.failures[0].err, "bob@"));
	assert_non_null(strstr(answer.failures[0].err, "*** is not wanted"));
	rig_stop(rig);
}

static void what_no_item_can_be_done_for_blames_none(void **state)
{
	struct rig *rig = *state;

	rig_execute(rig, "DROP TABLE t");
	begin_with(rig, SQL);
	struct frame_bulk_outcome answer = work_unit(rig, 1, ALL);
	assert_int_equal(answer.done[0], 0);
	assert_int_equal(answer.n_failures, 0);
	assert_int_equal(answer.rest, REST_ALIKE);
	assert_non_null(strstr(answer.err, "no such table"));
	rig_stop(rig);
}

static void what_waits_is_given_back_and_was_not_begun(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, SQL);
	put_unit(rig, 1, FIRST);
	put_unit(rig, 2, LAST);
	frame_put_empty(&rig->link.out, FRAME_RECALL);
	rig_send(rig);
	for (uint32_t ticket = 1; ticket <= 2; ticket++) {
		struct frame_bulk_outcome answer = expect_answer(rig);
		assert_int_equal(answer.ticket, ticket);
		assert_int_equal(answer.done[0], 0);
		assert_int_equal(answer.rest, REST_LEFT);
		assert_int_equal(rig->slots[ticket].begun, 0);
	}
	assert_int_equal(count(rig), 0);
	assert_int_equal(work_unit(rig, 3, ALL).done[0], ALL);
	rig_stop(rig);
}

static void a_source_that_has_changed_is_told_and_nothing_is_done(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, SQL);
	rig_write(rig, "in.csv", "id,mail,total\nother,,1\n");
	put_unit(rig, 1, ALL);
	rig_send(rig);
	(void)rig_expect(rig, FRAME_SOURCE_CHANGED);
	struct frame_bulk_outcome answer = expect_answer(rig);
	assert_int_equal(answer.done[0], 0);
	assert_int_equal(answer.rest, REST_LEFT);
	assert_string_equal(answer.err_class, "source-changed");
	assert_int_equal(count(rig), 0);
	rig_stop(rig);
}

static void one_item_is_answered_for_itself(void **state)
{
	struct rig *rig = *state;

	rig_execute(rig, "INSERT INTO t VALUES ('inv-2', 'there already')");
	begin_with(rig, SQL);
	rig_work(rig, 1, HANDLE, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DONE);
	assert_string_equal(o.key, "inv-1");
	assert_int_equal(rig->slots[1].begun, 1);
	rig_work(rig, 2, HANDLE, 1);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DEAD);
	assert_string_equal(o.err_class, "sqlstate-23505");
	rig_execute(rig, "DROP TABLE t");
	rig_work(rig, 3, HANDLE, 2);
	rig_send(rig);
	assert_int_equal(rig_expect_outcome(rig).outcome, OUTCOME_ALL);
	rig_stop(rig);
}

static void a_chunk_that_was_never_given_ends_the_worker(void **state)
{
	struct rig *rig = *state;
	uint8_t bits = ALL;

	begin_with(rig, SQL);
	frame_put_bulk(&rig->link.out,
		       &(struct frame_bulk){.ticket = 1, .handle = 99, .n = ITEMS, .bits = &bits});
	rig_send(rig);
	int status = rig_wait(rig);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	assert_int_equal(count(rig), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_it_is_asked_for_is_done_and_nothing_else),
		TEST(what_took_effect_once_is_done_by_its_mark),
		TEST(a_row_that_is_refused_is_told_alone),
		TEST(words_show_no_value_that_nobody_may_see),
		TEST(what_no_item_can_be_done_for_blames_none),
		TEST(what_waits_is_given_back_and_was_not_begun),
		TEST(a_source_that_has_changed_is_told_and_nothing_is_done),
		TEST(one_item_is_answered_for_itself),
		TEST(a_chunk_that_was_never_given_ends_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
