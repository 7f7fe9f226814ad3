/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of every lane: what the process is to be like, and who it is to be. */
#include "lane/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "lane/brief.h"
#include "lane/finisher.h"
#include "lane/link.h"
#include "lane/reader.h"
#include "lane/worker.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/priority.h"
#include "sys/proc.h"

#define SHARED_BYTES sizeof(struct lane_shared)

enum {
	EXIT_ENGINE_GONE = 75,
	ORPHAN_S = 5,
	/* When memory is short the kernel ends lanes, and what they started, before the engine. */
	OOM_SCORE_MORE = 100,
	OOM_SCORE_MAX = 1000,
	OOM_TEXT_MAX = 16,
};

static const char OOM_SCORE_PATH[] = "/proc/self/oom_score_adj";

/* Is sent `sig` when the engine dies. False when it has died already. What this does not see (it
 * was dead before we began) is seen at the socket. */
static bool follow_parent(int sig)
{
	pid_t parent = getppid();

	(void)prctl(PR_SET_PDEATHSIG, sig); /* the socket's end is the other way */
	return getppid() == parent;
}

static void on_parent_death(int sig)
{
	(void)sig;
	(void)alarm(ORPHAN_S); /* whose signal is left as it is: it kills */
}

/* A worker that was killed with the engine would leave its programs running. So it is given time to
 * see the end of the socket and to kill them, and is killed only if it hangs. */
static bool follow_parent_with_grace(void)
{
	const struct sigaction act = {.sa_handler = on_parent_death, .sa_flags = SA_RESTART};

	(void)sigaction(SIGUSR1, &act, NULL); /* a valid number */
	return follow_parent(SIGUSR1);
}

/* A Ctrl-C, or a service manager's TERM to everything, is the engine's to answer; it says what is
 * to be done. A limit on the size of files is an error like any other. A SIGCHLD that is ignored
 * would take the status of our children away. */
static void set_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none = {0};

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)sigaction(ignored[i], &ignore, NULL); /* valid numbers */
	(void)sigaction(SIGCHLD, &plain, NULL);		    /* likewise */
	(void)sigaction(SIGALRM, &plain, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0 to 2 are open, so that no pipe of ours gets such a number; nothing else is passed on to
 * programs. */
static void set_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO) {
		(void)fcntl(fd, F_SETFD, 0); /* a descriptor that was just made */
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	if (!FAULT("lane.close"))
		(void)close_range(STDERR_FILENO + 1, ~0U,
				  CLOSE_RANGE_CLOEXEC); /* Linux 5.11; each is anyway */
}

static void raise_oom_score(void)
{
	AUTO(buf) struct buf text = BUF_INIT(OOM_TEXT_MAX);
	AUTO(fd) int fd = -1;
	int64_t score = 0;
	struct err err = ERR_INIT;

	if (file_read_all(OOM_SCORE_PATH, OOM_TEXT_MAX, &text, &err) < 0 || text.len < 2 ||
	    text_parse_int(text.data, text.len - 1, &score, &err) < 0) /* without the line end */
		return;
	score = score + OOM_SCORE_MORE > OOM_SCORE_MAX ? OOM_SCORE_MAX : score + OOM_SCORE_MORE;
	buf_reset(&text);
	buf_printf(&text, "%d", (int)score);
	fd = open(OOM_SCORE_PATH, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)fd_write_all(fd, text.data, text.len); /* a wish */
}

/* A program that asks the terminal for a password would be stopped, and wait for ever. Not by a
 * session for each program: with the kernel's autogroups (sched(7)) that would undo `nice`. */
static void leave_terminal(void)
{
	if (setsid() >= 0)
		return;
	AUTO(fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		(void)ioctl(fd, TIOCNOTTY); /* it had one, and now not */
}

static struct lane_shared *map_shared(struct err *err)
{
	struct stat st = {0};

	if (fstat(LANE_SHARED_FD, &st) < 0 || (size_t)st.st_size < SHARED_BYTES) {
		(void)ERR(err, ERR_BUG, "descriptor %d is no memory of ours", LANE_SHARED_FD);
		return NULL;
	}
	void *p = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, LANE_SHARED_FD, 0);
	if (p == MAP_FAILED) {
		(void)ERR_SYS(err, ERR_MEMORY, errno, "mapping the shared memory");
		return NULL;
	}
	return p;
}

static int complain(const struct err *err)
{
	log_error("lane: %s", err->text);
	return err_exit_status(err);
}

static int lane_work(const struct brief *brief, struct link *link)
{
	struct err err = ERR_INIT;
	struct lane_shared *shared = map_shared(&err);

	if (shared == NULL)
		return complain(&err);
	int exit_status = worker_run(brief, link, shared);
	(void)munmap(shared, SHARED_BYTES); /* our own mapping */
	return exit_status;
}

/* What this process, and so all that it starts, stands back behind. */
static int take_priority(const struct frame_hello *hello, struct err *err)
{
	int rc = hello->sets_nice ? priority_set_nice(hello->nice, err) : 0;

	if (rc == 0 && hello->io != FRAME_IO_AS_IS)
		rc = priority_set_io(hello->io == FRAME_IO_IDLE ? PRIORITY_IO_IDLE
								: PRIORITY_IO_BEST_EFFORT,
				     err);
	return rc;
}

static int lane_be(enum lane_role role, const struct brief *brief, struct link *link)
{
	switch (role) {
	case LANE_WORKER:
		leave_terminal();
		return follow_parent_with_grace() ? lane_work(brief, link) : EXIT_ENGINE_GONE;
	case LANE_READER: /* which may have to read the terminal */
		return reader_run(brief, link);
	case LANE_FINISHER:
		leave_terminal();
		return finisher_run(brief, link);
	}
	unreachable("a role that HELLO let through");
}

int lane_main(void)
{
	struct brief brief = {0};
	struct link link = {0};
	struct frame frame = {0};
	struct rlimit core = {0};
	struct err err = ERR_INIT;

	if (!follow_parent(SIGKILL))
		return EXIT_ENGINE_GONE;
	set_signals();
	set_descriptors();
	raise_oom_score();
	proc_forbid_core(&core);
	int rc = link_init(&link, LANE_SOCKET_FD, &err);
	if (rc == 0)
		rc = link_read(&link, -1, &frame, &err);
	if (rc == 0)
		rc = brief_init(&brief, &frame, &err);
	brief.core = &core;
	if (rc == 0)
		rc = take_priority(&brief.hello, &err);
	int exit_status = EXIT_ENGINE_GONE;
	if (rc == 0)
		exit_status = lane_be(brief.hello.role, &brief, &link);
	else if (rc == ERR_CONFIG && brief.hello.role == LANE_READER)
		exit_status = reader_refuse(&link, &err);
	else if (rc < 0)
		exit_status = complain(&err);
	brief_done(&brief);
	link_done(&link);
	return exit_status;
}
