/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "drill/scene.h"
#include "sys/file.h"
#include "sys/proc.h"

enum {
	STATUS_FAILED = 1,
	STATUS_UNKNOWN = 2,
	STATUS_REFUSED = 75,
	TURNS_MAX = 100000,
	LINE_MAX_BYTES = 64 * 1024,
	EFFECTS_BYTES_MAX = 1024 * 1024
};

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

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? "-" : value;
}

/* One write, so that lines of several processes do not mix (open(2), O_APPEND). */
static bool take_effect(const char *stage)
{
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	char path[PATH_MAX];
	const char *key = environment("STINT_KEY");

	buf_printf(&line, "%s %s ", environment("STINT_IDEMPOTENCY_KEY"),
		   environment("STINT_ATTEMPT"));
	for (const char *c = key; *c != '\0'; c++)
		buf_printf(&line, "%02x", (unsigned)(unsigned char)*c);
	buf_putc(&line, '\n');
	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd >= 0 && !line.failed && fd_write_all(fd, line.data, line.len) == 0;
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
		return STATUS_REFUSED;
	if (scene == SCENE_KILL_BEFORE) {
		kill_family(f);
		return STATUS_FAILED;
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

/* What a program of work.verify says: 0 it took effect, 1 it did not. Nothing is read of a line
 * that is not whole: it is longer than the key. */
static int verify(const char *stage)
{
	AUTO(buf) struct buf text = BUF_INIT(EFFECTS_BYTES_MAX);
	AUTO(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct err err = ERR_INIT;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" STANDIN_EFFECTS, stage);
	int rc = file_read_all(path, EFFECTS_BYTES_MAX, &text, &err);
	if (rc == ERR_NOINPUT) /* nothing took effect yet */
		return STATUS_FAILED;
	if (rc < 0)
		return STATUS_UNKNOWN;
	buf_printf(&line, "%s ", environment("STINT_IDEMPOTENCY_KEY"));
	return strstr(buf_str(&text), buf_str(&line)) == NULL ? STATUS_FAILED : 0;
}

int standin_main(int argc, char **argv)
{
	if (argc != 5)
		return STATUS_FAILED;
	const char *stage = argv[2];
	if (strcmp(argv[3], STANDIN_VERIFY) == 0)
		return verify(stage);
	enum scene_id scene = scene_from_name(argv[3]);
	long first = strtol(argv[4], NULL, 10);
	struct family f = find_family();
	int turn = take_turn(stage);
	if (scene == SCENE_COUNT_ || turn == 0)
		return STATUS_FAILED;
	bool is_ours = turn >= first && turn < first + scene_get(scene)->times;
	int status = is_ours ? deed_before(scene, stage, &f) : -1;
	if (status >= 0)
		return status;
	if (!take_effect(stage))
		return STATUS_FAILED;
	if (is_ours)
		deed_after(scene, stage, &f);
	return 0;
}
