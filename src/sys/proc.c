/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/proc.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "sys/file.h"

enum {
	SMALL_FILE_BYTES = 8 * 1024,
	ENVIRON_MAX_BYTES = 8 * 1024 * 1024, /* Linux allows 6 MiB, with arguments */
	INTERPRETER_LINE_MAX = 255,	     /* what the kernel reads of #! */
	STAT_PARENT = 4,
	STAT_START_TIME = 22, /* field of /proc/PID/stat, proc(5) */
	STAT_AFTER_NAME = 3,  /* the field after the program's name */
};

/* A file of /proc/PID; false when it cannot be read. */
static bool proc_read(pid_t pid, const char *file, size_t max, struct buf *out)
{
	char path[64] = {0};
	struct err err = ERR_INIT;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file); /* always fits */
	return file_read_all(path, max, out, &err) == 0;
}

/* A number of /proc/PID/stat, by its field; -1 when there is none. */
static int64_t proc_stat_number(pid_t pid, int wanted)
{
	AUTO(buf) struct buf stat = BUF_INIT(SMALL_FILE_BYTES);

	if (pid <= 0 || !proc_read(pid, "stat", SMALL_FILE_BYTES, &stat))
		return -1;
	/* The name stands in parentheses and may hold anything, also parentheses and blanks. */
	const char *at = strrchr(buf_str(&stat), ')');
	if (at == NULL)
		return -1;
	at++;
	for (int field = STAT_AFTER_NAME; field < wanted && at != NULL; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return -1;
	struct err err = ERR_INIT;
	int64_t number = -1;
	if (text_parse_int(at + 1, strspn(at + 1, "0123456789"), &number, &err) < 0)
		return -1;
	return number;
}

int64_t proc_start_time(pid_t pid)
{
	return proc_stat_number(pid, STAT_START_TIME);
}

pid_t proc_parent(pid_t pid)
{
	int64_t parent = proc_stat_number(pid, STAT_PARENT);

	return parent < 0 ? 0 : (pid_t)parent;
}

/* The first line of a small file, "" when it is absent, empty or too long. */
static void proc_read_id(const char *path, char out[PROC_ID_MAX])
{
	AUTO(buf) struct buf text = BUF_INIT(SMALL_FILE_BYTES);
	struct err err = ERR_INIT;

	out[0] = '\0';
	if (file_read_all(path, SMALL_FILE_BYTES, &text, &err) < 0)
		return;
	size_t len = strcspn(buf_str(&text), "\n");
	if (len >= PROC_ID_MAX)
		return;
	memcpy(out, buf_str(&text), len);
	out[len] = '\0';
}

void proc_boot_id(char out[PROC_ID_MAX])
{
	assert(out != NULL);
	proc_read_id("/proc/sys/kernel/random/boot_id", out);
}

bool proc_machine_id(char out[PROC_ID_MAX])
{
	static const char path[] = "/etc/machine-id";

	assert(out != NULL);
	proc_read_id(path, out);
	/* Out of descriptors, it is not another machine. */
	if (out[0] == '\0' && access(path, R_OK) == 0)
		return false;
	/* an image that has not been booted yet says "uninitialized" (machine-id(5)) */
	if (out[0] == '\0' || strcmp(out, "uninitialized") == 0)
		proc_boot_id(out);
	return out[0] != '\0';
}

void proc_host_name(char *out, size_t size)
{
	assert(out != NULL && size > 0);
	if (gethostname(out, size) < 0 && errno != ENAMETOOLONG)
		(void)snprintf(out, size, "localhost"); /* cut when too long, as promised */
	out[size - 1] = '\0';
}

int proc_open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* ---- by environment ---- */

/* Whether `environ`, strings with a '\0' each, has an entry that begins with `wanted`. */
static bool environ_has(const struct buf *environ_, const char *wanted)
{
	size_t wanted_len = strlen(wanted);
	const char *at = buf_str(environ_);
	const char *end = at + environ_->len;

	while (at < end) {
		size_t len = strlen(at); /* there is a '\0' behind the last one too */
		if (len >= wanted_len && memcmp(at, wanted, wanted_len) == 0)
			return true;
		at += len + 1;
	}
	return false;
}

/* Signals the process that `pidfd` means, and the group that it leads. */
static void proc_signal(pid_t pid, int pidfd, int sig)
{
	if (sig == 0)
		return;
	bool is_leader = getpgid(pid) == pid && getpgrp() != pid;
	/* A failure means that it has ended, or is not ours: it was found all the same. */
	(void)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
	if (is_leader)
		(void)kill(-pid, sig);
}

/* Looks at one process; true when it was found (and signalled). */
static bool proc_try_kill(pid_t pid, const char *wanted, int sig)
{
	AUTO(buf) struct buf env = BUF_INIT(ENVIRON_MAX_BYTES);
	/* Safety: the descriptor is taken before the environment is read, so that the signal cannot
	 * reach another process that has got the same number meanwhile. */
	AUTO(fd) int pidfd = proc_open_pidfd(pid);

	if (pidfd < 0 || !proc_read(pid, "environ", ENVIRON_MAX_BYTES, &env))
		return false;
	if (!environ_has(&env, wanted))
		return false;
	proc_signal(pid, pidfd, sig);
	return true;
}

/* The process number that an entry of /proc stands for, 0 for the others. */
static pid_t proc_entry_pid(const char *name)
{
	struct err err = ERR_INIT;
	int64_t pid = 0;

	if (isdigit((unsigned char)name[0]) == 0)
		return 0;
	if (text_parse_int(name, strlen(name), &pid, &err) < 0 || pid > INT_MAX)
		return 0;
	return (pid_t)pid;
}

static void dir_auto(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* nothing was written */
}

size_t proc_kill_by_env(const char *name, const char *value_prefix, int sig, pid_t *pids,
			size_t max)
{
	AUTO(buf) struct buf wanted = BUF_INIT(SMALL_FILE_BYTES);
	size_t found = 0;

	assert(name != NULL && name[0] != '\0' && value_prefix != NULL);
	buf_printf(&wanted, "%s=%s", name, value_prefix);
	assert(!wanted.failed);
	AUTO(dir) DIR *proc = opendir("/proc");
	if (proc == NULL)
		return 0;
	for (const struct dirent *e = readdir(proc); e != NULL; e = readdir(proc)) {
		pid_t pid = proc_entry_pid(e->d_name);
		if (pid == 0 || pid == getpid() || !proc_try_kill(pid, buf_str(&wanted), sig))
			continue;
		if (pids != NULL && found < max)
			pids[found] = pid;
		found++;
	}
	return found;
}

/* ---- resources ---- */

int proc_cpus(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	long online = sysconf(_SC_NPROCESSORS_ONLN); /* more than CPU_SETSIZE of them */
	return online > 0 && online < INT_MAX ? (int)online : 1;
}

int64_t proc_pss_bytes(pid_t pid)
{
	AUTO(buf) struct buf text = BUF_INIT(SMALL_FILE_BYTES);
	struct err err = ERR_INIT;
	int64_t kib = 0;

	if (!proc_read(pid, "smaps_rollup", SMALL_FILE_BYTES, &text))
		return -1;
	const char *at = strstr(buf_str(&text), "\nPss:");
	if (at == NULL)
		return -1;
	at += strlen("\nPss:");
	at += strspn(at, " ");
	if (text_parse_int(at, strspn(at, "0123456789"), &kib, &err) < 0)
		return -1;
	return kib * 1024;
}

/* Pages of data and stack: the sixth number of statm. */
static bool find_data_pages(int64_t *ret_pages)
{
	AUTO(buf) struct buf text = BUF_INIT(SMALL_FILE_BYTES);
	struct err err = ERR_INIT;

	if (!proc_read(getpid(), "statm", SMALL_FILE_BYTES, &text))
		return false;
	const char *at = buf_str(&text);
	for (int i = 0; i < 5; i++) {
		at = strchr(at, ' ');
		if (at == NULL)
			return false;
		at++;
	}
	return text_parse_int(at, strspn(at, "0123456789"), ret_pages, &err) == 0;
}

bool proc_limit_memory(int64_t more_bytes)
{
	struct rlimit limit = {0};
	int64_t pages = 0;

	assert(more_bytes > 0);
	if (STINT_SANITIZED || !find_data_pages(&pages) || getrlimit(RLIMIT_DATA, &limit) != 0)
		return false;
	rlim_t wanted = (rlim_t)(pages * sysconf(_SC_PAGESIZE) + more_bytes);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= wanted)
		return true; /* somebody else wants it smaller */
	limit.rlim_cur = wanted;
	return setrlimit(RLIMIT_DATA, &limit) == 0;
}

