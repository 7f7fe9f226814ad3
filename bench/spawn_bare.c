/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn_bare COUNT IN_FLIGHT PROGRAM [ARG…]: what starting programs costs when nothing else is
 * done.
 *
 * Starts PROGRAM COUNT times by posix_spawn, IN_FLIGHT at once, each with what a batch processor
 * has to give it: stdin from /dev/null, stdout and stderr into pipes that are read to their end, a
 * process group of its own, and its exit status waited for. Prints how many a second. Fails when
 * one fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { IN_FLIGHT_MAX = 64 };

struct child {
	pid_t pid;
	struct pollfd out[2]; /* stdout and stderr, -1 when at their end */
};

static void die(const char *what)
{
	fprintf(stderr, "spawn_bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start(struct child *child, char **argv, const posix_spawnattr_t *attr)
{
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions) != 0)
		die("file actions");
	int rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	int write_ends[2] = {-1, -1};
	for (int i = 0; i < 2; i++) {
		int ends[2] = {-1, -1};
		if (pipe2(ends, O_CLOEXEC) != 0)
			die("pipe2");
		child->out[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
		write_ends[i] = ends[1];
		rc |= posix_spawn_file_actions_adddup2(&actions, ends[1], 1 + i);
	}
	if (rc != 0)
		die("file actions");
	errno = posix_spawn(&child->pid, argv[0], &actions, attr, argv, environ);
	if (errno != 0)
		die(argv[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(write_ends[0]);
	(void)close(write_ends[1]);
}

/* Reads what is there; true when both pipes are at their end. */
static int drain(struct child *child)
{
	char bytes[4096];
	for (int i = 0; i < 2; i++) {
		if (child->out[i].fd < 0 || child->out[i].revents == 0)
			continue;
		ssize_t n = read(child->out[i].fd, bytes, sizeof bytes);
		if (n > 0)
			continue;
		(void)close(child->out[i].fd);
		child->out[i].fd = -1;
	}
	return child->out[0].fd < 0 && child->out[1].fd < 0;
}

int main(int argc, char **argv)
{
	long count = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	int width = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (count < 1 || width < 1 || width > IN_FLIGHT_MAX) {
		fprintf(stderr, "usage: spawn_bare COUNT IN_FLIGHT PROGRAM [ARG...]\n");
		return 64;
	}
	posix_spawnattr_t attr;
	if (posix_spawnattr_init(&attr) != 0 ||
	    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP) != 0)
		die("attributes");

	struct child children[IN_FLIGHT_MAX] = {0};
	struct pollfd polled[2 * IN_FLIGHT_MAX];
	long started = 0;
	double began = seconds();
	for (long ended = 0; ended < count;) {
		for (int i = 0; i < width; i++) {
			if (children[i].pid == 0 && started < count) {
				start(&children[i], argv + 3, &attr);
				started++;
			}
			polled[2 * i] = (struct pollfd){.fd = -1};
			polled[2 * i + 1] = (struct pollfd){.fd = -1};
			if (children[i].pid != 0)
				memcpy(&polled[2 * i], children[i].out, sizeof children[i].out);
		}
		if (poll(polled, 2 * (nfds_t)width, -1) < 0)
			die("poll");
		for (int i = 0; i < width; i++) {
			if (children[i].pid == 0)
				continue;
			memcpy(children[i].out, &polled[2 * i], sizeof children[i].out);
			int status = 0;
			if (!drain(&children[i]))
				continue;
			if (waitpid(children[i].pid, &status, 0) < 0)
				die("waitpid");
			if (status != 0) {
				fprintf(stderr, "spawn_bare: status %d\n", status);
				return 1;
			}
			children[i].pid = 0;
			ended++;
		}
	}
	printf("%.1f\n", (double)count / (seconds() - began));
	return 0;
}
