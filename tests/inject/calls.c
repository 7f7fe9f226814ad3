/* SPDX-License-Identifier: Apache-2.0 */
/* Both the plain names and those for large files are defined here, so neither may be redirected. */
#undef _FILE_OFFSET_BITS
#include "inject/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct call_fault armed;
static int armed_nth;
static atomic_bool is_counting;
static atomic_int counted;

void calls_arm(const struct call_fault *fault, int nth)
{
	armed = *fault;
	armed_nth = nth;
	atomic_store(&counted, 0);
	atomic_store(&is_counting, true);
}

void calls_pause(void)
{
	atomic_store(&is_counting, false);
}

void calls_go_on(void)
{
	atomic_store(&is_counting, true);
}

int calls_counted(void)
{
	return atomic_load(&counted);
}

/* Whether this one is the one. */
static bool is_hit(enum call_kind kind)
{
	if (!atomic_load(&is_counting) || kind != armed.kind)
		return false;
	int n = atomic_fetch_add(&counted, 1) + 1;
	if (armed_nth == 0 || n < armed_nth || (n > armed_nth && !armed.is_permanent))
		return false;
	errno = armed.os_errno;
	return true;
}

/* Fails, or does half of it: how much of `len` to do, -1 for a failure. */
static ssize_t part_of(enum call_kind kind, size_t len)
{
	if (!is_hit(kind))
		return (ssize_t)len;
	if (armed.os_errno == 0 && len > 1)
		return (ssize_t)(len / 2);
	return armed.os_errno == 0 ? (ssize_t)len : -1;
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	return is_hit(CALL_MEMORY) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return is_hit(CALL_MEMORY) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return is_hit(CALL_MEMORY) ? NULL : __libc_realloc(p, size);
}

/* ---- reading and writing ---- */

ssize_t read(int fd, void *to, size_t len)
{
	ssize_t part = part_of(CALL_READ, len);

	return part < 0 ? -1 : syscall(SYS_read, fd, to, part);
}

ssize_t pread64(int fd, void *to, size_t len, off64_t at)
{
	ssize_t part = part_of(CALL_READ, len);

	return part < 0 ? -1 : syscall(SYS_pread64, fd, to, part, at);
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	return pread64(fd, to, len, at);
}

ssize_t readv(int fd, const struct iovec *parts, int n)
{
	return is_hit(CALL_READ) && armed.os_errno != 0 ? -1 : syscall(SYS_readv, fd, parts, n);
}

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	ssize_t part = part_of(CALL_READ, len);

	return part < 0 ? -1 : syscall(SYS_recvfrom, fd, to, part, flags, NULL, NULL);
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t part = part_of(CALL_WRITE, len);

	return part < 0 ? -1 : syscall(SYS_write, fd, data, part);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	ssize_t part = part_of(CALL_WRITE, len);

	return part < 0 ? -1 : syscall(SYS_pwrite64, fd, data, part, at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	return is_hit(CALL_WRITE) && armed.os_errno != 0 ? -1 : syscall(SYS_writev, fd, parts, n);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	ssize_t part = part_of(CALL_WRITE, len);

	return part < 0 ? -1 : syscall(SYS_sendto, fd, data, part, flags, NULL, 0);
}

/* What the fortified headers call instead. */
ssize_t __read_chk(int fd, void *to, size_t len, size_t room);
ssize_t __pread64_chk(int fd, void *to, size_t len, off64_t at, size_t room);
ssize_t __pread_chk(int fd, void *to, size_t len, off_t at, size_t room);
ssize_t __recv_chk(int fd, void *to, size_t len, size_t room, int flags);

ssize_t __read_chk(int fd, void *to, size_t len, size_t room)
{
	return len > room ? -1 : read(fd, to, len);
}

ssize_t __pread64_chk(int fd, void *to, size_t len, off64_t at, size_t room)
{
	return len > room ? -1 : pread64(fd, to, len, at);
}

ssize_t __pread_chk(int fd, void *to, size_t len, off_t at, size_t room)
{
	return len > room ? -1 : pread64(fd, to, len, at);
}

ssize_t __recv_chk(int fd, void *to, size_t len, size_t room, int flags)
{
	return len > room ? -1 : recv(fd, to, len, flags);
}

/* ---- making it durable ---- */

int fsync(int fd)
{
	return is_hit(CALL_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_hit(CALL_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* ---- files ---- */

static int open_at(int dir, const char *path, int flags, va_list ap)
{
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, mode_t);
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	int fd = open_at(AT_FDCWD, path, flags, ap);
	va_end(ap);
	return fd;
}

int open64(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	int fd = open_at(AT_FDCWD, path, flags, ap);
	va_end(ap);
	return fd;
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	int fd = open_at(dir, path, flags, ap);
	va_end(ap);
	return fd;
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	int fd = open_at(dir, path, flags, ap);
	va_end(ap);
	return fd;
}

int rename(const char *from, const char *to)
{
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return is_hit(CALL_FILE) ? -1
				 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_link, from, to);
}

int unlink(const char *path)
{
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_unlink, path);
}

int mkdir(const char *path, mode_t mode)
{
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int ftruncate64(int fd, off64_t size)
{
	return is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

/* Gives its errno instead of setting it. */
int posix_fallocate64(int fd, off64_t at, off64_t len)
{
	if (is_hit(CALL_FILE))
		return errno;
	return syscall(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	return posix_fallocate64(fd, at, len);
}

/* lint: allow parameters: the face has them */
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset)
{
	if (is_hit(CALL_FILE))
		return MAP_FAILED;
	return (void *)(uintptr_t)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

/* lint: allow parameters: the face has them */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	return mmap64(at, len, protection, flags, fd, offset);
}

static int control(int fd, int command, uintptr_t argument)
{
	bool is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
		       command == F_OFD_SETLKW;

	return is_lock && is_hit(CALL_FILE) ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
	va_list ap;

	va_start(ap, command);
	uintptr_t argument = va_arg(ap, uintptr_t); /* whatever there is, as the kernel does */
	va_end(ap);
	return control(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
	va_list ap;

	va_start(ap, command);
	uintptr_t argument = va_arg(ap, uintptr_t);
	va_end(ap);
	return control(fd, command, argument);
}
