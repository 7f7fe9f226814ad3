/* SPDX-License-Identifier: Apache-2.0 */
#include "inject/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

enum {
	SAID_BYTES = 256 * 1024,
	ERRORS_BYTES = 16 * 1024,
	TRIALS = 40,
	LIMIT_S = 60,
	EXIT_WRONG = 99,
	EXIT_MEMORY = 71
};

/* Shared with the children. */
struct page {
	char said[SAID_BYTES];
	size_t said_len;
	int acknowledged;
	int counted;
	int code;
	char text[ERR_TEXT_MAX];
	char shared[INJECT_SHARED_BYTES];
};

struct fault {
	const char *name;
	struct call_fault call;
	bool is_harmless; /* must end as without it */
};

static const struct fault faults[] = {
	{"no memory, once", {CALL_MEMORY, ENOMEM, false}, false},
	{"no memory any more", {CALL_MEMORY, ENOMEM, true}, false},
	{"a read fails", {CALL_READ, EIO, false}, false},
	{"a read is interrupted", {CALL_READ, EINTR, false}, true},
	{"a read is short", {CALL_READ, 0, false}, true},
	{"a write fails", {CALL_WRITE, EIO, false}, false},
	{"disk full, once", {CALL_WRITE, ENOSPC, false}, false},
	{"disk full from there on", {CALL_WRITE, ENOSPC, true}, false},
	{"a write is interrupted", {CALL_WRITE, EINTR, false}, true},
	{"a write is short", {CALL_WRITE, 0, false}, true},
	{"a sync fails", {CALL_SYNC, EIO, false}, false},
	{"a file call fails", {CALL_FILE, EIO, false}, false},
	{"no descriptors any more", {CALL_FILE, EMFILE, true}, false},
};

static struct page *page;
static const struct inject_scenario *scenario;
static bool is_first;
static char reference[SAID_BYTES];
static size_t reference_len;
static unsigned seed;
static int n_findings;
static char complaint[1024];

/* ---- what scenarios call ---- */

void inject_say(const char *fmt, ...)
{
	va_list ap;
	size_t room = sizeof(page->said) - page->said_len;

	calls_pause();
	va_start(ap, fmt);
	int n = vsnprintf(page->said + page->said_len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		inject_wrong("it says too much");
	page->said_len += (size_t)n;
	calls_go_on();
}

void inject_acknowledge(void)
{
	page->acknowledged++;
}

void inject_fail(const struct err *err)
{
	page->counted = calls_counted();
	page->code = err->code;
	(void)snprintf(page->text, sizeof(page->text), "%s", err->text); /* the same size */
	_exit(0);
}

void inject_wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(page->text, sizeof(page->text), fmt, ap);
	va_end(ap);
	_exit(EXIT_WRONG);
}

bool inject_is_first(void)
{
	return is_first;
}

bool inject_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(complaint, sizeof(complaint), fmt, ap);
	va_end(ap);
	return false;
}

void *inject_shared(void)
{
	return page->shared;
}

