/* SPDX-License-Identifier: Apache-2.0 */
#include "host/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/proc.h"

#define KEEPER_VARIABLE "STINT_KEEPER_FD"
#define SILENCE_MAX_US (120 * US_PER_S)
#define SILENCE_SHORT_US (3 * US_PER_S) /* of a test that will not wait so long */
/* The keeper itself was stopped when so much time passed unseen: the engine's silence counts anew.
 */
#define LOOK_US US_PER_S
#define STOPPED_US (10 * US_PER_S)
#define RESTART_WAIT_US US_PER_S
enum { KEEPER_FD = 5 };
/* An engine with a reader and a lane opens some 20 files of its own. */
enum { DESCRIPTORS_MIN = 24 };

/* An engine that lived so long was healthy: what killed it is not what killed the one before. */
#define HEALTHY_US (60 * US_PER_S)
/* One that ran out of memory after so long had enough to begin with, and may have it again. */
#define BEGUN_US (10 * US_PER_S)
enum { EXIT_LATER = 75, EXIT_INTERNAL = 70, EXIT_MEMORY = 71 };

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t keeper_engine_pid;
static volatile sig_atomic_t keeper_was_told;

static void keeper_pass_on(int signal_number)
{
	int saved = errno;

	if (signal_number != SIGHUP)
		keeper_was_told = signal_number;
	if (keeper_engine_pid > 0)
		(void)kill(keeper_engine_pid, signal_number);
	errno = saved;
}

int keeper_child_fd(void)
{
	static int64_t fd = -1;
	const char *text = getenv(KEEPER_VARIABLE);
	struct err err = ERR_INIT;

	/* Taken out at once: a program of an item that calls stint itself is nobody's engine. */
	if (text != NULL && text_parse_int(text, strlen(text), &fd, &err) < 0)
		fd = -1;
	(void)unsetenv(KEEPER_VARIABLE); /* cannot fail for this name */
	if (fd >= 0)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static char **engine_environment(char *variable)
{
	size_t n = 0;
	size_t o = 0;

	while (environ[n] != NULL)
		n++;
	char **env = xcalloc(n + 2, sizeof(*env));
	env[o++] = variable;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], KEEPER_VARIABLE "=", strlen(KEEPER_VARIABLE "=")) != 0)
			env[o++] = environ[i];
	return env;
}

static int keeper_spawn(char *const *argv, int fd, pid_t *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	char variable[64];

	(void)snprintf(variable, sizeof(variable), KEEPER_VARIABLE "=%d", KEEPER_FD);
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, fd, KEEPER_FD);
	char **env = engine_environment(variable);
	if (rc == 0)
		rc = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, argv, env);
	free(env);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return ERR_SYS(err, ERR_BUG, rc, "starting the engine");
	return 0;
}

/* Reads ticks until the engine ends or has been silent for too long. Gives the wait status. */
static int keeper_watch(int fd, pid_t pid)
{
	int64_t silence_max = FAULT("keeper.impatient") ? SILENCE_SHORT_US : SILENCE_MAX_US;
	int64_t last_tick = clock_monotonic_us();
	int64_t last_look = last_tick;
	int status = 0;
	char ticks[64];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, (int)(LOOK_US / US_PER_MS));
		int64_t now = clock_monotonic_us();
		if (now - last_look > STOPPED_US)
			last_tick = now;
		last_look = now;
		if (n > 0) {
			ssize_t got = read(fd, ticks, sizeof(ticks));
			if (got > 0)
				last_tick = now;
			else if (got == 0 || errno != EINTR)
				break; /* closed: it ends */
		}
		if (now - last_tick > silence_max) {
			log_error("the engine (pid %d) has not moved for %lld s and is killed", pid,
				  (long long)(silence_max / US_PER_S));
			(void)kill(pid, SIGKILL);
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static int keeper_once(char *const *argv, int *ret_status, struct err *err)
{
	int pair[2];
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ERR_SYS(err, ERR_BUG, errno, "socketpair");
	int rc = keeper_spawn(argv, pair[1], &pid, err);
	(void)close(pair[1]);
	if (rc == 0) {
		(void)FAULT("keeper.started");
		keeper_engine_pid = pid;
		/* What came while it was being started was passed on to nobody. */
		if (keeper_was_told != 0)
			(void)kill(pid, keeper_was_told);
		*ret_status = keeper_watch(pair[0], pid);
		keeper_engine_pid = 0;
	}
	(void)close(pair[0]);
	return rc;
}

static void keeper_handle_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = keeper_pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		(void)sigaction(numbers[i], &action, NULL); /* cannot fail for these numbers */
}