void proc_forbid_core(struct rlimit *ret_before)
{
	int rc = getrlimit(RLIMIT_CORE, ret_before);

	assert(rc == 0); /* a limit that exists */
	struct rlimit none = *ret_before;
	none.rlim_cur = none.rlim_max > 0 ? 1 : 0;
	rc = setrlimit(RLIMIT_CORE, &none);
	assert(rc == 0); /* within what is allowed */
}

/* ---- programs ---- */

/* 0 when `path` can be run, else the errno that says why not. */
static int program_check(const char *path)
{
	struct stat st = {0};

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return EACCES;
	return 0;
}

static int program_fail(const char *name, const char *path, int os_errno, struct err *err)
{
	switch (os_errno) {
	case EISDIR:
		return ERR(err, ERR_CONFIG, "program '%s' is a directory", path);
	case EACCES:
		if (strcmp(name, path) == 0)
			return ERR(err, ERR_CONFIG, "program '%s' is not executable (chmod +x)",
				   name);
		return ERR(err, ERR_CONFIG, "program '%s': %s is not executable", name, path);
	case ENOENT:
	case ENOTDIR:
		return ERR(err, ERR_CONFIG, "program '%s' does not exist", name);
	default:
		return ERR_SYS(err, ERR_CONFIG, os_errno, "program '%s'", name);
	}
}

