/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process, driven as the engine drives it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "core/outcome.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "unit/lane/rig.h"
#include "work/key.h"

static const char CSV[] = "id,mail,total\n"
			  "inv-1,ann@example.com,12.50\n"
			  "\"inv,2\",bob@example.com,7\n"
			  "inv-3,,0.10\n";

/* The begin of each job; what is done follows. */
#define JOB                                                                                        \
	"version: 1\njob: test\n"                                                                  \
	"params: {region: {type: text, default: eu}}\n"                                            \
	"report: {person: mail}\n"                                                                 \
	"source:\n  csv: {path: in.csv}\n  key: id\n"                                              \
	"  fields: {id: text, mail: {type: \"text?\", sensitive: true}, total: decimal}\n"         \
	"work:\n"

static int set_up(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "in.csv", CSV);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	rig_done(*state);
	return 0;
}

/* Reads CSV by a reader, starts a worker and gives it the chunk as handle 5, from item 100 on. */
static void begin_with(struct rig *rig, const char *job)
{
	size_t len = 0;
	void *body = rig_read_chunk(rig, job, 3, &len);

	rig_begin(rig, LANE_WORKER, job);
	frame_put_chunk(
		&rig->link.out,
		&(struct frame_chunk){
			.handle = 5, .first_item = 100, .n = 3, .body = body, .body_len = len});
	rig_send(rig);
	free(body);
}

static void items_are_worked_and_answered_with_key_and_person(void **state)
{
	struct rig *rig = *state;
	char expected[ITEM_KEY_CHARS + 1] = "";
	uint8_t uuid[16] = {0};

	begin_with(rig,
		   JOB "  exec:\n    shell: 'echo \"$STINT_KEY|$STINT_FIELD_total|$STINT_ATTEMPT|"
		       "$STINT_IDEMPOTENCY_KEY|$STINT_NONCE|$STINT_RUN|$STINT_FIELD_mail\"'\n");
	rig_work(rig, 1, 5, 1);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.ticket, 1);
	assert_int_equal(o.outcome, OUTCOME_DONE);
	assert_string_equal(o.key, "inv,2");
	assert_string_equal(o.person, "bob@example.com");
	for (size_t i = 0; i < sizeof(uuid); i++)
		uuid[i] = (uint8_t)i;
	work_key_format(&(struct work_key){.ledger_uuid = uuid, .run_id = 17, .item = 101},
			expected);
	char text[256] = "";
	(void)snprintf(text, sizeof(text), "inv,2|7|1|%s|%s|test@2026-03-29|***\n", expected,
		       rig->nonce);
	assert_string_equal(o.output, text);
	assert_int_equal(rig->slots[1].begun, 1);
	assert_int_equal(rig->slots[2].begun, 0);

	rig_work(rig, 2, 5, 2);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_string_equal(o.key, "inv-3");
	assert_string_equal(o.person, ""); /* null */
	rig_stop(rig);
}

static void input_and_parameters_reach_the_program(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sh, -c, \"cat; echo $0\", \"${param.region}\"]}\n");
	rig_work(rig, 9, 5, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_string_equal(o.output, "{\"id\":\"inv-1\",\"mail\":\"***\",\"total\":12.50}\neu\n");
	rig_stop(rig);
}

static void many_items_at_once_are_all_answered(void **state)
{
	struct rig *rig = *state;
	enum { MANY = 300 };
	bool seen[MANY] = {false};
	struct frame_work_item items[MANY];

	begin_with(rig, JOB "  exec: {command: [/bin/true]}\n");
	for (uint32_t i = 0; i < MANY; i++)
		items[i] = (struct frame_work_item){
			.ticket = i, .handle = 5, .index = i % 3, .attempt = 1};
	frame_put_work(&rig->link.out,
		       &(struct frame_work){.slots = MANY, .n = MANY, .items = items});
	/* It is dropped while they run, which must not matter to them. */
	frame_put_u32(&rig->link.out, FRAME_DROP, 5);
	rig_send(rig);
	for (int i = 0; i < MANY; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		assert_int_equal(o.outcome, OUTCOME_DONE);
		assert_false(seen[o.ticket]);
		seen[o.ticket] = true;
		assert_int_equal(rig->slots[o.ticket].begun, 1);
	}
	rig_stop(rig);
}

