/* SPDX-License-Identifier: Apache-2.0 */
#include "host/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "host/grave.h"
#include "host/process_inside.h"
#include "loop/loop.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/priority.h"
#include "sys/proc.h"

enum { READ_BYTES = 256 * 1024, NICED_MAX = 16384 };
#define SHARED_BYTES sizeof(struct lane_shared)

static void process_on_socket(void *arg, int fd, int events);
static void process_on_child(void *arg, pid_t pid, int status);

static struct process *process_find(struct processes *ps, uint32_t lane)
{
	for (struct list *node = ps->all.next; node != &ps->all; node = node->next) {
		struct process *p = CONTAINER_OF(node, struct process, link);
		if (p->lane == lane)
			return p;
	}
	return NULL;
}

struct processes *processes_new(struct loop *loop, const uint8_t nonce[16],
				const struct process_events *events)
{
	struct processes *ps = xnew(struct processes);

	ps->loop = loop;
	ps->events = *events;
	memcpy(ps->nonce, nonce, sizeof(ps->nonce));
	list_init(&ps->all);
	list_init(&ps->graves);
	return ps;
}

void processes_use_group(struct processes *ps, const char *group)
{
	ps->group = group;
}

static void process_close_socket(struct process *p)
{
	if (p->watch == NULL)
		return;
	loop_watch_close(p->watch);
	p->watch = NULL;
}

void process_free(struct process *p)
{
	list_remove(&p->link);
	process_close_socket(p);
	if (p->child != NULL)
		loop_child_free(p->child);
	if (p->shared != NULL)
		(void)munmap(p->shared, SHARED_BYTES); /* our own mapping: cannot fail */
	buf_done(&p->in);
	buf_done(&p->out);
	free(p);
}

void processes_free(struct processes *ps)
{
	if (ps == NULL)
		return;
	while (!list_is_empty(&ps->graves))
		grave_free(CONTAINER_OF(list_first(&ps->graves), struct grave, link));
	while (!list_is_empty(&ps->all)) {
		struct process *p = CONTAINER_OF(list_first(&ps->all), struct process, link);
		if (p->pid > 0 && !p->is_reaped)
			(void)kill(p->pid,
				   SIGKILL); /* our child, not yet waited for: still its pid */
		process_free(p);
	}
	free(ps);
}

/* ---- starting ---- */

static const char *role_name(enum lane_role role)
{
	switch (role) {
	case LANE_WORKER:
		return "worker";
	case LANE_READER:
		return "reader";
	case LANE_FINISHER:
		return "finisher";
	}
	return "?";
}

/* Our environment with STINT_NONCE, by which everything that the lane starts is found again. */
static char **lane_environment(const struct processes *ps, uint32_t lane, char *nonce, size_t size)
{
	size_t n = 0;
	size_t o = 0;

	while (environ[n] != NULL)
		n++;
	char **env = xcalloc(n + 2, sizeof(*env));
	grave_put_nonce(nonce, size, ps->nonce, lane);
	env[o++] = nonce;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "STINT_NONCE=", strlen("STINT_NONCE=")) != 0)
			env[o++] = environ[i];
	return env;
}

/* Which descriptors the lane gets: its socket, its shared memory, and what it says goes to stderr,
 * because our standard output is for results. */
static int lane_file_actions(posix_spawn_file_actions_t *actions, enum lane_role role, int sock,
			     int shared)
{
	int rc = posix_spawn_file_actions_init(actions);

	if (rc == 0 && role != LANE_READER)
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						      0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, sock, LANE_SOCKET_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, shared, LANE_SHARED_FD);
	return rc;
}

