/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/attempt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "drill/standin.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/proc.h"

enum { TURNS_MAX = 100000, LINE_MAX_BYTES = 64 * 1024, EFFECTS_BYTES_MAX = 1024 * 1024 };

/* Who called whom: the keeper started the engine, that the lane, and that one us. */
struct family {
	pid_t lane;
	pid_t engine;
	pid_t keeper;
};

static struct family find_family(void)
{
	struct family f = {.lane = getppid()};

	f.engine = proc_parent(f.lane);
	f.keeper = f.engine > 1 ? proc_parent(f.engine) : 0;
	return f;
}

static void end_process(pid_t pid, int signal_number)
{
	if (pid > 1)
		(void)kill(pid, signal_number); /* gone already: as good */
}

/* Which attempt of the scene this is, from 1. 0 when the stage cannot be written. */
static int take_turn(const char *stage)
{
	char path[PATH_MAX];

	for (int turn = 1; turn <= TURNS_MAX; turn++) {
		(void)snprintf(path, sizeof(path), "%s/begun.%d", stage, turn);
		AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			return turn;
		if (errno != EEXIST)
			return 0;
	}
	return 0;
}

/* One write, so that lines of several processes do not mix (open(2), O_APPEND). */
static bool put_effect(int fd, const struct attempt_item *item)
{
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);

	buf_printf(&line, "%s %s ", item->idempotency_key, item->attempt);
	for (const char *c = item->key; *c != '\0'; c++)
		buf_printf(&line, "%02x", (unsigned)(unsigned char)*c);
	buf_putc(&line, '\n');
	return !line.failed && fd_write_all(fd, line.data, line.len) == 0;
}

static void leave_word(const char *stage, const char *name, pid_t pid)
{
	char path[PATH_MAX];
	char text[32];

	(void)snprintf(path, sizeof(path), "%s/%s", stage, name);
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)fd_write_all(fd, text, (size_t)n); /* nobody reads it: the scene goes on */
}

/* Every write of the engine to a file is refused from now on, as on a full disk (setrlimit(2),
 * EFBIG). Whoever plays the scene lifts it. */
static void fill_disk(const char *stage, pid_t engine)
{
	struct rlimit old = {0};

	if (engine <= 1 || prlimit(engine, RLIMIT_FSIZE, NULL, &old) != 0)
		return;
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
	leave_word(stage, STANDIN_DISK, engine);
	(void)prlimit(engine, RLIMIT_FSIZE, &none, NULL);
}

static void kill_family(const struct family *f)
{
	end_process(f->keeper, SIGKILL); /* first: it would start the engine again */
	end_process(f->engine, SIGKILL);
	end_process(f->lane, SIGKILL);
}

/* The deed that comes before the effect; -1: the effect takes place, else the exit status. */
static int deed_before(enum scene_id scene, const char *stage, const struct family *f)
{
	if (scene == SCENE_REFUSED)
		return ATTEMPT_REFUSED;
	if (scene == SCENE_KILL_BEFORE) {
		kill_family(f);
		return ATTEMPT_FAILED;
	}
	if (scene == SCENE_DISK)
		fill_disk(stage, f->engine);
	if (scene == SCENE_STOP)
		end_process(f->keeper, SIGTERM);
	return -1;
}

static void deed_after(enum scene_id scene, const char *stage, const struct family *f)
{
	if (scene == SCENE_KILL_AFTER)
		kill_family(f);
	if (scene == SCENE_KILL_ENGINE)
		end_process(f->engine, SIGKILL);
	if (scene == SCENE_KILL_LANE)
		end_process(f->lane, SIGKILL);
	if (scene == SCENE_PAUSE) {
		leave_word(stage, STANDIN_PAUSED, f->engine);
		end_process(f->engine, SIGSTOP);
	}
	if (scene == SCENE_SLOW)
		(void)poll(NULL, 0, STANDIN_SLOW_SECONDS * 1000); /* ended by the time limit */
	if (scene == SCENE_LOST)
		(void)raise(SIGKILL);
}

/* Whether the item has taken effect. Nothing is read of a line that is not whole: it is longer than
 * the key. Not 0: nobody can tell. */
static int find_effect(const char *stage, const char *idempotency_key, bool *ret_is_there)
{
	AUTO(buf) struct buf text = BUF_INIT(EFFECTS_BYTES_MAX);
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct err err = ERR_INIT;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	int rc = file_read_all(path, EFFECTS_BYTES_MAX, &text, &err);
	if (rc < 0 && rc != ERR_NOINPUT) /* that one: nothing took effect yet */
		return rc;
	buf_printf(&line, "%s ", idempotency_key);
	*ret_is_there = rc == 0 && strstr(buf_str(&text), buf_str(&line)) != NULL;
	return 0;
}

static bool take_effect(const struct attempt_role *role, const struct attempt_item *item)
{
	char path[PATH_MAX];
	bool is_marked = false;

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, role->stage);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (!role->has_marks)
		return put_effect(fd, item);
	/* Safety: looked at and written under one lock, as in one transaction of a database; two
	 * attempts at the same item would else both find no mark. */
	if (ofd_lock(fd, 0, true) != 0 ||
	    find_effect(role->stage, item->idempotency_key, &is_marked) < 0)
		return false;
	return is_marked || put_effect(fd, item);
}

int attempt_play(const struct attempt_role *role, const struct attempt_item *item, int *ret_turn)
{
	struct family f = find_family();
	int turn = take_turn(role->stage);

	assert(role->scene < SCENE_COUNT_);
	*ret_turn = turn;
	if (turn == 0)
		return ATTEMPT_FAILED;
	bool is_ours = turn >= role->first && turn < role->first + scene_get(role->scene)->times;
	int status = is_ours ? deed_before(role->scene, role->stage, &f) : -1;
	if (status >= 0)
		return status;
	if (!take_effect(role, item))
		return ATTEMPT_FAILED;
	if (is_ours)
		deed_after(role->scene, role->stage, &f);
	return ATTEMPT_DONE;
}

int attempt_verify(const char *stage, const char *idempotency_key)
{
	bool is_there = false;

	if (find_effect(stage, idempotency_key, &is_there) < 0)
		return ATTEMPT_UNKNOWN;
	return is_there ? ATTEMPT_DONE : ATTEMPT_FAILED;
}