static void what_may_not_run_yet_waits_its_turn(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB
		   "  exec: {shell: 'test ! -e busy && touch busy && sleep 0.05 && rm busy'}\n");
	rig->may_run = 1;
	for (uint32_t i = 1; i <= 4; i++)
		rig_work(rig, i, 5, i % 3);
	rig_send(rig);
	for (uint32_t i = 1; i <= 4; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		assert_int_equal(o.ticket, i);
		assert_int_equal(o.outcome, OUTCOME_DONE);
	}
	rig_stop(rig);
}

static void work_within(struct rig *rig, uint32_t ticket, int64_t opens_at, int64_t closes_at)
{
	const struct frame_work_item item = {.ticket = ticket,
					     .handle = 5,
					     .index = ticket % 3,
					     .attempt = 1,
					     .opens_at = opens_at,
					     .closes_at = closes_at};

	frame_put_work(&rig->link.out, &(struct frame_work){.slots = 9, .n = 1, .items = &item});
	rig_send(rig);
}

static void an_item_waits_for_its_slot(void **state)
{
	struct rig *rig = *state;
	int64_t now = clock_boot_us();

	begin_with(rig, JOB "  exec: {command: [/bin/true]}\n");
	work_within(rig, 1, now + 500 * US_PER_MS, now + US_PER_HOUR);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DONE);
	assert_true(clock_boot_us() >= now + 500 * US_PER_MS);
	rig_stop(rig);
}

static void a_slot_that_was_missed_brings_the_item_back(void **state)
{
	struct rig *rig = *state;
	int64_t now = clock_boot_us();

	begin_with(rig, JOB "  exec: {command: [/bin/true]}\n");
	work_within(rig, 1, now - 2000, now - 1000);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_NOT_BEGUN);
	assert_true(o.cancelled);
	assert_int_equal(rig->slots[1].begun, 0);
	/* What waits for its slot comes back when it is called. */
	work_within(rig, 2, now + US_PER_HOUR, now + 2 * US_PER_HOUR);
	frame_put_empty(&rig->link.out, FRAME_RECALL);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_int_equal(o.ticket, 2);
	assert_int_equal(o.outcome, OUTCOME_NOT_BEGUN);
	rig_stop(rig);
}

static void a_recall_brings_back_what_was_not_begun(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sleep, \"60\"]}\n");
	rig->may_run = 1;
	for (uint32_t i = 1; i <= 3; i++)
		rig_work(rig, i, 5, i % 3);
	frame_put_empty(&rig->link.out, FRAME_RECALL);
	rig_send(rig);
	for (uint32_t i = 2; i <= 3; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		assert_int_equal(o.ticket, i);
		assert_int_equal(o.outcome, OUTCOME_NOT_BEGUN);
		assert_true(o.cancelled);
		assert_int_equal(rig->slots[i].begun, 0);
	}
	/* What runs goes on until it is told to end. */
	assert_int_equal(rig->slots[1].begun, 1);
	frame_put_u32(&rig->link.out, FRAME_CANCEL, 1);
	rig_send(rig);
	assert_int_equal(rig_expect_outcome(rig).outcome, OUTCOME_UNKNOWN);
	rig_stop(rig);
}

static void a_cancel_ends_what_waits_without_beginning_it(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sleep, \"60\"]}\n");
	rig->may_run = 1;
	for (uint32_t i = 1; i <= 3; i++)
		rig_work(rig, i, 5, i % 3);
	frame_put_u32(&rig->link.out, FRAME_CANCEL, UINT32_MAX);
	rig_send(rig);
	for (uint32_t i = 0; i < 3; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		assert_int_equal(o.outcome, o.ticket == 1 ? OUTCOME_UNKNOWN : OUTCOME_NOT_BEGUN);
		assert_true(o.cancelled);
	}
	assert_int_equal(rig->slots[2].begun + rig->slots[3].begun, 0);
	rig_stop(rig);
}

static void a_stop_lets_what_runs_come_to_its_end(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sleep, \"0.3\"]}\n");
	rig_work(rig, 1, 5, 0);
	frame_put_empty(&rig->link.out, FRAME_STOP);
	rig_send(rig);
	assert_int_equal(rig_expect_outcome(rig).outcome, OUTCOME_DONE);
	assert_int_equal(rig_wait(rig), 0);
}