static int lane_spawn(struct processes *ps, struct process *p, enum lane_role role, int sock,
		      int shared)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char nonce[GRAVE_NONCE_MAX];
	char program[] = "stint";
	char verb[] = PROCESS_LANE_VERB;
	char role_text[16];
	sigset_t none;

	(void)snprintf(role_text, sizeof(role_text), "%s", role_name(role));
	char *argv[] = {program, verb, role_text, NULL};
	int rc = lane_file_actions(&actions, role, sock, shared);
	if (rc != 0)
		return rc;
	(void)posix_spawnattr_init(&attr); /* glibc: only fills memory */
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	short flags = POSIX_SPAWN_SETSIGMASK;
	/* A terminal's Ctrl-C is for us alone; a reader must stay in front to read the terminal. */
	if (role != LANE_READER)
		flags = (short)(flags | POSIX_SPAWN_SETPGROUP);
	(void)posix_spawnattr_setflags(&attr, flags);
	char **env = lane_environment(ps, p->lane, nonce, sizeof(nonce));
	rc = posix_spawn(&p->pid, "/proc/self/exe", &actions, &attr, argv, env);
	free(env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* The same above the numbers that the lane's are duplicated to, so that neither overwrites the
 * other. */
static int fd_above(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LANE_SHARED_FD + 1);

	if (fd >= 0)
		(void)close(fd);
	return high;
}

static int lane_shared_memory(struct process *p, struct err *err)
{
	int fd = fd_above(memfd_create("stint-slots", MFD_CLOEXEC));

	if (fd < 0)
		return ERR_SYS(err, ERR_TEMP, errno, "memfd_create");
	if (ftruncate(fd, SHARED_BYTES) < 0) {
		(void)ERR_SYS(err, ERR_TEMP, errno, "ftruncate");
		(void)close(fd);
		return ERR_TEMP;
	}
	p->shared = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p->shared == MAP_FAILED) {
		p->shared = NULL;
		(void)ERR_SYS(err, ERR_TEMP, errno, "mmap");
		(void)close(fd);
		return ERR_TEMP;
	}
	atomic_store(&p->shared->until, p->all->until);
	return fd;
}

int process_start(struct processes *ps, enum lane_role role, uint32_t lane,
		  struct world_lane *ret_lane, struct err *err)
{
	int pair[2];
	struct process *p = xnew(struct process);

	p->all = ps;
	p->lane = lane;
	p->in = BUF_INIT((size_t)2 * FRAME_BYTES_MAX);
	p->out = BUF_INIT((size_t)8 * FRAME_BYTES_MAX);
	list_init(&p->link);
	int shared = lane_shared_memory(p, err);
	if (shared < 0) {
		process_free(p);
		return ERR_TEMP;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)ERR_SYS(err, ERR_TEMP, errno, "socketpair");
		(void)close(shared);
		process_free(p);
		return ERR_TEMP;
	}
	pair[1] = fd_above(pair[1]);
	int rc = pair[1] < 0 ? EMFILE : lane_spawn(ps, p, role, pair[1], shared);
	if (pair[1] >= 0)
		(void)close(pair[1]);
	(void)close(shared);
	if (rc != 0 || fd_set_nonblocking(pair[0]) < 0) {
		(void)ERR_SYS(err, ERR_TEMP, rc, "starting a %s process", role_name(role));
		(void)close(pair[0]);
		process_free(p);
		return ERR_TEMP;
	}
	/* Before its first frame: it has done nothing, and started nothing. */
	struct err why = ERR_INIT;
	if (ps->group != NULL && cgroup_take(ps->group, p->pid, &why) < 0) {
		log_error("%s", why.text);
		(void)kill(p->pid, SIGKILL); /* our child; its end is told as any */
	}
	list_append(&ps->all, &p->link);
	p->watch = loop_watch_new(ps->loop, pair[0], LOOP_READ, process_on_socket, p);
	p->child = loop_child_new(ps->loop, p->pid, process_on_child, p);
	p->start_time = proc_start_time(p->pid);
	p->fd = pair[0];
	*ret_lane = (struct world_lane){.pid = p->pid, .start_time = p->start_time};
	return 0;
}

/* ---- frames ---- */

static void process_write(struct process *p)
{
	while (p->out.len > 0) {
		ssize_t n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full: later; gone: its end is told by the child's */
		buf_consume(&p->out, (size_t)n);
	}
	if (p->watch != NULL)
		loop_watch_set(p->watch, LOOP_READ | (p->out.len > 0 ? LOOP_WRITE : 0));
}

