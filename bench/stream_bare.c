/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_bare COUNT IN_FLIGHT PROGRAM [ARGUMENT…]: hands COUNT lines, as stint writes them, to one
 * process of PROGRAM, never more than IN_FLIGHT without an answer, and reads the answers: poll,
 * writes of what fits, reads, and nothing else. Prints lines a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 256, READ_BYTES = 1 << 16, QUEUE_BYTES = 1 << 16 };

static char queue[QUEUE_BYTES + LINE_BYTES];
static char answers[READ_BYTES];

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start(char **argv, int *ret_to, int *ret_from)
{
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("pipe2");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execv(argv[0], argv);
		die(argv[0]);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		die("fcntl");
	*ret_to = in[1];
	*ret_from = out[0];
	return pid;
}

static size_t put_line(char *at, long i)
{
	return (size_t)snprintf(at, LINE_BYTES,
				"{\"id\":\"%ld\",\"key\":\"%ld\",\"attempt\":1,\"idempotency_key\":"
				"\"abcdefghijklmnopqrstuvwxyz234567\",\"fields\":{\"id\":%ld}}\n",
				4096 + i, i, i);
}

int main(int argc, char **argv)
{
	long count = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	long in_flight_max = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
	long sent = 0;
	long answered = 0;
	size_t len = 0;
	size_t at = 0;
	int to = -1;
	int from = -1;

	if (count < 1 || in_flight_max < 1) {
		(void)fprintf(stderr, "usage: stream_bare COUNT IN_FLIGHT PROGRAM [ARGUMENT…]\n");
		return EXIT_FAILURE;
	}
	pid_t pid = start(argv + 3, &to, &from);
	double began = now();
	while (answered < count) {
		if (at == len)
			at = len = 0;
		while (sent < count && sent - answered < in_flight_max && len < QUEUE_BYTES)
			len += put_line(queue + len, ++sent);
		if (at < len) {
			ssize_t n = write(to, queue + at, len - at);
			if (n < 0 && errno != EAGAIN)
				die("write");
			at += n > 0 ? (size_t)n : 0;
		}
		struct pollfd p[] = {{.fd = from, .events = POLLIN},
				     {.fd = at < len ? to : -1, .events = POLLOUT}};
		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[0].revents == 0)
			continue;
		ssize_t n = read(from, answers, sizeof(answers));
		if (n <= 0)
			die("read");
		for (ssize_t i = 0; i < n; i++)
			answered += answers[i] == '\n';
	}
	(void)printf("%.1f\n", (double)count / (now() - began));
	(void)close(to);
	(void)waitpid(pid, NULL, 0);
	return EXIT_SUCCESS;
}
