/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peak_pss PROGRAM [ARG…]: runs PROGRAM and prints the most memory that its processes had at one
 * time.
 *
 * Counted is the proportional set size (what is shared is divided among those who share it) of
 * PROGRAM and of every descendant that runs the same executable; other programs that it starts are
 * not. Looks 100 times a second. Prints mebibytes; ends with PROGRAM's exit status.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <unistd.h>

extern char **environ;

enum { PIDS_MAX = 4096, LOOK_EVERY_MS = 10 };

struct process {
	int pid;
	int parent;
	int is_ours;
};

/* Parent of a process by /proc/PID/stat; -1 when it has gone. */
static int parent_of(int pid)
{
	char path[64];
	char text[512];
	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return -1;
	size_t n = fread(text, 1, sizeof text - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	const char *end = strrchr(text, ')'); /* the name before it may hold anything */
	int parent = -1;
	if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

static int same_program(int pid, const char *program)
{
	char path[64];
	char link[4096];
	(void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
	ssize_t n = readlink(path, link, sizeof link - 1);
	if (n < 0)
		return 0;
	link[n] = '\0';
	return strcmp(link, program) == 0;
}

static long pss_kib(int pid)
{
	char path[64];
	char line[256];
	long pss = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "Pss: %ld kB", &pss) == 1)
			break;
	(void)fclose(f);
	return pss;
}

static long look(int root, const char *program)
{
	static struct process all[PIDS_MAX];
	size_t n = 0;
	DIR *proc = opendir("/proc");
	if (proc == NULL)
		return 0;
	for (struct dirent *d = readdir(proc); d != NULL && n < PIDS_MAX; d = readdir(proc)) {
		int pid = (int)strtol(d->d_name, NULL, 10);
		if (pid > 0)
			all[n++] = (struct process){pid, parent_of(pid), pid == root};
	}
	(void)closedir(proc);
	for (int grew = 1; grew;) {
		grew = 0;
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n && !all[i].is_ours; j++)
				if (all[j].is_ours && all[j].pid == all[i].parent)
					grew = all[i].is_ours = 1;
	}
	long sum = 0;
	for (size_t i = 0; i < n; i++)
		if (all[i].is_ours && same_program(all[i].pid, program))
			sum += pss_kib(all[i].pid);
	return sum;
}

int main(int argc, char **argv)
{
	char program[4096];
	pid_t pid = 0;
	if (argc < 2 || realpath(argv[1], program) == NULL) {
		fprintf(stderr, "usage: peak_pss PROGRAM [ARG...]\n");
		return 64;
	}
	errno = posix_spawn(&pid, program, NULL, NULL, argv + 1, environ);
	if (errno != 0) {
		fprintf(stderr, "peak_pss: %s: %s\n", program, strerror(errno));
		return 1;
	}
	long peak = 0;
	int status = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		long now = look(pid, program);
		peak = now > peak ? now : peak;
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
	printf("%.2f\n", (double)peak / 1024);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
