/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/crash_vfs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"

enum { SECTOR = 512, EVENTS_MAX = 1 << 20, IMAGE_MODE = 0640 };

enum event_kind {
	EVENT_CREATE,
	EVENT_WRITE,
	EVENT_TRUNCATE,
	EVENT_SYNC,
	EVENT_DELETE,
	EVENT_SYNC_DIRECTORY,
	EVENT_ACKNOWLEDGE
};

enum part { PART_DB, PART_LOG, PART_JOURNAL, N_PARTS, PART_NONE };

static const char *const suffixes[N_PARTS] = {"", "-wal", "-journal"};

struct event {
	enum event_kind kind;
	enum part part;
	int64_t at; /* offset, or the new size */
	size_t len;
	char *data;
};

/* What SQLite holds; the real file follows. */
struct crash_file {
	sqlite3_file base;
	enum part part;
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	bool is_on;
	bool exists[N_PARTS];
	struct event *events;
	size_t n;
} crash;

static void note(enum event_kind kind, enum part part, int64_t at, const void *data, size_t len)
{
	if (!crash.is_on || part == PART_NONE)
		return;
	assert_true(crash.n < EVENTS_MAX);
	if ((crash.n & (crash.n - 1)) == 0)
		crash.events = xrealloc(crash.events, crash.n == 0 ? 1 : 2 * crash.n,
					sizeof(*crash.events));
	crash.events[crash.n++] = (struct event){
		.kind = kind,
		.part = part,
		.at = at,
		.len = len,
		.data = len == 0 ? NULL : xmemdup(data, len),
	};
}

/* ---- syncs of directories ---- */

static void note_directory(int fd)
{
	struct stat st = {0};

	if (crash.is_on && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		note(EVENT_SYNC_DIRECTORY, PART_DB, 0, NULL, 0);
}

int fsync(int fd)
{
	note_directory(fd);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	note_directory(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

/* ---- files ---- */

static struct crash_file *file_of(sqlite3_file *file)
{
	return (struct crash_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return file_of(file)->real;
}

static int crash_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int crash_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), data, n, at);
}

static int crash_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	note(EVENT_WRITE, file_of(file)->part, at, data, (size_t)n);
	return real_of(file)->pMethods->xWrite(real_of(file), data, n, at);
}

static int crash_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	note(EVENT_TRUNCATE, file_of(file)->part, size, NULL, 0);
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int crash_sync(sqlite3_file *file, int flags)
{
	note(EVENT_SYNC, file_of(file)->part, 0, NULL, 0);
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int crash_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int crash_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int crash_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int crash_check_lock(sqlite3_file *file, int *ret_is_reserved)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_is_reserved);
}

static int crash_control(sqlite3_file *file, int op, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int crash_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int crash_traits(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int crash_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, ret);
}

static int crash_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void crash_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int crash_shm_unmap(sqlite3_file *file, int is_deleted)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleted);
}

/* Version 2: without memory mapping, so that every write is seen. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = crash_close,
	.xRead = crash_read,
	.xWrite = crash_write,
	.xTruncate = crash_truncate,
	.xSync = crash_sync,
	.xFileSize = crash_size,
	.xLock = crash_lock,
	.xUnlock = crash_unlock,
	.xCheckReservedLock = crash_check_lock,
	.xFileControl = crash_control,
	.xSectorSize = crash_sector,
	.xDeviceCharacteristics = crash_traits,
	.xShmMap = crash_shm_map,
	.xShmLock = crash_shm_lock,
	.xShmBarrier = crash_shm_barrier,
	.xShmUnmap = crash_shm_unmap,
};

static enum part part_of(int flags)
{
	if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
		return PART_DB;
	if ((flags & SQLITE_OPEN_WAL) != 0)
		return PART_LOG;
	return (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0 ? PART_JOURNAL : PART_NONE;
}

static int crash_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		      int *ret_flags)
{
	struct crash_file *f = file_of(file);

	(void)vfs;
	*f = (struct crash_file){.part = part_of(flags), .real = (sqlite3_file *)(void *)(f + 1)};
	int rc = crash.real->xOpen(crash.real, name, f->real, flags, ret_flags);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &methods;
	if (rc == SQLITE_OK && crash.is_on && f->part != PART_NONE && !crash.exists[f->part]) {
		note(EVENT_CREATE, f->part, 0, NULL, 0);
		crash.exists[f->part] = true;
	}
	return rc;
}

static int crash_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	size_t len = strlen(name);

	(void)vfs;
	for (enum part part = PART_LOG; part < N_PARTS; part++) {
		size_t n = strlen(suffixes[part]);
		if (!crash.is_on || len < n || strcmp(name + len - n, suffixes[part]) != 0)
			continue;
		note(EVENT_DELETE, part, 0, NULL, 0);
		crash.exists[part] = false;
	}
	return crash.real->xDelete(crash.real, name, sync_directory);
}

void crash_vfs_start(void)
{
	crash.real = sqlite3_vfs_find(NULL);
	assert_non_null(crash.real);
	crash.vfs = *crash.real;
	crash.vfs.pNext = NULL;
	crash.vfs.zName = "crash";
	crash.vfs.szOsFile += (int)sizeof(struct crash_file);
	crash.vfs.xOpen = crash_open;
	crash.vfs.xDelete = crash_delete;
	assert_int_equal(sqlite3_vfs_register(&crash.vfs, 1), SQLITE_OK);
	crash.is_on = true;
}

void crash_vfs_stop(void)
{
	crash.is_on = false;
}

void crash_vfs_done(void)
{
	for (size_t i = 0; i < crash.n; i++)
		free(crash.events[i].data);
	free(crash.events);
	crash.events = NULL;
	crash.n = 0;
	memset(crash.exists, 0, sizeof(crash.exists));
	(void)sqlite3_vfs_unregister(&crash.vfs); /* it is registered */
}

