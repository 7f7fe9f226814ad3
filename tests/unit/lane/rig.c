/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/lane/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "lane/lane.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"

#define PATIENCE_US (30 * US_PER_S)
enum { SLOTS_BYTES = sizeof(struct lane_shared) };

void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	(void)snprintf(rig->directory, sizeof(rig->directory), "/tmp/stint-lane-XXXXXX");
	assert_non_null(mkdtemp(rig->directory));
	rig->may_run = 64;
	(void)snprintf(rig->nonce, sizeof(rig->nonce), "7e57.%d.", (int)getpid());
	rig->pid = -1;
	rig->stdin_fd = -1;
}

void rig_write(const struct rig *rig, const char *name, const char *text)
{
	char path[256] = "";
	struct err err = ERR_INIT;

	(void)snprintf(path, sizeof(path), "%s/%s", rig->directory, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &err), 0);
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	char name[512] = "";

	if (dir == NULL)
		return;
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			remove_directory(name);
		else
			(void)unlink(name);
	}
	(void)closedir(dir);
	(void)rmdir(path);
}

static void rig_close(struct rig *rig)
{
	if (rig->slots == NULL)
		return;
	(void)close(rig->link.fd);
	(void)close(rig->shared_fd);
	link_done(&rig->link);
	(void)munmap(rig->slots, SLOTS_BYTES);
	rig->slots = NULL;
}

void rig_done(struct rig *rig)
{
	if (rig->pid > 0) {
		(void)kill(rig->pid, SIGKILL);
		(void)waitpid(rig->pid, NULL, 0);
	}
	rig_close(rig);
	(void)rig_children(rig, SIGKILL);
	arena_done(&rig->arena);
	remove_directory(rig->directory);
}

/* In the child. Like host/: a socket at 3, memory at 4, and a group of its own. */
static void be_lane(const struct rig *rig, int socket_fd)
{
	int shared_fd = rig->shared_fd;
	int socket_copy = fcntl(socket_fd, F_DUPFD_CLOEXEC, 10);
	int shared_copy = fcntl(shared_fd, F_DUPFD_CLOEXEC, 10);

	if (rig->stdin_fd >= 0)
		(void)dup2(rig->stdin_fd, STDIN_FILENO);
	(void)setpgid(0, 0);
	if (dup2(socket_copy, LANE_SOCKET_FD) < 0 || dup2(shared_copy, LANE_SHARED_FD) < 0)
		_exit(99);
	(void)close_range(LANE_SHARED_FD + 1, ~0U, 0);
	exit(lane_main());
}

void rig_start(struct rig *rig)
{
	int pair[2] = {-1, -1};
	struct err err = ERR_INIT;

	rig_close(rig);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	rig->shared_fd = memfd_create("slots", MFD_CLOEXEC);
	assert_true(rig->shared_fd >= 0);
	assert_int_equal(ftruncate(rig->shared_fd, SLOTS_BYTES), 0);
	rig->slots = mmap(NULL, SLOTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, rig->shared_fd, 0);
	assert_true(rig->slots != MAP_FAILED);
	(void)fflush(NULL);
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid == 0)
		be_lane(rig, pair[1]);
	(void)close(pair[1]);
	assert_int_equal(link_init(&rig->link, pair[0], &err), 0);
}

void rig_hello(struct rig *rig, const struct frame_hello *hello)
{
	struct frame_hello h = *hello;

	h.version = FRAME_VERSION;
	h.job_path = "test.yaml";
	h.job_directory = rig->directory;
	h.run_id = 17;
	h.step = 1;
	h.run_name = "test@2026-03-29";
	h.slot = "2026-03-29";
	h.date = "2026-03-28";
	h.nonce = rig->nonce;
	for (size_t i = 0; i < sizeof(h.ledger_uuid); i++)
		h.ledger_uuid[i] = (uint8_t)i;
	frame_put_hello(&rig->link.out, &h);
	rig_send(rig);
	(void)rig_expect(rig, FRAME_READY);
}

void rig_begin(struct rig *rig, enum lane_role role, const char *job_text)
{
	rig_start(rig);
	rig_hello(rig, &(struct frame_hello){.role = role, .job_text = job_text});
}