static void a_cancel_ends_what_runs(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sleep, \"60\"]}\n");
	rig_work(rig, 1, 5, 0);
	rig_work(rig, 2, 5, 1);
	frame_put_u32(&rig->link.out, FRAME_CANCEL, 2);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.ticket, 2);
	assert_true(o.cancelled);
	assert_int_equal(o.outcome, OUTCOME_UNKNOWN);
	frame_put_u32(&rig->link.out, FRAME_CANCEL, UINT32_MAX);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_int_equal(o.ticket, 1);
	assert_true(o.cancelled);
	rig_expect_no_children(rig);
	rig_stop(rig);
}

static void the_time_limit_holds(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [sleep, \"60\"]}\n  timeout: 200ms\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_UNKNOWN);
	assert_string_equal(o.err_class, "timeout");
	assert_true(o.took_us >= 200 * US_PER_MS && o.took_us < 30 * US_PER_S);
	rig_stop(rig);
}

/* The most memory that the lane ever had, from /proc. */
static int64_t peak_bytes(pid_t pid)
{
	char path[64] = "";
	AUTO(buf) struct buf text = BUF_INIT(64 * 1024);
	struct err err = ERR_INIT;
	int64_t kib = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_int_equal(file_read_all(path, 64 * 1024, &text, &err), 0);
	const char *at = strstr(buf_str(&text), "VmHWM:");
	assert_non_null(at);
	at += strcspn(at, "0123456789");
	assert_int_equal(text_parse_int(at, strspn(at, "0123456789"), &kib, &err), 0);
	return kib * 1024;
}

static void a_gigabyte_of_output_leaves_the_lane_small(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB
		   "  exec: {shell: \"head -c 1073741824 /dev/zero; echo; echo end; exit 2\"}\n");
	int64_t before = peak_bytes(rig->pid);
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_string_equal(o.err, "end");
	assert_true(o.output_cut);
	assert_int_equal(o.output_len, 16384);
	assert_true(peak_bytes(rig->pid) - before < 8 * 1024 * 1024);
	rig_stop(rig);
}

static void an_engine_that_does_not_read_holds_the_lane_up_not_down(void **state)
{
	struct rig *rig = *state;
	enum { MANY = 600 };

	begin_with(rig,
		   JOB "  exec: {shell: \"head -c 100000 /dev/zero; exit 1\", keep_output: 64K}\n");
	for (uint32_t i = 0; i < MANY; i++)
		rig_work(rig, i, 5, 0);
	rig_send(rig);
	/* 38 MiB of outcomes are under way; only when the programs are all done some are read. */
	struct frame_outcome o = rig_expect_outcome(rig);
	for (int n = 1; n < MANY; n++) {
		assert_int_equal(o.output_len, 65536);
		arena_reset(&rig->arena);
		o = rig_expect_outcome(rig);
	}
	rig_stop(rig);
}