void crash_vfs_acknowledge(void)
{
	note(EVENT_ACKNOWLEDGE, PART_DB, 0, NULL, 0);
}

size_t crash_vfs_events(void)
{
	return crash.n;
}

size_t crash_vfs_acknowledged(size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < at; i++)
		n += crash.events[i].kind == EVENT_ACKNOWLEDGE;
	return n;
}

bool crash_vfs_is_sync(size_t at)
{
	return crash.events[at].kind == EVENT_SYNC || crash.events[at].kind == EVENT_SYNC_DIRECTORY;
}

/* ---- what is left ---- */

static uint64_t chance(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t x = *seed;
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The last event of that kind in [from, at), and where it is; `at` when there is none. */
static size_t last_event(enum event_kind kind, enum part part, size_t from, size_t at)
{
	for (size_t i = at; i > from; i--) {
		const struct event *e = &crash.events[i - 1];
		if (e->kind == kind && (e->part == part || kind == EVENT_SYNC_DIRECTORY))
			return i - 1;
	}
	return at;
}

static bool is_left(enum part part, size_t made, size_t at, uint64_t *seed)
{
	size_t removed = last_event(EVENT_DELETE, part, made, at);
	size_t since = removed < at ? removed : made;

	if (last_event(EVENT_SYNC_DIRECTORY, part, since, at) < at)
		return removed == at;
	return chance(seed) % 2 == 0;
}

static void put(int fd, const char *data, size_t len, int64_t at)
{
	assert_int_equal(pwrite(fd, data, len, at), len);
}

/* How much of what was not synced is left: nothing, all of it, or some. */
enum mood { MOOD_NOTHING, MOOD_ALL, MOOD_SOME, N_MOODS = 4 };

static bool is_kept(enum mood mood, uint64_t *seed)
{
	return mood == MOOD_ALL || (mood != MOOD_NOTHING && chance(seed) % 2 == 0);
}

static void put_unsynced(int fd, const struct event *e, enum mood mood, uint64_t *seed)
{
	bool is_torn = mood >= MOOD_SOME && chance(seed) % 3 == 0;

	if (e->kind == EVENT_TRUNCATE && is_kept(mood, seed))
		assert_int_equal(ftruncate(fd, e->at), 0);
	if (e->kind != EVENT_WRITE)
		return;
	if (!is_torn) {
		if (is_kept(mood, seed))
			put(fd, e->data, e->len, e->at);
		return;
	}
	/* Up to the next border of a sector each. */
	for (size_t from = 0; from < e->len;) {
		size_t n = SECTOR - (size_t)(e->at + (int64_t)from) % SECTOR;
		if (n > e->len - from)
			n = e->len - from;
		if (chance(seed) % 2 == 0)
			put(fd, e->data + from, n, e->at + (int64_t)from);
		from += n;
	}
}

static void image_part(enum part part, size_t at, uint64_t seed, bool is_synced, const char *path)
{
	enum mood mood = (enum mood)(chance(&seed) % N_MOODS);
	size_t made = last_event(EVENT_CREATE, part, 0, at);
	char name[320];

	(void)snprintf(name, sizeof(name), "%s%s", path, suffixes[part]);
	(void)unlink(name); /* of the image before */
	if (made == at || !is_left(part, made, at, &seed))
		return;
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, IMAGE_MODE);
	assert_true(fd >= 0);
	size_t synced = is_synced ? last_event(EVENT_SYNC, part, made, at) : at;
	for (size_t i = made; i < at; i++) {
		const struct event *e = &crash.events[i];
		if (e->part != part)
			continue;
		put_unsynced(fd, e, synced < at && i < synced ? MOOD_ALL : mood, &seed);
	}
	(void)close(fd); /* read again by the same kernel */
}

void crash_vfs_image(size_t at, uint64_t seed, enum crash_disk disk, const char *path)
{
	char shm[320];

	(void)snprintf(shm, sizeof(shm), "%s-shm", path);
	(void)unlink(shm); /* of the image before */
	for (enum part part = PART_DB; part < N_PARTS; part++)
		image_part(part, at, chance(&seed), part != PART_LOG || disk != DISK_LIES_ABOUT_LOG,
			   path);
}
