/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/fault.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAULTS_MAX = 8, FAULT_NAME_MAX = 48, FAULT_WHAT_MAX = 8, MARK_MODE = 0600 };

struct fault {
	char name[FAULT_NAME_MAX];
	char what[FAULT_WHAT_MAX];
	int n;
	atomic_int seen;
};

/* What the environment asked for, read once. Not state of the program: a test's hand in it. */
static struct fault faults[FAULTS_MAX];
static size_t n_faults;
static pthread_once_t faults_read = PTHREAD_ONCE_INIT;

static void fault_read(void)
{
	const char *text = getenv("STINT_FAULT");

	while (text != NULL && n_faults < FAULTS_MAX) {
		struct fault *f = &faults[n_faults];
		if (sscanf(text, "%47[^:,]:%d:%7[a-z]", f->name, &f->n, f->what) != 3) {
			(void)fprintf(stderr, "STINT_FAULT: '%s' is not NAME:N:WHAT\n", text);
			abort();
		}
		n_faults++;
		text = strchr(text, ',');
		text = text == NULL ? NULL : text + 1;
	}
}

/* Whether this process is the one that it happens to. */
static bool fault_is_ours(void)
{
	const char *mark = getenv("STINT_FAULT_ONCE");

	if (mark == NULL)
		return true;
	int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MARK_MODE);
	if (fd < 0)
		return false;
	(void)close(fd); /* empty */
	return true;
}

static bool fault_happen(const char *what)
{
	if (strcmp(what, "kill") == 0)
		(void)kill(getpid(), SIGKILL);
	else if (strcmp(what, "stop") == 0)
		(void)raise(SIGSTOP); /* to this thread: none of what follows happens before */
	else if (strcmp(what, "crash") == 0)
		abort();
	return strcmp(what, "err") == 0 || strcmp(what, "always") == 0;
}

bool fault_point(const char *name)
{
	bool answer = false;

	(void)pthread_once(&faults_read, fault_read); /* cannot fail with a static once */
	for (size_t i = 0; i < n_faults; i++) {
		struct fault *f = &faults[i];
		if (strcmp(f->name, name) != 0)
			continue;
		int seen = atomic_fetch_add(&f->seen, 1) + 1;
		bool is_due = strcmp(f->what, "always") == 0 ? seen >= f->n : seen == f->n;
		if (is_due && fault_is_ours())
			answer = fault_happen(f->what) || answer;
	}
	return answer;
}
