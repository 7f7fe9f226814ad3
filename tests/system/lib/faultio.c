/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to be preloaded: makes the N-th call of some function fail, in every process that has
 * it.
 *
 *   FAULTIO=CALL:N:WHAT[/PATH]
 *
 * CALL is sync (fsync and fdatasync), pwrite, malloc or nfs (fstatfs and statfs). WHAT is the
 * number of an error, 0 for a write that is cut short; with a + after it every call from the N-th
 * on fails; without, it happens to one process only. With PATH only descriptors count whose file's
 * name contains it. When it happens, the size of the file "effects" is noted in the file
 * "injected", both here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { NAME_BYTES = 64, PATH_BYTES = 512, MODE = 0644, NFS = 0x6969 };

static char wanted[NAME_BYTES];
static char part[NAME_BYTES];
static int wanted_n;
static int wanted_error;
static bool is_lasting;
static atomic_int seen;
static atomic_bool is_read;

static void read_environment(void)
{
	char plus = 0;
	const char *text = getenv("FAULTIO");

	if (atomic_exchange(&is_read, true) || text == NULL)
		return;
	const char *colon = strchr(text, ':');
	(void)snprintf(wanted, sizeof(wanted), "%.*s", (int)(colon - text), text);
	if (sscanf(colon + 1, "%d:%d%c", &wanted_n, &wanted_error, &plus) >= 3)
		is_lasting = plus == '+';
	const char *last = strrchr(text, '/');
	if (last != NULL)
		(void)snprintf(part, sizeof(part), "%s", last + 1);
}

/* False when another process was there first. */
static bool note(void)
{
	char line[NAME_BYTES];
	struct stat st = {0};

	(void)stat("effects", &st);
	int len = snprintf(line, sizeof(line), "%lld\n", (long long)st.st_size);
	int fd = open("injected", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (fd < 0)
		return false;
	(void)!write(fd, line, (size_t)len);
	(void)close(fd);
	return true;
}

/* Whether this call is to fail. */
static bool is_due(const char *call, int fd)
{
	char link[NAME_BYTES];
	char path[PATH_BYTES];

	read_environment();
	if (wanted[0] != call[0] || strcmp(wanted, call) != 0)
		return false;
	if (part[0] != '\0' && fd >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof(path) - 1);
		path[n < 0 ? 0 : n] = '\0';
		if (strstr(path, part) == NULL)
			return false;
	}
	int n = atomic_fetch_add(&seen, 1) + 1;
	if (n != wanted_n && !(is_lasting && n > wanted_n))
		return false;
	if (n == wanted_n && !note() && !is_lasting)
		return false;
	errno = wanted_error;
	return true;
}

int fsync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fsync");

	return is_due("sync", fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");

	return is_due("sync", fd) ? -1 : real(fd);
}

static ssize_t write_some(const char *name, int fd, const void *data, size_t n, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, name);

	if (!is_due("pwrite", fd))
		return real(fd, data, n, at);
	return wanted_error == 0 ? real(fd, data, n / 2, at) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return write_some("pwrite", fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return write_some("pwrite64", fd, data, n, at);
}

int fstatfs64(int fd, struct statfs64 *out)
{
	int (*real)(int, struct statfs64 *) = dlsym(RTLD_NEXT, "fstatfs64");
	int rc = real(fd, out);

	if (rc == 0 && is_due("nfs", fd))
		out->f_type = NFS;
	return rc;
}

int statfs64(const char *path, struct statfs64 *out)
{
	int (*real)(const char *, struct statfs64 *) = dlsym(RTLD_NEXT, "statfs64");
	int rc = real(path, out);

	if (rc == 0 && is_due("nfs", -1))
		out->f_type = NFS;
	return rc;
}

void *malloc(size_t n)
{
	extern void *__libc_malloc(size_t);

	return is_due("malloc", -1) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	extern void *__libc_calloc(size_t, size_t);

	return is_due("malloc", -1) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	extern void *__libc_realloc(void *, size_t);

	return is_due("malloc", -1) ? NULL : __libc_realloc(p, n);
}
