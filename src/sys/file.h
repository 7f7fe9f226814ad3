/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and descriptors: whole reads and writes, durable replacement, what a file system is.
 * (Our own header: the system header of this name, for flock(2), is hidden by it. Use sys/lock.h.)
 *
 * Failures name the path and have the code that fits the reason: ERR_NOINPUT (not there, or no
 * file), ERR_PERM, ERR_FULL, ERR_IO. All of this blocks: not for the loop thread. Any thread.
 */
#ifndef STINT_SYS_FILE_H
#define STINT_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct buf;
struct err;

/* Appends the file to `out`, which the caller has initialised. ERR_TOO_BIG above `max` bytes or the
 * buffer's own maximum. */
ST_MUST_CHECK int file_read_all(const char *path, size_t max, struct buf *out, struct err *err);
/* Replaces the file by a new one with exactly these permissions. After success the content survives
 * a power failure; at any moment there is the old file or the new one. */
ST_MUST_CHECK int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
				    struct err *err);
/* Makes what was created, renamed or removed in the directory durable. */
ST_MUST_CHECK int file_sync_directory(const char *path, struct err *err);
/* As mkdir -p: the directory and those above it; what exists stays as it is. */
ST_MUST_CHECK int file_make_directories(const char *path, mode_t mode, struct err *err);

/* Read until `size` bytes or the end; -1 with errno. Waits where the descriptor is non-blocking. */
ssize_t fd_read_full(int fd, void *out, size_t size);
/* Writes it all: 0, or -1 with errno. Waits where the descriptor is non-blocking. */
int fd_write_all(int fd, const void *data, size_t len);
/* 0, or -1 with errno. */
int fd_set_nonblocking(int fd);
/* For `AUTO(fd) int fd = -1;`: closes and keeps errno. */
void fd_auto(int *fd);

/* Whether the file's (or, when it does not exist, its directory's) file system may be shared with
 * other machines, where locks and mmap cannot be relied on. `ret_fs_name`, which may be NULL, is
 * set to its name or to NULL. False when it cannot be found out. */
bool file_is_remote(const char *path, const char **ret_fs_name);
/* Whether it lives in memory and is gone after a reboot. */
bool file_is_volatile(const char *path);
/* What an ordinary user may still write there, and the size of the file system; -1 with errno. */
int64_t file_free_bytes(const char *path, int64_t *ret_total);

#endif