void rig_send(struct rig *rig)
{
	struct err err = ERR_INIT;

	if (link_send(&rig->link, &err) != 0)
		fail_msg("sending: %s", err.text);
}

struct frame rig_expect(struct rig *rig, enum frame_type type)
{
	struct frame frame = {0};
	struct err err = ERR_INIT;
	int rc = link_read(&rig->link, PATIENCE_US, &frame, &err);

	if (rc != 0)
		fail_msg("%s expected: %s", frame_name(type),
			 rc == LINK_END	   ? "the lane is gone"
			 : rc == LINK_WAIT ? "nothing came"
					   : err.text);
	if (frame.type != type)
		fail_msg("%s expected, %s came", frame_name(type), frame_name(frame.type));
	return frame;
}

void rig_expect_nothing(struct rig *rig, int64_t us)
{
	struct frame frame = {0};
	struct err err = ERR_INIT;
	int rc = link_read(&rig->link, us, &frame, &err);

	if (rc != LINK_WAIT)
		fail_msg("nothing expected, %s", rc == 0 ? frame_name(frame.type) : "the end");
}

int rig_wait(struct rig *rig)
{
	int status = 0;
	int64_t end = clock_monotonic_us() + PATIENCE_US;

	while (waitpid(rig->pid, &status, WNOHANG) == 0)
		if (clock_monotonic_us() > end)
			fail_msg("the lane does not end");
	rig->pid = -1;
	return status;
}

void rig_stop(struct rig *rig)
{
	frame_put_empty(&rig->link.out, FRAME_STOP);
	rig_send(rig);
	int status = rig_wait(rig);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void *rig_read_chunk(struct rig *rig, const char *job_text, uint32_t expected_n, size_t *ret_len)
{
	struct err err = ERR_INIT;
	struct frame_loaded loaded = {0};
	struct frame_load_end end = {0};

	rig_begin(rig, LANE_READER, job_text);
	struct frame frame = rig_expect(rig, FRAME_LOADED);
	assert_int_equal(frame_get_loaded(&frame, &rig->arena, &loaded, &err), 0);
	assert_int_equal(loaded.n, expected_n);
	*ret_len = loaded.body_len;
	void *body = xmemdup(loaded.body, loaded.body_len);
	frame = rig_expect(rig, FRAME_LOAD_END);
	assert_int_equal(frame_get_load_end(&frame, &rig->arena, &end, &err), 0);
	assert_string_equal(end.text, "");
	assert_int_equal(end.end, LOAD_OK);
	assert_int_equal(rig_wait(rig), 0);
	return body;
}

struct frame_outcome rig_expect_outcome(struct rig *rig)
{
	struct frame frame = rig_expect(rig, FRAME_OUTCOME);
	struct frame_outcome outcome = {0};
	struct err err = ERR_INIT;

	if (frame_get_outcome(&frame, &rig->arena, &outcome, &err) != 0)
		fail_msg("%s", err.text);
	/* lives on when the next frame comes */
	outcome.output = arena_text(&rig->arena, outcome.output, outcome.output_len);
	return outcome;
}

void rig_work(struct rig *rig, uint32_t ticket, uint32_t handle, uint32_t index)
{
	const struct frame_work_item item = {
		.ticket = ticket, .handle = handle, .index = index, .attempt = 1};

	rig->slots[ticket].begun = 0;
	frame_put_work(&rig->link.out,
		       &(struct frame_work){.slots = rig->may_run, .n = 1, .items = &item});
}

size_t rig_children(const struct rig *rig, int sig)
{
	return proc_kill_by_env("STINT_NONCE", rig->nonce, sig, NULL, 0);
}

void rig_expect_no_children(const struct rig *rig)
{
	int64_t end = clock_monotonic_us() + PATIENCE_US;

	while (rig_children(rig, 0) > 0)
		if (clock_monotonic_us() > end)
			fail_msg("there are programs left");
}

sqlite3 *rig_open_target(const struct rig *rig)
{
	char path[sizeof(rig->directory) + sizeof("/target.db")] = "";
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof(path), "%s/target.db", rig->directory); /* it fits */
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

void rig_execute(const struct rig *rig, const char *sql)
{
	sqlite3 *db = rig_open_target(rig);

	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
