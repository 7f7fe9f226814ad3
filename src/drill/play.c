/* SPDX-License-Identifier: Apache-2.0 */
#include "drill/play.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "drill/standin.h"
#include "sys/clock.h"
#include "sys/file.h"

#define START_MAX_US (120 * US_PER_S)
#define DISK_FULL_US (2 * US_PER_S)
#define PAUSE_US (3 * US_PER_S)
enum { LOOK_MS = 20, ARGUMENTS_BASE = 16, EXIT_STORAGE = 74, EXIT_LATER = 75 };

/* One start, and what is done to it from outside. */
struct start {
	struct play *play;
	pid_t keeper;		   /* leads a process group of its own; 0: has ended */
	pid_t second;		   /* 0: none, or has ended */
	int status;		   /* of waitpid */
	int64_t disk_at, pause_at; /* since when; 0: not, or undone */
	bool is_first;
};

void play_ledger_url(const char *stage, char *out, size_t size)
{
	(void)snprintf(out, size, "sqlite:%s/ledger.db", stage);
}

static char **arguments_new(const struct play *play, char *url, char *first)
{
	size_t n = 0;
	char **argv = xcalloc(ARGUMENTS_BASE + 2 * play->n_params, sizeof(*argv));
	const char *const fixed[] = {"stint", "run", play->job,	      "--ledger",
				     url,     "-q",  "--no-progress", "--volatile"};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		argv[n++] = (char *)(uintptr_t)fixed[i]; /* posix_spawn does not write to them */
	if (play->has_source) {
		argv[n++] = (char *)(uintptr_t) "--first";
		argv[n++] = first;
	}
	for (size_t i = 0; i < play->n_params; i++) {
		argv[n++] = (char *)(uintptr_t) "--param";
		argv[n++] = (char *)(uintptr_t)play->params[i];
	}
	return argv;
}

/* One of the signals that drill_play() holds back has come. */
static bool is_interrupted(void)
{
	sigset_t pending;

	(void)sigemptyset(&pending);
	(void)sigpending(&pending);
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGHUP) == 1;
}

static int spawn_run(const struct play *play, pid_t *ret_pid, struct err *err)
{
	char url[PATH_MAX];
	char first[16];
	char log[PATH_MAX];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	(void)sigemptyset(&none);
	play_ledger_url(play->stage, url, sizeof(url));
	(void)snprintf(first, sizeof(first), "%d", DRILL_ITEMS);
	(void)snprintf(log, sizeof(log), "%s/said", play->stage);
	char **argv = arguments_new(play, url, first);
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&actions, 1, log,
						      O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (rc == 0)
		rc = posix_spawnattr_init(&attributes);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(&attributes, 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attributes,
					      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	if (rc == 0)
		rc = posix_spawn(ret_pid, play->program, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	free(argv);
	return rc == 0 ? 0 : ERR_SYS(err, ERR_TEMP, rc, "starting %s", play->program);
}

/* The number that a deed left on the stage, 0 none (yet). */
static pid_t word_left(const struct play *play, const char *name)
{
	char path[PATH_MAX];
	char text[32] = {0};

	(void)snprintf(path, sizeof(path), "%s/%s", play->deed_stage, name);
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_full(fd, text, sizeof(text) - 1) <= 0 || strchr(text, '\n') == NULL)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

static void forget_word(const struct play *play, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", play->deed_stage, name);
	(void)unlink(path); /* the stage is thrown away anyhow */
}

static void lift_disk(struct start *s, int64_t now)
{
	pid_t engine = word_left(s->play, STANDIN_DISK);
	struct rlimit old = {0};

	if (engine > 0 && s->disk_at == 0)
		s->disk_at = now;
	if (s->disk_at == 0 || now - s->disk_at < DISK_FULL_US)
		return;
	if (prlimit(engine, RLIMIT_FSIZE, NULL, &old) == 0) {
		const struct rlimit all = {.rlim_cur = old.rlim_max, .rlim_max = old.rlim_max};
		(void)prlimit(engine, RLIMIT_FSIZE, &all, NULL); /* gone meanwhile: as good */
	}
	forget_word(s->play, STANDIN_DISK);
	s->disk_at = 0;
}

static int start_second(struct start *s, int64_t now, struct err *err)
{
	pid_t engine = word_left(s->play, STANDIN_PAUSED);

	if (engine > 0 && s->pause_at == 0) {
		s->pause_at = now;
		return spawn_run(s->play, &s->second, err);
	}
	if (s->pause_at == 0 || now - s->pause_at < PAUSE_US)
		return 0;
	if (engine > 0)
		(void)kill(engine, SIGCONT);
	forget_word(s->play, STANDIN_PAUSED);
	s->pause_at = 0;
	return 0;
}

static void kill_at_start(struct start *s)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/ledger.db", s->play->stage);
	if (s->is_first && s->keeper > 0 && access(path, F_OK) == 0)
		(void)kill(-s->keeper, SIGKILL);
}

static int interfere(struct start *s, int64_t now, struct err *err)
{
	if (s->play->scene == SCENE_KILL_START)
		kill_at_start(s);
	if (s->play->scene == SCENE_DISK)
		lift_disk(s, now);
	return s->play->scene == SCENE_PAUSE ? start_second(s, now, err) : 0;
}

static void reap(pid_t *pid, int *status)
{
	if (*pid > 0 && waitpid(*pid, status, WNOHANG) == *pid)
		*pid = 0;
}

/* Both, and what they started: lanes end by themselves when their engine has gone. */
static void end_start(struct start *s)
{
	pid_t *const all[] = {&s->keeper, &s->second};
	int ignored = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (*all[i] <= 0)
			continue;
		(void)kill(-*all[i], SIGKILL);
		(void)waitpid(*all[i], &ignored, 0);
		*all[i] = 0;
	}
}

static int play_start(struct play *play, struct err *err)
{
	struct start s = {.play = play, .is_first = play->starts == 0};
	int64_t began = clock_monotonic_us();
	int second_status = 0;

	int rc = spawn_run(play, &s.keeper, err);
	play->starts++;
	while (rc == 0 && (s.keeper > 0 || s.second > 0)) {
		int64_t now = clock_monotonic_us();
		(void)poll(NULL, 0, LOOK_MS);
		reap(&s.keeper, &s.status);
		reap(&s.second, &second_status);
		rc = interfere(&s, now, err);
		if (rc == 0 && is_interrupted())
			rc = ERR(err, ERR_TEMP, "interrupted");
		if (rc == 0 && now - began > START_MAX_US)
			rc = ERR(err, ERR_TEMP,
				 "a start of the scene '%s' has not ended after %d s",
				 scene_get(play->scene)->name, (int)(START_MAX_US / US_PER_S));
	}
	end_start(&s);
	play->status = WIFEXITED(s.status) ? WEXITSTATUS(s.status) : -WTERMSIG(s.status);
	return rc;
}

int play_scene(struct play *play, struct err *err)
{
	int rc = 0;

	play->starts = 0;
	play->is_over = false;
	while (rc == 0 && !play->is_over && play->starts < PLAY_STARTS_MAX) {
		rc = play_start(play, err);
		/* Killed by us, or work was left: the next night goes on. */
		play->is_over = play->status >= 0 && play->status != EXIT_LATER &&
				play->status != EXIT_STORAGE;
	}
	return rc;
}