/* ---- a trial ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static void start_anew(void)
{
	bool is_anew = is_first || !scenario->is_kept;

	if (is_anew)
		(void)nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS);
	page->counted = 0;
	page->code = 0;
	page->text[0] = '\0';
	if (is_anew)
		scenario->prepare();
	page->said_len = 0;
	page->acknowledged = 0;
}

_Noreturn static void child(const struct call_fault *fault, int nth)
{
	int fd = open(".stderr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		inject_wrong("no standard error");
	(void)alarm(LIMIT_S);
	if (fault != NULL)
		calls_arm(fault, nth);
	scenario->act();
	calls_pause();
	page->counted = calls_counted();
	_exit(0);
}

/* Gives the wait status. */
static int run_child(const struct call_fault *fault, int nth)
{
	int status = -1;

	start_anew();
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		child(fault, nth);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

static void read_errors(char *out, size_t size)
{
	int fd = open(".stderr", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* Where the two begin to differ. */
static void complain_of_difference(void)
{
	size_t i = 0;

	while (i < page->said_len && i < reference_len && page->said[i] == reference[i])
		i++;
	while (i > 0 && page->said[i - 1] != '\n')
		i--;
	(void)inject_complain("says '%.200s' instead of '%.200s'", page->said + i, reference + i);
}

static bool is_end_well(const struct fault *fault, int status, bool was_hit)
{
	char errors[ERRORS_BYTES];

	read_errors(errors, sizeof(errors));
	if (WIFSIGNALED(status))
		return inject_complain("dies by signal %d: %s", WTERMSIG(status), errors);
	if (WEXITSTATUS(status) == EXIT_WRONG)
		return inject_complain("%s %s", page->text, errors);
	if (WEXITSTATUS(status) == EXIT_MEMORY && fault->call.kind == CALL_MEMORY)
		return strstr(errors, "out of memory") != NULL ||
		       inject_complain("71 without words");
	if (WEXITSTATUS(status) != 0)
		return inject_complain("exit %d: %s", WEXITSTATUS(status), errors);
	if (page->code != 0) {
		/* Some wait until it has passed, which ends when the scenario says so. */
		if ((fault->is_harmless && page->code != ERR_TEMP) || !was_hit)
			return inject_complain("fails with %d: %s", page->code, page->text);
		if (page->text[0] == '\0')
			return inject_complain("fails with %d, without words", page->code);
		if (page->code == ERR_DATA || page->code == ERR_CONFIG || page->code == ERR_USAGE ||
		    page->code == ERR_TOO_BIG)
			return inject_complain("blames the data: %s", page->text);
		return true;
	}
	if (page->said_len != reference_len || memcmp(page->said, reference, reference_len) != 0)
		complain_of_difference();
	return complaint[0] == '\0';
}

struct tally {
	int tried, failed, no_memory, unharmed, findings;
};

static void trial(const struct fault *fault, int nth, bool was_hit, struct tally *tally)
{
	complaint[0] = '\0';
	int status = run_child(&fault->call, nth);
	struct inject_end end = {.acknowledged = page->acknowledged,
				 .code = page->code,
				 .no_memory = WIFEXITED(status) &&
					      WEXITSTATUS(status) == EXIT_MEMORY};
	bool is_well = is_end_well(fault, status, was_hit);
	if (is_well && scenario->check != NULL)
		is_well = scenario->check(&end);
	tally->tried++;
	tally->no_memory += end.no_memory;
	tally->failed += end.code != 0;
	tally->unharmed += end.code == 0 && !end.no_memory;
	if (is_well)
		return;
	tally->findings++;
	n_findings++;
	printf("FINDING %s, %s %d: %s\n", scenario->name, fault->name, nth, complaint);
}

/* Of `n` calls those that are tried: all, or so many. */
static int step_for(int n)
{
	const char *text = getenv("INJECT_TRIALS");
	int trials = text == NULL ? TRIALS : (int)strtol(text, NULL, 10);

	return trials <= 0 || n <= trials ? 1 : (n + trials - 1) / trials;
}

static void try_fault(const struct fault *fault)
{
	struct tally tally = {0};

	/* As without: and how many calls there are. */
	trial(fault, 0, false, &tally);
	int n = page->counted;
	int step = step_for(n);
	for (int nth = 1 + (int)(seed % (unsigned)step); nth <= n; nth += step)
		trial(fault, nth, true, &tally);
	printf("%-24s %-24s %6d calls %4d tried %4d failed %4d status 71 %4d unharmed %d wrong\n",
	       scenario->name, fault->name, n, tally.tried - 1, tally.failed, tally.no_memory,
	       tally.unharmed - 1, tally.findings);
}

static void try_scenario(const struct inject_scenario *s)
{
	const struct fault none = {"no fault", {0}, true};

	scenario = s;
	memset(page->shared, 0, sizeof(page->shared));
	complaint[0] = '\0';
	is_first = true;
	int status = run_child(NULL, 0);
	is_first = false;
	reference_len = page->said_len;
	memcpy(reference, page->said, reference_len);
	if (!is_end_well(&none, status, false)) {
		n_findings++;
		printf("FINDING %s: %s\n", s->name, complaint);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if ((s->kinds & INJECT(faults[i].call.kind)) != 0)
			try_fault(&faults[i]);
}

int inject_main(const struct inject_scenario *scenarios, size_t n)
{
	char directory[64];
	const char *text = getenv("INJECT_SEED");

	seed = text == NULL ? (unsigned)time(NULL) ^ (unsigned)getpid()
			    : (unsigned)strtoul(text, NULL, 10);
	printf("INJECT_SEED=%u\n", seed);
	/* In memory where there is a place for that: a failing fsync is made by us. */
	(void)snprintf(directory, sizeof(directory), "%s/stint-inject-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mkdtemp(directory) == NULL || chdir(directory) < 0) {
		perror(directory);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		try_scenario(&scenarios[i]);
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)rmdir(directory); /* a temporary one */
	return n_findings == 0 ? 0 : 1;
}