/* Hands over all whole frames. A process that sends what is no frame is killed. */
static void process_deliver(struct process *p)
{
	size_t at = 0;
	struct frame frame;
	size_t used = 0;
	struct err err = ERR_INIT;

	while (!p->is_mute) {
		int rc = frame_split(p->in.data + at, p->in.len - at, &frame, &used, &err);
		if (rc < 0) {
			p->is_mute = true;
			(void)kill(p->pid, SIGKILL); /* its end is told as any */
			break;
		}
		if (rc == FRAME_INCOMPLETE)
			break;
		at += used;
		p->all->events.frame(p->all->events.arg, p->lane, &frame);
	}
	buf_consume(&p->in, p->is_mute ? p->in.len : at);
	if (at > 0)
		p->all->events.frames_end(p->all->events.arg);
}

/* True while there may be more. */
static bool process_read(struct process *p)
{
	char *room = buf_reserve(&p->in, READ_BYTES);

	if (room == NULL) {
		p->is_mute = true;
		(void)kill(p->pid, SIGKILL);
		return false;
	}
	ssize_t n = recv(p->fd, room, READ_BYTES, 0);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			p->is_at_end = true;
		return false;
	}
	buf_added(&p->in, (size_t)n);
	process_deliver(p);
	return n == READ_BYTES;
}

static void process_on_socket(void *arg, int fd, int events)
{
	struct process *p = arg;

	assert(fd == p->fd);
	if ((events & LOOP_WRITE) != 0)
		process_write(p);
	if ((events & LOOP_READ) == 0)
		return;
	(void)process_read(p); /* one helping a turn: others want their share */
	if (p->is_at_end)
		process_close_socket(p);
}

void process_send(struct processes *ps, uint32_t lane, struct buf *frames)
{
	struct process *p = process_find(ps, lane);

	if (p != NULL && p->watch != NULL) {
		buf_put(&p->out, frames->data, frames->len);
		if (p->out.failed)
			(void)kill(p->pid, SIGKILL); /* it has not read for far too long */
		process_write(p);
	}
	buf_reset(frames);
}

/* ---- the end ---- */

static void process_on_grave_empty(void *arg, bool proven)
{
	struct process *p = arg;
	struct processes *ps = p->all;
	int status = p->status;
	uint32_t lane = p->lane;

	ps->events.end(ps->events.arg, lane, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0, proven);
	process_free(p);
}

static void process_on_child(void *arg, pid_t pid, int status)
{
	struct process *p = arg;

	assert(pid == p->pid);
	p->is_reaped = true;
	p->status = status;
	/* What it had said before it died still counts. */
	while (p->watch != NULL && !p->is_at_end && process_read(p))
		continue;
	process_close_socket(p);
	/* One that ended in order has seen to its children itself. */
	grave_dig(p->all, p->lane, WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  process_on_grave_empty, p);
}

void process_kill(struct processes *ps, uint32_t lane)
{
	struct process *p = process_find(ps, lane);

	if (p != NULL && !p->is_reaped)
		(void)kill(p->pid, SIGKILL);
}

bool process_begun(struct processes *ps, uint32_t lane, uint32_t ticket)
{
	struct process *p = process_find(ps, lane);

	assert(ticket < FRAME_TICKETS_MAX);
	return p == NULL || atomic_load(&p->shared->slots[ticket].begun) != 0;
}

void process_clear(struct processes *ps, uint32_t lane, uint32_t ticket)
{
	struct process *p = process_find(ps, lane);

	assert(ticket < FRAME_TICKETS_MAX);
	if (p == NULL)
		return;
	atomic_store(&p->shared->slots[ticket].pid, 0);
	atomic_store(&p->shared->slots[ticket].begun, 0);
}

void processes_lease(struct processes *ps, int64_t until)
{
	ps->until = until;
	for (struct list *node = ps->all.next; node != &ps->all; node = node->next)
		atomic_store(&CONTAINER_OF(node, struct process, link)->shared->until, until);
}

void processes_nice(struct processes *ps, int nice)
{
	char value[GRAVE_NONCE_MAX];
	pid_t *pids = xcalloc(NICED_MAX, sizeof(*pids));

	grave_put_value(value, sizeof(value), ps->nonce, 0);
	size_t n = proc_kill_by_env("STINT_NONCE", value, 0, pids, NICED_MAX);
	for (size_t i = 0; i < n && i < NICED_MAX; i++)
		priority_raise_nice(pids[i], nice);
	free(pids);
}