bool keeper_is_told(void)
{
	return keeper_was_told != 0;
}

/* In short steps: a signal between the look and the wait must not be missed for long. */
bool keeper_sleep(int64_t us)
{
	int64_t until = clock_monotonic_us() + us;

	keeper_handle_signals();
	while (keeper_was_told == 0 && clock_monotonic_us() < until)
		(void)poll(NULL, 0, (int)(LOOK_US / US_PER_MS)); /* a signal ends it early */
	return keeper_was_told == 0;
}

/* Whether it came to an end of its own, which another start would not mend. */
static bool keeper_is_end(int status, int64_t lived_us)
{
	if (!WIFEXITED(status))
		return false;
	return WEXITSTATUS(status) != EXIT_MEMORY || lived_us < BEGUN_US;
}

/* Ended by the signal that was passed on, before it was so far as to wait for any. */
static bool keeper_was_early(int status)
{
	return keeper_was_told != 0 && WIFSIGNALED(status) && WTERMSIG(status) == keeper_was_told;
}

static void keeper_say_death(int status)
{
	if (WIFEXITED(status))
		log_error("the engine ran out of memory");
	else
		log_error("the engine died by signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
}

/* With fewer an engine would not come as far as its loop, or wait for a reader for ever. */
static int keeper_check_descriptors(struct err *err)
{
	int fds[DESCRIPTORS_MIN];
	int n = 0;
	int os_errno = 0;

	while (n < DESCRIPTORS_MIN && os_errno == 0) {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			os_errno = errno;
		else
			n++;
	}
	for (int i = 0; i < n; i++)
		(void)close(fds[i]); /* only read, and not even that */
	if (os_errno == EMFILE)
		return ERR_SYS(err, ERR_MEMORY, os_errno,
			       "a run needs %d files that it can open, and here it can open %d"
			       " (see `ulimit -n`)",
			       DESCRIPTORS_MIN, n);
	return 0;
}

int keeper_run(char *const *argv, int *ret_exit, struct err *err)
{
	int64_t wait = RESTART_WAIT_US;
	int deaths = 0;
	int rc = keeper_check_descriptors(err);

	if (rc < 0)
		return rc;
	keeper_handle_signals();
	for (;;) {
		int status = 0;
		int64_t began = clock_monotonic_us();
		if (keeper_once(argv, &status, err) < 0)
			return err->code;
		int64_t lived_us = clock_monotonic_us() - began;
		if (keeper_is_end(status, lived_us)) {
			*ret_exit = WEXITSTATUS(status);
			return 0;
		}
		if (keeper_was_early(status)) {
			*ret_exit = EXIT_LATER;
			return 0;
		}
		keeper_say_death(status);
		if (lived_us > HEALTHY_US) {
			deaths = 0;
			wait = RESTART_WAIT_US;
		}
		if (++deaths > KEEPER_RESTARTS && !FAULT("keeper.stubborn")) {
			log_error("it died %d times in a row and is not started again; "
				  "the next run resumes",
				  deaths);
			*ret_exit = EXIT_INTERNAL;
			return 0;
		}
		log_warn("it is started again in %lld s and resumes", (long long)(wait / US_PER_S));
		(void)poll(NULL, 0, (int)(wait / US_PER_MS)); /* a signal ends it early */
		if (keeper_was_told != 0) {
			*ret_exit = EXIT_LATER;
			return 0;
		}
		wait *= 2;
	}
}