static void what_programs_leave_behind_is_killed(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {shell: \"sleep 61 & sleep 62 & exit 0\"}\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	assert_int_equal(rig_expect_outcome(rig).outcome, OUTCOME_DONE);
	rig_expect_no_children(rig);
	rig_stop(rig);
}

static void a_killed_lane_leaves_programs_that_the_nonce_finds(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {shell: \"setsid sleep 61 & sleep 62\"}\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	while (rig_children(rig, 0) < 3)
		; /* the shell and both of its children are there */
	assert_int_equal(rig->slots[1].begun, 1);
	(void)kill(rig->pid, SIGKILL);
	assert_int_equal(WTERMSIG(rig_wait(rig)), SIGKILL);
	/* One that is just becoming another program has no environment for a moment. */
	while (rig_children(rig, 0) < 2)
		;
	while (rig_children(rig, SIGKILL) > 0)
		;
	rig_expect_no_children(rig);
}

static void an_engine_that_closes_ends_lane_and_programs(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {shell: \"trap '' TERM; sleep 61 & sleep 62\"}\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	while (rig_children(rig, 0) < 3)
		;
	(void)shutdown(rig->link.fd, SHUT_RDWR);
	int status = rig_wait(rig);
	assert_int_equal(WEXITSTATUS(status), 75);
	rig_expect_no_children(rig);
}

/* The engine is a process between this one and the lane, so that it can be killed. */
static void a_killed_engine_takes_lane_and_programs_along(void **state)
{
	struct rig *rig = *state;
	int report[2] = {-1, -1};
	pid_t lane = 0;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	(void)fflush(NULL);
	pid_t engine = fork();
	assert_true(engine >= 0);
	if (engine == 0) {
		begin_with(rig, JOB "  exec: {shell: \"sleep 61 & sleep 62\"}\n");
		rig_work(rig, 1, 5, 0);
		rig_send(rig);
		(void)!write(report[1], &rig->pid, sizeof(rig->pid));
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(report[0], &lane, sizeof(lane)), sizeof(lane));
	while (rig_children(rig, 0) < 3)
		;
	(void)kill(engine, SIGKILL);
	assert_int_equal(waitpid(engine, NULL, 0), engine);
	rig_expect_no_children(rig);
	int64_t end = clock_monotonic_us() + 5 * US_PER_S;
	while (proc_pss_bytes(lane) > 0) /* gone, or a zombie of whoever has inherited it */
		assert_true(clock_monotonic_us() < end);
	(void)close(report[0]);
	(void)close(report[1]);
}

static void a_worker_that_hangs_does_not_outlive_its_engine_for_long(void **state)
{
	struct rig *rig = *state;
	int report[2] = {-1, -1};
	int hold[2] = {-1, -1};
	pid_t lane = 0;
	char c = 0;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	(void)fflush(NULL);
	pid_t engine = fork();
	assert_true(engine >= 0);
	if (engine == 0) {
		(void)close(hold[1]);
		begin_with(rig, JOB "  exec: {command: [\"true\"]}\n");
		(void)!write(report[1], &rig->pid, sizeof(rig->pid));
		/* Another holds the socket, too, so that no end of it comes. */
		(void)fork();
		(void)!read(hold[0], &c, 1); /* until the test is over */
		_exit(0);
	}
	assert_int_equal(read(report[0], &lane, sizeof(lane)), sizeof(lane));
	int64_t end = clock_monotonic_us() + 8 * US_PER_S;
	(void)kill(engine, SIGKILL);
	assert_int_equal(waitpid(engine, NULL, 0), engine);
	while (proc_pss_bytes(lane) > 0)
		assert_true(clock_monotonic_us() < end);
	(void)close(report[0]);
	(void)close(report[1]);
	(void)close(hold[0]);
	(void)close(hold[1]);
}

static void a_nul_in_an_argument_makes_one_bad_item(void **state)
{
	struct rig *rig = *state;
	static const char job[] = "version: 1\njob: test\nsource:\n  jsonl: {path: in.jsonl}\n"
				  "  key: k\n  fields: {k: text, v: text}\n"
				  "work:\n  exec: {command: [printf, \"%s\", \"${v}\"]}\n";
	size_t len = 0;

	rig_write(rig, "in.jsonl",
		  "{\"k\":\"1\",\"v\":\"a\\u0000b\"}\n{\"k\":\"2\",\"v\":\"ok\"}\n");
	void *body = rig_read_chunk(rig, job, 2, &len);
	rig_begin(rig, LANE_WORKER, job);
	frame_put_chunk(&rig->link.out,
			&(struct frame_chunk){.handle = 1, .n = 2, .body = body, .body_len = len});
	free(body);
	rig_work(rig, 1, 1, 0);
	rig_work(rig, 2, 1, 1);
	rig_send(rig);
	for (int i = 0; i < 2; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		if (o.ticket == 2) {
			assert_int_equal(o.outcome, OUTCOME_DONE);
			assert_string_equal(o.output, "ok");
			continue;
		}
		assert_int_equal(o.outcome, OUTCOME_DEAD);
		assert_string_equal(o.err_class, "bad-item");
		assert_string_equal(o.key, "1");
		assert_int_equal(o.began_at, 0);
		assert_int_equal(rig->slots[1].begun, 0);
	}
	rig_stop(rig);
}

static void a_program_that_is_missing_hits_all_alike_and_the_lane_lives(void **state)
{
	struct rig *rig = *state;

	begin_with(rig, JOB "  exec: {command: [./late]}\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_ALL);
	assert_string_equal(o.err_class, "exit-127");
	/* It comes, without execute permission. */
	rig_write(rig, "late", "#!/bin/sh\necho here\n");
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_ALL);
	assert_string_equal(o.err_class, "exit-126");
	char path[128] = "";
	(void)snprintf(path, sizeof(path), "%s/late", rig->directory);
	assert_int_equal(chmod(path, 0700), 0);
	rig_work(rig, 1, 5, 0);
	rig_send(rig);
	o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DONE);
	assert_string_equal(o.output, "here\n");
	rig_stop(rig);
}

static void a_source_that_has_changed_is_told_once_and_nothing_is_begun(void **state)
{
	struct rig *rig = *state;
	struct frame_source_changed changed = {0};
	struct err err = ERR_INIT;

	begin_with(rig, JOB "  exec: {command: [/bin/true]}\n");
	rig_write(rig, "in.csv", "id,mail,total\nother,x,1\nother,x,1\nother,x,1\n");
	rig_work(rig, 1, 5, 0);
	rig_work(rig, 2, 5, 1);
	rig_send(rig);
	struct frame frame = rig_expect(rig, FRAME_SOURCE_CHANGED);
	assert_int_equal(frame_get_source_changed(&frame, &rig->arena, &changed, &err), 0);
	assert_int_equal(changed.handle, 5);
	assert_non_null(strstr(changed.text, "in.csv"));
	for (int i = 0; i < 2; i++) {
		struct frame_outcome o = rig_expect_outcome(rig);
		assert_int_equal(o.outcome, OUTCOME_NOT_BEGUN);
		assert_string_equal(o.err_class, "source-changed");
	}
	assert_int_equal(rig->slots[1].begun, 0);
	rig_stop(rig);
}

static struct frame_bulk_outcome expect_bulk(struct rig *rig)
{
	struct frame frame = rig_expect(rig, FRAME_BULK_OUTCOME);
	struct frame_bulk_outcome o = {0};
	struct err err = ERR_INIT;

	assert_int_equal(frame_get_bulk_outcome(&frame, &rig->arena, &o, &err), 0);
	return o;
}

static void noop_does_chunks_as_one(void **state)
{
	struct rig *rig = *state;
	uint8_t bits = 0xa0; /* the first and the third */

	begin_with(rig, JOB "  noop: {}\n");
	frame_put_bulk(&rig->link.out,
		       &(struct frame_bulk){.ticket = 3, .handle = 5, .n = 3, .bits = &bits});
	rig_send(rig);
	struct frame_bulk_outcome o = expect_bulk(rig);
	assert_int_equal(o.ticket, 3);
	assert_int_equal(o.done[0], 0xa0);
	assert_string_equal(o.err_class, "");
	/* A loose one of the same chunk, afterwards. */
	rig_work(rig, 4, 5, 1);
	rig_send(rig);
	assert_string_equal(rig_expect_outcome(rig).key, "inv,2");
	rig_stop(rig);
}

static void noop_finds_a_source_that_has_changed(void **state)
{
	struct rig *rig = *state;
	uint8_t bits = 0xe0;

	begin_with(rig, JOB "  noop: {}\n");
	rig_write(rig, "in.csv", "id,mail,total\nother,x,1\nother,x,1\nother,x,1\n");
	frame_put_bulk(&rig->link.out,
		       &(struct frame_bulk){.ticket = 3, .handle = 5, .n = 3, .bits = &bits});
	rig_send(rig);
	(void)rig_expect(rig, FRAME_SOURCE_CHANGED);
	struct frame_bulk_outcome o = expect_bulk(rig);
	assert_int_equal(o.done[0], 0);
	assert_string_equal(o.err_class, "source-changed");
	rig_stop(rig);
}

static void a_job_without_source_is_one_item(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_WORKER,
		  "version: 1\njob: test\nwork:\n  exec: {shell: \"cat; echo $STINT_KEY\"}\n");
	frame_put_chunk(&rig->link.out, &(struct frame_chunk){.handle = 1, .n = 1, .body = ""});
	rig_work(rig, 1, 1, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DONE);
	assert_string_equal(o.key, "2026-03-29");
	assert_string_equal(o.output, "2026-03-29\n");
	rig_stop(rig);
}

static void a_damaged_body_is_the_items_fault(void **state)
{
	struct rig *rig = *state;

	rig_begin(rig, LANE_WORKER, JOB "  exec: {command: [/bin/true]}\n");
	frame_put_chunk(&rig->link.out,
			&(struct frame_chunk){.handle = 1, .n = 3, .body = "junk", .body_len = 4});
	rig_work(rig, 1, 1, 0);
	rig_send(rig);
	struct frame_outcome o = rig_expect_outcome(rig);
	assert_int_equal(o.outcome, OUTCOME_DEAD);
	assert_string_equal(o.err_class, "bad-chunk");
	assert_string_equal(o.key, "");
	rig_stop(rig);
}

/* Each of these is a mistake of the engine: the lane says so and ends. */
static void assert_ends(struct rig *rig)
{
	rig_send(rig);
	int status = rig_wait(rig);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void what_makes_no_sense_ends_the_lane(void **state)
{
	struct rig *rig = *state;
	static const char job[] = "version: 1\njob: test\nwork:\n  exec: {shell: \"true\"}\n";
	uint8_t bit = 0x80;

	for (int i = 0; i < 8; i++) {
		rig_begin(rig, LANE_WORKER, job);
		frame_put_chunk(&rig->link.out, &(struct frame_chunk){.handle = 1, .n = 1});
		switch (i) {
		case 0:
			rig_work(rig, 1, 2, 0); /* no such chunk */
			break;
		case 1:
			rig_work(rig, 1, 1, 1); /* no such item */
			break;
		case 2:
			rig_work(rig, 1, 1, 0);
			rig_work(rig, 1, 1, 0); /* a ticket twice */
			break;
		case 3:
			frame_put_chunk(&rig->link.out, &(struct frame_chunk){.handle = 1, .n = 1});
			break;
		case 4:
			frame_put_u32(&rig->link.out, FRAME_DROP, 2);
			break;
		case 5:
			frame_put_bulk(&rig->link.out,
				       &(struct frame_bulk){.handle = 1, .n = 1, .bits = &bit});
			break;
		case 6:
			frame_put_u32(&rig->link.out, FRAME_CREDIT, 1); /* for readers */
			break;
		default:
			buf_puts(&rig->link.out, "GET / HTTP/1.1\r\n");
			break;
		}
		assert_ends(rig);
	}
}

static void a_hello_that_makes_no_sense_ends_the_lane(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	frame_put_empty(&rig->link.out, FRAME_STOP);
	assert_ends(rig);
	rig_start(rig);
	frame_put_hello(&rig->link.out, &(struct frame_hello){.version = FRAME_VERSION,
							      .role = LANE_WORKER,
							      .job_text = "version: 2\n"});
	rig_send(rig);
	assert_int_equal(WEXITSTATUS(rig_wait(rig)), 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(items_are_worked_and_answered_with_key_and_person),
		CASE(input_and_parameters_reach_the_program),
		CASE(many_items_at_once_are_all_answered),
		CASE(what_may_not_run_yet_waits_its_turn),
		CASE(an_item_waits_for_its_slot),
		CASE(a_slot_that_was_missed_brings_the_item_back),
		CASE(a_recall_brings_back_what_was_not_begun),
		CASE(a_cancel_ends_what_waits_without_beginning_it),
		CASE(a_stop_lets_what_runs_come_to_its_end),
		CASE(a_cancel_ends_what_runs),
		CASE(the_time_limit_holds),
		CASE(a_gigabyte_of_output_leaves_the_lane_small),
		CASE(an_engine_that_does_not_read_holds_the_lane_up_not_down),
		CASE(what_programs_leave_behind_is_killed),
		CASE(a_killed_lane_leaves_programs_that_the_nonce_finds),
		CASE(an_engine_that_closes_ends_lane_and_programs),
		CASE(a_killed_engine_takes_lane_and_programs_along),
		CASE(a_worker_that_hangs_does_not_outlive_its_engine_for_long),
		CASE(a_nul_in_an_argument_makes_one_bad_item),
		CASE(a_program_that_is_missing_hits_all_alike_and_the_lane_lives),
		CASE(a_source_that_has_changed_is_told_once_and_nothing_is_begun),
		CASE(noop_does_chunks_as_one),
		CASE(noop_finds_a_source_that_has_changed),
		CASE(a_job_without_source_is_one_item),
		CASE(a_damaged_body_is_the_items_fault),
		CASE(what_makes_no_sense_ends_the_lane),
		CASE(a_hello_that_makes_no_sense_ends_the_lane),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