int proc_check_interpreter(const char *path, struct err *err)
{
	char line[INTERPRETER_LINE_MAX + 1] = "";
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, line, INTERPRETER_LINE_MAX, 0);

	assert(err != NULL);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return 0;
	line[n] = '\0';
	char *name = line + 2 + strspn(line + 2, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	if (name[0] != '/' || access(name, F_OK) == 0 || errno != ENOENT)
		return 0;
	size_t len = strlen(name);
	if (name[len - 1] == '\r')
		return ERR(err, ERR_CONFIG,
			   "program '%s': its first line ends as in Windows, in CR LF, so its "
			   "interpreter is not found; have it end in LF",
			   path);
	return ERR(err, ERR_CONFIG,
		   "program '%s': its interpreter '%s' (first line, #!) does not exist", path,
		   name);
}

static int program_copy(const char *path, char *out, size_t size, struct err *err)
{
	int n = snprintf(out, size, "%s", path);

	if (n < 0 || (size_t)n >= size)
		return ERR(err, ERR_CONFIG, "the path of program '%s' is too long", path);
	return 0;
}

/* Goes through PATH. What is there but cannot be run is passed over, as execvp does, but told if
 * nothing better comes. */
static int program_search(const char *name, char *out, size_t size, struct err *err)
{
	char path[PATH_MAX] = {0};
	char refused[PATH_MAX] = {0};
	int refused_errno = 0;
	const char *at = getenv("PATH");

	if (at == NULL)
		at = "/bin:/usr/bin"; /* execvp(3) */
	for (;;) {
		int len = (int)strcspn(at, ":");
		int n = snprintf(path, sizeof(path), "%.*s%s%s", len, at, len == 0 ? "./" : "/",
				 name);
		int rc = n < 0 || (size_t)n >= sizeof(path) ? ENOENT : program_check(path);
		if (rc == 0 && proc_check_interpreter(path, err) < 0)
			return ERR_CONFIG;
		if (rc == 0)
			return program_copy(path, out, size, err);
		if (rc != ENOENT && rc != ENOTDIR && refused_errno == 0) {
			refused_errno = rc;
			memcpy(refused, path, sizeof(refused));
		}
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	if (refused_errno != 0)
		return program_fail(name, refused, refused_errno, err);
	return ERR(err, ERR_CONFIG, "program '%s' is in no directory of PATH", name);
}

int proc_find_program(const char *name, char *out, size_t size, struct err *err)
{
	assert(name != NULL && out != NULL && size > 0 && err != NULL);
	if (name[0] == '\0')
		return ERR(err, ERR_CONFIG, "the name of the program is empty");
	if (strchr(name, '/') == NULL)
		return program_search(name, out, size, err);
	int rc = program_check(name);
	if (rc != 0)
		return program_fail(name, name, rc, err);
	if (proc_check_interpreter(name, err) < 0)
		return ERR_CONFIG;
	return program_copy(name, out, size, err);
}
