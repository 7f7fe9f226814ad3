/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LEDGER.lock: who is alive, who may write. Byte 0 is the gate, byte 1 + inc is the life of an
 * incarnation. Three descriptions, since a description does not see locks of its own.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ledger/sqlite/sqlite.h"
#include "sys/fault.h"
#include "sys/lock.h"

enum { GATE_BYTE = 0, LIFE_BYTE = 1, LOCK_MODE = 0640 };

static int sq_lock_open(const struct sq_locks *locks, int flags, int *ret_fd, struct err *err)
{
	int fd = open(locks->path, flags | (FAULT("ledger.cloexec") ? 0 : O_CLOEXEC), LOCK_MODE);

	if (fd < 0)
		return ERR_SYS(err, errno == EACCES || errno == EPERM ? ERR_PERM : ERR_LEDGER,
			       errno, "open the lock file %s", locks->path);
	*ret_fd = fd;
	return 0;
}

int sq_locks_open(struct sq_locks *locks, const char *ledger_path, bool read_only, struct err *err)
{
	size_t len = strlen(ledger_path);
	struct stat st = {0};

	*locks = (struct sq_locks){.live_fd = -1, .gate_fd = -1, .probe_fd = -1};
	locks->path = xcalloc(len + sizeof(".lock"), 1);
	memcpy(locks->path, ledger_path, len);
	memcpy(locks->path + len, ".lock", sizeof(".lock"));
	if (read_only) {
		/* A reader only looks; without the file nobody is alive. */
		locks->probe_fd = open(locks->path, O_RDONLY | O_CLOEXEC);
		locks->is_missing = locks->probe_fd < 0 && errno == ENOENT;
		return 0;
	}
	int rc = sq_lock_open(locks, O_RDWR | O_CREAT, &locks->live_fd, err);
	if (rc == 0)
		rc = sq_lock_open(locks, O_RDWR, &locks->gate_fd, err);
	if (rc == 0)
		rc = sq_lock_open(locks, O_RDWR, &locks->probe_fd, err);
	if (rc < 0)
		return rc;
	if (fstat(locks->live_fd, &st) < 0)
		return ERR_SYS(err, ERR_IO, errno, "look at the lock file %s", locks->path);
	locks->dev = st.st_dev;
	locks->ino = st.st_ino;
	return 0;
}

static void sq_lock_close(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing was written through it */
}

void sq_locks_close(struct sq_locks *locks)
{
	sq_lock_close(locks->gate_fd);
	sq_lock_close(locks->probe_fd);
	sq_lock_close(locks->live_fd);
	free(locks->path);
	*locks = (struct sq_locks){.live_fd = -1, .gate_fd = -1, .probe_fd = -1};
}

int sq_gate_take(struct sq_locks *locks, struct err *err)
{
	struct stat named = {0};
	struct stat ours = {0};

	if (ofd_lock(locks->gate_fd, GATE_BYTE, true) != 0)
		return ERR_SYS(err, ERR_IO, errno, "lock %s", locks->path);
	/* Safety: whoever locks another file of that name locks nobody out. All three of our
	 * descriptors and the name must be one file. */
	if (stat(locks->path, &named) < 0 || fstat(locks->gate_fd, &ours) < 0 ||
	    named.st_ino != locks->ino || named.st_dev != locks->dev || ours.st_ino != locks->ino ||
	    ours.st_dev != locks->dev) {
		sq_gate_give(locks);
		return ERR(
			err, ERR_IO,
			"the lock file %s was replaced or removed while the ledger was in use; end "
			"every stint that uses it, then start again",
			locks->path);
	}
	return 0;
}

void sq_gate_give(struct sq_locks *locks)
{
	(void)ofd_unlock(locks->gate_fd, GATE_BYTE); /* fails only for a bad descriptor */
}

int sq_life_take(struct sq_locks *locks, int64_t inc)
{
	return ofd_lock(locks->live_fd, LIFE_BYTE + inc, false);
}

void sq_life_give(struct sq_locks *locks, int64_t inc)
{
	(void)ofd_unlock(locks->live_fd, LIFE_BYTE + inc); /* fails only for a bad descriptor */
}

bool sq_is_gone(const struct sq_locks *locks, int64_t inc)
{
	/* When in doubt it lives: nothing of the living is ever taken. */
	if (locks->probe_fd < 0)
		return locks->is_missing;
	return FAULT("ledger.alive") || ofd_probe(locks->probe_fd, LIFE_BYTE + inc) == 0;
}

bool sq_dead_take(struct sq_locks *locks, int64_t inc)
{
	return FAULT("ledger.alive") || ofd_lock(locks->probe_fd, LIFE_BYTE + inc, false) == 0;
}

void sq_dead_give(struct sq_locks *locks, int64_t inc)
{
	(void)ofd_unlock(locks->probe_fd, LIFE_BYTE + inc); /* fails only for a bad descriptor */
}
